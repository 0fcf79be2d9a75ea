"""A year of revenue: plans that were paid for in advance are earned month by month; upgrades, voids and acceptances move them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from engine.app import App, AskedEvent
from engine.base.errors import TollbookError
from engine.base.period import add_months
from engine.cli import main
from engine.model.journal import Change
from engine.runs.revenue import recognising
from tests import stories
from tests.golden.test_export_assertions import bean_check, exported
from tests.stories import CHANGE
from tests.unit.runs.test_queue import look, scheduled
from tests.unit.runs.test_work import all_worked

D = Decimal
BOB = Change("bob", datetime(2026, 2, 1, 12, tzinfo=UTC), "agreed")
RULE = """
ruleset: revrec/acme
priority: 10
effective: {from: 2020-01-01}
hit: first
rules:
  - {id: years, when: product == "year", then: {method: straight_line_day}}
  - {id: accepted, when: product == "services", then: {method: point_in_time, on: accept}}
  - {id: others, then: {method: now}}
"""
PRICE = """
ruleset: pricing/years
priority: 10
scope: charge.key == "yearly" or charge.key == "project"
effective: {from: 2020-01-01}
rules:
  - {id: yearly, when: charge.key == "yearly", then: {method: per_unit, unit: [1000 EUR, 1100 USD]}}
  - {id: project, when: charge.key == "project", then: {method: flat, price: [500 EUR]}}
