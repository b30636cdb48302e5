"""What every store does, as tests: the same that our own stores are held to.

In a test module of a store's author:

- ``from signedin.testing.conformance import *``
- a fixture ``store``: an empty store, closed afterwards; a sync one as ``AsAsync(store)``
- a fixture ``other_store``: another empty one, which is copied to
"""

import pytest

PARTS = ("beginning", "going_on", "ending", "operating", "copying", "agreement")
pytest.register_assert_rewrite(*(f"{__name__}.{part}" for part in PARTS))

from .agreement import *  # noqa: E402, F403
from .beginning import *  # noqa: E402, F403
from .copying import *  # noqa: E402, F403
from .ending import *  # noqa: E402, F403
from .going_on import *  # noqa: E402, F403
from .operating import *  # noqa: E402, F403

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    """The suite runs on asyncio."""
    return "asyncio"
