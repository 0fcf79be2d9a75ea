"""Runs ``proration_periods``: cycles, stubs and slices of the Kill Bill flavour."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from engine.base.errors import TollbookError
from engine.base.money import round_to
from engine.base.period import Period, advanced, cycle_containing, cycles
from engine.billing.agenda import positions
from engine.billing.pricing import times
from engine.billing.proration import ProrationFacts, share_of
from engine.billing.statement import values
from engine.model.due import AccountDue
from engine.model.invoice import RatedCharge
from tests.vectors.killbill import CYCLES, Books, book, price_rule, recurring, single
from tests.vectors.outcome import Case, Document, Outcome, Runner, judged, multiset, unsupported
from tests.vectors.reading import number

DAY = timedelta(days=1)


def _billed(case: Case, shop: Books) -> tuple[RatedCharge, ...]:
    if case["target"] is None or case["target"] < case["start"]:
        return ()
    return shop.run(case["target"])


def cycles_charged(case: Case, document: Document) -> Outcome:
    """How many cycles are charged, and which stretches."""
    made, expected = _billed(case, single(case)), case["expect"]
    count = sum((number(line.share) for line in made), Decimal(0))
    found: dict[str, Any] = {"cycles": count}
    wanted: dict[str, Any] = {"cycles": number(expected["cycles"])}
    if expected.get("segments") is not None:
        found["segments"] = multiset((line.service_from, line.service_to, Fraction(line.share)) for line in made)
        wanted["segments"] = multiset((s["from"], s["to"], _cut(s["days"])) for s in expected["segments"])
    return judged(case, wanted, found)


def _cut(days: str) -> Fraction:
    """A share as a vector writes it, to nine digits."""
    return Fraction(1) if days == "whole" else Fraction(number(days).quantize(Decimal("1e-9")))


def refused(case: Case, document: Document) -> Outcome:
    """Inputs that must be refused."""
    try:
        single(case).run(case["target"])
    except TollbookError as error:
        return judged(case, True, bool(error.findings))
    return judged(case, "a refusal", "billed")


def boundaries(case: Case, document: Document) -> Outcome:
    """First, last and next cycle days, and until when is billed."""
    shop, on = single(case), case["target"] or case["start"]
    position = next(iter(positions(shop.job(on), shop.account, shop.due())), None)
    if position is None:
        return judged(case, case["expect"], "no service has begun")
    made = _billed(case, shop)
    until = max((line.service_to for line in made), default=None)
    last = None
    if until is not None and until >= position.first:
        months, days = CYCLES[case["period"]]
        last = cycle_containing(until, case["bcd"], months, case["start"], days, True).start
    found = {
        "bills": bool(made),
        "first_cycle_day": position.first,
        "billed_until": until,
        "last_cycle_day": last,
        "next_cycle_day": position.following,
        "whole_periods": sum(line.share == "1" for line in made),
    }
    expected = dict(case["expect"])
    return judged(case, expected, {key: found.get(key, "unknown word") for key in expected})


def segments(case: Case, document: Document) -> Outcome:
    """The lines of one priced service, and the day to bill again."""
    shop = single(case, case["price"])
    begun = case["target"] >= case["start"]
    position = next(iter(positions(shop.job(case["target"]), shop.account, shop.due())), None) if begun else None
    made = _billed(case, shop)
    until = max((line.service_to for line in made), default=None)
    following = position.following if position and case["timing"] != "IN_ADVANCE" else until
    expected = case["expect"]
    found = {
        "items": multiset((line.service_from, line.service_to, line.amount) for line in made),
        "next_bill_day": following,
    }
    wanted = {
        "items": multiset((i["from"], i["to"], number(i["amount"])) for i in expected["items"]),
        "next_bill_day": expected.get("next_bill_day"),
    }
    keys = set(expected) & set(wanted)
    return judged(case, {key: wanted[key] for key in keys}, {key: found[key] for key in keys})


def _facts(case: Case, part: Period, cycle: Period, shop: Books) -> ProrationFacts:
    charge = recurring("p", case)
    return ProrationFacts(shop.account, charge, "p", "start", "cancel", part.start, part.end, cycle.start, cycle.end)


def fractions(case: Case, document: Document) -> Outcome:
    """One stub as a share of a period."""
    part, (months, days) = Period(case["from"], case["to"]), CYCLES[case["period"]]
    if case["stub"] == "leading":
        cycle = Period(min(advanced(part.end, -1, months, days), part.start - DAY), part.end)
    else:
        cycle = Period(part.start, max(advanced(part.start, 1, months, days), part.end + DAY))
    rules = book(fixed_month_days=case.get("fixed_month_days"))
    facts = _facts(case, part, cycle, Books([recurring("p", case)], rules, 1))
    share = share_of(rules.decide("proration", facts, part.start), facts)
    expected = case["expect"]
    wanted = {key: _cut(str(expected[key])) for key in ("fraction", "days") if key in expected}
    return judged(case, wanted, dict.fromkeys(wanted, share))


def day_counts(case: Case, document: Document) -> Outcome:
    """Days between two days where every month has as many: the share of a month, times those days."""
    part, length = Period(case["from"], case["to"]), case["fixed_month_days"]
    rules = book(fixed_month_days=length)
    facts = _facts({}, part, Period(part.start, advanced(part.start, 1, 1)), Books([recurring("p", {})], rules, 1))
    share = share_of(rules.decide("proration", facts, part.start), facts)
    return judged(case, case["expect"]["days"], round(share * length, 6))


def slices(case: Case, document: Document) -> Outcome:
    """Some days of a cycle that is charged, or given back, at a price."""
    part, cycle = Period(case["from"], case["to"]), Period(case["cycle"]["from"], case["cycle"]["to"])
    months = max(1, round(cycle.days / 30.4375))
    fee = recurring("p", {})
    rules = book(price_rule("p", "fee", case["price"]), case.get("fixed_month_days"))
    shop = Books([_of(fee, months)], rules, cycle.start.day)
    shop.tell("start", cycle.start, plan="p", quantity=Decimal(1))
    due = shop.due()
    worth = values(shop.job(part.start), AccountDue(shop.account, {}, (due,)), due)("p", "fee", cycle, cycle, part)
    expected = case["expect"]
    found = {"days": worth.share, "amount": round_to(times(number(case["price"]), worth.share), "USD", worth.rounding)}
    wanted = {"days": _cut(expected["days"]), "amount": number(expected["amount"])}
    return judged(case, {k: wanted[k] for k in expected}, {k: found[k] for k in expected})


def _of(charge: Any, months: int) -> Any:
    import msgspec

    return msgspec.structs.replace(charge, months=months)


def period_math(case: Case, document: Document) -> Outcome:
    """Whole periods between two days, or the day after so many."""
    start, (months, days) = case["from"], CYCLES[case["period"]]
    if case["op"] == "add_periods":
        return judged(case, case["expect"], advanced(start, case["count"], months, days))
    if case["op"] != "whole_periods":
        return unsupported(case, f"operation {case['op']}")
    end: date = case["to"]
    found = cycles(Period(start, end), start.day, months, start, days) if start < end else ()
    return judged(case, case["expect"], sum(cycle.end <= end for cycle in found))


SECTIONS: dict[str, Runner] = {
    "cycles": cycles_charged,
    "rejected": refused,
    "boundaries": boundaries,
    "segments": segments,
    "fractions": fractions,
    "slices": slices,
    "period_math": period_math,
    "fixed_month_day_counts": day_counts,
}
