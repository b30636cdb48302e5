"""Coverage-guided fuzzing of every parser: ``python -m tests.attack.fuzz [TARGET|all] --seconds N``.

It needs atheris, which has wheels for some versions of Python only: ``pip install --group fuzz``. An
input that breaks a promise is printed and written to its target's file in ``corpus``, and so are at most
``--keep`` of those that reached new code.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from . import corpus

MODULES = ("signedin", "http_sf")
LONGEST = 4096


def fuzz_one(name: str, folder: str, seconds: int) -> None:
    """Runs until the time is over, in a process of its own: libFuzzer ends the one it runs in."""
    import atheris

    with atheris.instrument_imports(include=list(MODULES)):
        from .targets import TARGETS
    target = TARGETS[name]
    options = [f"-max_total_time={seconds}", f"-max_len={LONGEST}", "-timeout=5", "-rss_limit_mb=4096"]
    atheris.Setup([sys.argv[0], folder, f"-artifact_prefix={folder}/broken-", *options], target)
    atheris.Fuzz()


def fuzz(name: str, seconds: int, keep: int) -> bool:
    """Whether the target kept its promise all the time."""
    with tempfile.TemporaryDirectory(prefix="signedin-fuzz-") as folder:
        known = corpus.seeds(name)
        for number, data in enumerate(known):
            (Path(folder) / f"seed-{number}").write_bytes(data)
        command = [sys.executable, "-m", __spec__.name, name, "--seconds", str(seconds), "--in", folder]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        broken = [path.read_bytes() for path in Path(folder).glob("broken-*")]
        found = sorted(
            (path.read_bytes() for path in Path(folder).iterdir() if len(path.name) == 40), key=len
        )
        corpus.keep(name, [*broken, *found[:keep]])
    runs = [line for line in done.stderr.splitlines() if line.startswith("Done ")]
    print(f"{name}: {runs[0] if runs else done.stderr[-3000:]}", flush=True)
    for data in broken:
        print(f"{name}: broken by {data!r}")
    return done.returncode == 0


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", nargs="?", default="all")
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--keep", type=int, default=0, help="most inputs that go into the corpus")
    parser.add_argument("--in", dest="folder", help=argparse.SUPPRESS)
    told = parser.parse_args()
    if told.folder:
        fuzz_one(told.target, told.folder, told.seconds)
        return
    try:
        import atheris  # noqa: F401
    except ImportError:
        version = ".".join(map(str, sys.version_info[:2]))
        sys.exit(
            f"There is no atheris here (Python {version}). Where it has a wheel: pip install --group"
            " fuzz. Elsewhere the tests alone try the parsers: pytest tests/attack/test_fuzz.py"
        )
    names = sorted(path.stem for path in corpus.FOLDER.glob("*.txt"))
    chosen = names if told.target == "all" else [told.target]
    good = [fuzz(name, told.seconds, told.keep) for name in chosen]
    sys.exit(0 if all(good) else 1)


if __name__ == "__main__":
    main()
