"""Templates as HTML: one way to load them, in which everything they print is escaped. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from jinja2 import BaseLoader, Environment, StrictUndefined
from jinja2.compiler import CodeGenerator, Frame
from jinja2.nodes import Call, Expr, Getattr
from markupsafe import Markup, escape

from .messages import say

_special: Final = re.compile("[&<>'\"]").search


class _Generator(CodeGenerator):
    """Compiles to what our templates need, which is less work: a page of ten sessions prints 400 values.
    Were these hooks to go, Jinja's own would be in their place again.

    ``{{ value }}`` calls :meth:`Templates.escaped`; Jinja's own ``escape`` makes a ``Markup`` of every
    value. ``a.b`` is Python's; Jinja's looks for an item, too. A call doesn't ask whether the context is
    wanted.
    """

    def _output_child_pre(self, node: Expr, frame: Frame, finalize: Any) -> None:
        if frame.eval_ctx.autoescape and not frame.eval_ctx.volatile:
            self.write("environment.escaped(")
        else:
            super()._output_child_pre(node, frame, finalize)

    def visit_Getattr(self, node: Getattr, frame: Frame) -> None:
        self.visit(node.node, frame)
        self.write(f".{node.attr}")

    def visit_Call(self, node: Call, frame: Frame, forward_caller: bool = False) -> None:
        self.write("environment.called(")
        self.visit(node.node, frame)
        self.signature(node, frame, {"caller": "caller"} if forward_caller else None)
        self.write(")")


class Templates(Environment):
    """Our templates. A name that isn't given is an error, not an empty place."""

    code_generator_class = _Generator

    def __init__(self, loader: BaseLoader) -> None:
        super().__init__(
            loader=loader,
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        # A filter of a constant is worked out when a template is compiled, not each time it is drawn.
        self.filters["say"] = say

    @staticmethod
    def escaped(value: object) -> str:
        """A value as HTML: itself if it is HTML already, or has nothing to escape."""
        kind = type(value)
        if kind is Markup or (kind is str and not _special(value)):  # type: ignore[call-overload]
            return value  # type: ignore[return-value]
        return escape(value)

    @staticmethod
    def called(function: Callable[..., Any], *values: Any, **named: Any) -> Any:
        """What a function gives, or a macro."""
        return function(*values, **named)
