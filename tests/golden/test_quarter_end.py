"""Three months of one seller from bill to close: what is delivered is revenue once, whatever bills, accruals and closes come first."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from engine.app import App
from engine.base.errors import TollbookError
from engine.model.close import CloseReport
from engine.model.journal import Change
from engine.runs.billing.run import run_bill
from engine.runs.revenue.facts import Asked
from tests import stories
from tests.golden.test_revenue_contracts import at, ledger

D = Decimal
REVREC = """
ruleset: revrec/acme
effective: {from: 2000-01-01}
owner: finance.accounting
priority: 5
hit: first
rules:
  - {id: licence, when: product == "licence", then: {method: right_to_use}}
  - {id: onboarding, when: product == "onboarding", then: {method: point_in_time, on: accept}}
  - {id: years, when: product == "support" or product == "cloud", then: {method: straight_line_day}}
  - {id: others, then: {method: now}}
"""
PRICES = """
ruleset: pricing/acme
effective: {from: 2020-01-01}
rules:
  - {id: fee, when: charge.key == "fee", then: {method: per_unit, unit: [365 EUR, 730 USD]}}
  - {id: onboarding, when: charge.key == "onboarding", then: {method: flat, price: [500 EUR, 600 USD]}}
  - {id: calls, when: charge.key == "calls", then: {method: per_unit, unit: [0.10 EUR, 0.20 USD]}}
  - {id: licence, when: charge.key == "licence", then: {method: flat, price: [1000 EUR]}}
  - {id: support, when: charge.key == "support", then: {method: flat, price: [365 EUR]}}
"""
CLOSE = """
ruleset: close/acme
priority: 10
effective: {from: 2020-01-01}
rules:
  - {id: third, when: name == "hard-close", then: {from_day: 3}}
  - {id: usual, then: {treat: usual}}
"""
RULES = {"revrec/acme.yaml": REVREC, "pricing/acme.yaml": PRICES, "close/acme.yaml": CLOSE}
CHART = (
    *("1210,Unbilled,asset", "1290,Allowance,asset", "1300,Contract assets,asset", "6920,Expected losses,expense"),
    *("7940,Unrealised FX gains,income", "7950,Unrealised FX losses,expense", "4910,Goodwill,expense"),
)
EVENTS = "entity,subscription,key,kind,on,plan,quantity"
USAGE = "entity,subscription,meter,key,at,quantity"
FILES: dict[str, Any] = {
    "accounts": (
        "entity,key,name,country,currency,zone,payer,parent",
        "E1,A1,One,NL,EUR,Europe/Amsterdam,,",
        "E1,A2,Two,NL,USD,America/New_York,,",
        "E1,A3,Three,NL,EUR,Europe/Amsterdam,,",
    ),
    "plans": ("key,name", "year,Year", "phone,Phone", "suite,Suite"),
    "charges": (
        "plan,key,name,kind,timing,months,meter,unit,product,tax_code",
        "year,fee,Yearly fee,recurring,advance,12,,seat,cloud,standard",
        "year,onboarding,Onboarding,one_time,advance,1,,piece,onboarding,standard",
        "phone,calls,Calls,usage,arrears,1,calls,call,voice,standard",
        "suite,licence,Licence,one_time,advance,1,,piece,licence,standard",
        "suite,support,Support,recurring,advance,12,,seat,support,standard",
        "suite,calls,Calls,usage,arrears,1,calls,call,voice,standard",
    ),
    "gl_accounts": stories.add("gl_accounts", *CHART),
    "subscriptions": (
        "entity,key,account,anchor_day",
        *("E1,Y1,A1,1", "E1,P1,A1,1", "E1,Y2,A2,1", "E1,P2,A2,1", "E1,K1,A3,1"),
    ),
    "subscription_events": (
        EVENTS,
        "E1,Y1,1,start,2026-01-01,year,1",
        "E1,P1,1,start,2026-01-01,phone,1",
        "E1,Y2,1,start,2026-01-16,year,1",
        "E1,P2,1,start,2026-01-01,phone,1",
        "E1,K1,1,start,2026-01-01,suite,1",
    ),
    "usage": (
        USAGE,
        *(
            f"E1,{name},calls,{name}m{month},2026-{month:02d}-10T10:00:00+01:00,{quantity}"
            for name, quantity in (("P1", 200), ("P2", 100), ("K1", 200))
            for month in (1, 2, 3)
        ),
    ),
    "rates": (
        "base,quote,rate,source,on",
        *("EUR,USD,1.2500,ECB,2025-12-31", "EUR,USD,1.2000,ECB,2026-01-30"),
        *("EUR,USD,1.1000,ECB,2026-02-27", "EUR,USD,1.1500,ECB,2026-03-30"),
    ),
}
CONTRACT = """
contract: K1
entity: E1
account: A3
currency: EUR
signed: 2026-01-01
known: 2026-01-01
criteria: {approved: 2026-01-01, collectible: 2026-01-01}
promises:
  - {promise: licence, product: licence, price: 1000, ssp: 1000, bills: [{subscription: K1, charge: licence}]}
  - promise: support
    product: support
    kind: recurring
    price: 365
    ssp: 460
    from: 2026-01-01
    to: 2027-01-01
    bills: [{subscription: K1, charge: support}]
