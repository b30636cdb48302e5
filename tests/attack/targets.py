"""Every parser of bytes that others write, as a function of bytes that must never fail.

Each states what is always true of its parser: it raises nothing but what it documents, it makes nothing
up, and what was read is written again as it was.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC
from ipaddress import ip_address
from typing import Any

import msgspec

from signedin import api, cookies, cursors, describe, device, remember_me, rows, session
from signedin._async.stores import redis_walk
from signedin._async.stores.postgres import record_of
from signedin._sync.routes import Routes
from signedin.asgi import bag as asgi_bag
from signedin.calls import read_call
from signedin.flask import bag as flask_bag
from signedin.incoming import Incoming
from signedin.origin import is_local_path, is_our_origin, normal_origin
from signedin.redis import client_ips, records, user_agents
from signedin.replies import Call, Reply
from signedin.selector import Reading, parse_selector
from signedin.settings import Settings
from signedin.token import LENGTH, Token
from signedin.visitor import is_current

from ..support import START, make_record, make_series

NAMES = cookies.CookieNames()
PROXIED = [
    Incoming(Settings.of({"trusted_proxies": "10.0.0.0/8", "proxy_header": name}))
    for name in ("x-forwarded-for", "forwarded", "x-real-ip")
]
READING = Reading(START, lambda how, text: (text,), lambda text: [text] if len(text) == 3 else [])
TAG = "ab" * 12
KEY = b"k" * 12
HINTS = ("sec-ch-ua", "sec-ch-ua-full-version-list", "sec-ch-ua-platform", "sec-ch-ua-model")
HINTS += ("sec-ch-ua-platform-version", "sec-ch-ua-mobile", "touch-points")


def cookie(data: bytes) -> None:
    """Only our cookies, each at most once, and only as they stand in the header."""
    header = data.decode("latin-1")
    for name, value in cookies.read(header, NAMES).items():
        assert name in (NAMES.session, NAMES.remember, NAMES.flash, NAMES.visitor)
        assert value is None or (value in header and ";" not in value)
    for value in PROXIED[0].presented(header):
        token(b"" if value is None else value.encode("latin-1"))


def token(data: bytes) -> None:
    """A token has one spelling; what has another is none."""
    text = data.decode("latin-1")
    read = Token.parse(text)
    if read is None:
        return
    assert (read.text, len(text)) == (text, LENGTH)
    assert text not in repr(read)


def remember_token(data: bytes) -> None:
    """Whatever is presented of a series is stolen, but for what was issued; derived is what came."""
    read = Token.parse(data.decode("latin-1"))
    if read is None:
        return
    series, issued = make_series("1", session.SessionId("0" * 48))
    assert remember_me.judge(series, read, START + 1) == "stolen" or read.secret == issued.secret
    assert len(remember_me.series_key(read.id)) == 32
    derived = remember_me.derive(read.secret, b"n" * 32)
    assert derived == remember_me.derive(read.secret, b"n" * 32)
    assert Token.parse(f"{read.id}.{derived.successor}") is not None


def shown(record: session.Record) -> None:
    """A record that somebody else wrote is no session, or one that every page can show."""
    facts = session.decode_tail(record.tail)
    if facts is None:
        return
    read = session.session_of(record, facts, START)
    api.session_json(read, current=None, now=START)
    api.current_json(read, now=START, fresh_for=1)
    describe.title(read), describe.subline(read), describe.method(read)
    describe.masked_ip(read.ip)
    for when in (read.signed_in_at, read.last_active_at):
        describe.ago(when, START, UTC), describe.signed_in(when, START, UTC), describe.moment(when, UTC)
    read.is_fresh(START, 1), session.at(read.signed_in_at)
    assert session.decode_tail(session.rewrite_tail(record.tail, facts)) == facts


def redis_session(data: bytes) -> None:
    """A field of Redis is no session, or one that is written again as it was read, but for times that nothing
    lives to see.
    """
    read = records.unpack_session(session.SessionId(KEY.hex() + TAG), data)
    records.last_active(data)
    if read is not None:
        again = records.unpack_session(read.id, records.pack_session(read))
        assert again is not None
        assert records.unpack_session(read.id, records.pack_session(again)) == again
        endless = {"idle_timeout": again.idle_timeout, "expires_at": again.expires_at}
        assert msgspec.structs.replace(read, **endless) == again
        shown(read)


def redis_series(data: bytes) -> None:
    """A field of Redis is no series, or one that is written again as it was read."""
    read = records.unpack_series(b"s" * 32, TAG, data)
    if read is not None:
        assert records.unpack_series(read.key, TAG, records.pack_series(read)) == read
        remember_me.judge(read, Token("0" * 48, "A" * 43), START)


def redis_history(data: bytes) -> None:
    """An entry of Redis's history is none, or one that every page can show."""
    records.when_and_why(data)
    read = records.unpack_ended(KEY, TAG, data)
    if read is not None:
        api.ended_json(read.session)
        again = records.unpack_ended(KEY, TAG, records.pack_ended(read))
        assert again == read


def redis_visitor(data: bytes) -> None:
    """A visitor's key is none, or is written again as it was."""
    read = records.unpack_visitor("0" * 48, data)
    if read is not None:
        assert records.pack_visitor(read) == data
        is_current(read, Token("0" * 48, "A" * 43), START)


def redis_address(data: bytes) -> None:
    """An address of Redis's form is none (ValueError), or is written again as it was read."""
    try:
        read = client_ips.unpacked_ip(data)
    except ValueError:
        return
    assert client_ips.unpacked_ip(client_ips.packed_ip(read)) == read


