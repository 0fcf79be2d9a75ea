"""Allowance that is carried over and usage in a pool, through the real books: each month, late usage, and every line again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from engine.app import App
from engine.billing import pools
from tests import stories
from tests.golden.test_explain import words
from tests.golden.test_lateness import rule, sound

D = Decimal
USAGE = "entity,subscription,meter,key,at,quantity"
RULES = """
ruleset: pricing/acme
rules:
  - id: data
    when: charge.key == "data"
    then: {method: per_unit, unit: 1 EUR, included: 100, pool: {key: data, scope: SCOPE}}
  - id: calls
    when: charge.key == "calls"
    then: {method: per_unit, unit: 0.10 EUR, included: 100, rollover: {cycles: 1}}
"""


def company(folder: Path, scope: str = "payer") -> Path:
    """One pays for itself and for a child; a second child pays for itself."""
    return stories.write(
        folder,
        rules={"pricing/acme.yaml": RULES.replace("SCOPE", scope)},
        accounts=(
            "entity,key,name,country,currency,zone,payer,parent",
            "E1,A1,One,NL,EUR,Europe/Amsterdam,,",
            "E1,A2,Child,NL,EUR,Europe/Amsterdam,A1,A1",
            "E1,A3,Free child,NL,EUR,Europe/Amsterdam,,A1",
        ),
        meters=("key,unit,aggregation", "data,gigabyte,sum", "calls,call,sum"),
        plans=("key,name", "all,All"),
        charges=(
            "plan,key,name,kind,timing,months,meter,unit,product,tax_code",
            "all,data,Data,usage,arrears,1,data,gigabyte,team,standard",
            "all,calls,Calls,usage,arrears,1,calls,call,team,standard",
        ),
        subscriptions=("entity,key,account,anchor_day", *(f"E1,S{n},A{n},1" for n in (1, 2, 3))),
        subscription_events=(
            "entity,subscription,key,kind,on,plan,quantity",
            *(f"E1,S{n},1,start,2026-01-01,all,1" for n in (1, 2, 3)),
        ),
        usage=used(
            "S1 calls c1 01-10 60", "S1 calls c2 02-10 130", "S1 calls c3 03-10 120",
            "S1 data d1 01-10 300", "S2 data d2 01-12 100", "S3 data d3 01-12 130", "S2 data d4 02-12 150",
        ),
    )  # fmt: skip


def used(*rows: str) -> Sequence[str]:
    """Usage: ``subscription meter key day quantity``."""
    parts = [row.split() for row in rows]
    return (USAGE, *(f"E1,{s},{meter},{key},2026-{day}T10:00:00+01:00,{n}" for s, meter, key, day, n in parts))


def lines(app: App, period: str) -> dict[str, str]:
    """Amounts by subscription, charge and month, and that every line of that date explains itself to the cent."""
    found: dict[str, str] = {}
    for invoice in stories.invoices(app):
        for line in invoice["lines"] if invoice["period"] == period else ():
            told = app.explain(f"{invoice['number']}#{line['number']}")
            assert told.findings == (), words(told)
            found[f"{line['subscription']} {line['charge']} {line['service_from']:%b}"] = f"{line['amount']:.2f}"
    return found


def told_of(app: App, charge: str, period: str) -> str:
    """How the first line of a charge on a date explains itself."""
    for invoice in stories.invoices(app):
        for line in invoice["lines"]:
            if invoice["period"] == period and line["charge"] == charge:
                return words(app.explain(f"{invoice['number']}#{line['number']}"))
    raise AssertionError("no such line")


@pytest.mark.capability("A2.1")
@pytest.mark.on_sqlite
def test_a_pool_and_what_is_carried(tmp_path: Path, database_url: str) -> None:
    folder = company(tmp_path)
    with stories.opened(folder, database_url) as app:
        stories.load(app, folder / "data")
        stories.bill(app, "2026-02-01")
        # 400 used by two that bring 100 each; the third pays for itself, and is in a pool of its own
        assert lines(app, "2026-02-01") == {"S1 data Jan": "150.00", "S2 data Jan": "50.00", "S3 data Jan": "30.00"}
        assert "data of payer A1: 2 subscriptions used 400" in told_of(app, "data", "2026-02-01")
        assert stories.bill(app, "2026-02-01").repeated
        stories.bill(app, "2026-03-01")
        assert lines(app, "2026-03-01") == {}  # 150 of 200 used, and 130 calls with 40 of January
        stories.bill(app, "2026-04-01")
        assert lines(app, "2026-04-01") == {"S1 calls Mar": "1.00"}  # February left 10 of its own
        assert "10 that 2026-02-01..2026-03-01 left" in told_of(app, "calls", "2026-04-01")
        late = stories.deliver(folder, "late", usage=used("S2 data d5 01-20 200", "S1 calls c4 01-20 25"))
        stories.load(app, late)
        expected = {"S1 data Jan": "50.00", "S2 data Jan": "150.00", "S1 calls Feb": "1.50", "S1 calls Mar": "1.00"}
        shown = stories.bill(app, "2026-05-01", account="A2", dry_run=True)
        assert sum(D(one["net"]) for one in shown.details) == D("202.50")
        stories.bill(app, "2026-05-01", account="A2")
        assert lines(app, "2026-05-01") == expected
        stories.bill(app, "2026-06-01")
        assert lines(app, "2026-06-01") == {}
        assert sound(app)


def test_a_change_of_a_member_is_previewed_with_the_others(tmp_path: Path) -> None:
    folder = company(tmp_path)
    with stories.opened(folder, f"sqlite:///{tmp_path / 'books.db'}") as app:
        stories.load(app, folder / "data")
        shown = app.preview_change("A2", {"kind": "cancel", "on": date(2026, 1, 16)})
        assert shown.net == D(50)  # as known then: 200 of 400, of which it used a quarter


def test_a_pool_of_a_family_that_several_pay_for_is_refused(tmp_path: Path) -> None:
    folder = company(tmp_path, "parent")
    with stories.opened(folder, f"sqlite:///{tmp_path / 'books.db'}") as app:
        stories.load(app, folder / "data")
        report = stories.bill(app, "2026-02-01")
        held = {finding.subject: finding.code for finding in report.findings}
        assert {f"subscription/S{n}": pools.CROSSES_PAYERS for n in (1, 2, 3)}.items() <= held.items()
        assert lines(app, "2026-02-01") == {}


def test_a_pool_that_is_voided_and_one_whose_late_usage_is_billed_anew(tmp_path: Path) -> None:
    folder = company(tmp_path)
    (folder / "rules" / "lateness").mkdir()
    text = rule("{policy: credit_and_rebill}")["lateness/acme.yaml"]
    (folder / "rules" / "lateness" / "acme.yaml").write_text(text)
    with stories.opened(folder, f"sqlite:///{tmp_path / 'books.db'}") as app:
        stories.load(app, folder / "data")
        stories.bill(app, "2026-02-01")
        first = next(one for one in stories.invoices(app) if one["payer"] == "A1")
        app.void(first["number"], date(2026, 2, 2), stories.CHANGE)
        stories.bill(app, "2026-02-03")
        assert lines(app, "2026-02-03") == {"S1 data Jan": "150.00", "S2 data Jan": "50.00"}
        stories.load(app, stories.deliver(folder, "late", usage=used("S2 data d5 01-20 200")))
        stories.bill(app, "2026-03-01")
        # the whole of the one that was late goes back and is billed anew; the other one pays the difference
        booked = [
            (line["subscription"], f"{line['amount']:.2f}")
            for one in stories.invoices(app)
            for line in one["lines"]
            if one["period"] == "2026-03-01" and line["charge"] == "data"
        ]
        assert sorted(booked) == [("S1", "50.00"), ("S2", "-50.00"), ("S2", "200.00")]
        assert lines(app, "2026-03-01")["S1 data Jan"] == "50.00"
        accrued = app.triggers.unbilled(date(2026, 3, 20), None, stories.CHANGE)
        assert [(one.subscription, one.charge) for one in accrued.accrued] == [("S1", "calls")]
        assert sound(app)


@pytest.mark.capability("A2.1")
@pytest.mark.on_sqlite
def test_what_a_pool_leaves_is_carried_over(tmp_path: Path, database_url: str) -> None:
    folder = company(tmp_path)
    rules = folder / "rules" / "pricing" / "acme.yaml"
    rules.write_text(rules.read_text().replace("scope: payer}}", "scope: payer}, rollover: {cycles: 2, within: year}}"))
    with stories.opened(folder, database_url) as app:
        stories.load(app, folder / "data")
        stories.bill(app, "2026-02-01")
        assert lines(app, "2026-02-01") == {"S1 data Jan": "150.00", "S2 data Jan": "50.00", "S3 data Jan": "30.00"}
        stories.bill(app, "2026-03-01")  # 150 of 200 used by A1, nothing of 100 by A3
        stories.load(app, stories.deliver(folder, "march", usage=used("S1 data d6 03-10 290", "S3 data d7 03-10 230")))
        shown = stories.bill(app, "2026-04-01", account="A1", dry_run=True)
        stories.bill(app, "2026-04-01")
        expected = {"S1 data Mar": "40.00", "S3 data Mar": "30.00", "S1 calls Mar": "1.00"}
        assert lines(app, "2026-04-01") == expected
        assert sum(D(one["net"]) for one in shown.details) == D("41.00")
        assert "50 that 2026-02-01..2026-03-01 left" in told_of(app, "data", "2026-04-01")
        stories.load(app, stories.deliver(folder, "late", usage=used("S2 data d8 02-20 30")))
        stories.bill(app, "2026-05-01")
        assert lines(app, "2026-05-01") == {"S1 data Mar": "30.00"}  # February left 20
        stories.bill(app, "2026-06-01")
        assert lines(app, "2026-06-01") == {}
        assert sound(app)
