"""An app with a user model of its own: no user name, and a key that is no number."""
