"""The taxes that a tax is made of, from the quote to the page: an Indian seller within its state and beyond."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from engine.app import App
from tests import stories

COMPANY: dict[str, Any] = {
    "entities": (
        "key,name,country,region,functional_currency,zone,registrations",
        "E1,Acme India,IN,KA,INR,Asia/Kolkata,IN:gst:29AAACA1234A1ZB",
    ),
    "accounts": (
        "entity,key,name,country,region,currency,zone,payer,parent",
        "E1,A1,Bengaluru,IN,KA,INR,Asia/Kolkata,,",
        "E1,A2,Mumbai,IN,MH,INR,Asia/Kolkata,,",
        "E1,A3,Nowhere,IN,,INR,Asia/Kolkata,,",
    ),
    "subscriptions": ("entity,key,account,anchor_day", "E1,S1,A1,1", "E1,S2,A2,1", "E1,S3,A3,1"),
    "subscription_events": (
        "entity,subscription,key,kind,on,plan,quantity",
        "E1,S1,1,start,2026-01-01,team,1",
        "E1,S2,1,start,2026-01-01,team,1",
        "E1,S3,1,start,2026-01-01,team,1",
    ),
    "usage": ("entity,subscription,meter,key,at,quantity",),
}
PRICES = """
ruleset: pricing/acme
effective: {from: 2020-01-01}
rules: [{id: all, when: charge.key == "base", then: {method: flat, price: 100.03 INR}}, {id: none, then: {method: flat, price: 0 INR}}]
"""


def taxes(app: App, number: str) -> list[tuple[str, list[tuple[str, str, str]]]]:
    """Of each row of the breakdown: its tax, and its parts."""
    document = app.documents.looked_at(number).document
    return [
        (row["tax"], [(one["name"], one["rate"], one["tax"]) for one in row.get("parts", ())])
        for row in document["taxes"]
    ]


@pytest.mark.capability("A3.1", "A3.4")
@pytest.mark.on_sqlite
def test_a_document_names_them(tmp_path: Path, database_url: str) -> None:
    """The bill and the note that takes it back: their parts add up to their tax, to the paisa, and the page shows them."""
    folder = stories.write(tmp_path, rules={"pricing/acme.yaml": PRICES}, **COMPANY)
    config = folder / "config.yaml"
    pages = "  - {name: pages, port: einvoice, plugin: document_html}\nfx:"
    config.write_text(config.read_text().replace("fx:", pages, 1))
    with stories.opened(folder, database_url) as app:
        assert [str(one) for one in stories.load(app, folder / "data").findings] == []
        report = stories.bill(app, "2026-01-01")
        assert [one.code for one in report.findings if one.subject == "account/A3"] == ["rule.no-answer"]
        assert "the customer has none: set the field region" in str(report.findings)
        home, abroad = (one["number"] for one in sorted(stories.invoices(app), key=lambda one: one["payer"]))
        assert taxes(app, home) == [("18.00", [("CGST", "0.09", "9.00"), ("SGST", "0.09", "9.00")])]
        assert taxes(app, abroad) == [("18.01", [("IGST", "0.18", "18.01")])]
        app.void(home, date(2026, 1, 2), stories.CHANGE)
        (note,) = (one["number"] for one in stories.invoices(app) if one["kind"] == "credit_note")
        assert taxes(app, note) == [("-18.00", [("CGST", "0.09", "-9.00"), ("SGST", "0.09", "-9.00")])]
        (page,) = app.documents.written(home, ("html",))
        text = page.content.decode()
        assert text.index("CGST") < text.index("SGST") and "IN-KA" in text
        assert {name: found for name, found in app.verify().items() if found} == {}
