"""The mutants of a file: each is one small change that some test should notice.

Left out is what is no behaviour: annotations and types, imports, docstrings, assertions (they state
types), wording (what is raised or logged, ``__repr__``, texts of three words and more), and what only
makes faster or smaller (``lru_cache``'s size, ``slots``, ``gc``).
"""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from types import CodeType
from typing import Final, TypeAlias, TypeVar

N = TypeVar("N", bound=ast.AST)
Place: TypeAlias = tuple[ast.AST, str, int | None]
"""A parent, its field, and which of the field's nodes, if it has several."""
Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef

_COMPARED: Final[dict[type[ast.cmpop], type[ast.cmpop]]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_COMPUTED: Final[dict[type[ast.operator], type[ast.operator]]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.Div: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
    ast.BitXor: ast.BitOr,
}
_SWAPPED: Final = {
    "min": "max",
    "any": "all",
    "startswith": "endswith",
    "removeprefix": "removesuffix",
    "lstrip": "rstrip",
    "partition": "rpartition",
}
_SWAPPED_BOTH_WAYS: Final = _SWAPPED | {there: here for here, there in _SWAPPED.items()}
_SPARED: Final = {"strip", "lower", "upper", "casefold"}
"""Methods without which the text stays as it is."""
_TYPES: Final = {"Literal", "NewType", "TypeVar", "Callable", "get_args"}
_IMPORTS: Final = (ast.Import, ast.ImportFrom, ast.Assert, ast.Global, ast.Nonlocal)


@dataclass(eq=False)
class Mutant:
    """One change. lines: those of its statement, by which the tests that run it are known. function:
    name and first line of the outermost function that it is in; None where it is in none. diff: the
    lines that change, with ``-`` and ``+`` before them.
    """

    path: Path
    line: int
    lines: range
    function: tuple[str, int] | None
    diff: list[str]
    _tree: ast.Module
    _place: Place
    _new: ast.AST

    @property
    def after(self) -> str:
        """The lines as they have become, as one."""
        return " ".join(line[2:] for line in self.diff if line[0] == "+")

    def code(self) -> CodeType:
        """The file's code with the change."""
        old = _put(self._place, self._new)
        try:
            return compile(ast.fix_missing_locations(self._tree), str(self.path), "exec")
        finally:
            _put(self._place, old)


def mutants_of(path: Path) -> list[Mutant]:
    """All mutants of a file, in the order of its text."""
    tree = ast.parse(path.read_text("utf-8"))
    return list(_Walk(path, tree).inside(tree, tree, None, ()))


class _Walk:
    def __init__(self, path: Path, tree: ast.Module) -> None:
        self._path = path
        self._tree = tree

    def inside(
        self, node: ast.AST, statement: ast.AST, function: tuple[str, int] | None, names: tuple[str, ...]
    ) -> Iterator[Mutant]:
        """The mutants of what the node is made of. names: of the classes and functions around it."""
        for field, value in ast.iter_fields(node):
            for index, child in enumerate(value) if isinstance(value, list) else ((None, value),):
                if not isinstance(child, ast.AST) or _is_left_out(node, field, child, names):
                    continue
                inner, around, called = statement, function, names
                if isinstance(child, (ast.stmt, ast.ExceptHandler, ast.match_case)):
                    inner = child
                if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                    called = (*names, child.name)
                if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and field == "body":
                    around = function or (".".join(names), _first_line(node))
                for new in _changes(node, field, child):
                    yield self._mutant((node, field, index), child, new, inner, around)
                yield from self.inside(child, inner, around, called)

    def _mutant(
        self,
        place: Place,
        child: ast.AST,
        new: ast.AST,
        statement: ast.AST,
        function: tuple[str, int] | None,
    ) -> Mutant:
        shown = place[0] if statement is child else statement
        before = ast.unparse(shown).splitlines()
        old = _put(place, new)
        after = ast.unparse(ast.fix_missing_locations(shown)).splitlines()
        _put(place, old)
        diff = [line[:2] + line[2:].strip() for line in difflib.ndiff(before, after) if line[0] in "+-"]
        lines = _lines(statement)
        line = getattr(child, "lineno", lines[0])
        return Mutant(self._path, line, lines, function, diff, self._tree, place, new)


def _put(place: Place, new: ast.AST) -> ast.AST:
    """The node in this place; what was there."""
    parent, field, index = place
    if index is None:
        old: ast.AST = getattr(parent, field)
        setattr(parent, field, new)
    else:
        items = getattr(parent, field)
        old, items[index] = items[index], new
    return old


def _first_line(function: Function) -> int:
    """The line where the code of a function begins, as Python counts: at its first decorator."""
    return min(node.lineno for node in (function, *function.decorator_list))


def _lines(statement: ast.AST) -> range:
    """The lines of a statement, without those of the statements in it."""
    if isinstance(statement, ast.match_case):
        return range(statement.pattern.lineno, statement.pattern.lineno + 1)
    if not isinstance(statement, (ast.stmt, ast.ExceptHandler)):
        return range(1, 2)
    body = getattr(statement, "body", None)
    end = body[0].lineno if body else (statement.end_lineno or statement.lineno) + 1
    return range(statement.lineno, max(end, statement.lineno + 1))


# ── what is left out ─────────────────────────────────────────────────────────────────────────


def _is_left_out(parent: ast.AST, field: str, node: ast.AST, names: tuple[str, ...]) -> bool:
    if isinstance(node, _IMPORTS) or field in ("annotation", "returns"):
        return True
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant) or _name(node.value).startswith("logger.")
    if isinstance(node, ast.If):
        return _name(node.test) == "TYPE_CHECKING"
    if isinstance(node, (ast.Assign, ast.AnnAssign)):
        alias = isinstance(node, ast.AnnAssign) and _name(node.annotation) == "TypeAlias"
        return alias or (node.value is not None and _is_type(node.value))
    if isinstance(node, (ast.Subscript, ast.Call)):
        called = _name(node.value if isinstance(node, ast.Subscript) else node.func)
        return called in _TYPES or (called == "lru_cache" and field == "decorator_list")
    if isinstance(node, ast.keyword):
        return node.arg in ("slots", "gc")
    if isinstance(node, (ast.Constant, ast.JoinedStr)) and isinstance(parent, ast.Call):
        called = _name(parent.func)
        return called == "lru_cache" or called.endswith("Error") or _is_wording(node, names)
    return isinstance(node, (ast.Constant, ast.JoinedStr)) and _is_wording(node, names)


