"""The house: who may import whom, what is generated, what is promised in public."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import signedin

ROOT = Path(signedin.__file__).parent
FLOW = ("_async", "_sync")
ADAPTERS = ("asgi", "django", "fastapi", "flask", "threads", "wsgi")
OPERATORS = ("cli", "console", "config", "server", "testing", "__main__")
DRIVERS = {
    "apsw": "sqlite",
    "redis": "redis",
    "hiredis": "redis",
    "psycopg": "postgres",
    "psycopg_pool": "postgres",
}
FRAMEWORKS = {
    "starlette",
    "fastapi",
    "flask",
    "flask_login",
    "werkzeug",
    "django",
    "uvicorn",
    "argon2",
    "anyio",
    "asgiref",
    "click",
    "rich",
    "IPython",
    "traitlets",
    "pytest",
    "pydantic",
}
# An adapter knows its own framework, and what that one is made of.
ADAPTED = {
    "django": {"django", "asgiref"},
    "fastapi": {"fastapi", "pydantic"},
    "flask": {"flask", "flask_login", "werkzeug", "blinker", "markupsafe", "click"},
}
# Rules may use these libraries, and the page its templates.
LIBRARIES = {"msgspec", "ua_parser", "http_sf", "jinja2", "markupsafe"}


def room(path: Path) -> str:
    """Where a file stands: rules, flow, store, adapter or operators."""
    first = path.relative_to(ROOT).parts[0].removesuffix(".py")
    if first in FLOW:
        return "store" if "stores" in path.parts else "flow"
    if first in ("sqlite", "sql", "redis", "postgres", "lua", "stores"):
        return "store"
    if first in ADAPTERS and "management" not in path.parts:
        return "adapter"
    return "operators" if first in (*OPERATORS, *ADAPTERS) else "rules"


def imports(path: Path) -> list[tuple[str, bool]]:
    """The absolute names a file imports, and whether it does so when it is imported itself."""
    tree = ast.parse(path.read_text("utf-8"))
    package = ("signedin", *path.relative_to(ROOT).parts[:-1])
    lazy = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        or (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test))
        for inner in ast.walk(node)
    }
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(alias.name, id(node) not in lazy) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            name = ".".join((*base, *((node.module,) if node.module else ())))
            found += [
                (f"{name}.{alias.name}" if node.level else name, id(node) not in lazy)
                for alias in node.names
            ]
    return found


FILES = sorted(p for p in ROOT.rglob("*.py"))
ALLOWED = {
    "rules": {"rules"},
    "store": {"rules", "store"},
    "flow": {"rules", "flow", "store"},
    "adapter": {"rules", "flow", "store", "adapter", "operators"},
    "operators": {"rules", "flow", "store", "adapter", "operators"},
}


def target(name: str) -> Path | None:
    """The file of ours that an import leads to."""
    parts = name.split(".")[1:]
    for length in (len(parts), len(parts) - 1):
        path = ROOT.joinpath(*parts[:length])
        for candidate in (
            path.with_suffix(".py") if length else ROOT / "__init__.py",
            path / "__init__.py",
        ):
            if candidate.exists():
                return candidate
    return None


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_import_law(path: Path) -> None:
    """Arrows go down: rules know rules, the flow knows rules and stores, nothing knows an adapter."""
    here = room(path)
    for name, at_once in imports(path):
        top = name.split(".")[0]
        if top == "signedin":
            file = target(name)
            if file is None or file == ROOT / "__init__.py":
                continue
            there = room(file)
            if here == "adapter" and there == "operators":
                assert file.stem == "config" or path.name == "commands.py", f"{path}: {name}"
            elif here == "operators" and path.name == "config.py" and path.parent == ROOT:
                assert there != "adapter", f"{path}: {name}"
            elif path.parent == ROOT and path.name == "__init__.py":
                assert there in ("rules", "operators"), f"{path}: {name}"
            else:
                assert there in ALLOWED[here], f"{path} ({here}) imports {name} ({there})"
        elif top in DRIVERS:
            assert here == "store" or "server" in path.parts, f"{path}: {name}"
        elif top in ADAPTED.get(path.relative_to(ROOT).parts[0], ()):
            continue
        elif top in FRAMEWORKS:
            assert here == "operators", f"{path}: {name}"
        elif top not in sys.stdlib_module_names:
            assert top in LIBRARIES, f"{path}: {name}"
            if top in ("ua_parser", "http_sf"):
                assert not at_once, f"{path}: {name} is imported when it is needed"


@pytest.mark.parametrize(
    "path",
    [p for p in FILES if room(p) in ("rules", "flow", "store")],
    ids=lambda p: str(p.relative_to(ROOT)),
)
def test_no_clock_below(path: Path) -> None:
    """``now`` is an argument: no clock outside the composition root and the adapters."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            assert (node.value.id, node.attr) not in {
                ("time", "time"), ("time", "time_ns"), ("datetime", "now"), ("datetime", "utcnow"),
            }, path  # fmt: skip


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_small_files(path: Path) -> None:
    """A file is read in one sitting."""
    assert len(path.read_text("utf-8").splitlines()) <= 400


def test_importing_is_cheap() -> None:
    """Importing the package loads no adapter, no driver, no template engine."""
    code = "import sys, signedin; print(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"apsw", "jinja2", "starlette", "click", "ua_parser", "signedin.asgi"} & set(
        done.stdout.split()
    )


def test_both_colours_are_the_same_source() -> None:
    """The sync flow is what the generator makes of the async one."""
    script = ROOT.parent.parent / "scripts" / "unasync.py"
    done = subprocess.run(
        [sys.executable, str(script), "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_public_names() -> None:
    """Every public name is there, and is listed once."""
    assert len(set(signedin.__all__)) == len(signedin.__all__)
    for name in signedin.__all__:
        assert getattr(signedin, name) is not None
