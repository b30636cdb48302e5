"""Every store of ours, in both colours."""

from signedin.testing.conformance.operating import *  # noqa: F403
