"""Runs ``revrec``: contracts through rules, allocation, schedules and changes of the engine.

Every key of ``expected`` has what computes it; a key that has nothing is not supported, never passed over.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from engine.base.money import ZERO, exact_arithmetic
from engine.base.period import add_months
from tests.vectors.outcome import Case, Document, Outcome, judged, unsupported
from tests.vectors.reading import number
from tests.vectors.revrec_books import held
from tests.vectors.revrec_changes import (
    catch_up,
    contract_assets,
    earned_first,
    ended,
    entries,
    kept,
    liability_after,
    per_unit,
    progress,
    refunded,
    scheduled,
    seat_after,
    shares_of,
    spent,
    stated_catch_up,
    stated_progress,
    treated,
    unit_after,
    units_left,
)
from tests.vectors.revrec_figures import (
    FIGURES,
    Figure,
    called,
    financed,
    presented,
    returned,
    royalty_shares,
    steps,
    whole,
)
from tests.vectors.revrec_world import World

SAID = {"note"}
"""Keys that only say something in words."""
IN_WORDS = {"royalty as sales occur", "royalties as sales occur", "as sales occur"}


# --- schedules


def months_of(key: str) -> list[str]:
    """The months of ``2026-01`` or ``2026-01..2026-06``."""
    first, _, last = key.partition("..")
    found, month = [], date.fromisoformat(f"{first}-01")
    while f"{month:%Y-%m}" <= (last or first):
        found.append(f"{month:%Y-%m}")
        month = add_months(month, 1)
    return found


def compare_schedule(world: World, expected: Mapping[str, Any]) -> bool:
    """Whether every month that is stated has its revenue, and all months of a stated total are stated."""
    actual = scheduled(world)
    wanted = {month: number(value) for key, value in expected.items() for month in months_of(key)}
    strict = "first months" not in str(world.case.get("notes", ""))
    extra = [month for month, amount in actual.items() if amount and month not in wanted]
    return all(actual.get(month, ZERO) == amount for month, amount in wanted.items()) and not (strict and extra)


def revenue(world: World) -> Any:
    """Revenue as a case asks for it: a figure, by month, by the name of a period, by day and promise, or as a list."""
    expected = world.case["expected"]["revenue"]
    if isinstance(expected, list):
        return [one.amount for one in world.account.items]
    if not isinstance(expected, Mapping):
        return single_revenue(world)
    if all(re.fullmatch(r"\d{4}-\d\d", key) for key in expected):
        return scheduled(world)
    if any(isinstance(value, Mapping) for value in expected.values()):
        changes = [world.at(event["at"]) for event in world.events if event["type"] == "estimate"]
        found: dict[str, dict[str, Decimal]] = {}
        for one in world.account.items:
            name = "estimate_change_date" if one.on in changes else one.on.isoformat()
            found.setdefault(name, {})[one.key] = one.amount
        return found
    days = {key: world.label(key) for key in expected}
    return {key: sum((one.amount for one in world.account.items if one.on == day), ZERO) for key, day in days.items()}


def single_revenue(world: World) -> Decimal:
    """Revenue of a sale that happens at once."""
    contract = world.contract
    if "role" in contract:
        return presented(world).revenue
    if {"contract_rate", "borrowing_rate"} & set(contract):
        return whole(financed(world))
    if "expected_returns" in contract or "expected_unit_price" in contract:
        return returned(world).account.recognised(date.max)
    return sum((one.amount for one in world.account.items), ZERO)


def year_sums(world: World) -> dict[str, Decimal]:
    """Revenue by calendar year."""
    return {str(year): amount for year, amount in world.account.by_year(date.min).items()}


def first_month(world: World, element: str = "") -> Decimal:
    """Revenue of the first month."""
    items = [one for one in world.account.items if one.key == element or not element]
    return items[0].amount


def remaining(world: World) -> dict[str, Decimal]:
    """What is to become revenue after the first year's end, by year."""
    found = world.account.by_year(date(world.start.year, 12, 31))
    return {**{str(year): amount for year, amount in found.items()}, "total": sum(found.values(), ZERO)}


