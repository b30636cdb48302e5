"""The page's own files, as replies; a page asks for each by an address that tells its content."""

from __future__ import annotations

from importlib.resources import files
from typing import Final

from .replies import Reply

KINDS: Final = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
FOR_EVER: Final = ("cache-control", "public, max-age=31536000, immutable")


def static_file(name: str) -> Reply:
    """The file of this name, or 404."""
    kind = KINDS.get(name.rpartition(".")[2])
    file = files("signedin").joinpath("static", name)
    if kind is None or "/" in name or not file.is_file():
        return Reply(404, (("content-type", "text/plain"),), b"Not found")
    headers = (("content-type", kind), ("x-content-type-options", "nosniff"), FOR_EVER)
    return Reply(200, headers, file.read_bytes())
