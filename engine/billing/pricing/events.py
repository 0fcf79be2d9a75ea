"""Methods that price every usage event by itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from fractions import Fraction

from engine.base.errors import Code, refuse
from engine.base.money import ZERO
from engine.billing.pricing.facts import WHOLE, Part, PricingFacts, Terms, change, in_currency, times
from engine.model.decision import Flaw

NO_EVENTS = Code("pricing.no-events", "A method prices every event by itself, but only sums of the events are known.")


def percentage(terms: Terms, facts: PricingFacts, share: Fraction = WHOLE) -> tuple[Part, ...]:
    """Events carry money: a percentage of each beyond the free allowance, and a fixed part for each that pays.

    The allowance ends when ``free_events`` or ``free_amount`` is used up, whichever is first; an event that it covers in part
    pays on the rest, and its fixed part.  Least and most amounts hold for what each paying event pays.

    Raises:
        TollbookError: ``pricing.no-events``.
    """
    if facts.quantity and not facts.events:
        raise refuse(
            NO_EVENTS,
            f"no single events for {facts.plan}/{facts.charge.key}, only their sum {facts.quantity}",
            mend="use the method on a usage charge",
        )
    rate = terms["rate"]
    fixed, least, most = (_price(terms, name, facts) for name in ("per_event", "min_per_event", "max_per_event"))
    fixed = fixed or ZERO
    count, total, adjusted = 0, ZERO, ZERO
    for paying in _paying(terms, facts.events, share):
        count += 1
        total += paying
        amount = paying * rate + fixed
        if least is not None and amount < least:
            adjusted += least - amount
        elif most is not None and amount > most:
            adjusted += most - amount
    if not count:
        return ()
    part = Part(0, total, rate, fixed * count, total * rate + fixed * count)
    return (part, change(adjusted, "least and most of each event")) if adjusted else (part,)


def _price(terms: Terms, name: str, facts: PricingFacts) -> Decimal | None:
    return in_currency(terms[name], facts) if name in terms else None


def _paying(terms: Terms, events: Iterable[Decimal], share: Fraction) -> Iterator[Decimal]:
    """What is left of each event that the allowance does not cover whole; the allowance shrinks to the share."""
    events_left = times(Decimal(terms["free_events"]), share) if "free_events" in terms else None
    money_left = times(terms["free_amount"], share) if "free_amount" in terms else None
    for event in events:
        if not _allows(events_left, money_left):
            yield event
            continue
        covered = event if money_left is None else min(event, money_left)
        events_left = None if events_left is None else events_left - 1
        money_left = None if money_left is None else money_left - covered
        if event > covered:
            yield event - covered


def _allows(events_left: Decimal | None, money_left: Decimal | None) -> bool:
    """Whether an allowance covers something of one more event."""
    if events_left is None and money_left is None:
        return False
    return (events_left is None or events_left >= 1) and (money_left is None or money_left > 0)


def check_percentage(terms: Terms) -> Iterable[Flaw]:
    """The least of an event is not above its most."""
    least, most = terms.get("min_per_event", {}), terms.get("max_per_event", {})
    for currency in sorted(least.keys() & most.keys()):
        if least[currency] > most[currency]:
            what = f"min_per_event {least[currency]} {currency} is above max_per_event {most[currency]} {currency}"
            yield Flaw(("min_per_event",), what, "swap them, or leave one out")
