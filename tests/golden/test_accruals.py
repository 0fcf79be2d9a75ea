"""What is delivered and unbilled at the end of each month: accrued once, released as it is billed, and back where that is voided."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.app import App
from engine.base.errors import TollbookError
from engine.base.money import round_to
from engine.base.period import add_months
from engine.runs.billing.void_run import run_void
from engine.store import tables as t
from engine.store.checks.accruals import accruals_tie
from engine.store.session import Session
from tests import stories
from tests.stories import CHANGE

D = Decimal
PRICES = f"""{stories.PRICES}
  - {{id: rent, when: charge.key == "rent", then: {{method: flat, price: [310 EUR, 400 USD]}}}}
"""
CHART = ("1210,Unbilled,asset", "1290,Allowance,asset", "1300,Contract assets,asset", "6920,Expected losses,expense")
FILES: dict[str, Any] = {
    "plans": ("key,name", "team,Team", "phone,Phone", "room,Room"),
    "charges": (
        "plan,key,name,kind,timing,months,meter,unit,product,tax_code",
        "team,base,Base fee,recurring,advance,1,,month,team,standard",
        "phone,calls,Calls,usage,arrears,1,calls,call,voice,standard",
        "room,rent,Rent,recurring,arrears,1,,month,room,standard",
    ),
    "gl_accounts": stories.add("gl_accounts", *CHART),
    "subscriptions": (
        "entity,key,account,anchor_day",
        "E1,ROOM,A1,15",
        "E1,CALLS,A1,1",
        "E1,BASE,A4,1",
        "E1,FAR,A2,15",
    ),
    "subscription_events": (
        "entity,subscription,key,kind,on,plan,quantity",
        "E1,ROOM,1,start,2026-01-15,room,1",
        "E1,CALLS,1,start,2026-01-01,phone,1",
        "E1,BASE,1,start,2026-01-01,team,1",
        "E1,FAR,1,start,2026-01-15,room,1",
    ),
    "rates": stories.add("rates", "EUR,USD,1.2500,ECB,2026-02-27"),
    "usage": (
        "entity,subscription,meter,key,at,quantity",
        *(
            f"E1,CALLS,calls,m{month}d{day},2026-{month:02d}-{day:02d}T10:00:00+01:00,10"
            for month in (1, 2, 3)
            for day in (5, 20)
        ),
    ),
}
CONDITIONAL = """
ruleset: accrual/acme
effective: {from: 2000-01-01}
priority: 5
rules:
  - {id: rooms, when: product == "room", then: {role: contract_asset, minimum: 150}}
  - {id: calls, when: product == "voice", then: {accrue: false}}
