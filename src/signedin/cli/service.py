"""``signedin serve`` and ``signedin demo``."""

from __future__ import annotations

import signal
import sys
import tempfile
from dataclasses import replace
from os.path import relpath
from pathlib import Path
from shutil import which

import click

from ..config import now_ms, store_place
from .frame import Frame, framed, say

HOST = click.option("--host", default="127.0.0.1", show_default=True, metavar="ADDRESS")
PORT = click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535))
URL = click.option("--url", metavar="URL", help="How people reach it: https://app.example")


@click.command()
@framed
@HOST
@PORT
@URL
@click.option(
    "--trusted-proxy", "proxies", multiple=True, metavar="CIDR", help="A proxy to believe; repeatable."
)
@click.option("--name", default="signedin", show_default=True, help="What the service is called.")
def serve(
    frame: Frame,
    host: str,
    port: int,
    url: str | None,
    proxies: tuple[str, ...],
    name: str,
) -> None:
    """Run the service: accounts, sign-in, profile, Active Sessions.

    Add people with: signedin user add USERNAME
    """
    from ..server.app import create_app
    from ..server.run import run, settings_for

    settings = settings_for(frame.with_settings(url=url, trusted_proxies=proxies or None), host)
    people = frame.service_accounts()
    say(f"{name} on {url or _address(host, port)}      Ctrl-C stops it")
    say(f"  sessions in {store_place(settings.store)}")
    say(f"  accounts in {people.path}")
    if next(people.all(), None) is None:
        say("  nobody can sign in yet: signedin user add USERNAME")
    run(create_app(settings, people, name=name), host, port)


@click.command()
@framed
@HOST
@PORT
@URL
@click.option("--i-know-this-is-a-demo", "known", is_flag=True, help="Serve other machines, too.")
def demo(frame: Frame, host: str, port: int, url: str | None, known: bool) -> None:
    """Run the service with example people and devices.

    They live in a temporary folder, unless --store says where else.
    """
    from ..server.app import create_app
    from ..server.demo import DEMO, prepare
    from ..server.run import demo_settings, run

    _unwind_at_the_end()
    with tempfile.TemporaryDirectory(prefix="signedin-demo-") as folder:
        place = frame.store or f"sqlite:///{Path(folder) / 'sessions.db'}"
        frame = replace(frame, named=frame.named | {"store": place})
        settings = demo_settings(frame.with_settings(url=url), host, port, known=known)
        people = frame.service_accounts()
        prepare(settings, people, now_ms())
        say(f"signedin demo on {url or _address(host, port)}      Ctrl-C stops it")
        for person in DEMO.people:
            say(f"  {person.username:<4} / {DEMO.password}    {person.about}")
        say(f"  Devices  {url or _address(host, port)}/demo/devices")
        say("  In a second terminal:")
        more = "" if frame.accounts is None else f" --accounts {frame.accounts}"
        named = "$SIGNEDIN_STORE" if "@" in place else place  # no password on the screen
        say(f"  {_command()} list --user ada --store {named}{more}")
        run(create_app(settings, people, name="Harbour", demo=DEMO), host, port)


def _unwind_at_the_end() -> None:
    """Stopped by a signal or with its window, too, the demo removes its folder."""
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup's
        signal.signal(signal.SIGHUP, lambda *_: signal.raise_signal(signal.SIGTERM))


def _command() -> str:
    """What to type for this command line, also where no environment was activated."""
    return "signedin" if which("signedin") else relpath(Path(sys.executable).with_name("signedin"))


def _address(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