def loyalty(world: World) -> dict[str, Decimal]:
    """Points, cumulated by period."""
    sums, found = ZERO, {}
    for place, one in enumerate([one for one in world.account.items if one.key == "points"], 1):
        sums += one.amount
        found[f"cumulative_period_{place}"] = sums
    return {**world.opened.allocation.shares, **found}


def stated_figures(world: World) -> dict[str, Decimal]:
    """Figures in whole units as the standards print them."""
    expected = world.case["expected"]["stated"]
    if all(str(key).isdigit() or key == "total" for key in expected):
        return {key: whole(amount) for key, amount in remaining(world).items()}
    shares = {key: whole(amount) for key, amount in world.opened.allocation.shares.items()}
    points = [one.amount for one in world.account.items if one.key == "points"]
    done = ZERO
    for place, amount in enumerate(points, 1):
        done += amount
        shares[f"revenue_period_{place}"] = whole(amount)
        shares[f"liability_{place}"] = whole(world.opened.allocation.shares["points"] - done)
    return shares


# --- all together

SHARES: Figure = lambda w: w.opened.allocation.shares  # noqa: E731
TOTAL: Figure = lambda w: w.account.price  # noqa: E731

CHECKS: Mapping[str, Figure] = {
    **FIGURES,
    "total": TOTAL,
    "total_revenue": lambda w: (
        sum((one.revenue for one in steps(w)), ZERO) if "rate_month" in w.contract else w.account.price
    ),
    "transaction_price_after": TOTAL,
    "revenue": revenue,
    "revenue_per_year": lambda w: (
        year_sums(w) if isinstance(w.case["expected"]["revenue_per_year"], Mapping) else year_sums(w)[str(w.start.year)]
    ),
    "revenue_per_month": lambda w: steps(w)[0].revenue if "rate_month" in w.contract else first_month(w),
    "fixed_per_month": first_month,
    "month_1": lambda w: scheduled(w)[f"{w.start:%Y-%m}"],
    "year_1_total": lambda w: year_sums(w)[str(w.start.year)],
    "first_year_setup_cumulative": lambda w: sum(
        (one.amount for one in w.account.items if one.key == "setup" and one.on.year == w.start.year), ZERO
    ),
    "contract_liability_end_year_1": liability_after,
    "contract_liability_after": liability_after,
    "service_warranty_per_month": lambda w: first_month(w, "service_warranty"),
    "warranty_month_cumulative_rounding": lambda w: {
        "first": first_month(w, "service_warranty"),
        "24_months_total": sum((one.amount for one in w.account.items if one.key == "service_warranty"), ZERO),
    },
    "revenue_at_start_of_use": lambda w: sum((one.amount for one in w.account.items if one.on == w.start), ZERO),
    "modification": treated,
    "revenue_per_unit": per_unit,
    "revenue_reduction_at_modification": lambda w: -catch_up(w),
    "remaining_consideration": lambda w: sum(shares_of(w, "prospective").values(), ZERO),
    "remaining_units": units_left,
    "revenue_per_remaining_unit": unit_after,
    "per_seat_month_after": seat_after,
    "initial_allocation": SHARES,
    "after_modification": lambda w: shares_of(w, "prospective"),
    "estimate_change": lambda w: shares_of(w, "estimate"),
    "year1_progress": progress,
    "progress": progress,
    "year1_revenue": earned_first,
    "year1_cost": spent,
    "cost": spent,
    "year1_profit": lambda w: earned_first(w) - spent(w),
    "profit": lambda w: earned_first(w) - spent(w),
    "catch_up_unrounded": catch_up,
    "catch_up_stated": stated_catch_up,
    "progress_after_stated": stated_progress,
    "interest": lambda w: (
        held(called(w), "interest_expense") if "call" in w.contract else whole(financed(w)) - w.account.price
    ),
    "stated": stated_figures,
    "exact": lambda w: loyalty(w) if any(one["id"] == "points" for one in w.elements) else remaining(w),
    "remaining": remaining,
    "allocation": SHARES,
    "residual_for_D": lambda w: w.opened.allocation.residual,
    "residual_ok": lambda w: w.opened.allocation.in_range,
    "revenue_on_transfer_X": lambda w: sum((one.amount for one in w.account.items if one.key == "X"), ZERO),
    "revenue_on_transfer_Y": lambda w: sum((one.amount for one in w.account.items if one.key == "Y"), ZERO),
    "royalty_200": lambda w: {
        "revenue_Y": whole(royalty_shares(w)["Y"]),
        "contract_liability_X": whole(royalty_shares(w)["X"]),
    },
    "case_a_distinct": SHARES,
    "case_b_licence_and_customised_installation_combined": lambda w: World(combined(w.case)).opened.allocation.shares,
    "sum": lambda w: sum(SHARES(w).values(), ZERO),
    "largest_remainder_ties_first": SHARES,
    "residual_to_last": lambda w: World(w.case, cents="last").opened.allocation.shares,
    "unrecognised": lambda w: sum(w.account.unearned.values(), ZERO),
    "refund": refunded,
    "credit": refunded,
    "days_served": lambda w: (ended(w) - w.start).days + 1,
    "earned": lambda w: w.account.recognised(ended(w)) - kept(w),
    "termination_revenue": kept,
    "contract_asset": contract_assets,
    "entries": entries,
}


