"""The page of ``delivery_file``: what it says, in whose words, and what templates may do."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.base.document import parse
from engine.base.errors import TollbookError
from engine.ports.discovery import SHIPPED
from engine.ports.host import Host
from tests.plugins.documents import DOCUMENT, EARLY, document, files, send

Shipped = Callable[..., Host]


@pytest.fixture
def host(shipped: Shipped) -> Host:
    return shipped("delivery_file", "delivery", folder="out")


def page(host: Host, folder: Path, **changes: Any) -> str:
    """The words of the page of a document, without tags."""
    [answer] = send(host, document(**changes))
    html = (folder / answer.evidence["path"]).read_text(encoding="utf-8")
    words = re.sub(r"<style>.*?</style>|<[^>]*>", " ", html, flags=re.DOTALL)
    return " ".join(words.replace("\N{NO-BREAK SPACE}", " ").replace("\N{NARROW NO-BREAK SPACE}", " ").split())


def test_the_page_says_everything(host: Host, tmp_path: Path) -> None:
    words = page(host, tmp_path, early_payment=EARLY)
    for part in (
        "Rechnung DE-2026-000123",
        "Acme Cloud GmbH Musterweg 1 10117 Berlin",
        "Böhm &amp; &lt;Söhne&gt; AG Hauptstraße 1 80331 München USt-IdNr. DE987654321",
        "Datum 31.01.2026 Zahlbar bis 02.03.2026 Kundennummer A-1007 Ihre Bestellnummer PO-4711",
        "Seats S-1 · 17/31 des vollen Zeitraums 15.01.2026 – 31.01.2026 1.250,5 seat 19 % 1.171,37",
        "Steuerpflichtig S · DE 19 % 1.171,37 222,56",
        "Nettobetrag 1.171,37 EUR Steuer 222,56 EUR Gesamtbetrag 1.393,93 EUR",
        "Bitte zahlen Sie 1.393,93 EUR bis zum 02.03.2026 unter Angabe von DE-2026-000123. "
        "Bei Zahlung bis zum 10.02.2026 2 % Skonto (27,88 EUR): dann 1.366,05 EUR. "
        "Main EUR IBAN DE02120300000000202051 BIC BYLADEM1001",
        "DE VAT DE123456789",
    ):
        assert part in words
    assert "Dollars" not in words  # the account of another currency
    assert "zum Kurs" not in words  # the books are in the invoice's own currency


@pytest.mark.parametrize(
    ("language", "country", "total", "day"),
    [
        ("en", "GB", "Total 1,393.93 EUR", "31 Jan 2026"),
        ("en", "US", "Total 1,393.93 EUR", "Jan 31, 2026"),
        ("de", "CH", "Gesamtbetrag 1’393.93 EUR", "31.01.2026"),
        ("fr", "FR", "Total TTC 1 393,93 EUR", "31 janv. 2026"),
        ("ja", "JP", "合計 1,393.93 EUR", "2026/01/31"),
        ("xx", "ZZ", "Total 1,393.93 EUR", "Jan 31, 2026"),
        ("../..", "DE", "Total 1,393.93 EUR", "Jan 31, 2026"),
    ],
)
def test_words_numbers_and_days_are_the_buyers(
    host: Host, tmp_path: Path, language: str, country: str, total: str, day: str
) -> None:
    words = page(host, tmp_path, buyer__language=language, buyer__country=country)
    assert total in words
    assert day in words


def test_a_currency_without_minor_units(host: Host, tmp_path: Path) -> None:
    lines = [{**DOCUMENT["lines"][0], "amount": "12584", "tax_amount": "1258"}]
    functional = {"currency": "EUR", "total": "77.52", "rate": "0.0056", "rate_source": "ECB", "rate_on": "2026-01-30"}
    changes = {"currency": "JPY", "lines": lines, "net": "12584", "tax": "1258", "total": "13842"}
    words = page(host, tmp_path, **changes, functional=functional, buyer__language="en", buyer__country="JP")
    assert "Total 13,842 JPY" in words
    assert "Equals 77.52 EUR at 1 JPY = 0.0056 EUR, ECB, Jan 30, 2026" in words


def test_a_credit_note_asks_for_no_payment(host: Host, tmp_path: Path) -> None:
    words = page(host, tmp_path, kind="credit_note", total="-1393.93", buyer__language="en")
    assert words.startswith("Credit note DE-2026-000123")
    assert "Total credited -1.393,93 EUR" in words
    assert "Please pay" not in words
    assert "Due date" not in words


def test_lines_of_several_accounts_are_under_their_names(host: Host, tmp_path: Path) -> None:
    line = DOCUMENT["lines"][0]
    lines = [line, {**line, "account": "A-1008", "account_name": "Böhm Logistik", "text": "Storage", "unit": ""}]
    words = page(host, tmp_path, lines=lines)
    assert "Böhm Logistik A-1008 Storage" in words
    assert "Böhm &amp; &lt;Söhne&gt; AG A-1007 Seats" in words


def test_why_there_is_no_tax_is_printed_once(host: Host, tmp_path: Path) -> None:
    tax = {"category": "AE", "rate": "0", "net": "1.00", "tax": "0.00", "jurisdiction": "FR", "reason": "Article 196"}
    words = page(host, tmp_path, taxes=[tax, {**tax, "jurisdiction": "NL"}])
    assert words.count("Article 196") == 1
    assert "Steuerschuldnerschaft des Leistungsempfängers AE · FR 0 % 1,00 0,00" in words


def test_fewest_facts(host: Host, tmp_path: Path) -> None:
    names = ("number", "kind", "invoice_date", "currency", "net", "tax", "total")
    seller = {name: DOCUMENT["seller"][name] for name in ("key", "name", "address", "country")}
    buyer = {name: DOCUMENT["buyer"][name] for name in ("key", "name", "address", "country")}
    line = {"number": 1, "text": "Set-up", "amount": "1171.37"}
    payload = {**{name: DOCUMENT[name] for name in names}, "seller": seller, "buyer": buyer, "lines": [line]}
    [answer] = send(host, payload)
    assert answer.state == "accepted"
    assert "Please pay" in (tmp_path / answer.evidence["path"]).read_text()


# Templates


def own(shipped: Shipped, tmp_path: Path, text: str) -> Host:
    (tmp_path / "own.html").write_text(text)
    return shipped("delivery_file", "delivery", folder="out", template="own.html")


def test_a_template_of_ones_own(shipped: Shipped, tmp_path: Path) -> None:
    host = own(shipped, tmp_path, "{{ text('total') }} {{ document.total | cash }} {{ document.buyer.name }}")
    [answer] = send(host, document())
    assert (tmp_path / answer.evidence["path"]).read_text() == (
        "Gesamtbetrag 1.393,93\N{NO-BREAK SPACE}EUR Böhm &amp; &lt;Söhne&gt; AG"
    )
    with pytest.raises(TollbookError, match="the template is wrong"):  # before anything is delivered
        own(shipped, tmp_path, "{{ text( }}")


@pytest.mark.parametrize(
    "text",
    [
        "{{ document.__class__.__mro__ }}",
        "{{ ''.__class__.__base__.__subclasses__() }}",
        "{{ document._convert }}",
        "{{ document.totel }}",
        "{{ document.lines[5].text }}",
        "{{ 1 / 0 }}",
        "{{ range(10000000) | list }}",
        "{{ [].append(1) }}",
    ],
)
def test_a_template_that_fails_or_reaches_out_makes_no_page(shipped: Shipped, tmp_path: Path, text: str) -> None:
    [answer] = send(own(shipped, tmp_path, text), document())
    assert answer.state == "retry"
    assert answer.reason.startswith("the page cannot be made: ")
    assert files(tmp_path / "out") == []


def test_every_word_is_in_every_language() -> None:
    texts = parse((SHIPPED / "delivery_file" / "texts.yaml").read_bytes(), "texts.yaml").data
    languages = {"en", "de", "fr", "es", "it", "nl", "pt", "ja"}
    assert {label: set(words) ^ languages for label, words in texts.items() if set(words) != languages} == {}
    for label, words in texts.items():
        filled = {language: sorted(re.findall(r"\{(\w+)\}", word)) for language, word in words.items()}
        assert len(set(map(tuple, filled.values()))) == 1, label


KINDS = ("invoice", "credit_note", "corrected_invoice", "debit_note", "advance_invoice")


def test_every_word_is_used() -> None:
    texts = parse((SHIPPED / "delivery_file" / "texts.yaml").read_bytes(), "texts.yaml").data
    template = "".join((SHIPPED / "delivery_file" / name).read_text() for name in ("invoice.html", "page.css"))
    used = set(re.findall(r"text\(\"(\w+)\"", template)) | {"total", "credit_total", *KINDS}
    assert [label for label in texts if label not in used and not label.startswith("category_")] == []