"""


def company(folder: Path, url: str, rules: dict[str, str] | None = None, **changed: Any) -> App:
    stories.write(folder, rules={"pricing/acme.yaml": PRICES, **(rules or {})}, **{**FILES, **changed})
    app = App(folder / "config.yaml", {"database.url": url})
    report = stories.load(app, folder / "data")
    assert [str(f) for f in report.findings if f.level == "error"] == []
    return app


def accrue(app: App, month: str, **options: Any) -> Any:
    return app.accruals.accrue(date.fromisoformat(f"{month}-01"), CHANGE, **options)


def standing(app: App) -> dict[str, Decimal]:
    return {f"{one.subscription} {one.service_from:%m-%d}": one.amount for one in app.accruals.standing()}


def ledger(app: App, *accounts: str, to: str | None = None) -> dict[tuple[str, str], tuple[Decimal, Decimal]]:
    rows = app.ledger.trial_balance("E1", date.fromisoformat(to) if to else None)["E1"]
    return {
        (r["account"], r["currency"]): (r["amount"], r["functional_amount"]) for r in rows if r["account"] in accounts
    }


def well(app: App) -> None:
    assert {name: found for name, found in app.verify().items() if found} == {}


@pytest.mark.capability("A5.2")
def test_a_quarter_is_accrued_and_released(tmp_path: Path, database_url: str) -> None:
    app = company(tmp_path, database_url)
    dry = accrue(app, "2026-01", dry_run=True)
    assert (dry.run_id, dry.dry, standing(app)) == (0, True, {})
    january = accrue(app, "2026-01")
    assert [(m.key, m.amount) for m in january.moves] == [(m.key, m.amount) for m in dry.moves]
    unbilled = {"ROOM 01-15": D("170"), "CALLS 01-01": D("2"), "BASE 01-01": D("31"), "FAR 01-15": D("219.35")}
    assert standing(app) == unbilled  # 17 of 31 days; 20 calls; a month that no run has billed yet
    assert ledger(app, "1210", "4000") == {
        ("1210", "EUR"): (D("203"), D("203")),
        ("1210", "USD"): (D("219.35"), D("202.39")),
        ("4000", "EUR"): (D("-203"), D("-203")),
        ("4000", "USD"): (D("-219.35"), D("-202.39")),
    }
    assert accrue(app, "2026-01").repeated
    stories.bill(app, "2026-02-01")
    assert accrue(app, "2026-01").repeated  # what a later day has billed was unbilled at the end of January
    assert app.ledger.set_period("E1", date(2026, 1, 1), "closed", CHANGE).done
    stories.bill(app, "2026-02-15")
    february = accrue(app, "2026-02")
    assert {m.key.subscription for m in february.moves if m.amount < 0} == {"ROOM", "CALLS", "BASE", "FAR"}
    assert standing(app) == {"ROOM 02-15": D("155"), "CALLS 02-01": D("2"), "FAR 02-15": D("200")}
    assert ledger(app, "1210") == {("1210", "EUR"): (D("157"), D("157")), ("1210", "USD"): (D("200"), D("160.00"))}
    assert ledger(app, "1210", to="2026-01-31")["1210", "USD"] == (D("219.35"), D("202.39"))
    well(app)
    number = next(i["number"] for i in invoices(app) if (str(i["invoice_date"]), i["payer"]) == ("2026-02-15", "A1"))
    run_void(app.parts(), number, date(2026, 2, 20), CHANGE)
    assert app.ledger.set_period("E1", date(2026, 2, 1), "closed", CHANGE).done
    again = accrue(app, "2026-02")
    assert [(m.key.subscription, m.amount) for m in again.moves] == [
        ("ROOM", D("310"))
    ]  # the voided cycle is unbilled again
    assert (again.dated, again.run_id) == ({"E1": date(2026, 3, 1)}, again.run_id)
    stories.bill(app, "2026-03-15")
    accrue(app, "2026-03")
    assert standing(app) == {"ROOM 03-15": D("170"), "CALLS 03-01": D("2"), "FAR 03-15": D("219.35")}
    assert ledger(app, "1210")["1210", "EUR"] == (D("172"), D("172"))
    stories.bill(app, "2026-04-15")
    accrue(app, "2026-06")  # nobody is billed for May, and half of June has begun
    ties = app.reports.ties(date(2026, 6, 30))
    assert [(one.name, one.currency) for one in ties if one.difference] == []
    assert {"unbilled", "receivables", "tax"} <= {one.name for one in ties}
    aged = app.reports.ageing(date(2026, 6, 30))
    losses = app.reports.impair(date(2026, 6, 30), CHANGE)
    assert sum(one.exposure for one in losses.items) == sum(row.functional for row in aged.rows) > 0
    by_all = app.reports.balances("account,product,customer,country,month,subscription", None, date(2026, 6, 30))
    assert sum(one.functional for one in by_all) == 0
    assert {one.key[2] for one in by_all if one.key[0] == "1210"} == {"A1", "A2"}
    assert app.reports.share_out(date(2026, 6, 30), CHANGE).items == ()
    assert app.forecasts.forecast(date(2026, 7, 1), 2, chance=D(1), tested=1).items == ()
    assert app.forecasts.conceded(date(2026, 1, 1), date(2026, 6, 30)) == []
    well(app)
    exported = tmp_path / "books.bean"
    exported.write_text("\n".join(app.ledger.export("beancount")) + "\n")
    checker = Path(sys.executable).with_name("bean-check")
    checked = subprocess.run([checker, exported], capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")
    app.close()


def invoices(app: App) -> list[dict[str, Any]]:
    with app.books.reader() as reader:
        return list(reader.invoices("acme"))


def explained(app: App, kind: str) -> str:
    """Everything that is told of the first posting of the first entry of a kind."""
    with app.books.reader() as reader:
        ident = next(ident for ident, _, entry in reader.journal("acme") if entry.kind == kind)
    told = app.explain(f"posting:{ident}/1", everything=True)
    return "\n".join(f"{step.text} {step.details}" for step in told.steps)


@pytest.fixture
def one_url(_sqlite_template: Path, tmp_path: Path) -> str:
    """The address of empty books of one kind, for what does not depend on the database."""
    shutil.copy(_sqlite_template, tmp_path / "books.db")
    return f"sqlite:///{tmp_path / 'books.db'}"


def test_rules_say_what_is_accrued_and_where_it_stands(tmp_path: Path, one_url: str) -> None:
    app = company(tmp_path, one_url, {"accrual/acme.yaml": CONDITIONAL})
    accrue(app, "2026-01")
    assert ledger(app, "1210", "1300") == {
        ("1210", "EUR"): (D("31"), D("31")),
        ("1300", "EUR"): (D("170"), D("170")),
        ("1300", "USD"): (D("219.35"), D("202.39")),
    }
    told = explained(app, "accrual")
    assert "is accrued" in told
    assert "rooms" in told
    assert "for contract_asset" in told
    (tmp_path / "rules/accrual/acme.yaml").unlink()
    app.close()
    app = App(tmp_path / "config.yaml", {"database.url": one_url})
    accrue(app, "2026-01")  # other rules: what stood elsewhere goes where it belongs now, at what it was kept at
    assert ledger(app, "1300") == {("1300", "EUR"): (D(0), D(0)), ("1300", "USD"): (D(0), D(0))}
    assert ledger(app, "1210")["1210", "EUR"] == (D("203"), D("203"))
    well(app)
    app.close()


def test_what_cannot_be_accrued_stays_as_it_stands(tmp_path: Path, one_url: str) -> None:
    app = company(tmp_path, one_url)
    accrue(app, "2026-01")
    with pytest.raises(TollbookError, match=r"accrual\.later-month"):
        accrue(app, "2025-12")
    with app.books.writer(CHANGE, tenant="acme") as writer:
        writer.start_run("acme", "bill", "2026-02-01", "all", "r")
    with pytest.raises(TollbookError, match=r"run\.unfinished"):
        accrue(app, "2026-02")
    before = standing(app)
    with app.books.writer(CHANGE, tenant="acme") as writer:
        writer.finish_run(writer.reader.runs("acme")[0].id, {}, state="failed")
    app.close()
    rules = tmp_path / "rules/pricing/acme.yaml"
    rules.write_text(rules.read_text().replace('charge.key == "rent"', 'charge.key == "other"'))
    app = App(tmp_path / "config.yaml", {"database.url": one_url})
    again = accrue(app, "2026-02")
    assert {finding.subject for finding in again.findings} == {"subscription/ROOM", "subscription/FAR"}
    rooms = ("ROOM 01-15", "FAR 01-15")
    assert {k: v for k, v in standing(app).items() if k in rooms} == {k: v for k, v in before.items() if k in rooms}
    app.close()


FAULTS = {
    "another amount": (lambda: sa.update(t.REVENUE_ACCRUAL).values(amount=1), "is not what was posted"),
    "no accrual": (lambda: sa.delete(t.REVENUE_ACCRUAL), "accrues nothing"),
    "no entry": (lambda: sa.delete(t.ENTRY).where(t.ENTRY.c.kind == "accrual"), "is not what was posted"),
}


def test_faults_are_found_and_prices_with_tax_are_accrued_without_it(tmp_path: Path, one_url: str) -> None:
    charges = (
        f"{FILES['charges'][0]},tax_included",
        *(f"{row},{'yes' if 'rent' in row else 'no'}" for row in FILES["charges"][1:]),
    )
    app = company(tmp_path, one_url, charges=charges)
    accrue(app, "2026-01")
    assert standing(app)["ROOM 01-15"] == round_to(round_to(D(310) / D("1.21"), "EUR") * 17 / 31, "EUR")
    for change, expected in FAULTS.values():
        with app.books._connect(write=True) as connection, connection.begin() as transaction:
            assert connection.execute(change()).rowcount > 0
            assert expected in accruals_tie(Session(connection), "acme")[0].what
            transaction.rollback()
    app.close()


class Expected:
    """What is delivered and unbilled, reckoned by hand: cycles of 310 from the 15th in arrears, of 31 from the 1st in advance."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []

    def cycles(self, until: date) -> Iterator[tuple[str, date, date, Decimal, bool]]:
        for name, begin, price, late in (
            ("ROOM", date(2026, 1, 15), D(310), True),
            ("BASE", date(2026, 1, 1), D(31), False),
        ):
            at = begin
            while at < until:
                yield name, at, add_months(at, 1), price, late
                at = add_months(at, 1)

    def bill(self, on: date, document: int) -> bool:
        live = {(one["name"], one["at"]) for one in self.lines if one["voided"] is None}
        due = [
            {"name": name, "at": at, "on": on, "document": document, "voided": None}
            for name, at, to, _, late in self.cycles(on + timedelta(days=1))
            if (to if late else at) <= on and (name, at) not in live
        ]
        self.lines += due
        return bool(due)

    def void(self, on: date, document: int) -> None:
        for one in self.lines:
            if one["document"] == document and one["voided"] is None:
                one["voided"] = on

    def standing(self, end: date) -> Decimal:
        billed = {
            (one["name"], one["at"])
            for one in self.lines
            if one["on"] < end and (one["voided"] is None or one["voided"] >= end)
        }
        return sum(
            (
                round_to(price * (min(to, end) - at).days / (to - at).days, "EUR")
                for name, at, to, price, _ in self.cycles(end)
                if (name, at) not in billed
            ),
            D(0),
        )


