"""The SQLite store's rooms: the engine (files, connections, the writer), and its steps.

Neither knows a colour: ``_async/stores/sqlite.py`` and its sync twin call both.
"""
