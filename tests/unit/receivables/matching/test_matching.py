"""The laws of matching: nothing wrong is applied, doubt goes to a person, order says nothing."""

from __future__ import annotations

import random
from collections import defaultdict
from decimal import Decimal
from typing import Any

import pytest

from engine.model.matching import Candidate, Incoming
from tests.cash.small import CHILD, OTHER, TWIN, invoice, matched, money, shown

TERMS = {"terms": "2/10net30"}
ONE = invoice("INV-2026-000049", "100.00")
BESIDE = [invoice(f"INV-2026-0000{n}", "25.00") for n in (50, 51)]

CASES: dict[str, tuple[list[Candidate], Incoming, tuple[Any, ...], str]] = {
    "number": ([ONE], money("P", "100.00", "Rg. INV-2026-000049"), ("auto", (ONE.id, "100.00")), ""),
    "stranger": ([ONE], money("P", "100.00", ONE.id, payer=None), ("auto", (ONE.id, "100.00")), ""),
    "stranger, a part": ([ONE], money("P", "50.00", ONE.id, payer=None), ("suggest", (ONE.id, "50.00")), "unsure"),
    "another customer": (
        [ONE],
        money("P", "100.00", ONE.id, payer=OTHER),
        ("suggest", (ONE.id, "100.00")),
        "payer-conflict",
    ),
    "parent": (
        [invoice("INV-2026-000050", "9.00", "CHILD")],
        money("P", "9.00", "INV-2026-000050"),
        ("auto", ("INV-2026-000050", "9.00")),
        "",
    ),
    "child for parent": (
        [ONE],
        money("P", "100.00", ONE.id, payer=CHILD),
        ("suggest", (ONE.id, "100.00")),
        "payer-conflict",
    ),
    "a part": ([ONE], money("P", "25.00", ONE.id), ("auto", (ONE.id, "25.00")), ""),
    "too much": ([ONE], money("P", "110.00", ONE.id), ("auto", (ONE.id, "100.00")), ""),
    "far too much": ([ONE], money("P", "900.00", ONE.id), ("suggest", (ONE.id, "100.00")), "over-tolerance"),
    "short number": ([ONE], money("P", "100.00", "Rechnung 49"), ("auto", (ONE.id, "100.00")), ""),
    "short number, discount": (
        [invoice(ONE.id, "100.00", **TERMS)],
        money("P", "98.00", "Rechnung 49 abzgl. 2% Skonto", day=9),
        ("auto", (ONE.id, "98.00")),
        "",
    ),
    "short number, discount or another": (
        [invoice(ONE.id, "100.00", **TERMS), invoice("INV-2026-000051", "98.00")],
        money("P", "98.00", "Rechnung 49", day=9),
        ("suggest", (ONE.id, "98.00")),
        "fits-elsewhere",
    ),
    "one of three that are named, or the other two": (
        [invoice("INV-2026-000050", "50.00"), *(invoice(f"INV-2026-0000{n}", "25.00") for n in (51, 52))],
        money("P", "50.00", "INV-2026-000050 INV-2026-000051 INV-2026-000052"),
        ("suggest", ("INV-2026-000050", "50.00")),
        "ambiguous",
    ),
    "the account of one, the name of another like it": (
        [ONE],
        money("P", "100.00", payer_name=TWIN.name),
        ("suggest", (ONE.id, "100.00")),
        "payer-conflict",
    ),
    "short numbers beside a whole one": (
        [ONE, *BESIDE],
        money("P", "150.00", f"{ONE.id}, INV/50 INV 51"),
        ("auto", (ONE.id, "100.00"), *((one.id, "25.00") for one in BESIDE)),
        "",
    ),
    "short numbers beside one without zeros": (
        [ONE, *BESIDE],
        money("P", "150.00", "INV-2026/49, 50, 51"),
        ("auto", (ONE.id, "100.00"), *((one.id, "25.00") for one in BESIDE)),
        "",
    ),
    "short numbers, other money": (
        [ONE, *BESIDE],
        money("P", "149.00", f"{ONE.id}, INV/50 INV 51"),
        ("suggest", (ONE.id, "100.00")),
        "unsure",
    ),
    "short number, a part": ([ONE], money("P", "50.00", "Rechnung 49"), ("suggest", (ONE.id, "50.00")), "unsure"),
    "learnt account": ([ONE], money("P", "100.00", "services"), ("auto", (ONE.id, "100.00")), ""),
    "name alone": (
        [ONE],
        money("P", "100.00", "services", payer_account=""),
        ("suggest", (ONE.id, "100.00")),
        "no-reference",
    ),
    "not for the document": (
        [ONE],
        money("P", "100.00", f"NOT for {ONE.id}"),
        ("suggest", (ONE.id, "100.00")),
        "other-purpose",
    ),
    "given back": ([ONE], money("P", "100.00", f"Storno {ONE.id}"), ("suggest", (ONE.id, "100.00")), "other-purpose"),
    "wages": ([ONE], money("P", "100.00", "Gehalt"), ("suggest", (ONE.id, "100.00")), "no-reference"),
    "without tax": ([ONE], money("P", "100.00", f"{ONE.id} excl. VAT"), ("auto", (ONE.id, "100.00")), ""),
    "in advance": ([ONE], money("P", "100.00", "Anzahlung"), ("suggest", (ONE.id, "100.00")), "no-reference"),
    "another number": ([ONE], money("P", "100.00", "INV-2026-000048"), ("suggest", (ONE.id, "100.00")), "unsure"),
    "another currency": (
        [ONE],
        money("P", "85.70", ONE.id, currency="GBP"),
        ("suggest", (ONE.id, "100.00")),
        "other-currency",
    ),
    "another currency, no number": ([ONE], money("P", "100.00", "services", currency="GBP"), ("none",), ""),
    "a twin by name": ([ONE], money("P", "100.00", "x", payer=None, payer_name="Acme Corp 0"), ("none",), ""),
    "credit note": (
        [ONE, invoice("CN-1-77", "-20.00")],
        money("P", "80.00", "INV-2026-000049 - CN-1-77"),
        ("auto", (ONE.id, "100.00"), ("CN-1-77", "-20.00")),
        "",
    ),
    "fits elsewhere": (
        [ONE, invoice("INV-2026-000051", "40.00")],
        money("P", "40.00", ONE.id),
        ("suggest", (ONE.id, "40.00")),
        "fits-elsewhere",
    ),
    "two others fit": (
        [ONE, invoice("A-1", "60.00"), invoice("A-2", "20.00")],
        money("P", "80.00", ONE.id),
        ("suggest", (ONE.id, "80.00")),
        "fits-elsewhere",
    ),
    "another less its discount": (
        [ONE, invoice("A-1", "50.00", **TERMS)],
        money("P", "49.00", ONE.id),
        ("suggest", (ONE.id, "49.00")),
        "fits-elsewhere",
    ),
    "tax that is not what is missing": (
        [ONE],
        money("P", "45.00", f"{ONE.id} WHT 10%"),
        ("suggest", (ONE.id, "45.00")),
        "unsure",
    ),
    "tax withheld of two": (
        [ONE, invoice("A-177", "60.00")],
        money("P", "144.00", f"{ONE.id} A-177 WHT 10%"),
        ("auto", (ONE.id, "90.00"), ("A-177", "54.00")),
        "",
    ),
    "a reference and another number": (
        [ONE, invoice("A-177", "100.00", creditor_reference="RF18539007547034")],
        money("P", "100.00", ONE.id, structured_reference="RF18539007547034"),
        ("suggest", ("A-177", "100.00")),
        "ambiguous",
    ),
    "a number and the order of another": (
        [ONE, invoice("A-177", "100.00", purchase_order="PO-4452190")],
        money("P", "100.00", f"{ONE.id} PO-4452190"),
        ("suggest", ("A-177", "100.00")),
        "ambiguous",
    ),
    "a number and an order of other money": (
        [ONE, invoice("A-177", "99.00", purchase_order="PO-4452190")],
        money("P", "100.00", f"{ONE.id} PO-4452190"),
        ("auto", (ONE.id, "100.00")),
        "",
    ),
    "the last digits of a telephone": (
        [invoice("INV-2026-000232", "100.00", account="OTHER"), ONE],
        money("P", "100.00", "phone 030 / 000232", payer=OTHER),
        ("suggest", ("INV-2026-000232", "100.00")),
        "no-reference",
    ),
    "others that are not named": (
        [ONE],
        money("P", "150.00", f"{ONE.id} u.a."),
        ("suggest", (ONE.id, "100.00")),
        "unsure",
    ),
    "two sums": (
        [ONE, invoice("A-1", "60.00"), invoice("A-2", "40.00"), invoice("A-3", "40.00")],
        money("P", "160.00"),
        ("suggest", ("A-1", "60.00"), (ONE.id, "100.00")),
        "no-reference",
    ),
}


