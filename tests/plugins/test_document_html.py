"""Documents as pages: what they say, how they break, whose templates they are made by, and what a template may not do."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pypdf
import pytest
import time_machine

from engine.base.errors import TollbookError
from engine.families.documents import SHIPPED
from engine.ports.hookspecs.delivery import InvoiceDocument
from engine.ports.hookspecs.einvoice import Format
from engine.ports.host import Host
from tests.plugins.documents import DOCUMENT, EARLY, document

pytestmark = pytest.mark.capability("A3.1")

Formats = Callable[..., dict[str, Format]]
LINE = DOCUMENT["lines"][0]


def prints() -> str:
    """Why nothing can be printed here; empty where it can."""
    try:
        import weasyprint  # noqa: F401
    except (ImportError, OSError) as error:
        return f"PDF cannot be written on this machine: {error}"
    return ""


printing = pytest.mark.skipif(bool(prints()), reason=prints() or "it can be printed")


@pytest.fixture
def formats(shipped: Callable[..., Host]) -> dict[str, Format]:
    return dict(shipped("document_html", "einvoice").formats())


def made(**changes: Any) -> InvoiceDocument:
    return msgspec.convert(document(**changes), InvoiceDocument)


def words(html: bytes) -> str:
    """The words of a page, without tags."""
    plain = re.sub(r"<style>.*?</style>|<[^>]*>", " ", html.decode(), flags=re.DOTALL)
    return " ".join(re.sub("[\u2066\u2069\u200f]", "", plain).replace("\N{NO-BREAK SPACE}", " ").split())


def own(folder: Path, name: str, text: str) -> None:
    """A template of one's own."""
    (folder / "templates").mkdir(exist_ok=True)
    (folder / "templates" / name).write_text(text, encoding="utf-8")


def pages(pdf: bytes) -> list[str]:
    return [" ".join(page.extract_text().split()) for page in pypdf.PdfReader(io.BytesIO(pdf)).pages]


def test_the_page_says_everything(formats: dict[str, Format]) -> None:
    parties = {
        "seller": {**DOCUMENT["seller"], "city": "Berlin", "postcode": "10117", "legal_id": "HRB 12345"},
        "buyer": {**DOCUMENT["buyer"], "city": "Wien", "postcode": "1010", "country": "AT", "reference": "R-9"},
    }
    more = {
        "fields": [{"key": "uso", "label": "Uso CFDI", "value": "G03"}],
        "layout": {"accent": "#aa3300", "footer": "Bye"},
    }
    preceding = [{"number": "DE-2026-000001", "invoice_date": "2026-01-05"}]
    html = formats["html"].write(made(**parties, **more, preceding=preceding, early_payment=EARLY))
    said = words(html)
    for part in (
        "Rechnung DE-2026-000123",
        "Acme Cloud GmbH Musterweg 1 10117 Berlin 10117 Berlin Deutschland",
        "1010 Wien Österreich USt-IdNr. DE987654321",
        "Ihre Referenz R-9",
        "Bezieht sich auf DE-2026-000001, 05.01.2026 Uso CFDI G03",
        "Seats S-1 · 17/31 des vollen Zeitraums 15.01.2026 – 31.01.2026 1.250,5 seat 19 % 1.171,37",
        "Nettobetrag 1.171,37 EUR Steuer 222,56 EUR Gesamtbetrag 1.393,93 EUR",
        "unter Angabe von DE-2026-000123. Bei Zahlung bis zum 10.02.2026 2 % Skonto (27,88 EUR): dann 1.366,05 EUR.",
        "Bye Acme Cloud GmbH · HRB 12345 · DE VAT DE123456789",
    ):
        assert part in said
    assert b"#aa3300" in html
    assert b"B\xc3\xb6hm &amp; &lt;S\xc3\xb6hne&gt; AG" in html


def test_the_language_of_the_rule_counts_before_that_of_the_buyer(formats: dict[str, Format]) -> None:
    said = words(formats["html"].write(made(layout={"language": "fr"})))
    assert "Facture DE-2026-000123" in said


