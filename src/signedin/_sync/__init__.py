# Generated from _async by scripts/unasync.py; edit that one.
"""The flow, written once; ``_sync`` is generated from it by ``scripts/unasync.py``."""
