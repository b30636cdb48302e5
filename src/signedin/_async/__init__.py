"""The flow, written once; ``_sync`` is generated from it by ``scripts/unasync.py``."""
