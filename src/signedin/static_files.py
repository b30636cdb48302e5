"""The page's own files, as replies; a page asks for each by an address that tells its content."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Final

from .replies import SECURITY_HEADERS, Reply

KINDS: Final = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
FOR_EVER: Final = ("cache-control", "public, max-age=31536000, immutable")


def static_file(name: str) -> Reply:
    """The file of this name, or 404."""
    body = _files().get(name)
    if body is None:
        return Reply(404, (("content-type", "text/plain"), *SECURITY_HEADERS), b"Not found")
    kind = KINDS[name.rpartition(".")[2]]
    headers = (("content-type", kind), ("x-content-type-options", "nosniff"), FOR_EVER)
    return Reply(200, headers, body)


@cache
def _files() -> dict[str, bytes]:
    """All of them by their names: whatever else is asked for is never looked for on the disk."""
    there = files("signedin").joinpath("static").iterdir()
    return {file.name: file.read_bytes() for file in there if file.name.rpartition(".")[2] in KINDS}
