"""The tax of a document in the currency of the seller's books: what was posted, not what would come of it again."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa
from lxml import etree

from engine.app import App
from engine.runs.documents.document import Documents
from engine.store.tables import ENTRY, INVOICE, POSTING
from tests import stories

D = Decimal
PRICES = """
ruleset: pricing/acme
effective: {from: 2020-01-01}
rules:
  - {id: seats, when: charge.key == "seats", then: {method: per_unit, unit: [1 EUR, 1 USD, 1500 JPY]}}
  - {id: base, when: charge.key == "base", then: {method: flat, price: [31 EUR, 1 USD, 5000 JPY]}}
  - {id: calls, when: charge.key == "calls", then: {method: per_unit, unit: [0.10 EUR]}}
  - {id: setup, when: charge.key == "setup", then: {method: flat, price: [99 EUR, 1 USD, 15000 JPY]}}
"""
EINVOICE = "  - {name: einvoice, port: einvoice, plugin: einvoice_en16931}\nfx:"


def posted(app: App) -> dict[str, Decimal]:
    """What the tax account of each invoice in a foreign currency was posted in functional currency, by number."""
    mine = (POSTING.c.entry_id == ENTRY.c.id) & (POSTING.c.account == "2200")
    statement = (
        sa.select(INVOICE.c.number, -sa.func.sum(POSTING.c.functional_amount, type_=POSTING.c.amount.type))
        .join_from(INVOICE, ENTRY, ENTRY.c.document == INVOICE.c.id)
        .join(POSTING, mine)
        .where(INVOICE.c.currency != INVOICE.c.functional_currency)
        .group_by(INVOICE.c.number)
    )
    with app.books.reader() as reader:
        return {row[0]: row[1] for row in reader.rows(statement)}


@pytest.mark.capability("A1.3")
def test_the_tax_in_the_currency_of_the_books_is_what_was_posted(tmp_path: Path, database_url: str) -> None:
    """Line by line, so that it differs from the tax of the document at its rate; the e-invoice has it as BT-111."""
    stories.write(tmp_path, rules={"pricing/acme.yaml": PRICES})
    config = tmp_path / "config.yaml"
    config.write_text(config.read_text().replace("fx:", EINVOICE))
    with stories.opened(tmp_path, database_url) as app:
        stories.load(app, tmp_path / "data")
        stories.bill(app, "2026-02-01")
        change = stories.deliver(
            tmp_path,
            "less",
            subscription_events=("entity,subscription,key,kind,on,plan,quantity", "E1,S2,2,cancel,2026-02-10,,"),
            rates=("base,quote,rate,source,on", "EUR,USD,1.5,ECB,2026-02-28"),
        )
        stories.load(app, change)
        stories.bill(app, "2026-03-01")
        expected, found, again = posted(app), {}, {}
        with app.books.reader() as reader:
            heads = list(reader.invoices("acme"))
            documents = Documents(reader, "acme", app.parts().rules).of([head["id"] for head in heads])
        for head in heads:
            document = documents[head["id"]]
            if head["currency"] == "EUR":
                assert "functional_tax" not in document
                continue
            found[head["number"]] = D(document["functional_tax"])
            again[head["number"]] = (head["tax"] * head["rate"]).quantize(D("0.01"))
        number = next(number for number, tax in found.items() if tax > 0)
        root = etree.fromstring(app.documents.written(number, ("ubl",))[0].content)
    assert found == expected and len(found) > 2
    assert found != again
    assert any(amount < 0 for amount in found.values()), "a credit note is among them"
    totals = {one.get("currencyID"): one.text for one in root.iterfind("{*}TaxTotal/{*}TaxAmount")}
    assert totals["EUR"] == f"{found[number]:.2f}" and len(totals) == 2
