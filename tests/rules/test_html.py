"""Templates: everything they print is escaped, whatever it is."""

from __future__ import annotations

import subprocess
import sys
from html import escape

import pytest
from jinja2 import DictLoader, UndefinedError
from markupsafe import Markup

from signedin.html import Templates

HOSTILE = '<b title="\'">&</b>'
SAFE = "&lt;b title=&#34;&#39;&#34;&gt;&amp;&lt;/b&gt;"


class Thing:
    """Not text, but prints as some."""

    def __str__(self) -> str:
        return HOSTILE


def drawn(template: str, **values: object) -> str:
    return Templates(DictLoader({"t": template})).get_template("t").render(**values)


def test_whatever_is_printed_is_escaped() -> None:
    """Text, numbers, objects and subclasses of text; constants, too."""
    text = type("Text", (str,), {})
    for value in (HOSTILE, text(HOSTILE), Thing()):
        assert drawn("{{ x }}", x=value) == SAFE
        assert drawn("{% if x %}{{ x }}{% endif %}", x=value) == SAFE
    assert drawn("{{ x }}{{ y }}", x=7, y=None) == "7None"
    assert drawn("{{ x }}", x="plain · text") == "plain · text"
    assert drawn("{{ '<' }}") == "&lt;"
    for one in "&<>'\"":
        assert drawn("{{ x }}", x=one) == str(Markup.escape(one)) != one


def test_html_is_escaped_once() -> None:
    """What a macro, a filter or the caller made as HTML stays as it is; what they are given does not."""
    assert drawn("{{ x }}", x=Markup("<i>")) == "<i>"
    assert drawn("{{ x|safe }}", x="<i>") == "<i>"
    assert drawn("{% macro m(x) %}<i>{{ x }}</i>{% endmacro %}{{ m(x) }}", x="<") == "<i>&lt;</i>"
    assert drawn("{% set y %}<i>{{ x }}{% endset %}{{ y }}", x="<") == "<i>&lt;"
    assert drawn("{{ x ~ y }}", x=Markup("<i>"), y="<") == "<i>&lt;"
    assert drawn("{% autoescape false %}{{ x }}{% endautoescape %}", x="<i>") == "<i>"


def test_what_is_not_there_is_an_error() -> None:
    """A name that isn't given, and a part that a value hasn't, leave no empty place."""
    for template, values in (
        ("{{ x }}", {}),
        ("{{ x.y }}", {}),
        ("{{ x.y }}", {"x": 1}),
        ("{{ x.y() }}", {"x": 1}),
    ):
        with pytest.raises((UndefinedError, AttributeError)):
            drawn(template, **values)


def test_calls() -> None:
    """Functions, macros with a caller, and their arguments by place and by name."""
    assert drawn("{{ x(1, *y, z=2, **w) }}", x=told, y=[3], w={"v": 4}) == "(1, 3) z=2 v=4"
    wrap = "{% macro m(a) %}[{{ a }}{{ caller() }}]{% endmacro %}"
    assert drawn(wrap + "{% call m('&') %}<i>{{ x }}</i>{% endcall %}", x="<") == "[&amp;<i>&lt;</i>]"


def told(*values: object, **named: object) -> str:
    return f"{values} " + " ".join(f"{key}={value}" for key, value in named.items())


def test_the_short_way() -> None:
    """The compiled template calls ours: no ``Markup`` for each value, no search for items, and no sorting of
    arguments.
    """
    text = "{% macro m(x) %}{{ x }}{% endmacro %}{{ m(x.y(1)) }}"
    source = Templates(DictLoader({})).compile(text, raw=True)
    assert ".y(1, )" in source
    assert "(escape_text(value) if type(value := " in source
    assert "environment.macro(macro)" in source
    for longer in ("environment.getattr", "context.call", "Macro(environment"):
        assert longer not in source


def test_a_macro_is_given_what_it_takes() -> None:
    """Too few and too many values are errors; one with a default has it."""
    with_default = "{% macro m(x, y='&') %}{{ x }}{{ y }}{% endmacro %}"
    assert drawn(with_default + "{{ m(1) }}{{ m(1, y=2) }}") == "1&amp;12"
    for call in ("m()", "m(1, 2)"):
        with pytest.raises(TypeError):
            drawn("{% macro m(x) %}{{ x }}{% endmacro %}{{ " + call + " }}")


def test_without_the_fast_way_of_markupsafe() -> None:
    """It isn't promised to be there; without it the same is escaped, in the standard library's spelling."""
    without = "import markupsafe; del markupsafe._escape_inner; from signedin.html import Templates"
    command = [sys.executable, "-c", f"{without}; print(Templates.escape_text({HOSTILE!r}))"]
    said = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout
    assert said.strip() == escape(HOSTILE)
