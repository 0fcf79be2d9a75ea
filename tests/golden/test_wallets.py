"""Wallets through bill runs: what they pay, what they get back, and what the ledger says of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from engine.app import App
from engine.base.errors import TollbookError
from engine.runs.billing.run import run_bill
from engine.runs.wallets.desk import Asked
from tests import stories
from tests.stories import CHANGE

D = Decimal
TODAY = date(2026, 1, 15)
WALLETS = (
    "entity,key,account,currency,floor,low,priority,charges",
    "E1,MAIN,A1,EUR,0,0,2,",
    "E1,CALLS,A1,EUR,0,5,1,calls",
    "E1,CHILD,A4,EUR,0,0,1,",
    "E1,USD,A2,USD,10,0,1,",
)
GRANTS = (
    "entity,key,wallet,kind,amount,cost,functional_amount,granted_on,expires_on",
    "E1,PAID,MAIN,paid,100,,,2026-01-01,",
    "E1,SOON,MAIN,paid,20,16,,2026-01-01,2026-06-01",
    "E1,GIFT,MAIN,promotional,10,,,2026-01-01,2026-06-01",
    "E1,LATER,MAIN,paid,50,,,2026-03-01,",
    "E1,C1,CALLS,paid,6,,,2026-01-01,",
    "E1,CH1,CHILD,paid,5,,,2026-01-01,",
    "E1,U1,USD,paid,40,,36,2026-01-01,",
)


@pytest.fixture
def company(tmp_path: Path, database_url: str) -> Iterator[App]:
    """The company of the stories, with wallets and grants."""
    folder = stories.write(tmp_path, wallets=WALLETS, wallet_grants=GRANTS)
    with stories.opened(folder, database_url) as app:
        report = stories.load(app, folder / "data")
        assert [str(f) for f in report.findings] == []
        yield app


def balances(app: App) -> dict[str, Decimal]:
    """What is left, by wallet."""
    return {view.wallet: view.balance for view in app.wallets.listed(TODAY)}


def left(app: App, wallet: str) -> dict[str, Decimal]:
    """What is left of the lots of a wallet."""
    return {lot["key"]: lot["left"] for lot in app.wallets.shown(wallet, TODAY).lots}


def ledger(app: App) -> dict[tuple[str, str], Decimal]:
    """The trial balance by account and currency."""
    return {
        (row["account"], row["currency"]): row["amount"] for row in app.ledger.trial_balance()["E1"] if row["amount"]
    }


def well(app: App) -> None:
    """Nothing is wrong with the books."""
    assert {name: found for name, found in app.verify().items() if found} == {}


def paid(app: App) -> list[tuple[str, str, str, Decimal]]:
    """(invoice, wallet, lot, amount) of everything that invoices moved."""
    with app.books.reader() as reader:
        return [
            (row["invoice"], wallet, row["lot"], row["amount"])
            for wallet in ("CALLS", "CHILD", "MAIN", "USD")
            for row in reader.movements("acme", "E1", wallet)
            if row["invoice"]
        ]


def total(app: App, payer: str, period: str) -> Decimal:
    """What the invoice of a payer of a day comes to."""
    return next(i["total"] for i in stories.invoices(app) if (i["payer"], i["period"]) == (payer, period))


@pytest.mark.capability("A2.1", "A2.4")
def test_wallets_pay_in_their_order(company: App) -> None:
    """A restricted wallet pays for its charge, the one of a child for the child's lines, the others for what is left; lots go
    by expiry, then promotional first, then age; the floor stays; what is in a lot that begins later stays."""
    well(company)
    assert balances(company) == {"CALLS": 6, "CHILD": 5, "MAIN": 180, "USD": 40}
    stories.bill(company, "2026-02-01")
    moved = {(wallet, lot): D(0) for _, wallet, lot, _ in paid(company)}
    for _, wallet, lot, amount in paid(company):
        moved[wallet, lot] += amount
    assert moved == {
        ("CALLS", "C1"): -6,
        ("CHILD", "CH1"): -5,
        ("MAIN", "GIFT"): -10,
        ("MAIN", "SOON"): -20,
        ("MAIN", "PAID"): -100,
        ("USD", "U1"): -30,
    }
    order = [lot for _, wallet, lot, _ in paid(company) if wallet == "MAIN"]
    assert list(dict.fromkeys(order)) == ["GIFT", "SOON", "PAID"]
    assert balances(company) == {"CALLS": 0, "CHILD": 0, "MAIN": 50, "USD": 10}
    told = ledger(company)
    assert told["1200", "EUR"] == total(company, "A1", "2026-02-01") - 141
    assert told["1200", "USD"] == total(company, "A2", "2026-02-01") - 30
    assert told["2350", "EUR"] == -50, "what is left, at cost"
    assert told["2350", "USD"] == -10
    assert told["4900", "EUR"] == 10 + 4, "what cost nothing, and what SOON was sold below its worth"
    assert told["2400", "EUR"] == 177
    well(company)


@pytest.mark.capability("A2.4")
@pytest.mark.on_sqlite
def test_the_preview_is_the_real_run(company: App) -> None:
    """A dry run shows what each lot pays and what is due, and moves nothing."""
    before = balances(company)
    seen = run_bill(company.parts(), date(2026, 2, 1), CHANGE, dry_run=True)
    assert balances(company) == before
    shown = {
        (one["payer"], move["wallet"], move["lot"], D(move["amount"]))
        for one in seen.details
        for move in one.get("wallets", ())
    }
    due = {one["payer"]: D(one["due"]) for one in seen.details if "due" in one}
    stories.bill(company, "2026-02-01")
    assert shown == {(invoice.split("/")[0], *rest) for invoice, *rest in paid(company)}
    assert due["A1"] == total(company, "A1", "2026-02-01") - 141
    assert [f.code for f in seen.findings if f.code == "wallet.low"] == ["wallet.low"]


@pytest.mark.capability("A2.4")
@pytest.mark.on_sqlite
def test_a_foreign_wallet_keeps_the_rate_of_its_payment(company: App) -> None:
    """What was prepaid leaves the liability at the rate of the grant; what the rate moved since is a difference of exchange."""
    stories.bill(company, "2026-02-01")
    with company.books.reader() as reader:
        rows = [(p.account, p.amount, p.functional_amount) for _, _, e in reader.journal("acme") for p in e.postings
                if e.kind == "wallet" and p.currency == "USD" and e.posting_date == date(2026, 2, 1)]  # fmt: skip
    assert rows == [("2350", 30, 27), ("1200", -30, D("-27.68")), ("7910", 0, D("0.68"))]


@pytest.mark.capability("A2.4")
def test_voiding_gives_back_to_the_lots(company: App) -> None:
    """All that wallets paid goes back to its lots; billed again, they pay again; nothing is lost on the way."""
    before, books = balances(company), ledger(company)
    stories.bill(company, "2026-02-01")
    after = balances(company)
    number = next(i["number"] for i in stories.invoices(company) if i["payer"] == "A1")
    company.void(number, date(2026, 2, 2), CHANGE)
    assert balances(company) == {**before, "USD": 10}
    assert left(company, "MAIN") == {"PAID": 100, "SOON": 20, "GIFT": 10, "LATER": 50}
    assert ledger(company)["2350", "EUR"] == books["2350", "EUR"]
    assert ("1200", "EUR") not in ledger(company) and ("4900", "EUR") not in ledger(company)
    well(company)
    company.void(number, date(2026, 2, 2), CHANGE)
    stories.bill(company, "2026-02-03")
    assert balances(company) == after
    well(company)


@pytest.mark.capability("A2.4")
def test_a_credit_gives_back_its_share(company: App, tmp_path: Path) -> None:
    """Of a line that is given back in part, wallets get back the same part of what they paid for it, and pay what is due then."""
    company.wallets.grant("USD", Asked("U2", D(500), on=TODAY), CHANGE)
    stories.bill(company, "2026-02-01")
    cancel = ("entity,subscription,key,kind,on,plan,quantity", "E1,S2,2,cancel,2026-02-15,,")
    stories.load(company, stories.deliver(tmp_path, "more", subscription_events=cancel))
    stories.bill(company, "2026-03-01")
    back = [row for row in paid(company) if row[1] == "USD" and row[3] > 0]
    with company.books.reader() as reader:
        lines = {
            line["id"]: line for i in reader.invoices("acme", payer="A2") for line in reader.invoice_lines(i["id"])
        }
        rows = [row for row in reader.movements("acme", "E1", "USD") if row["line_id"]]
    drawn: dict[int, Decimal] = {}
    for row in rows:
        if row["kind"] == "draw" and row["day"] == date(2026, 2, 1):
            drawn[row["line_id"]] = drawn.get(row["line_id"], D(0)) - row["amount"]
    wanted = D(0)
    for line in lines.values():
        if line["credits"] in drawn:
            whole = lines[line["credits"]]
            share = (line["amount"] + line["tax_amount"]) / (whole["amount"] + whole["tax_amount"])
            wanted += round(-share * drawn[line["credits"]], 2)
    assert back and sum(row[3] for row in back) == wanted
    well(company)


@pytest.mark.capability("A2.4")
@pytest.mark.on_sqlite
def test_what_expires_is_taken_out(company: App) -> None:
    """What was paid becomes revenue, what cost nothing is gone, once; a lot that is given something back later keeps out."""
    report = company.wallets.expire(date(2026, 5, 31), CHANGE)
    assert (report.state, dict(report.counts)) == ("done", {"lots": 0})
    stories.bill(company, "2026-02-01", account="A4")
    report = company.wallets.expire(date(2026, 6, 1), CHANGE)
    assert balances(company)["MAIN"] == 50, "GIFT, SOON and PAID have paid"
    assert company.wallets.expire(date(2026, 6, 1), CHANGE).repeated
    number = next(i["number"] for i in stories.invoices(company) if i["payer"] == "A1")
    company.void(number, date(2026, 6, 2), CHANGE)
    assert left(company, "MAIN") == {"PAID": 100, "SOON": 0, "GIFT": 0, "LATER": 50}
    assert ("1200", "EUR") not in ledger(company)
    assert company.accounts.shown("A1").balances[0].credit == 30, "what does not go back to an expired lot is credit"
    well(company)


@pytest.mark.capability("A2.4")
@pytest.mark.on_sqlite
def test_breakage_is_revenue(company: App) -> None:
    company.wallets.expire(date(2026, 6, 1), CHANGE)
    assert left(company, "MAIN") == {"PAID": 100, "SOON": 0, "GIFT": 0, "LATER": 50}
    assert ledger(company)["4300", "EUR"] == -16
    assert ledger(company)["2350", "EUR"] == -161
    well(company)


@pytest.mark.on_sqlite
def test_rules_say_what_pays_and_what_becomes_of_the_rest(tmp_path: Path, database_url: str) -> None:
    """A rule keeps a wallet from a charge, turns the order round, and leaves what expires to the customer."""
    rules = {
        "wallets/own.yaml": """