def combined(case: Case) -> Case:
    """The case with its second promise in the same obligation as the first."""
    first, second, *rest = case["contract"]["elements"]
    joined = {**second, "distinct": False}
    return {**case, "contract": {**case["contract"], "elements": [first, joined, *rest]}}


def same(expected: Any, actual: Any) -> bool:
    """Whether a stated value is what came out: numbers by value, mappings by the keys that are stated."""
    if expected in IN_WORDS if isinstance(expected, str) else False:
        return not actual
    if isinstance(expected, Mapping):
        return isinstance(actual, Mapping) and all(same(value, actual.get(key)) for key, value in expected.items())
    if isinstance(expected, list):
        return isinstance(actual, list) and len(expected) == len(actual) and all(map(same, expected, actual))
    if isinstance(expected, bool) or isinstance(actual, bool):
        return expected is actual
    try:
        return actual is not None and number(expected) == Decimal(actual)
    except (ValueError, InvalidOperation, TypeError):
        return bool(str(expected) == str(actual))


def verdict(world: World, key: str, expected: Any) -> tuple[bool, Any]:
    """Whether one stated figure holds, and what came out."""
    if key == "schedule":
        return compare_schedule(world, expected), scheduled(world)
    if key == "schedule_if_residual_in_last_month":
        other = World(world.case, remainder="last")
        return compare_schedule(other, expected), scheduled(other)
    if key == "each_between":
        low, high = map(number, expected)
        return all(low <= share <= high for share in SHARES(world).values()), SHARES(world)
    if key.startswith("count_of_"):
        return (found := list(SHARES(world).values()).count(number(key[9:]))) == expected, found
    if key == "royalty":
        return expected in IN_WORDS and not world.happenings, "no royalty without sales"
    actual = CHECKS[key](world)
    return same(expected, actual), actual


def run(case: Case, document: Document) -> Outcome:
    """All figures of a case."""
    exact_arithmetic()
    known = {*CHECKS, *SAID, "schedule", "schedule_if_residual_in_last_month", "each_between", "royalty"}
    missing = [key for key in case["expected"] if key not in known and not str(key).startswith("count_of_")]
    if missing:
        return unsupported(case, f"nothing computes {', '.join(missing)}")
    world = World(case)
    wanted = {key: value for key, value in case["expected"].items() if key not in SAID}
    found = {key: verdict(world, key, value) for key, value in wanted.items()}
    wrong = {key: actual for key, (good, actual) in found.items() if not good}
    return judged(case, {key: wanted[key] for key in wrong}, wrong, same=not wrong)