"""
FILES = {
    "accounts": stories.add("accounts", "E1,B1,Bert,NL,EUR,Europe/Amsterdam,,", "E1,B2,Bea,NL,EUR,Europe/Amsterdam,,"),
    "plans": stories.add("plans", "annual,Annual", "build,Build"),
    "charges": stories.add(
        "charges",
        "annual,yearly,A year,recurring,advance,12,,seat,year,standard",
        "build,project,Project,one_time,advance,1,,piece,services,standard",
    ),
    "gl_accounts": stories.add("gl_accounts", "1300,Contract assets,asset"),
    "subscriptions": (
        "entity,key,account,anchor_day",
        *(f"E1,{key},{account},1" for key, account in (("Y1", "A1"), ("Y2", "A2"), ("Y3", "B1"), ("P1", "B2"))),
    ),
    "subscription_events": (
        "entity,subscription,key,kind,on,plan,quantity",
        "E1,Y1,1,start,2026-01-01,annual,1",
        "E1,Y2,1,start,2026-01-01,annual,1",
        "E1,Y3,1,start,2026-01-01,annual,3",
        "E1,P1,1,start,2026-01-01,build,1",
    ),
    "usage": ("entity,subscription,meter,key,at,quantity",),
    "rates": ("base,quote,rate,source,on", "EUR,USD,1.0838,ECB,2025-12-31", "EUR,USD,1.2,ECB,2026-05-14"),
}


def written(folder: Path) -> Path:
    """Two annual plans in euros, one in dollars, and a project that is earned once it is accepted."""
    return stories.write(folder, rules={"revrec/acme.yaml": RULE, "pricing/years.yaml": PRICE}, **FILES)


@contextmanager
def billed(folder: Path, url: str) -> Iterator[App]:
    """The company, billed on 1 January."""
    with stories.opened(written(folder), url) as app:
        stories.load(app, folder / "data")
        stories.bill(app, "2026-01-01")
        yield app


def month_end(month: int) -> date:
    """The last day of a month of 2026."""
    return add_months(date(2026, month, 1), 1) - timedelta(days=1)


def balances(app: App, up_to: date | None = None) -> dict[tuple[str, str], tuple[Decimal, Decimal]]:
    """Balances of contract liabilities and revenue by GL account and currency."""
    rows = app.ledger.trial_balance(None, up_to)["E1"]
    return {
        (row["account"], row["currency"]): (row["amount"], row["functional_amount"])
        for row in rows
        if row["account"] in ("2300", "4000")
    }


def sound(app: App) -> None:
    """Nothing is wrong with the books."""
    assert {name: [str(f) for f in found] for name, found in app.verify().items() if found} == {}


def recognise(app: App, through: date, **options: Any) -> dict[str, Decimal]:
    """Recognise; amounts by month and currency."""
    report = app.revenue.recognise(through, CHANGE, **options)
    return {f"{one['month']} {one['currency']}": D(one["amount"]) for one in report.details}


def moved(app: App, first: int, last: int) -> dict[str, tuple[Decimal, ...]]:
    """The roll-forward of some months, tied to the ledger: opening, invoiced, credited, recognised, closing by currency."""
    found = app.revenue.roll_forward(date(2026, first, 1), month_end(last))
    assert all((one.difference, one.fx) == (0, 0) for one in found), found
    return {one.currency: (one.opening, one.invoiced, one.credited, one.recognised, one.closing) for one in found}


@pytest.mark.capability("A5.1")
@pytest.mark.capability("A5.2")
@pytest.mark.capability("A5.3")
def test_a_year(tmp_path: Path, database_url: str) -> None:
    """What was invoiced is a contract liability; each month earns its days, whatever happens in between."""
    with billed(tmp_path, database_url) as app:
        assert balances(app) == {
            ("2300", "EUR"): (D(-4500), D(-4500)),
            ("2300", "USD"): (D(-1100), D("-1014.95")),
        }
        sound(app)
        first = {"2026-01 EUR": D("339.72"), "2026-01 USD": D("93.42")}
        assert recognise(app, month_end(1), dry_run=True) == first
        assert ("4000", "EUR") not in balances(app)
        assert recognise(app, month_end(1)) == first
        assert recognise(app, month_end(1)) == {}
        assert moved(app, 1, 1)["EUR"] == (0, 4500, 0, D("-339.72"), D("4160.28"))
        for month in (2, 3, 4):
            recognise(app, month_end(month))
        sound(app)
        by_payer = {one["payer"]: one["number"] for one in stories.invoices(app)}
        app.void(
            by_payer["B1"], date(2026, 5, 2), CHANGE
        )  # what it had earned is taken back on the day, the rest never comes
        upgrade = stories.deliver(
            tmp_path,
            "upgrade",
            subscription_events=(stories.FILES["subscription_events"][0], "E1,Y1,2,change,2026-05-15,annual,2"),
        )
        stories.load(app, upgrade)
        stories.load(app, stories.deliver(tmp_path, "end", subscription_events=(
            stories.FILES["subscription_events"][0], "E1,Y3,2,cancel,2026-01-01,,",
        )))  # fmt: skip
        stories.bill(app, "2026-05-15")
        for number in (by_payer["B1"],):
            shown = app.revenue.shown(f"{number}#1")
            assert (shown.whole, shown.amount) == (3000, 0)
        recognise(app, month_end(5))
        assert app.revenue.shown(f"{by_payer['B1']}#1").recognised == 0
        accepted = app.revenue.shown(f"{by_payer['B2']}#1")
        assert (accepted.waits, accepted.remaining, accepted.missing) == (
            "accept",
            500,
            "an acceptance: none is kept for 500.00 of 500.00 EUR",
        )
        assert app.ledger.set_period("E1", date(2026, 5, 1), "closed", CHANGE).done
        asked = AskedEvent("protocol-1", "accept", date(2026, 5, 20), line=f"{by_payer['B2']}#1")
        assert [app.revenue.events([asked, asked], CHANGE), app.revenue.events([asked], CHANGE)] == [1, 0]
        assert recognise(app, month_end(6))["2026-05 EUR"] == 500  # of a closed month, caught up in the open one
        assert app.revenue.shown(f"{by_payer['B2']}#1").remaining == 0
        sound(app)
        for month in range(7, 13):
            recognise(app, month_end(month))
        assert [one for one in app.revenue.remaining(month_end(12)) if one.currency == "USD"] == []
        assert balances(app)["2300", "USD"] == (0, 0)
        assert balances(app)["2300", "EUR"] == (0, 0)
        year = moved(app, 1, 12)
        assert year["USD"] == (0, 1100, 0, -1100, 0)
        net = sum((one["net"] for one in stories.invoices(app) if one["currency"] == "EUR"), D(0))
        assert balances(app)["4000", "EUR"][0] == -net
        assert balances(app)["4000", "USD"][1] == D("-1014.95")
        sound(app)
        assert bean_check(exported(app, tmp_path, "beancount")) == ""


@pytest.fixture(scope="module")
def _billed_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("revenue")
    with billed(folder, f"sqlite:///{folder / 'books.db'}"):
        return folder


@pytest.fixture
def local(tmp_path: Path, _billed_once: Path) -> Iterator[App]:
    """A copy of the billed company on SQLite."""
    shutil.copytree(_billed_once, tmp_path, dirs_exist_ok=True)
    config = tmp_path / "config.yaml"
    config.write_text(
        config.read_text().replace("ada: [operator], bob: []", "ada: [operator, controller], bob: [controller]")
    )
    with stories.opened(tmp_path, f"sqlite:///{tmp_path / 'books.db'}") as app:
        yield app


def line_of(app: App, payer: str) -> str:
    """The first line of the invoice of a payer."""
    return f"{next(one['number'] for one in stories.invoices(app) if one['payer'] == payer)}#1"


def codes(call: Callable[[], Any]) -> list[str]:
    """The codes of a refusal."""
    with pytest.raises(TollbookError) as refused:
        call()
    return [str(finding.code) for finding in refused.value.findings]


@pytest.mark.capability("A5.4")
def test_early_only_by_two_persons(local: App) -> None:
    """Without its criterion nothing is recognised; two persons may let it go, with a reason that is listed."""
    project, year, day = line_of(local, "B2"), line_of(local, "A1"), date(2026, 1, 20)
    with pytest.raises(TollbookError) as refused:
        local.revenue.recognise_early(project, day, CHANGE)
    assert "an acceptance: none is kept for 500" in refused.value.findings[0].what
    assert codes(lambda: local.revenue.recognise_early(year, day, CHANGE)) == ["revenue.not-earned"]
    for line in (project, year):
        proposed = local.revenue.recognise_early(line, day, CHANGE, override=True)
        assert not proposed.done and proposed.approval is not None
        assert local.revenue.overrides() == [] or line == year
        assert codes(lambda n=proposed.approval.id: local.approvals.approve(n, CHANGE)) == ["approval.same-person"]  # type: ignore[misc]
        assert local.approvals.approve(proposed.approval.id, BOB).done
    assert [(line, event.note.rpartition(": ")[2]) for line, event in local.revenue.overrides()] == [
        (project, "test"),
        (year, "test"),
    ]
    local.revenue.recognise(month_end(1), CHANGE)
    assert [local.revenue.shown(line).remaining for line in (project, year)] == [0, 0]
    asked = AskedEvent("late", "accept", date(2026, 2, 3), line=project)
    assert local.revenue.events([asked], CHANGE) == 1  # what comes later changes nothing of what was let go
    local.revenue.recognise(month_end(2), CHANGE)
    assert local.revenue.shown(project).recognised == 500
    assert codes(lambda: local.revenue.recognise_early(project, day, CHANGE)) == ["revenue.earned"]
    sound(local)


@pytest.mark.capability("A5.3")
def test_what_a_user_sees(local: App, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Both ways of explain, the reports, and the files: CSV and Parquet have the same."""
    year, project = line_of(local, "A1"), line_of(local, "B2")
    words = ["--config", str(tmp_path / "config.yaml"), "--set", f"database.url=sqlite:///{tmp_path / 'books.db'}"]

    def tollbook(*more: str) -> str:
        assert main.run([*words, *more]) == 0, more
        return capsys.readouterr().out

    who = ("--as", "ada", "--reason", "close")
    assert "nothing is due" in tollbook("revenue", "recognise", "--through", "2025-12", *who)
    assert "2026-01" in tollbook("revenue", "recognise", "--through", "2026-01", *who)
    told = tollbook("explain", year)
    assert "84.93 of 1000.00 EUR is recognised, 915.07 remains" in told
    entry = local.revenue.shown(year).months[0].entries[0]
    back = tollbook("explain", f"posting:{entry}/1")
    assert year in back and "revrec/acme/years" in back and "release r-" in back
    assert "an acceptance: none is kept" in tollbook("revenue", "show", project)
    assert "1100.00" in tollbook("revenue", "roll-forward", "--from", "2026-01", "--to", "2026-01")
    assert "waits" in tollbook("revenue", "remaining", "--on", "2026-01", "--by", "year")
    assert "nothing was recognised before" in tollbook("revenue", "overrides")
    for form in ("csv", "parquet"):
        assert "4 rows" in tollbook("revenue", "export", str(tmp_path / f"out.{form}"), "--format", form)
    table = pytest.importorskip("pyarrow.parquet").read_table(tmp_path / "out.parquet").to_pylist()
    written = stories.read_csv(tmp_path / "out.csv")
    assert [str(row["recognised"] or "") for row in table] == [row["recognised"] for row in written]
    assert [row["line"] for row in table] == [1, 1, 1, 1]
    for wrong, code in (
        (("revenue", "recognise", "--through", "soon", *who), "revenue.no-day"),
        (("revenue", "recognise", "--through", "2026-01", "--entity", "E9", *who), "revenue.unknown-entity"),
        (
            ("revenue", "event", "--key", "x", "--kind", "wish", "--on", "2026-01-01", "--line", year, *who),
            "revenue.bad-event",
        ),
        (("revenue", "event", "--file", "nowhere.csv", *who), "revenue.bad-file"),
        (("revenue", "export", str(tmp_path / "x"), "--format", "xml"), "revenue.no-format"),
        (("revenue", "show", "E1-9#1"), "explain.no-such-line"),
    ):
        assert main.run([*words, *wrong]) == 1
        assert f"[{code}]" in capsys.readouterr().err, wrong


