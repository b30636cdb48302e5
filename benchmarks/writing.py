"""The page of figures: what was measured goes in; tables for the page's text, and plots, come out."""

from __future__ import annotations

import re
import statistics
from pathlib import Path
from typing import Any

from .drawing import Bar, Curve, bars, lines, short

PAGE = "docs/benchmarks.md"
ROOT = Path(__file__).parent.parent
ENGINES = {"sqlite": "SQLite", "postgres": "PostgreSQL", "redis": "Redis"}
GROUPS = {"django": "Django", "starlette": "Starlette", "flask": "Flask", "redis": "no framework"}
COLUMNS = {
    "request": "request",
    "request, activity noted": "activity noted",
    "sign-in": "sign-in",
    "list 1": "list 1",
    "list 10": "list 10",
    "list 100": "list 100",
    "revoke one of 10": "revoke one",
    "revoke 9 others": "revoke 9 others",
    "revoke 99 others": "revoke 99 others",
    "bytes a session": "bytes a session",
}
OURS = "signedin"
RENDERED = "GitLab's commands"
MARK = 5.0
"""Milliseconds that 99 of 100 requests are to take at most, at half of what the service can answer."""
BUSY = 0.5
"""From which load on something else ran, too."""
FASTER = 0.9
"""From which share of ours on a peer counts as faster: closer than that is noise."""
ASKED = {
    "an application that does nothing": "bare application",
    "the home page": "home page",
    "the Active Sessions page": "Active Sessions",
}


def pages(found: dict[str, Any]) -> dict[str, str]:
    """What the files are to be, by their paths."""
    text = (ROOT / PAGE).read_text("utf-8")
    made = {
        "machine": machine(found),
        "beside": beside(found["beside"]),
        "costs": "\n\n".join(costs(found["peers"])),
        "faster": faster(found["peers"]),
        "passes": passes(found["peers"]),
        "holds": holds(found["peers"]),
        "growth": growth(found["growth"]),
        "latency": latency(found["latency"]),
    }
    for name, figures in made.items():
        begin, end = f"<!-- figures: {name} -->", "<!-- end of figures -->"
        pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
        assert pattern.search(text), name
        text = pattern.sub(lambda _, one=f"{begin}\n{figures}\n{end}": one, text)
    return {PAGE: text} | {f"docs/images/{name}.svg": svg for name, svg in plots(found).items()}


def beside(found: dict[str, Any]) -> str:
    """The tables of each benchmark, under its command."""
    told = [
        f"`python -m {command}`, {found['date']}:\n\n{text}" for command, text in found["tables"].items()
    ]
    return "\n\n".join(told)


# ── figures ──────────────────────────────────────────────────────────────────────────────────


def middle(runs: list[float | None]) -> float | None:
    """The median of the runs; None where there is nothing to measure."""
    values = [run for run in runs if run is not None]
    return statistics.median(values) if values else None


def cell(runs: list[float | None]) -> str:
    """The median, and by how much the runs lie around it."""
    value = middle(runs)
    if value is None:
        return "–"
    values = [run for run in runs if run is not None]
    around = (max(values) - min(values)) / 2
    return f"{short(value)} ±{short(around)}" if len(values) > 1 and around else short(value)


