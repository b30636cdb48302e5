"""Templates as HTML: one way to load them, in which everything they print is escaped. Pure."""

from __future__ import annotations

import html
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import markupsafe
from jinja2 import BaseLoader, Environment, StrictUndefined
from jinja2.compiler import CodeGenerator, Frame, MacroRef
from jinja2.nodes import Call, Expr, Getattr
from markupsafe import Markup, escape

from .messages import say

# What ``escape`` itself calls, in C; it then makes a ``Markup`` of every value, which takes much longer.
_escape_text: Final[Callable[[str], str]] = getattr(markupsafe, "_escape_inner", html.escape)

# ``Markup`` of what is known to be text, which it would ask first.
_html: Final[Callable[[str], Markup]] = partial(str.__new__, Markup)


class _Generator(CodeGenerator):
    """Compiles to what our templates need, which is less work: a page of ten sessions prints 400 values.
    Were these hooks to go, Jinja's own would be in their place again.

    ``{{ value }}`` escapes text where it stands, and only for the rest calls :meth:`Templates.escaped`.
    ``a.b`` and ``a(b)`` are Python's; Jinja's look for an item, too, and ask whether the context is
    wanted. A macro that has no defaults is a function; Jinja's sorts its arguments out at each call.
    """

    def write_commons(self) -> None:
        super().write_commons()
        self.writeline("escape_text = environment.escape_text")

    def _output_child_pre(self, node: Expr, frame: Frame, finalize: Any) -> None:
        if _escapes(frame):
            self.write("(escape_text(value) if type(value := ")
        else:
            super()._output_child_pre(node, frame, finalize)

    def _output_child_post(self, node: Expr, frame: Frame, finalize: Any) -> None:
        if _escapes(frame):
            self.write(") is str else environment.escaped(value))")
        else:
            super()._output_child_post(node, frame, finalize)

    def visit_Getattr(self, node: Getattr, frame: Frame) -> None:
        self.visit(node.node, frame)
        self.write(f".{node.attr}")

    def visit_Call(self, node: Call, frame: Frame, forward_caller: bool = False) -> None:
        if node.kwargs or node.dyn_args or node.dyn_kwargs or forward_caller:
            super().visit_Call(node, frame, forward_caller=forward_caller)
            return
        self.visit(node.node, frame)
        self.write("(")
        for argument in node.args:
            self.visit(argument, frame)
            self.write(", ")
        self.write(")")

    def macro_def(self, macro_ref: MacroRef, frame: Frame) -> None:
        sorts = macro_ref.accesses_caller or macro_ref.accesses_kwargs or macro_ref.accesses_varargs
        if sorts or macro_ref.node.defaults or not _escapes(frame):
            super().macro_def(macro_ref, frame)
        else:
            self.write("environment.macro(macro)")


def _escapes(frame: Frame) -> bool:
    return frame.eval_ctx.autoescape and not frame.eval_ctx.volatile


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
        # A template knows what it is given; Jinja's own would be copied each time that one is drawn.
        self.globals.clear()
        # A filter of a constant is worked out when a template is compiled, not each time it is drawn.
        self.filters["say"] = say

    escape_text = staticmethod(_escape_text)
    """A text as HTML."""

    @staticmethod
    def escaped(value: object) -> str:
        """Any other value as HTML: itself if it is HTML already."""
        return value if type(value) is Markup else escape(value)

    @staticmethod
    def macro(function: Callable[..., str]) -> Callable[..., Markup]:
        """A macro, as what it gives is HTML."""
        return lambda *values: _html(function(*values))
