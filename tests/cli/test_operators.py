"""What operators look at: show, users, history, stats, audit, doctor, watch; every form of output."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ..support import PHONE
from .terminal import Terminal
from .test_cli import Cli, cli, two

__all__ = ["cli", "two"]


def test_show(cli: Cli, two: Any) -> None:
    """All of a session, by its whole id or its beginning; of an ended one, why."""
    session = cli.sessions.list(two[1])[0]
    for name in (session.id, session.short_id):
        told = cli("show", name).stdout
        assert session.id in told
        assert "bo (Bo)" in told
    assert cli.json("show", session.short_id)["id"] == session.id
    cli("revoke", session.id)
    assert "Signed out by an administrator" in cli("show", session.id).stdout
    assert cli.json("show", session.id)["reason"] == "revoked_by_operator"
    assert "no active session" in cli("show", session.short_id, code=3).stderr
    assert "no session" in cli("show", "0" * 48, code=3).stderr


def test_users(cli: Cli, two: Any) -> None:
    """Who is signed in, and how often; afterwards, nobody."""
    rows = [line.split() for line in cli("users").stdout.splitlines()]
    assert rows[0] == ["USER", "NAME", "ID", "SESSIONS", "LAST", "ACTIVE"]
    assert {tuple(row[:4]) for row in rows[1:]} == {("ada", "Ada", "1", "2"), ("bo", "Bo", "2", "1")}
    assert cli.json("users", "--user", "bo")["users"][0]["sessions"] == 1
    cli("revoke", "--all-users", "--confirm", "revoke all")
    done = cli("users")
    assert (done.stdout, done.stderr) == ("", "No users are signed in.\n")
    assert "nothing matches" in cli("users", "--fail-empty", code=3).stderr


def test_history(cli: Cli, two: Any) -> None:
    """What ended, when, why and by whom; the latest first, by the same selectors, page by page."""
    cli("revoke", "--user", "ada", "--yes")
    cli("revoke", "--user", "bo", "--yes")
    told = cli("history").stdout
    assert told.count("Signed out by an administrator") == 3
    assert "cli:" in told
    assert cli.json("history", "--type", "phone")["count"] == 1
    page = cli.json("history", "--limit", "2")
    rest = cli.json("history", "--limit", "2", "--cursor", page["next_cursor"])
    assert (page["count"], rest["count"], rest["next_cursor"]) == (2, 1, None)
    assert cli.json("history", "--user", "ada")["count"] == 2
    assert "neither idle" in cli("history", "--idle", "1h", code=2).stderr


def test_stats(cli: Cli, two: Any) -> None:
    """How much there is, and what ended."""
    cli("revoke", "--user", "bo", "--yes")
    told = cli("stats").stdout
    assert "2  active sessions" in told
    assert "Signed out by an administrator" in told
    counts = cli.json("stats")
    assert (counts["sessions"], counts["users"], counts["remembered"]) == (2, 1, 1)


def test_audit(cli: Cli, two: Any) -> None:
    """Who did what, on whom, why, and what came of it; whatever an operator did is there."""
    session = cli.sessions.list(two[1])[0]
    cli("revoke", session.short_id, "--reason", "found in a bar")
    cli("revoke", "--user", "ada", "--yes")
    cli("user", "disable", "ada")
    runs = cli.json("audit")["runs"]
    assert [run["action"] for run in runs] == ["disable_account", "revoke", "revoke"]
    assert (runs[2]["reason"], runs[2]["sessions"], runs[2]["outcome"]) == ("found in a bar", 1, "done")
    assert runs[1]["about"] == "user:1"
    assert all(run["actor"].startswith("cli:") and run["origin"] for run in runs)
    assert len(cli.json("audit", "--user", "ada")["runs"]) == 2
    assert cli.json("audit", "--user", "bo")["runs"][0]["reason"] == "found in a bar"
    page = cli.json("audit", "--limit", "2")
    assert len(cli.json("audit", "--limit", "2", "--cursor", str(page["next_cursor"]))["runs"]) == 1
    assert "found in a bar" in cli("audit").stdout
    assert cli.json("audit", "--by", "nobody")["runs"] == []


def test_a_dry_run_is_no_act(cli: Cli, two: Any) -> None:
    """It changes nothing, and nothing is written down."""
    cli("revoke", "--all-users", "--dry-run")
    assert cli.json("audit")["runs"] == []


def test_forms(cli: Cli, two: Any) -> None:
    """The same sessions as one document, one a line, commas and tabs; columns of one's choice."""
    ids = {session["id"] for session in cli.json("list")["sessions"]}
    assert {json.loads(line)["id"] for line in cli("list", "--jsonl").stdout.splitlines()} == ids
    rows = list(csv.DictReader(io.StringIO(cli("list", "--csv").stdout)))
    assert {row["id"] for row in rows} == ids
    assert {row["user"] for row in rows} == {"ada", "bo"}
    assert {line.split("\t")[0] for line in cli("list", "--plain").stdout.splitlines()} == ids
    chosen = cli("list", "--columns", "user,ip", "--csv").stdout.splitlines()
    assert chosen[0] == "user,ip"
    assert "no column 'nothing'" in cli("list", "--columns", "nothing", code=2).stderr
    assert "no --csv" in cli("stats", "--csv", code=2).stderr
    assert cli("list", "--user", "ada", "--quiet").stderr == ""


