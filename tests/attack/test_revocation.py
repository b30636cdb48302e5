"""REV-2 in every framework: each way to end a session there, against all that a device may hold.

The verbs of the library, and the entries of operators, have matrices of their own.
"""

from __future__ import annotations

from typing import Any

import pytest
from anyio.to_thread import run_sync

from signedin.routing import ROUTES

from ..support import SECOND, Clock
from ..web.support import Client
from .hosts import Host, opens

# Who acts: the device itself, or another one of the same user. What it sends to the page: the reason that
# the history must give.
PAGE = {
    ("other", "DELETE {id}"): "revoked",
    ("other", "POST {id}/revoke"): "revoked",
    ("other", "POST revoke_others"): "revoked",
    ("other", "POST revoke_selected"): "revoked",
    ("other", "POST sign_out_everywhere"): "signed_out_everywhere",
    ("itself", "POST sign_out"): "signed_out",
    ("itself", "POST sign_out_everywhere"): "signed_out_everywhere",
}
CALM = {"POST forget_others", "POST {id}/name"}
# What the application does, of its own accord.
APPLICATION = {
    ("itself", "sign out"): "signed_out",
    ("itself", "sign in"): "replaced",
    ("itself", "sign in as another"): "replaced",
    ("other", "sign out everywhere"): "signed_out_everywhere",
    ("other", "change a password"): "credentials_changed",
    ("nobody", "reset a password"): "credentials_changed",
    ("nobody", "disable"): "account_disabled",
    ("nobody", "delete"): "account_disabled",
    ("nobody", "revoke all"): "revoked_by_operator",
    ("nobody", "revoke everyone"): "revoked_by_operator",
}
# Where the applications take what they do for a browser; Django's last.
ADDRESSES = {
    "sign out": ("/sign_out", "/logout/"),
    "sign out everywhere": ("/everywhere", "/everywhere/"),
    "change a password": ("/change", "/changed/"),
    "rotate": ("/step_up", "/changed/"),
}
TRIGGERS = [
    *((who, what, kind) for kind in ("text/html", "application/json") for who, what in PAGE),
    *((who, what, "text/html") for who, what in APPLICATION),
]


def test_every_change_is_in_the_matrix() -> None:
    """A route that changes something and is neither here nor known to end nothing fails."""
    changing = {f"{route.method} {route.path}" for route in ROUTES if route.method != "GET"}
    assert changing == {what for _, what in PAGE} | CALM


def reason_for(host: Host, who: str, what: str) -> str:
    """Django ends what is another user's before it says who comes."""
    if (host.name, what) == ("django-engine", "sign in as another"):
        return "signed_out"
    return (PAGE | APPLICATION)[who, what]


async def send(host: Host, client: Client, what: str, target: str, kind: str) -> None:
    """To the page, as a form of it or a program does."""
    method, path = what.replace("{id}", target).split()
    form = {"id": target, "confirm": "1"} if path == "revoke_selected" else {}
    address = f"{host.page.rstrip('/')}/{path}"
    answer = await client.request(method, address, data=form, headers={"accept": kind})
    assert answer.status_code in ((303,) if kind == "text/html" else (200, 204)), answer.text


async def apply(host: Host, client: Client, what: str) -> None:
    """The application's own login, logout and forms; what it does to its users."""
    user = host.user_id("ada")
    match what:
        case "sign in":
            await host.enter(client)
        case "sign in as another":
            await host.enter(client, "bob")
        case _ if what in ADDRESSES:
            answer = await client.post(ADDRESSES[what][host.ids is not None])
            assert answer.status_code == 200
        case "revoke all":
            await host.flow.revoke_all(user, operator="root")
        case "revoke everyone":
            await host.flow.revoke_everyone(operator="root")
        case _ if host.ids:
            await run_sync(change_row, user, what)
        case "reset a password":
            await host.flow.credentials_changed(user)
        case _:
            await host.flow.account_disabled(user)


def change_row(user: str, what: str) -> None:
    """As Django's own forms, its admin and its commands do it."""
    from django.contrib.auth import get_user_model

    row: Any = get_user_model().objects.get(pk=user)
    if what == "delete":
        row.delete()
        return
    if what == "disable":
        row.is_active = False
    else:
        row.set_password("battery staple")
    row.save()


@pytest.mark.parametrize("rotated", [False, True], ids=["as begun", "rotated"])
@pytest.mark.parametrize(("who", "what", "kind"), TRIGGERS, ids=[" ".join(each) for each in TRIGGERS])
async def test_the_matrix(
    host: Host, clock: Clock, who: str, what: str, kind: str, *, rotated: bool
) -> None:
    """Whatever a device held when its session ended is dead: its session's token, the one from before a
    rotation, Remember me, a framework's own cookie, alone and together. Others stay signed in.
    """
    async with host.client() as device, host.client() as other, host.client() as stranger:
        await host.enter(device, remember=True)
        (target,) = (session.id for session in await host.flow.list(host.user_id("ada")))
        held = [device.tokens()]
        if rotated:
            await apply(host, device, "rotate")
            held.append(device.tokens())
            assert held[0][host.session] != held[1][host.session]
            clock.tick(3 * SECOND)  # a sign-in that began before a change is refused
        await host.enter(other)
        await host.enter(stranger, "bob")
        clock.tick(SECOND)
        acting = other if who == "other" else device
        if (who, what) in PAGE:
            await send(host, acting, what, target, kind)
        else:
            await apply(host, acting, what)
        for jar in held:
            assert not await opens(host, jar)
        reasons = [
            ended.reason for ended in await host.flow.history(host.user_id("ada")) if ended.id == target
        ]
        assert reasons == [reason_for(host, who, what)]
        assert await host.user(stranger) == (None if what == "revoke everyone" else "bob")
        stays = who != "nobody" and "everywhere" not in what
        assert await host.user(other) == ("ada" if stays else None)
