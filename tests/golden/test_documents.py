"""Documents from the books: what rules choose, what holds a document back, and whose address it shows for ever."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import mockeinvoice
import msgspec
import pytest

from engine.app import App
from engine.base.errors import TollbookError
from engine.ports.hookspecs.delivery import InvoiceDocument
from tests import stories

ADAPTERS = """  - {name: pages, port: einvoice, plugin: document_html}
  - {name: einvoice, port: einvoice, plugin: einvoice_en16931}
fx:"""

RULES = """
ruleset: documents/acme
effective: {from: 2020-01-01}
priority: 100
hit: first
rules:
  - id: city
    when: account.segment == "public"
    then: {formats: [xrechnung], required: [buyer.reference]}
  - id: framework
    when: contract_type == "framework" and account.country == "DE"
    then: {template: tax_invoice, language: en, formats: [html], required: [fields.cost_centre], fields: [{attribute: cost_centre, label: Cost centre}]}
  - id: checked
    when: account.country == "DE"
    then: {formats: [peppol], tax_id: hold, accent: "#aa3300"}
  - id: others
    then: {formats: [html]}
"""

ATTRIBUTES = "account:\n  cost_centre: {type: text, meaning: whom it is booked to}\n"

ENTITIES = (
    "key,name,country,functional_currency,zone,registrations,bank_accounts,address,city,postcode,legal_id,legal_scheme,"
    "endpoint,endpoint_scheme,contact_name,contact_phone,contact_email",
    "E1,Acme BV,NL,EUR,Europe/Amsterdam,NL:vat:NL999900017B36;DE:vat:DE129273398,main:EUR:NL91ABNA0417164300:ABNANL2A,Kade 1,"
    "Amsterdam,1019 XX,99900017,0106,99900017,0106,Desk,+31 20 1,desk@acme.test",
)
ACCOUNTS = (
    "entity,key,name,country,currency,zone,segment,language,tax_id,address,city,postcode,endpoint,endpoint_scheme,reference",
    "E1,CITY,Stadt Ulm,DE,EUR,Europe/Berlin,public,de,,Platz 1,Ulm,89073,991-33333TEST-33,0204,",
    "E1,FRAME,Rahmen AG,DE,EUR,Europe/Berlin,business,de,DE129273398,Weg 2,Ulm,89073,DE129273398,9930,R-1",
    "E1,WRONG,Falsch AG,DE,EUR,Europe/Berlin,business,de,DE129273399,Weg 3,Ulm,89073,DE129273398,9930,R-2",
    "E1,RIGHT,Richtig AG,DE,EUR,Europe/Berlin,business,de,DE129273398,Weg 4,Ulm,89073,DE129273398,9930,R-3",
    "E1,HOME,Thuis BV,NL,EUR,Europe/Amsterdam,business,nl,,Straat 5,Utrecht,3599 XB,,,",
)
KEYS = [row.split(",")[1] for row in ACCOUNTS[1:]]


@pytest.fixture
def company(tmp_path: Path, database_url: str) -> Iterator[App]:
    """Five customers, billed for January."""
    rules = {"documents/acme.yaml": RULES, "attributes.yaml": ATTRIBUTES}
    stories.write(
        tmp_path,
        rules=rules,
        entities=ENTITIES,
        accounts=ACCOUNTS,
        contracts=("entity,key,account,signed_on,type", "E1,FRAME-C,FRAME,2025-12-01,framework"),
        contract_lines=("entity,contract,plan,charge,unit_price,currency",),
        subscriptions=(
            "entity,key,account,contract,anchor_day",
            *(f"E1,{key}-S,{key},{'FRAME-C' if key == 'FRAME' else ''},1" for key in KEYS),
        ),
        subscription_events=(
            "entity,subscription,key,kind,on,plan,quantity",
            *(f"E1,{key}-S,e1,start,2026-01-01,team,2" for key in KEYS),
        ),
        usage=("entity,subscription,meter,key,at,quantity,source",),
    )
    config = tmp_path / "config.yaml"
    config.write_text(config.read_text().replace("fx:", ADAPTERS))
    with stories.opened(tmp_path, database_url) as app:
        stories.load(app, tmp_path / "data")
        stories.bill(app, "2026-01-31")
        yield app


def numbers(app: App) -> dict[str, str]:
    """Numbers of invoices by payer."""
    return {head["payer"]: head["number"] for head in stories.invoices(app)}


def deliver(app: App, minutes: int = 0) -> Any:
    """Deliver, so many minutes later."""
    from engine.store import tables

    if minutes:
        with app.books.writer(stories.CHANGE) as writer:
            table = tables.EFFECT
            late = datetime.now(UTC) - timedelta(minutes=minutes)
            waiting = table.update().where(table.c.state == "pending", table.c.next_at.is_not(None))
            writer.connection.execute(waiting.values(next_at=late))
    change = msgspec.structs.replace(stories.CHANGE, at=datetime.now(UTC))
    return app.deliver(change, limit=100)


@pytest.mark.capability("A3.1")
@pytest.mark.on_sqlite
def test_rules_choose_by_segment_jurisdiction_and_type_of_contract(company: App) -> None:
    looks = {key: company.documents.looked_at(number) for key, number in numbers(company).items()}
    chosen = {key: (look.document["layout"]["template"], *look.formats) for key, look in looks.items()}
    assert chosen == {
        "CITY": ("invoice", "xrechnung"),
        "FRAME": ("tax_invoice", "html"),
        "WRONG": ("invoice", "peppol"),
        "RIGHT": ("invoice", "peppol"),
        "HOME": ("invoice", "html"),
    }
    assert looks["RIGHT"].document["layout"]["accent"] == "#aa3300"
    [page] = company.documents.written(numbers(company)["HOME"])
    assert "Factuur" in page.content.decode()
    assert "3599 XB Utrecht" in page.content.decode()


@pytest.mark.capability("A3.1")
@pytest.mark.capability("B9.1")
def test_a_document_that_lacks_a_field_is_held_until_it_is_there(company: App, tmp_path: Path) -> None:
    known = numbers(company)
    report = deliver(company)
    assert report.counts == {"accepted": 2, "retry": 3, "rejected": 0, "held": 3}
    told = {(one.subject, one.code, one.level): one.what for one in report.findings}
    assert told == {
        (
            "account/CITY",
            "document.lacks-field",
            "error",
        ): f"{known['CITY']} has no what the buyer wants named (buyer.reference)",
        ("account/FRAME", "document.lacks-field", "error"): f"{known['FRAME']} has no cost_centre (fields.cost_centre)",
        ("account/WRONG", "tax-id.invalid", "error"): "'DE129273399' is no tax registration number of DE",
    }
    with pytest.raises(TollbookError) as caught:
        company.documents.written(known["CITY"])
    assert "accounts, CITY" in caught.value.findings[0].mend
    assert not any(company.verify().values())

    stories.deliver(
        tmp_path,
        "later",
        accounts=(ACCOUNTS[0], ACCOUNTS[1] + "04011000-12345-03"),
        attribute_values=(
            "entity,object,record,attribute,valid_from,value",
            "E1,account,FRAME,cost_centre,,4711",
        ),
    )
    stories.load(company, tmp_path / "later")
    assert deliver(company, minutes=10).counts == {"accepted": 2, "retry": 1, "rejected": 0, "held": 1}
    page = company.documents.written(known["FRAME"])[0].content.decode()
    assert "Tax invoice" in page
    assert "<td>Cost centre</td><td>4711</td>" in page


@pytest.mark.capability("A3.1")
@pytest.mark.on_sqlite
def test_peppol_and_xrechnung_from_the_books_pass_a_second_checker(company: App) -> None:
    known = numbers(company)
    for key, kind in (("RIGHT", "peppol"), ("RIGHT", "xrechnung"), ("FRAME", "peppol")):
        [written] = company.documents.written(known[key], (kind,))
        _, report = mockeinvoice.validate(written.content)
        assert (report.verdict, [(one.code, one.text) for one in report.failures]) == ("valid", [])


def test_a_document_shows_the_seller_of_its_day(company: App, tmp_path: Path) -> None:
    """What was empty is filled from the first version that has it; what was there stays."""
    number = numbers(company)["HOME"]
    before = company.documents.looked_at(number).document
    header, row = ENTITIES
    moved = row.replace("Kade 1,Amsterdam,1019 XX", "Laan 9,Rotterdam,3011 AA").replace("Acme BV", "Acme Groep BV")
    stories.deliver(tmp_path, "moved", entities=(header, moved))
    home = ACCOUNTS[-1].replace("Straat 5,Utrecht,3599 XB,,,", "Plein 6,Leiden,2311 AB,,,ref-1")
    stories.deliver(tmp_path, "moved", accounts=(ACCOUNTS[0], home))
    stories.load(company, tmp_path / "moved")
    after = company.documents.looked_at(number).document
    assert after["seller"] == before["seller"]
    assert (before["buyer"]["reference"], after["buyer"]["reference"]) == ("", "ref-1")
    assert {**after["buyer"], "reference": ""} == before["buyer"]
    stories.bill(company, "2026-02-28")
    [newer] = [one for one in stories.invoices(company) if one["payer"] == "HOME" and one["number"] != number]
    shown = company.documents.looked_at(newer["number"]).document
    assert (shown["seller"]["name"], shown["seller"]["city"]) == ("Acme Groep BV", "Rotterdam")
    assert shown["buyer"]["city"] == "Leiden"


@pytest.mark.on_sqlite
def test_a_credit_note_names_what_it_gives_back(company: App) -> None:
    from datetime import date

    number = numbers(company)["HOME"]
    company.void(number, date(2026, 2, 3), stories.CHANGE)
    [credit] = [one for one in stories.invoices(company) if one["kind"] == "credit_note"]
    document = company.documents.looked_at(credit["number"]).document
    assert document["preceding"] == [{"number": number, "invoice_date": "2026-01-31"}]
    assert msgspec.convert(document, InvoiceDocument).total == Decimal(str(credit["total"]))


def test_without_rules_for_documents_they_look_as_ever(company: App) -> None:
    from engine.runs.documents.document import Documents

    class Silent:
        """Rules without the family."""

        attributes = company.rulebook.attributes

        def in_force(self, family: str, on: Any) -> tuple[()]:
            return ()

    with company.books.reader() as reader:
        ident = reader.find_invoice(company.tenant, numbers(company)["CITY"])
        assert ident is not None
        look = Documents(reader, company.tenant, Silent()).looked_at([ident])[ident]  # type: ignore[arg-type]
    assert (look.held, look.findings, "layout" in look.document) == ((), (), False)
