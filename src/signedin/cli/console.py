"""``signedin console``: GitLab's console, in Python; for a person, a line, a file or a pipe."""

from __future__ import annotations

import ast
import builtins
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import click

from .. import __version__
from ..duration import parse_duration
from ..outcomes import RevokedMany
from .failures import Failure
from .frame import Frame, framed, plural, say
from .running import Stop, bar, stoppable

if TYPE_CHECKING:
    from .._sync.console import ActiveSession
    from .._sync.sessions import Sessions

RECIPES: Final = """\
Who is signed in?
    who()
    ActiveSession.list(User.all())

One user
    user = User.find_by_username('ada')        # or User.find(123), User.find_by(email='ada@example.com')
    user.sessions                              # the same as ActiveSession.list(user)

Sign somebody out everywhere, and see [] afterwards
    ActiveSession.list(user).each(
        lambda session: ActiveSession.destroy_session(user, session.session_private_id))
    ActiveSession.list(user)

What a selector means
    ActiveSession.where(ip='203.0.113.0/24', idle='3d').revoke(dry_run=True)
    ActiveSession.where(ip='203.0.113.0/24', idle='3d').revoke(reason='INC-221')

Sign everybody out
    ActiveSession.destroy_all(dry_run=True)
    ActiveSession.destroy_all(reason='INC-221')

Whatever is revoked turns off Remember me for its users, and is in the audit trail: signedin audit."""
KEPT_OUT: Final = ("destroy", "revoke")
"""Lines with these words are not kept in the history, where an arrow key would bring them back."""
HISTORY_LINES: Final = 1000


@click.command()
@framed
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False))
@click.option("-c", "code", metavar="CODE", help="Run this, and show what its last expression gives.")
@click.option("--read-only", is_flag=True, help="Look, and revoke nothing.")
@click.option("--plain", is_flag=True, help="Python's own prompt, also where IPython is installed.")
def console(frame: Frame, file: str | None, code: str | None, read_only: bool, plain: bool) -> None:
    """A Python prompt with ActiveSession and User, as GitLab's console has them.

    Code comes from -c, a file, or standard input when that is no terminal; exit codes are the
    command line's. Type help() for recipes.
    """
    if file is not None and code is not None:
        raise Failure("usage", "give a file or -c, not both.")
    with frame.sessions() as sessions:
        active, names = _names(frame, sessions, read_only)
        if file is not None:
            _run(Path(file).read_text("utf-8"), file, names)
        elif code is not None or not sys.stdin.isatty():
            _run(sys.stdin.read() if code is None else code, "<console>", names)
        else:
            _talk(frame, sessions, names, read_only=read_only, plain=plain)
            return
    last = active.last
    if last is not None and last.outcome == "stopped":
        raise Failure("interrupted", repr(last))
    if last is not None and last.trouble is not None:
        raise Failure(
            "partly_failed" if last.sessions or last.in_doubt else "store_unavailable", repr(last)
        )


def _names(frame: Frame, sessions: Sessions, read_only: bool) -> tuple[ActiveSession, dict[str, Any]]:
    """What is loaded, by its names."""
    from .._sync.console import ActiveSession, User

    active = ActiveSession(
        sessions,
        frame.directory(),
        operator=frame.operator.replace("cli:", "console:", 1),
        origin=frame.origin,
        read_only=read_only,
        watch=_watch,
    )
    users = User(active, hint=say)

    def now() -> datetime:
        """The time, in UTC."""
        return datetime.fromtimestamp(sessions.clock() / 1000, UTC)

    def ago(text: str) -> datetime:
        """The time so long ago: ``ago('2h')``."""
        return now() - parse_duration(text)

    def who() -> None:
        """Print who is signed in, and where."""
        print("=== Currently Logged In Users ===")
        for user in users.find_each():
            found = active.list(user)
            if found:
                print(f"\n{user.username!a} ({user.name!a}):".replace("'", ""))
                for session in found:
                    where = f"IP: {session.ip_address}, Browser: {session.browser}"
                    print(f"  - {where}, Last active: {session.updated_at:%Y-%m-%d %H:%M} UTC")

    def recipes() -> None:
        """Print what is done most often."""
        print(RECIPES)

    def helps(*about: object) -> None:
        """Recipes; with something in the parentheses, Python's own help on it."""
        builtins.help(*about) if about else recipes()

    names = {"__name__": "__console__", "ActiveSession": active, "User": users, "help": helps}
    return active, names | {"now": now, "ago": ago, "who": who, "recipes": recipes}


@contextmanager
def _watch(sessions: int) -> Iterator[tuple[Callable[[RevokedMany], object], Stop]]:
    """A bar that moves while many sessions end, and Ctrl-C that stops between two batches."""
    with stoppable() as stop, bar(sessions, wanted=sessions > 1) as move:
        yield (lambda done: move(done.sessions + done.already)), stop


