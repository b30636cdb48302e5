"""Every store of ours, in both colours."""

from signedin.testing.conformance.copying import *  # noqa: F403