def _is_wording(node: ast.Constant | ast.JoinedStr, names: tuple[str, ...]) -> bool:
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    texts = [part.value if isinstance(part, ast.Constant) else "x" for part in parts]
    if not all(isinstance(text, str) for text in texts):
        return False
    return names[-1:] == ("__repr__",) or bool(re.search(r"\w+'?\w* \w+ \w+", "".join(map(str, texts))))


def _is_type(node: ast.AST) -> bool:
    """Whether it is names and ``|`` alone: a union of types."""
    return isinstance(node, ast.BinOp) and all(
        isinstance(part, (ast.BinOp, ast.BitOr, ast.Name, ast.Load)) for part in ast.walk(node)
    )


def _name(node: ast.AST) -> str:
    """The dotted name of what is called, awaited or looked up; empty for anything else."""
    if isinstance(node, (ast.Call, ast.Await)):
        return _name(node.func if isinstance(node, ast.Call) else node.value)
    if isinstance(node, ast.Attribute):
        return f"{_name(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


# ── what is changed ──────────────────────────────────────────────────────────────────────────


def _changes(parent: ast.AST, field: str, node: ast.AST) -> Iterator[ast.AST]:
    """What may stand in the place of a node."""
    if isinstance(node, ast.stmt):
        yield from _of_statement(node)
    elif isinstance(node, ast.expr):
        yield from _of_expression(node)
        asked = field in ("test", "guard") or (field == "ifs" and isinstance(parent, ast.comprehension))
        if asked and not _is_negated_already(node):
            yield ast.UnaryOp(ast.Not(), node)
    elif isinstance(node, ast.comprehension):
        yield from (_with(node, ifs=_without(node.ifs, n)) for n in range(len(node.ifs)))
    elif isinstance(node, ast.ExceptHandler):
        yield _with(node, type=ast.Tuple([], ast.Load()))
        if isinstance(node.type, ast.Tuple):
            for n in range(len(node.type.elts)):
                yield _with(node, type=_with(node.type, elts=_without(node.type.elts, n)))
    elif isinstance(node, ast.match_case):
        yield _with(node, guard=ast.Constant(False))


