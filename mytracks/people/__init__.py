"""Who people are: accounts, their passwords and sessions, and every way to sign in."""
