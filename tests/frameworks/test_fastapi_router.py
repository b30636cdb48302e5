"""FastAPI: the page and its API as a router, documented and answering as the page itself does."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fastapi import Depends, FastAPI

from signedin import open_async_sessions
from signedin.fastapi import SignedinMiddleware, sessions_router
from signedin.openapi import document
from signedin.routing import ROUTES
from signedin.settings import PAGE

from ..web.support import Client
from .fastapi_host import enter, shop

JSON = {"accept": "application/json"}
HERE = "/account/sessions"


def with_router(flow: Any, **options: Any) -> Any:
    app = shop()
    app.include_router(sessions_router(HERE, **options))
    return SignedinMiddleware(app, sessions=flow)


def told(schema: Any) -> Any:
    """A schema without Pydantic's titles, its parts in the order of their names."""
    if isinstance(schema, dict):
        if "const" in schema:
            return {"enum": [schema["const"]]}
        kept = {name: told(part) for name, part in schema.items() if name not in ("title", "default")}
        if "properties" in schema:
            kept["properties"] = {name: told(part) for name, part in schema["properties"].items()}
        kept.pop("type", None) if "enum" in schema else None
        return kept
    return (
        sorted(map(told, schema), key=lambda part: json.dumps(part, sort_keys=True))
        if isinstance(schema, list)
        else schema
    )


def test_the_documentation_of_the_api() -> None:
    """Every route that answers JSON is there, with the answers' own types and the cookie it goes by."""
    app = shop()
    app.include_router(sessions_router(HERE))
    ours, shown = document(HERE), app.openapi()
    assert len([route for route in ROUTES if route.answer is not None]) == 14 - 2
    for path, operations in ours["paths"].items():
        assert set(shown["paths"][path]) == set(operations)
        for method, operation in operations.items():
            found = shown["paths"][path][method]
            assert found["summary"] == operation["summary"]
            assert set(found["responses"]) == set(operation["responses"])
            assert found.get("parameters") == operation.get("parameters")
            assert found.get("requestBody") == operation.get("requestBody")
            assert found["security"] == [{"session": []}]
            for status, response in operation["responses"].items():
                assert set(found["responses"][status].get("content", ())) == set(
                    response.get("content", ())
                )
                if status == "200":
                    content = "application/json"
                    assert found["responses"][status]["content"][content] == response["content"][content]
    schemas = shown["components"]["schemas"]
    for name, schema in ours["components"]["schemas"].items():
        if name != "ProblemDocument":
            assert told(schemas[name]) == told(schema), name
    assert shown["components"]["securitySchemes"] == ours["components"]["securitySchemes"]
    assert shown["paths"]["/members"]["get"]["security"] == [{"session": []}]
    assert "security" in shown["paths"]["/"]["get"]


async def test_the_same_to_the_byte(flow: Any) -> None:
    """The router answers what the middleware's page answers, status, headers and body, at every route."""
    app = with_router(flow)
    async with Client(app, headers=JSON) as browser, Client(app) as other:
        await enter(browser)
        await enter(other)
        theirs = next(s.id for s in await flow.list("ada") if s.last_active_at)
        calls = [
            (method, route.path.format(id=theirs))
            for route in ROUTES
            for method in (route.method, "HEAD", "PUT", "OPTIONS")
            if route.method == "GET" or method == route.method
        ]
        calls += [("GET", "nothing/here"), ("GET", "x" * 48), ("POST", "history")]
        ending = {"sign_out", "sign_out_everywhere", "revoke_others", f"{theirs}/revoke"}
        for method, path in calls:
            if method == "OPTIONS" or (method in ("POST", "DELETE") and path in ending | {theirs}):
                continue
            below = "/" + path if path else ""
            at_page, here = [await browser.request(method, place + below) for place in (PAGE, HERE)]
            assert here.status_code == at_page.status_code, (method, path)
            assert here.text.replace(HERE, PAGE) == at_page.text, (method, path)
            kept = [[(k, v) for k, v in a.headers.multi_items()] for a in (here, at_page)]
            assert [[(k, v.replace(HERE, PAGE)) for k, v in kept[0] if k != "content-length"]] == [
                [(k, v) for k, v in kept[1] if k != "content-length"]
            ], (method, path)