def _run(text: str, file: str, names: dict[str, Any]) -> None:
    """Run the code; what its last expression gives is shown, as at a prompt."""
    tree = ast.parse(text, file)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, file, "exec"), names)  # noqa: S102 - that is what a console is for
    if isinstance(last, ast.Expr):
        value = eval(compile(ast.Expression(last.value), file, "eval"), names)  # noqa: S307 - as above
        if value is not None:
            click.echo(repr(value))


# ── a prompt ─────────────────────────────────────────────────────────────────────────────────


def _talk(
    frame: Frame, sessions: Sessions, names: dict[str, Any], *, read_only: bool, plain: bool
) -> None:
    """Read and answer until somebody leaves."""
    place = os.environ.get("SIGNEDIN_ENVIRONMENT", "production")
    mode = "read-only" if read_only else place
    text = f"sessions({mode})> "
    colour = "green" if read_only or place != "production" else "red"
    banner = _banner(frame, sessions, place, read_only)
    if not plain and find_spec("IPython") is not None:
        _ipython(names, banner, text, colour if frame.colour else None)
    else:
        # The marks tell readline which characters take no room.
        shown = f"\001\033[{'32' if colour == 'green' else '31'}m\002{text}\001\033[0m\002"
        _plain(names, banner, shown if frame.colour else text)


def _banner(frame: Frame, sessions: Sessions, place: str, read_only: bool) -> str:
    counts = sessions.counts()
    parts = urlsplit(frame.settings.store)
    store = frame.settings.store
    if parts.password:
        store = store.replace(f":{parts.password}@", ":***@")
    python = ".".join(map(str, sys.version_info[:2]))
    mode = f"{place.upper()}{' · READ-ONLY' * read_only}"
    return (
        f"Active Sessions {__version__} · Python {python} · {store} · {mode}\n"
        f"{plural(counts.sessions, 'session')} · {plural(counts.users, 'user')}."
        "  Loaded: ActiveSession, User, now, ago, who, recipes."
        "  help() for recipes, exit to quit."
    )


def _ipython(names: dict[str, Any], banner: str, prompt: str, colour: str | None) -> None:
    from IPython import start_ipython
    from IPython.terminal.prompts import Prompts, Token  # type: ignore[attr-defined]
    from traitlets.config import Config

    class Ours(Prompts):
        """The prompt tells where one is."""

        def in_prompt_tokens(self) -> list[tuple[Any, str]]:
            """The prompt itself."""
            kind = {"red": Token.Error, "green": Token.Prompt, None: Token.Text}[colour]
            return [(kind, prompt)]

        def out_prompt_tokens(self) -> list[tuple[Any, str]]:
            """Nothing before an answer."""
            return []

    config = Config()
    config.TerminalInteractiveShell.banner1 = banner + "\n"
    config.TerminalInteractiveShell.prompts_class = Ours
    config.TerminalInteractiveShell.confirm_exit = False
    config.TerminalInteractiveShell.term_title = False
    if colour is None:
        config.TerminalInteractiveShell.colors = "nocolor"
    # Nothing of it is kept: an arrow key must not bring back the end of everybody's sessions.
    config.HistoryManager.hist_file = ":memory:"
    config.InteractiveShellApp.exec_PYTHONSTARTUP = False
    start_ipython(argv=["--ignore-cwd"], user_ns=names, config=config)


def _plain(names: dict[str, Any], banner: str, prompt: str) -> None:
    import code

    readline = _with_history(names)
    before = getattr(sys, "ps1", None)
    sys.ps1 = prompt
    try:
        code.interact(banner, None, names, "")
    except SystemExit:
        pass
    finally:
        if before is None:
            del sys.ps1
        else:
            sys.ps1 = before
        if readline is not None:
            _keep_history(readline)


def _with_history(names: dict[str, Any]) -> Any:
    """Completion by Tab and the lines of earlier times, where Python has readline; the module."""
    try:
        import readline
        import rlcompleter
    except ImportError:
        return None
    readline.set_completer(rlcompleter.Completer(names).complete)
    readline.parse_and_bind("tab: complete")
    readline.clear_history()
    try:
        lines = _history_file().read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        lines = []
    for line in lines:
        readline.add_history(line)
    return readline


def _keep_history(readline: Any) -> None:
    """Write the lines that may come back, for this user alone."""
    count = readline.get_current_history_length()
    lines = [readline.get_history_item(place) or "" for place in range(1, count + 1)]
    kept = [line for line in lines if not any(word in line for word in KEPT_OUT)]
    path = _history_file()
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(number, "w", encoding="utf-8") as file:
            os.fchmod(number, 0o600)
            file.write("".join(f"{line}\n" for line in kept[-HISTORY_LINES:]))
    except OSError as error:
        say(f"The history was not kept: {error.strerror}.")


def _history_file() -> Path:
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "signedin" / "console_history"
