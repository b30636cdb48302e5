"""REV-2 once more on the other stores, in a framework of each kind."""

from __future__ import annotations

import pytest

from ..engines import ENGINES, Engine
from .test_revocation import test_the_matrix as test_the_matrix

pytestmark = pytest.mark.parametrize("host", ["asgi", "flask", "django-engine"], indirect=True)


@pytest.fixture(params=["redis", "postgres"])
def engine(request: pytest.FixtureRequest) -> Engine:
    return ENGINES[request.param]
