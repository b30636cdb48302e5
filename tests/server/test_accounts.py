"""The service's accounts, passwords and rate limits."""

from __future__ import annotations

import gc
import multiprocessing
import stat
import threading
from pathlib import Path
from typing import Any

import apsw
import pytest
from argon2 import PasswordHasher
from hypothesis import given
from hypothesis import strategies as st

from signedin.directory import named
from signedin.errors import SchemaError, StoreUnavailable
from signedin.selector import NoSuchUser
from signedin.server.accounts import AccountExists, Accounts
from signedin.server.passwords import Passwords, check_new
from signedin.server.rate_limits import RateLimits

from ..support import MINUTE, SECOND, START

FAST = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.fixture
def accounts(tmp_path: Path) -> Any:
    made = Accounts(str(tmp_path / "accounts.db"))
    yield made
    made.close()


def add(accounts: Accounts, username: str = "ada", **fields: Any) -> Any:
    return accounts.add(username, password_hash="h", now=START, **fields)


def test_a_file_of_its_own(accounts: Accounts) -> None:
    """Made at the first use, for nobody else to read."""
    assert not Path(accounts.path).exists()
    add(accounts)
    for file in Path(accounts.path).parent.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_finding(accounts: Accounts) -> None:
    """By id, username, e-mail, in any case, as operators name somebody."""
    ada = add(accounts, "Ada", name="Ada Okafor", email="Ada@Example.com", admin=True)
    bo = add(accounts, "b.o-1_2")
    assert (
        accounts.find(ada.id)
        == accounts.find_by_login(" aDA ")
        == accounts.find_by_login("ada@example.COM")
        == ada
    )
    assert (ada.name, ada.admin, ada.disabled, bo.name, bo.email) == (
        "Ada Okafor",
        True,
        False,
        "b.o-1_2",
        None,
    )
    assert {named(accounts, text) for text in ("ada", ada.id, "username:ada", "ada@example.com")} == {
        ada
    }
    assert accounts.search("OKAF", 9) == accounts.search("ample.c", 9) == [ada]
    assert accounts.search("d", 1) == [ada]
    assert accounts.find_many([ada.id, "99", "x"]) == {ada.id: ada}
    assert list(accounts.all()) == [ada, bo]
    with pytest.raises(NoSuchUser, match="Nearest: 'Ada'"):
        named(accounts, "adda")
    for nobody in ("", "x", "\ud800", "\x00", "9" * 30, "²"):
        assert accounts.find(nobody) is None
        with pytest.raises(NoSuchUser, match=r"tried username, id, e-mail\)"):
            named(accounts, nobody)


@pytest.mark.parametrize("username", ["", "a b", "-a", "a@b", "é", "x" * 65, "a\n", "123", ".a"])
def test_impossible_usernames(accounts: Accounts, username: str) -> None:
    """What could be taken for an option, an id or an address is no username."""
    with pytest.raises(ValueError, match="can't be a username"):
        add(accounts, username)


@pytest.mark.parametrize("email", ["", "a", "@", "a@", "@b", "a b@c", "a@b@c", "a@b\n"])
def test_impossible_addresses(accounts: Accounts, email: str) -> None:
    """An e-mail address has a name and a place."""
    with pytest.raises(ValueError, match="e-mail"):
        add(accounts, email=email)


def test_taken(accounts: Accounts) -> None:
    """Usernames and addresses are one person's, in any case; the error names which."""
    add(accounts, "ada", email="ada@example.com")
    with pytest.raises(AccountExists, match="ADA"):
        add(accounts, "ADA")
    with pytest.raises(AccountExists, match="Ada@Example"):
        add(accounts, "bo", email="Ada@Example.com")
    assert [a.username for a in accounts.all()] == ["ada"]


def test_ids_are_not_given_again(accounts: Accounts) -> None:
    """A new person never gets a deleted one's id, and so nobody's sessions."""
    first = add(accounts)
    assert accounts.delete(first.id)
    assert not accounts.delete(first.id)
    assert add(accounts).id != first.id


def test_changing(accounts: Accounts) -> None:
    """Password by compare-and-set, profile, disabled."""
    ada = add(accounts)
    assert not accounts.set_password(ada.id, "new", now=START, expected="other")
    assert accounts.set_password(ada.id, "new", now=START + 1, expected="h")
    assert accounts.password_hash(ada.id) == "new"
    assert accounts.set_profile(ada.id, name="A", time_zone="Europe/Zurich")
    assert accounts.set_disabled(ada.id, True)
    found = accounts.find(ada.id)
    assert found is not None
    assert (found.name, found.time_zone, found.disabled, found.password_changed_at) == (
        "A",
        "Europe/Zurich",
        True,
        START + 1,
    )
    assert not accounts.set_disabled("99", True)
    assert accounts.password_hash("99") is None


