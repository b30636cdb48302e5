"""The console, as a process: GitLab's snippets in Python, through -c, in IPython, at Python's prompt."""

from __future__ import annotations

import fcntl
import re
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from ..support import LAPTOP, PHONE
from .terminal import Terminal
from .test_cli import Cli, cli, two

__all__ = ["cli", "two"]

VERIFY = """
print("=== Currently Logged In Users ===")
for user in User.find_each():
    sessions = ActiveSession.list(user)
    if sessions:
        print(f"\\n{user.username} ({user.name}):")
        for session in sessions:
            print(f"  - IP: {session.ip_address}, Browser: {session.browser}, Last active: {session.updated_at}")
"""


@pytest.mark.parametrize("how", ["-c", "file", "stdin"])
def test_who_is_signed_in(cli: Cli, two: Any, how: str, tmp_path: Path) -> None:
    """GitLab's block, by each way that code comes in."""
    if how == "-c":
        done = cli("console", "-c", VERIFY)
    elif how == "file":
        (tmp_path / "who.py").write_text(VERIFY)
        done = cli("console", "who.py")
    else:
        done = cli("console", stdin=VERIFY)
    assert "ada (Ada):" in done.stdout
    assert "  - IP: 2001:db8:4f::1c7, Browser: Safari, Last active: 20" in done.stdout
    assert done.stdout.count("  - IP:") == 3


@pytest.mark.parametrize("everybody", ["User.all()", "User.all"])
def test_list_everybody(cli: Cli, two: Any, everybody: str) -> None:
    """``ActiveSession.list(User.all)``, with the parentheses or without."""
    assert "3 sessions." in cli("console", "-c", f"ActiveSession.list({everybody})").stdout


def test_destroy_all(cli: Cli, two: Any) -> None:
    """Without parentheses nothing happens; dry; then all of them, and [] afterwards."""
    told = cli("console", "-c", "ActiveSession.destroy_all").stdout
    assert told == "Call it: ActiveSession.destroy_all()\n"
    dry = cli("console", "-c", "ActiveSession.destroy_all(dry_run=True)").stdout
    assert dry == "Would revoke 3 sessions of 2 users. Nothing was changed.\n"
    assert cli.json("list")["count"] == 3
    done = cli("console", "-c", "ActiveSession.destroy_all(reason='INC-1')").stdout
    assert done == "Revoked 3 sessions of 2 users. Remember me is turned off for 2 users.\n"
    assert cli("console", "-c", "ActiveSession.list(User.all())").stdout == "[]\n"
    run = cli.json("audit")["runs"][0]
    assert (run["action"], run["about"], run["reason"]) == ("revoke", "everybody", "INC-1")
    assert run["actor"].startswith("console:")
    assert (run["outcome"], run["sessions"], run["users"]) == ("done", 3, 2)


def test_one_user(cli: Cli, two: Any) -> None:
    """Find a user in each way; end the sessions one by one; [] is displayed, equal and falsy."""
    cli.accounts.add("eve", email="eve@example.com", password_hash="x", now=0)
    code = """
user = User.find_by_username('ada')
assert user.id == User.find(1).id == User.find_by(username='ADA').id
assert User.find_by(email='eve@example.com').username == 'eve'
stranger = ActiveSession.list(User.find(2))[0]
assert not ActiveSession.destroy_session(user, stranger.session_private_id)
assert not ActiveSession.destroy_session(user, 'nonsense')
kept = ActiveSession.list(user)
assert kept.each(lambda s: ActiveSession.destroy_session(user, s.session_private_id)) is kept
assert ActiveSession.list(user) == [] and not ActiveSession.list(user).any()
assert len(User.find(2).sessions) == 1
ActiveSession.list(user)
"""
    assert cli("console", "-c", code).stdout == "[]\n"
    assert cli.sessions.overview(two[0]).remembered == 0


def test_nicer_still(cli: Cli, two: Any) -> None:
    """A selector's terms, all but one, several, JSON."""
    code = """
phones = ActiveSession.where(type='phone')
assert phones.count() == len(phones.list()) == 1
assert phones.revoke(dry_run=True).sessions == 1
one, two = ActiveSession.list(1)
assert ActiveSession.destroy_all_but_current(1, one).sessions == 1
assert ActiveSession.list(1)[0].session_private_id == one.session_private_id
assert ActiveSession.destroy_sessions(1, [one.session_private_id, two.session_private_id]).sessions == 1
names = []
User.find_each(lambda user: names.append(user.username))
assert names == ['ada', 'bo'], names
import json
assert json.loads(ActiveSession.list(2).to_json())['count'] == 1
ActiveSession.where(remembered=True)
"""
    assert "remembered:yes" in cli("console", "-c", code).stdout


