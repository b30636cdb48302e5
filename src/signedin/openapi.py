"""The API's OpenAPI 3.1 document, made from the table of routes and the types of answers. Pure."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from . import __version__
from .api import schemas
from .cookies import CookieNames
from .routing import ROUTES, Route

FORM: Final = "application/x-www-form-urlencoded"
JSON: Final = "application/json"
PROBLEM: Final = "application/problem+json"
_SAID: Final = {
    400: "The form or the query can't be read.",
    401: "Nobody is signed in.",
    403: "The request came from another site.",
    404: "There is no such session of yours.",
    409: "The current session can't be revoked; sign out instead.",
    413: "The form is too large.",
    415: "The body is not a form.",
    429: "Too many requests; Retry-After says when to come again.",
    503: "The session store can't be reached; Retry-After says when to try again.",
}


@cache
def document(prefix: str) -> dict[str, Any]:
    """The document for an API below this path."""
    references, components = schemas()
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        if route.answer is not None:
            path = prefix.rstrip("/") + "/" + route.path if route.path else prefix
            paths.setdefault(path, {})[route.method.lower()] = operation(route, references)
    names = CookieNames()
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Active sessions",
            "version": __version__,
            "description": "Ask for JSON with `Accept: application/json`; without it a page answers.",
        },
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"session": {"type": "apiKey", "in": "cookie", "name": names.session}},
        },
        "security": [{"session": []}],
    }


def operation(route: Route, references: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """What the document says of a route. references: the schema of each answer by its type's name."""
    errors = {400, 401, 503, *route.errors} | ({403, 413, 415, 429} if route.method != "GET" else set())
    responses: dict[str, Any] = {
        str(status): {
            "description": _SAID[status],
            "content": {PROBLEM: {"schema": references["ProblemDocument"]}},
        }
        for status in sorted(errors)
    }
    if route.answer:
        content = {JSON: {"schema": references[route.answer]}}
        responses["200"] = {"description": route.summary, "content": content}
    else:
        responses["204"] = {"description": "Done."}
    told: dict[str, Any] = {
        "operationId": f"{route.method.lower()}_{route.name}",
        "summary": route.summary,
        "responses": dict(sorted(responses.items())),
    }
    if "{id}" in route.path:
        told["parameters"] = [
            {
                "name": "id",
                "in": "path",
                "required": True,
                "schema": {"type": "string", "pattern": "^[0-9a-f]{48}$"},
            }
        ]
    if route.form:
        told["requestBody"] = {
            "required": False,
            "content": {FORM: {"schema": {"type": "object", "properties": _fields(route)}}},
        }
    return told


def _fields(route: Route) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name, meaning in route.form.items():
        fields[name] = {"type": "string", "description": meaning}
        if name == "id":
            fields[name] = {"type": "array", "items": {"type": "string"}, "description": meaning}
    return fields