def test_formulas_and_escapes(cli: Cli, two: Any) -> None:
    """Names that a spreadsheet or a terminal would act on are inert in each form."""
    session = cli.sessions.list(two[1])[0]
    cli.sessions.rename(two[1], session.id, "=HYPERLINK(1)\x1b]0;x\x07\u202e")
    cell = next(csv.DictReader(io.StringIO(cli("list", "--user", "bo", "--csv").stdout)))["device"]
    assert cell.startswith("'=HYPERLINK(1)")
    for form in ("--csv", "--plain", "--json", "--jsonl", "-q"):
        told = cli("list", form).stdout
        assert not {"\x1b", "\x07", "\u202e"} & set(told)


def test_sorting_and_pages(cli: Cli, two: Any) -> None:
    """By last activity, sign-in, user or address; a few at a time, none twice."""
    by_user = [s["user"]["id"] for s in cli.json("list", "--sort", "user")["sessions"]]
    assert by_user == ["1", "1", "2"]
    assert [
        s["user"]["id"] for s in cli.json("list", "--sort", "user", "--reverse")["sessions"]
    ] == by_user[::-1]
    assert len(cli.json("list", "--sort", "ip", "--limit", "2")["sessions"]) == 2
    seen, cursor = [], []
    while True:
        page = cli.json("list", "--limit", "1", *cursor)
        seen += [s["id"] for s in page["sessions"]]
        if page["next_cursor"] is None:
            break
        cursor = ["--cursor", page["next_cursor"]]
    assert len(set(seen)) == len(seen) == 3
    assert "not a cursor" in cli("list", "--cursor", "x", code=1).stderr
    assert "store's own order" in cli("list", "--cursor", "x", "--sort", "ip", code=2).stderr


def test_times_and_addresses(cli: Cli, two: Any) -> None:
    """In which zone times are is said; addresses can be masked."""
    assert "Times in Asia/Kathmandu." in cli("list", "--tz", "Asia/Kathmandu").stderr
    assert "Times in Europe/Zurich." in cli("list", TZ="Europe/Zurich").stderr
    assert "Times in UTC." in cli("list", "--utc", TZ="Europe/Zurich").stderr
    assert "not a time zone" in cli("list", "--tz", "Mars/Base", code=2).stderr
    masked = cli("list", "--mask-ip").stdout
    assert "203.0.113.•••" in masked
    assert "203.0.113.24" not in masked


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("user:ada", 2),
        ("ip:203.0.113.0/24", 2),
        ("type:phone remembered:no", 1),
        ("idle:>1h", 0),
        ("seen:<1h safari", 1),
        ("session:{}", 1),
        ("bo", 1),
    ],
)
def test_one_text(cli: Cli, two: Any, text: str, count: int) -> None:
    """The selector's language, as the admin page takes it, selects for list and for revoke."""
    text = text.format(cli.sessions.list(two[1])[0].short_id)
    assert cli.json("list", "--matching", text)["count"] == count
    assert cli.json("revoke", "--matching", text, "--dry-run")["matched"] == count


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        ("usr:ada", 2, "Did you mean user:?"),
        ("type:fone", 2, "Did you mean 'phone'?"),
        ("idle:<3d", 2, "seen:<3d"),
        ("remembered:perhaps", 2, "yes nor no"),
        ("created:yesterday", 2, "2h ago"),
        ("user:adda", 3, "Nearest: 'ada'"),
        ("email:x@example.com", 3, "e-mail address 'x@example.com'"),
    ],
)
def test_what_is_not_understood(cli: Cli, two: Any, text: str, code: int, says: str) -> None:
    """A term that can't be is an error with a way out, never a wider selection."""
    assert says in cli("revoke", "--matching", text, "--confirm", "revoke all", code=code).stderr
    assert cli.json("list")["count"] == 3