@pytest.mark.capability("A5.2")
def test_a_run_that_was_broken_off(local: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of it is in the books; the same again goes on with it, and another day waits for it."""
    monkeypatch.setattr(recognising, "_write", lambda *given: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        local.revenue.recognise(month_end(1), CHANGE)
    monkeypatch.undo()
    assert ("4000", "EUR") not in balances(local)
    assert codes(lambda: local.revenue.recognise(month_end(2), CHANGE)) == ["revenue.unfinished"]
    assert recognise(local, month_end(1))["2026-01 EUR"] == D("339.72")
    with local.books.reader() as reader:
        assert len([run for run in reader.runs("acme") if run.kind == "recognition"]) == 1
    before = local.revenue.recognise(date(2026, 1, 10), CHANGE)
    assert [str(finding.code) for finding in before.findings] == ["revenue.beyond"]
    sound(local)


@pytest.mark.capability("A5.2")
def test_deferred_balances_that_came_over(tmp_path: Path, sqlite_url: str) -> None:
    """They are recognised over the days that are left, at the rate that they came over with."""
    folder = stories.write(
        tmp_path,
        rules={"revrec/acme.yaml": RULE},
        cutovers=("entity,key,first_day,source", "E1,main,2026-01-01,Old Biller"),
        opening_deferred=(
            "entity,key,account,subscription,product,currency,amount,functional_amount,service_from,service_to",
            "E1,D1,A1,S1,year,EUR,90,,2025-04-01,2026-04-01",
            "E1,D2,A2,S2,year,USD,90,80.01,2026-01-01,2026-04-01",
        ),
    )
    with stories.opened(folder, sqlite_url) as app:
        assert not [f for f in stories.load(app, folder / "data").findings if f.level == "error"]
        recognise(app, month_end(1))
        assert balances(app) == {
            ("2300", "EUR"): (-59, -59),
            ("2300", "USD"): (-59, D("-52.45")),
            ("4000", "EUR"): (-31, -31),
            ("4000", "USD"): (-31, D("-27.56")),
        }
        recognise(app, month_end(3))
        assert balances(app)["2300", "USD"] == (0, 0)
        assert balances(app)["4000", "USD"] == (-90, D("-80.01"))
        sound(app)


@pytest.mark.capability("A5.2")
def test_an_event_of_a_charge_and_a_credit_note_that_is_voided(local: App, tmp_path: Path) -> None:
    """What was done of a charge counts for its lines; a credit note that never was leaves the plan as it was."""
    project, year = line_of(local, "B2"), line_of(local, "A1")
    file = tmp_path / "events.csv"
    file.write_text("key,kind,on,subscription,charge\nd1,accept,2026-01-09,P1,project\n")
    words = ["--config", str(tmp_path / "config.yaml"), "--set", f"database.url=sqlite:///{tmp_path / 'books.db'}"]
    assert main.run([*words, "revenue", "event", "--file", str(file), "--as", "ada", "--reason", "accepted"]) == 0
    before = local.revenue.shown(year).months
    local.revenue.recognise(month_end(1), CHANGE)
    assert local.revenue.shown(project).recognised == 500
    local.void(year.partition("#")[0], date(2026, 2, 10), CHANGE)
    note = next(one["number"] for one in stories.invoices(local) if one["kind"] == "credit_note")
    assert local.revenue.shown(year).amount == 0
    local.void(note, date(2026, 2, 12), CHANGE)
    again = local.revenue.shown(year)
    assert (again.amount, [one.planned for one in again.months]) == (1000, [one.planned for one in before])
    local.revenue.recognise(month_end(12), CHANGE)
    assert local.revenue.shown(year).remaining == 0
    sound(local)


@pytest.mark.capability("A5.2")
def test_a_month_is_recognised_by_itself(tmp_path: Path, sqlite_url: str) -> None:
    """The schedule's day is the day up to which it recognises."""
    end = "{name: month, run: revenue, cron: 0 23 28 * *, zone: Europe/Amsterdam, as: ada, reason: month end}"
    written(tmp_path)
    with scheduled(tmp_path, sqlite_url, end) as app:
        stories.load(app, tmp_path / "data")
        stories.bill(app, "2026-01-01")
        look(app, "2026-02-20 12:00Z")
        look(app, "2026-02-28 23:00Z")
        (worked,) = all_worked(app)
        assert (worked.request.on, worked.request.state) == (date(2026, 2, 28), "done")
        assert worked.request.summary["entries"] == 4  # two months in two currencies
