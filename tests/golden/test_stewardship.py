"""A change of master data waits for its steward; only the bills concerned are held, and what is confirmed counts from its day."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from engine.app import App
from engine.base.errors import TollbookError
from engine.model.journal import Change
from engine.model.stewardship import MasterChange
from tests import stories

PRICES = """
ruleset: pricing/acme
effective: {from: 2020-01-01}
rules:
  - {id: gold, when: charge.key == "base" and account.attributes.tier == "gold", then: {method: flat, price: 20 EUR}}
  - {id: vip, when: charge.key == "base" and account.segment == "vip", then: {method: flat, price: 10 EUR}}
  - {id: base, when: charge.key == "base", then: {method: flat, price: [31 EUR, 40 USD, 5000 JPY]}}
  - {id: seats, then: {method: per_unit, unit: [1 EUR, 1 USD, 1 JPY]}}
"""
STEWARDS = """
ruleset: stewardship/acme
priority: 10
effective: {from: 2020-01-01}
rules:
  - id: tiers
    when: source == "erp" and (field == "attributes.tier" or field == "segment")
    then: {confirm: true, steward: pricing_steward, within: 3 days, hold_ahead: 10 days}
  - {id: rest, then: {confirm: false}}
"""
RULES = {
    "pricing/acme.yaml": PRICES,
    "stewardship/acme.yaml": STEWARDS,
    "attributes.yaml": "account:\n  tier: {type: choice, values: [silver, gold], default: silver, meaning: tier}\n",
}
SETTINGS = {
    "roles": "{operator: [init, import, run], pricing_steward: [resolve], other: [resolve]}",
    "people": "{ada: [operator, pricing_steward], sue: [pricing_steward], olga: [other]}",
}
VALUE = "E1,account,A1,tier,2026-02-01,"
FEB, MAR = date(2026, 2, 1), date(2026, 3, 1)


def who(name: str) -> Change:
    return Change(name, datetime(2026, 2, 1, 9, tzinfo=UTC), "looked at")


SUE = who("sue")


def codes(work: Callable[[], Any]) -> list[str]:
    with pytest.raises(TollbookError) as raised:
        work()
    return [str(finding.code) for finding in raised.value.findings]


def came(app: App, folder: Path, file: str, *rows: str) -> Any:
    """What an import of a file of a few rows came to."""
    kind = file.partition("-")[0]
    head = "entity,object,record,attribute,valid_from,value" if kind == "attribute_values" else stories.FILES[kind][0]
    target = stories.deliver(folder, f"in-{len(list(folder.iterdir()))}", **{file: (head, *rows)})
    return stories.load(app, target)


def pending(app: App) -> list[MasterChange]:
    return app.stewardship.listed()


@pytest.mark.capability("B1.6")
def test_a_tier_waits_for_its_steward(tmp_path: Path, database_url: str) -> None:
    """From the ERP it is pending: A1 is held, all others are billed; confirmed, A1 is billed as of the day of the change."""
    folder = stories.write(tmp_path, rules=RULES)
    with stories.opened(folder, database_url, **SETTINGS) as app:
        stories.load(app, folder / "data")
        told = came(app, folder, "attribute_values-erp", VALUE + "gold", "E1,account,A2,tier,2026-02-01,gold")
        assert [str(one.code) for one in told.findings] == ["stewardship.waits"] * 2
        assert [(c.record, c.field, c.source, c.before, c.after, c.day) for c in pending(app)] == [
            (key, "attributes.tier", "erp", None, "gold", FEB) for key in ("A1", "A2")
        ]
        assert came(app, folder, "attribute_values-erp", VALUE + "gold").counts["new"] == 0 and len(pending(app)) == 2
        first, second = (one.id for one in pending(app))
        report = stories.bill(app, "2026-02-01")
        waits = [one for one in report.findings if one.code == "stewardship.unconfirmed"]
        assert [one.subject for one in waits] == ["account/A1", "account/A2"] and f"confirm {first}`" in waits[0].mend
        assert {one["payer"] for one in stories.invoices(app)} == {"A3"}

        assert codes(lambda: app.stewardship.confirm(first, who("olga"))) == ["stewardship.not-steward"]
        assert codes(lambda: app.stewardship.confirm(first, who("ada"))) == ["stewardship.same-person"]
        assert app.stewardship.confirm(first, SUE).state == "confirmed"
        assert codes(lambda: app.stewardship.reject(first, SUE)) == ["stewardship.decided"]
        app.stewardship.reject(second, SUE)
        assert came(app, folder, "attribute_values-erp", "E1,account,A2,tier,2026-02-01,gold").counts["new"] == 0
        assert pending(app) == []

        stories.bill(app, "2026-03-01")
        base = {
            (one["payer"], line["service_from"]): line["amount"]
            for one in stories.invoices(app)
            for line in one["lines"]
            if line["charge"] == "base" and line["subscription"] in ("S1", "S2")
        }
        gold, plain, dollars = Decimal(20), Decimal(31), Decimal(40)
        assert base == {
            ("A1", date(2026, 1, 1)): plain,
            ("A1", FEB): gold,
            ("A1", MAR): gold,
            **{("A2", day): dollars for day in (date(2026, 1, 1), FEB, MAR)},
        }
        assert {name: found for name, found in app.verify().items() if found} == {}


def test_fields_of_accounts_and_other_sources(tmp_path: Path, sqlite_url: str) -> None:
    """A segment from the ERP waits while the rest of its row counts; by hand it counts at once; far ahead nothing is held."""
    folder = stories.write(tmp_path, rules=RULES)
    head = stories.FILES["accounts"][0] + ",segment"
    row = "E1,A1,One more,NL,EUR,Europe/Amsterdam,,,vip"
    with stories.opened(folder, sqlite_url, **SETTINGS) as app:
        stories.load(app, folder / "data")
        stories.load(app, stories.deliver(folder, "erp", **{"accounts-erp": (head, row)}))
        (waiting,) = pending(app)
        assert (waiting.field, waiting.after, waiting.day, waiting.due.year) == ("segment", "vip", None, 2027)
        with app.books.reader() as reader:
            account = reader.accounts("acme", "E1", ["A1"])["A1"]
        assert (account.name, account.segment) == ("One more", "business")
        app.stewardship.confirm(waiting.id, SUE)
        with app.books.reader() as reader:
            account = reader.accounts("acme", "E1", ["A1"])["A1"]
        assert (account.name, account.segment) == ("One more", "vip")
        stories.load(app, stories.deliver(folder, "hand", accounts=(head, row.replace("vip", "plain"))))
        assert pending(app) == []

        came(app, folder, "attribute_values-erp", "E1,account,A1,tier,2026-02-20,gold")
        came(app, folder, "attribute_values-erp", "E1,account,A1,tier,2026-02-20,silver")
        assert [(one.after, one.state) for one in app.stewardship.listed("")][1:] == [
            ("gold", "replaced"),
            ("silver", "pending"),
        ]
        assert not [f for f in stories.bill(app, "2026-02-01").findings if f.code == "stewardship.unconfirmed"]
        held = stories.bill(app, "2026-02-12", dry_run=True, account="A1").findings
        assert [one.code for one in held if one.subject == "account/A1"] == ["stewardship.unconfirmed"]


def test_a_run_does_not_use_what_it_has_not_seen(
    tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A change that is confirmed while a run goes on is not in what the run has pinned: its account waits for the next run."""
    from engine.runs.billing import run as bill_run

    folder = stories.write(tmp_path, rules=RULES)
    with stories.opened(folder, sqlite_url, runs__partition_size="1", **SETTINGS) as app:
        stories.load(app, folder / "data")
        came(app, folder, "attribute_values-erp", VALUE + "gold")
        whole, asked = bill_run.bill_partition, list[int]()

        def confirming(parts: Any, pinned: Any, number: int) -> Any:
            if not asked:
                app.stewardship.confirm(pending(app)[0].id, SUE)
            asked.append(number)
            return whole(parts, pinned, number)

        monkeypatch.setattr(bill_run, "bill_partition", confirming)
        report = stories.bill(app, "2026-02-01")
        assert [one.subject for one in report.findings if one.code == "stewardship.unconfirmed"] == ["account/A1"]
        assert "A1" not in {one["payer"] for one in stories.invoices(app)} and len(asked) > 1
