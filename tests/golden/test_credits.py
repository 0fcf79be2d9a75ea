"""Credit and debit notes by hand, what settles open items, credit on accounts: through the books, to the cent."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.app import App
from engine.base.errors import TollbookError
from engine.model.journal import Change
from engine.runs.accounts.settlement_moves import Settled
from engine.runs.approvals import Outcome
from engine.runs.billing import void_run
from engine.runs.documents.document import Documents
from tests import stories
from tests.stories import CHANGE

D = Decimal
OTHER = Change("bob", datetime(2026, 2, 1, 12, tzinfo=UTC), "looked at it")
INVOICE, DOLLARS = "E1-2026-000001", "E1-2026-000002"
CORRECTED = """
ruleset: crediting/abroad
scope: entity.country == "NL" and account.key == "A2"
priority: 1
effective: {from: 2020-01-01}
hit: first
rules:
  - {id: paid, when: memo == "void" and paid, then: {decision: refuse, why: what was paid is refunded first}}
  - {id: corrected, then: {decision: allow, document: corrected_invoice}}
"""


def day(number: int) -> date:
    """A day of February."""
    return date(2026, 2, number)


def written(folder: Path) -> Path:
    """The company of the stories, with a second person."""
    stories.write(folder, rules={"crediting/abroad.yaml": CORRECTED})
    config = folder / "config.yaml"
    config.write_text(config.read_text().replace("bob: []", "bob: [controller]"))
    return folder


@contextmanager
def billing(folder: Path, url: str) -> Iterator[App]:
    """The company, billed on 1 February."""
    with stories.opened(folder, url) as app:
        stories.load(app, folder / "data")
        stories.bill(app, "2026-02-01")
        yield app


@pytest.fixture
def billed(tmp_path: Path, database_url: str) -> Iterator[App]:
    """The billed company on each database."""
    with billing(written(tmp_path), database_url) as app:
        yield app


@pytest.fixture(scope="module")
def _billed_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = written(tmp_path_factory.mktemp("billed"))
    with billing(folder, f"sqlite:///{folder / 'books.db'}"):
        return folder


@pytest.fixture
def local(tmp_path: Path, _billed_once: Path) -> Iterator[App]:
    """A copy of the billed company on SQLite."""
    shutil.copytree(_billed_once, tmp_path, dirs_exist_ok=True)
    with stories.opened(tmp_path, f"sqlite:///{tmp_path / 'books.db'}") as app:
        yield app


def ledger(app: App) -> dict[tuple[str, str], Decimal]:
    """The trial balance by account and currency, without what is nothing."""
    return {
        (row["account"], row["currency"]): row["amount"] for row in app.ledger.trial_balance()["E1"] if row["amount"]
    }


def well(app: App) -> None:
    """Nothing is wrong with the books."""
    assert {name: [str(f) for f in found] for name, found in app.verify().items() if found} == {}


def credit(app: App, number: str, on: date, code: str = "goodwill", **more: Any) -> Any:
    """A credit note by ada."""
    return app.accounts.memos.credit(number, code, on, CHANGE, **more)


def owed(app: App, account: str) -> tuple[Decimal, Decimal]:
    """What an account owes, and its credit."""
    (balance,) = app.accounts.shown(account).balances
    return balance.owed, balance.credit


def codes(error: pytest.ExceptionInfo[TollbookError]) -> list[str]:
    """The codes of a refusal."""
    return [str(finding.code) for finding in error.value.findings]


@pytest.mark.capability("A6.3")
def test_a_small_credit_is_made_at_once(billed: App) -> None:
    """It takes its share of tax, revenue and receivable, names the invoice, and is not billed again."""
    before = ledger(billed)
    shown = credit(billed, INVOICE, day(2), line=3, amount=D(10), dry_run=True)
    assert (shown.state, shown.number, ledger(billed)) == ("dry run", "", before)
    made = credit(billed, INVOICE, day(2), line=3, amount=D(10))
    assert (made.state, made.number, made.net, made.tax) == ("issued", "E1-CN-2026-000001", D(-10), D("-2.10"))
    moved = {key: ledger(billed).get(key, 0) - value for key, value in before.items()}
    assert {key: value for key, value in moved.items() if value} == {
        ("1200", "EUR"): D("-12.10"), ("2200", "EUR"): D("2.10"), ("4000", "EUR"): D(10),
    }  # fmt: skip
    assert credit(billed, INVOICE, day(2), line=3, amount=D(10)).repeated
    assert owed(billed, "A1") == (D("513.84"), 0)
    assert stories.bill(billed, "2026-02-03", account="A1").counts["invoices"] == 0, "goodwill is not billed again"
    with billed.books.reader() as reader:
        ident = reader.find_invoice("acme", made.number)
        assert ident is not None
        document = Documents(reader, "acme", billed.parts().rules).of([ident])[ident]
    assert document["preceding"] == [{"number": INVOICE, "invoice_date": "2026-02-01"}]
    steps = {step.name: dict(step.details) for step in billed.explain(f"{made.number}#1").steps}
    assert steps["by hand"]["code"] == "goodwill"
    well(billed)


@pytest.mark.capability("A6.3")
@pytest.mark.on_sqlite
def test_a_large_one_waits_for_a_second_person(billed: App) -> None:
    """Over the threshold nothing happens until somebody else approves it; what was given back meanwhile makes it lapse."""
    made = credit(billed, INVOICE, day(2), "duplicate", amount=D("100.01"))
    assert (made.state, owed(billed, "A1")[0]) == ("proposed", D("525.94"))
    number = made.outcome.approval.id
    with pytest.raises(TollbookError) as refused:
        billed.approvals.approve(number, CHANGE)
    assert codes(refused) == ["approval.same-person"]
    small = credit(billed, INVOICE, day(2), amount=D(1))
    with pytest.raises(TollbookError) as stale:
        billed.approvals.approve(number, OTHER)
    assert codes(stale) == ["approval.stale"]
    again = credit(billed, INVOICE, day(2), "duplicate", amount=D("100.01"))
    assert billed.approvals.approve(again.outcome.approval.id, OTHER).done
    assert owed(billed, "A1")[0] == D("525.94") + small.total + again.total
    well(billed)


@pytest.mark.capability("A6.3")
def test_what_was_billed_wrongly_is_billed_anew(local: App) -> None:
    """Its rule gives whole lines back with their days; the next run bills what is owed then."""
    made = credit(local, INVOICE, day(2), "billed_wrong")
    assert local.approvals.approve(made.outcome.approval.id, OTHER).done
    assert owed(local, "A1") == (0, 0)
    stories.bill(local, "2026-02-03", account="A1")
    assert owed(local, "A1")[0] == D("525.94")
    with pytest.raises(TollbookError) as refused:
        credit(local, "E1-2026-000004", day(3), "billed_wrong", amount=D(1))
    assert codes(refused) == ["credit.rebilled-in-part"]
    well(local)


@pytest.mark.capability("A6.3")
def test_refusals(local: App) -> None:
    """Never more than is left, never of a line that is not there, only for reasons that the rules know."""
    for more, code in (
        ({"amount": D("434.67")}, "credit.more-than-left"),
        ({"amount": D("0.001")}, "credit.unfit"),
        ({"percent": D(101)}, "credit.unfit"),
        ({"line": 99}, "credit.no-line"),
        ({"amount": D(1), "code": "because"}, "credit.refused"),
    ):
        with pytest.raises(TollbookError) as refused:
            credit(local, INVOICE, day(2), **more)  # type: ignore[arg-type]
        assert codes(refused) == [code]
    note = credit(local, INVOICE, day(2), line=1, amount=D(31)).number
    for number, on, line, code in (
        (note, day(3), 0, "credit.not-an-invoice"),
        (INVOICE, day(3), 1, "credit.nothing-left"),
        (INVOICE, date(2026, 1, 31), 0, "run.before-documents"),
    ):
        with pytest.raises(TollbookError) as refused:
            credit(local, number, on, line=line)
        assert codes(refused) == [code]
    well(local)


@pytest.mark.capability("A6.3")
def test_dollars_go_back_at_the_rate_of_the_invoice(local: App) -> None:
    """A corrected invoice (384) in a series of its own, at the rate of what it gives back; no debt is left in euros either."""
    first = credit(local, DOLLARS, day(2), percent=D("33.3"))
    assert (first.kind, first.number) == ("corrected_invoice", "E1-COR-2026-000001")
    credit(local, DOLLARS, day(3))
    with local.books.reader() as reader:
        rows = [row for row in reader.trial_balance("acme", "E1") if row.currency == "USD"]
    assert {row.amount for row in rows} == {0}
    euros = {row.account: row.functional_amount for row in rows}
    assert euros["1200"] == 0 and all(abs(amount) <= D("0.02") for amount in euros.values()), "what rounding leaves"
    assert owed(local, "A2") == (0, 0)
    well(local)


@pytest.mark.on_sqlite
def test_payments_settle_and_come_back(billed: App) -> None:
    """Money pays what is due, the rest is credit, which the next invoice uses; a refund opens again what was paid."""
    paid = billed.accounts.pay("A1", "bank-1", D(600), CHANGE, on=day(2))
    assert isinstance(paid, Settled) and (paid.credit, owed(billed, "A1")) == (D("74.06"), (0, D("74.06")))
    again = billed.accounts.pay("A1", "bank-1", D(600), CHANGE, on=day(2))
    assert isinstance(again, Settled) and again.known
    with pytest.raises(TollbookError) as refused:
        billed.accounts.pay("A1", "bank-1", D(601), CHANGE, on=day(2))
    assert codes(refused) == ["settlement.key-conflict"]
    with pytest.raises(TollbookError) as refused:
        billed.accounts.refund("A1", "r0", D(601), CHANGE, payment="bank-1", on=day(3))
    assert codes(refused) == ["settlement.more-than-paid"]
    stories.bill(billed, "2026-03-01", account="A1")
    due = owed(billed, "A1")
    heads = [head for head in stories.invoices(billed) if head["payer"] == "A1" and head["period"] == "2026-03-01"]
    assert due == (heads[0]["total"] - D("74.06"), 0) and heads[0]["tax"] == heads[0]["net"] * D("0.21")
    with pytest.raises(TollbookError) as refused:
        billed.accounts.refund("A1", "r1", D(600), CHANGE, payment="bank-1", on=date(2026, 3, 2))
    assert codes(refused) == ["settlement.no-credit"], "credit that is used cannot be paid back"
    assert ledger(billed)["1000", "EUR"] == 600
    well(billed)


def test_other_currencies_leave_an_exchange_difference(local: App) -> None:
    """Dollars that come at another rate settle the whole receivable; the difference has an account of its own."""
    stories.load(
        local,
        stories.deliver(
            Path(local.config_path).parent, "r", rates=("base,quote,rate,source,on", "EUR,USD,1.2,ECB,2026-02-10")
        ),
    )
    local.accounts.pay("A2", "wire", D("317.02"), CHANGE, on=day(10))
    with local.books.reader() as reader:
        rows = {row.account: row for row in reader.trial_balance("acme", "E1") if row.currency == "USD"}
    assert (rows["1200"].amount, rows["1200"].functional_amount) == (0, 0)
    assert rows["1000"].functional_amount == D("264.18") and rows["7930"].functional_amount > 28 and "7910" not in rows
    well(local)


def test_acts_that_want_two_persons(local: App) -> None:
    """Where the configuration says so, credit that nobody paid is proposed first, and done as it was proposed."""
    app = App(local.config_path, {**local.overrides, "approvals.account-credit": "[controller]"})
    try:
        made = app.accounts.grant("A3", "sorry", D(500), CHANGE, on=day(2))
        assert isinstance(made, Outcome) and not made.done and made.approval is not None
        assert owed(app, "A3")[1] == 0
        assert app.approvals.approve(made.approval.id, OTHER).done
        assert owed(app, "A3")[1] == 500
        well(app)
    finally:
        app.close()


@pytest.mark.capability("A6.3")
def test_a_debit_note(billed: App) -> None:
    """Something charged by hand is taxed, numbered in its own series, due as invoices are, and can be credited."""
    made = billed.accounts.memos.debit("A4", D(25), "damage", day(2), CHANGE, text="Lost badge", invoice=INVOICE)
    assert (made.state, made.account, made.total) == ("proposed", "A1", D("30.25"))
    assert billed.approvals.approve(made.outcome.approval.id, OTHER).done
    head = next(one for one in stories.invoices(billed) if one["kind"] == "debit_note")
    assert (head["number"], head["due_date"], head["lines"][0]["kind"]) == (
        "E1-DN-2026-000001",
        date(2026, 3, 4),
        "manual",
    )
    assert [step.name for step in billed.explain("E1-DN-2026-000001#1").steps][:2] == ["service", "by hand"]
    credit(billed, "E1-DN-2026-000001", day(3))
    assert owed(billed, "A1")[0] == D("525.94")
    assert stories.bill(billed, "2026-02-04", account="A1").counts["invoices"] == 0
    well(billed)


def test_a_void_that_dies_after_its_document_is_ended_by_asking_again(
    local: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its document is committed, its run is not yet done: the same again makes no second one, and says what the first has made."""
    write = void_run.write_partition

    def dying(*args: Any) -> Any:
        write(*args)
        raise KeyboardInterrupt

    monkeypatch.setattr(void_run, "write_partition", dying)
    with pytest.raises(KeyboardInterrupt):
        local.void(INVOICE, day(3), CHANGE)
    monkeypatch.setattr(void_run, "write_partition", write)
    again = local.void(INVOICE, day(3), CHANGE)
    assert (again.state, again.counts["invoices"]) == ("done", 1)
    assert local.void(INVOICE, day(3), CHANGE).repeated
    assert [one["kind"] for one in stories.invoices(local)].count("credit_note") == 1


