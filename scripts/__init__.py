"""What is run by hand: the sync twin, the pictures."""