def sections(peers: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Rows that can be compared: of one framework, on one engine."""
    keys = [(group, engine) for group in GROUPS for engine in ENGINES]
    found = [[row for row in peers if (row["group"], row["engine"]) == key] for key in keys]
    return [rows for rows in found if len(rows) > 1]


def called(rows: list[dict[str, Any]]) -> str:
    return f"{ENGINES[rows[0]['engine']]}, {GROUPS[rows[0]['group']]}"


def machine(found: dict[str, Any]) -> str:
    of = found["machine"]
    how = "one quick run" if found["quick"] else "medians of three runs"
    told = ", ".join(f"{name} {number}" for name, number in found["versions"].items())
    busy = " **The machine was busy with other things, so the figures are noisy.**"
    return (
        f"Measured on {found['date']}, {how}, in {found['minutes']} minutes, on {of['processor']},"
        f" {of['cores']} cores, {of['memory']}, {of['kernel']}; the load of the machine before was"
        f" {of['load before']}.{busy * (of['load before'] > BUSY)}\n\n{told}."
    )


def costs(peers: list[dict[str, Any]]) -> list[str]:
    tables = []
    for rows in sections(peers):
        head = [
            f"| {called(rows)} | {' | '.join(COLUMNS.values())} |",
            "|---" + "|---:" * len(COLUMNS) + "|",
        ]
        for row in rows:
            cells = " | ".join(cell(row["costs"][name]) for name in COLUMNS)
            head.append(f"| {bold(row['peer'])} | {cells} |")
        tables.append("\n".join(head))
    return tables


def bold(peer: str) -> str:
    return f"**{peer}**" if peer == OURS else peer


def faster(peers: list[dict[str, Any]]) -> str:
    """What others do in less time, or keep in less space."""
    lines = ["| where | what | ours | less | of |", "|---|---|---:|---:|---|"]
    for rows in sections(peers):
        ours = next(row for row in rows if row["peer"] == OURS)
        for name, title in COLUMNS.items():
            mine = middle(ours["costs"][name])
            assert mine is not None
            less = [
                (value, row["peer"])
                for row in rows
                if (value := middle(row["costs"][name])) is not None and value < mine * FASTER
            ]
            if less:
                told = ", ".join(peer for _, peer in sorted(less))
                lines.append(
                    f"| {called(rows)} | {title} | {short(mine)} | {short(min(less)[0])} | {told} |"
                )
    return "\n".join(lines)


PASSING = [name for name in COLUMNS if name not in ("bytes a session", "list 1", "list 10")]


def passes(peers: list[dict[str, Any]]) -> str:
    tables = []
    for engine, title in ENGINES.items():
        what = {"sqlite": "statements", "postgres": "statements · waits", "redis": "commands · waits"}
        names = " | ".join(COLUMNS[name] for name in PASSING)
        lines = [f"| {title}, {what[engine]} | {names} |", "|---" + "|---:" * len(PASSING) + "|"]
        for group in GROUPS:
            for row in peers:
                if (row["group"], row["engine"]) == (group, engine):
                    cells = " | ".join(passed(row["passes"][name], engine) for name in PASSING)
                    lines.append(f"| {bold(row['peer'])}, {GROUPS[group]} | {cells} |")
        tables.append("\n".join(lines))
    return "\n\n".join(tables)


def passed(counts: list[int] | None, engine: str) -> str:
    if counts is None:
        return "–"
    return str(counts[0]) if engine == "sqlite" else f"{counts[0]} · {counts[1]}"


def holds(peers: list[dict[str, Any]]) -> str:
    """One line for each peer, for its engines agree. Our own rendering of one would prove nothing."""
    lines = [
        "| | a revoked session stays dead under a slow request | the store has no token |",
        "|---|---|---|",
    ]
    seen: dict[str, set[tuple[bool, bool]]] = {}
    for row in peers:
        if row["peer"] == RENDERED:
            continue
        dead, plain = row["holds"].values()
        seen.setdefault(row["peer"], set()).add((dead, not plain))
    for peer, answers in seen.items():
        told = " | ".join(yes_or_no([answer[n] for answer in answers]) for n in (0, 1))
        lines.append(f"| {bold(peer)} | {told} |")
    return "\n".join(lines)


def yes_or_no(answers: list[bool]) -> str:
    if len(set(answers)) > 1:
        return "on some engines"
    return "yes" if answers[0] else "**no**"


def growth(rows: list[dict[str, Any]]) -> str:
    sizes = sorted({int(size) for row in rows for size in row["list"]})
    lines = [
        f"| µs, by how many sessions there are | {' | '.join(f'{size:,}' for size in sizes)} |",
        "|---" + "|---:" * len(sizes) + "|",
    ]
    for what, title in (("list", "a user's three sessions"), ("request", "a request")):
        for row in rows:
            cells = [short(row[what][str(size)]) if str(size) in row[what] else "" for size in sizes]
            who = f"{bold(row['peer'])}, {ENGINES[row['engine']]}"
            lines.append(f"| {title}: {who} | {' | '.join(cells)} |")
    return "\n".join(lines)


def latency(found: dict[str, Any]) -> str:
    asked = found["asked"]
    shares = [f"at {level['share']:.0%}" for level in asked["the home page"]["levels"]]
    lines = [
        f"| ms | answers a second, at most | {' | '.join(shares)} | at 50%, asleep between |",
        "|---|---:" + "|---:" * len(shares) + "|---:|",
    ]
    for what, measured in asked.items():
        levels = [*measured["levels"], measured["asleep"]]
        most = f"{measured['saturation'][0]:,.0f}"
        for name in (name for name in levels[0] if name.startswith("p")):
            cells = " | ".join(f"{level[name][0]:.2f}" for level in levels)
            lines.append(f"| {what}, {name} | {most} | {cells} |")
        cells = " | ".join(f"{level['busy'][0]:.0%}" for level in levels)
        lines.append(f"| {what}, at work | {most} | {cells} |")
        cells = " | ".join(f"{level['slower'][0]:.2f} ×" for level in levels)
        lines.append(f"| {what}, slower | {most} | {cells} |")
    told = (
        f"Measured on {found['date']} with Python {found['python']}; runs: {found['runs']}, of ten"
        f" pieces; pieces that were set aside, for others used the core: {found['aside']:,}; that"
        f" counted though they did: {found['unsteady']}."
    )
    marks = [marked(what, asked[what]) for what in asked if "page" in what]
    return "\n".join([told, "", *lines, "", *marks])


def marked(what: str, measured: dict[str, Any]) -> str:
    """Whether the mark is kept."""
    ((half, least, most),) = (level["p99"] for level in measured["levels"] if level["share"] == 0.5)
    told = "kept" if half <= MARK else "**missed**"
    return (
        f"- {what[0].upper()}{what[1:]}: {half:.1f} ms at half of it, {least:.1f} to {most:.1f} in the"
        f" runs; the mark of {MARK:g} ms is {told}."
    )


# ── plots ────────────────────────────────────────────────────────────────────────────────────


def plots(found: dict[str, Any]) -> dict[str, str]:
    peers = found["peers"]
    drawn = {}
    for name, key, title in (
        ("benchmarks-request", "request", "A signed-in request, on top of the bare framework"),
        ("benchmarks-sign-in", "sign-in", "Signing in, on top of the bare framework"),
    ):
        rows: list[Bar] = []
        for section in sections(peers):
            rows.append(Bar(called(section)))
            for row in section:
                rows.append(Bar(row["peer"], above_nothing(row["costs"][key]), row["peer"] == OURS))
        drawn[name] = bars(title, "µs, less is better; each step is ten times the one before", rows)
    listed = [
        Curve(
            row["peer"] if row["peer"] != OURS else f"{OURS}",
            [(size, above_nothing(row["costs"][f"list {size}"])) for size in (1, 10, 100)],
            row["peer"] == OURS,
        )
        for row in peers
        if row["engine"] == "sqlite" and middle(row["costs"]["list 1"]) is not None
        and (row["group"] == "django" or row["peer"] != OURS)
    ]  # fmt: skip
    drawn["benchmarks-list"] = lines(
        "A list of a user's sessions, on SQLite", "sessions of the user", "µs", listed
    )
    grown = [
        Curve(
            f"{row['peer']}, {ENGINES[row['engine']]}",
            [(int(size), value) for size, value in row["list"].items()],
            row["peer"] == OURS,
        )
        for row in found["growth"]
    ]
    drawn["benchmarks-growth"] = lines(
        "A user's three sessions, found among all", "sessions of all users", "µs", grown
    )
    waits = [
        Curve(
            ASKED[what],
            [(level["share"], level["p99"][0]) for level in measured["levels"]],
            what == "the Active Sessions page",
        )
        for what, measured in found["latency"]["asked"].items()
    ]
    drawn["benchmarks-latency"] = lines(
        "How long 99 of 100 requests take at most", "share of what the service can answer", "ms", waits,
        even=True,
    )  # fmt: skip
    return drawn


def above_nothing(runs: list[float | None]) -> float:
    """What can be drawn: a difference of two times may come out at nothing."""
    return max(middle(runs) or 0, 1)
