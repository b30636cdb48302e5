"""The command line, as a process: what it prints where, and how it ends."""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from signedin.cli import command
from signedin.config import open_sessions
from signedin.outcomes import SignedIn
from signedin.server.accounts import Accounts

from ..sites import Site
from ..support import FIREFOX, LAPTOP, PHONE

ROOT = Path(__file__).parent.parent.parent


class Cli:
    """Runs ``signedin`` on the test's store."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = str(folder / "sessions.db")
        self.sessions = open_sessions(store=self.store)
        self.accounts = Accounts(str(folder / "accounts.db"))
        self.environment = {
            "PATH": os.environ["PATH"],
            "SIGNEDIN_STORE": self.store,
            "HOME": str(folder),
        }

    def __call__(
        self, *arguments: str, stdin: str = "", code: int = 0, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "signedin", *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            env=self.environment | environment,
            cwd=self.folder,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done

    def json(self, *arguments: str, **options: Any) -> Any:
        return json.loads(self(*arguments, "--json", **options).stdout)

    def person(self, username: str) -> str:
        return self.accounts.add(username, name=username.title(), password_hash="x", now=0).id

    def sign_in(self, user: str, client: Any = LAPTOP, *, remember: bool = False) -> SignedIn:
        # Ahead of the barrier that the command before may have raised.
        started_at = self.sessions.clock() + 10_000
        outcome = self.sessions.sign_in(user, client, started_at=started_at, remember=remember)
        assert isinstance(outcome, SignedIn)
        return outcome


@pytest.fixture
def cli(tmp_path: Path) -> Any:
    made = Cli(tmp_path)
    yield made
    made.sessions.close()
    made.accounts.close()


@pytest.fixture
def two(cli: Cli) -> tuple[str, str]:
    """Ada with two sessions, Bo with one."""
    ada, bo = cli.person("ada"), cli.person("bo")
    cli.sign_in(ada, remember=True)
    cli.sign_in(ada, PHONE)
    cli.sign_in(bo)
    return ada, bo


def test_list(cli: Cli, two: Any) -> None:
    """A table on stdout, the rest on stderr; of one user, of several, of all."""
    done = cli("list", "--user", "ada")
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["SESSION", "DEVICE", "IP", "LAST", "ACTIVE", "SIGNED", "IN", "FLAGS"]
    assert len(lines) == 3
    assert "Safari on iPhone" in done.stdout
    assert "remembered" in done.stdout
    assert done.stderr == "2 sessions of ada (Ada). Times in UTC.\n"
    assert len(cli("list").stdout.splitlines()) == 4
    assert cli("list", "--all-users").stdout.splitlines()[0].startswith("USER ")
    assert len(cli("list", "--user", "ada", "--user", two[1]).stdout.splitlines()) == 4
    assert cli("list", "--user", "bo", "--idle", "1h").stdout == ""


def test_list_as_json(cli: Cli, two: Any) -> None:
    """The document of the API, with the accounts' names and without a token."""
    done = cli("list", "--user", "ada", "--json")
    document = json.loads(done.stdout)
    assert (document["schema"], document["count"]) == ("signedin.list/1", 2)
    assert document["sessions"][0]["user"] == {"id": two[0], "username": "ada", "name": "Ada"}
    assert {s["id"] for s in document["sessions"]} == {s.id for s in cli.sessions.list(two[0])}


@pytest.mark.parametrize(
    ("options", "count"),
    [
        (["--ip", "2001:db8::/32"], 1),
        (["--ip", "203.0.113.24"], 2),
        (["--browser", "safari"], 1),
        (["--os", "ubuntu"], 2),
        (["--type", "phone"], 1),
        (["--remembered"], 1),
        (["--not-remembered"], 2),
        (["--signed-in-before", "1h ago"], 0),
        (["--signed-in-after", "2020-01-01"], 3),
        (["--user", "ada", "--type", "desktop"], 1),
    ],
)
def test_what_you_list_is_what_you_revoke(cli: Cli, two: Any, options: list[str], count: int) -> None:
    """The same selectors, the same sessions (O2)."""
    assert cli.json("list", *options)["count"] == count
    dry = cli.json("revoke", *options, "--dry-run")
    assert (dry["dry_run"], dry["matched"], dry["revoked"]) == (True, count, 0)
    assert cli.json("list")["count"] == 3
    assert cli.json("revoke", *options, "--yes", "--confirm", "revoke all")["revoked"] == count
    assert cli.json("list")["count"] == 3 - count
    # Those that are left are remembered no longer.
    left = 1 if options == ["--not-remembered"] else 0
    assert cli.json("list", *options)["count"] == left