events:
  - {key: handed over, kind: deliver, on: 2026-01-05, known: 2026-01-05, promise: licence}
"""
SETTINGS = {
    "roles": "{operator: [init, import, run, credit, close], head: [close, adjust, approve, credit]}",
    "people": "{ada: [operator], cleo: [head]}",
    "approvals": "{open-period: [head]}",
}


def of(who: str, day: str) -> Change:
    """A change of somebody on a day."""
    made: Change = at(day)
    return Change(who, made.at, "month end")


def company(folder: Path, **changed: Any) -> Path:
    stories.write(folder, rules=RULES, **{**FILES, **changed})
    (folder / "k1.yaml").write_text(CONTRACT)
    return folder


def started(app: App, folder: Path) -> None:
    report = stories.load(app, folder / "data")
    assert [str(f) for f in report.findings if f.level == "error"] == []
    app.revenue_contracts.add([folder / "k1.yaml"], at("2026-01-01"))


@pytest.fixture
def app(tmp_path: Path, database_url: str) -> Iterator[App]:
    with stories.opened(company(tmp_path), database_url, **SETTINGS) as app:
        started(app, tmp_path)
        yield app


@pytest.fixture
def local(tmp_path: Path, sqlite_url: str) -> Iterator[App]:
    with stories.opened(company(tmp_path), sqlite_url, **SETTINGS) as app:
        started(app, tmp_path)
        yield app


def revenue(app: App, on: str) -> dict[str, Decimal]:
    """What the books have as revenue up to a day, by currency."""
    rows = app.ledger.trial_balance("E1", date.fromisoformat(on))["E1"]
    return {row["currency"]: -row["amount"] for row in rows if row["account"] == "4000" and row["amount"]}


def sound(app: App, on: str) -> None:
    """Nothing is found, and every subledger ties on the day."""
    day = date.fromisoformat(on)
    assert {name: found for name, found in app.verify().items() if found} == {}
    assert [(one.name, one.currency, one.difference) for one in app.reports.ties(day) if one.difference] == []
    moved = app.revenue.roll_forward(date(2026, 1, 1), day)
    assert [(one.currency, one.difference) for one in moved if one.difference] == []
    told = {one.currency: one.invoiced + one.credited for one in moved if one.invoiced or one.credited}
    billed: dict[str, Decimal] = {}
    for one in stories.invoices(app):
        if one["invoice_date"] <= day:
            net = sum((line["amount"] for line in one["lines"]), D(0))
            billed[one["currency"]] = billed.get(one["currency"], D(0)) + net
    assert told == billed, "what was invoiced is what the documents say"
    books: dict[str, Decimal] = {}
    for row in app.ledger.trial_balance("E1", day)["E1"]:
        if row["account"] == "2300" and row["amount"]:
            books[row["currency"]] = -row["amount"]
    assert {one.currency: one.closing for one in moved if one.closing} == books


def closed(app: App, month: int, day: str) -> CloseReport:
    """Run the close of a month on a day."""
    return app.closing.run("E1", date(2026, month, 1), of("ada", day))


def blocked(report: CloseReport) -> dict[str, str]:
    """What stands in the way, by what it is about."""
    return {one.subject: one.check for one in report.in_the_way}


def bill(app: App, on: str, account: str = "") -> None:
    """Bill on a day, on that day."""
    run_bill(app.parts(), date.fromisoformat(on), of("ada", on), account=account or None)


def number(app: App, payer: str, day: str) -> str:
    """The invoice of a payer of a day."""
    found = (one for one in stories.invoices(app) if (one["payer"], str(one["invoice_date"])) == (payer, day))
    return str(next(one["number"] for one in found if one["kind"] == "invoice"))


@pytest.mark.capability("A5.2", "A8.4", "B7.1")
def test_a_quarter_from_bill_to_close(app: App, tmp_path: Path) -> None:
    january(app)
    february(app, tmp_path)
    reopened(app)
    march(app)
    told(app, tmp_path)


def january(app: App) -> None:
    """The dollar customer's calls are not billed in time: two persons let that go, because they are accrued."""
    for day in ("2026-01-01", "2026-01-16"):
        bill(app, day)
    for payer in ("A1", "A3"):
        bill(app, "2026-02-01", account=payer)
    calls = "subscription/P2/calls/2026-01-01"
    assert blocked(closed(app, 1, "2026-02-02")) == {calls: "unbilled-usage"}
    (asked,) = app.closing.waive("E1", date(2026, 1, 1), "unbilled-usage", calls, of("ada", "2026-02-02"))
    assert asked.approval is not None and not asked.done
    with pytest.raises(TollbookError, match=r"approval\.same-person"):
        app.approvals.approve(asked.approval.id, of("ada", "2026-02-02"))
    app.approvals.approve(asked.approval.id, of("cleo", "2026-02-02"))
    assert closed(app, 1, "2026-02-04").period == "closed"
    # 31 days of the year, calls of two, the licence and 31 days of support: 934.93 + 36.53; 16 days at 2, calls
    assert revenue(app, "2026-01-31") == {"EUR": 31 + 20 + 20 + D("971.46"), "USD": 32 + D(20)}
    sound(app, "2026-01-31")