async def test_revoking_through_the_router(flow: Any) -> None:
    """One's own only; a stranger's is not found, and stays (IDOR-1)."""
    app = with_router(flow)
    async with Client(app, headers=JSON) as ada, Client(app, headers=JSON) as phone, Client(app) as bo:
        for browser, user in ((ada, "ada"), (phone, "ada"), (bo, "bo")):
            await enter(browser, user)
        mine = (await phone.get(f"{HERE}/current")).json()["session"]["id"]
        stranger = (await flow.list("bo"))[0].id
        assert (await ada.delete(f"{HERE}/{stranger}")).status_code == 404
        assert (await bo.get("/members")).status_code == 200
        done = await ada.delete(f"{HERE}/{mine}")
        assert (done.status_code, done.json()["revoked"]) == (200, 1)
        assert (await phone.get("/members")).status_code == 401
        current = (await ada.get(f"{HERE}/current")).json()["session"]["id"]
        assert (await ada.delete(f"{HERE}/{current}")).json()["code"] == "current_session"
        foreign = {"origin": "https://evil.example", "sec-fetch-site": "cross-site"}
        assert (await ada.post(f"{HERE}/revoke_others", headers=foreign)).status_code == 403


def layout(scope: Any, title: str, head: str, body: str) -> str:
    return (
        f"<!doctype html><html lang=en><title>{title} - Shop</title>{head}"
        f"<nav>Shop</nav><main>{body}</main></html>"
    )


@pytest.mark.parametrize("where", ["", "/v1", "/v1/deeper"])
async def test_the_page_anywhere(flow: Any, where: str) -> None:
    """Below whichever prefix, in the host's layout: its links, forms and static files lead to itself."""
    app: Any = shop()
    app.include_router(sessions_router("/sessions", layout=layout), prefix=where)
    sessions = open_async_sessions(store=flow.settings.store, page=None, clock=flow.clock)
    whole = SignedinMiddleware(app, sessions=sessions)
    async with Client(whole) as browser, Client(whole) as other:
        assert (await browser.get(f"{where}/sessions")).headers["location"].endswith(f"{where}/sessions")
        await enter(browser)
        await enter(other)
        page = (await browser.get(f"{where}/sessions")).text
        assert "<nav>Shop</nav>" in page
        assert PAGE not in page
        style = page.split('href="')[1].split('"')[0]
        assert style.startswith(f"{where}/sessions/static/")
        assert (await browser.get(style)).headers["content-type"].startswith("text/css")
        asked = await browser.get(f"{where}/sessions/revoke_others")
        assert f'action="{where}/sessions/revoke_others"' in asked.text
        done = await browser.post(f"{where}/sessions/revoke_others")
        assert done.headers["location"] == f"{where}/sessions#flash"
        assert (await other.get("/members")).status_code == 303
        assert (await browser.get(PAGE)).status_code == 404
    await sessions.close()


async def test_behind_a_prefix_and_in_a_mounted_application(flow: Any) -> None:
    """``root_path``, as a proxy and as a mount set it."""
    sessions = open_async_sessions(store=flow.settings.store, page=None, clock=flow.clock)
    inner = shop()
    inner.include_router(sessions_router("/sessions"))
    proxied = SignedinMiddleware(inner, sessions=sessions)

    async def below_api(scope: Any, receive: Any, send: Any) -> None:
        await proxied(scope | {"root_path": "/api"}, receive, send)

    async with Client(below_api) as browser:
        await enter(browser)
        assert 'action="/api/sessions/' in (await browser.get("/sessions")).text
    inner, outer = shop(), FastAPI()
    inner.include_router(sessions_router("/sessions"))
    outer.mount("/sub", inner)
    async with Client(SignedinMiddleware(outer, sessions=sessions)) as browser:
        await enter(browser, path="/sub/sign_in")
        page = (await browser.get("/sub/sessions")).text
        assert 'action="/sub/sessions/' in page
        assert "/sub/sub" not in page
        assert (await browser.get("/sub/sessions/history", headers=JSON)).json()["count"] == 0
    await sessions.close()


async def test_a_limit_and_the_hosts_own_dependency(flow: Any) -> None:
    """Both come before what the router does."""
    asked: list[str] = []
    app: Any = shop()
    router = sessions_router(HERE, limit=lambda scope: 7, time_zone=lambda scope: "Europe/Zurich")
    app.include_router(router, dependencies=[Depends(lambda: asked.append("asked"))])
    async with Client(SignedinMiddleware(app, sessions=flow)) as browser:
        await enter(browser)
        answer = await browser.post(f"{HERE}/revoke_others", headers=JSON)
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "7")
        assert "Europe/Zurich" in (await browser.get(HERE)).text
    assert asked == ["asked", "asked"]
