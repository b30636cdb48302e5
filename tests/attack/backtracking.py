"""A matcher for regular expressions that counts its steps: it tries what Python's own tries, in the same order,
without the short cuts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

_parser: Any = re._parser  # type: ignore[attr-defined]
_compiler: Any = re._compiler  # type: ignore[attr-defined]
Go = Callable[[int], bool]


class TooManySteps(Exception):
    """The budget is used up."""


class Matcher:
    """One pattern on one text. budget: steps at most."""

    def __init__(self, pattern: str | bytes, flags: int, text: str | bytes, budget: int) -> None:
        self.tree = _parser.parse(pattern, flags)
        self.text = text
        self.steps = 0
        self._budget = budget
        # What a single character may be is asked of Python's own: it is one step whatever it is.
        self._singles: dict[int, Callable[[Any], Any]] = {}
        self._state = self.tree.state
        self._flags = self.tree.state.flags

    def run(self, method: str) -> int:
        """How many steps it takes: ``match`` at the beginning only, anything else everywhere."""
        ends = (lambda at: at == len(self.text)) if method == "fullmatch" else (lambda at: True)
        at = 0
        while at <= len(self.text):
            reached: list[int] = []

            def end(place: int, reached: list[int] = reached) -> bool:
                reached.append(place)
                return bool(ends(place))

            found = self._all(self.tree, 0, at, end)
            if method in ("match", "fullmatch") or (found and method == "search"):
                break
            at = max(reached[-1], at + 1) if found else at + 1
        return self.steps

    def _all(self, nodes: Any, index: int, at: int, go: Go) -> bool:
        """The nodes from this one on, then what comes behind."""
        self.steps += 1
        if self.steps > self._budget:
            raise TooManySteps
        if index == len(nodes):
            return go(at)
        operation, argument = nodes[index]
        name, rest = str(operation), lambda place: self._all(nodes, index + 1, place, go)
        if name in ("LITERAL", "NOT_LITERAL", "IN", "ANY", "CATEGORY"):
            return self._is_single(nodes[index], at) and rest(at + 1)
        if name == "BRANCH":
            return any(self._all(branch, 0, at, rest) for branch in argument[1])
        if name == "SUBPATTERN":
            return self._all(argument[3], 0, at, rest)
        if name in ("MAX_REPEAT", "MIN_REPEAT"):
            return self._repeat(argument, name == "MAX_REPEAT", at, rest)
        if name in ("ASSERT", "ASSERT_NOT"):
            direction, inner = argument
            start = at if direction > 0 else at - inner.getwidth()[0]
            there = start >= 0 and self._all(inner, 0, start, lambda place: True)
            return there is (name == "ASSERT") and rest(at)
        if name == "AT":
            return self._is_at(nodes[index], at) and rest(at)
        raise NotImplementedError(name)

    def _repeat(self, argument: Any, greedy: bool, at: int, rest: Go) -> bool:
        least, most, inner = argument
        single = len(inner) == 1 and str(inner[0][0]) in ("LITERAL", "NOT_LITERAL", "IN", "ANY")
        if single:
            return self._run_of(inner[0], least, int(most), greedy, at, rest)

        def again(count: int, place: int) -> bool:
            def more() -> bool:
                return count < int(most) and self._all(
                    inner, 0, place, lambda end: end > place and again(count + 1, end)
                )

            if count < least:
                return more()
            return (more() or rest(place)) if greedy else (rest(place) or more())

        return again(0, at)

    def _run_of(self, node: Any, least: int, most: int, greedy: bool, at: int, rest: Go) -> bool:
        """A repeated character, without recursion."""
        longest = at
        if greedy:
            while longest - at < most and self._is_single(node, longest):
                longest += 1
            return any(rest(end) for end in range(longest, at + least - 1, -1))
        return any(end - at >= least and rest(end) for end in self._one_by_one(node, most, at))

    def _one_by_one(self, node: Any, most: int, at: int) -> Iterator[int]:
        yield at
        while most and self._is_single(node, at):
            at, most = at + 1, most - 1
            yield at

    def _is_single(self, node: Any, at: int) -> bool:
        self.steps += 1
        if self.steps > self._budget:
            raise TooManySteps
        return at < len(self.text) and bool(self._ask(node)(self.text[at : at + 1]))

    def _is_at(self, node: Any, at: int) -> bool:
        around = self.text[max(at - 1, 0) : at + 1]
        place = min(at, 1)
        if str(node[1]) in ("AT_BEGINNING", "AT_BEGINNING_STRING"):
            multiline = self._flags & re.MULTILINE
            return at == 0 or bool(multiline and around[:1] in ("\n", b"\n"))
        if str(node[1]) in ("AT_END", "AT_END_STRING"):
            return at == len(self.text) or around[place:] in ("\n", b"\n")
        before, after = (
            bool(re.match(rb"\w" if isinstance(part, bytes) else r"\w", part))
            for part in (around[:place], around[place:])
        )  # type: ignore[type-var]
        return before is not after

    def _ask(self, node: Any) -> Callable[[Any], Any]:
        found = self._singles.get(id(node))
        if found is None:
            alone = _parser.SubPattern(self._state, [node])
            found = self._singles[id(node)] = _compiler.compile(alone, self._flags).match
        return found
