"""Keys: 32 random bytes each. Whoever has one keeps it; here only its SHA-256 is known."""

import hashlib
import secrets

_PREFIX = "r1-"
_BYTES = 32


def new_key() -> str:
    """A key that nobody had before: `r1-` and 64 hexadecimal digits."""
    return _PREFIX + secrets.token_hex(_BYTES)


def fingerprint(key: str) -> str:
    """What of a key may be written down: its SHA-256, 64 hexadecimal digits."""
    return hashlib.sha256(key.encode()).hexdigest()