def test_a_credit_note_is_voided(local: App) -> None:
    """Its opposite brings again what it gave back, with its tax; then the invoice is whole, and can be voided itself."""
    before = ledger(local)
    note = credit(local, INVOICE, day(2), amount=D("33.33")).number
    local.void(note, day(3), CHANGE)
    assert ledger(local) == before
    with pytest.raises(TollbookError) as refused:
        local.void(note, day(4), CHANGE)
    assert codes(refused) == ["void.nothing-left"]
    local.void(INVOICE, day(4), CHANGE)
    assert owed(local, "A1") == (0, 0)
    local.accounts.pay("A2", "wire", D(10), CHANGE, on=day(4))
    with pytest.raises(TollbookError) as refused:
        local.void(DOLLARS, day(5), CHANGE)
    assert codes(refused) == ["credit.refused"], "a rule asks whether it is paid"
    local.accounts.refund("A2", "back", D(10), CHANGE, payment="wire", on=day(5))
    local.void(DOLLARS, day(5), CHANGE)
    well(local)


CUSTOMERS = 12
ALL = """
ruleset: crediting/all
priority: 1
effective: {from: 2020-01-01}
rules:
  - {id: all, then: {decision: allow}}
"""


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """A company on SQLite that has billed many customers in dollars, alike."""
    keys = [f"B{n}" for n in range(CUSTOMERS)]
    folder = stories.write(
        tmp_path_factory.mktemp("credits"),
        rules={"crediting/all.yaml": ALL},
        accounts=(stories.FILES["accounts"][0], *(f"E1,{key},Many,NL,USD,Europe/Amsterdam,," for key in keys)),
        subscriptions=(stories.FILES["subscriptions"][0], *(f"E1,S{key},{key},1" for key in keys)),
        subscription_events=(
            stories.FILES["subscription_events"][0],
            *(f"E1,S{key},1,start,2026-01-01,team,3" for key in keys),
        ),
        usage=stories.FILES["usage"][:1],
    )
    with stories.opened(folder, f"sqlite:///{folder / 'books.db'}") as app:
        stories.load(app, folder / "data")
        stories.bill(app, "2026-02-01")
        yield app