@pytest.mark.parametrize(
    ("code", "exit_code", "says"),
    [
        ("User.find(99)", 3, "No user with id 99."),
        ("ActiveSession.where(nothing=1)", 1, "nothing: is not known"),
        ("ActiveSession.list(None)", 1, "User.all"),
        ("1/0", 1, "ZeroDivisionError"),
        ("def", 1, "SyntaxError"),
    ],
)
def test_failures(cli: Cli, two: Any, code: str, exit_code: int, says: str) -> None:
    """A sentence and the command line's exit codes; where it came from only with --debug."""
    assert says in cli("console", "-c", code, code=exit_code).stderr


def test_nobody_of_that_name(cli: Cli, two: Any) -> None:
    """None, and who was nearest on stderr."""
    done = cli("console", "-c", "print(User.find_by_username('adda'))")
    assert (done.stdout, done.stderr) == ("None\n", "Nearest: 'ada'.\n")


def test_read_only(cli: Cli, two: Any) -> None:
    """Whatever would revoke is refused with an exit code of its own; looking goes on."""
    for code in ("destroy_all()", "destroy_session(1, 'x')", "where(ip='::/0').revoke()"):
        assert "read" in cli("console", "--read-only", "-c", f"ActiveSession.{code}", code=7).stderr
    assert "3 sessions" in cli("console", "--read-only", "-c", "ActiveSession.list(User.all)").stdout
    assert cli.json("list")["count"] == 3


def test_without_a_directory(cli: Cli) -> None:
    """Users whom nobody knows are those who are signed in."""
    cli.sign_in("host-7")
    cli.sign_in("host-7", PHONE)
    cli.sign_in("host-8")
    names = cli("console", "-c", "sorted(user.username for user in User.find_each())").stdout
    assert names == "['host-7', 'host-8']\n"


def test_hostile_names(cli: Cli, two: Any) -> None:
    """What a user calls a session does nothing in the operator's terminal."""
    session = cli.sessions.list(two[1])[0]
    cli.sessions.rename(two[1], session.id, "\x1b[2J\u202eevil")
    done = cli("console", "-c", "ActiveSession.list(2)\n")
    assert "\x1b" not in done.stdout
    assert "\u202e" not in done.stdout


def test_at_pythons_prompt(cli: Cli, two: Any) -> None:
    """Banner, prompt, answers; the history is this user's alone, without what destroys."""
    terminal = Terminal(cli, "console", "--plain")
    banner = terminal.until("sessions(production)>")
    assert "3 sessions · 2 users." in banner
    assert "PRODUCTION" in banner
    terminal.type("User.find(1).username\r")
    terminal.until("'ada'")
    terminal.type("ActiveSession.destroy_all\r")
    terminal.until("Call it: ActiveSession.destroy_all()")
    assert terminal.ends("exit()\r") == 0
    history = cli.folder / ".local/state/signedin/console_history"
    assert "User.find(1).username" in history.read_text()
    assert "destroy" not in history.read_text()
    assert stat.S_IMODE(history.stat().st_mode) == 0o600


EACH = "ActiveSession.list(user).each(lambda session: ActiveSession.destroy_session(user, session.session_private_id))"
SNIPPETS = (
    ("ActiveSession.list(User.all())", "3 sessions."),
    ("ActiveSession.list(User.all)", "3 sessions."),
    ("ActiveSession.destroy_all", "Call it: ActiveSession.destroy_all()"),
    ("User.find_each(lambda user: print(user.username, len(ActiveSession.list(user))))", "ada 2"),
    ("User.find(1)", "<user 1: ada>"),
    ("User.find_by(email='ada@example.com')", "<user 1: ada>"),
    ("User.find_by_username('adda')", "Nearest: 'ada'."),
    ("user = User.find_by_username('ada'); user", "<user 1: ada>"),
    ("ActiveSession.list(user)", "2 sessions."),
    (EACH, "2 sessions."),
    ("ActiveSession.list(user)", "[]"),
    ("ActiveSession.destroy_all()", "Revoked 1 session of 1 user."),
    ("ActiveSession.list(User.all())", "[]"),
)  # fmt: skip


@pytest.fixture
def ada(cli: Cli) -> None:
    """Ada with an address, two sessions and the id 1; Bo with one session."""
    cli.accounts.add("ada", name="Ada", email="ada@example.com", password_hash="x", now=0)
    cli.sign_in("1", remember=True)
    cli.sign_in("1", PHONE)
    cli.sign_in(cli.person("bo"))


@pytest.mark.usefixtures("ada")
def test_gitlabs_snippets_in_a_line(cli: Cli) -> None:
    """Each of them runs with -c, and shows what it shows at a prompt."""
    for code, shown in SNIPPETS:
        done = cli("console", "-c", f"user = User.find_by_username('ada')\n{code}")
        assert shown in done.stdout + done.stderr, code


@pytest.mark.usefixtures("ada")
@pytest.mark.parametrize("options", [[], ["--plain"]], ids=["ipython", "python"])
def test_gitlabs_snippets_at_a_prompt(cli: Cli, options: list[str]) -> None:
    """The same in IPython, and at Python's own prompt."""
    terminal = Terminal(cli, "console", *options)
    for code, shown in SNIPPETS:
        terminal.until("sessions(production)>")
        terminal.type(f"{code}\r")
        terminal.until(shown)
    assert terminal.ends("exit()\r") == 0
    assert cli.json("list")["count"] == 0


