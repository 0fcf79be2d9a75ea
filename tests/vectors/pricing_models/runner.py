"""Runs a vector of published prices."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from engine.base.money import ZERO, round_to
from engine.base.period import Period
from engine.billing.aggregating import Event, aggregated
from engine.billing.pricing import WHOLE, Price, PricingFacts, billable, priced
from engine.billing.proration import ProrationFacts
from engine.billing.rating import price
from engine.model.account import Account
from engine.model.catalog import Charge
from engine.model.decision import Decision
from engine.model.entity import LegalEntity
from engine.model.measure import Measure, Window
from tests.vectors.outcome import Case, Document, Outcome, judged, unsupported
from tests.vectors.pricing_models.rules import CURRENCY, DAY, ROUNDED, Then, book, eur, then_of
from tests.vectors.reading import number

ENTITY = LegalEntity("t", "S01", "Seller", "DE", CURRENCY, "UTC")
ACCOUNT = Account(1, "t", "S01", "A", "Buyer", "DE", CURRENCY, "UTC", "A")


def _facts(quantity: Decimal, kind: str = "usage", day: date = DAY, **more: Any) -> PricingFacts:
    charge = Charge(1, "t", "p", "c", "C", kind, "arrears")  # type: ignore[arg-type]
    return PricingFacts(ENTITY, ACCOUNT, charge, "p", quantity, None, None, DAY, day, **more)


def _decision(then: Then) -> Decision:
    return book([then]).decide("pricing", _facts(ZERO), DAY)


def _pieces(case: Case) -> tuple[Decimal, dict[str, Any]]:
    """The quantity of a case, and the facts beside it."""
    more: dict[str, Any] = {}
    if case.get("full_units") is not None:
        more["full_quantity"] = number(case["full_units"])
    if case.get("buckets") is not None:
        more["windows"] = tuple(map(number, case["buckets"]))
    events: Sequence[Any] = case.get("events") or ()
    if case["model"] == "graduated_prorated":
        more["events"] = tuple(number(event["units"]) for event in events)
        more["weights"] = tuple(number(event["prorated"]) for event in events)
        quantity = sum(more["weights"], ZERO)
    elif case["model"] == "percentage":
        more["events"] = tuple(map(number, events))
        quantity = sum(more["events"], ZERO)
    else:
        quantity = sum(more.get("windows", ()), ZERO)
    if case.get("quantity") is not None:
        quantity = number(case["quantity"])
        if case["model"] == "percentage" and not events:
            more["events"] = (quantity,)
    if str(case["params"].get("line_position") or "last").startswith(("mid", "first")):
        more["complete"] = False
    return quantity, more


def _value(case: Case, pricing: Decision, facts: PricingFacts) -> Decimal:
    """What the engine makes of the facts, in the terms of the case: a quantity, a top-up, or money."""
    if case.get("unit_of_expected") == "quantity":
        return billable(pricing, facts)
    made: Price = priced(pricing, facts)
    if case["params"].get("returns") == "true_up":
        return sum((part.amount for part in made.parts if part.step.startswith("minimum")), ZERO)
    if case["params"].get("round") == ROUNDED:
        return price(pricing, facts, WHOLE, None, CURRENCY)[1]
    return made.amount


def _amount(case: Case) -> Decimal:
    """What a line adds: the price of all that the period has used, less what was billed of it."""
    pricing = _decision(then_of(case["model"], case["params"]))
    quantity, more = _pieces(case)
    before = number(case.get("prior_quantity") or 0)
    total = quantity if case["model"].endswith("_delta") else before + quantity
    now = _value(case, pricing, _facts(total, **more))
    if case.get("prior_billed") is not None and case["params"].get("returns") != "true_up":
        return now - number(case["prior_billed"])
    return now - _value(case, pricing, _facts(before, **{**more, "complete": False})) if before else now


def _windowed_commitment(case: Case) -> Decimal:
    """Every window is a stretch with a rule of its own."""
    windows: Sequence[Mapping[str, Any]] = case["windows"]
    thens: list[Then] = []
    for window in windows:
        step: list[Then] = []
        if window.get("commitment") is not None:
            step = [
                {
                    "commitment": eur(window["commitment"]),
                    "overage": str(number(window.get("overage_factor") or 1)),
                    "true_up": bool(window.get("true_up")),
                }
            ]
        thens.append({"method": "per_unit", "unit": eur(window["unit"]), "after": step})
    rules, total = book(thens), ZERO
    for place, window in enumerate(windows):
        facts = _facts(number(window["usage"]), day=DAY + timedelta(days=place))
        total += priced(rules.decide("pricing", facts, facts.day), facts).amount
    return total


def _proration(facts: ProrationFacts) -> Decision:
    return book([{"method": "actual_days"}], "proration").decide("proration", facts, facts.part_from)


def _part(
    case: Case, then: Then, quantity: Any, part: Period, whole: Period, counted: Decimal | None = None
) -> Decimal:
    """What a part of a cycle costs, rounded as a line is where the case rounds at all."""
    pricing = _decision(then)
    facts = _facts(number(quantity), "recurring", counted=counted)
    asked = ProrationFacts(ACCOUNT, facts.charge, "p", "change", "anchor", part.start, part.end, whole.start, whole.end)
    proration = _proration(asked)
    assert proration.method is not None
    share: Fraction = proration.method(proration.terms, asked)
    if ROUNDED in (case["params"].get("round"), case["params"].get("line_round")):
        return price(pricing, facts, share, proration, CURRENCY)[1]
    return priced(pricing, facts, share, proration.terms["applies_to"]).amount


def _span(days: Any) -> Period:
    return Period(DAY, DAY + timedelta(days=int(days)))


def _proration_single(case: Case) -> Decimal:
    params = case["params"]
    return _part(
        case,
        {"method": "flat", "price": eur(params["amount"])},
        1,
        _span(params["active_days"]),
        _span(params["period_days"]),
    )


def _proration_change(case: Case) -> Decimal:
    """What is taken away goes back for the rest of the period, what is new is charged for it; each is a line."""
    params = case["params"]
    start, end, at = (date.fromisoformat(str(params[key])) for key in ("period_start", "period_end", "change_at"))
    whole = Period(start, end + timedelta(days=1) if params.get("end") == "inclusive" else end)
    rest, net = Period(at, whole.end), ZERO
    for sign, items in ((-1, params.get("removed")), (1, params.get("added"))):
        for item in items or ():
            own = item.get("own_period_days")
            of = Period(at, at + timedelta(days=int(own))) if own else whole
            net += sign * _part(case, {"method": "per_unit", "unit": eur(item["amount"])}, item["quantity"], rest, of)
    return net


def _commitment(case: Case) -> Decimal:
    """Fees are lines of their own; the commitment is a charge that counts them."""
    params = case["params"]
    fraction = params.get("period_fraction") or {"days": 1, "of": 1}
    part, whole = _span(fraction["days"]), _span(fraction["of"])
    counted = ZERO
    for fee in params["counted_fees"]:
        of = part if not fee.get("prorated") else whole
        counted += _part(case, {"method": "flat", "price": eur(fee["amount"])}, 1, part, of)
    missing = _part(case, {"method": "true_up", "commitment": eur(params["commitment"])}, 1, part, whole, counted)
    return counted + missing if params.get("returns") == "total" else missing


def _added(case: Case, changes: Iterable[tuple[datetime, Any]], start: datetime, end: datetime) -> Decimal:
    """The average of a level to which usage adds, as a meter ``weighted_sum`` counts it; what was there before came before."""
    seconds = int((end - start).total_seconds())
    window = Window(1, start.date(), end.date(), start, end, seconds)
    events = [Event(start, 0, number(case.get("carried") or 0), None, before=True)]
    events += [Event(moment, n, number(units), None) for n, (moment, units) in enumerate(sorted(changes), 1)]
    (found,) = aggregated(Measure("m", "weighted_sum", {}), window, events)
    return found.quantity


def _weighted(case: Case) -> Decimal:
    start, end = (datetime.fromisoformat(str(case["params"][key])) for key in ("period_start", "period_end"))
    return _added(case, ((datetime.fromisoformat(str(moment)), units) for moment, units in case["events"]), start, end)


def _prorated_sum(case: Case) -> Decimal:
    """Units that were active for some days of a period were added so many days before its end."""
    start = datetime(DAY.year, DAY.month, DAY.day, tzinfo=UTC)
    end = start + timedelta(days=int(case["params"]["period_days"]))
    active = ((end - timedelta(days=float(event["days_active"])), event["units"]) for event in case["events"])
    return _added(case, active, start, end)


OWN: Mapping[str, Callable[[Case], Decimal]] = {
    "windowed_commitment": _windowed_commitment,
    "proration_single": _proration_single,
    "proration_change": _proration_change,
    "commitment_true_up": _commitment,
    "weighted_sum": _weighted,
    "prorated_sum": _prorated_sum,
}
"""Models that are more than one price of one quantity."""
PRICED = frozenset(
    "per_unit graduated volume package graduated_percentage graduated_prorated volume_prorated percentage block_tiers bucketed"
    " graduated_delta volume_delta package_split min_spend max_spend dynamic_multiplier credits unit_conversion usage_discount"
    " clamped_formula".split()
)


def run(case: Case, document: Document) -> Outcome:
    """One vector: money or quantity within its tolerance; rounded where it says so."""
    model = case["model"]
    if model not in OWN and model not in PRICED:
        return unsupported(case, f"no rule set for the model {model!r}")
    made, expected = OWN.get(model, _amount)(case), number(case["expected"])
    rounds = {case["params"].get("round"), case["params"].get("line_round")}
    if ROUNDED in rounds:
        made = round_to(made, CURRENCY)
    return judged(case, expected, made, same=abs(made - expected) <= number(case.get("tolerance") or 0))
