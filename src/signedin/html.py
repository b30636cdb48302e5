"""Templates as HTML: one way to load them, in which everything they print is escaped. Pure."""

from __future__ import annotations

import re
from typing import Any, Final

from jinja2 import BaseLoader, Environment, StrictUndefined
from jinja2.compiler import CodeGenerator, Frame
from jinja2.nodes import Expr
from markupsafe import Markup, escape

from .messages import say

_special: Final = re.compile("[&<>'\"]").search


class _Generator(CodeGenerator):
    """Compiles ``{{ value }}`` to a call of :meth:`Templates.escaped`.

    Jinja's own ``escape`` makes a ``Markup`` of every value, which was a quarter of what the template of
    ten sessions cost. Were this hook to go, Jinja's own would be in its place again.
    """

    def _output_child_pre(self, node: Expr, frame: Frame, finalize: Any) -> None:
        if frame.eval_ctx.autoescape and not frame.eval_ctx.volatile:
            self.write("environment.escaped(")
        else:
            super()._output_child_pre(node, frame, finalize)


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