def test_broken_files(tmp_path: Path) -> None:
    """Named and unavailable; a newer one says to upgrade."""
    (tmp_path / "junk.db").write_bytes(b"junk" * 1000)
    for path in (tmp_path / "junk.db", tmp_path / "missing" / "a.db", tmp_path):
        with pytest.raises(StoreUnavailable, match=path.name):
            Accounts(str(path)).find("1")
    newer = apsw.Connection(str(tmp_path / "newer.db"))
    newer.execute("PRAGMA user_version = 99")
    newer.close()
    with pytest.raises(SchemaError, match="Upgrade"):
        Accounts(str(tmp_path / "newer.db")).find("1")


def test_somebody_elses_database(tmp_path: Path) -> None:
    """The session store, or anything else, is not given the tables of accounts."""
    other = apsw.Connection(str(tmp_path / "other.db"))
    other.execute("CREATE TABLE session (x)")
    other.close()
    with pytest.raises(SchemaError, match="something else"):
        Accounts(str(tmp_path / "other.db")).find("1")


def test_one_spelling(accounts: Accounts) -> None:
    """An id has one spelling, ``username:`` means usernames, and a surrogate names nobody."""
    ada = add(accounts, email="a?@example.com")
    assert accounts.find("0" + ada.id) is None
    with pytest.raises(NoSuchUser):
        named(accounts, "username:a?@example.com")
    assert accounts.find_by_login("a\ud800@example.com") is None


def test_threads_that_have_ended(accounts: Accounts) -> None:
    """Their connections go with them."""
    add(accounts)
    for _ in range(20):
        thread = threading.Thread(target=accounts.find, args=("1",))
        thread.start()
        thread.join()
    gc.collect()
    assert len(accounts._connections) <= 2


def test_threads(accounts: Accounts) -> None:
    """Each thread has its own connection."""
    failed = []

    def work(n: int) -> None:
        try:
            for i in range(20):
                add(accounts, f"u{n}-{i}")
                assert accounts.find_by_login(f"u{n}-{i}") is not None
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert len(list(accounts.all())) == 80


# ── passwords ────────────────────────────────────────────────────────────────────────────────


async def test_passwords() -> None:
    """What was hashed is verified, nothing else is, and twice the same password has two hashes."""
    passwords = Passwords(FAST)
    hashed = await passwords.hash("correct horse")
    assert hashed.startswith("$argon2id$")
    assert await passwords.verify(hashed, "correct horse")
    assert not await passwords.verify(hashed, "correct horsf")
    assert not await passwords.verify(None, "correct horse")
    assert hashed != await passwords.hash("correct horse")
    assert not passwords.needs_rehash(hashed)
    assert Passwords().needs_rehash(hashed)


async def test_spellings() -> None:
    """The same characters typed in two ways are the same password."""
    passwords = Passwords(FAST)
    assert await passwords.verify(await passwords.hash("Zu\u0308rich 1291"), "Z\u00fcrich 1291")


async def test_an_unknown_user_costs_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """One hash is computed whether the user exists or not, whatever is typed."""
    passwords = Passwords(FAST)
    hashed = await passwords.hash("correct horse")
    await passwords.verify(None, "warm")
    count = 0
    verify = PasswordHasher.verify

    def counted(self: Any, *args: Any) -> Any:
        nonlocal count
        count += 1
        return verify(self, *args)

    monkeypatch.setattr(PasswordHasher, "verify", counted)
    for known, typed in (
        (hashed, "correct horse"),
        (hashed, "wrong"),
        (None, "x"),
        (hashed, "x" * 5000),
        (hashed, "\ud800"),
    ):
        count = 0
        await passwords.verify(known, typed)
        assert count == 1


@pytest.mark.parametrize("junk", ["junk", "", "\u00e9", "$argon2id$v=19$m=8,t=1,p=1$junk", "$argon2id$"])
async def test_an_unreadable_hash(caplog: pytest.LogCaptureFixture, junk: str) -> None:
    """Nobody signs in by it, and the log says so."""
    passwords = Passwords(FAST)
    assert not await passwords.verify(junk, "junk")
    assert "unreadable" in caplog.text
    assert passwords.needs_rehash(junk)


