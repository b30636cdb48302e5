"""Every store of ours, in both colours."""

from signedin.testing.conformance.ending import *  # noqa: F403
