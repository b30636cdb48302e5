"""The page of figures: it says what was measured, and its plots can be read."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from xml.etree import ElementTree

import pytest
from benchmarks import writing
from benchmarks.drawing import Curve, lines, short
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
  const out = [...document.querySelectorAll("text")].filter(each => {
    const box = each.getBBox()
    return box.x < 0 || box.x + box.width > 860
  })
  const drawn = least("path:not(.grid), rect:not(.back)")
  return [least("text"), drawn, out.map(each => each.textContent), back]
}
"""


def test_the_page_says_what_was_measured() -> None:
    """Tables and plots are those that ``python -m benchmarks.report --write`` makes of the figures."""
    for path, text in writing.pages(FOUND).items():
        assert (ROOT / path).read_text() == text, path


def test_the_page_shows_every_plot() -> None:
    """None is made for nothing."""
    text = (ROOT / writing.PAGE).read_text()
    for name, svg in writing.plots(FOUND).items():
        assert f"images/{name}.svg" in text
        ElementTree.fromstring(svg)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_plots_are_read_in_both_schemes(scheme: str) -> None:
    """Words stand out from the ground (WCAG 1.4.3), bars and curves too (1.4.11), and no word leaves the picture."""
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
