"""E-invoices of every kind: the official sheets accept them, a second checker does too, and what the norm does not allow is
refused by name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import mockeinvoice
import msgspec
import pytest
from lxml import etree

from engine.base.errors import TollbookError
from engine.ports.hookspecs.delivery import (
    Allowance,
    Buyer,
    Contact,
    DocumentLine,
    DocumentTax,
    EarlyPayment,
    Functional,
    InvoiceDocument,
    PayTo,
    Reference,
    Registration,
    Seller,
)
from plugins.einvoice_en16931.plugin import KINDS
from plugins.einvoice_en16931.sheets import SHEETS, Sheets, folder, hastened
from plugins.einvoice_en16931.terms import XRECHNUNG, terms
from plugins.einvoice_en16931.writing import Writer

pytestmark = pytest.mark.capability("A3.1")

D = Decimal
STANDARD = D("0.19")
SELLER = Seller(
    "E1",
    "Nordlicht GmbH",
    "Hafenstraße 1\n2. Stock",
    "DE",
    (Registration("DE", "vat", "DE123456788"),),
    (PayTo("Main", "EUR", "DE89 3704 0044 0532 0130 00", "COBADEFFXXX"),),
    city="Hamburg",
    postcode="20095",
    endpoint="4012345000009",
    endpoint_scheme="0088",
    contact=Contact("Billing desk", "+49 40 123456", "billing@example.org"),
)
BUYER = Buyer(
    "A1",
    "Süd & Söhne AG",
    "Weg 2",
    "DE",
    "DE129273398",
    "ap@example.org",
    "de",
    reference="04011000-12345-03",
    city="Ulm",
    postcode="89073",
    endpoint="4012345000009",
    endpoint_scheme="0088",
)


def of(*lines: DocumentLine, kind: str = "invoice", **more: Any) -> InvoiceDocument:
    """A document of some lines, with the tax of each category and rate reckoned from their sum."""
    sums: dict[tuple[str, Decimal], Decimal] = {}
    for one in (*lines, *more.get("allowances", ())):
        key = (one.tax_category, one.tax_rate)
        sums[key] = sums.get(key, D(0)) + (one.amount if isinstance(one, DocumentLine) else -one.amount)
    taxes = tuple(
        DocumentTax(category, rate, net, (net * rate).quantize(D("0.01")), "DE")
        for (category, rate), net in sums.items()
    )
    net, tax = sum((one.net for one in taxes), D(0)), sum((one.tax for one in taxes), D(0))
    given = {"currency": "EUR", "due_date": date(2026, 3, 2), "tax_point": date(2026, 1, 31)} | more
    currency = given.pop("currency")
    seller, buyer = given.pop("seller", SELLER), given.pop("buyer", BUYER)
    issued = date(2026, 1, 31)
    return InvoiceDocument(
        "DE-2026-7", kind, issued, currency, seller, buyer, lines, net, tax, net + tax, taxes=taxes, **given
    )  # type: ignore[arg-type]


def line(number: int, amount: str, category: str = "S", rate: Decimal | None = None, **more: Any) -> DocumentLine:
    """A line of a category; standard rate if it is S."""
    rate = (STANDARD if category == "S" else D(0)) if rate is None else rate
    return DocumentLine(number, f"Service {number}", D(amount), tax_rate=rate, tax_category=category, **more)


JANUARY = {"service_from": date(2026, 1, 1), "service_to": date(2026, 2, 1)}
FRENCH = msgspec.structs.replace(BUYER, country="FR", tax_id="FR83404833048", city="Lyon", postcode="69001")
SWISS = msgspec.structs.replace(BUYER, country="CH", tax_id=None, city="Basel", postcode="4001")
EARLIER = (Reference("DE-2026-3", date(2026, 1, 5)),)
DOCUMENTS: dict[str, InvoiceDocument] = {
    "standard": of(line(1, "200.00", quantity=D(10), unit="seat", **JANUARY)),
    "several rates": of(line(1, "99.99"), line(2, "50.01", rate=D("0.07")), line(3, "10.00", "Z")),
    "part of a cycle": of(line(1, "17.33", quantity=D(3), share="17/31", **JANUARY)),
    "a line that gives back": of(line(1, "100.00", **JANUARY), line(2, "-30.00", **JANUARY)),
    "zero rated": of(line(1, "100.00", "Z")),
    "exempt": of(line(1, "100.00", "E")),
    "reverse charge": of(line(1, "100.00", "AE"), buyer=FRENCH),
    "intra-community": of(line(1, "100.00", "K"), buyer=FRENCH),
    "export": of(line(1, "100.00", "G"), buyer=SWISS),
    "not subject to VAT": of(line(1, "100.00", "O"), buyer=SWISS),
    "credit note": of(line(1, "-200.00", quantity=D(10), **JANUARY), kind="credit_note", preceding=EARLIER),
    "corrected invoice": of(line(1, "150.00"), kind="corrected_invoice", preceding=EARLIER),
    "allowance and charge": of(
        line(1, "200.00"),
        allowances=(Allowance(D("10.00"), "Loyalty", "S", STANDARD), Allowance(D("-5.00"), "Freight", "S", STANDARD)),
    ),
    "prepaid and rounded": of(line(1, "100.01"), prepaid=D("19.00"), rounding=D("-0.01")),
    "foreign currency": of(
        line(1, "100.00"),
        currency="USD",
        functional=Functional("EUR", D("107.10"), D("0.9")),
        functional_tax=D("17.10"),
    ),
    "advance": of(line(1, "300.00"), kind="advance_invoice", prepaid=D("357.00")),
    "less an advance": of(line(1, "1000.00"), line(2, "-300.00"), preceding=EARLIER),
    "an advance that was paid": of(line(1, "1000.00"), prepaid=D("357.00"), preceding=EARLIER),
    "an advance at another rate": of(line(1, "1000.00"), line(2, "-300.00", rate=D("0.16")), preceding=EARLIER),
    "no day to pay by": of(line(1, "100.00"), due_date=None),
    "a discount for paying early": of(
        line(1, "100.00"), early_payment=EarlyPayment(D("0.02"), 10, date(2026, 2, 10), D("2.38"), D("116.62"))
    ),
}


@pytest.fixture(scope="module")
def sheets() -> Iterator[Sheets]:
    """The official sheets, in their process."""
    made = Sheets()
    yield made
    made.close()


@pytest.fixture
def writer(sheets: Sheets) -> Callable[[str], Writer]:
    """Makes the writer of a kind of file."""
    return lambda kind: Writer(sheets, *KINDS[kind][1:3])


@pytest.mark.parametrize("name", DOCUMENTS)
@pytest.mark.parametrize("kind", ["ubl", "cii"])
def test_schema_and_official_sheets_accept_every_kind_of_document(
    name: str, kind: str, writer: Callable[[str], Writer]
) -> None:
    xml = writer(kind)(KINDS[kind][0], DOCUMENTS[name])
    assert DOCUMENTS[name].number.encode() in xml


@pytest.mark.parametrize("name", DOCUMENTS)
@pytest.mark.parametrize("kind", ["peppol", "xrechnung"])
def test_a_second_checker_accepts_them_by_the_rules_of_peppol_and_xrechnung(
    name: str, kind: str, writer: Callable[[str], Writer]
) -> None:
    xml = writer(kind)("ubl", DOCUMENTS[name])
    _, report = mockeinvoice.validate(xml)
    assert (report.verdict, [(one.code, one.text) for one in report.failures]) == ("valid", [])


@pytest.mark.parametrize("name", DOCUMENTS)
def test_both_syntaxes_say_the_same_to_the_cent(name: str, writer: Callable[[str], Writer]) -> None:
    document = DOCUMENTS[name]
    ubl = etree.fromstring(writer("ubl")("ubl", document))
    cii = etree.fromstring(writer("cii")("cii", document))

    def told(root: Any, tag: str) -> list[Decimal]:
        return sorted(D(one.text) for one in root.iter(f"{{*}}{tag}"))

    assert told(ubl, "PayableAmount") == told(cii, "DuePayableAmount")
    assert told(ubl, "TaxInclusiveAmount") == told(cii, "GrandTotalAmount")
    assert told(ubl, "LineExtensionAmount") == told(cii, "LineTotalAmount")


def test_a_credit_note_is_told_in_positive_amounts_and_names_what_it_gives_back() -> None:
    found = terms(DOCUMENTS["credit note"])
    assert (found["BT-3"], found["BT-112"], found["BT-115"]) == ("381", "238.00", "238.00")
    assert found["BG-3"] == [{"BT-25": "DE-2026-3", "BT-26": date(2026, 1, 5)}]
    assert (found["BG-25"][0]["BT-129"], found["BG-25"][0]["BT-146"]) == ("10", "20.00")


def test_what_is_prepaid_and_rounded_is_between_the_total_and_what_is_due() -> None:
    found = terms(DOCUMENTS["prepaid and rounded"])
    assert (found["BT-112"], found["BT-113"], found["BT-114"], found["BT-115"]) == (
        "119.01",
        "19.00",
        "-0.01",
        "100.00",
    )


def test_a_discount_for_paying_early_is_told_in_words_and_to_xrechnung_in_its_form(
    writer: Callable[[str], Writer],
) -> None:
    """The second checker knows the form: it refuses a line without its end."""
    document = DOCUMENTS["a discount for paying early"]
    words = "Bei Zahlung bis zum 10.02.2026 2 % Skonto (2,38 EUR): dann 116,62 EUR."
    for kind, tag in (("ubl", "PaymentTerms"), ("cii", "SpecifiedTradePaymentTerms")):
        (told,) = etree.fromstring(writer(kind)(kind, document)).iter(f"{{*}}{tag}")
        assert told[0].text.replace("\N{NO-BREAK SPACE}", " ") == words
    xml = writer("xrechnung")("ubl", document)
    assert b"#SKONTO#TAGE=10#PROZENT=2.00#\nBei" in xml
    _, report = mockeinvoice.validate(xml.replace(b"PROZENT=2.00#", b"PROZENT=2.0#"))
    assert [one.code for one in report.failures] == ["BR-DE-18"]
    odd = msgspec.structs.replace(document.early_payment, discount=D("0.02125"))  # type: ignore[type-var]
    assert "#" not in terms(msgspec.structs.replace(document, early_payment=odd), XRECHNUNG)["BT-20"]


@pytest.mark.parametrize(
    ("amount", "quantity", "shown"),
    [
        ("200.00", "10", ("10", "20.00")),
        ("0.75", "1250", ("1250", "0.0006")),
        ("33.33", "1234", ("1", "33.33")),  # no price of four digits gives that
        ("-10.00", "4", ("-4", "2.50")),
        ("5.00", "0", ("1", "5.00")),
        ("0.00", "7", ("1", "0.00")),
        ("1.00", "0.00001", ("1", "1.00")),  # more digits than the norm's writers keep
    ],
)
def test_quantity_times_price_is_the_amount(amount: str, quantity: str, shown: tuple[str, str]) -> None:
    document = of(line(1, "1000.00"), line(2, amount, quantity=D(quantity), unit="call"))
    found = terms(document)["BG-25"][1]
    assert (found["BT-129"], found["BT-146"]) == shown
    assert (D(shown[0]) * D(shown[1])).quantize(D("0.01")) == D(amount)


WRONG = {
    "tax by line": (
        msgspec.structs.replace(
            DOCUMENTS["standard"],
            tax=D("38.01"),
            total=D("238.01"),
            taxes=(DocumentTax("S", STANDARD, D("200.00"), D("38.01"), "DE"),),
        ),
        "tax of 38.01 on 200.00 EUR at 19.00 %",
    ),
    "sales tax": (of(line(1, "10.00", "sales", D("0.08"))), "tax category sales"),
    "O beside S": (
        of(line(1, "10.00", "O"), line(2, "10.00")),
        "lines that are not subject to VAT beside lines that are",
    ),
    "negative invoice": (of(line(1, "-10.00")), "a invoice of -11.90 EUR"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_has_no_place_in_the_norm_is_refused(name: str) -> None:
    document, what = WRONG[name]
    with pytest.raises(TollbookError) as caught:
        terms(document)
    assert [(one.code, one.what) for one in caught.value.findings] == [("einvoice.not-expressible", what)]


@pytest.mark.parametrize(
    ("kind", "change", "rule"),
    [
        ("ubl", {"buyer": msgspec.structs.replace(FRENCH, tax_id=None)}, "BR-IC-02"),
        ("cii", {"buyer": msgspec.structs.replace(FRENCH, tax_id=None)}, "BR-IC-02"),
        ("ubl", {"seller": msgspec.structs.replace(SELLER, country="XX")}, "BR-CL-14"),
        ("cii", {"seller": msgspec.structs.replace(SELLER, country="XX")}, "ram:CountryID"),
    ],
)
def test_what_the_sheets_refuse_names_their_rule(
    kind: str, change: dict[str, Any], rule: str, writer: Callable[[str], Writer]
) -> None:
    document = msgspec.structs.replace(DOCUMENTS["intra-community"], **change)
    with pytest.raises(TollbookError) as caught:
        writer(kind)(kind, document)
    assert {one.code for one in caught.value.findings} == {"einvoice.refused"}
    assert rule in " ".join(one.what for one in caught.value.findings)


def test_the_process_of_the_sheets_is_started_again_when_it_has_died(sheets: Sheets) -> None:
    writer = Writer(sheets)
    writer("ubl", DOCUMENTS["standard"])
    assert sheets._child is not None
    sheets._child.kill()
    sheets._child.wait()
    assert writer("ubl", DOCUMENTS["standard"])


@pytest.mark.parametrize("syntax", SHEETS)
def test_a_sheet_is_changed_in_nothing_but_its_tables_its_walks_and_the_white_space_of_its_report(syntax: str) -> None:
    path = folder() / SHEETS[syntax]
    sheet = path.read_text(encoding="utf-8")
    made, names = hastened(sheet)
    assert all((path.parent / name).is_file() for name in names)
    assert len(names) == (1 if syntax == "cii" else 0)
    assert "document(" not in made
    back = re.sub(r'<xsl:param name="tollbook-table-\d+"/>', "", made).replace('indent="no"', 'indent="yes"', 1)
    for number, name in enumerate(names):
        back = back.replace(f"$tollbook-table-{number}", f"document('{name}')")
    walks = re.compile(r"<xsl:apply-templates( mode=\"M\d+\"[^>]*)? />")
    assert walks.sub("", back) == walks.sub("", sheet)
    rules = re.findall(r'<xsl:template match="([^"]*)" mode="(M\d+)" priority="\d+">', made)
    walked = dict(re.findall(r'<xsl:apply-templates mode="(M\d+)" select="(/[^"]*)" />', made))
    assert {mode for _, mode in rules} == walked.keys()
    aimed = {mode: start for mode, start in walked.items() if start != "/"}
    assert len(aimed) == (65 if syntax == "cii" else 0)
    assert {mode: [match] for mode, match in aimed.items()} == {
        mode: [match for match, other in rules if other == mode] for mode in aimed
    }
    assert not any(f'mode="{mode}" select="@*|*"' in made for mode in aimed), "none goes on below, and comes twice"
