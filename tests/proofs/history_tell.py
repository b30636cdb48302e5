"""What people are told of a history: how much there was, and each violation with the log around it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from .history_check import RULES, Report, Violation
from .history_log import MS, Operation
from .history_registers import NEVER, REVOKES

SHOWN = 3
"""So many violations with their excerpts; the others are counted."""
LINES = 16


def tell(report: Report, history: Callable[[], Iterable[Operation]], took: float) -> str:
    """The summary."""
    total = sum(report.counts.values())
    lines = [
        f"{total:,} operations in {report.seconds:.1f} s ({report.of('validate') / report.seconds:,.0f}"
        f" validations a second), checked in {took:.1f} s",
        "  " + ", ".join(f"{name} {count:,}" for name, count in report.processes.most_common()),
    ]
    kinds: dict[str, Counter[str]] = {}
    for (kind, outcome), count in report.counts.items():
        kinds.setdefault(kind, Counter())[outcome] += count
    for kind, outcomes in sorted(kinds.items(), key=lambda item: -item[1].total()):
        told = ", ".join(f"{outcome} {count:,}" for outcome, count in outcomes.most_common())
        lines.append(f"  {kind:14}{outcomes.total():>10,}   {told}")
    lines.append(
        f"  {report.sessions:,} sessions, {report.ended:,} of which ended; {report.series:,} remembered"
        f" browsers, {report.forgotten:,} of which were forgotten"
    )
    if report.soonest < NEVER:
        soon = ", ".join(f"{count:,} within {within // MS} ms" for within, count in report.soon.items())
        lines.append(
            f"  validations that began after their session's end had returned in another process: {soon}; the first after"
            f" {report.soonest / 1000:.0f} µs"
        )
    if not report.violations:
        return "\n".join([*lines, "  no violation"])
    rules = Counter(violation.rule for violation in report.violations)
    lines += [f"  VIOLATED {rules[rule]:,} times: {rule}" for rule in RULES if rules[rule]]
    shown = _one_of_each(report.violations)
    for violation, excerpt in zip(shown, _excerpts(shown, history), strict=True):
        about = f"session {violation.session[:8]}" if violation.session else "a user's sessions"
        lines.append(f"  {violation.rule}: {about} of {violation.user}")
        lines += excerpt
    return "\n".join(lines)


def _one_of_each(violations: list[Violation]) -> list[Violation]:
    """The first of each rule, and then the next ones."""
    first = {violation.rule: violation for violation in reversed(violations)}
    chosen = [first[rule] for rule in RULES if rule in first]
    return (chosen + [each for each in violations if each not in chosen])[: max(SHOWN, len(chosen))]


def _excerpts(
    violations: list[Violation], history: Callable[[], Iterable[Operation]]
) -> list[list[str]]:
    """Of each the log around what can't all be true, which is marked."""
    near: list[list[Operation]] = [[] for _ in violations]
    users = {violation.user for violation in violations}
    for operation in history():
        if operation.user not in users:
            continue
        for violation, found in zip(violations, near, strict=True):
            if operation.user == violation.user and (
                violation.session is None or _is_about(operation, violation.session)
            ):
                found.append(operation)
    return [_excerpt(*each) for each in zip(violations, near, strict=True)]


def _is_about(operation: Operation, session: str) -> bool:
    made = operation.made is not None and operation.made.session == session
    named = session in (operation.session, *operation.ids, *(operation.ended or ()))
    return made or named or operation.kind in REVOKES


def _excerpt(violation: Violation, around: list[Operation]) -> list[str]:
    around.sort(key=lambda operation: operation.start)
    marked = [around.index(operation) for operation in violation.operations if operation in around]
    wanted = {place for place in marked for place in range(place - 3, place + 3)}
    lines, last = [], -1
    for place in sorted(place for place in wanted if 0 <= place < len(around))[:LINES]:
        if place > last + 1:
            lines.append("      …")
        lines.append(f"    {'>' if place in marked else ' '} {around[place]}")
        last = place
    return lines
