"""Who conversations and private collections belong to.

An owner is a hash: of the cookie that the page gave a browser, of the identity that a login
provider vouches for, or of the API's key. What is stored can therefore not be used as a cookie.
"""

import hashlib

SHARED = ""  # the owner of collections that everybody who can open the page may use
LOCAL = "local"  # whoever uses a server that asks for no key; no secret has this as its hash


def owner_of(secret: str) -> str:
    """Return the owner that a secret stands for, as 64 hexadecimal digits.

    Args:
        secret: A cookie's value, `issuer|subject` of a login, or an API key; never empty.

    Raises:
        ValueError: If it is empty: everybody would share it.
    """
    if not secret:
        raise ValueError("an empty secret names nobody")
    return hashlib.sha256(b"citewell\0" + secret.encode()).hexdigest()
