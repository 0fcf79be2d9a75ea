"""Plans of Lago, as its API lists them in JSON: base fee, trial, minimum commitment, and usage charges by charge model."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from engine.base.errors import Where, refuse
from engine.base.money import minor_digits, written
from engine.rulebook.pricelists.expected import Tier, edges, graduated, packages, volume
from engine.rulebook.pricelists.model import (
    MALFORMED,
    UNREADABLE,
    Charge,
    Example,
    Left,
    Plan,
    PriceList,
    known_currency,
    malformed,
    plans_of,
    slug,
)

_MONTHS: Final = {"monthly": 1, "quarterly": 3, "semiannual": 6, "yearly": 12}
BASE, COMMITMENT = "base", "commitment"

Terms = tuple[dict[str, Any], list[Example]]


class _Unknown(Exception):
    """What of a charge cannot be taken over; ``mend`` says what to do."""

    def __init__(self, what: str, mend: str) -> None:
        super().__init__(what)
        self.mend = mend


def read(content: bytes, file: str) -> PriceList:
    """The price list of a file.

    Raises:
        TollbookError: ``prices.unreadable``.
    """
    try:
        data = json.loads(content.decode("utf-8-sig"), parse_float=Decimal)
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        mend = "give the answer of GET /api/v1/plans"
        raise refuse(UNREADABLE, f"the file is no JSON: {error}", mend=mend, where=Where(file)) from None
    plans = data.get("plans", [data.get("plan", data)]) if isinstance(data, dict) else data
    several = plans if isinstance(plans, list) else []
    listed = [each for each in several if isinstance(each, dict) and "code" in each and "amount_cents" in each]
    if not listed:
        mend = "give the answer of GET /api/v1/plans"
        raise refuse(UNREADABLE, "the file has no plans of Lago", mend=mend, where=Where(file))
    reader = _Reader()
    if isinstance(data, dict) and (data.get("meta") or {}).get("next_page"):
        reader.left.append(Left(file, "the list goes on in Lago", "export all pages into one list"))
    made = plans_of(listed, reader.plan, lambda plan: f"plan {plan['code']}", reader.left)
    return PriceList("lago", made, reader.meters, tuple(reader.left))


class _Reader:
    """Plans on their way to ours."""

    def __init__(self) -> None:
        self.meters: dict[str, str] = {}
        self.left: list[Left] = []

    def plan(self, plan: Mapping[str, Any]) -> Plan | None:
        """One plan; None where nothing of it can be taken over."""
        where, currency = f"plan {plan['code']}", str(plan.get("amount_currency", "")).upper()
        interval = plan.get("interval")
        if not known_currency(currency) or interval not in (*_MONTHS, "weekly"):
            what = f"its currency {currency!r} or interval {interval!r} is unknown"
            self.left.append(Left(where, what, "correct it in the file"))
            return None
        name = str(plan.get("invoice_display_name") or plan.get("name") or plan["code"])
        months, days = _MONTHS.get(str(interval), 1), 7 if interval == "weekly" else 0
        charges = self._base(plan, where, currency, months, days)
        monthly = bool(plan.get("bill_charges_monthly")) and months > 1
        keys: set[str] = set()
        for number, each in enumerate(plan.get("charges") or (), 1):
            place = f"{where}, charge {number}"
            try:
                place += f" ({each.get('billable_metric_code', '?')})"
                key = self._key(each, keys)
                then, examples = self._model(each, currency)
                if Decimal(str(each.get("min_amount_cents") or 0)):
                    least = _major(each["min_amount_cents"], currency)
                    then["after"] = [{"minimum": written(least, currency)}]
                    examples = [_raised(example, least) for example in examples]
            except _Unknown as error:
                self.left.append(Left(place, str(error), error.mend))
                continue
            except MALFORMED as error:
                self.left.append(malformed(place, error))
                continue
            keys.add(key)
            meter = slug(str(each["billable_metric_code"]))
            self.meters.setdefault(meter, "sum")
            label = str(each.get("invoice_display_name") or each["billable_metric_code"])
            cycle = (1, 0) if monthly else (months, days)
            charges.append(Charge(key, label, "usage", "arrears", then, tuple(examples), *cycle, meter=meter))
            self._rest(each, place)
        if charges and any(each.meter for each in charges):
            self.left.append(Left(where, "how its billable metrics add up", "meters sum: correct meters.csv otherwise"))
        self._commitment(plan, where, currency, charges, (months, days), monthly)
        if plan.get("fixed_charges"):
            self.left.append(Left(where, "its fixed charges", "add recurring charges and rules by hand"))
        if plan.get("tax_codes") or plan.get("taxes"):
            self.left.append(Left(where, "its taxes", "tax is a rule of the family tax, or of an adapter"))
        return Plan(slug(str(plan["code"])), name, tuple(charges))

    @staticmethod
    def _key(charge: Mapping[str, Any], keys: set[str]) -> str:
        key = slug(str(charge.get("code") or charge["billable_metric_code"]))
        number = 2
        while key in keys or key in (BASE, COMMITMENT):
            key, number = f"{slug(str(charge['billable_metric_code']))}-{number}", number + 1
        return key

    def _base(self, plan: Mapping[str, Any], where: str, currency: str, months: int, days: int) -> list[Charge]:
        """The fee of the plan, with its trial."""
        amount = _major(plan["amount_cents"], currency)
        if not amount:
            return []
        then: dict[str, Any] = {"method": "flat", "price": written(amount, currency)}
        trial = Decimal(str(plan.get("trial_period") or 0))
        given: dict[str, Any] = {"quantity": 1}
        examples = []
        if trial and trial != trial.to_integral_value():
            self.left.append(
                Left(where, f"its trial of {trial} days", "a trial is of whole days: write 'ramp' by hand")
            )
        elif trial:
            then["ramp"] = [{"days": int(trial), "pays": "0 %"}, {"pays": "100 %"}]
            early = {"quantity": 1, "subscribed_on": "2026-01-01", "day": "2026-01-01"}
            examples.append(Example("the trial", early, currency, Decimal(0)))
            given = {"quantity": 1, "subscribed_on": "2026-01-01", "day": "2031-01-01"}
        examples.append(Example("the fee of a cycle", given, currency, amount))
        timing = "advance" if plan.get("pay_in_advance") else "arrears"
        name = str(plan.get("invoice_display_name") or plan.get("name") or plan["code"])
        return [Charge(BASE, name, "recurring", timing, then, tuple(examples), months, days)]

    def _commitment(
        self,
        plan: Mapping[str, Any],
        where: str,
        currency: str,
        charges: list[Charge],
        cycle: tuple[int, int],
        monthly: bool,
    ) -> None:
        least = plan.get("minimum_commitment") or {}
        if not least:
            return
        if monthly:
            what = "its minimum commitment spans charges that are billed monthly"
            self.left.append(Left(where, what, "bill all charges with the plan, or write a rule by hand"))
            return
        amount = _major(least["amount_cents"], currency)
        then = {"method": "true_up", "commitment": written(amount, currency), "counts": [each.key for each in charges]}
        half = (amount / 2).quantize(Decimal(1).scaleb(-minor_digits(currency)))
        examples = (
            Example("half of it is missing", {"quantity": 1, "counted": half}, currency, amount - half),
            Example("nothing is missing", {"quantity": 1, "counted": amount}, currency, Decimal(0)),
        )
        name = str(least.get("invoice_display_name") or "Minimum commitment")
        charges.append(Charge(COMMITMENT, name, "recurring", "arrears", then, examples, *cycle))

    def _rest(self, charge: Mapping[str, Any], place: str) -> None:
        """Names what of a charge has no equivalent."""
        for field, what, mend in (
            ("filters", "its prices for filters", "add a charge with a filter and a rule for each"),
            ("prorated", "units that are weighted by the time they were active", "use graduated_prorated by hand"),
            (
                "pay_in_advance",
                "events that are billed as they come",
                "a trigger may bill them; they wait for the cycle",
            ),
            ("applied_pricing_unit", "its price in a unit of its own", "use a wallet"),
        ):
            if charge.get(field):
                self.left.append(Left(place, what, mend))
        if charge.get("invoiceable") is False:
            self.left.append(Left(place, "it is not invoiced", "it is billed here: leave it out otherwise"))
        if (charge.get("properties") or {}).get("pricing_group_keys") or (charge.get("properties") or {}).get(
            "grouped_by"
        ):
            self.left.append(Left(place, "prices for each group", "say group_by of the charge by hand"))

    def _model(self, charge: Mapping[str, Any], currency: str) -> Terms:
        model = str(charge.get("charge_model"))
        maker = _MODELS.get(model)
        if maker is None:
            raise _Unknown(f"the charge model {model!r}", "write a rule for it by hand")
        return maker(charge.get("properties") or {}, currency)


def _major(cents: Any, currency: str) -> Decimal:
    return Decimal(str(cents)).scaleb(-minor_digits(currency))


def _number(value: Any) -> Decimal:
    return Decimal(str(value if value not in (None, "") else 0))


def _plain(number: Decimal) -> int | Decimal:
    return int(number) if number == number.to_integral_value() else number


def _at(quantities: Sequence[Decimal], currency: str, amount: Callable[[Decimal], Decimal]) -> list[Example]:
    return [Example(f"{_plain(q)} units", {"quantity": _plain(q)}, currency, amount(q)) for q in quantities]


def _raised(example: Example, least: Decimal) -> Example:
    return Example(example.name, {**example.given, "complete": True}, example.currency, max(example.amount, least))


def _standard(properties: Mapping[str, Any], currency: str) -> Terms:
    unit = Decimal(str(properties["amount"]))
    return {"method": "per_unit", "unit": written(unit, currency)}, _at(edges([]), currency, lambda q: q * unit)


def _package(properties: Mapping[str, Any], currency: str) -> Terms:
    size, price = _number(properties["package_size"]), _number(properties["amount"])
    free = _number(properties.get("free_units"))
    then = {"method": "package", "size": _plain(size), "price": written(price, currency), "round": "up"}
    then |= {"included": _plain(free)} if free else {}
    quantities = edges([free + size, *([free] if free else [])])
    return then, _at(quantities, currency, lambda q: packages(size, price, q, free))


def _ranges(properties: Mapping[str, Any], name: str, unit: str) -> list[Tier]:
    ranges = properties[name]
    if not ranges:
        raise _Unknown("it has no ranges", "correct it in the file")
    return [
        Tier(
            None if each.get("to_value") is None else _number(each["to_value"]),
            _number(each[unit]),
            _number(each.get("flat_amount")),
        )
        for each in ranges
    ]


def _rows(tiers: Sequence[Tier], currency: str, unit: str, share: bool = False) -> list[dict[str, Any]]:
    rows = []
    for tier in tiers:
        row: dict[str, Any] = {} if tier.up_to is None else {"up_to": _plain(tier.up_to)}
        row[unit] = f"{tier.unit.normalize():f} %" if share else written(tier.unit, currency)
        row |= {"flat": written(tier.flat, currency)} if tier.flat else {}
        rows.append(row)
    return rows


def _tiered(name: str, mode: str, way: Callable[[Sequence[Tier], Decimal], Decimal]) -> Callable[..., Terms]:
    def make(properties: Mapping[str, Any], currency: str) -> Terms:
        tiers = _ranges(properties, name, "per_unit_amount")
        quantities = edges([tier.up_to for tier in tiers])
        then = {"method": mode, "tiers": _rows(tiers, currency, "unit")}
        return then, _at(quantities, currency, lambda q: way(tiers, q))

    return make


def _graduated_percentage(properties: Mapping[str, Any], currency: str) -> Terms:
    tiers = _ranges(properties, "graduated_percentage_ranges", "rate")
    shares = [Tier(tier.up_to, tier.unit / 100, tier.flat) for tier in tiers]
    then = {"method": "graduated_percentage", "tiers": _rows(tiers, currency, "rate", share=True)}
    return then, _at(edges([tier.up_to for tier in tiers]), currency, lambda q: graduated(shares, q))


def _percentage(properties: Mapping[str, Any], currency: str) -> Terms:
    """A share of the money of each event and a fixed part; some events or some money are free."""
    rate, fixed = _number(properties["rate"]), _number(properties.get("fixed_amount"))
    free_events = properties.get("free_units_per_events")
    free_amount = properties.get("free_units_per_total_aggregation")
    low, high = properties.get("per_transaction_min_amount"), properties.get("per_transaction_max_amount")
    then: dict[str, Any] = {"method": "percentage", "rate": f"{rate.normalize():f} %"}
    then |= {"per_event": written(fixed, currency)} if fixed else {}
    then |= {"free_events": int(free_events)} if free_events else {}
    then |= {"free_amount": _plain(_number(free_amount))} if _number(free_amount) else {}
    then |= {"min_per_event": written(_number(low), currency)} if low not in (None, "") else {}
    then |= {"max_per_event": written(_number(high), currency)} if high not in (None, "") else {}

    def fee(money: Decimal) -> Decimal:
        amount = money * rate / 100 + fixed
        amount = max(amount, _number(low)) if low not in (None, "") else amount
        return min(amount, _number(high)) if high not in (None, "") else amount

    spared = int(free_events or 0) if not _number(free_amount) else 0
    examples = []
    given: dict[str, Any]
    free = _number(free_amount)
    if free and not free_events and low in (None, "") and high in (None, ""):
        given = {"quantity": _plain(free + 100), "events": [_plain(free + 100)]}
        examples.append(Example("100 above what is free", given, currency, rate + fixed))
    for events in () if free else ([100], [100, 1000], [1] * (spared + 2)):
        total = sum((fee(Decimal(each)) for each in events[spared:]), Decimal(0))
        given = {"quantity": sum(events), "events": list(events)}
        examples.append(Example(f"{len(events)} events of {sum(events)}", given, currency, total))
    return then, examples


def _dynamic(_: Mapping[str, Any], currency: str) -> Terms:
    return {"method": "dynamic"}, _at([Decimal(7)], currency, lambda q: q)


_MODELS: Final[Mapping[str, Callable[[Mapping[str, Any], str], Terms]]] = {
    "standard": _standard,
    "graduated": _tiered("graduated_ranges", "graduated", graduated),
    "volume": _tiered("volume_ranges", "volume", volume),
    "package": _package,
    "percentage": _percentage,
    "graduated_percentage": _graduated_percentage,
    "dynamic": _dynamic,
}
