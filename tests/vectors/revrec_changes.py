"""Figures of revenue cases that come of changes to a contract, and its balances."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from engine.base.money import ZERO
from engine.base.period import add_months
from engine.revenue import balances
from engine.revenue.balances import Movement
from tests.vectors.reading import number
from tests.vectors.revrec_world import World, day_of


def scheduled(world: World) -> dict[str, Decimal]:
    """Revenue by month; months between that have none are there."""
    return world.account.by_month()


# --- changes


def treated(world: World) -> str:
    """How the modification was treated."""
    return next(one.how for one in world.account.treated if one.how not in ("credit", "estimate", "pause", "terminate"))


def shares_of(world: World, *how: str) -> Mapping[str, Decimal]:
    """What a change left to be earned."""
    return next(one.shares for one in world.account.treated if one.how in how)


def per_unit(world: World) -> dict[str, Decimal]:
    """Revenue of a unit, of those promised first and of those added as a contract of their own."""
    first = world.opened.contract.obligations[0].facts
    units = next(number(event["add_units"]) for event in world.events)
    added = next(iter(shares_of(world, "separate_contract").values()))
    return {f"original_{first.quantity}": first.amount / first.quantity, f"additional_{units}": added / units}


def unit_after(world: World) -> Decimal:
    """Revenue of the first unit after the modification."""
    return next(one.amount for one in world.account.items if one.on > world.halfway)


def units_left(world: World) -> Decimal:
    """Units still to be delivered after the modification."""
    return sum((one.quantity for _, one in world.happenings if one.on > world.halfway), ZERO)


def seat_after(world: World) -> Decimal:
    """Revenue of a seat and month after the modification."""
    event = next(event for event in world.events if "add_seats" in event)
    seats = number(world.elements[0]["qty"]) + number(event["add_seats"])
    month = scheduled(world)[f"{day_of(event['at']):%Y-%m}"]
    return round(month / seats, 2)


def catch_up(world: World) -> Decimal:
    """Revenue of the day of the modification."""
    on = world.agreed.changes[0].on
    return sum((one.amount for one in world.account.items if one.on == on), ZERO)


def spent(world: World) -> Decimal:
    """Cost so far."""
    return sum((one.quantity for _, one in world.happenings if one.kind == "cost"), ZERO)


def earned_first(world: World) -> Decimal:
    """Revenue before any change."""
    on = min((one.on for one in world.agreed.changes), default=date.max)
    return sum((one.amount for one in world.account.items if one.on < on), ZERO)


def progress(world: World) -> Decimal:
    """Share of the work, by cost without uninstalled material, from what was recognised at inception's price."""
    facts = world.opened.contract.obligations[0].facts
    return (earned_first(world) - facts.material) / (facts.amount - facts.material)


def stated_catch_up(world: World) -> Decimal:
    """The catch-up if progress is cut to a tenth of a percent, as the standard prints it."""
    return number(stated_progress(world)) * world.account.price - earned_first(world)


def stated_progress(world: World) -> Decimal:
    """Progress after the modification, to a tenth of a percent."""
    return round((earned_first(world) + catch_up(world)) / world.account.price, 3)


def ended(world: World) -> date:
    """The last day of service of a contract that was terminated."""
    return next(change.on for change in world.agreed.changes if change.kind == "terminate")


def kept(world: World) -> Decimal:
    """What was kept of the rest when service ended."""
    return sum(shares_of(world, "terminate").values(), ZERO)


def refunded(world: World) -> Decimal:
    """What left the price when service ended."""
    return sum((one.facts.amount for one in world.agreed.obligations), ZERO) - world.account.price


# --- balances


def billed(world: World) -> list[Movement]:
    """What is billed, out of the words of the case."""
    words, end = world.contract["billing"], world.end_of(world.elements[0])
    if found := re.fullmatch(r"(\d+) per month from (\d{4}-\d\d)", words):
        months = (add_months(date.fromisoformat(f"{found[2]}-01"), at) for at in range(600))
        return [Movement(on, "due", Decimal(found[1])) for on in months if on < end]
    if found := re.fullmatch(r"(\d+) on the last day of each quarter", words):
        ends = (add_months(world.start, 3 * at) - timedelta(days=1) for at in range(1, 200))
        return [Movement(on, "due", Decimal(found[1])) for on in ends if on < end]
    prices = [Decimal(price) for price in re.findall(r"\d+", words)]
    return [Movement(add_months(world.start, at), "due", prices[at // 12]) for at in range(12 * len(prices))]


def contract_assets(world: World) -> dict[str, Decimal]:
    """Contract assets at the ends of months."""
    moved = [*billed(world), *earned_movements(world)]
    held = balances.daily(moved)
    return {key: balances.at(held, world.label(key)).contract_asset for key in world.case["expected"]["contract_asset"]}


def earned_movements(world: World) -> list[Movement]:
    """Revenue as movements."""
    return [Movement(one.on, "revenue", one.amount) for one in world.account.items]


def liability_after(world: World) -> Decimal:
    """Contract liability of a contract paid up front, at the end of its last day or of its first year."""
    paid = Movement(world.start, "paid", sum((one.facts.amount for one in world.agreed.obligations), ZERO))
    back = [Movement(one.on, "refunded", one.refund) for one in world.agreed.changes if one.kind == "terminate"]
    day = ended(world) if back else date(world.start.year, 12, 31)
    return balances.at(balances.daily([paid, *back, *earned_movements(world)]), day).contract_liability


def entries(world: World) -> Any:
    """Entries in the form of the case: a day or a promise, and its sides."""
    contract, moved = world.contract, earned_movements(world)
    if contract.get("due") and contract.get("cancellable") is False:
        moved.append(Movement(day_of(contract["due"]), "due", sum((one.amount for one in moved), ZERO)))
    moved += [
        Movement(day_of(one["at"]), "paid", number(one["amount"]))
        for one in world.events
        if one.get("type") == "payment"
    ]
    if "payment_condition" in contract:
        moved.append(Movement(max(one.on for one in moved), "due", sum((one.amount for one in moved), ZERO)))
    by_day = {one.on: one.key for one in world.account.items}
    return [entry_of(one, by_day, "payment_condition" in contract) for one in balances.entries(moved)]


def entry_of(entry: balances.Entry, by_day: Mapping[date, str], by_promise: bool) -> dict[str, Any]:
    """An entry as cases write it."""
    head = {"on": by_day[entry.on]} if by_promise else {"date": entry.on.isoformat()}
    debits = [(name, amount) for name, amount in entry.sides if amount > 0]
    credits = {name: -amount for name, amount in entry.sides if amount < 0}
    made: dict[str, Any] = {**head, "debit": debits[0][0], "amount": sum((amount for _, amount in debits), ZERO)}
    return made | ({"credit": next(iter(credits))} if len(credits) == 1 else {"credits": credits})
