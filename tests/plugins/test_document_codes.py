"""QR codes on printed pages, read back from a picture of the page by a decoder of others."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import msgspec
import pypdfium2
import pytest

from engine.base.errors import TollbookError
from engine.ports.hookspecs.delivery import InvoiceDocument
from engine.ports.hookspecs.einvoice import Format
from engine.ports.host import Host
from plugins.document_html.codes import codes_of
from tests.plugins.documents import document
from tests.plugins.test_document_html import printing

zxingcpp = pytest.importorskip("zxingcpp")
pytestmark = pytest.mark.capability("A3.1")

SAUDI = {"key": "SA01", "name": "شركة النجم", "address": "Riyadh", "country": "SA"}
VAT = [{"country": "SA", "kind": "vat", "number": "310122393500003"}]
LEGAL = {"authority_id": "A-1", "qr": "https://authority.test/verify?id=35054c23", "cleared_at": "2026-02-01T09:00:00Z"}
BANK = {"name": "Main", "currency": "EUR", "iban": "DE02 1203 0000 0000 2020 51", "bic": "BYLADEM1001"}


def made(codes: list[str], **changes: Any) -> InvoiceDocument:
    return msgspec.convert(document(layout={"codes": codes}, **changes), InvoiceDocument)


def says(codes: list[str], **changes: Any) -> list[str]:
    return [one.text for one in codes_of(made(codes, **changes))]


def tags(text: str) -> dict[int, str]:
    """What is in base64 as tag, length and value."""
    data, found = base64.b64decode(text), {}
    while data:
        found[data[0]], data = data[2 : 2 + data[1]].decode(), data[2 + data[1] :]
    return found


@printing
def test_a_scanner_reads_what_the_page_asks_for(shipped: Callable[..., Host]) -> None:
    formats: dict[str, Format] = dict(shipped("document_html", "einvoice").formats())
    pdf = formats["pdf"].write(made(["epc", "authority"], seller__bank_accounts=[BANK], legal=LEGAL))
    (page,) = pypdfium2.PdfDocument(pdf)
    read = zxingcpp.read_barcodes(page.render(scale=3).to_pil())
    epc, authority = sorted((one.text for one in read), key=lambda text: text.startswith("https"))
    fields = epc.split("\n")
    assert fields[:6] == ["BCD", "002", "1", "SCT", "BYLADEM1001", "Acme Cloud GmbH"]
    assert fields[6:] == ["DE02120300000000202051", "EUR1393.93", "", "", "DE-2026-000123"]
    assert authority == LEGAL["qr"]
    assert formats["pdf"].write(made(["epc", "authority"], seller__bank_accounts=[BANK], legal=LEGAL)) == pdf


def test_a_tax_code_has_seller_number_time_total_and_vat() -> None:
    seller = SAUDI | {"registrations": VAT}
    (text,) = says(["zatca"], seller=seller, currency="SAR")
    assert tags(text) == {
        1: "شركة النجم",
        2: "310122393500003",
        3: "2026-01-31T00:00:00Z",
        4: "1393.93",
        5: "222.56",
    }
    picture = codes_of(made(["zatca"], seller=seller, currency="SAR"))[0].uri
    assert picture.startswith("data:image/svg+xml")
    functional = {"currency": "SAR", "total": "5227.24", "rate": "3.75"}
    (abroad,) = says(["zatca"], seller=seller, currency="USD", functional=functional, functional_tax="834.60")
    assert (tags(abroad)[4], tags(abroad)[5]) == ("5227.24", "834.60")
    assert says(["zatca"], seller=seller, currency="SAR", legal=LEGAL) == [LEGAL["qr"]]


@pytest.mark.parametrize(
    ("codes", "changes"),
    [
        ([], {}),
        (["authority"], {}),
        (["zatca"], {"currency": "SAR"}),
        (["zatca"], {"seller": SAUDI, "currency": "SAR"}),
        (["zatca"], {"seller": SAUDI | {"registrations": VAT}, "currency": "USD"}),
        (["epc"], {"currency": "USD"}),
        (["epc"], {"kind": "credit_note"}),
        (["epc"], {"due": "0.00"}),
        (["epc"], {"total": "1000000000.00"}),
        (["epc"], {"seller__bank_accounts": []}),
    ],
)
def test_what_a_document_has_nothing_for_is_not_drawn(codes: list[str], changes: dict[str, Any]) -> None:
    assert says(codes, **changes) == []


def test_a_transfer_is_for_what_is_left_to_pay() -> None:
    (text,) = says(["epc"], due="393.93", prepaid="1000.00", seller__name="Übergröße & Söhne " * 10)
    name, _, amount = text.split("\n")[5:8]
    assert (amount, len(name)) == ("EUR393.93", 70)


def test_a_code_that_is_too_long_is_refused() -> None:
    with pytest.raises(TollbookError, match=r"has 5000 characters") as caught:
        says(["authority"], legal=LEGAL | {"qr": "x" * 5000})
    assert caught.value.findings[0].code == "document-html.no-room"