@pytest.mark.capability("A4.2")
@pytest.mark.parametrize("name", CASES)
def test_one_payment(name: str) -> None:
    items, payment, want, reason = CASES[name]
    found = matched(items, payment)["P"]
    assert (shown(found)[0], set(shown(found)[1:]), found.reason) == (want[0], set(want[1:]), reason)


def test_two_documents_that_fit_are_both_named_and_a_person_decides() -> None:
    found = matched([invoice("A-17", "49.00"), invoice("A-18", "49.00")], money("P", "49.00", "monthly fee"))["P"]
    assert (found.status, found.reason) == ("suggest", "ambiguous")
    assert {found.applications[0].candidate, found.alternatives[0][0].candidate} == {"A-17", "A-18"}


def test_discount_fee_and_tax_are_named_and_settle_or_stay_open() -> None:
    items = [invoice(f"INV-2026-00006{n}", "100.00", **TERMS) for n in range(5)]
    found = matched(
        items,
        money("P0", "98.00", items[0].id, day=9),
        money("P1", "98.00", items[1].id, day=19),
        money("P2", "92.50", f"{items[2].id} /CHGS/EUR7.50"),
        money("P3", "90.00", f"{items[3].id} WHT 10%"),
        money("P4", "99.97", items[4].id),
    )
    told = {key: (one.rule, one.applications[0]) for key, one in found.items()}
    assert {one.status for one in found.values()} == {"auto"}
    assert [told["P0"][1].discount, told["P2"][1].fee] == [2, Decimal("7.50")]
    kept = {
        key: (one.residuals[0].kind, one.residuals[0].amount, one.residuals[0].settled)
        for key, (_, one) in told.items()
        if one.residuals
    }
    assert kept == {
        "P1": ("late_discount", 2, False),
        "P3": ("withholding_tax", 10, False),
        "P4": ("small_difference", Decimal("0.03"), False),
    }
    assert told["P0"][1].closes == told["P2"][1].closes == 100