def test_revoke_by_id(cli: Cli, two: Any) -> None:
    """The first eight digits are enough; it runs without a question; twice is not an error."""
    session = cli.sessions.list(two[1])[0]
    assert "Revoked 1 session of 1 user" in cli("revoke", session.short_id).stderr
    again = cli.json("revoke", session.id)
    assert (again["revoked"], again["already_ended"]) == (0, 1)
    (entry,) = cli.sessions.history(two[1])
    assert entry.reason == "revoked_by_operator"
    assert entry.actor is not None
    assert entry.actor.startswith("cli:")


def test_revoke_a_user(cli: Cli, two: Any) -> None:
    """Needs --yes off a terminal; ends all, and Remember me with them."""
    failed = cli("revoke", "--user", "ada", code=4)
    assert "--yes" in failed.stderr
    assert cli.json("list")["count"] == 3
    assert "Revoked 2 sessions of 1 user" in cli("revoke", "--user", "ada", "--yes").stderr
    assert cli.sessions.overview(two[0]).remembered == 0
    assert cli.json("list")["count"] == 1


def test_revoke_everybody(cli: Cli, two: Any) -> None:
    """--yes is not enough; the phrase is (severe)."""
    assert "revoke all" in cli("revoke", "--all-users", "--yes", code=4).stderr
    assert cli.json("list")["count"] == 3
    done = cli.json("revoke", "--all-users", "--confirm", "revoke all")
    assert (done["revoked"], done["users"]) == (3, 2)
    assert cli.json("list")["count"] == 0


def test_except(cli: Cli, two: Any) -> None:
    """All of Ada's but one, which keeps running."""
    kept = cli.sessions.list(two[0])[0]
    cli("revoke", "--user", "ada", "--except", kept.short_id, "--yes")
    assert [s.id for s in cli.sessions.list(two[0])] == [kept.id]


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["revok", "--user", "ada"], 2, "unknown command 'revok'. Did you mean 'revoke'?"),
        (["revoke"], 2, "signedin revoke --all-users"),
        (["list", "--user", "adda"], 3, "no user matches 'adda' (tried username, id, e-mail). Nearest: 'ada'."),
        (["list", "--user", "ada", "--all-users"], 2, "can't be said together"),
        (["list", "--ip", "here"], 2, "203.0.113.0/24"),
        (["list", "--idle", "soon"], 2, "90s, 15m, 12h"),
        (["list", "--signed-in-after", "then"], 2, "2h ago"),
        (["revoke", "abc"], 2, "first 8 digits"),
        (["revoke", "00000000"], 3, "no active session"),
        (["revoke", "00000000", "--user", "ada"], 2, "not both"),
        (["list", "--nothing"], 2, "--nothing"),
        (["user", "ad"], 2, "Did you mean 'add'"),
        (["list", "--store", "/nowhere/x.db"], 6, "there is no store at /nowhere/x.db"),
        (["list", "--store", "mysql://x"], 2, "sqlite:///"),
        (["serve", "--host", "0.0.0.0"], 2, "--url https://"),
        (["demo", "--host", "0.0.0.0"], 2, "--i-know-this-is-a-demo"),
        (["user", "disable", "nobody"], 3, "no user matches"),
        (["user", "delete", "ada"], 4, "--yes"),
    ],
)  # fmt: skip
def test_failures(cli: Cli, two: Any, arguments: list[str], code: int, says: str) -> None:
    """A sentence on stderr that says what to do, nothing on stdout, and the table's exit code."""
    done = cli(*arguments, code=code)
    assert says in done.stderr
    assert done.stdout == ""
    assert cli.json("list")["count"] == 3


