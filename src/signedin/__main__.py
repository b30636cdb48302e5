"""``python -m signedin``: the command line."""

from .cli import main

main()
