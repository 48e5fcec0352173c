"""Owners of conversations and private collections.

An owner is a hash: of the cookie that the page gave a browser, of the identity from a login
provider, or of the API's key. The stored value can therefore not be used as a cookie.
"""

import hashlib

SHARED = ""  # the owner of collections that all visitors of the page may use
LOCAL = "local"  # the user of a server without a key; no secret has this as its hash


def owner_of(secret: str) -> str:
    """Return the owner of a secret, as 64 hexadecimal digits.

    Args:
        secret: A cookie's value, `issuer|subject` of a login, or an API key; never empty.

    Raises:
        ValueError: If it is empty, as everybody would share it.
    """
    if not secret:
        raise ValueError("an empty secret names nobody")
    return hashlib.sha256(b"citewell\0" + secret.encode()).hexdigest()
