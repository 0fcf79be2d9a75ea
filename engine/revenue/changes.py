"""What changes a contract: modifications, new estimates, credits, pauses, termination."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from engine.base.money import CONTEXT, ZERO
from engine.base.period import add_months, months_between
from engine.revenue.allocation import relative
from engine.revenue.contracts import Account, Act, Books, Change, Contract, Running, Treated, account
from engine.revenue.schedule import Pause
from engine.revenue.spread import by_month, by_prorated_month

SEPARATE, PROSPECTIVE, CATCH_UP, MIXED = "separate_contract", "prospective", "catch_up", "mixed"


def _open(books: Books, day: date) -> Books:
    """Obligations that are not yet satisfied at the beginning of a day."""
    for running in books.values():
        running.settle(day)
    return {key: running for key, running in books.items() if running.owed(day)}


def _weights(books: Books) -> dict[str, Decimal]:
    """What is left of obligations, by their selling prices where all have one, else by their prices."""
    if all(running.obligation.ssp > 0 and running.facts.amount for running in books.values()):
        return {key: CONTEXT.divide(one.obligation.ssp * one.open, one.facts.amount) for key, one in books.items()}
    return {key: abs(one.open) for key, one in books.items()}


def _shares(amount: Decimal, weights: Mapping[str, Decimal], currency: str) -> dict[str, Decimal]:
    if not any(weights.values()):
        weights = dict.fromkeys(weights, Decimal(1))
    return relative(amount, weights, currency) if weights else {}


def _currency(books: Books) -> str:
    return next(iter(books.values())).facts.currency


def _is_separate(books: Books, change: Change) -> bool:
    """Whether a modification is a contract of its own: then nothing of the others need be settled."""
    chosen = next(iter(books.values())).obligation.terms["modification"]
    added = change.at_ssp and bool(change.adds or change.quantity)
    return bool(chosen == SEPARATE or (chosen == "by_criteria" and added))


def _how(books: Books, change: Change) -> str:
    terms = next(iter(books.values())).obligation.terms
    chosen = str(terms["modification"])
    if chosen != "by_criteria":
        return chosen
    same = {one.obligation.terms["rest"] == "same" for one in books.values() if one.owed(change.on)}
    return MIXED if len(same) == 2 else CATCH_UP if same == {True} and not change.adds else PROSPECTIVE


def _more(running: Running, change: Change) -> dict[str, Any]:
    """The facts of an obligation that a modification changes for itself: what served before a pause is a share of the new length."""
    facts = running.facts
    if change.ends is None:
        return {}
    planned = (_along(one.until, facts.service_to, change.ends) for one in facts.pauses)
    pauses = tuple(
        replace(one, until=max(one.on, until), until_at=None) for one, until in zip(facts.pauses, planned, strict=True)
    )
    return {"service_to": change.ends, "ends_at": None, "pauses": pauses}


def _along(day: date, before: date, after: date) -> date:
    """A day moved as another one was: by months where that is the same day of them, else by days."""
    return add_months(day, months_between(before, after)) if before.day == after.day else day + (after - before)


def _separate(books: Books, change: Change) -> dict[str, Decimal]:
    """What is added is a contract of its own; nothing else is touched."""
    fresh = {one.key: Running(one, original=False) for one in change.adds}
    weights = {key: abs(one.facts.amount) for key, one in fresh.items()}
    for key, more in _shares(change.price, weights, _currency(books)).items():
        fresh[key].facts = replace(fresh[key].facts, amount=fresh[key].facts.amount + more, exact=None)
    if not change.adds:
        first = next((one for one in books.values() if one.facts.service_to > change.on), next(iter(books.values())))
        facts = replace(
            first.obligation.facts,
            amount=change.price,
            quantity=change.quantity,
            service_from=change.on,
            service_to=change.ends or first.facts.service_to,
            begins_at=None,
            exact=None,
            happenings=(),
        )
        key = f"{first.obligation.key}+{change.key or change.on.isoformat()}"
        fresh = {key: Running(replace(first.obligation, key=key, facts=facts), original=False)}
    books.update(fresh)
    return {key: one.facts.amount for key, one in fresh.items()}


def _prospective(books: Books, rest: Books, change: Change, price: Decimal) -> dict[str, Decimal]:
    """What was not earned yet and what is added to the price are one pool for what is still owed."""
    books.update({one.key: Running(one, original=False) for one in change.adds if one.variable})
    added = {one.key: Running(one, original=False) for one in change.adds if not one.variable}
    pool = {**rest, **added}
    if not pool:
        next(iter(books.values())).add(change.on, price)
        return {}
    left = change.rest if change.rest is not None else sum((one.open for one in rest.values()), ZERO)
    shares = _shares(left + price, _weights(pool), _currency(books))
    for key, running in rest.items():
        quantity, cost = running.facts.quantity + change.quantity, running.facts.cost + change.cost
        running.facts = replace(running.facts, quantity=quantity, cost=cost)
        running.restart(change.on, shares[key], **_more(running, change))
    for key, running in added.items():
        running.facts = replace(running.facts, amount=shares[key], exact=None)
    books.update(added)
    for running in pool.values():
        running.pool = tuple(pool)
    return shares


def _caught_up(rest: Books, change: Change, price: Decimal) -> dict[str, Decimal]:
    """What was done is measured anew by the new price and the new expectation."""
    shares = _shares(price, _weights(rest), _currency(rest))
    for key, running in rest.items():
        facts = running.facts
        more = {"quantity": facts.quantity + change.quantity, "cost": facts.cost + change.cost}
        running.catch_up(change.on, amount=facts.amount + shares[key], **more, **_more(running, change))
    return {key: running.open for key, running in rest.items()}


def modify(books: Books, change: Change, treated: list[Treated]) -> None:
    """A modification, by the ``modification`` of the rule: a separate contract, prospective, a cumulative catch-up, or both:
    obligations whose rest is distinct from what was transferred go on with the pool, the others catch up."""
    if change.past:
        credit(books, replace(change, price=change.past), treated)
    if _is_separate(books, change):
        treated.append(Treated(change.on, change.key, SEPARATE, _separate(books, change)))
        return
    rest = _open(books, change.on)
    how = _how(books, change)
    price = change.price + sum((one.facts.amount for one in change.adds if not one.variable), ZERO)
    if how == CATCH_UP and rest:
        added = change.adds
        shares = _caught_up(rest, change, change.price)
        books.update({one.key: Running(one, original=False) for one in added})
        shares |= {one.key: one.facts.amount for one in added}
    elif how == MIXED:
        same = {key: one for key, one in rest.items() if one.obligation.terms["rest"] == "same"}
        others = {key: one for key, one in rest.items() if key not in same}
        parts = _shares(change.price, _weights(rest), _currency(books))
        mine = sum((parts[key] for key in same), ZERO)
        shares = _caught_up(same, change, mine) | _prospective(books, others, change, price - mine)
    else:
        shares = _prospective(books, rest, change, price)
    treated.append(Treated(change.on, change.key, how, shares))


def estimate(books: Books, change: Change, treated: list[Treated]) -> None:
    """The price is now expected to be another: the difference is shared as the price was at inception, or is that of one
    obligation.  What falls on what is done is revenue at once; what falls on obligations that a modification has pooled is shared
    over their pool."""
    _open(books, change.on)
    first = {key: one for key, one in books.items() if one.original and not one.obligation.variable}
    if change.to:
        first = {change.to: books[change.to]}
    weights = {key: one.obligation.ssp or abs(one.obligation.facts.amount) for key, one in first.items()}
    got: dict[str, Decimal] = dict.fromkeys(books, ZERO)
    for key, share in _shares(change.price, weights, _currency(books)).items():
        pool = {name: books[name] for name in books[key].pool if books[name].open}
        parts = _shares(share, _weights(pool), _currency(books)) if pool else {key: share}
        for name, part in parts.items():
            got[name] += part
    for key, amount in got.items():
        if amount:
            running = books[key]
            running.catch_up(change.on, amount=running.facts.amount + amount)
    treated.append(Treated(change.on, change.key, "estimate", {key: amount for key, amount in got.items() if amount}))


def credit(books: Books, change: Change, treated: list[Treated]) -> None:
    """A credit for what was served: less revenue on its day, and a lower price."""
    first = next((one for one in books.values() if one.open), next(iter(books.values())))
    first.add(change.on, -change.price)
    treated.append(Treated(change.on, change.key, "credit", {first.obligation.key: -change.price}))


def pause(books: Books, change: Change, treated: list[Treated]) -> None:
    """Nothing is earned from ``on`` until ``ends``; what is left is earned afterwards, over as long as was left where the
    service is extended.  A pause of whole months moves the end of service by months, any other by days; days on which nothing
    was served anyway do not count.  It is no change of the price, so running totals go on as shares of the whole."""
    assert change.ends is not None
    for running in _open(books, change.on).values():
        facts, end, at = running.facts, running.facts.service_to, running.facts.ends_at
        since = max([facts.service_from, *(one.ends for one in facts.pauses)])
        if since >= change.ends or end <= change.on:
            continue
        on = max(change.on, since)
        whole = on.day == change.ends.day == 1 and running.obligation.method in (by_month, by_prorated_month)
        if change.extend and whole:
            end, at = add_months(end, months_between(on, change.ends)), None
        elif change.extend:
            longer = change.ends - on
            end, at = end + longer, at and at + longer
        if end <= change.ends:
            end, at = change.ends, None
        facts = replace(facts, service_to=end, ends_at=at)
        if facts.service_from < change.on:
            gap = Pause(on, change.ends, running.facts.service_to, running.facts.ends_at)
            running.facts = replace(facts, pauses=(*facts.pauses, gap))
        else:  # nothing was served before
            running.facts = replace(facts, service_from=change.ends, begins_at=None)
    treated.append(Treated(change.on, change.key, "pause", {}))


def terminate(books: Books, change: Change, treated: list[Treated]) -> None:
    """Service ends with the day: what is refunded leaves the price, and what is kept of the rest is revenue of the day."""
    after = change.on + timedelta(days=1)
    rest = _open(books, after)
    left = {key: one.open for key, one in rest.items()}
    back = _shares(change.refund, {key: abs(amount) for key, amount in left.items()}, _currency(books)) if left else {}
    if not left and change.refund:
        credit(books, replace(change, price=change.refund), [])
    for key, running in rest.items():
        running.add(change.on, left[key] - back[key])
        running.facts = replace(running.facts, amount=running.earned)
    for running in books.values():
        running.closed = True
    treated.append(Treated(change.on, change.key, "terminate", {key: left[key] - back[key] for key in rest}))


ACTS: Mapping[str, Act] = {
    "modify": modify,
    "estimate": estimate,
    "credit": credit,
    "pause": pause,
    "terminate": terminate,
}


def accounted(contract: Contract, known: date | None = None) -> Account:
    """A contract through its changes, as known on a day: see :func:`engine.revenue.contracts.account`."""
    return account(contract, ACTS, known)
