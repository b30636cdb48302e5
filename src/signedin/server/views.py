"""The service's pages: sign-in, sign-out, home, profile, password."""

from __future__ import annotations

from functools import partial
from typing import Final
from urllib.parse import quote
from zoneinfo import available_timezones

from anyio.to_thread import run_sync
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from ..asgi import credentials_changed, exchange, sign_in, sign_out, why_signed_out
from ..errors import StoreUnavailable
from ..messages import say
from ..origin import is_local_path
from ..outcomes import Refused
from ..session import clean_text
from .accounts import Account, Accounts
from .passwords import Passwords, check_new
from .rate_limits import RateLimits
from .shell import NO_STORE, Shell
from .viewers import Viewer, viewer

SIGN_IN: Final = "/sign_in"
PROFILE: Final = "/-/user_settings/profile"
PASSWORD: Final = "/-/user_settings/password"  # noqa: S105 - a path

INVALID: Final = "Invalid login or password."
AGAIN: Final = "Please sign in again."
DISABLED: Final = "This account is disabled."
HINTS: Final = {"accept-ch": "Sec-CH-UA-Platform-Version, Sec-CH-UA-Model, Sec-CH-UA-Full-Version-List"}
"""What the sign-in asks of the browser, so that a device is not called by a wrong version."""