ACTS = st.lists(
    st.tuples(st.sampled_from(["bill", "bill", "void", "accrue", "accrue"]), st.integers(1, 25)), min_size=4, max_size=6
)


@settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck))
@given(acts=ACTS, back=st.integers(0, 2))
def test_what_stands_is_what_is_delivered_and_unbilled(
    acts: list[tuple[str, int]], back: int, _sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("accruals")
    shutil.copy(_sqlite_template, folder / "books.db")
    some = {
        name: (FILES[name][0], *(row for row in FILES[name][1:] if "FAR" not in row and "CALLS" not in row))
        for name in ("subscriptions", "subscription_events")
    }
    app = company(folder, f"sqlite:///{folder / 'books.db'}", **some, usage=FILES["usage"][:1])
    model, on, newest, documents = Expected(), date(2026, 1, 10), date(2026, 1, 1), list[tuple[int, str]]()
    for act, days in acts:
        on += timedelta(days=days)
        if act == "bill":
            stories.bill(app, on.isoformat())
            made = [i for i in invoices(app) if i["invoice_date"] == on and i["kind"] == "invoice"]
            assert bool(made) == model.bill(on, made[0]["id"] if made else 0)
            documents += [(i["id"], i["number"]) for i in made]
        elif act == "void" and documents:
            ident, number = documents.pop()
            run_void(app.parts(), number, on, CHANGE)
            model.void(on, ident)
        elif act == "accrue":
            month = max(newest, add_months(on.replace(day=1), -back))
            accrue(app, f"{month:%Y-%m}")
            newest = month
            wanted = model.standing(add_months(month, 1))
            assert sum(standing(app).values(), D(0)) == wanted
            assert ledger(app, "1210").get(("1210", "EUR"), (D(0),))[0] == wanted
            assert accrue(app, f"{month:%Y-%m}").repeated
    well(app)
    app.close()
