"""Money in, through the books: statements are booked once, matched, applied, taken back; the ledger and clearing agree."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from engine.app import App, Outcome
from engine.base.errors import TollbookError
from engine.base.period import Period
from engine.model.journal import Change
from engine.runs.cash import matched
from engine.runs.cash.till import Used
from tests import banks, stories
from tests.golden.test_export_assertions import bean_check, exported
from tests.stories import CHANGE

D = Decimal
OTHER = Change("bob", datetime(2026, 2, 20, 12, tzinfo=UTC), "looked at it")
NAMES = {"B1": "Adler Bau GmbH", "B2": "Birch Foods Ltd", "B3": "Castor SA", "B4": "Delta Works BV"}
SEATS = {"B1": 10, "B2": 20, "B3": 30, "B4": 40}


def day(number: int) -> date:
    """A day of February."""
    return date(2026, 2, number)


def written(folder: Path) -> Path:
    """A company with four customers in euros, one in dollars, and two bank accounts."""
    accounts = [f"E1,{key},{name},NL,EUR,Europe/Amsterdam,," for key, name in NAMES.items()]
    subscriptions = [f"E1,S{key},{key},1" for key in NAMES]
    events = [f"E1,S{key},1,start,2026-01-01,team,{seats}" for key, seats in SEATS.items()]
    stories.write(
        folder,
        entities=banks.ENTITIES,
        gl_accounts=banks.CHART,
        accounts=stories.add("accounts", *accounts),
        subscriptions=stories.add("subscriptions", *subscriptions),
        subscription_events=stories.add("subscription_events", *events),
    )
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


@pytest.fixture(scope="module")
def _billed_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = written(tmp_path_factory.mktemp("cash"))
    with billing(folder, f"sqlite:///{folder / 'books.db'}"):
        return folder


@pytest.fixture
def local(tmp_path: Path, _billed_once: Path) -> Iterator[App]:
    """A copy of the billed company on SQLite."""
    shutil.copytree(_billed_once, tmp_path, dirs_exist_ok=True)
    with stories.opened(tmp_path, f"sqlite:///{tmp_path / 'books.db'}") as app:
        yield app


def owed(app: App) -> dict[str, tuple[str, Decimal]]:
    """Number and total of the invoice of each customer."""
    return {one["payer"]: (one["number"], one["total"]) for one in stories.invoices(app)}


def left(app: App, account: str) -> tuple[Decimal, Decimal]:
    """What an account owes in its currency, and its credit."""
    balance = app.accounts.shown(account).balances[0]
    return balance.owed, balance.credit


def lowered(app: App) -> dict[tuple[str, ...], tuple[Decimal, Decimal]]:
    """What was lowered of the tax of February, by jurisdiction, rate and cause; nothing of the GL accounts of tax is without its row."""
    report = app.tax.report(Period(day(1), date(2026, 3, 1)), ("jurisdiction", "rate", "cause"))
    rows = {tuple(one.keys.values()): (one.net, one.tax) for one in report.rows if one.currency == "EUR"}
    found = {key: amounts for key, amounts in rows.items() if key[-1] != "document"}
    (tie,) = [one for one in report.ties if one.currency == "EUR"]
    assert (tie.difference, tie.other, tie.lowered) == (0, 0, sum(tax for _, tax in found.values()))
    return found


def ledger(app: App, *codes: str) -> dict[str, Decimal]:
    """Balances of some accounts of the ledger in functional currency, without what is nothing."""
    found: dict[str, Decimal] = {}
    for row in app.ledger.trial_balance()["E1"]:
        if row["account"] in codes and row["functional_amount"]:
            found[row["account"]] = found.get(row["account"], D(0)) + row["functional_amount"]
    return {code: amount for code, amount in found.items() if amount}


def well(app: App) -> None:
    """Nothing is wrong with the books."""
    assert {name: [str(f) for f in found] for name, found in app.verify().items() if found} == {}


def codes(call: Callable[[], Any]) -> list[str]:
    """The codes of a refusal."""
    with pytest.raises(TollbookError) as refused:
        call()
    return [str(finding.code) for finding in refused.value.findings]


def kept(app: App) -> list[tuple[Any, ...]]:
    """All settlements by natural key, in an order of their own."""
    with app.books.reader() as reader:
        rows = reader.settlements("acme", "E1")
        names = {item: reader.item("acme", "E1", item) for item in {row["item"] for row in rows} if item}
    return sorted(
        (row["key"], row["kind"], row["account"], names[row["item"]].number if row["item"] else "", row["amount"])
        for row in rows
    )


def statements(app: App, folder: Path) -> tuple[Path, Path]:
    """Two days at the bank: exact, partial, overpaid, unknown and the rent; then a payment is taken back."""
    due = owed(app)
    first = banks.mt940(
        folder / "first.sta",
        "1000.00",
        "2026-02-03",
        [
            ("C", f"{due['B1'][1]:.2f}", "BK1", NAMES["B1"], f"Rechnung {due['B1'][0]}"),
            ("C", "100.00", "BK2", NAMES["B2"], f"part of {due['B2'][0]}"),
            ("C", f"{due['B3'][1] + 50:.2f}", "BK3", NAMES["B3"], f"facture {due['B3'][0]}"),
            ("C", "77.77", "BK4", "Nobody Known", "hello"),
            ("D", "900.00", "BK5", "Landlord", "rent"),
        ],
    )
    opening = D(1000) + due["B1"][1] + 100 + due["B3"][1] + 50 + D("77.77") - 900
    back = ("RC", f"{due['B1'][1]:.2f}", "BK6", NAMES["B1"], "returned AC04")
    return first, banks.mt940(folder / "second.sta", f"{opening:.2f}", "2026-02-04", [back])


@pytest.mark.capability("A4.2")
@pytest.mark.capability("A4.4")
def test_two_days_at_the_bank(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Booked once by ten at a time, matched by a run that is killed and goes on, returned the next day; all of it ties."""
    with billing(written(tmp_path), database_url) as app:
        due = owed(app)
        first, second = statements(app, tmp_path)
        shown = app.cash.load(first, None)
        assert (shown.dry, [one.entries for one in shown.statements], app.cash.waiting(day(3))) == (True, [5], [])
        app.cash.match(day(3), None)
        with ThreadPoolExecutor(10) as pool:
            loaded = list(pool.map(lambda _: app.cash.load(first, CHANGE), range(10)))
        assert sorted(one.statements[0].state for one in loaded) == ["booked", *["known"] * 9]
        assert len(app.cash.waiting(day(3))) == 5
        clearing = ledger(app, "1000", "1090")
        assert clearing["1090"] == -clearing["1000"] == D("672.23") - due["B1"][1] - due["B3"][1]
        foreseen = app.cash.match(day(3), None)
        write, calls = matched.Matching.write, []

        def killed(self: Any, *given: Any) -> Any:
            calls.append(1)
            if len(calls) == 3:
                raise KeyboardInterrupt
            return write(self, *given)

        monkeypatch.setattr(matched, "AT_ONCE", 1)
        monkeypatch.setattr(matched.Matching, "write", killed)
        with pytest.raises(KeyboardInterrupt):
            app.cash.match(day(3), CHANGE)
        done = app.cash.match(day(3), CHANGE)
        assert [one.state for one in done.entries] == ["applied", "unidentified", "outgoing"]
        assert [one.state for one in foreseen.entries] == ["applied"] * 3 + ["unidentified", "outgoing"]
        assert (left(app, "B1")[0], left(app, "B2")[0], left(app, "B3")[0]) == (0, due["B2"][1] - 100, 0)
        assert {one.kind: one.left for one in app.cash.waiting(day(3))} == {
            "overpaid": D(50), "unidentified": D("77.77"), "outgoing": D(-900),
        }  # fmt: skip
        well(app)
        before = kept(app)
        paid = {"B1": due["B1"][1], "B2": D(100), "B3": due["B3"][1]}
        assert {row[2:] for row in before} == {(key, due[key][0], -amount) for key, amount in paid.items()}
        again = app.cash.match(day(3), CHANGE)
        assert again.counts == {"entries": 3, "overpaid": 1, "unidentified": 1, "outgoing": 1}
        assert kept(app) == before
        app.cash.load(second, CHANGE)
        returned = app.cash.match(day(4), CHANGE)
        assert [one.state for one in returned.entries][-1] == "returned"
        assert left(app, "B1") == (due["B1"][1], 0)
        well(app)
        (rent,) = [one.entry for one in app.cash.waiting(day(4)) if one.left < 0]
        app.cash.transfer(rent, CHANGE, gl="2450", on=day(5))
        assert [(one.kind, one.left) for one in app.cash.unapply(rent, CHANGE, on=day(5))] == [("unapplied", -900)]
        assert codes(lambda: app.cash.unapply(rent, CHANGE, on=day(5))) == ["cash.not-applied"]
        app.cash.transfer(rent, CHANGE, gl="6300", on=day(5))
        (over,) = [one.entry for one in app.cash.waiting(day(4)) if one.left == 50]
        app.cash.keep(over, "B3", CHANGE, on=day(5))
        assert left(app, "B3") == (0, 50)
        assert ledger(app, "1090", "2450", "6300") == {"1090": D("-77.77"), "6300": D(900)}
        well(app)
        assert bean_check(exported(app, tmp_path, "beancount")) == ""