@pytest.mark.parametrize(("language", "word"), [("ar", "فاتورة"), ("he", "חשבונית")])
def test_a_script_that_runs_from_right_to_left(formats: dict[str, Format], language: str, word: str) -> None:
    html = formats["html"].write(made(layout={"language": language})).decode()
    assert f'lang="{language}" dir="rtl"' in html.replace(f"{language}-DE", language)
    assert word in html
    assert "\u20661,393.93\N{NO-BREAK SPACE}EUR\u2069" in html  # an amount keeps its own direction
    assert ".end { text-align: left; }" in html
    assert (
        "<div>\u206810117 Berlin\u2069</div>"
        in formats["html"]
        .write(  # so does an address in other letters
            made(layout={"language": language}, seller__address="10117 Berlin")
        )
        .decode()
    )


def test_tax_stands_in_the_currency_of_the_books_too(formats: dict[str, Format]) -> None:
    """Article 230 of Directive 2006/112/EC wants it; and the day of supply stands where no line has days."""
    functional = {"currency": "EUR", "total": "1254.54", "rate": "0.9", "rate_source": "ECB", "rate_on": "2026-01-30"}
    undated = [{**LINE, "service_from": None, "service_to": None}]
    foreign = made(currency="USD", functional=functional, functional_tax="200.30", lines=undated)
    said = words(formats["html"].write(foreign))
    assert "Steuer 222,56 USD Gesamtbetrag 1.393,93 USD Steuer (EUR) 200,30 EUR Entspricht 1.254,54 EUR" in said
    assert "Datum 31.01.2026 Leistungsdatum 31.01.2026" in said
    note = made(kind="credit_note", net="-50.00", tax="-10.50", total="-60.50", given_up="1.21", currency="USD")
    assert "Gutgeschrieben -60,50 USD Gewährter Nachlass 1,21 USD Gutschriftbetrag -59,29 USD" in words(
        formats["html"].write(note)
    )
    note = msgspec.structs.replace(note, prepaid=Decimal(-20), due=Decimal("-40.50"))
    assert (
        "-60,50 USD Zurück auf das Guthaben 20,00 USD Gewährter Nachlass 1,21 USD Gutschriftbetrag -39,29 USD"
        in words(formats["html"].write(note))
    )
    said = words(formats["html"].write(made(functional_tax="222.56")))
    assert "Steuer (EUR)" not in said and "Leistungsdatum" not in said


def test_rules_may_name_every_kind_that_comes_with_the_house(shipped: Callable[..., Host]) -> None:
    made = {
        kind
        for name in ("document_html", "einvoice_en16931", "einvoice_fatturapa")
        for kind in shipped(name, "einvoice").formats()
    }
    assert made | {"pdf_signed", "facturx_signed"} == set(SHIPPED)


def test_words_are_there_in_every_language() -> None:
    from engine.base.document import parse

    path = Path("plugins/document_html/templates/texts.yaml")
    texts = parse(path.read_bytes(), str(path)).data
    languages = {"en", "de", "fr", "es", "it", "nl", "pt", "ja", "ar", "he"}
    assert {label: languages - set(known) for label, known in texts.items() if languages - set(known)} == {}


def test_a_template_and_words_of_ones_own(shipped: Callable[..., Host], tmp_path: Path) -> None:
    own(
        tmp_path,
        "gold.html",
        '{% extends "invoice.html" %}{% block facts %}<tr><td>{{ text("desk") }}</td></tr>{% endblock %}',
    )
    own(tmp_path, "texts.yaml", "desk: {en: Help desk, de: Auskunft}\ninvoice: {de: Beleg}\n")
    write = shipped("document_html", "einvoice").formats()["html"].write
    said = words(write(made(layout={"template": "gold"})))
    assert "Auskunft" in said
    assert "Beleg DE-2026-000123" in said
    own(tmp_path, "gold.html", "changed {{ document.number }}")
    assert write(made(layout={"template": "gold"})).decode() == "changed DE-2026-000123"