def test_recipes(cli: Cli, two: Any) -> None:
    """Every line that the recipes show runs."""
    printed = cli("console", "-c", "recipes()").stdout
    lines = [line.strip() for line in printed.splitlines() if line.startswith("    ")]
    assert len(lines) > 8
    assert "Revoked 1 session of 1 user" in cli("console", "-c", "\n".join(lines)).stdout


def test_wide_names(cli: Cli, two: Any) -> None:
    """Columns stand below one another whatever the user has called a session."""
    first, second = cli.sessions.list(two[0])
    cli.sessions.rename(two[0], first.id, "\u96fb\u8a71")
    cli.sessions.rename(two[0], second.id, "e\u0301te\u0301")
    lines = cli("console", "-c", "ActiveSession.list(1)").stdout.splitlines()
    heading = lines[0].index("LAST ACTIVE")
    assert lines[1][heading - 2 :].startswith("20")
    assert lines[2][heading + 2 :].startswith("20")


STOP = """
import logging, os, signal
class Press(logging.Handler):
    done = False
    def emit(self, record):
        if not Press.done:
            Press.done = True
            os.kill(os.getpid(), signal.SIGINT)
logging.getLogger("signedin").addHandler(Press())
logging.getLogger("signedin").setLevel(logging.INFO)
"""


def test_ctrl_c_in_the_console(cli: Cli) -> None:
    """It says what was done, ends with the exit code of an interruption, and can be run again."""
    fill(cli, 9_000)
    done = cli(
        "console", "-c", STOP + "ActiveSession.where(type='desktop').revoke(reason='INC-1')", code=130
    )
    run = cli.json("audit")["runs"][0]
    assert (run["outcome"], run["reason"]) == ("stopped", "INC-1")
    assert 0 < run["sessions"] < 9_000
    assert f"Stopped. Revoked {run['sessions']:,} sessions" in done.stderr
    assert cli.json("stats")["sessions"] == 9_000 - run["sessions"]
    assert "Revoked" in cli("console", "-c", "ActiveSession.destroy_all()").stdout
    assert cli.json("stats")["sessions"] == 0


def test_ctrl_c(cli: Cli) -> None:
    """Ctrl-C in the middle lets the batch end and tells exactly what was done; once more finishes it."""
    many = 12_000
    fill(cli, many)
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "signedin",
            "revoke",
            "--type",
            "desktop",
            "--confirm",
            "revoke all",
            "--json",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=cli.environment,
    )
    while not any(run["outcome"] == "started" for run in cli.json("audit")["runs"]):
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr
    left = cli.json("stats")["sessions"]
    run = cli.json("audit")["runs"][0]
    assert run["outcome"] == "stopped"
    assert f'"revoked": {run["sessions"]},' in stdout
    assert left == many - run["sessions"]
    assert 0 < left < many
    again = cli.json("revoke", "--type", "desktop", "--confirm", "revoke all")
    assert again["revoked"] == left
    assert cli.json("stats")["sessions"] == 0


def test_a_store_that_goes_away_in_the_middle(cli: Cli) -> None:
    """Exact counts of what is known to have ended, exit code 5 or 6; run again, it finishes."""
    many = 12_000
    fill(cli, many)
    process = subprocess.Popen(
        [sys.executable, "-m", "signedin", "revoke", "--type", "desktop", "--confirm", "revoke all"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=cli.environment,
    )
    while not any(run["outcome"] == "started" for run in cli.json("audit")["runs"]):
        time.sleep(0.05)
    with open(cli.store + "-turn", "rb") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)  # somebody else writes, and doesn't stop
        stderr = process.communicate(timeout=60)[1]
        left = cli.json("stats")["sessions"]
    ended = many - left
    assert ended < many
    assert process.returncode in ((5,) if ended else (5, 6))
    told = int(re.search(r"([\d,]+) sessions? of", stderr)[1].replace(",", ""))
    doubted = re.search(r"Of ([\d,]+) more it is not known", stderr)
    doubt = int(doubted[1].replace(",", "")) if doubted else 0
    assert told <= ended <= told + doubt
    assert cli.json("revoke", "--type", "desktop", "--confirm", "revoke all")["revoked"] == left
    assert cli.json("stats")["sessions"] == 0


def fill(cli: Cli, count: int) -> None:
    """So many sessions, three a user, without a sign-in for each."""
    from signedin.sql import statements

    from ..support import make_record

    cli.sessions.list("1")
    now = cli.sessions.clock()
    rows = []
    for number in range(count):
        record, _ = make_record(f"u{number // 3}", now)
        key = bytes.fromhex(record.id)
        facts = (record.user_id, record.secret_hash, None, now, now, record.idle_timeout, None)
        rows.append((key[12:], key[:12], *facts, *LAPTOP[:2], None, record.tail))
    connection = cli.sessions.store._engine.reader.connection
    with connection:
        connection.executemany(statements("sqlite/writing.sql")["add"], rows)
