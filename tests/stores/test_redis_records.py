"""The stored form on Redis: what is packed comes back as it was, and what can't be is nobody's session."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signedin.redis.client_ips import packed_ip, unpacked_ip
from signedin.redis.records import last_active, pack_session, unpack_session
from signedin.redis.user_agents import packed, unpacked
from signedin.session import Record

from ..support import FIREFOX, IPHONE, make_record

TIMES = st.integers(1, 2**48 - 1)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
RECORDS = st.builds(
    lambda **fields: msgspec.structs.replace(make_record()[0], **fields),
    user_id=TEXTS,
    secret_hash=st.binary(min_size=32, max_size=32),
    series=st.none() | st.binary(min_size=32, max_size=32),
    signed_in_at=TIMES,
    last_active_at=TIMES,
    idle_timeout=st.none() | TIMES,
    expires_at=st.none() | TIMES,
    ip=TEXTS | st.ip_addresses().map(str),
    user_agent=TEXTS | st.sampled_from([FIREFOX, IPHONE]),
    name=st.none() | TEXTS,
)


@given(RECORDS)
def test_a_session_comes_back(record: Record) -> None:
    """Whatever it holds, to the millisecond."""
    stored = pack_session(record)
    assert unpack_session(record.id, stored) == record
    assert last_active(stored) == record.last_active_at


@given(RECORDS, st.data())
def test_what_is_cut_short_is_none(record: Record, data: st.DataObject) -> None:
    """Half a session is no session, and no other one; only the tail can be shorter, which the flow sees."""
    stored = pack_session(record)
    whole = len(stored) - len(record.tail)
    assert unpack_session(record.id, stored[: data.draw(st.integers(0, whole - 1))]) is None


@given(RECORDS)
def test_a_limit_beyond_all_clocks(record: Record) -> None:
    """A timeout of ten thousand years is stored as the longest that there is room for, and hurts nothing else."""
    endless = msgspec.structs.replace(record, idle_timeout=2**60, expires_at=2**60)
    most = msgspec.structs.replace(record, idle_timeout=2**48 - 1, expires_at=2**48 - 1)
    assert unpack_session(record.id, pack_session(endless)) == most


@pytest.mark.parametrize(
    ("ip", "size"),
    [("203.0.113.24", 4), ("2001:db8:4f::1c7", 16), ("::12", 16), ("0.0.0.0", 4), ("", 0),
     ("::ffff:1.2.3.4", 16), ("::ffff:102:304", 14), ("203.0.113.024", 13), ("unix", 5), ("\0unix", 6),
     ("\0ab", 5), ("\0" * 15, 17), ("abc", 3)],
)  # fmt: skip
def test_addresses_of_clients(ip: str, size: int) -> None:
    """An address takes 4 or 16 bytes, where that says the same; whatever else stands there stays a text."""
    assert unpacked_ip(packed_ip(ip)) == ip
    assert len(packed_ip(ip)) == size


def test_user_agents() -> None:
    """Common ones take a dozen bytes."""
    for agent in (FIREFOX, IPHONE):
        assert unpacked(packed(agent)) == agent
        assert len(packed(agent)) < 20
