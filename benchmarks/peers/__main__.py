"""``python -m benchmarks.peers GROUP PEER ENGINE [--quick]``: one peer on one engine, as JSON."""

from __future__ import annotations

import argparse
import json
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

from ..tools import pin
from .measuring import Measured
from .places import ENGINES, Place

GROUPS = {
    "django": "django_sites",
    "starlette": "starlette_apps",
    "flask": "flask_apps",
    "redis": "gitlab",
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("group", choices=GROUPS)
    parser.add_argument("peer")
    parser.add_argument("engine", choices=ENGINES)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--count", action="store_true", help="Statements, not times.")
    parser.add_argument(
        "--grow", type=int, nargs="+", help="Stores of these sizes, from small to large."
    )
    chosen = parser.parse_args()
    pin()
    module = import_module(f".{GROUPS[chosen.group]}", __package__)
    with tempfile.TemporaryDirectory(prefix="signedin-bench-") as folder:
        place = Place(chosen.engine, Path(folder), chosen.count)
        make, _ = module.PEERS[chosen.peer]
        measured = Measured(make(place), place, chosen.quick)
        found: Any
        if chosen.grow:
            found = measured.growth(chosen.grow)
        elif chosen.count:
            found = {"passes": measured.passes(), "holds": measured.holds()}
        else:
            found = measured.costs()
        measured.close()
        place.stop()
    print(json.dumps(found))


if __name__ == "__main__":
    main()
