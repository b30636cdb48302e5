"""The API against its own document, as three people; the page's HTML against the standard's parser."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import html5lib
import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from signedin.openapi import document
from signedin.routing import ROUTES, find
from signedin.session import new_session_id

from ..support import DAY, HOUR, IPHONE
from .support import PAGE, Client

JSON = {"accept": "application/json"}
DOCUMENT = document(PAGE)


def resolve(value: Any) -> Any:
    """The document with its references put in place, for a validator that is given a part of it."""
    if isinstance(value, dict):
        if "$ref" in value:
            return resolve(DOCUMENT["components"]["schemas"][value["$ref"].rpartition("/")[2]])
        return {key: resolve(item) for key, item in value.items()}
    return [resolve(item) for item in value] if isinstance(value, list) else value


def check(method: str, path: str, answer: Any) -> None:
    """The answer is one that the document promises for this operation."""
    responses = DOCUMENT["paths"][path][method.lower()]["responses"]
    assert str(answer.status_code) in responses, (method, path, answer.status_code)
    promised = responses[str(answer.status_code)].get("content", {})
    if not promised:
        assert answer.content == b""
        return
    (kind, content) = next(iter(promised.items()))
    assert answer.headers["content-type"] == kind
    jsonschema.Draft202012Validator(resolve(content["schema"])).validate(answer.json())


@pytest.fixture
async def phone(app: Any) -> AsyncIterator[Client]:
    async with Client(app, address="198.51.100.9", headers={"user-agent": IPHONE}) as made:
        yield made


OPERATIONS = [
    (method.upper(), path) for path, methods in DOCUMENT["paths"].items() for method in methods
]


@pytest.mark.parametrize("role", ["nobody", "owner", "stranger"])
@pytest.mark.parametrize(("method", "where"), OPERATIONS)
async def test_every_operation(
    browser: Client, other: Client, phone: Client, flow: Any, role: str, method: str, where: str
) -> None:
    """As nobody 401; as the owner what the document says; as a stranger nothing of the owner's."""
    await browser.enter("1")
    target = await phone.enter("1", remember=True)
    await other.enter("2")
    who = {"owner": browser, "stranger": other}.get(role)
    path = where
    url = path.replace("{id}", target)
    data = {"id": target, "confirm": "1", "name": "mine"} if method == "POST" else None
    if who is None:
        async with Client(browser._transport.app) as nobody:  # type: ignore[attr-defined]
            answer = await nobody.request(method, url, headers=JSON, data=data)
        assert answer.status_code == 401
    else:
        answer = await who.request(method, url, headers=JSON, data=data)
    check(method, path, answer)
    if role != "owner":
        assert target not in answer.text or "revoke_selected" in path
        assert [s.id for s in await flow.list("1") if s.id == target] == [target]
        assert all(s.name is None for s in await flow.list("1"))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    operation=st.sampled_from(OPERATIONS),
    text=st.text(st.characters(codec="utf-8", exclude_characters="/?#"), max_size=60),
    form=st.dictionaries(
        st.sampled_from(["id", "confirm", "name", "x"]), st.text(max_size=80), max_size=4
    ),
)
async def test_anything(
    browser: Client, operation: tuple[str, str], text: str, form: dict[str, str]
) -> None:
    """Whatever is in the path and the form: an answer that the document promises, and no 5xx."""
    method, path = operation
    if "sign_out" in path:
        return
    if not browser.tokens():
        await browser.enter("1")
    import urllib.parse

    filled = urllib.parse.quote(text.strip(".") or "x", safe="")
    url = path.replace("{id}", filled)
    answer = await browser.request(method, url, headers=JSON, data=form if method == "POST" else None)
    assert answer.status_code < 500
    if answer.status_code != 405:
        check(method, path, answer)


async def test_the_document(browser: Client) -> None:
    """It is served, names every route that answers in JSON, and every route has its method."""
    await browser.enter()
    answer = await browser.get(f"{PAGE}/openapi.json")
    assert answer.json() == DOCUMENT
    assert DOCUMENT["openapi"] == "3.1.0"
    from signedin._async.routes import AsyncRoutes

    for route in ROUTES:
        assert callable(getattr(AsyncRoutes, f"_{route.name}"))
        assert find(route.method, route.path.replace("{id}", "0" * 48))[0] == route
    ids = [o["operationId"] for methods in DOCUMENT["paths"].values() for o in methods.values()]
    assert len(set(ids)) == len(ids)


