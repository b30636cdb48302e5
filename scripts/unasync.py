"""Generate ``src/signedin/_sync`` from ``src/signedin/_async``: the same flow without waiting.

``python scripts/unasync.py`` writes it; ``--check`` says whether it is up to date. A rule that no
file needs any more is an error, so the list stays true.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent / "src" / "signedin"
RULES = (
    (r"\basync def\b", "def"),
    (r"\basync (?=for\b|with\b)", ""),
    (r"\bawait ", ""),
    (r"\b(wait|connect)_async\b", r"\1"),
    (r"\basync_(?=answer|in_thread|call|connection_class|address_of|side_by_side|pause|converse)", ""),
    (r"\basync(?=contextmanager\b)", ""),
    (r"\bredis\.asyncio\b", "redis"),
    (r"\bAwaitable\[T\]", "T"),
    (r"\bAwaitable, ", ""),
    (r"\bAsyncIterator\b", "Iterator"),
    (r"\b__aiter__\b", "__iter__"),
    (
        r"\bAsync(?=Core|Listing|Endings|Sessions|Store|SqliteStore|RedisStore|PostgresStore|PostgresLink|PostgresOperating|Line\b|Connector\b|Connection\b|ConnectionPool|RawCursor|Pipeline\b|Step\b|Lock\b|RedisLink|RedisClusterLink|RedisOperating|Opening|Connections|Together|Walk|Exchange|Routes|Operating|Visiting|Run|ActiveSession|User|Everyone|Where|DestroyAll|Admin)",
        "",
    ),
)
HEADER = "# Generated from _async by scripts/unasync.py; edit that one.\n"


def generated() -> dict[Path, str]:
    """The text of every generated file, by its path."""
    used = dict.fromkeys((pattern for pattern, _ in RULES), 0)
    files = {}
    for source in sorted((ROOT / "_async").rglob("*.py")):
        text = source.read_text("utf-8")
        for pattern, replacement in RULES:
            text, count = re.subn(pattern, replacement, text)
            used[pattern] += count
        target = ROOT / "_sync" / source.relative_to(ROOT / "_async")
        files[target] = formatted(HEADER + text, target)
    unused = [pattern for pattern, count in used.items() if not count]
    if unused:
        sys.exit(f"scripts/unasync.py: rules that nothing needs: {unused}")
    return files


def formatted(text: str, path: Path) -> str:
    """The text as ruff writes it: lines got shorter, names sort otherwise."""
    for command in (["check", "--fix-only", "--select", "I", "--quiet"], ["format", "--quiet"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--stdin-filename", str(path), "-"],
            input=text,
            capture_output=True,
            text=True,
            check=True,
        )
        text = done.stdout
    return text


def main() -> None:
    """Write the files, or compare them."""
    files = generated()
    there = set((ROOT / "_sync").rglob("*.py"))
    stale = [
        path for path, text in files.items() if not path.exists() or path.read_text("utf-8") != text
    ]
    extra = there - files.keys()
    if "--check" in sys.argv:
        if stale or extra:
            names = ", ".join(str(path.relative_to(ROOT)) for path in (*stale, *extra))
            sys.exit(f"Not what _async says: {names}. Run: python scripts/unasync.py")
        return
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(files[path], "utf-8")
    for path in extra:
        path.unlink()


if __name__ == "__main__":
    main()