def february(app: App, folder: Path) -> None:
    """An upgrade, late calls, a credit note, a void, and what was accepted in a month that is closed by now."""
    app.accounts.pay("A1", "wire-1", D("1046.65"), of("ada", "2026-02-10"), on=date(2026, 2, 10))
    app.accounts.pay("A2", "wire-2", D("1000"), of("ada", "2026-02-20"), on=date(2026, 2, 20))
    late = {"subscription_events": (EVENTS, "E1,Y1,2,change,2026-02-15,year,2")}
    late["usage"] = (USAGE, "E1,P1,calls,late,2026-01-25T10:00:00+01:00,50")
    assert not stories.load(app, stories.deliver(folder, "late", **late)).findings
    first, on = number(app, "A2", "2026-01-16"), date(2026, 2, 20)
    app.accounts.memos.credit(first, "goodwill", on, of("ada", "2026-02-20"), line=1, amount=D(70))
    app.void(number(app, "A3", "2026-02-01"), on, of("ada", "2026-02-20"))
    accepted = Asked("accepted", "accept", date(2026, 1, 28), subscription="Y1", charge="onboarding")
    app.revenue.events([accepted], of("ada", "2026-02-25"))
    app.revenue.recognise(date(2026, 2, 28), of("ada", "2026-02-28"))  # both before the bill, and again in the close
    app.accruals.accrue(date(2026, 2, 1), of("ada", "2026-02-28"))
    bill(app, "2026-03-01")
    soft = closed(app, 2, "2026-03-02")
    assert (soft.period, soft.steps[-1].what) == (*("soft", "is done from business day 3 on; this is business day 1"),)
    # 59 days, 14 of the second seat; onboarding; calls with the late ones; 934.93 + 69.52; 44 days less a tenth, calls
    delivered = {"EUR": 59 + 14 + 500 + (45 + 40) + D("1004.45"), "USD": D("79.20") + 40}
    assert revenue(app, "2026-02-28") == delivered
    sound(app, "2026-02-28")
    with pytest.raises(TollbookError, match="closed softly"):
        app.accounts.pay("A2", "wire-3", D(10), of("ada", "2026-03-03"), on=date(2026, 2, 27))
    app.accounts.pay("A2", "wire-3", D(10), of("cleo", "2026-03-03"), on=date(2026, 2, 27))
    assert [one.what for one in app.closing.history("E1", date(2026, 2, 1))][-1] == "adjust period"
    assert app.accruals.accrue(date(2026, 2, 1), of("ada", "2026-03-03")).repeated
    late_money = closed(app, 2, "2026-03-05")
    assert (late_money.period, {one.check for one in late_money.in_the_way}) == ("soft", {"revaluation-missing"})
    assert not app.ledger.revalue(date(2026, 2, 28), of("cleo", "2026-03-05"), entity="E1").repeated
    assert closed(app, 2, "2026-03-05").period == "closed"
    assert revenue(app, "2026-02-28") == delivered


