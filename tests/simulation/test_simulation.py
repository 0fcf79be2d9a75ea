"""The auditor agrees with the engine on small companies, and can disagree with it."""

from __future__ import annotations

import gc
import sqlite3
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.simulation import outside
from tests.simulation.drive import Outcome, Simulation, Size, simulate
from tests.simulation.facts import Price, Tier
from tests.simulation.faults import Place
from tests.simulation.judge import Disagreement, Judge
from tests.simulation.lines import Bill
from tests.simulation.prices import cost, minor
from tests.simulation.workload import RunStep, Story
from tests.simulation.world import company

SMALL = Size(months=2, accounts=5, plans=2, partition=2)


@cache
def reference(seed: int) -> Outcome:
    """A small company on SQLite."""
    return simulate(seed, SMALL)


@pytest.mark.capability("A1.2")
def test_a_small_company_through_faults(database_url: str) -> None:
    """Killed, interrupted and doubled, fed late and twice, the books are what contracts and usage say, on both databases;
    the seed brings back the same books."""
    outcome = simulate(2, SMALL, url=database_url)
    assert (outcome.reason, reference(2).reason) == ("", "")
    assert outcome.digest == reference(2).digest
    assert outcome.counts == reference(2).counts
    assert outcome.counts["run child killed"] > 0


def test_the_seed_draws_everything() -> None:
    """The same seed has the same steps, another one has others."""

    def steps(seed: int) -> list[Any]:
        random = Random(seed)
        return Story(random, company(random, 6, 4, 2026), 5).steps()

    assert steps(11) == steps(11)
    assert steps(11) != steps(12)
    faults = Counter(step.fault for seed in range(10) for step in steps(seed) if isinstance(step, RunStep))
    assert {"kill", "exception", "abandon", "twins", "again"} <= faults.keys()


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Simulation:
    """A simulation that the auditor agreed with, with books in a file."""
    folder = tmp_path_factory.mktemp("lived")
    one = Simulation(28, SMALL, Place(folder, f"sqlite:///{folder / 'books.db'}"), lambda _: None)
    try:
        one.live()
    finally:
        one.close()
    assert verdict(one, one.auditor.bills) == ""
    return one


def verdict(one: Simulation, bills: list[Bill]) -> str:
    """What the auditor says of the books and the outside world as they are now; empty where it agrees."""
    with one.place.opened() as app:
        judge = Judge(app, one.folder)
        try:
            judge.judge(bills)
            judge.told(bills, True)
        except Disagreement as error:
            return str(error)
    return ""


def changed(*statements: str) -> Callable[[Path], None]:
    """Something done to the tables behind the engine's back."""

    def spoil(folder: Path) -> None:
        with sqlite3.connect(folder / "books.db") as connection:
            for statement in statements:
                assert connection.execute(statement).rowcount > 0

    return spoil


def told_twice(folder: Path) -> None:
    acts = outside.noted(folder, "acts.jsonl")
    outside.note(folder, "acts.jsonl", acts[0])


def told_again(folder: Path) -> None:
    final = next(r for r in outside.noted(folder, "receipts.jsonl") if r["final"])
    outside.note(folder, "receipts.jsonl", final)


def never_told(folder: Path) -> None:
    path = folder / outside.CONTROL / "acts.jsonl"
    path.write_text("\n".join(path.read_text().splitlines()[1:]) + "\n")