class Views:
    """The views over the accounts, which are read in the event loop (some microseconds) and written
    outside of it. Sessions are the request's own business: see ``asgi``.
    """

    def __init__(
        self, accounts: Accounts, passwords: Passwords, limits: RateLimits, shell: Shell
    ) -> None:
        self._accounts = accounts
        self._passwords = passwords
        self._limits = limits
        self._shell = shell

    # ── in and out ───────────────────────────────────────────────────────────────────────────

    async def sign_in_page(self, request: Request) -> Response:
        """The form, with the reason why one was signed out. Who is freshly signed in goes on."""
        this = exchange(request)
        session, target = this.session, _target(request.query_params.get("next"))
        settings = this.sessions.settings
        if session is not None and session.is_fresh(this.sessions.clock(), settings.fresh_ms):
            return _see(target)
        reason = await why_signed_out(request)
        told = reason.message if reason else AGAIN if "again" in request.query_params else ""
        return self._form(request, target, reason=told)

    async def sign_in(self, request: Request) -> Response:
        """One message for an unknown user and a wrong password, after the same work."""
        async with request.form(max_files=0, max_fields=16, max_part_size=65_536) as form:
            login, password = _text(form.get("login")), _text(form.get("password"))
            target, remember = _target(_text(form.get("next"))), bool(form.get("remember_me"))
            step_up, touch_points = bool(form.get("step_up")), _text(form.get("touch_points"))
        this = exchange(request)
        now = this.sessions.clock()
        account = self._accounts.find_by_login(login)
        # By whichever of its names it is called, an account has one limit.
        name = login if account is None else account.username
        wait = await run_sync(self._limits.hit, name, this.client.ip, now)
        if wait is not None:
            error = f"Too many attempts. Try again in {wait} seconds."
            response = self._form(request, target, status=429, error=error, login=login)
            response.headers["retry-after"] = str(wait)
            return response
        known = None if account is None else self._accounts.password_hash(account.id)
        if not await self._passwords.verify(known, password) or account is None or known is None:
            return self._form(request, target, status=422, error=INVALID, login=login, remember=remember)
        if account.disabled:
            return self._form(request, target, status=403, error=DISABLED)
        if self._passwords.needs_rehash(known):
            new = await self._passwords.hash(password)
            await self._set_password(account.id, new, now, known)
        here = this.session is not None and this.session.user_id == account.id
        if step_up and here and await this.rotate(("password",)) is not None:
            return _see(target)  # the same session, fresh, with a new secret
        this.client = this.client._replace(hints={"touch-points": touch_points[:4]})
        outcome = await sign_in(request, account.id, remember=remember)
        if isinstance(outcome, Refused):
            return _see(f"{SIGN_IN}?again&next={quote(target, safe='/')}")
        return _see(target)

    async def sign_out(self, request: Request) -> Response:
        """End this browser's session."""
        if not exchange(request).from_ours:
            raise HTTPException(403, "This came from another site.")
        await sign_out(request)
        return _see(SIGN_IN)

    def _form(
        self,
        request: Request,
        target: str,
        *,
        status: int = 200,
        error: str = "",
        reason: str = "",
        login: str = "",
        remember: bool = False,
    ) -> Response:
        this = exchange(request)
        policy = this.sessions.settings.policy
        session = this.session if this.is_known else None
        known = None if session is None else self._accounts.find(session.user_id)
        response = self._shell.response(
            "sign_in.html",
            None,
            status=status,
            title="Sign in",
            head=f'<script type="module" src="{self._shell.urls.static("sign_in.js")}"></script>',
            next=target,
            error=error,
            reason=reason,
            login=clean_text(login, 255),
            remember=remember,
            remember_for=policy.remember_me and _in_words(policy.remember_me.days),
            known=known,
        )
        response.headers.update(HINTS)
        return response

    # ── settings ─────────────────────────────────────────────────────────────────────────────

    async def home(self, request: Request) -> Response:
        """Where a sign-in leads."""
        return self._shell.response("home.html", self._viewer(request), title="Home")

    async def profile(self, request: Request) -> Response:
        """Name and time zone."""
        who, error = self._viewer(request), ""
        account = who.account
        if request.method == "POST" and who.acting_as is not None:
            error = say("while_acting")
        elif request.method == "POST":
            async with request.form(max_files=0, max_fields=16, max_part_size=65_536) as form:
                name = clean_text(_text(form.get("name")).strip(), 255)
                zone = _text(form.get("time_zone")).strip()
            if not name:
                error = "Write a name."
            elif zone and zone not in available_timezones():
                error = f"There is no time zone {clean_text(zone, 64)!r}. Choose one of the list."
            else:
                change = partial(self._accounts.set_profile, name=name, time_zone=zone or None)
                await run_sync(change, account.id)
                return _see(f"{PROFILE}?saved#flash")
        return self._shell.response(
            "profile.html",
            who,
            status=422 if error else 200,
            title="Profile",
            section="settings",
            here="profile",
            zones=sorted(available_timezones()),
            error=error,
            saved="saved" in request.query_params,
        )

    async def password(self, request: Request) -> Response:
        """A new password ends all other sessions, and this one gets a new secret (E7)."""
        who, error = self._viewer(request), ""
        if request.method == "POST" and who.acting_as is not None:
            error = say("while_acting")
        elif request.method == "POST":
            async with request.form(max_files=0, max_fields=16, max_part_size=65_536) as form:
                current, new = _text(form.get("current")), _text(form.get("new"))
            error = await self._change(request, who.account, current, new)
            if not error:
                return _see(f"{PASSWORD}?changed#flash")
        return self._shell.response(
            "password.html",
            who,
            status=422 if error else 200,
            title="Password",
            section="settings",
            here="password",
            error=error,
            changed="changed" in request.query_params,
        )

    async def _change(self, request: Request, account: Account, current: str, new: str) -> str:
        """What went wrong, or nothing."""
        this = exchange(request)
        now = this.sessions.clock()
        wait = await run_sync(self._limits.hit, account.username, this.client.ip, now)
        if wait is not None:
            return f"Too many attempts. Try again in {wait} seconds."
        known = self._accounts.password_hash(account.id)
        if not await self._passwords.verify(known, current):
            return "The current password is not right."
        try:
            check_new(new)
        except ValueError as wrong:
            return str(wrong)
        hashed = await self._passwords.hash(new)
        if not await self._set_password(account.id, hashed, now, known):
            return "The password was changed somewhere else meanwhile. Nothing was changed here."
        try:
            await credentials_changed(request)
        except StoreUnavailable:
            return (
                "Your password is changed, but your other devices could not be signed out."
                " Open Active Sessions and revoke them."
            )
        return ""

    async def _set_password(self, account_id: str, new: str, now: int, known: str | None) -> bool:
        change = partial(self._accounts.set_password, now=now, expected=known)
        return await run_sync(change, account_id, new)

    def _viewer(self, request: Request) -> Viewer:
        """Whose page a request that has a session is shown."""
        who = viewer(self._accounts, request.scope)
        if who is None:
            raise StoreUnavailable("The account of this session can't be found. Nothing was changed.")
        return who


def _see(path: str) -> Response:
    return RedirectResponse(path, 303, NO_STORE)


def _target(text: str | None) -> str:
    """Where to go after the sign-in: a path of this origin, else home."""
    return text if text and is_local_path(text) else "/"


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _in_words(days: int) -> str:
    if days % 7 == 0 and days:
        return f"{days // 7} weeks" if days > 7 else "a week"
    return f"{days} days" if days > 1 else "a day"