def paid_by(
    app: App, folder: Path, *entries: banks.Entry, on: int = 3, account: str = banks.MAIN, currency: str = "EUR"
) -> int:
    """Book a statement of its own; the number of its first entry."""
    file = banks.mt940(folder / f"{on}-{entries[0][2]}.sta", "1000.00", f"2026-02-{on:02}", entries, account, currency)
    loaded = app.cash.load(file, CHANGE, accept=["cash.gap"])
    assert not loaded.refused, loaded.findings
    with app.books.reader() as reader:
        return max(one.entry.id for one in reader.open_entries("acme")) - len(entries) + 1


@pytest.mark.capability("A4.3")
def test_differences_are_given_up_by_rule(local: App, tmp_path: Path) -> None:
    """Small ones by one person, split ones count together, larger ones by two; refused ones stay open."""
    number, total = owed(local)["B1"]
    entry = paid_by(local, tmp_path, ("C", f"{total - 60:.2f}", "K1", "x", "y"))
    assert codes(lambda: local.cash.apply(entry, CHANGE, invoices=[(number, D(1_000_000))])) == ["cash.more-than-left"]
    for amount, code in ((D("0.001"), "unfit"), (D(-1), "more-than-open"), (D(10_000), "more-than-open")):
        assert codes(partial(local.cash.write_off, number, "bad_debt", CHANGE, amount=amount)) == [f"cash.{code}"]
    assert local.approvals.listed() == [], "nobody is asked about what cannot be done"
    for call in (partial(local.cash.transfer, gl="6300"), partial(local.cash.send_back, how="refund")):
        assert codes(partial(call, entry, change=CHANGE, amount=D("0.001"))) == ["cash.unfit"]
    made = local.cash.apply(entry, CHANGE, invoices=[(number, D(100))], on=day(4))
    assert isinstance(made, Used) and made.left == total - 160
    first = local.cash.write_off(number, "small_balance", CHANGE, amount=D(60), on=day(5), key="one")
    assert isinstance(first, Used)
    second = local.cash.write_off(number, "small_balance", CHANGE, amount=D(50), on=day(6), key="two")
    assert isinstance(second, Outcome) and not second.done and second.approval is not None, "60 and 50 count together"
    assert left(local, "B1")[0] == total - 160
    local.approvals.approve(second.approval.id, OTHER)
    assert left(local, "B1")[0] == total - 210
    assert ledger(local, "6910") == {"6910": D(110)}
    rest = local.cash.apply(entry, CHANGE, invoices=[(number, None)], on=day(7))
    assert isinstance(rest, Used) and rest.left == 50 and left(local, "B1")[0] == 0
    assert codes(lambda: local.cash.apply(entry, CHANGE, invoices=[(number, D(1))], on=day(7))) == [
        "cash.more-than-open"
    ]
    assert [(leg[0], leg[1]) for leg in local.cash.undo("give-up/one/" + number, "E1", CHANGE, on=day(8))] == [
        (number, 60)
    ]
    assert codes(lambda: local.cash.undo("give-up/one/" + number, "E1", CHANGE, on=day(8))) == [
        "cash.partly-taken-back"
    ]
    well(local)
    assert codes(lambda: local.cash.unapply(entry, CHANGE, on=day(3))) == ["cash.unfit"]
    local.cash.unapply(entry, CHANGE, on=day(9))
    assert left(local, "B1")[0] == total - 50
    well(local)


