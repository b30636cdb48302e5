"""The parts of the PostgreSQL store that don't wait: where it is, its rows, its statements."""
