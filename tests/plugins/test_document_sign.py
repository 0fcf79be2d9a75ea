"""Signed PDF: the signature covers the file, and a key that cannot be had is told before anything runs."""

from __future__ import annotations

import datetime
import io
import json
import logging
from pathlib import Path

import pytest

pytest.importorskip("pyhanko", reason="what signs is not installed")

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12
from pyhanko.pdf_utils.generic import ArrayObject, pdf_name
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.pdf_utils.writer import PageObject, PdfFileWriter
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko_certvalidator import ValidationContext

from engine.base.errors import TollbookError
from engine.config import load
from engine.ports.host import Host
from tests.plugins.test_document_html import made

PASSWORD = "open sesame"


@pytest.fixture(scope="module")
def key() -> bytes:
    """A PKCS#12 file with a key and its own certificate."""
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Acme Cloud GmbH")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(7)
        .not_valid_before(datetime.datetime(2020, 1, 1))
        .not_valid_after(datetime.datetime(2060, 1, 1))
        .add_extension(x509.KeyUsage(True, True, *[False] * 7), True)
        .sign(private, hashes.SHA256())
    )
    locked = serialization.BestAvailableEncryption(PASSWORD.encode())
    return pkcs12.serialize_key_and_certificates(b"acme", private, made, None, locked)


def host(folder: Path, key: bytes, password: str = PASSWORD, certificate: str = "acme.p12") -> Host:
    (folder / "acme.p12").write_bytes(key)
    settings = {"certificate": certificate, "reason": "Invoice issued"}
    adapter = {"name": "it", "port": "einvoice", "plugin": "document_sign", "settings": settings}
    (folder / "config.yaml").write_text(json.dumps({"rules": {"folders": ["."]}, "adapters": [adapter]}))
    return Host(load(folder / "config.yaml", {}, {}).adapters, folder, {"DOCUMENT_SIGN_PASSWORD": password})


def blank() -> bytes:
    """A PDF of one empty page."""
    writer, out = PdfFileWriter(), io.BytesIO()
    writer.insert_page(PageObject(contents=ArrayObject(), media_box=(0, 0, 100, 100), resources=None))
    writer.write(out)
    return out.getvalue()


@pytest.mark.capability("A3.1")
def test_the_signature_covers_what_was_written(tmp_path: Path, key: bytes) -> None:
    kind = host(tmp_path, key).formats()["pdf_signed"]
    assert (kind.of, kind.stamped) == (("pdf",), True)
    before = blank()
    signed = kind.write(made(), before)
    assert signed.startswith(before)
    [signature] = PdfFileReader(io.BytesIO(signed)).embedded_signatures
    logging.getLogger("pyhanko").setLevel(logging.CRITICAL)
    status = validate_pdf_signature(signature, ValidationContext(trust_roots=[], allow_fetching=False))
    assert (status.intact, status.valid) == (True, True)
    assert signature.sig_object[pdf_name("/Reason")] == "Invoice issued"


def test_what_is_no_pdf_is_refused(tmp_path: Path, key: bytes) -> None:
    with pytest.raises(TollbookError) as caught:
        host(tmp_path, key).formats()["pdf_signed"].write(made(), b"no pdf")
    assert caught.value.findings[0].code == "document-sign.not-signed"


@pytest.mark.parametrize(
    ("password", "certificate", "what"),
    [
        ("guessed", "acme.p12", "acme.p12: the password does not open it, or it is no PKCS#12 file"),
        (PASSWORD, "other.p12", "other.p12: there is no such file"),
    ],
)
def test_a_key_that_cannot_be_had_is_told_at_load(
    tmp_path: Path, key: bytes, password: str, certificate: str, what: str
) -> None:
    with pytest.raises(TollbookError) as caught:
        host(tmp_path, key, password, certificate)
    assert [(one.code, one.what) for one in caught.value.findings] == [("document-sign.no-key", what)]