ADVICES = "entity,key,end_to_end_id,bank_ref,text"


@pytest.mark.capability("A4.2")
def test_an_advice_that_came_apart_says_what_a_payment_is_for(local: App, tmp_path: Path) -> None:
    """The payment says nothing; what the payer mailed does."""
    number, total = owed(local)["B2"]
    paid_by(local, tmp_path, ("C", f"{total:.2f}", "K9", "A bank", "see mail"))
    assert [one.state for one in local.cash.match(day(4), None).entries] == ["unidentified"]
    wrong = stories.deliver(tmp_path, "wrong", remittances=(ADVICES, f"E1,M-1,,,{number}"))
    assert [one.code for one in stories.load(local, wrong).findings] == ["intake.contradiction"]
    mails = (f"E1,M-1,,K9,ISA*00~ST*820*0001~RMR*IV*{number}*PO*{total:.2f}~", f"E1,M-2,,K8,{number}")
    assert stories.load(local, stories.deliver(tmp_path, "mails", remittances=(ADVICES, *mails))).findings == ()
    (done,) = local.cash.match(day(4), CHANGE).entries
    assert (done.state, done.pays) == ("applied", ((number, total),))
    well(local)


@pytest.mark.capability("A4.3")
def test_bad_debt_goes_through_the_allowance_and_may_come_back(local: App, tmp_path: Path) -> None:
    """With two persons; tax is given back in proportion; what is paid after all reopens the document with its tax."""
    number, total = owed(local)["B2"]
    before = ledger(local, "2200")["2200"]
    asked = local.cash.write_off(number, "bad_debt", CHANGE, on=day(10))
    assert isinstance(asked, Outcome) and asked.approval is not None
    local.approvals.approve(asked.approval.id, OTHER)
    tax = (total * 21 / 121).quantize(D("0.01"))
    assert ledger(local, "6900", "1290", "2200") == {"6900": total - tax, "2200": before + tax}
    assert left(local, "B2") == (0, 0)
    assert lowered(local) == {("NL", "0.21", "bad_debt"): (tax - total, -tax)}
    local.cash.undo(f"give-up/bad_debt/2026-02-10/{number}", "E1", CHANGE, on=day(20))
    entry = paid_by(local, tmp_path, ("C", f"{total:.2f}", "K1", NAMES["B2"], number), on=21)
    assert [one.state for one in local.cash.match(day(21), CHANGE).entries] == ["applied"]
    assert (ledger(local, "6900", "2200"), left(local, "B2")) == ({"2200": before}, (0, 0))
    assert lowered(local) == {("NL", "0.21", "bad_debt"): (0, 0)}
    steps = [step.name for step in local.explain(f"bank:{entry}").steps]
    assert steps[:3] == ["statement", "match", "use"] and "journal" in steps
    well(local)