ruleset: wallets/own
effective: {from: 2020-01-01}
priority: 10
hit: first
rules:
  - {id: no-setup, when: charge == "setup", then: {use: false}}
  - id: paid-first
    when: account.key == "A1"
    then: {order: [paid, newest], expired: refundable, priority: 0}
cases:
  - {given: {charge: setup}, expect: {rule: no-setup, use: false}}
"""
    }
    folder = stories.write(tmp_path, rules=rules, wallets=WALLETS, wallet_grants=GRANTS)
    with stories.opened(folder, database_url) as app:
        stories.load(app, folder / "data")
        stories.bill(app, "2026-02-01")
        with app.books.reader() as reader:
            lines = {line["id"]: line for i in reader.invoices("acme") for line in reader.invoice_lines(i["id"])}
            rows = reader.movements("acme", "E1", "MAIN")
        assert "setup" not in {lines[row["line_id"]]["charge"] for row in rows if row["line_id"]}
        used = dict.fromkeys(row["lot"] for row in rows if row["kind"] == "draw")
        assert next(iter(used)) in ("PAID", "SOON") and list(used)[-1] == "GIFT"
        app.wallets.grant("MAIN", Asked("MORE", D(9), on=date(2026, 2, 1), expires_on=date(2026, 3, 1)), CHANGE)
        before = ledger(app)
        app.wallets.expire(date(2026, 3, 1), CHANGE)
        assert ledger(app)["2400", "EUR"] == before["2400", "EUR"] - 9
        well(app)


def test_a_run_that_stopped_draws_once(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run broken off within a partition and gone on with leaves what one that was not leaves."""
    from engine.runs.billing import numbers as bill_numbers

    folder = stories.write(tmp_path, wallets=WALLETS, wallet_grants=GRANTS)
    with stories.opened(folder, database_url, runs__partition_size="1") as app:
        stories.load(app, folder / "data")
        real, calls = bill_numbers.legal_number, []

        def broken(*arguments: Any) -> str:
            calls.append(arguments)
            if len(calls) == 2:
                raise KeyboardInterrupt
            return real(*arguments)

        monkeypatch.setattr(bill_numbers, "legal_number", broken)
        with pytest.raises(KeyboardInterrupt):
            stories.bill(app, "2026-02-01")
        half = balances(app)
        monkeypatch.setattr(bill_numbers, "legal_number", real)
        stories.bill(app, "2026-02-01")
        assert half == {"CALLS": 0, "CHILD": 0, "MAIN": 50, "USD": 40}
        assert balances(app) == {"CALLS": 0, "CHILD": 0, "MAIN": 50, "USD": 10}
        stories.bill(app, "2026-02-01")
        assert balances(app)["USD"] == 10
        well(app)


