"""Tax ids of customers abroad: asked about, kept as evidence, waited for by runs; one that turns invalid is taxed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from engine.app import App
from engine.base.errors import TollbookError
from engine.ports.contracts.fakes.vies import Vies
from tests import stories

RULES = """
ruleset: tax_evidence/union
effective: {from: 2026-01-01}
priority: 10
rules:
  - {id: refused, when: account.tax_id != null and tax_id_answer == "invalid", then: {treat: consumer, note: the number is not registered}}
  - {id: proved, then: {treat: as_is}}
"""
FRESH = """
ruleset: conditions/fresh
effective: {from: 2026-01-01}
priority: 10
rules:
  - {id: asked, then: {check: tax-ids-fresh, max_age: 30 days}}
"""


@pytest.fixture
def vies() -> Iterator[Vies]:
    """The exchange."""
    with Vies().running() as made:
        made.known = {"DE136695976", "ATU12345675"}
        yield made


@pytest.fixture
def app(tmp_path: Path, database_url: str, vies: Vies) -> Iterator[App]:
    """A Dutch seller with customers in Germany, Austria, the Netherlands and the United States."""
    folder = stories.write(
        tmp_path,
        rules={"tax_evidence/union.yaml": RULES, "conditions/fresh.yaml": FRESH},
        accounts=(
            "entity,key,name,country,currency,zone,tax_id",
            "E1,A1,One,DE,EUR,Europe/Berlin,DE136695976",
            "E1,A2,Two,AT,EUR,Europe/Vienna,ATU12345675",
            "E1,A3,Three,NL,EUR,Europe/Amsterdam,NL001234567B01",
            "E1,A4,Four,US,USD,America/New_York,12-3456789",
        ),
    )
    config = folder / "config.yaml"
    adapter = f"  - {{name: vies, port: tax_id, plugin: tax_id_vies, settings: {{url: '{vies.url}'}}}}\nfx:"
    config.write_text(config.read_text().replace("fx:", adapter, 1))
    with stories.opened(folder, database_url) as opened:
        stories.load(opened, folder / "data")
        yield opened


def taxes(app: App, on: str) -> dict[str, Decimal]:
    """Tax of the invoices of a day by payer."""
    return {one["payer"]: one["tax"] for one in stories.invoices(app) if f"{one['invoice_date']}" == on}


@pytest.mark.capability("A5.5")
def test_a_run_waits_for_answers_and_an_invalid_number_is_taxed(app: App, vies: Vies) -> None:
    with pytest.raises(TollbookError) as waits:
        stories.bill(app, "2026-01-02")
    assert "no answer of the last 30 days is known about the tax id of A1, A2" in str(waits.value)
    made = app.tax.refresh_ids(stories.CHANGE, date(2026, 1, 2))
    assert (made.asked, made.answered, made.invalid, made.findings) == (2, 2, (), ())  # those abroad in the Union
    assert {body["countryCode"] for body in vies.asked} == {"DE", "AT"}
    assert app.tax.refresh_ids(stories.CHANGE, date(2026, 1, 2)).asked == 0  # the answers are of the same day
    stories.bill(app, "2026-01-02")
    assert taxes(app, "2026-01-02")["A1"] == 0
    vies.known, vies.closed, vies.day = {"ATU12345675"}, {"AT"}, "2026-02-02"
    again = app.tax.refresh_ids(stories.CHANGE, date(2026, 2, 2), 20)
    assert (again.answered, again.invalid) == (1, ("E1/A1",))
    assert [str(one.code) for one in again.findings] == ["adapter.not-told"]
    with app.books.reader() as reader:
        kept = reader.tax_evidence("acme", "E1", "A1", "A1")["A1"]
    assert [(f"{one.checked_on}", one.valid, one.reference[:4]) for one in kept] == [
        ("2026-01-02", True, "WAPI"),
        ("2026-02-02", False, "WAPI"),
    ]
    with pytest.raises(TollbookError):
        stories.bill(app, "2026-02-02")  # Austria has not answered
    vies.closed = set()
    app.tax.refresh_ids(stories.CHANGE, date(2026, 2, 2), 20)
    report = stories.bill(app, "2026-02-02")
    assert any("A1 is taxed as a consumer: the number is not registered" in one.what for one in report.findings)
    assert taxes(app, "2026-02-02")["A1"] > 0 and taxes(app, "2026-02-02").get("A2", 0) == 0
    assert not any(app.verify().values())