def redis_user_agent(data: bytes) -> None:
    """A user agent of Redis's form is none (ValueError), or not too long: no bomb."""
    try:
        read = user_agents.unpacked(data)
    except ValueError:
        return
    assert len(read.encode()) <= user_agents.CHARACTERS_IN_BYTES
    assert user_agents.unpacked(user_agents.packed(read)) == read


def tail(data: bytes) -> None:
    """The opaque part of a record, as SQLite and PostgreSQL keep it: unreadable, or shown."""
    record, _ = make_record("1", START, tail=data)
    shown(record)
    rows.device_in(data)


def row(data: bytes) -> None:
    """A row of PostgreSQL or SQLite with anything in its columns of text, numbers and bytes."""
    texts = data.decode("utf-8", "replace").replace("\0", "").split("|")
    text = [texts[n] if n < len(texts) else "" for n in range(4)]
    numbers = [int.from_bytes(data[n : n + 8], "little", signed=True) for n in range(0, 32, 8)]
    shown(record_of((b"t" * 12, b"r" * 12, text[0], b"h" * 32, None, *numbers, *text[1:], data)))
    ended = (b"t" * 12, b"r" * 12, text[0], *numbers[:3], *text[1:], None, data)
    api.ended_json(rows.ended_session(ended))


def forwarded(data: bytes) -> None:
    """Whatever a proxy says, in each of the headers: an address in its one spelling."""
    for incoming in PROXIED:
        for peer in ("10.0.0.1", data.decode("latin-1")[:60]):
            ip = incoming.client(peer, data.decode("latin-1"), b"").ip
            assert str(ip_address(ip)) == ip


def hints(data: bytes) -> None:
    """Client hints beside a user agent: a device with short names that can be seen."""
    parts = data.decode("latin-1").split("\n")
    told = dict(zip(HINTS, parts[1:], strict=False))
    found = device.parse_device(session.clean_user_agent(data), told)
    assert found.kind in ("desktop", "phone", "tablet", "tv", "console", "cli", "unknown")
    for text in found.parts[1:]:
        assert text is None or (0 < len(text) <= device.CHARACTERS and text.isprintable())
    assert device.Device.of(found.parts) == found


def user_agent(data: bytes) -> None:
    """A user agent as it is kept: short, inert, and it stays what it is."""
    kept = session.clean_user_agent(data)
    assert len(kept) <= session.USER_AGENT_CHARACTERS
    assert session.clean_text(kept, 256) == kept
    assert user_agents.unpacked(user_agents.packed(kept)) == kept
    device.parse_device(kept, {})


def selector(data: bytes) -> None:
    """A search is understood or says what is wrong; its written form means the same."""
    read, _ = parse_selector(data.decode("utf-8", "replace"), READING)
    again, wrong = parse_selector(str(read), READING)
    assert not wrong
    assert again == read or read.is_everybody


def cursor(data: bytes) -> None:
    """A cursor is a place, or it is none (ValueError)."""
    text = data.decode("latin-1")
    for parse in (cursors.place, cursors.number):
        with suppress(ValueError):
            parse(text)
    with suppress(ValueError):
        for place in redis_walk._places(text).values():
            assert place.cursor == "end" or int(place.cursor) < 2**64  # more a server refuses


def data_bag(data: bytes) -> None:
    """A data bag is a dict, or counts as an empty one; JSON only, as Python reads it (TOK-3)."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        found = {}
    assert repr(asgi_bag._decoded(data)) == repr(found if isinstance(found, dict) else {})
    assert isinstance(flask_bag._decoded(data), dict)


def flash(data: bytes) -> None:
    """The cookie that tells what happened only points: anything else is silence."""
    value = data.decode("latin-1")
    routes: Any = Routes.__new__(Routes)
    routes._call = Call("GET", "", flash=value)
    routes._exchange = type("Exchange", (), {"cookies": []})
    routes._sessions = type("Sessions", (), {"settings": Settings()})
    routes._ended = lambda current, session_id: None
    told = routes._flash(None)
    assert told is None or len(told.title) < 200


def origin(data: bytes) -> None:
    """Only one spelling of where we are is ours; a path of ours leads nowhere else."""
    text = data.decode("latin-1")
    spelled = normal_origin(text)
    if spelled is not None:
        assert normal_origin(spelled) == spelled
        assert spelled.startswith(("http://", "https://"))
    if is_our_origin(text, "https://app.example:443"):
        assert text.lower().startswith("https://")
        assert "app.example" in text.lower()
    if is_local_path(text):
        assert text[:2] not in ("//", "/\\")


def form(data: bytes) -> None:
    """A body and a query are a call, or a reply that says why not."""
    query, _, body = data.partition(b"\n")
    kind = "application/x-www-form-urlencoded; charset=utf-8"
    read = read_call(
        "POST", "/x", query=query.decode("latin-1"), body=body, content_type=kind,
        accept=query.decode("latin-1"), if_none_match="", flash=None,
    )  # fmt: skip
    assert isinstance(read, Call) or (isinstance(read, Reply) and 400 <= read.status < 500)


_EVERY = [cookie, token, remember_token, redis_session, redis_series, redis_history, redis_visitor]
_EVERY += [redis_address, redis_user_agent, tail, row, forwarded, hints, user_agent, selector, cursor]
_EVERY += [data_bag, flash, origin, form]
TARGETS: dict[str, Callable[[bytes], None]] = {target.__name__: target for target in _EVERY}
