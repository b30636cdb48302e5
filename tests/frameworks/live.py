"""A host's application on a server of its own: ``python -m tests.frameworks.live HOST STORE FOLDER PORT``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

USERS = ("ada", "bob", "cyd", "dan", "eve")


def wsgi(store: str) -> Any:
    from .wsgi_host import make_app

    return make_app(store=store, insecure_http=True)


def flask(store: str) -> Any:
    from .flask_host import make_app

    return make_app(SIGNEDIN_STORE=store, SIGNEDIN_INSECURE_HTTP=True)


def starlette(store: str) -> Any:
    from ..web.support import make_app

    return make_app(store=store, insecure_http=True)


def fastapi(store: str) -> Any:
    from .fastapi_host import inside, shop

    return inside(shop(), store=store, insecure_http=True, data=True)


def django(store: str, folder: str, way: str, server: str) -> Any:
    """The site with its users; who comes second finds them."""
    from . import django_site

    django_site.FOLDER = Path(folder)
    django_site.set_up(SIGNEDIN={"STORE": store, "INSECURE_HTTP": True}, **django_site.WAYS[way])
    from django.contrib.auth import get_user_model
    from django.core.handlers.asgi import ASGIHandler
    from django.core.handlers.wsgi import WSGIHandler

    users = get_user_model().objects
    for name in USERS:
        if not users.filter(username=name).exists():
            users.create_user(name, password="correct horse")
    return ASGIHandler() if server == "asgi" else WSGIHandler()


HOSTS = {"wsgi": wsgi, "flask": flask, "starlette": starlette, "fastapi": fastapi}


def main(host: str, store: str, folder: str, port: str) -> None:
    """Serve it until somebody ends the process."""
    name, *more = host.split("-")
    app = django(store, folder, *more) if name == "django" else HOSTS[name](store)
    if {name, *more} & {"starlette", "fastapi", "asgi"}:
        import uvicorn

        uvicorn.run(app, port=int(port), log_level="error")
    else:
        from werkzeug.serving import make_server

        make_server("127.0.0.1", int(port), app, threaded=True).serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
