"""Junk at the door: ``python -m tests.attack.junk [COUNT]`` sends 30 000 of each kind to each store and looks
whether it has grown.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from signedin.config import open_async_sessions
from signedin.outcomes import Presented

from ..support import LAPTOP
from ..web.support import REMEMBER, SESSION, Client, make_app


def made_up() -> str:
    """A token of the right form that nobody has issued."""
    return os.urandom(24).hex() + "." + "A" * 43


async def junk(flow: Any, count: int) -> None:
    """So many of each kind: tokens, resumes, sign-outs, and visits of the web with and without."""
    async with Client(make_app(sessions=flow)) as browser:
        for _ in range(count):
            assert await flow.validate(made_up()) is None
            assert await flow.resume(made_up(), LAPTOP, started_at=flow.clock()) is None
            assert await flow.find_visitor(made_up()) is None
            outcome = await flow.sign_out(Presented(made_up(), made_up(), None))
            assert not outcome.ended
        for number in range(count // 10):
            cookie = f"{SESSION}={made_up()}; {REMEMBER}={made_up()}" if number % 2 else ""
            for method, path in (("GET", "/me"), ("GET", "/sign_in"), ("POST", "/sign_out")):
                answer = await browser.request(method, path, headers={"cookie": cookie})
                assert answer.status_code == 200
                browser.cookies.clear()


async def main(count: int) -> None:
    """Each store in turn."""
    from .bottoms import BOTTOMS

    for name, engine in BOTTOMS.items():
        with tempfile.TemporaryDirectory() as folder:
            flow = open_async_sessions(store=engine.fresh(str(Path(folder) / "s.db")), sweep_every=None)
            await flow.sign_in("1", LAPTOP, started_at=flow.clock(), remember=True)
            before = engine.size()
            await junk(flow, count)
            assert engine.size() == before, name
            print(f"{name}: {count:,} of each kind, nothing has grown", flush=True)
            await flow.close()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 30_000))