def test_ids_from_stdin(cli: Cli, two: Any) -> None:
    """What list prints, revoke reads; ids of nobody are told, the rest ends."""
    ids = cli("list", "--user", "ada", "--columns", "id", "--plain").stdout
    done = cli("revoke", "-", "--json", stdin=ids + "0" * 48 + "\n", code=3)
    told = json.loads(done.stdout)
    assert (told["revoked"], [failed["id"] for failed in told["failed"]]) == (2, ["0" * 48])
    assert cli.json("list")["count"] == 1


def test_doctor(cli: Cli, two: Any) -> None:
    """Every check with a way out; what is wrong is an exit code."""
    told = cli.json("doctor")
    assert told["failed"] == 0
    assert {"SQLite", "file", "schema", "clock", "cookies", "proxies"} <= {
        c["name"] for c in told["checks"]
    }
    os.chmod(cli.store, 0o644)
    assert "chmod 0600" in cli("doctor", code=1).stdout
    os.chmod(cli.store, 0o600)
    assert "trusts 0.0.0.0/0" in cli("doctor", code=1, SIGNEDIN_TRUSTED_PROXIES="0.0.0.0/0").stdout
    assert "there is none" in cli("doctor", "--store", "/nowhere/x.db", code=1).stdout
    Path(cli.folder / "junk.db").write_text("this is not a database" * 100)
    os.chmod(cli.folder / "junk.db", 0o600)
    assert "put back a backup" in cli("doctor", "--store", "junk.db", code=1).stdout


def test_help(cli: Cli) -> None:
    """Help on commands, exit codes, completion, version; typos are never run."""
    assert "130  interrupted" in cli("help", "exit-codes").stdout
    assert "--all-users" in cli("help", "revoke").stdout
    assert "Set another password" in cli("help", "user", "password").stdout
    assert "Did you mean 'revoke'?" in cli("help", "revok", code=2).stderr
    for shell in ("bash", "zsh", "fish"):
        assert "_SIGNEDIN_COMPLETE" in cli("completion", shell).stdout
    assert cli("version").stdout.startswith("signedin ")


def test_settings_from_a_file(cli: Cli, two: Any, tmp_path: Path) -> None:
    """--config names a TOML file; the environment and options come on top."""
    (tmp_path / "ours.toml").write_text(
        '[signedin]\nstore = "/nowhere/x.db"\nurl = "https://app.example"\n'
    )
    del cli.environment["SIGNEDIN_STORE"]
    assert "/nowhere/x.db" in cli("list", "--config", "ours.toml", code=6).stderr
    assert cli("list", "--config", "ours.toml", "--store", cli.store).stdout
    (tmp_path / "wrong.toml").write_text("[signedin")
    assert "is not TOML" in cli("list", "--config", "wrong.toml", code=2).stderr
    assert "can't be read" in cli("list", "--config", "nothing.toml", code=2).stderr


def test_a_directory_of_the_hosts(cli: Cli, tmp_path: Path) -> None:
    """The setting directory names the application's own users, and they are called by their names."""
    (tmp_path / "people.py").write_text(
        "from signedin.directory import NoDirectory, Stranger\n"
        "class One(Stranger):\n    username = 'grace'\n    name = 'Grace'\n"
        "class People(NoDirectory):\n"
        "    def find(self, user_id):\n        return One(user_id) if user_id == '7' else None\n"
        "    def find_by_username(self, name):\n        return One('7') if name == 'grace' else None\n"
        "    def all(self):\n        return [One('7')]\n"
    )
    cli.environment |= {"SIGNEDIN_DIRECTORY": "people:People", "PYTHONPATH": str(tmp_path)}
    cli.sign_in("7")
    assert cli.json("list", "--user", "grace")["sessions"][0]["user"]["name"] == "Grace"
    assert "Nearest: 'grace'" in cli("list", "--user", "gracie", code=3).stderr
    assert "can't be found" in cli("list", code=2, SIGNEDIN_DIRECTORY="people:Nobody").stderr


def test_a_store_that_goes_away(cli: Cli, two: Any) -> None:
    """Nothing is claimed: the exit code says so, and the file is whole again afterwards."""
    os.chmod(cli.store, 0o600)
    Path(cli.store).rename(cli.store + ".away")
    assert "there is no store" in cli("revoke", "--all-users", "--confirm", "revoke all", code=6).stderr
    Path(cli.store + ".away").rename(cli.store)
    assert cli.json("list")["count"] == 3