def test_a_document_is_paid_once_and_the_earlier_payment_is_named() -> None:
    found = matched([ONE], money("P1", "100.00", ONE.id, day=5), money("P2", "100.00", ONE.id, day=9))
    assert [shown(found["P1"])[0], shown(found["P2"])] == ["auto", ("none",)]
    assert found["P2"].reason == "already-paid" and "P1 on 2026-01-05" in found["P2"].trace[0]


def test_what_two_payments_of_a_day_claim_is_given_to_neither() -> None:
    found = matched([ONE], money("P1", "100.00", ONE.id), money("P2", "100.00", ONE.id))
    assert [one.reason for one in found.values()] == ["contested"] * 2
    halves = matched([ONE], money("P1", "50.00", f"{ONE.id} 1/2"), money("P2", "50.00", f"{ONE.id} 2/2"))
    assert [one.status for one in halves.values()] == ["auto"] * 2


def test_the_same_bank_entry_is_booked_once_and_a_like_one_is_asked_about() -> None:
    first = money("P2", "100.00", ONE.id)
    found = matched(
        [ONE],
        money("P10", "100.00", ONE.id, bank_ref=first.bank_ref),
        first,
        money("P3", "100.00", "x", bank_ref=first.bank_ref),
    )
    assert (found["P2"].status, found["P10"].status, found["P10"].of) == ("auto", "duplicate", "P2")
    assert (found["P3"].status, found["P3"].reason) == ("suggest", "bank-reference-repeated")


@pytest.mark.capability("A4.2")
def test_a_return_takes_back_its_payment_and_opens_the_document_again() -> None:
    end = {"end_to_end_id": "E7"}
    found = matched(
        [ONE],
        money("P1", "100.00", ONE.id, day=3, **end),
        money("P2", "-100.00", f"RETURN MS03 {ONE.id}", day=9, **end),
        money("P3", "100.00", ONE.id, day=20),
        money("P4", "-5.00", "chargeback", day=21),
    )
    assert shown(found["P2"]) == ("return", (ONE.id, "-100.00"))
    assert (found["P2"].of, found["P2"].reason, found["P3"].status) == ("P1", "MS03", "auto")
    assert (found["P4"].status, found["P4"].reason) == ("none", "return-without-payment")


def test_a_later_payment_does_not_take_what_an_earlier_one_waits_for() -> None:
    found = matched([ONE], money("P1", "100.00", ONE.id, day=3, payer=OTHER), money("P2", "100.00", ONE.id, day=9))
    assert [one.status for one in found.values()] == ["suggest"] * 2 and found["P2"].reason == "contested"


def test_the_order_of_files_says_nothing_and_nothing_is_paid_beyond_what_is_open() -> None:
    draw = random.Random(7)
    items = [invoice(f"INV-2026-{n:06}", draw.choice(("49.00", "99.00", f"{n}.10"))) for n in range(1, 40)]
    payments = []
    for n in range(120):
        one = draw.choice(items)
        text = draw.choice((one.number, f"Rg {int(one.number[-6:])}", "services", f"{one.number} 1/2"))
        amount = draw.choice((f"{one.open}", f"{one.open}", f"{one.open / 2:.2f}"))
        payments.append(money(f"P{n}", amount, text, day=draw.randrange(1, 29)))
    first = matched(items, *payments)
    for seed in range(3):
        random.Random(seed).shuffle(items)
        random.Random(seed).shuffle(payments)
        assert matched(items, *payments) == first
    closed: dict[str, Decimal] = defaultdict(Decimal)
    for one in first.values():
        for each in one.applications if one.status == "auto" else ():
            closed[each.candidate] += each.closes
    opened = {one.id: one.open for one in items}
    assert closed and all(amount <= opened[key] for key, amount in closed.items())
