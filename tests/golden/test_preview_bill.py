"""The preview of a change shows the whole next bill as the run then makes it: tax, wallets, late usage, and what is held."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from engine.base.errors import TollbookError
from engine.runs.wallets.desk import Asked
from tests import stories
from tests.golden.test_lateness import late, rule, send
from tests.golden.test_wallets import GRANTS, WALLETS, left

MORE = {"kind": "change", "on": date(2026, 2, 10), "quantity": Decimal(8)}
EXTRA = Asked("EXTRA", Decimal(20), kind="promotional", on=date(2026, 2, 1))
EVENT = ("entity,subscription,key,kind,on,plan,quantity", "E1,S1,2,change,2026-02-10,,8")


def company(tmp_path: Path, then: str) -> Path:
    return stories.write(tmp_path, rules=rule(then), wallets=WALLETS, wallet_grants=GRANTS)


def documents(found: Any) -> list[tuple[Any, ...]]:
    """Kind, total, what wallets pay, what is left."""
    return [
        (one["kind"], one["total"], [(m["lot"], m["amount"]) for m in one.get("wallets", ())], one.get("due"))
        for one in found.bill.documents
    ]


@pytest.mark.capability("A2.1", "A2.5")
def test_the_next_bill_is_shown_as_the_run_makes_it(tmp_path: Path, database_url: str) -> None:
    folder = company(tmp_path, "{policy: drop}")
    with stories.opened(folder, database_url) as app:
        stories.load(app, folder / "data")
        stories.bill(app, "2026-02-01")
        app.wallets.grant("MAIN", EXTRA, stories.CHANGE, "E1")
        send(app, folder, "late", "01-20/k1/100", "02-05/k2/7")
        found = app.preview_change("A1", MORE, "S1")
        assert found == app.preview_change("A1", MORE, "S1")
        assert [(one["key"], one["disposition"], one["amount"]) for one in found.bill.late] == [("k1", "drop", "5.00")]
        assert not found.anyway  # late usage of another subscription is none of it
        calls = app.preview_change("A1", {"kind": "cancel", "on": date(2026, 2, 10)}, "S5")
        assert not calls.anyway and [Decimal(line["quantity"]) for line in calls.now] == [7]

        stories.load(app, stories.deliver(folder, "real", subscription_events=EVENT))
        before = left(app, "MAIN")
        stories.bill(app, "2026-02-10")
        made = next(one for one in stories.invoices(app) if one["period"] == "2026-02-10")
        after = left(app, "MAIN")
        paid = {lot: amount - after.get(lot, 0) for lot, amount in before.items() if amount != after.get(lot, 0)}
        (shown,) = documents(found)
        assert Decimal(shown[1]) == made["total"]
        moved = {lot: sum(-Decimal(amount) for key, amount in shown[2] if key == lot) for lot, _ in shown[2]}
        assert {lot: amount for lot, amount in moved.items() if amount} == paid != {}
        assert Decimal(shown[3]) == made["total"] - sum(paid.values())
        assert [(key, ended) for key, _, ended, *_ in late(app)] == [("k1", "drop")]


@pytest.mark.capability("A2.5")
def test_lines_of_late_usage_are_given_back_once_in_a_preview(tmp_path: Path, database_url: str) -> None:
    """What a run on the day does anyway is not done again by the change, and not by the next cycle."""
    folder = company(tmp_path, "{policy: credit_and_rebill}")
    with stories.opened(folder, database_url) as app:
        stories.load(app, folder / "data")
        stories.bill(app, "2026-02-01")
        send(app, folder, "late", "01-20/k1/100")
        found = app.preview_change("A1", {"kind": "cancel", "on": date(2026, 2, 10)}, "S5")
        assert [(line["text"], Decimal(line["amount"])) for line in found.anyway] == [
            ("Credit: Calls", Decimal("-12.5")),
            ("Calls", Decimal("17.5")),
        ]
        assert not found.now
        assert [one["disposition"] for one in found.bill.late] == ["credit_and_rebill"]


@pytest.mark.capability("A2.5")
@pytest.mark.on_sqlite
def test_the_next_bill_is_that_of_the_next_cycle_where_the_day_has_none(tmp_path: Path, database_url: str) -> None:
    folder = company(tmp_path, "{policy: next_bill}")
    with stories.opened(folder, database_url) as app:
        stories.load(app, folder / "data")
        stories.bill(app, "2026-02-01")
        found = app.preview_change("A1", {"kind": "change", "on": date(2026, 2, 10), "plan": "team"}, "S1")
        assert not found.now
        assert str(found.bill.on) == "2026-03-01" == str(found.later_on)
        assert {line["subscription"] for one in found.bill.documents for line in one["lines"]} == {"S1", "S4"}
        assert [lot for *_, moves, _ in documents(found) for lot, _ in moves][-1] == "LATER"


@pytest.mark.capability("A2.5")
@pytest.mark.on_sqlite
def test_what_is_held_is_held_in_a_preview(tmp_path: Path, database_url: str) -> None:
    control = """
ruleset: usage_control/acme
priority: 10
effective: {from: 2020-01-01}
rules:
  - {id: theirs, then: {on_missing: entity}}
"""
    folder = company(tmp_path, "{policy: next_bill}")
    (folder / "rules" / "usage_control").mkdir()
    (folder / "rules" / "usage_control" / "acme.yaml").write_text(control)
    sources = ("entity,key,meters,every,due_days,first_day,totals", "E1,switch,calls,month,1,2026-01-01,true")
    stories.deliver(folder, "data", usage_sources=sources)
    with stories.opened(folder, database_url) as app:
        stories.load(app, folder / "data")
        with pytest.raises(
            TollbookError, match=r"nothing of E1 is billed on 2026-02-10: switch has sent no control totals"
        ):
            app.preview_change("A1", MORE, "S1")