def test_a_tax_invoice_names_the_codes_of_products(formats: dict[str, Format]) -> None:
    lines = [{**LINE, "tax_code": "998313"}]
    said = words(formats["html"].write(made(lines=lines, layout={"template": "tax_invoice", "language": "en"})))
    assert "Tax invoice DE-2026-000123" in said
    assert "998313" in said and "reverse charge" not in said
    owed = [{**DOCUMENT["taxes"][0], "category": "AE"}]
    for taxes, answer in ((DOCUMENT["taxes"], "No"), (owed, "Yes")):
        indian = made(seller__country="IN", taxes=taxes, layout={"template": "tax_invoice", "language": "en"})
        assert f"Tax payable on reverse charge {answer}" in words(formats["html"].write(indian))


@printing
def test_what_an_authority_calls_it_is_broken_rather_than_the_page(formats: dict[str, Format]) -> None:
    """An Indian reference has 64 characters without a space; the buyer's address keeps its room beside it."""
    document = made(seller__country="IN", legal={"authority_id": "3f" * 32}, layout={"template": "tax_invoice"})
    said = pypdf.PdfReader(io.BytesIO(formats["pdf"].write(document))).pages[0].extract_text()
    assert "80331 München" in said and "3f" * 32 not in said


def test_a_picture_is_part_of_the_page(shipped: Callable[..., Host], tmp_path: Path) -> None:
    own(tmp_path, "logo.svg", '<svg xmlns="http://www.w3.org/2000/svg"/>')
    write = shipped("document_html", "einvoice").formats()["html"].write
    assert b'src="data:image/svg+xml;base64,' in write(made(layout={"logo": "logo.svg"}))