# ── at a terminal ────────────────────────────────────────────────────────────────────────────


def test_watch(cli: Cli, two: Any) -> None:
    """A live table: new sessions appear, a filter narrows, r revokes after a question, q leaves."""
    screen = Terminal(cli, "watch", "--interval", "1s")
    assert "Safari on iPhone" in screen.until("q quit")
    cli.sign_in(two[1], PHONE)
    screen.until("new")
    screen.type("/user:bo type:phone\r")
    screen.until("filter: user:bo type:phone")
    screen.type("\r")
    screen.until("User agent")
    screen.type("\r")
    screen.type("r")
    screen.until("Revoke Safari on iPhone of bo")
    screen.type("n")
    screen.until("Nothing was revoked.")
    screen.type("r")
    screen.until("[y/N]")
    screen.type("y")
    screen.until("Revoked.")
    screen.type("?")
    screen.until("another row")
    screen.type("q")
    assert screen.ends() == 0
    assert cli.json("list", "--user", "bo")["count"] == 1
    assert cli.json("audit")["runs"][0]["action"] == "revoke"


def test_watch_in_a_closed_window(cli: Cli, two: Any) -> None:
    """When nobody is there any more, it ends."""
    screen = Terminal(cli, "watch", "--interval", "1h")
    screen.until("q quit")
    # 120 is Python's own word for an output that went before the last of it was written.
    assert screen.hangs_up() in (0, 1, 120, -signal.SIGHUP)


def test_watch_for_programs(cli: Cli, two: Any) -> None:
    """Off a terminal, one JSON line for each session that is there, begins or ends."""
    process = subprocess.Popen(
        [sys.executable, "-m", "signedin", "watch", "--interval", "1s"],
        stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, env=cli.environment,
        # Where the tests run in the background of a shell, they ignore it, and so would their children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    assert process.stdout is not None
    try:
        listed = [json.loads(process.stdout.readline()) for _ in range(3)]
        assert {line["event"] for line in listed} == {"listed"}
        new = cli.sign_in(two[1], PHONE).session
        created = json.loads(process.stdout.readline())
        assert (created["event"], created["session"]["id"]) == ("created", new.id)
        cli("revoke", new.id)
        ended = json.loads(process.stdout.readline())
        assert (ended["event"], ended["session"]["id"]) == ("ended", new.id)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
    finally:
        process.kill()
        process.communicate()


def test_the_bar(cli: Cli, two: Any) -> None:
    """At a terminal a bar shows how far it is, and the phrase has to be typed."""
    screen = Terminal(cli, "revoke", "--all-users")
    assert "This signs out 3 sessions of 2 users" in screen.until("to continue")
    screen.type("revoke 3\r")
    told = screen.until("verify")
    assert "━" in told
    assert "3/3" in told
    assert "Revoked 3 sessions of 2 users" in told
    assert screen.ends() == 0


def test_colours_only_where_they_are_wanted(cli: Cli, two: Any) -> None:
    """Never off a terminal, nor with NO_COLOR."""
    assert "\x1b" not in cli("doctor").stdout
    screen = Terminal(cli, "doctor", "--no-color")
    assert "\x1b" not in screen.until("clock")
    screen.ends()


def test_it_starts_quickly(cli: Cli) -> None:
    """Nothing heavy is imported for help and list."""
    code = "import sys; import signedin.cli; print(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"rich", "IPython", "starlette", "uvicorn", "jinja2", "argon2"}
    assert not heavy & set(done.stdout.split())


def test_copy(cli: Cli, two: Any, tmp_path: Path) -> None:
    """All of a store arrives in another one, said in a line; again, nothing changes; it can be wrong."""
    target = str(tmp_path / "new.db")
    done = cli("copy", "--from", cli.store, "--to", target)
    assert "Copied 3 sessions of 2 users" in done.stderr
    assert "all of it is there" in done.stderr
    told = cli.json("copy", "--from", cli.store, "--to", target)
    assert (told["sessions"], told["ended"], told["differences"]) == (3, 0, 0)
    assert cli.json("list", "--store", target)["count"] == 3
    same = f"sqlite:///{cli.store}"
    assert "the same store" in cli("copy", "--from", cli.store, "--to", same, code=2).stderr
    nowhere = str(tmp_path / "nowhere.db")
    assert "no store" in cli("copy", "--from", nowhere, "--to", target, code=6).stderr
    assert not Path(nowhere).exists()
