"""The page of figures: it says what was measured, and its plots can be read."""

from __future__ import annotations

import itertools
import json
import re
import subprocess
import sys
from xml.etree import ElementTree

import pytest
from benchmarks import report, writing
from benchmarks.drawing import Curve, lines, numbered, short
from playwright.sync_api import sync_playwright

from ..web.chromium import ARGUMENTS
from .test_docs import ROOT

FOUND = json.loads((ROOT / "docs" / "benchmarks.json").read_text())
CONTRAST = """
() => {
  const light = colour => {
    const parts = colour.match(/\\d+/g).slice(0, 3).map(part => part / 255)
    const [r, g, b] = parts.map(p => p <= 0.04045 ? p / 12.92 : ((p + 0.055) / 1.055) ** 2.4)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  }
  const back = light(getComputedStyle(document.querySelector(".back")).fill)
  const least = what => Math.min(...[...document.querySelectorAll(what)].map(each => {
    const style = getComputedStyle(each), own = light(style.fill === "none" ? style.stroke : style.fill)
    return (Math.max(own, back) + 0.05) / (Math.min(own, back) + 0.05)
  }))
  const words = [...document.querySelectorAll("text")], boxes = words.map(each => each.getBBox())
  const meet = (a, b) => a !== b && a.x < b.x + b.width + 4 && b.x < a.x + a.width + 4
    && a.y + 2 < b.y + b.height && b.y + 2 < a.y + a.height
  const out = words.filter((_, at) => {
    const box = boxes[at]
    return box.x < 0 || box.x + box.width > 860 || boxes.some(other => meet(box, other))
  })
  const drawn = least("path:not(.grid), rect:not(.back)")
  return [least("text"), drawn, out.map(each => each.textContent), back]
}
"""


def test_the_page_says_what_was_measured() -> None:
    """Tables and plots are those that ``python -m benchmarks.report --write`` makes of the figures."""
    for path, text in writing.pages(FOUND).items():
        assert (ROOT / path).read_text() == text, path


def said(name: str, start: str) -> str:
    """The line of a page that starts so."""
    (line,) = [line for line in (ROOT / name).read_text().splitlines() if line.startswith(start)]
    return line


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_promises_say_what_was_measured() -> None:
    """The figures in the promises are those of the tables that they come from, and where another package is
    as quick it is named.
    """
    validate = "| validate, the whole flow |"
    text = (ROOT / "docs" / "stores.md").read_text()
    of_select, of_get = [cells(line)[3] for line in text.splitlines() if line.startswith(validate)]
    of_key, of_few = [
        cells(said("README.md", f"| validate, {size} sessions |"))[4] for size in ("1,000,000", "10,000")
    ]
    told = said("docs/promises.md", "| A validation costs")
    assert re.findall(r"\d\.\d+", told) == [
        of_get,
        *(f"{float(ratio):.1f}" for ratio in (of_select, of_key, of_few)),
    ]

    decision = (ROOT / "docs/decisions/0019-what-a-request-costs-in-a-framework.md").read_text()
    ratios = [cells(line)[3] for line in decision.splitlines() if re.match(r"\|.*\| \d", line)]
    told = said("docs/promises.md", "| A signed-in request costs")
    assert f"costs {min(ratios, key=float)} to {max(ratios, key=float)} of" in told
    request = {
        (row["group"], row["engine"], row["peer"]): writing.middle(row["costs"]["request"])
        for row in FOUND["peers"]
    }
    quicker = {}
    for (group, engine, peer), theirs in request.items():
        ours = request[group, engine, "signedin"]
        assert theirs is not None
        assert ours is not None
        if peer != "signedin" and theirs <= ours:
            quicker[peer] = [short(theirs), short(ours)]
    assert set(quicker) == {"Django cached_db", "Flask-Session"}
    assert re.findall(r"\((\d+)[^)]*ours (\d+)\)", told) == [tuple(two) for two in quicker.values()]

    space = {
        (row["group"], row["engine"]): short(writing.middle(row["costs"]["bytes a session"]) or 0)
        for row in FOUND["peers"]
        if row["peer"] == "signedin"
    }
    told = said("docs/promises.md", "| A session takes")
    assert re.findall(r"\b\d{3}\b", cells(told)[0]) == [
        *re.findall(r"takes (\d+) bytes on Valkey", text),
        *(space[of] for of in [("flask", "sqlite"), ("flask", "postgres")]),
        *(space[of] for of in [("django", "sqlite"), ("django", "postgres")]),
    ]
    half = {
        page: writing.middle(next(each for each in found["levels"] if each["share"] == 0.5)["p99"]) or 0
        for page, found in FOUND["latency"]["asked"].items()
    }
    told = cells(said("docs/promises.md", "| The home page of the service"))[0]
    assert re.findall(r"\d+\.\d", told) == [
        f"{half[page]:.1f}" for page in ("the home page", "the Active Sessions page")
    ]


