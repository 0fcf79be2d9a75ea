"""Signatures with an RSA key."""

from __future__ import annotations

import base64
import binascii
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from engine.model.numbering import Signer
from engine.ports.hookspecs import Context, hookimpl

DIGESTS: Final = {"sha1": hashes.SHA1, "sha256": hashes.SHA256}


class SigningRsa:
    """Holds one key.  Its signatures are those of PKCS 1 version 1.5, which are the same each time, in base64."""

    def __init__(self, context: Context) -> None:
        try:
            key = serialization.load_pem_private_key(context.secrets["pem"].encode(), password=None)
        except (ValueError, TypeError):
            raise ValueError("the secret pem is no private key in PEM form without a pass phrase") from None
        if not isinstance(key, rsa.RSAPrivateKey):
            raise ValueError("the secret pem is no RSA key")
        self._key, self._digest = key, DIGESTS[context.settings["digest"]]()

    @hookimpl
    def signing_signer(self) -> Signer:
        """The key at work."""
        return Signer(self._sign, self._good)

    def _sign(self, text: str) -> str:
        return base64.b64encode(self._key.sign(text.encode(), padding.PKCS1v15(), self._digest)).decode()

    def _good(self, text: str, signature: str) -> bool:
        try:
            raw = base64.b64decode(signature, validate=True)
            self._key.public_key().verify(raw, text.encode(), padding.PKCS1v15(), self._digest)
        except (InvalidSignature, binascii.Error, ValueError):
            return False
        return True