@pytest.mark.capability("A4.3")
def test_discount_fee_and_tax_withheld(local: App, tmp_path: Path) -> None:
    """A discount lowers revenue and tax, a fee is a cost, tax withheld is owed by the authority and has its certificate."""
    due = owed(local)
    before = ledger(local, "2200")["2200"]
    (b1, t1), (b2, t2), (b3, t3) = (due[key] for key in ("B1", "B2", "B3"))
    cut, held = (t1 * D("0.02")).quantize(D("0.01")), (t3 * D("0.1")).quantize(D("0.01"))
    entries = [
        ("C", f"{t1 - cut:.2f}", "K1", NAMES["B1"], b1),
        ("C", f"{t2 - 8:.2f}", "K2", NAMES["B2"], b2),
        ("C", f"{t3 - held:.2f}", "K3", NAMES["B3"], b3),
    ]
    first = paid_by(local, tmp_path, *entries)
    local.cash.apply(first, CHANGE, invoices=[(b1, None)], close="discount", on=day(4))
    local.cash.apply(first + 1, CHANGE, invoices=[(b2, None)], close="fee", on=day(4))
    local.cash.apply(first + 2, CHANGE, invoices=[(b3, None)], close="withholding", on=day(4))
    tax = (cut * 21 / 121).quantize(D("0.01"))
    wanted = {"4910": cut - tax, "6850": D(8), "1480": held, "2200": before + tax}
    assert ledger(local, "4910", "6850", "1480", "2200", "1090") == wanted
    assert lowered(local) == {("NL", "0.21", "discount"): (tax - cut, -tax)}
    assert {key: left(local, key)[0] for key in ("B1", "B2", "B3")} == {"B1": 0, "B2": 0, "B3": 0}
    over = lambda: local.cash.certificate(b3, "W-1", CHANGE, amount=held + 1, on=day(9))  # noqa: E731
    assert codes(over) == ["cash.not-withheld"]
    for _ in range(2):
        local.cash.certificate(b3, "W-1", CHANGE, on=day(9))
    assert ledger(local, "1480", "1485") == {"1485": held}
    well(local)
    local.cash.unapply(first, CHANGE, on=day(10))
    assert (ledger(local, "4910", "2200"), left(local, "B1")[0]) == ({"2200": before}, t1)
    well(local)