WRONG = {
    "no such template": ("", "document/DE-2026-000123", "there is no template 'mine'"),
    "not Jinja2": ("a\n{% if %}", "templates/mine.html:2", "the template is wrong: Expected an expression"),
    "a field that is not there": (
        "a\n\n{{ document.seller.nmae }}",
        "templates/mine.html:3",
        "the template cannot show DE-2026-000123: Seller has no field 'nmae'",
    ),
    "a word that is not there": (
        "{{ documnet.number }}",
        "templates/mine.html:1",
        "UndefinedError: 'documnet' is undefined",
    ),
    "in what it extends": (
        '{% extends "invoice.html" %}\n{% block foot %}\n{{ 1 / 0 }}{% endblock %}',
        "templates/mine.html:3",
        "ZeroDivisionError",
    ),
    "out of the sandbox": (
        "{{ ''.__class__.__mro__ }}",
        "templates/mine.html:1",
        "(barred by the sandbox)",
    ),
    "a picture that is not there": (
        "{{ asset('no.png') }}",
        "no.png",
        "there is no file 'no.png' beside the templates",
    ),
    "a file elsewhere": ("{{ asset('../config.yaml') }}", "../config.yaml", "there is no file"),
    "a file that is no picture": ("{{ asset('texts.yaml') }}", "texts.yaml", "neither a picture nor a font"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_a_template_gets_wrong_is_told_with_its_place(
    name: str, shipped: Callable[..., Host], tmp_path: Path
) -> None:
    template, where, what = WRONG[name]
    if template:
        own(tmp_path, "mine.html", template)
    write = shipped("document_html", "einvoice").formats()["html"].write
    with pytest.raises(TollbookError) as caught:
        write(made(layout={"template": "mine"}))
    [finding] = caught.value.findings
    assert (str(finding.where), finding.code[:13]) == (where, "document-html")
    assert what in finding.what
    assert name != "a field that is not there" or finding.mend == "did you mean 'name'?"


@printing
def test_a_long_invoice_breaks_well(formats: dict[str, Format]) -> None:
    lines = [{**LINE, "number": n, "text": f"Seats of row {n}"} for n in range(1, 41)]
    pdf = formats["pdf"].write(made(lines=lines))
    found = pages(pdf)
    assert len(found) > 1
    for place, page in enumerate(found, 1):
        assert f"Seite {place} / {len(found)}" in page
        assert "Beschreibung Leistungszeitraum" in page  # the head of the table
    assert "Gesamtbetrag" in found[-1]
    assert "Seats of row 40" in found[-1]
    assert [n for page in found for n in re.findall(r"Seats of row (\d+)", page)] == [str(n) for n in range(1, 41)]


@printing
def test_pdf_is_for_the_archive(formats: dict[str, Format]) -> None:
    reader = pypdf.PdfReader(io.BytesIO(formats["pdf"].write(made())))
    told = reader.trailer["/Root"]["/Metadata"].get_object().get_data().decode()
    assert 'part="3"' in told
    assert reader.metadata is not None and reader.metadata.title == "Rechnung DE-2026-000123"
    assert "/OutputIntents" in reader.trailer["/Root"]


@printing
@pytest.mark.parametrize("address", ["http://127.0.0.1:9/x.png", "file:///etc/hostname"])
def test_nothing_is_fetched(address: str, shipped: Callable[..., Host], tmp_path: Path) -> None:
    own(tmp_path, "mine.html", f'<img src="{address}">')
    write = shipped("document_html", "einvoice").formats()["pdf"].write
    with pytest.raises(TollbookError) as caught:
        write(made(layout={"template": "mine"}))
    assert caught.value.findings[0].code == "document-html.not-printed"


@printing
def test_letters_that_no_font_has_are_refused(formats: dict[str, Format]) -> None:
    """U+10FFFD is for private use: no font of any machine has it."""
    with pytest.raises(TollbookError) as caught:
        formats["pdf"].write(made(buyer__name="Name \U0010fffd"))
    (finding,) = caught.value.findings
    assert (finding.code, "U+10FFFD" in finding.what) == ("document-html.not-printed", True)
    assert formats["pdf"].write(made(layout={"language": "ar"})), "marks of direction need no letter"


@printing
def test_factur_x_holds_the_e_invoice(formats: dict[str, Format]) -> None:
    facturx = pytest.importorskip("facturx", reason="the package factur-x reads what is inside")
    from lxml import etree

    from plugins.einvoice_en16931.sheets import Sheets
    from plugins.einvoice_en16931.writing import Writer
    from tests.plugins.test_einvoice import DOCUMENTS

    sheets = Sheets()
    try:
        xml = Writer(sheets)("cii", DOCUMENTS["standard"])
    finally:
        sheets.close()
    assert formats["facturx"].of == ("cii",)
    pdf = formats["facturx"].write(DOCUMENTS["standard"], xml)
    name, inside = facturx.get_xml_from_pdf(pdf, check_xsd=True, check_schematron=False)
    assert (name, inside) == ("factur-x.xml", xml)
    root = etree.fromstring(inside)
    assert (facturx.get_flavor(root), facturx.get_level(root)) == ("factur-x", "en16931")
    reader = pypdf.PdfReader(io.BytesIO(pdf))
    told = reader.trailer["/Root"]["/Metadata"].get_object().get_data().decode()
    assert told.count("<rdf:RDF") == 1
    assert "<fx:ConformanceLevel>EN 16931</fx:ConformanceLevel>" in told
    assert reader.trailer["/Root"]["/AF"][0].get_object()["/AFRelationship"] == "/Data"
    with time_machine.travel(timedelta(days=1)):
        assert formats["facturx"].write(DOCUMENTS["standard"], xml) == pdf  # the same bytes on any day


def test_without_what_prints_html_still_works(formats: dict[str, Format], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "weasyprint", None)
    with pytest.raises(TollbookError) as caught:
        formats["pdf"].write(made())
    [finding] = caught.value.findings
    assert finding.code == "document-html.no-pdf"
    assert "tollbook[documents]" in finding.mend
    assert b"DE-2026-000123" in formats["html"].write(made())