def reopened(app: App) -> None:
    """A month before one that is accrued and closed is opened, and closed again as it was."""
    before = app.ledger.trial_balance("E1", date(2026, 1, 31))
    app.closing.reopen("E1", date(2026, 1, 1), of("ada", "2026-03-09"))
    app.approvals.approve(app.approvals.listed("pending")[0].id, of("cleo", "2026-03-09"))
    again = closed(app, 1, "2026-03-09")
    assert again.period == "closed"
    told = {step.step: step.what for step in again.steps}
    assert told["accrue"] == "2026-02 is accrued already: what became known since is posted there"
    assert told["impairment"] == "allowances of 2026-02-28 are booked already: what has changed since is booked there"
    assert app.ledger.trial_balance("E1", date(2026, 1, 31)) == before
    (early,) = app.closing.check("E1", date(2026, 1, 31), of("ada", "2026-03-09"), ["effects-undelivered"])
    assert {one.subject.split("/")[5] for one in early.findings} == {"A1", "A2", "A3"} and len(early.findings) == 3


def march(app: App) -> None:
    """A contract is modified, and the months come to what was delivered."""
    more = {"key": "more", "kind": "modify", "on": date(2026, 3, 1), "price": D(100)}
    app.revenue_contracts.tell("K1", more, of("ada", "2026-03-01"))
    bill(app, "2026-04-01")
    assert closed(app, 3, "2026-04-07").period == "closed"
    # 90 days, 45 of the second seat; onboarding; calls; 934.93 + 69.52 + 31 of 306 days of 460.55; 75 days less a tenth, calls
    assert revenue(app, "2026-03-31") == {
        "EUR": 90 + 45 + 500 + (65 + 60) + D("1051.11"),
        "USD": 135 + D(60),
    }
    sound(app, "2026-03-31")
    app.accruals.accrue(date(2026, 4, 1), of("ada", "2026-04-30"))
    assert app.accruals.standing() == []
    assert ledger(app, "2026-04-30").get("1210", D(0)) == 0


