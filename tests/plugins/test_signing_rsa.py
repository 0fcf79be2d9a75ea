"""Signatures with an RSA key: those of the published norm, and nothing of the key in any error."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from engine.base.errors import TollbookError
from engine.model.numbering import Signer
from engine.ports.contracts import Setup
from engine.ports.contracts.harness import stage
from engine.ports.discovery import SHIPPED

TEXT = "2010-05-18;2010-05-18T11:22:19;FAC 001/14;3.12;"
PREFIX = {"sha1": "3021300906052b0e03021a05000414", "sha256": "3031300d060960864801650304020105000420"}
"""What RFC 8017 puts before each digest."""

RSA = rsa.generate_private_key(65537, 1024)
KEY = RSA.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def signed(digest: str) -> str:
    """The signature of the text by RFC 8017, reckoned with the numbers of the key."""
    numbers, size = RSA.private_numbers(), RSA.key_size // 8
    tail = bytes.fromhex(PREFIX[digest]) + hashlib.new(digest, TEXT.encode()).digest()
    padded = b"\0\1" + b"\xff" * (size - len(tail) - 3) + b"\0" + tail
    made = pow(int.from_bytes(padded, "big"), numbers.d, numbers.public_numbers.n)
    return base64.b64encode(made.to_bytes(size, "big")).decode()


SIGNATURES = {digest: signed(digest) for digest in PREFIX}


def signer(home: Path, pem: str = KEY, digest: str = "sha1") -> Signer:
    return stage(Setup(SHIPPED / "signing_rsa", {"digest": digest}, {"pem": pem}), "signing", home).host.signers()["it"]


@pytest.mark.capability("A3.4")
@pytest.mark.parametrize("digest", SIGNATURES)
def test_signatures_are_those_of_the_norm(tmp_path: Path, digest: str) -> None:
    made = signer(tmp_path, digest=digest)
    assert made.sign(TEXT) == SIGNATURES[digest]
    assert made.good(TEXT, SIGNATURES[digest])


@pytest.mark.parametrize("signature", ["", "no base64", "QUJD", SIGNATURES["sha256"], SIGNATURES["sha1"][:-4]])
def test_what_is_no_signature_is_not_good(tmp_path: Path, signature: str) -> None:
    assert not signer(tmp_path).good(TEXT, signature)
    assert not signer(tmp_path).good(TEXT + " ", SIGNATURES["sha1"])


def elliptic() -> str:
    return (
        ec.generate_private_key(ec.SECP256R1())
        .private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        .decode()
    )


def public_only() -> str:
    from cryptography.hazmat.primitives.serialization import PublicFormat

    key = rsa.generate_private_key(65537, 1024).public_key()
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


@pytest.mark.parametrize("pem", ["secret nonsense", elliptic(), public_only()], ids=["nonsense", "elliptic", "public"])
def test_a_secret_that_is_no_such_key_is_refused(tmp_path: Path, pem: str) -> None:
    with pytest.raises(TollbookError) as caught:
        signer(tmp_path, pem)
    assert "the secret pem is no" in str(caught.value)
    assert pem.splitlines()[-1] not in str(caught.value) and "nonsense" not in str(caught.value)
