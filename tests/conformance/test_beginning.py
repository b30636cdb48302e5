"""Every store of ours, in both colours."""

from signedin.testing.conformance.beginning import *  # noqa: F403
