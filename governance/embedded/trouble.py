"""What keeps the servers from running, said so that a person can mend it."""


class Trouble(Exception):
    """One sentence in Chinese: what is wrong, and what to do about it."""