@pytest.mark.capability("A4.4")
def test_money_that_goes_back_is_owed_until_the_bank_has_booked_it(local: App, tmp_path: Path) -> None:
    """A refund is a liability; the entry with which the bank sends it closes that; the same is not sent twice."""
    entry = paid_by(local, tmp_path, ("C", "80.00", "K1", NAMES["B4"], "no idea"))
    assert [one.state for one in local.cash.match(day(3), CHANGE).entries] == ["unapplied"]
    (waits,) = local.cash.waiting(day(9))
    assert (waits.kind, waits.age, waits.suggest[0]) == ("unapplied", 6, "apply")
    local.cash.send_back(entry, "refund", CHANGE, on=day(5))
    assert (ledger(local, "2450", "1090"), local.cash.waiting(day(9))) == ({"2450": D(-80)}, [])
    assert codes(lambda: local.cash.send_back(entry, "refund", CHANGE, on=day(5))) == ["cash.more-than-left"]
    paid_by(local, tmp_path, ("D", "80.00", "K2", NAMES["B4"], "refund"), on=6)
    assert [one.state for one in local.cash.match(day(6), CHANGE).entries] == ["netted"]
    assert ledger(local, "2450", "1090") == {}
    well(local)


@pytest.mark.capability("A4.2")
def test_money_in_other_currencies(local: App, tmp_path: Path) -> None:
    """Dollars pay dollars at the rate of their day, euros pay dollars by hand alone; what rates have moved is a difference."""
    rates = ("base,quote,rate,source,on", "EUR,USD,1.2000,ECB,2026-02-03")
    stories.load(local, stories.deliver(tmp_path, "rates", rates=rates))
    number, total = owed(local)["A2"]
    usd = paid_by(local, tmp_path, ("C", "200.00", "K1", "Two", number), account=banks.DOLLARS, currency="USD")
    eur = paid_by(local, tmp_path, ("C", "100.00", "K2", "Two", number))
    matched = local.cash.match(day(3), CHANGE)
    assert matched.entries[0].state == "applied" and left(local, "A2")[0] == total - 200
    lost = ledger(local, "7910", "7920", "7930")
    assert lost == {"7930": D("17.87")}, "200 at 1.0838 were worth 184.54, and at 1.2 are 166.67"
    local.cash.apply(eur, CHANGE, invoices=[(number, None)], on=day(4))
    assert left(local, "A2")[0] == 0
    assert ledger(local, "1090", "1200", "7960").get("1090", 0) == 0 == ledger(local, "7960").get("7960", 0)
    well(local)
    assert bean_check(exported(local, tmp_path, "beancount")) == ""
    local.cash.unapply(eur, CHANGE, on=day(5))
    local.cash.unapply(usd, CHANGE, on=day(5))
    assert left(local, "A2")[0] == total
    well(local)


