"""The close of one legal entity: its steps leave the others alone, and its checks see contracts and what was accrued since."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa

from engine.app import App
from engine.base.errors import TollbookError
from engine.model.close import CloseFinding
from engine.model.journal import Change
from engine.runs.scheduling.closing import close_month
from engine.store import tables as t
from tests import stories
from tests.golden import test_revenue_contracts as contracts

JAN = date(2026, 1, 31)
CLOSER = Change("ada", datetime(2026, 2, 5, 9, tzinfo=UTC), "month end")
ROLES = {"roles": "{operator: [init, import, run, deliver, credit, close]}"}
CHART = ("1210,Unbilled,asset", "1290,Allowance,asset", "6920,Expected losses,expense")
FX = ("7940,Unrealised gains,income", "7950,Unrealised losses,expense")
FILES = {
    "entities": stories.add("entities", "E2,Acme GmbH,DE,EUR,Europe/Berlin,DE:vat:DE123456789"),
    "accounts": stories.add("accounts", "E2,B1,Two in Berlin,DE,USD,Europe/Berlin,,"),
    "subscriptions": stories.add("subscriptions", "E2,T1,B1,1"),
    "subscription_events": stories.add("subscription_events", "E2,T1,1,start,2026-01-01,phone,1"),
    "usage": stories.add("usage", "E2,T1,calls,t1,2026-01-07T10:00:00+01:00,40"),
    "gl_accounts": stories.add("gl_accounts", *CHART, *FX),
    "rates": stories.add("rates", "EUR,USD,1.0500,ECB,2026-01-30"),
}
BOOKED = (t.REVENUE_ACCRUAL, t.IMPAIRMENT, t.REVALUATION)


def found(app: App) -> dict[str, tuple[CloseFinding, ...]]:
    return {one.code: one.findings for one in app.closing.check("E1", JAN, CLOSER) if one.findings}


def entities(app: App) -> dict[str, set[str]]:
    """Whose books the rows of accruals, allowances and revaluations are of."""
    with app.books.reader() as reader:
        return {table.name: {row[0] for row in reader.rows(sa.select(table.c.entity))} for table in BOOKED}


@pytest.mark.capability("A5.6", "A8.4", "B2.6")
def test_a_close_works_in_the_books_of_its_legal_entity(tmp_path: Path, sqlite_url: str) -> None:
    """The month of one is accrued, revalued and allowed for; that of the other one is as it was until it is closed; the runs of all
    find nothing left then, and neither takes what the other one has posted."""
    folder = stories.write(tmp_path, **FILES)
    with stories.opened(folder, sqlite_url, **ROLES) as app:
        stories.load(app, folder / "data")
        stories.bill(app, "2026-01-01")
        states, _, wrong = close_month(app.closing, ["E1", "E2"], date(2026, 2, 3), CLOSER)
        assert states == {"E1": "open", "E2": "open"}
        assert [one.split(":")[0] for one in wrong.split("; 2026")] == ["2026-01 of E1", "-01 of E2"]
        assert "unbilled-usage: 1 finding, 4.80 USD" in wrong
        stories.bill(app, "2026-02-01")
        done = app.closing.run("E1", JAN, CLOSER)
        assert {one.step: one.state for one in done.steps if one.state != "done"} == {}, done.in_the_way
        assert entities(app) == {table.name: {"E1"} for table in BOOKED}
        (missing,) = (one for one in app.closing.check("E2", JAN, CLOSER, ["accruals-missing"]) if one.findings)
        assert [(one.amount, one.currency) for one in missing.findings] == [(Decimal("4.80"), "USD")]
        states, _, wrong = close_month(app.closing, ["E1", "E2"], date(2026, 2, 27), CLOSER)
        assert (states, wrong) == ({"E1": "closed", "E2": "closed"}, "")
        assert entities(app)["revenue_accrual"] == {"E1", "E2"}
        accrued = app.accruals.accrue(JAN, CLOSER)
        impaired = app.reports.impair(JAN, CLOSER)
        valued = app.ledger.revalue(JAN, CLOSER)
        assert (accrued.moves, impaired.moved, valued.repeated) == ((), (), True)
        assert {name: of for name, of in app.verify().items() if of} == {}


@pytest.mark.capability("A5.1", "A5.4", "A8.4", "B2.6", "B7.6")
def test_checks_see_contracts(tmp_path: Path, sqlite_url: str) -> None:
    """What a contract has earned and nobody has recognised is found by one check, what its entries have posted otherwise by another;
    both months where it is told late, and nothing once it is put right."""
    folder = contracts.company(tmp_path)
    with stories.opened(folder, sqlite_url, **ROLES) as app:
        contracts.started(app, folder)
        stories.bill(app, "2026-01-01")
        assert {"revenue-not-recognised"} == {code for code in found(app) if code.startswith("revenue-")}
        before = found(app)["revenue-not-recognised"]
        assert {one.subject: one.amount for one in before if "/revenue/" in one.subject} == {
            "revenue-contracts/revenue/licence/EUR": 1000,
            "revenue-contracts/revenue/support/EUR": 100,
        }
        contracts.recognise(app, 1)
        clean = {*found(app)}
        assert not {code for code in clean if code.startswith("revenue-")}
        earning = sa.select(t.REVENUE_POSTED.c.entry_id).join(
            t.REVENUE_SCHEDULE, t.REVENUE_SCHEDULE.c.id == t.REVENUE_POSTED.c.schedule_id
        )
        of_contract = earning.where(t.REVENUE_SCHEDULE.c.source == "contract")
        mine = (t.POSTING.c.entry_id.in_(of_contract), t.POSTING.c.account == "4000")
        with app.books._connect(write=True) as connection, connection.begin():
            connection.execute(sa.update(t.POSTING).where(*mine).values(amount=t.POSTING.c.amount - 1))
        spoilt = found(app)
        assert {*spoilt} - clean == {"revenue-allocation"}
        (one,) = spoilt["revenue-allocation"]
        assert (one.amount, one.currency, one.severity) == (1, "EUR", "blocker")
        with app.books._connect(write=True) as connection, connection.begin():
            connection.execute(sa.update(t.POSTING).where(*mine).values(amount=t.POSTING.c.amount + 1))
        assert {*found(app)} == clean
        accepted = {"key": "accepted", "kind": "accept", "on": date(2026, 1, 20), "promise": "onboarding"}
        contracts.recognise(app, 2)
        app.revenue_contracts.tell("K1", accepted, contracts.at("2026-02-20"))
        late = found(app)
        assert {*late} - clean == {"revenue-not-recognised"}
        (one,) = late["revenue-not-recognised"]
        assert (one.subject, one.amount) == ("revenue-contracts/revenue/onboarding/EUR", 400)
        contracts.recognise(app, 2)
        assert {*found(app)} == clean
        ended = {"key": "ended", "kind": "terminate", "on": date(2026, 1, 20)}
        app.revenue_contracts.tell("K1", ended, contracts.at("2026-02-25"))
        (one,) = found(app)["contract-dates"]
        assert (one.subject, one.since, one.severity) == (
            "subscription/S1/support/2026-01-01",
            date(2026, 1, 1),
            "blocker",
        )
        assert "which is promised for 2026-01-01..2026-01-21" in one.what
        done = app.closing.run("E1", JAN, CLOSER, dry_run=True)
        assert done.steps[0].state == "blocked" and one in done.in_the_way


@pytest.mark.capability("A5.6")
def test_accruals_and_allowances_of_one_by_hand(tmp_path: Path, sqlite_url: str) -> None:
    """By hand, too, a run works in the books of the legal entity that is named; of all, it does what is left."""
    folder = stories.write(tmp_path, **FILES)
    with stories.opened(folder, sqlite_url) as app:
        stories.load(app, folder / "data")
        stories.bill(app, "2026-01-01")
        whole = app.accruals.accrue(JAN, CLOSER, dry_run=True)
        assert {one.key.entity for one in whole.moves} == {"E1", "E2"}
        of_one = app.accruals.accrue(JAN, CLOSER, entity="E2")
        assert of_one.moves == tuple(one for one in whole.moves if one.key.entity == "E2")
        assert app.accruals.accrue(JAN, CLOSER, entity="E2").repeated
        assert {one.key.entity for one in app.accruals.accrue(JAN, CLOSER).moves} == {"E1"}
        stories.bill(app, "2026-02-01")
        day = date(2026, 2, 2)
        every = app.reports.impair(day, CLOSER, dry_run=True)
        assert {one.entity for one in every.moved} == {"E1", "E2"}
        assert {one.entity for one in app.reports.impair(day, CLOSER, entity="E1").moved} == {"E1"}
        assert {one.entity for one in app.reports.impair(day, CLOSER).moved} == {"E2"}
        for run in (app.accruals.accrue, app.reports.impair):
            with pytest.raises(TollbookError, match="there is no legal entity 'E3'"):
                run(JAN, CLOSER, entity="E3")
