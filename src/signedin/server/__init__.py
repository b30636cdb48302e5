"""The runnable service: accounts, sign-in, profile, password, and the demo."""
