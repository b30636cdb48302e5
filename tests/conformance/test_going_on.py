"""Every store of ours, in both colours."""

from signedin.testing.conformance.going_on import *  # noqa: F403