LAST = "(SELECT max(id) FROM invoice)"
SOME = "(SELECT max(id) FROM invoice_line WHERE kind = 'recurring')"
BACK = "(SELECT max(id) FROM invoice_line WHERE credits <> 0 AND service_from = service_to)"
USED = "(SELECT max(id) FROM invoice_line WHERE kind = 'usage' AND credits = 0)"
OFF = "(SELECT max(id) FROM invoice_line WHERE discounts <> '' AND credits = 0)"
DEBIT = "(SELECT min(id) FROM invoice WHERE kind = 'debit_note')"
PHASE = """(SELECT min(one.id) FROM invoice_line one JOIN invoice_line later ON later.subscription_id = one.subscription_id
AND later.plan = one.plan AND later.charge = one.charge AND later.cycle_from = one.cycle_from
AND later.service_from = one.service_to AND later.full = 2 * one.full AND one.credits = 0 AND one.full > 0)"""
DROPPED = """(SELECT max(line.id) FROM invoice_line line JOIN late_usage late ON late.disposition = 'drop'
AND late.subscription_id = line.subscription_id AND late.charge = line.charge AND late.plan = line.plan
AND late.service_from = line.service_from AND late.service_to = line.service_to)"""
SPOILED: dict[str, tuple[Callable[[Path], None], str]] = {
    "a line that costs a cent more": (
        changed(f"UPDATE invoice_line SET amount = amount + 10000 WHERE id = {SOME}"),
        "expected line",
    ),
    "a line taxed a unit more": (
        changed(f"UPDATE invoice_line SET tax_amount = tax_amount + 10000 WHERE id = {SOME}"),
        "expected line",
    ),
    "a line of other days": (
        changed(f"UPDATE invoice_line SET service_to = date(service_to, '+1 day') WHERE id = {SOME}"),
        "found nothing like it",
    ),
    "a credit by hand given twice over": (
        changed(f"UPDATE invoice_line SET amount = amount * 2 WHERE id = {BACK}"),
        "expected line",
    ),
    "a credit by hand that took days": (
        changed(f"UPDATE invoice_line SET service_to = date(service_to, '+1 day') WHERE id = {BACK}"),
        "found nothing like it",
    ),
    "a void that was lost": (
        changed(
            "DELETE FROM invoice_line WHERE invoice_id = (SELECT min(id) FROM invoice WHERE group_key LIKE '%/void/%')",
            "DELETE FROM invoice WHERE id = (SELECT min(id) FROM invoice WHERE group_key LIKE '%/void/%')",
        ),
        "is missing",
    ),
    "a usage event that no line counts": (
        changed(f"UPDATE invoice_line SET events = events - 1 WHERE id = {USED}"),
        "expected line",
    ),
    "a coupon that took nothing off": (
        changed(f"UPDATE invoice_line SET full = full * 2, amount = amount * 2 WHERE id = {OFF}"),
        "expected line",
    ),
    "a cheaper phase that was not cheaper": (
        changed(f"UPDATE invoice_line SET full = full * 2, amount = amount * 2 WHERE id = {PHASE}"),
        "expected line",
    ),
    "late usage that was dropped, and is billed": (
        changed(f"UPDATE invoice_line SET events = events + 1, quantity = quantity + 1000000 WHERE id = {DROPPED}"),
        "expected line",
    ),
    "a debit note of another day": (
        changed(f"UPDATE invoice SET invoice_date = date(invoice_date, '+1 day') WHERE id = {DEBIT}"),
        "is missing",
    ),
    "usage that was taken back, and is billed": (
        changed(f"UPDATE invoice_line SET quantity = quantity + 1000000 WHERE id = {USED}"),
        "expected line",
    ),
    "a price of the cycle that was never in force": (
        changed(f"UPDATE invoice_line SET full = full + 10000 WHERE id = {USED}"),
        "expected line",
    ),
    "a total that is not the sum": (
        changed(f"UPDATE invoice SET total = total + 10000 WHERE id = {LAST}"),
        "expected total",
    ),
    "an invoice dropped": (
        changed(
            f"DELETE FROM invoice_line WHERE invoice_id = {LAST}",
            f"DELETE FROM invoice WHERE id = {LAST}",
        ),
        "is missing",
    ),
    "a posting changed": (
        changed("UPDATE posting SET amount = amount + 10000 WHERE account = '1200' AND entry_id = 1"),
        "balance of 1200",
    ),
    "a gap in the numbers": (
        changed(f"UPDATE invoice SET sequence = sequence + 1 WHERE id = {LAST}"),
        "have a gap or a double",
    ),
    "a document delivered twice": (told_twice, "was delivered 2 times"),
    "a document sent again after it was accepted": (told_again, "was sent again"),
    "a document never delivered": (never_told, "was never delivered"),
}


def spoilt(lived: Simulation, spoil: Callable[[Path], None]) -> str:
    """What the auditor says of books that were changed by hand; they are put back."""
    kept = {path: path.read_bytes() for path in (lived.folder / "books.db", *(lived.folder / "outside").iterdir())}
    try:
        spoil(lived.folder)
        return verdict(lived, lived.auditor.bills)
    finally:
        gc.collect()  # a connection that nobody uses any more would keep what was written beside the file
        for beside in lived.folder.glob("books.db-*"):
            beside.unlink()
        for path, content in kept.items():
            path.write_bytes(content)


def test_the_auditor_disagrees_and_says_with_what(lived: Simulation) -> None:
    """Whatever is wrong in the books or outside, the auditor names it in one line.

    One test for all, as one process of tests lives through the company then.
    """
    found = {name: spoilt(lived, spoil) for name, (spoil, _) in SPOILED.items()}
    assert {name: told for name, told in found.items() if SPOILED[name][1] not in told or "\n" in told} == {}
    bills = lived.auditor.bills
    assert "should not exist" in verdict(lived, bills[1:])
    assert "is missing" in verdict(lived, [*bills, replace(bills[0], payer="nobody")])


@pytest.mark.parametrize(
    ("price", "quantity", "currency", "expected"),
    [
        (Price("flat", unit=Decimal(31)), 7, "EUR", 3100),
        (Price("per_unit", unit=Decimal("1.005"), included=Decimal(2)), 3, "EUR", 101),
        (Price("per_unit", "half_even", unit=Decimal("1.005"), included=Decimal(2)), 3, "EUR", 100),
        (Price("package", unit=Decimal(10), size=Decimal(5)), 11, "EUR", 3000),
        (Price("package", unit=Decimal(10), size=Decimal(5)), 11, "JPY", 4800),
        (Price("graduated", tiers=(Tier(Decimal(10), Decimal(2), None), Tier(None, Decimal(1), Decimal(5)))), 12, "EUR", 2700),
        (Price("graduated", tiers=(Tier(Decimal(10), Decimal(2), None), Tier(None, Decimal(1), Decimal(5)))), 10, "EUR", 2000),
        (Price("volume", tiers=(Tier(Decimal(10), Decimal(2), None), Tier(None, Decimal(1), Decimal(5)))), 12, "KWD", 5100),
    ],
)  # fmt: skip
def test_the_auditor_can_count(price: Price, quantity: int, currency: str, expected: int) -> None:
    """Its own arithmetic of prices on numbers worked out by hand."""
    assert minor(cost(price, Fraction(quantity), currency), currency, price.rounding) == expected
