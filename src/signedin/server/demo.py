"""Example people and devices, made through the same verbs as real ones."""

from __future__ import annotations

from dataclasses import replace
from typing import Final, NamedTuple

from ..config import open_store
from ..outcomes import SignedIn
from ..session import Client
from ..settings import Settings
from ..steps import Touch
from .accounts import Accounts
from .passwords import Passwords
from .shell import Demo, Person

PASSWORD: Final = "correct horse"  # noqa: S105 - everybody shall know it
ADA, BO, ROOT = PEOPLE = (
    Person("ada", "Ada Okafor", "has 6 other devices"),
    Person("bo", "Bo Nilsson", "is only signed in here"),
    Person("root", "Root Admin", "is an administrator"),
)
DEMO: Final = Demo(PASSWORD, PEOPLE)

MINUTE: Final = 60_000
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR


class Example(NamedTuple):
    """A device of Ada's. signed_in, active: how long ago, milliseconds."""

    client: Client
    signed_in: int
    active: int
    remembered: bool = False
    name: str | None = None


DEVICES: Final = (
    Example(
        Client(
            "2001:db8:4f::1c7",
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like"
            " Gecko) Version/26.1 Mobile/15E148 Safari/604.1",
        ),
        5 * DAY,
        12 * MINUTE,
        remembered=True,
    ),
    Example(
        Client(
            "198.51.100.77",
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
            " Chrome/142.0.0.0 Safari/537.36",
        ),
        7 * HOUR,
        26 * MINUTE,
    ),
    Example(
        Client(
            "192.0.2.146",
            "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko)"
            " Chrome/142.0.0.0 Mobile Safari/537.36",
            {
                "sec-ch-ua": '"Chromium";v="142", "Google Chrome";v="142", "Not_A Brand";v="99"',
                "sec-ch-ua-mobile": "?1",
                "sec-ch-ua-platform": '"Android"',
                "sec-ch-ua-platform-version": '"16.0.0"',
                "sec-ch-ua-model": '"Pixel 9"',
            },
        ),
        2 * DAY,
        3 * HOUR,
    ),
    Example(
        Client(
            "203.0.113.90",
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
            " Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0",
        ),
        6 * DAY,
        22 * HOUR,
        name="Office desktop",
    ),
    Example(
        Client(
            "192.0.2.201",
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)"
            " Version/26.1 Safari/605.1.15",
            {"touch-points": "5"},
        ),
        9 * DAY,
        4 * DAY,
        remembered=True,
    ),
    Example(Client("10.20.0.8", ""), 6 * DAY + 2 * HOUR, 6 * DAY),
)


def prepare(settings: Settings, accounts: Accounts, now: int) -> None:
    """The people, and Ada's devices; who is there already is left alone."""
    hashed = ""
    for person in PEOPLE:
        if accounts.find_by_login(person.username) is None:
            hashed = hashed or Passwords().hash_now(PASSWORD)
            account = accounts.add(
                person.username,
                name=person.name,
                email=f"{person.username}@example.com",
                password_hash=hashed,
                admin=person is ROOT,
                now=now,
            )
            if person is ADA:
                _sign_in(settings, account.id, now)


def _sign_in(settings: Settings, user_id: str, now: int) -> None:
    from .._sync.sessions import Sessions

    time = now
    sessions = Sessions(open_store(settings), replace(settings), lambda: time)
    for device in DEVICES:
        time = now - device.signed_in
        outcome = sessions.sign_in(user_id, device.client, started_at=time, remember=device.remembered)
        assert isinstance(outcome, SignedIn)
        if device.name is not None:
            sessions.rename(user_id, outcome.session.id, device.name)
        # A person who is away is not told apart from one whose last click was this long ago.
        time = now - device.active
        sessions.touch(Touch(outcome.session.id, device.client))
    sessions.close()