def told(app: App, folder: Path) -> None:
    """Every kind of entry is explained, other programs accept the journal, and what looks ahead or aside has an answer."""
    kinds: dict[str, list[tuple[int, int]]] = {}
    with app.books.reader() as reader:
        for ident, _, entry in reader.journal("acme"):
            kinds.setdefault(entry.kind, []).append((ident, len(entry.postings)))
    wanted = {"invoice", "revenue", "recognition", "accrual", "revaluation", "impairment", "settlement"}
    assert kinds.keys() >= wanted
    for found in kinds.values():
        ident, last = found[-1]
        assert {"entry", "account", "rate"} <= {step.name for step in app.explain(f"posting:{ident}/{last}").steps}
    exported = folder / "books.bean"
    exported.write_text("\n".join(app.ledger.export("beancount")) + "\n")
    checker = Path(sys.executable).with_name("bean-check")
    checked = subprocess.run([checker, exported], capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")
    ahead = app.forecasts.forecast(date(2026, 4, 1), 2, chance=D("0.9"), tested=2)
    euros = next(one for one in ahead.items if one.currency == "EUR")
    assert euros.scheduled[1] == (1 + 1) * 31 + D("36.53") + D("10.13")
    assert [(one.key, one.revenue) for one in app.forecasts.conceded(date(2026, 1, 1), date(2026, 3, 31))] == [
        ("E1-2026-000003/2026-02-20/goodwill/1/70", D("2.56"))
    ]
    other = folder / "other" / "pricing"
    other.mkdir(parents=True)
    (other / "acme.yaml").write_text(PRICES.replace("0.10 EUR", "0.20 EUR"))
    simulated = app.simulation([other.parent]).simulate(date(2026, 4, 1), date(2026, 4, 1))
    assert simulated.drift == () and simulated.ties_hold


@pytest.mark.capability("A5.2")
def test_what_nobody_has_billed_is_earned_once(local: App) -> None:
    """Accruals leave to contracts what is theirs, and what waits for an acceptance to it; then everything is billed late."""
    local.accruals.accrue(date(2026, 1, 1), of("ada", "2026-01-31"))
    local.revenue.recognise(date(2026, 1, 31), of("ada", "2026-01-31"))
    stands = {f"{one.subscription} {one.charge}": one.amount for one in local.accruals.standing()}
    assert stands == {"P1 calls": 20, "P2 calls": 20, "K1 calls": 20, "Y1 fee": 31, "Y2 fee": 32}
    assert revenue(local, "2026-01-31") == {"EUR": 31 + 20 + 20 + D("971.46"), "USD": D(52)}
    sound(local, "2026-01-31")
    accepted = Asked("accepted", "accept", date(2026, 2, 5), subscription="Y1", charge="onboarding")
    local.revenue.events([accepted], of("ada", "2026-02-05"))
    local.revenue.recognise(date(2026, 2, 28), of("ada", "2026-02-28"))
    local.accruals.accrue(date(2026, 2, 1), of("ada", "2026-02-28"))
    february = {"EUR": 59 + 500 + 80 + D("1004.45"), "USD": 88 + D(40)}
    assert revenue(local, "2026-02-28") == february
    for month, state in ((1, "closed"), (2, "soft")):
        local.ledger.set_period("E1", date(2026, month, 1), state, of("cleo", "2026-03-01"))
    bill(local, "2026-03-10")
    assert local.accruals.accrue(date(2026, 2, 1), of("ada", "2026-03-11")).repeated
    local.accruals.accrue(date(2026, 3, 1), of("ada", "2026-03-31"))
    local.revenue.recognise(date(2026, 3, 31), of("ada", "2026-03-31"))
    assert revenue(local, "2026-02-28") == february
    march = {"EUR": 90 + 500 + 120 + D("1040.97"), "USD": 150 + D(60)}
    assert revenue(local, "2026-03-31") == march
    sound(local, "2026-03-31")
    late = number(local, "A1", "2026-03-10")
    local.void(late, date(2026, 3, 31), of("ada", "2026-03-31"))
    local.ledger.set_period("E1", date(2026, 3, 1), "soft", of("cleo", "2026-04-01"))
    local.accruals.accrue(date(2026, 3, 1), of("ada", "2026-04-01"))
    assert revenue(local, "2026-04-01") == march
    sound(local, "2026-04-01")
    memo = (number(local, "A2", "2026-03-10"), "goodwill", date(2026, 3, 31))
    with pytest.raises(TollbookError, match="closed softly in E1"):
        local.accounts.memos.credit(*memo, of("ada", "2026-04-02"), line=1, amount=D(10))
    local.accounts.memos.credit(*memo, of("cleo", "2026-04-02"), line=1, amount=D(10))
    assert revenue(local, "2026-03-31")["USD"] == march["USD"] - 10
    sound(local, "2026-04-01")