def _is_negated_already(node: ast.expr) -> bool:
    """Whether a change of its own says the opposite."""
    equal = (ast.Is, ast.IsNot, ast.Eq, ast.NotEq, ast.In, ast.NotIn)
    compared = isinstance(node, ast.Compare) and len(node.ops) == 1 and isinstance(node.ops[0], equal)
    return compared or isinstance(node, (ast.UnaryOp, ast.Constant))


def _of_statement(node: ast.stmt) -> Iterator[ast.AST]:
    match node:
        case ast.Expr() | ast.Raise() | ast.Delete():
            yield ast.Pass()
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript(), *_]):
            yield ast.Pass()
        case ast.AugAssign(op=op):
            yield ast.Pass()
            if type(op) in (ast.Add, ast.Sub):
                yield _with(node, op=_COMPUTED[type(op)]())
        case ast.Return(value=ast.expr() as value) if not isinstance(value, ast.Constant):
            yield ast.Return(ast.Constant(None))
        case ast.Break():
            yield ast.Continue()
        case ast.Continue():
            yield ast.Break()
        case ast.For():
            yield _with(node, iter=ast.Tuple([], ast.Load()))


def _of_expression(node: ast.expr) -> Iterator[ast.AST]:
    match node:
        case ast.Compare(ops=ops):
            for n, op in enumerate(ops):
                yield _with(node, ops=[*ops[:n], _COMPARED[type(op)](), *ops[n + 1 :]])
        case ast.BoolOp(op=op, values=values):
            yield _with(node, op=ast.Or() if isinstance(op, ast.And) else ast.And())
            for n in range(len(values)):
                rest = _without(values, n)
                yield rest[0] if len(rest) == 1 else _with(node, values=rest)
        case ast.UnaryOp(operand=operand):
            yield operand
        case ast.BinOp(op=op) if type(op) in _COMPUTED:
            yield _with(node, op=_COMPUTED[type(op)]())
        case ast.Constant(value=bool(value)):
            yield ast.Constant(not value)
        case ast.Constant(value=int(value)):
            yield ast.Constant(value + 1)
        case ast.Constant(value=str(value)):
            yield ast.Constant("" if value else "x")
        case ast.Constant(value=bytes(value)):
            yield ast.Constant(b"" if value else b"x")
        case ast.Call():
            yield from _of_call(node)
        case ast.Slice(lower=lower, upper=upper):
            if lower is not None:
                yield _with(node, lower=None)
            if upper is not None:
                yield _with(node, upper=None)


def _of_call(node: ast.Call) -> Iterator[ast.AST]:
    for n, keyword in enumerate(node.keywords):
        # A constant has a mutant of its own, unless it is None.
        plain = isinstance(keyword.value, ast.Constant) and keyword.value.value is not None
        if keyword.arg is not None and not plain:
            yield _with(node, keywords=_without(node.keywords, n))
    match node.func:
        case ast.Name(id=name) if name in _SWAPPED_BOTH_WAYS:
            yield _with(node, func=ast.Name(_SWAPPED_BOTH_WAYS[name], ast.Load()))
        case ast.Attribute(attr=name) if name in _SWAPPED_BOTH_WAYS:
            yield _with(node, func=_with(node.func, attr=_SWAPPED_BOTH_WAYS[name]))
        case ast.Attribute(value=value, attr=name) if name in _SPARED:
            yield value


def _with(node: N, **fields: object) -> N:
    """A copy of the node with these fields."""
    other = copy(node)
    for name, value in fields.items():
        setattr(other, name, value)
    return other


def _without(items: Sequence[N], index: int) -> list[N]:
    return [*items[:index], *items[index + 1 :]]