def test_a_payment_for_what_is_void_or_paid_says_so(local: App, tmp_path: Path) -> None:
    """The reason stands with the exception; nothing is applied."""
    number, total = owed(local)["B1"]
    local.void(number, day(2), CHANGE)
    paid_by(local, tmp_path, ("C", f"{total:.2f}", "K1", NAMES["B1"], number))
    (done,) = local.cash.match(day(3), CHANGE).entries
    assert done.state == "unapplied" and f"{number} is void or credited" in done.text


@pytest.mark.capability("A4.2")
def test_what_is_odd_about_a_file_is_said_and_not_booked(local: App, tmp_path: Path) -> None:
    """Each oddity has its code; a person may accept it; what only informs is never booked, a batch is opened once."""
    pay = ("C", "10.00", "K1", "x", "one")
    first = banks.mt940(tmp_path / "a.sta", "100.00", "2026-02-03", [pay])
    more = banks.mt940(tmp_path / "b.sta", "110.00", "2026-02-03", [pay])
    gap = banks.mt940(tmp_path / "c.sta", "500.00", "2026-02-05", [("C", "1.00", "K3", "x", "y")])
    both = banks.mt940(tmp_path / "d.sta", "100.00", "2026-02-03", [pay, ("C", "2.00", "K4", "x", "y")])
    strange = banks.mt940(tmp_path / "e.sta", "1.00", "2026-02-05", [pay], account="NL00NOBODY")
    untied = tmp_path / "f.sta"
    untied.write_text(first.read_text().replace(":62F:C260203EUR110,00", ":62F:C260203EUR111,00").replace("one", "two"))
    batch = [("30.00", "BATCH", [("10.00", "x", "a"), ("20.00", "y", "b")])]
    informs = banks.camt(tmp_path / "g.xml", "052", "2026-02-06", batch)
    other = banks.camt(tmp_path / "h.xml", "053", "2026-02-06", batch, "120.00")

    def told(path: Path, *accept: str) -> tuple[str, list[str]]:
        loaded = local.cash.load(path, CHANGE, accept=accept)
        return loaded.statements[0].state, sorted({str(finding.code) for finding in loaded.findings})

    assert told(first) == ("booked", [])
    assert told(first) == ("known", ["cash.already-loaded"])
    assert told(more) == ("booked", []), "it goes on where the first one ends: the same once more is another payment"
    assert told(gap) == ("refused", ["cash.gap"])
    assert told(both) == ("refused", ["cash.overlaps"])
    assert told(both, "cash.overlaps") == ("booked", ["cash.overlaps"])
    assert told(strange) == ("refused", ["cash.unknown-account"])
    assert told(untied) == ("refused", ["bank.does-not-tie", "cash.gap"])
    assert told(informs) == ("informs", ["cash.informs-only"])
    assert told(other) == ("refused", ["cash.other-source"])
    assert sum(one.left for one in local.cash.waiting(day(6))) == 22
    well(local)
    gathered = banks.mt940(tmp_path / "i.sta", "120.00", "2026-02-06", [("C", "30.00", "BATCH", "bank", "batch")])
    details = banks.camt(tmp_path / "j.xml", "054", "2026-02-06", batch)
    assert told(details) == ("refused", ["cash.no-batch"])
    assert told(gathered, "cash.gap")[0] == "booked"
    assert [told(details)[0], told(details)[0]] == ["exploded", "known"]
    assert sorted(one.left for one in local.cash.waiting(day(6)))[-2:] == [10, 20]
    assert sum(one.left for one in local.cash.waiting(day(6))) == 52
    well(local)


