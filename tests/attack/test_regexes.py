"""Every regular expression of the package on the inputs that are worst for it, its steps counted (INP-1)."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import signedin
from signedin.admin import _PATTERNS
from signedin.cookies import CookieNames
from signedin.device import _SYSTEMS

from .backtracking import Matcher, TooManySteps

ROOT = Path(signedin.__file__).parent
CALLS = ("compile", "fullmatch", "match", "search", "sub", "split", "findall", "finditer")
FLAGS = {"re.IGNORECASE": re.IGNORECASE, "re.MULTILINE": re.MULTILINE, "re.DOTALL": re.DOTALL}
# Made while the program runs: what they are then.
MADE = {
    "cookies.py": [CookieNames().find_all.__self__.pattern],
    "admin.py": [pattern.pattern for pattern, _ in _PATTERNS],
    "device.py": [pattern for pattern, *_ in _SYSTEMS],
}
# These read what was cut to 512 characters before, and so may take the square of that.
CUT = {pattern for pattern, *_ in _SYSTEMS}


class Found(NamedTuple):
    """A pattern, and how it is used. where: file and line."""

    where: str
    pattern: Any
    method: str
    flags: int


def found() -> Iterator[Found]:
    """Every pattern in the source."""
    for path in sorted(ROOT.rglob("*.py")):
        name, source = str(path.relative_to(ROOT)), path.read_text()
        if name.startswith(("_sync", "testing")) or "import re\n" not in source:
            continue
        dotted = name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        module = importlib.import_module(f"signedin.{dotted}")
        tree = ast.parse(source)
        owners = {id(node.value): node for node in ast.walk(tree) if hasattr(node, "value")}
        for node in ast.walk(tree):
            call = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
            if not isinstance(node, ast.Call) or call.removeprefix("re.") not in CALLS:
                continue
            if not call.startswith("re."):
                continue
            method, owner = call.removeprefix("re."), owners.get(id(node))
            if method == "compile":
                method = how(owner, source)
            told = " ".join(ast.unparse(part) for part in (*node.args[1:], *node.keywords))
            flags = sum(flag for word, flag in FLAGS.items() if word in told)
            try:
                patterns = [eval(ast.unparse(node.args[0]), vars(module))]
            except NameError:
                patterns = MADE[name]
            for pattern in patterns:
                yield Found(f"{name}:{node.lineno}", pattern, method, flags)


def how(owner: ast.AST | None, source: str) -> str:
    """Which method of a compiled pattern is used: at once, or wherever its name stands."""
    if isinstance(owner, ast.Attribute):
        return owner.attr
    if isinstance(owner, (ast.Assign, ast.AnnAssign)):
        name = ast.unparse(owner.targets[0] if isinstance(owner, ast.Assign) else owner.target)
        return re.findall(rf"\b{name}\.(\w+)\(", source)[0]
    return "fullmatch"  # the admin page's, of a table


EVERY = list(found())


def units(pattern: Any) -> set[Any]:
    """Short texts that take a matcher far into the pattern: its words, its characters, and odd ones."""
    text = pattern.decode() if isinstance(pattern, bytes) else pattern
    words = set(re.findall(r"[A-Za-z0-9/_%-]+", re.sub(r"\\.|\(\?[^)]*?\)|\{.*?\}", " ", text)))
    some = {word[:12] for word in words} | set('aZ09 ;,.:="%-/([{\\\t\n') | {"a.", "0-", "; ", "ab:"}
    return {unit.encode() for unit in some} if isinstance(pattern, bytes) else some


def steps(found: Found, text: Any, budget: int) -> int:
    return Matcher(found.pattern, found.flags, text, budget).run(found.method)


def test_every_pattern_is_there() -> None:
    """The reader of the source finds them; one that it can't read fails."""
    assert len(EVERY) > 60
    assert {one.where.partition(":")[0] for one in EVERY} >= {
        "token.py",
        "cookies.py",
        "device.py",
        "selector.py",
    }


@pytest.mark.parametrize("one", EVERY, ids=lambda one: one.where)
def test_twice_the_text_is_twice_the_work(one: Found) -> None:
    """However a text is made of what the pattern looks for: its steps grow as its length does. Where the text
    was cut before, they stay below the square of that.
    """
    last = b"\0" if isinstance(one.pattern, bytes) else "\0"
    first = "Mozilla/5.0 (" if isinstance(one.pattern, str) else b""
    for unit in units(one.pattern):
        for start in (last[:0], first):
            texts = [start + unit * (length // len(unit)) + last for length in (120, 240)]
            once = steps(one, texts[0], 300_000)
            twice = steps(one, texts[1], 300_000)
            assert one.pattern in CUT or twice <= 2.3 * once + 300, (unit, once, twice)


def test_the_counter_counts() -> None:
    """What is known to be slow is found out."""
    with pytest.raises(TooManySteps):
        Matcher(r"(a+)+$", 0, "a" * 40 + "b", 100_000).run("match")
    slow = Found("", r"[ab]*c", "search", 0)
    assert steps(slow, "ab" * 256, 10**6) > 3 * steps(slow, "ab" * 128, 10**6)