@pytest.mark.parametrize(
    ("work", "code"),
    [
        (lambda d: d.draw("MAIN", "d", D("130.01"), CHANGE, on=TODAY), "wallet.below-floor"),
        (lambda d: d.draw("USD", "d", D("30.01"), CHANGE, on=TODAY), "wallet.below-floor"),
        (lambda d: d.draw("MAIN", "d", D("0.001"), CHANGE, on=TODAY), "wallet.unfit"),
        (lambda d: d.draw("MAIN", "d", D(-1), CHANGE, on=TODAY), "wallet.unfit"),
        (lambda d: d.draw("MIAN", "d", D(1), CHANGE, on=TODAY), "wallet.unknown"),
        (lambda d: d.draw("MAIN", "PAID", D(1), CHANGE, on=TODAY), "wallet.key-conflict"),
        (lambda d: d.grant("MAIN", Asked("C1", D(1), on=TODAY), CHANGE), "wallet.key-conflict"),
        (lambda d: d.grant("MAIN", Asked("x", D(1), cost=D(2), on=TODAY), CHANGE), "wallet.unfit"),
        (lambda d: d.grant("MAIN", Asked("x", D(1), on=TODAY, expires_on=TODAY), CHANGE), "wallet.unfit"),
        (lambda d: d.grant("MAIN", Asked("x", units=D(1), on=TODAY), CHANGE), "wallet.unfit"),
        (lambda d: d.void("MAIN", "C1", CHANGE), "wallet.unknown-lot"),
    ],
)
@pytest.mark.on_sqlite
def test_what_cannot_be_is_refused(company: App, work: Any, code: str) -> None:
    before = balances(company)
    with pytest.raises(TollbookError) as caught:
        work(company.wallets)
    assert [str(f.code) for f in caught.value.findings] == [code]
    assert balances(company) == before
    well(company)


@pytest.mark.on_sqlite
def test_the_same_key_is_the_same_movement(company: App) -> None:
    """Grants, draws and voids again change nothing; what is voided leaves the ledger as if it had not been."""
    desk, before = company.wallets, ledger(company)
    for known in (False, True):
        asked = Asked("NEW", D(7), cost=D(5), on=TODAY, expires_on=date(2026, 2, 1))
        granted = desk.grant("MAIN", asked, CHANGE)
        assert granted.known is known and granted.balance == 187  # type: ignore[union-attr]
    for known in (False, True):
        drawn = desk.draw("MAIN", "d1", D("3.5"), CHANGE, on=TODAY)
        assert (drawn.known, drawn.balance, dict(drawn.lots)) == (known, D("183.5"), {"NEW": D("-3.5")})
    assert ledger(company)["2350", "EUR"] == before["2350", "EUR"] - D("2.5")
    assert [desk.void("MAIN", "NEW", CHANGE, on=TODAY).balance for _ in range(2)] == [180, 180]
    assert ledger(company)["2350", "EUR"] == before["2350", "EUR"]
    well(company)
