"""The instrument behind the mutation score: it sees what tests notice, and what they don't."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from scripts.mutants import mutants_of

ROOT = Path(__file__).parent.parent.parent
PLANTED = '''
"""A module."""

from __future__ import annotations

from typing import Final

LIMIT: Final = 3


class Shelf:
    """A class."""

    def __init__(self, books: list[str]) -> None:
        self.books = books

    def __repr__(self) -> str:
        return f"Shelf({len(self.books)})"

    @property
    def is_full(self) -> bool:
        """A docstring."""
        assert self.books is not None
        return len(self.books) >= LIMIT and not self.books[0].endswith("!")

    def add(self, book: str) -> None:
        if not book:
            raise ValueError("a book has a name")
        logger.info("added %s", book)
        self.books.append(book)
'''
CHANGED = """
8: LIMIT: Final = 4
15: pass
18: return None
24: return None
24: return len(self.books) >= LIMIT or not self.books[0].endswith('!')
24: return not self.books[0].endswith('!')
24: return len(self.books) >= LIMIT
24: return len(self.books) > LIMIT and (not self.books[0].endswith('!'))
24: return len(self.books) >= LIMIT and self.books[0].endswith('!')
24: return len(self.books) >= LIMIT and (not self.books[0].startswith('!'))
24: return len(self.books) >= LIMIT and (not self.books[1].endswith('!'))
24: return len(self.books) >= LIMIT and (not self.books[0].endswith(''))
27: if book:
28: pass
30: pass
"""


def score(*arguments: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "scripts.mutation", "--jobs", "2", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        timeout=300,
    )
    return done.returncode, done.stdout + done.stderr


def test_what_is_changed(tmp_path: Path) -> None:
    """Conditions, limits, texts, answers and acts; no types, docstrings, assertions or wording."""
    path = tmp_path / "planted.py"
    path.write_text(PLANTED, "utf-8")
    mutants = mutants_of(path)
    assert [f"{mutant.line}: {mutant.after}" for mutant in mutants] == CHANGED.strip().splitlines()
    for mutant in mutants:
        assert mutant.code() != compile(PLANTED, str(path), "exec")


def test_tests_that_notice() -> None:
    """The tests of tokens notice what is changed in them."""
    code, told = score("token.py", "--tests", "tests/rules/test_token.py")
    assert code == 0, told


def test_a_test_that_is_taken_away() -> None:
    """Without the tests that compare secrets it is told which change nobody notices, and it fails."""
    code, told = score(
        "token.py", "--tests", "tests/rules/test_token.py", "--without", "test_text_and", "test_hash_is"
    )
    assert code == 1
    assert "(no test runs it)\n    - return sha256(self.secret.encode()).digest()" in told
    assert "Below 90 %." in told