def test_failures_as_json(cli: Cli, two: Any) -> None:
    """With --json a failure is a document too."""
    done = cli("revoke", "--all-users", "--json", code=4)
    error = json.loads(done.stderr)
    assert error["schema"] == "signedin.error/1"
    assert (error["error"]["code"], error["error"]["exit_code"]) == ("confirmation_required", 4)
    assert "revoke all" in error["error"]["hint"]


def test_ambiguous_ids(cli: Cli, two: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The candidates are listed."""
    monkeypatch.setattr(
        os, "urandom", lambda count: b"\xab" * 4 + os.getrandom(count - 4) if count > 4 else b""
    )
    for _ in range(2):
        cli.sign_in("9")
    done = cli("revoke", "abababab", code=2)
    assert "could be any of" in done.stderr


def test_hostile_texts_at_the_terminal(cli: Cli) -> None:
    """No escape sequence of a user agent or a name reaches the terminal (INP-1)."""
    ada = cli.person("ada")
    client = LAPTOP._replace(user_agent="Evil\x1b[31m/1.0 \x07")
    session = cli.sign_in(ada, client).session
    cli.sessions.rename(ada, session.id, "\x1b]0;owned\x07 name")
    assert "\x1b" not in cli("list").stdout
    assert "\x1b" not in cli("list", "--json").stdout


def at_a_terminal(cli: Cli, arguments: list[str], typed: str) -> tuple[int, str]:
    """Run with a terminal for all three streams, and type."""
    process, terminal = pty.fork()
    if process == 0:
        os.execve(sys.executable, [sys.executable, "-m", "signedin", *arguments], cli.environment)
    os.write(terminal, typed.encode())
    shown = b""
    while True:
        try:
            more = os.read(terminal, 4096)
        except OSError:
            break
        if not more:
            break
        shown += more
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), shown.decode()


def test_questions(cli: Cli, two: Any) -> None:
    """One user is a yes; several are a phrase to type; no is no."""
    code, shown = at_a_terminal(cli, ["revoke", "--user", "ada"], "n\n")
    assert (code, cli.json("list")["count"]) == (4, 3)
    assert "Revoke 2 sessions of ada?" in shown
    code, shown = at_a_terminal(cli, ["revoke", "--all-users"], "revoke 2\n")
    assert (code, cli.json("list")["count"]) == (4, 3)
    assert "This signs out 3 sessions of 2 users" in shown
    code, _ = at_a_terminal(cli, ["revoke", "--user", "ada"], "y\n")
    assert (code, cli.json("list")["count"]) == (0, 1)
    code, _ = at_a_terminal(cli, ["revoke", "--type", "desktop"], "y\n")
    assert (code, cli.json("list")["count"]) == (0, 0)


def test_users(cli: Cli) -> None:
    """Add, list, password, disable, enable, delete; sessions end where they must."""
    assert (
        "Added ada with the id 1."
        in cli("user", "add", "ada", "--name", "Ada Okafor", "--admin", stdin="correct horse\n").stderr
    )
    assert "at least 8" in cli("user", "add", "bo", stdin="short\n", code=2).stderr
    assert "already an account" in cli("user", "add", "ADA", stdin="correct horse\n", code=1).stderr
    assert "can't be a username" in cli("user", "add", "b o", stdin="correct horse\n", code=1).stderr
    assert cli.json("user", "list")["accounts"] == [
        {
            "id": "1",
            "username": "ada",
            "name": "Ada Okafor",
            "email": None,
            "admin": True,
            "disabled": False,
        }
    ]
    assert "admin" in cli("user", "list").stdout
    for verb, reason in (
        ("password", "credentials_changed"),
        ("disable", "account_disabled"),
        ("delete", "account_disabled"),
    ):
        cli.sign_in("1", remember=True)
        more = ["--yes"] if verb == "delete" else []
        cli("user", verb, "ada", *more, stdin="another password\n")
        assert cli.sessions.list("1") == []
        assert cli.sessions.history("1")[0].reason == reason
        if verb == "disable":
            assert cli.json("user", "list")["accounts"][0]["disabled"]
            cli("user", "enable", "1")
    assert cli.json("user", "list")["count"] == 0


def test_a_store_that_fails_while_disabling(cli: Cli) -> None:
    """What is done and what is not is said (exit code 5)."""
    cli.person("ada")
    done = cli(
        "user", "disable", "ada", "--store", "/nowhere/x.db", "--accounts", cli.accounts.path, code=5
    )
    assert "its sessions were not ended" in done.stderr
    assert "signedin revoke --user ada" in done.stderr


def test_sweep_and_schema(cli: Cli, tmp_path: Path) -> None:
    """Cron's sweep; the store's schema: looked at without a change, printed, brought up to date."""
    fresh = str(tmp_path / "fresh.db")
    assert "schema 0 of 3" in cli("schema", "status", "--store", fresh).stdout
    assert not Path(fresh).exists()
    assert "applied 3 migrations" in cli("schema", "upgrade", "--store", fresh).stderr
    assert "up to date" in cli("schema", "upgrade", "--store", fresh).stderr
    assert cli.json("schema", "status", "--store", fresh) == {
        "schema": "signedin.schema/1",
        "version": 3,
        "pending": [],
    }
    assert "CREATE TABLE session" in cli("schema", "sql").stdout
    cli.sign_in("1")
    assert cli.json("sweep") == {"schema": "signedin.sweep/1", "dry_run": False, "swept": 0}
    assert "Swept 0 expired sessions." in cli("sweep").stderr


def test_without_accounts_ids_are_taken_as_they_are(cli: Cli) -> None:
    """A host application's users have no accounts of ours."""
    cli.sign_in("host-user-7")
    document = cli.json("list", "--user", "host-user-7")
    assert [s["user"] for s in document["sessions"]] == [{"id": "host-user-7"}]


def test_help() -> None:
    """Every command and option says what it is for."""
    from click import Argument, Group, Option

    def look(group: Any) -> None:
        for name, each in group.commands.items():
            assert each.help, name
            for parameter in each.params:
                assert isinstance(parameter, Argument) or (
                    isinstance(parameter, Option)
                    and (parameter.help or parameter.metavar or parameter.show_default)
                ), (name, parameter)
            if isinstance(each, Group):
                look(each)

    look(command)


def test_version(cli: Cli) -> None:
    """Which one it is."""
    assert re.match(r"signedin, version \d+\.\d+\.\d+", cli("--version").stdout)
    assert "revoke" in cli("--help").stdout


@pytest.mark.parametrize("name", ["serve", "demo"])
def test_the_service_as_a_process(cli: Cli, name: str) -> None:
    """It starts, says where it is, answers, and stops on Ctrl-C within a few seconds."""
    site = Site(
        [sys.executable, "-m", "signedin", name, "--port", "{port}"],
        stderr=subprocess.PIPE,
        text=True,
        env={k: v for k, v in cli.environment.items() if name == "serve" or k != "SIGNEDIN_STORE"},
        cwd=cli.folder,
    )
    try:
        request = urllib.request.Request(f"{site.url}/sign_in", headers={"user-agent": FIREFOX})
        assert "Username or email" in urllib.request.urlopen(request, timeout=20).read().decode()
        site.process.send_signal(signal.SIGINT)
        said = site.process.communicate(timeout=20)[1]
    finally:
        site.kill()
    assert site.url in said
    if name == "demo":
        assert "ada  / correct horse" in said
        told = re.search(r"(\S+) list --user ada --store (\S+)", said)
        assert told is not None
        assert shutil.which(told[1]) or (Path(cli.folder) / told[1]).exists()
        assert not Path(told[2].removeprefix("sqlite:///")).exists()
    else:
        assert "nobody can sign in yet: signedin user add USERNAME" in said
