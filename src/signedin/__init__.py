"""See where your users are signed in, and sign them out anywhere."""

__version__ = "0.1.0"