def test_the_last_score() -> None:
    """At least nine of ten small changes of the rules, of the flow and of both were noticed."""
    text = (ROOT / "docs" / "proofs.md").read_text()
    found = dict(re.findall(r"^(rules|flow|all) .* ([\d.]+) %$", text, re.MULTILINE))
    assert found.keys() == {"rules", "flow", "all"}
    assert min(map(float, found.values())) >= 90


def test_promises_say_how_it_grows() -> None:
    """What a user does takes as long among many sessions as among few, within a tenth; what goes through all
    doesn't. So say the table of PostgreSQL, and those of each engine without a framework.
    """
    text = (ROOT / "docs" / "postgresql.md").read_text()
    table = text[text.index("| last ÷ first |") :].partition("\n\n")[0].splitlines()[2:]
    grown = {cells(line)[0]: float(cells(line)[-1]) for line in table}
    walks = {"search by address", "search, latest first", "counts"}
    assert {name for name, last in grown.items() if not 0.9 < last < 1.1} == walks
    assert len(grown) - len(walks) == 10
    ours = {row["engine"]: row for row in FOUND["growth"] if row["peer"] == "signedin"}
    assert ours.keys() == {"sqlite", "redis", "postgres"}
    for row in ours.values():
        for what in ("request", "list"):
            assert row[what]["3000000"] < 1.1 * row[what]["1000"]


def test_the_page_shows_every_plot() -> None:
    """None is made for nothing."""
    text = (ROOT / writing.PAGE).read_text()
    for name, svg in writing.plots(FOUND).items():
        assert f"images/{name}.svg" in text
        ElementTree.fromstring(svg)


def test_every_curve_that_grows_has_a_colour() -> None:
    """Each package its own, and ours one; a report that has measured for half an hour must be drawn."""
    curves = [Curve(peer, [], peer == writing.OURS) for _, peer, _ in report.GROWING]
    others = [kind for kind in numbered(curves) if kind]
    assert len(others) == len(set(others)) == sum(not curve.ours for curve in curves)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_plots_are_read_in_both_schemes(scheme: str) -> None:
    """Words stand out from the ground (WCAG 1.4.3), bars and curves too (1.4.11); no word leaves the picture
    or stands on another.
    """
    grounds = set()
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=ARGUMENTS)
        page = chromium.new_page(color_scheme=scheme)
        for svg in writing.plots(FOUND).values():
            page.set_content(svg)
            text, drawn, out, ground = page.evaluate(CONTRAST)
            assert text >= 4.5
            assert drawn >= 3
            assert out == []
            grounds.add(ground > 0.5)
        chromium.close()
    assert grounds == {scheme == "light"}


@pytest.mark.parametrize(
    ("group", "peer", "dead"),
    [
        ("starlette", "signedin", True),
        ("starlette", "starsessions", False),
        ("flask", "signedin", True),
        ("django", "signedin", True),
    ],
)
def test_what_is_counted(group: str, peer: str, dead: bool) -> None:
    """Ours asks once for a request and once for a list, and stays dead; the experiment shows who doesn't."""
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.peers", group, peer, "redis", "--count"]
    found = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True, cwd=ROOT).stdout)
    assert list(found["holds"].values()) == [dead, not dead]
    waits = {name: None if passed is None else passed[1] for name, passed in found["passes"].items()}
    assert waits["request"] == (1 if dead else 2)
    assert waits["list 100"] == waits["revoke 99 others"] == (1 if dead else None)


def test_names_of_curves_keep_apart() -> None:
    """Curves that end at one place have their names one below the other."""
    drawn = lines("x", "x", "x", [Curve(name, [(1, 10), (10, 100)]) for name in ("a", "b", "c")])
    places = [
        float(each.get("y", ""))
        for each in ElementTree.fromstring(drawn)
        if each.text in ("a", "b", "c")
    ]
    assert len(places) == 3
    assert min(after - before for before, after in itertools.pairwise(places)) >= 18


def test_short() -> None:
    """Three digits, and no more noise than that."""
    assert [short(value) for value in (0.123, 4.56, 45.6, 456.7, 4567, 45678)] == [
        "0.12", "4.6", "46", "457", "4,570", "45,700",
    ]  # fmt: skip


def test_who_is_faster_is_told() -> None:
    """A peer with nine tenths of our time or less is in the list, a nearer one isn't."""

    def row(peer: str, request: float) -> dict[str, object]:
        costs = {name: [request if name == "request" else 100.0] for name in writing.COLUMNS}
        return {"group": "flask", "engine": "redis", "peer": peer, "costs": costs}

    told = writing.faster(
        [row("signedin", 100), row("Nearly", 91), row("Quick", 80), row("Quicker", 50)]
    )
    assert told.splitlines()[2:] == ["| Redis, Flask | request | 100 | 50 | Quicker, Quick |"]
