"""Discounts for paying early: granted by the terms of the invoice as the run matches the money, in time or not at all."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import pytest

from engine.app import App
from engine.model.matching import Candidate, Incoming
from engine.receivables.matching.fitting import gap_of
from engine.receivables.matching.saying import Said
from tests import stories
from tests.golden.test_cash import NAMES, billing, day, left, owed, paid_by, well, written
from tests.golden.test_cash import ledger as balances
from tests.golden.test_cash import lowered as lowered_by_cause
from tests.stories import CHANGE

D = Decimal
RULE = """ruleset: invoicing/early
effective: {from: 2000-01-01}
owner: finance.billing
priority: 1
hit: first
rules:
  - {id: foods, when: account.key == "B3", then: {due: 30 days}}
  - {id: early, then: {due: 30 days, early_payment: {discount: 2 %, within: 10 days}}}
"""


def early(folder: Path) -> Path:
    """A company that grants 2 % within 10 days to all but one of its customers."""
    made = written(folder)
    file = made / "rules/invoicing/early.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(RULE)
    return made


def cut(total: Decimal) -> Decimal:
    """Two per cent of a total."""
    return (total * D("0.02")).quantize(D("0.01"))


def in_time(app: App, folder: Path) -> None:
    """Ten days after the invoice it is granted; its tax is lowered by the same share, and the tenth of another one is not."""
    due, tax = owed(app), balances(app, "2200")["2200"]
    (b1, t1), (b3, t3) = due["B1"], due["B3"]
    told = {key: app.documents.looked_at(key).document.get("early_payment") for key in (b1, b3)}
    offer = {"discount": "0.02", "within": 10, "until": str(day(11)), "amount": f"{cut(t1):.2f}"}
    offer["left"] = f"{t1 - cut(t1):.2f}"
    assert told == {b1: offer, b3: None}
    entries = [
        ("C", f"{t1 - cut(t1):.2f}", "K1", NAMES["B1"], f"Rechnung {b1}"),
        ("C", f"{t3 - cut(t3):.2f}", "K2", NAMES["B3"], f"facture {b3}"),
    ]
    first = paid_by(app, folder, *entries, on=11)
    done = app.cash.match(day(11), CHANGE).entries
    assert [one.rule for one in done] == ["discount", "part"], "nothing was granted to the second"
    assert left(app, "B1") == (D(0), D(0)) and left(app, "B3")[0] == cut(t3)
    lowered = (cut(t1) * 21 / 121).quantize(D("0.01"))
    assert balances(app, "4910", "2200") == {"4910": cut(t1) - lowered, "2200": tax + lowered}
    assert [one.entry for one in app.cash.waiting(day(11))] == []
    well(app)
    tied(app, lowered)
    app.cash.unapply(first, CHANGE, on=day(12))
    assert left(app, "B1")[0] == t1 and balances(app, "4910") == {}
    well(app)
    tied(app, D(0))


def tied(app: App, lowered: Decimal) -> None:
    """Each subledger has what its GL accounts have, the tax of documents without what was lowered of it."""
    ties = {(one.name, one.currency): one for one in app.reports.ties(day(28))}
    assert {key: one.difference for key, one in ties.items() if one.difference} == {}
    tax = ties["tax", "EUR"]
    assert tax.by_kind.get("settlement", D(0)) == lowered and tax.subledger == tax.by_kind["invoice"] + lowered


@pytest.mark.capability("A4.3")
def test_a_discount_in_time_is_granted(tmp_path: Path, database_url: str) -> None:
    """Two per cent within ten days, by the rule that the invoice was made by."""
    with billing(early(tmp_path), database_url) as app:
        in_time(app, tmp_path)


@pytest.mark.capability("A4.3")
def test_a_discount_too_late_is_a_deduction(tmp_path: Path) -> None:
    """The money is applied, the two per cent stay open and somebody looks; a rule may grant it after all, up to a limit."""
    with billing(early(tmp_path), f"sqlite:///{tmp_path / 'books.db'}") as app:
        number, total = owed(app)["B1"]
        entry = paid_by(app, tmp_path, ("C", f"{total - cut(total):.2f}", "K1", NAMES["B1"], number), on=12)
        (done,) = app.cash.match(day(12), CHANGE).entries
        assert (done.state, done.rule) == ("applied", "late-discount")
        assert left(app, "B1")[0] == cut(total)
        (item,) = app.worklist.listed()
        assert item.subject == f"bank-entry/{entry}" and "late discount" in item.difference
        well(app)


CREDITS = """ruleset: crediting/own
effective: {from: 2000-01-01}
owner: finance.billing
priority: 1
hit: first
rules:
  - {id: credit, when: memo == "credit", then: {decision: allow, rebill: false, revenue: correction}}
