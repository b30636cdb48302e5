"""Who looks at the service: an account, or an administrator who acts as one."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from ..asgi import exchange
from ..describe import moment
from ..directory import Person, Stranger
from .accounts import Account, Accounts

_ACCOUNT: Final = "signedin.account"


class Viewer(NamedTuple):
    """account: as whom the pages are shown. acting_as: of whom the banner tells, and until when; None
    for everybody who is themselves.
    """

    account: Account
    acting_as: Person | None = None
    until: str = ""


def viewer(accounts: Accounts, scope: MutableMapping[str, Any], *, own: bool = False) -> Viewer | None:
    """Whose page it is, as far as that can be known. own: the operator's, also while acting."""
    this = exchange(scope)
    session = this.session if this.is_known else None
    if session is None:
        return None
    if _ACCOUNT not in scope:  # a page of ours asks twice: for its time zone, and for its layout
        scope[_ACCOUNT] = accounts.find(session.user_id)
    account: Account | None = scope[_ACCOUNT]
    if account is None:
        return None
    if session.acting_as is None or session.acting_until is None:
        return Viewer(account)
    until = moment(session.acting_until, ZoneInfo(account.time_zone or "UTC")).clock
    other = accounts.find(session.acting_as)
    # Whoever is no administrator any more, or acts as nobody any more, sees only the way out of it.
    if other is None or other.disabled or not account.admin:
        return Viewer(account, other or Stranger(session.acting_as), until)
    return Viewer(account if own else other, other, until)