@pytest.mark.capability("A4.3")
def test_two_persons_apply_what_one_may_not_give_up(local: App, tmp_path: Path) -> None:
    """Proposed with what it relies on, done as proposed; it lapses where the money is used meanwhile; a little too much is kept."""
    (b1, t1), (b2, t2), (b3, t3) = (owed(local)[key] for key in ("B1", "B2", "B3"))
    entries = [
        ("C", f"{t1 - 150:.2f}", "K1", NAMES["B1"], "x"),
        ("C", f"{t2 - 150:.2f}", "K2", NAMES["B2"], "x"),
        ("C", f"{t3 + 2:.2f}", "K3", NAMES["B3"], b3),
    ]
    first = paid_by(local, tmp_path, *entries)
    asked = local.cash.apply(first, CHANGE, invoices=[(b1, None)], close="small_balance", on=day(4))
    other = local.cash.apply(first + 1, CHANGE, invoices=[(b2, None)], close="small_balance", on=day(4))
    assert isinstance(asked, Outcome) and isinstance(other, Outcome) and asked.approval and other.approval
    assert (asked.done, left(local, "B1")[0]) == (False, t1)
    assert local.approvals.approve(asked.approval.id, OTHER).text.endswith("and give up 150 as small_balance")
    assert (left(local, "B1")[0], ledger(local, "6910")) == (0, {"6910": D(150)})
    local.cash.keep(first + 1, "B2", CHANGE, on=day(4))
    number = other.approval.id
    assert codes(lambda: local.approvals.approve(number, OTHER)) == ["approval.stale"]
    assert [one.state for one in local.cash.match(day(5), CHANGE).entries] == ["applied"]
    assert (left(local, "B3"), local.cash.waiting(day(5))) == ((0, 2), [])
    well(local)


def test_what_is_changed_by_hand_is_found(local: App, tmp_path: Path) -> None:
    """Each in its turn, and put right again."""
    number, total = owed(local)["B1"]
    paid_by(local, tmp_path, ("C", f"{total:.2f}", "K1", NAMES["B1"], number), ("C", "9.00", "K2", "x", "y"))
    local.cash.match(day(3), CHANGE)
    well(local)
    for change, back in (
        ("bank_left SET open_amount = open_amount + 100", "bank_left SET open_amount = open_amount - 100"),
        ("bank_left SET functional = functional + 100", "bank_left SET functional = functional - 100"),
        ("bank_entry SET amount = amount + 100", "bank_entry SET amount = amount - 100"),
        ("bank_statement SET entries = entries + 1", "bank_statement SET entries = entries - 1"),
        ("bank_use SET document = document + 1000", "bank_use SET document = document - 1000"),
        (
            "entry SET document = document + 1000 WHERE kind = 'bank'",
            "entry SET document = document - 1000 WHERE kind = 'bank'",
        ),
    ):
        for statement in (change, back):
            with local.books._engine.execution_options(books_write=True).begin() as connection:
                assert connection.exec_driver_sql(f"UPDATE {statement}").rowcount > 0
            assert bool(local.verify(["cash-ties"])["cash-ties"]) is (statement == change), statement
