"""Every store of ours, in both colours."""

from signedin.testing.conformance.agreement import *  # noqa: F403