def test_whatever_may_be_set_can_be_given() -> None:
    """A password that passes the check is the password, however it was typed."""
    passwords, decomposed = Passwords(FAST), "u\u0308" * 1000
    check_new(decomposed)
    assert passwords.verify_now(passwords.hash_now(decomposed), decomposed)
    assert passwords.verify_now(passwords.hash_now(decomposed), "\u00fc" * 1000)


def test_the_first_unknown_user_costs_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is hashed for the sake of nobody's hash."""
    hashed: list[str] = []
    monkeypatch.setattr(PasswordHasher, "hash", lambda self, password: hashed.append(password))
    assert not Passwords(FAST).verify_now(None, "x")
    assert hashed == []


@given(st.text())
def test_any_password(typed: str) -> None:
    """Any text is verified without an error."""
    assert not Passwords(FAST).verify_now(None, typed)


@pytest.mark.parametrize("new", ["", "short", "1234567", "u\u0308" * 7, "x" * 1025, "\ud800" * 9])
def test_weak_passwords(new: str) -> None:
    """8 characters as a person counts them, 1024 at most."""
    with pytest.raises(ValueError, match="assword"):
        check_new(new)


@pytest.mark.parametrize("new", ["12345678", "u\u0308" * 8, "pass word", "🐎" * 8, "x" * 1024])
def test_good_passwords(new: str) -> None:
    """Length is all that is asked."""
    check_new(new)


# ── rate limits ──────────────────────────────────────────────────────────────────────────────


def test_ten_a_minute_for_an_account(accounts: Accounts) -> None:
    """In any spelling, from any address, whether or not it exists; a refused attempt costs nothing."""
    limits = RateLimits(accounts)
    for n in range(10):
        assert limits.hit(" ADA" if n % 2 else "ada", f"203.0.113.{n}", START) is None
    for n in range(50):
        assert limits.hit("ada", f"198.51.100.{n}", START) == 6
    assert limits.hit("bo", "203.0.113.1", START) is None
    assert limits.hit("ada", "203.0.113.1", START + 5 * SECOND) == 1
    assert limits.hit("ada", "203.0.113.1", START + 6 * SECOND) is None
    assert limits.hit("ada", "203.0.113.1", START + 6 * SECOND) == 6
    for _ in range(10):
        assert limits.hit("ada", "203.0.113.1", START + 2 * MINUTE) is None


def test_a_hundred_a_minute_for_an_address(accounts: Accounts) -> None:
    """IPv6 counts by its /64."""
    limits = RateLimits(accounts)
    for n in range(100):
        assert limits.hit(f"user{n}", f"2001:db8::{n:x}", START) is None
    assert limits.hit("other", "2001:db8::ffff:1", START) == 1
    assert limits.hit("other", "2001:db8:0:1::1", START) is None


def test_a_process_that_read_its_clock_earlier(accounts: Accounts) -> None:
    """It finds times a little ahead of its own, and gets no fresh bucket for that."""
    limits = RateLimits(accounts)
    for _ in range(10):
        limits.hit("ada", "::1", START + 5)
    assert limits.hit("ada", "::1", START) is not None


def test_a_clock_set_back(accounts: Accounts) -> None:
    """It locks nobody out."""
    limits = RateLimits(accounts)
    for _ in range(10):
        limits.hit("ada", "::1", START + 999 * MINUTE)
    assert limits.hit("ada", "::1", START) is None


def test_nothing_readable_is_kept(accounts: Accounts) -> None:
    """Neither names nor addresses; what is old goes."""
    limits = RateLimits(accounts)
    limits.hit("ada-lovelace", "203.0.113.77", START)
    files = b"".join(f.read_bytes() for f in Path(accounts.path).parent.iterdir())
    assert b"ada-lovelace" not in files
    assert b"203.0.113.77" not in files
    limits.hit("bo", "::1", START + MINUTE)
    assert accounts.transaction(lambda c: c.execute("SELECT count(*) FROM attempts").get) == 2


def _hits(path: str, start: Any, allowed: Any) -> None:
    limits = RateLimits(Accounts(path))
    start.wait()
    allowed.put(sum(limits.hit("ada", "::1", START) is None for _ in range(20)))


def test_several_processes(accounts: Accounts) -> None:
    """The limit is one for all of them, also when they make the file together."""
    context = multiprocessing.get_context("spawn")
    start, allowed = context.Barrier(3), context.Queue()
    workers = [context.Process(target=_hits, args=(accounts.path, start, allowed)) for _ in range(3)]
    for worker in workers:
        worker.start()
    assert sum(allowed.get(timeout=30) for _ in workers) == 10
    for worker in workers:
        worker.join()
