"""Templates: everything they print is escaped, whatever it is."""

from __future__ import annotations

from jinja2 import DictLoader
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


def test_values_are_escaped_by_the_short_way() -> None:
    """The compiled template calls ours: no ``Markup`` for each value."""
    source = Templates(DictLoader({})).compile("{{ x }}", raw=True)
    assert "environment.escaped(" in source
