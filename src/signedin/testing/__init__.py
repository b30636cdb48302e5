"""signedin for tests: a clock that stands still, a client that is signed in, what a store must do.

``signedin.testing.conformance`` is the suite for stores; it needs pytest and anyio.
"""

from .clients import sign_in_client
from .clock import FrozenClock
from .faces import AsAsync

__all__ = ["AsAsync", "FrozenClock", "sign_in_client"]
