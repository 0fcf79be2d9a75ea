"""QR codes on printed pages, read back from a picture of the page by a decoder of others."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

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


def read(document: InvoiceDocument) -> list[str]:
    """What its codes say."""
    return [one.text for one in codes_of(document)]


def says(codes: list[str], **changes: Any) -> list[str]:
    return read(made(codes, **changes))


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
    scanned = zxingcpp.read_barcodes(page.render(scale=3).to_pil())
    epc, authority = sorted((one.text for one in scanned), key=lambda text: text.startswith("https"))
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


LISBON = {"key": "PT01", "name": "Acme Lda", "address": "Lisboa", "country": "PT"}
NIF = [{"country": "PT", "kind": "vat", "number": "PT123456789"}]
RATES = (
    ("PT", "12000.00 0 0", "15000.00 0.06 900.00", "50000.00 0.13 6500.00", "80000.00 0.23 18400.00"),
    ("PT-20", "10000.00 0 0", "25000.56 0.04 1000.02", "75000.00 0.09 6750.00", "100000.00 0.18 18000.00"),
    ("PT-30", "5000.00 0 0", "12500.00 0.05 625.00", "25000.00 0.12 3000.00", "40000.00 0.22 8800.00"),
)


def portuguese(**changes: Any) -> InvoiceDocument:
    """The document of the authority's example, but for stamp duty and tax withheld."""
    taxes = [
        {"category": "S" if rate != "0" else "E", "rate": rate, "net": net, "tax": tax, "jurisdiction": region}
        for region, *rates in RATES
        for net, rate, tax in map(str.split, rates)
    ]
    taxes.append({"category": "O", "rate": "0", "net": "100.00", "tax": "0.00", "jurisdiction": "PT"})
    given = {
        "number": "FT AB2019/0035",
        "invoice_date": "2019-12-31",
        "seller": LISBON | {"registrations": NIF},
        "buyer": {"key": "A1", "name": "A", "address": "", "country": "PT", "tax_id": None},
        "legal": {"code": "CSDF7T5H-0035", "printed": "kLp0"},
        "taxes": taxes,
        "tax": "63975.02",
        "total": "513575.58",
        "layout": {"codes": ["portugal"], "certificate": "9999"},
    }
    return msgspec.convert(document(**given | changes), InvoiceDocument)


@printing
def test_the_code_of_portugal_is_printed_below_the_atcud_in_the_size_of_the_law(shipped: Callable[..., Host]) -> None:
    """30 mm at least, of version 9 at least with bytes; the ATCUD right above it, and on every sheet (Portaria 195/2020, article 4)."""
    formats: dict[str, Format] = dict(shipped("document_html", "einvoice").formats())
    rate = {"category": "S", "rate": "0.23", "net": "100", "tax": "23", "jurisdiction": "PT"}
    lines = [{"number": n, "text": f"Row {n}", "amount": "1"} for n in range(40)]
    pages = pypdfium2.PdfDocument(formats["pdf"].write(portuguese(taxes=[rate], lines=lines)))
    assert [page.get_textpage().get_text_bounded().count("ATCUD:CSDF7T5H-0035") for page in pages] == [1, 2]
    (code,) = zxingcpp.read_barcodes(pages[1].render(scale=3).to_pil())
    corner, right = code.position.top_left, code.position.top_right
    assert (right.x - corner.x) / 3 / 72 * 25.4 >= 30
    assert (code.ec_level, code.text[:13]) == ("M", "A:123456789*B")
    (drawn,) = codes_of(portuguese(taxes=[rate]))
    assert f"width='{4 * (53 + 8)}'" in unquote(drawn.uri), "version 9 has 53 modules, with 4 of white on each side"


def test_the_code_of_portugal_has_the_fields_of_the_authoritys_example() -> None:
    assert read(portuguese()) == [
        "A:123456789*B:999999990*C:PT*D:FT*E:N*F:20191231*G:FT AB2019/0035*H:CSDF7T5H-0035"
        "*I1:PT*I2:12000.00*I3:15000.00*I4:900.00*I5:50000.00*I6:6500.00*I7:80000.00*I8:18400.00"
        "*J1:PT-AC*J2:10000.00*J3:25000.56*J4:1000.02*J5:75000.00*J6:6750.00*J7:100000.00*J8:18000.00"
        "*K1:PT-MA*K2:5000.00*K3:12500.00*K4:625.00*K5:25000.00*K6:3000.00*K7:40000.00*K8:8800.00"
        "*L:100.00*N:63975.02*O:513575.58*Q:kLp0*R:9999"
    ]
    back = [{"category": "S", "rate": "0.23", "net": "-100.00", "tax": "-23.00", "jurisdiction": "PT"}]
    buyer = {"key": "A1", "name": "A", "address": "", "country": "DE", "tax_id": "DE136695976"}
    (note,) = read(portuguese(kind="credit_note", buyer=buyer, taxes=back, tax="-23.00", total="-123.00"))
    assert "*B:136695976*C:DE*D:NC*" in note and "*I1:PT*I7:100.00*I8:23.00*N:23.00*O:123.00*" in note


@pytest.mark.parametrize(
    "changes",
    [
        {"legal": {"code": "CSDF7T5H-0035"}},
        {"layout": {"codes": ["portugal"]}},
        {"currency": "USD"},
        {"seller": LISBON},
        {"taxes": [{"category": "S", "rate": "0.19", "net": "1", "tax": "0.19", "jurisdiction": "DE"}]},
        {"taxes": [{"category": "S", "rate": "0.21", "net": "1", "tax": "0.21", "jurisdiction": "PT"}]},
    ],
)
def test_the_code_of_portugal_is_left_out_where_a_part_of_it_is_not_known(changes: dict[str, Any]) -> None:
    assert read(portuguese(**changes)) == []


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
