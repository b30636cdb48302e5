"""A request below a page of ours as a route sees it: forms and queries are read here. Pure."""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qsl

from .replies import Call, Reply, problem

BODY_BYTES: Final = 65_536
FORM: Final = "application/x-www-form-urlencoded"
TOO_LARGE: Final = problem(413, "too_large", f"A form here has at most {BODY_BYTES} bytes.")
INCOMPLETE: Final = problem(400, "incomplete", "The form did not arrive whole. Nothing was changed.")


def read_call(
    method: str,
    path: str,
    *,
    query: str,
    body: bytes,
    content_type: str,
    accept: str,
    if_none_match: str,
    flash: str | None,
) -> Call | Reply:
    """The call, or a reply to one that can't be read: a form has 64 kB and 1000 fields at most, and a
    body must be one (CSRF-1). path: below the page's own. flash: the value of the flash cookie.
    """
    form: list[tuple[str, str]] = []
    if body:
        if len(body) > BODY_BYTES:
            return TOO_LARGE
        if content_type.partition(";")[0].strip().lower() != FORM:
            return problem(415, "unsupported_media_type", f"Send the form as {FORM}.")
        try:
            form = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=1000)
        except ValueError:
            return problem(400, "bad_form", "This is not a form that can be read.")
    try:
        asked = parse_qsl(query, max_num_fields=32)
    except ValueError:
        return problem(400, "bad_query", "This address has too many parts.")
    return Call(
        method=method,
        path=path.lstrip("/"),
        query=dict(asked),
        form=dict(form),
        ids=tuple(value for name, value in form if name == "id"),
        accept=accept,
        if_none_match=if_none_match,
        flash=flash,
    )
