# Generated from _async by scripts/unasync.py; edit that one.
"""The stores: the contract on one page, and one file for each engine."""