"""


def crediting(folder: Path) -> Path:
    """The same, where one person may credit any amount for any reason."""
    made = early(folder)
    file = made / "rules/crediting/own.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(CREDITS)
    return made


def half(amount: Decimal) -> Decimal:
    """Half of an amount, rounded as amounts are."""
    return (amount / 2).quantize(D("0.01"), ROUND_HALF_UP)


def near(found: Decimal, wanted: Decimal) -> bool:
    """Whether two amounts are the same but for a cent of rounding."""
    return abs(found - wanted) <= D("0.01")


@pytest.mark.capability("A4.3")
def test_what_was_given_up_is_not_given_back(tmp_path: Path, database_url: str) -> None:
    """A credit takes its share of the discount back: in parts or whole, voided or voided again, before the discount or after it, the
    customer has what he paid for what was credited, and tax is that of what stays."""
    with billing(crediting(tmp_path), database_url) as app:
        memos, due = app.accounts.memos, owed(app)
        memos.credit(due["B4"][0], "billed_wrong", day(5), CHANGE, percent=D(50))
        start = balances(app, "2200")["2200"]
        paid = {key: total - cut(total) for key, (_, total) in due.items()}
        taxes = {key: (total * 21 / 121).quantize(D("0.01")) for key, (_, total) in due.items()}
        lowered = {key: (cut(total) * 21 / 121).quantize(D("0.01")) for key, (_, total) in due.items()}
        keys = ("B1", "B2", "B4")
        money = [("C", f"{paid[key]:.2f}", f"K{key}", NAMES[key], due[key][0]) for key in keys[:2]]
        entry = paid_by(app, tmp_path, *money, on=11)
        app.cash.match(day(11), CHANGE)

        first = memos.credit(due["B1"][0], "billed_wrong", day(12), CHANGE, percent=D(50))
        assert first.given_up == half(cut(due["B1"][1])) and left(app, "B1") == (0, -first.total - first.given_up)
        assert near(left(app, "B1")[1], half(paid["B1"]))
        off = lowered["B1"] + lowered["B2"]
        assert near(balances(app, "2200")["2200"] - start - off, half(taxes["B1"] - lowered["B1"]))
        rates = {key[-1]: tax for key, (_, tax) in lowered_by_cause(app).items()}
        assert near(-rates["discount"], half(lowered["B1"]) + lowered["B2"])
        printed = app.documents.looked_at(first.number).document
        assert (D(printed["total"]), D(printed["given_up"])) == (first.total, first.given_up)
        voided = app.void(first.number, day(12), CHANGE)
        assert [net for _, _, _, net, _ in voided.money["currency"]] == [-first.net]
        assert left(app, "B1") == (0, 0) and balances(app, "2200")["2200"] == start + off
        again = memos.credit(due["B1"][0], "billed_wrong", day(13), CHANGE, percent=D(50))
        memos.credit(due["B1"][0], "billed_wrong", day(13), CHANGE)
        assert again.given_up == first.given_up and left(app, "B1") == (0, paid["B1"])
        assert balances(app, "2200")["2200"] == start + lowered["B2"] + taxes["B1"]

        memos.credit(due["B2"][0], "billed_wrong", day(13), CHANGE, percent=D(50))
        app.cash.unapply(entry + 1, CHANGE, on=day(14))
        owes, credit = left(app, "B2")
        assert near(owes - credit, half(due["B2"][1])), "without the payment there is no discount"
        well(app)

        taken_back_in_part(app, tmp_path, due["B3"])

        number, _ = due["B4"]
        rest, _ = left(app, "B4")
        paid_by(app, tmp_path, ("C", f"{rest - cut(rest):.2f}", "K4", NAMES["B4"], number), on=11)
        assert app.cash.match(day(15), CHANGE).entries[-1].rule == "discount"
        assert left(app, "B4") == (0, 0)
        app.void(number, day(15), CHANGE)
        assert left(app, "B4") == (0, rest - cut(rest))
        assert balances(app, "4910") == {}
        now = start + taxes["B1"] + half(taxes["B2"]) + taxes["B3"] + half(taxes["B4"])
        assert near(balances(app, "2200")["2200"], now)
        ties = {(one.name, one.currency): one.difference for one in app.reports.ties(day(28))}
        assert {key: off for key, off in ties.items() if off} == {}
        well(app)


def taken_back_in_part(app: App, folder: Path, due: tuple[str, Decimal]) -> None:
    """Of a payment with 50 more, 30 go back once half of its invoice is credited: the discount that stood still stands, and no more."""
    number, total = due
    entry = paid_by(app, folder, ("C", f"{total - cut(total) + 50:.2f}", "BANKREF-9", NAMES["B3"], number), on=11)
    app.cash.apply(entry, CHANGE, invoices=[(number, total - cut(total))], close="discount", keep_rest=True, on=day(11))
    app.accounts.memos.credit(number, "billed_wrong", day(13), CHANGE, percent=D(50))
    (owes, credit), codes = left(app, "B3"), ("1090", "1200", "2200", "2400", "4910")
    before = balances(app, *codes)
    assert before["4910"] and owes == 0
    back = paid_by(app, folder, ("D", "30.00", "K30", NAMES["B3"], "part of BANKREF-9"), on=14)
    app.cash.returned(back, entry, CHANGE, on=day(14))
    assert left(app, "B3") == (0, credit - 30)
    assert balances(app, *codes) == before | {"2400": before["2400"] + 30}
    app.accounts.memos.credit(number, "billed_wrong", day(14), CHANGE)
    assert left(app, "B3") == (0, total - cut(total) + 20) and "4910" not in balances(app, *codes)


def granting(folder: Path) -> Path:
    """The same, with a day of grace, and late discounts of up to 15 a month."""
    made = early(folder)
    for name, parameter, value in (("matching", "grace", "1"), ("writeoff", "late_discount", "15")):
        text = (stories.ROOT / f"rules/{name}/default.yaml").read_text()
        head, _, rest = text.replace(f"ruleset: {name}/default", f"ruleset: {name}/own\npriority: 1").partition(
            f"  {parameter}: "
        )
        assert rest
        file = made / f"rules/{name}/own.yaml"
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"{head}  {parameter}: {rest.replace('value: 0', f'value: {value}', 1)}")
    return made


def test_grace_and_what_is_granted_late(tmp_path: Path) -> None:
    """A day of grace counts as in time; a rule of write-offs grants late ones up to what a customer may have in a month."""
    with billing(granting(tmp_path), f"sqlite:///{tmp_path / 'books.db'}") as app:
        due = owed(app)
        for on, key in ((12, "B1"), (13, "B2"), (14, "B4")):
            number, total = due[key]
            paid_by(app, tmp_path, ("C", f"{total - cut(total):.2f}", f"K{on}", NAMES[key], number), on=on)
        rules = {one.entry: one.rule for one in app.cash.match(day(14), CHANGE).entries}
        assert list(rules.values()) == ["discount", "late-discount", "late-discount"]
        late = {key: left(app, key)[0] for key in ("B1", "B2", "B4")}
        assert cut(due["B2"][1]) < 15 < cut(due["B4"][1])
        assert late == {"B1": 0, "B2": 0, "B4": cut(due["B4"][1])}
        well(app)


@pytest.mark.parametrize(("booked", "late"), [(11, 0), (12, 1), (3, 0), (25, 14)])
def test_days_count_from_the_date_of_the_invoice(booked: int, late: int) -> None:
    """By how many days the money came too late."""
    head = ("i", "N1", "invoice", "A", day(1), day(28), "EUR", D(100), D(100))
    payment = Incoming("p", "", day(booked), D(98), "EUR")
    gap = gap_of(payment, [Candidate(*head, "2/10net30")], [D(100)], Said("", ""), {})  # type: ignore[arg-type]
    assert gap is not None and (gap.remainder, gap.late, gap.discount) == ("discount", late, 2)