Pieces = list[tuple[int, int]]
FRESH = count()


@pytest.mark.capability("A6.3")
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pieces=st.lists(st.tuples(st.integers(1, 5), st.integers(1, 2_000)), max_size=5), pays=st.integers(0, 300))
def test_crediting_all_of_it_leaves_nothing(many: App, pieces: Pieces, pays: int) -> None:
    """In whatever pieces and order lines are credited, paid or not: in the end there is no revenue, tax or liability, and no debt in
    either currency, but the money that was paid, which is credit of the customer."""
    account = f"B{next(FRESH) % CUSTOMERS}"
    number = next(
        one["number"] for one in stories.invoices(many) if one["payer"] == account and one["kind"] == "invoice"
    )
    before, debt = ledger(many), receivable(many)
    total = next(one["total"] for one in stories.invoices(many) if one["number"] == number)
    if pays:
        many.accounts.pay(account, f"p{account}", D(pays), CHANGE, on=day(2))
    for n, (line, cents) in enumerate(pieces):
        try:
            made = credit(many, number, day(2), line=line, amount=D(cents) / 100, key=f"{account}/{n}")
        except TollbookError as error:
            assert {str(f.code) for f in error.findings} <= {
                "credit.more-than-left",
                "credit.nothing-left",
                "credit.no-line",
            }
        else:
            assert made.state == "issued"
    credit(many, number, day(2), key=f"{account}/rest")
    moved = {key: ledger(many).get(key, 0) - before.get(key, 0) for key in {*before, *ledger(many)}}
    gone = {("1200", "USD"): -total, ("1000", "USD"): pays, ("2400", "USD"): -pays}
    kept = {key: value for key, value in moved.items() if value and key[0] not in ("2200", "4000", "2300")}
    assert kept == {key: value for key, value in gone.items() if value}
    assert moved["2200", "USD"] + moved["4000", "USD"] == total, "what it had made of tax and revenue, and no more"
    assert receivable(many) == debt - 1 and owed(many, account) == (0, pays)


def receivable(app: App) -> int:
    """How many customers owe something."""
    with app.books.reader() as reader:
        found = reader.open_items("acme", "E1", [f"B{n}" for n in range(CUSTOMERS)])
    return len([items for items in found.values() if any(item.left > 0 for item in items)])


def test_those_books_are_well(many: App) -> None:
    """After all of that, or of what of it ran in this process, nothing is wrong."""
    well(many)
