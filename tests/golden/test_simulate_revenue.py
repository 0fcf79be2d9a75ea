"""Closed months by other rules of revenue: what is simulated is what the ledger has where these rules were in force."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from engine.app import App, AskedEvent, simulation_page
from engine.cli import main as tollbook
from tests import stories
from tests.golden.test_revenue import FILES, PRICE, RULE, balances, month_end, recognise, sound

D = Decimal
FIRST, LAST = date(2026, 1, 1), date(2026, 3, 1)
OTHER = RULE.replace("straight_line_day}", "straight_line_month}").replace(
    '- {id: accepted, when: product == "services", then: {method: point_in_time, on: accept}}',
    '- {id: begun, when: product == "services", then: {method: point_in_time, on: begin}}',
)
CANCELLED = stories.add("subscription_events", "E1,Y3,2,change,2026-02-10,annual,2", "E1,Y2,2,cancel,2026-02-20,,")


def quarter(folder: Path, rule: str, url: str) -> Mapping[tuple[str, str], Decimal]:
    """A quarter with a reduction, a cancellation and an acceptance; revenue of the ledger by month and currency."""
    stories.write(folder, rules={"revrec/acme.yaml": rule, "pricing/years.yaml": PRICE}, **FILES)
    with stories.opened(folder, url) as app:
        stories.load(app, folder / "data")
        stories.bill(app, "2026-01-01")
        recognise(app, month_end(1))
        stories.load(app, stories.deliver(folder, "more", subscription_events=CANCELLED))
        stories.bill(app, "2026-03-01")
        recognise(app, month_end(2))
        project = next(one for one in stories.invoices(app) if one["payer"] == "B2")["number"]
        app.revenue.events([AskedEvent("a1", "accept", date(2026, 3, 5), line=f"{project}#1")], stories.CHANGE)
        recognise(app, month_end(3))
        sound(app)
        return by_month(app)


def by_month(app: App) -> Mapping[tuple[str, str], Decimal]:
    found: dict[tuple[str, str], Decimal] = {}
    for month in (1, 2, 3):
        for (account, currency), (amount, _) in balances(app, month_end(month)).items():
            if account == "4000":
                before = sum((one for (_, c), one in found.items() if c == currency), D(0))
                found[f"2026-{month:02}", currency] = -amount - before
    return found


@pytest.mark.capability("B4.7", "B7.2")
def test_revenue_by_other_rules_is_what_the_ledger_would_have(
    tmp_path: Path, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """By days against by months, at acceptance against at the beginning, over a reduction, a cancellation and an acceptance."""
    for name in ("own", "other"):
        (tmp_path / name).mkdir()
    expected = quarter(tmp_path / "other", OTHER, f"sqlite:///{tmp_path / 'other.db'}")
    held = quarter(tmp_path / "own", RULE, database_url)
    with stories.opened(tmp_path / "own", database_url) as app:
        head = app.chain_head()
        desk = app.simulation([tmp_path / "other" / "rules"])
        found, again = desk.simulate(FIRST, LAST), desk.simulate(FIRST, LAST)
        assert app.chain_head() == head
        march = desk.simulate(LAST, LAST).revenue
    assert found == again and found.changed == ("revrec",) and found.revenue is not None and march is not None
    mine = found.revenue
    assert mine.drift == () and all(one.holds for one in mine.ties)
    wanted = {key: expected[key] - held[key] for key in held}
    assert {(row.key, row.currency): row.difference for row in mine.months} == wanted
    assert {(row.key, row.currency): row.before for row in mine.months} == dict(held)
    assert {(row.key, row.currency): row.difference for row in march.months} == {
        key: amount for key, amount in wanted.items() if key[0] == "2026-03"
    }
    assert {row.key for row in mine.rules} >= {"revrec/acme#years", "revrec/acme#accepted", "revrec/acme#begun"}
    assert {row.key for row in mine.accounts} == {"2300", "4000"}
    ways = {(one.rule, one.other_rule): one for one in mine.decided}
    assert ways["revrec/acme#years", "revrec/acme#years"].why == ("method: straight_line_day -> straight_line_month",)
    assert ways["revrec/acme#accepted", "revrec/acme#begun"].why[0] == "revrec/acme#accepted is gone"
    assert "Recognised revenue" in simulation_page(found) and simulation_page(found) == simulation_page(again)
    config = ["--config", str(tmp_path / "own" / "config.yaml"), "--set", f"database.url={database_url}"]
    csv = tmp_path / "found.csv"
    words = ["--from", "2026-01", "--to", "2026-03", "--rules", str(tmp_path / "other" / "rules"), "--csv", str(csv)]
    assert tollbook.run([*config, "simulate", *words]) == 0
    assert "recognised revenue by month" in capsys.readouterr().out
    rows = [row for row in stories.read_csv(csv) if row["what"] == "revenue"]
    assert sum((D(row["difference"]) for row in rows), D(0)) == sum(wanted.values(), D(0))