async def test_schemathesis(app: Any) -> None:
    """The document is one that schemathesis can read, whole."""
    import schemathesis

    schema = schemathesis.openapi.from_dict(DOCUMENT)
    assert len(list(schema.get_all_operations())) == len(OPERATIONS)


async def test_methods(browser: Client) -> None:
    """405 names the methods that there are."""
    await browser.enter()
    answer = await browser.put(f"{PAGE}/revoke_others", headers=JSON)
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, POST")


async def test_current(browser: Client, clock: Any) -> None:
    """How long the session lasts if it is not used again, and whether it is fresh."""
    await browser.enter()
    first = (await browser.get(f"{PAGE}/current", headers=JSON)).json()
    assert (first["expires_in"], first["fresh"]) == (7 * DAY // 1000, True)
    clock.tick(HOUR)
    later = (await browser.get(f"{PAGE}/current", headers=JSON | {"signedin-passive": "1"})).json()
    assert (later["expires_in"], later["fresh"]) == ((7 * DAY - HOUR) // 1000, False)


async def test_asking_again(browser: Client, other: Client) -> None:
    """304 as long as nothing changed."""
    await browser.enter()
    first = await browser.get(PAGE, headers=JSON)
    known = JSON | {"if-none-match": first.headers["etag"]}
    again = await browser.get(PAGE, headers=known)
    assert (again.status_code, again.content) == (304, b"")
    await other.enter()
    assert (await browser.get(PAGE, headers=known)).status_code == 200


async def test_a_mixed_selection(browser: Client, other: Client, phone: Client, flow: Any) -> None:
    """Somebody else's doesn't end, one's own do, the current one is left out; the answer says so."""
    mine, theirs, stranger = await browser.enter(), await phone.enter(), await other.enter("2")
    chosen = {"id": [mine, theirs, stranger, new_session_id("1"), "junk"], "confirm": "1"}
    told = (await browser.post(f"{PAGE}/revoke_selected", headers=JSON, data=chosen)).json()
    assert told["revoked"] == 1
    assert sorted(f["code"] for f in told["failed"]) == ["current_session", "not_found", "not_found"]
    assert await other.user() == "2"
    again = await browser.post(f"{PAGE}/revoke_selected", data=chosen)
    assert again.status_code == 303
    html = (await browser.get(PAGE)).text
    text = re.sub(r"<[^>]+>", "", html).replace("&#39;", "'")
    assert "The session you're using was left out." in text
    assert "2 of those you selected are not in your list." in text
    only = await browser.post(f"{PAGE}/revoke_selected", data={"id": mine, "confirm": "1"})
    assert only.status_code == 303
    assert "You can't revoke the session you're using." in (await browser.get(PAGE)).text.replace(
        "&#39;", "'"
    )


async def test_history(browser: Client, phone: Client) -> None:
    """What ended and why, as JSON and as a page."""
    await browser.enter()
    theirs = await phone.enter()
    assert "Nothing has ended yet" in (await browser.get(f"{PAGE}/history")).text
    await browser.post(f"{PAGE}/{theirs}/revoke")
    told = (await browser.get(f"{PAGE}/history", headers=JSON)).json()
    assert [(e["id"], e["reason"], e["label"]) for e in told["sessions"]] == [
        (theirs, "revoked", "Safari on iPhone")
    ]
    html = (await browser.get(f"{PAGE}/history")).text
    assert "Revoked" in html
    assert "Just now" in html


PATHS = [
    "",
    "?filter=idle",
    "/history",
    "/revoke_others",
    "/sign_out_everywhere",
    "/nothing",
    "/{id}/revoke",
]


@pytest.mark.parametrize("where", PATHS)
async def test_html(browser: Client, phone: Client, where: str) -> None:
    """Every page parses without an error, and no id comes twice."""
    await browser.enter()
    theirs = await phone.enter(remember=True)
    await browser.post(f"{PAGE}/{theirs}/name", data={"name": "<b>\"'&"})
    text = (await browser.get(PAGE + where.replace("{id}", theirs))).text
    html5lib.HTMLParser(strict=True).parse(text)
    ids = re.findall(r'\sid="([^"]+)"', text)
    assert len(ids) == len(set(ids))


async def test_a_hundred_sessions_are_drawn_quickly(browser: Client, flow: Any) -> None:
    """The whole page with 100 rows is one document of moderate size (its time is in the benchmark)."""
    from ..support import LAPTOP

    await browser.enter()
    for _ in range(99):
        await flow.sign_in("1", LAPTOP, started_at=flow.clock())
    html = (await browser.get(PAGE)).text
    assert html.count("as-row") >= 99
    assert "as-near" in html
