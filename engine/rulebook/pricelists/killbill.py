"""Catalogs of Kill Bill in XML: plans with their phases, recurring prices by currency, and usage in blocks and limits."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, Final
from xml.etree import ElementTree
from xml.parsers import expat

from engine.base.errors import Where, refuse
from engine.rulebook.pricelists.expected import blocks
from engine.rulebook.pricelists.model import (
    UNREADABLE,
    Charge,
    Example,
    Left,
    Plan,
    PriceList,
    known_currency,
    plans_of,
    prices,
    slug,
)

Element = ElementTree.Element

_PERIODS: Final[Mapping[str, tuple[int, int]]] = {
    "DAILY": (1, 1), "WEEKLY": (1, 7), "BIWEEKLY": (1, 14), "THIRTY_DAYS": (1, 30), "THIRTY_ONE_DAYS": (1, 31),
    "SIXTY_DAYS": (1, 60), "NINETY_DAYS": (1, 90), "MONTHLY": (1, 0), "BIMESTRIAL": (2, 0), "QUARTERLY": (3, 0),
    "TRIANNUAL": (4, 0), "BIANNUAL": (6, 0), "ANNUAL": (12, 0), "SESQUIENNIAL": (18, 0), "BIENNIAL": (24, 0),
    "TRIENNIAL": (36, 0),
}  # fmt: skip
"""Months and days of each billing period."""
_LENGTHS: Final = {"DAYS": ("days", 1), "WEEKS": ("days", 7), "MONTHS": ("months", 1), "YEARS": ("months", 12)}
_MEND: Final = "give a catalog as Kill Bill's API returns it in XML"
_LATER: Final = {"subscribed_on": "2026-01-01", "day": "2099-01-01"}

Amounts = dict[str, Decimal]
Tiers = list[tuple[Decimal, Decimal | None, Amounts]]


class _Unknown(Exception):
    """What of a plan cannot be taken over; ``mend`` says what to do."""

    def __init__(self, what: str, mend: str = "write a rule for it by hand") -> None:
        super().__init__(what)
        self.mend = mend


def read(content: bytes, file: str) -> PriceList:
    """The price list of a file.

    Raises:
        TollbookError: ``prices.unreadable``.
    """
    if re.search(rb"<!(DOCTYPE|ENTITY)", content, re.IGNORECASE):
        raise refuse(UNREADABLE, "the file declares a document type", mend="remove it", where=Where(file))
    try:
        root = ElementTree.fromstring(content)
    except ElementTree.ParseError as error:
        line, column = error.position
        what, place = f"the file is no XML: {expat.ErrorString(error.code)}", Where(file, line, column + 1)
        raise refuse(UNREADABLE, what, mend=_MEND, where=place) from None
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    if root.tag != "catalog" or root.find("plans/plan") is None:
        raise refuse(UNREADABLE, "the file is no catalog with plans", mend=_MEND, where=Where(file))
    reader = _Reader(root)
    made = plans_of(root.iterfind("plans/plan"), reader.plan, lambda plan: f"plan {plan.get('name')}", reader.left)
    return PriceList("killbill", made, reader.meters, tuple(reader.left))


def _text(element: Element | None, path: str, default: str = "") -> str:
    found = None if element is None else element.find(path)
    return default if found is None else (found.text or "").strip() or default


def _number(text: str, what: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise _Unknown(f"{what} {text!r} is no number", "correct it in the file") from None


def _prices(element: Element | None) -> Amounts:
    """The amounts by currency below an element with ``price`` elements."""
    found: Amounts = {}
    for price in [] if element is None else element.iterfind("price"):
        currency = _text(price, "currency")
        if not known_currency(currency):
            raise _Unknown(f"{currency!r} is no currency", "correct it in the file")
        found[currency] = _number(_text(price, "value"), "the price")
    return found


def _zero(amounts: Amounts) -> bool:
    return not any(amounts.values())


class _Reader:
    """Plans of a catalog on their way to ours."""

    def __init__(self, root: Element) -> None:
        self.meters: dict[str, str] = {}
        self.left: list[Left] = []
        catalog = _text(root, "catalogName", "catalog")
        if root.find("rules/*") is not None:
            what = "its rules of change, cancellation, alignment and billing"
            self.left.append(Left(catalog, what, "rules of the families proration and renewal decide that here"))
        for child in root.iterfind("priceLists/childPriceList"):
            name = child.get("name") or _text(child, "name", "?")
            self.left.append(
                Left(f"price list {name}", "a price list beside the default one", "its plans are taken over")
            )
        for product in root.iterfind("products/product"):
            if product.find("included/addonProduct") is not None or product.find("available/addonProduct") is not None:
                where = f"product {product.get('name', '?')}"
                self.left.append(Left(where, "which add-ons it includes or allows", "nothing checks that here"))

    def plan(self, plan: Element) -> Plan | None:
        """One plan; None where nothing of it can be taken over."""
        name = plan.get("name", "?")
        where = f"plan {name}"
        phases = [*plan.iterfind("initialPhases/phase"), *plan.iterfind("finalPhase")]
        product = slug(_text(plan, "product", name))
        timing = "arrears" if _text(plan, "recurringBillingMode") == "IN_ARREAR" else "advance"
        label = plan.get("prettyName") or _text(plan, "product", name)
        charges: list[Charge] = []
        for make in (self._recurring, self._fixed):
            try:
                charges += make(phases, label, product, timing)
            except _Unknown as error:
                self.left.append(Left(where, str(error), error.mend))
        for number, phase in enumerate(phases, 1):
            for usage in phase.iterfind("usages/usage"):
                place = f"{where}, usage {usage.get('name', '?')}"
                try:
                    if number < len(phases):
                        raise _Unknown(f"it is of phase {number}, not of the last one")
                    charges.append(self._usage(usage, product))
                except _Unknown as error:
                    self.left.append(Left(place, str(error), error.mend))
        final = phases[-1] if phases else None
        if final is not None and final.get("type") == "FIXEDTERM":
            self.left.append(
                Left(where, "its last phase ends by itself", "end the subscription, or give it a contract term")
            )
        if not charges:
            self.left.append(Left(where, "nothing of it can be billed here", "see above"))
            return None
        return Plan(slug(name), label, tuple(charges))

    def _recurring(self, phases: Sequence[Element], label: str, product: str, timing: str) -> Iterator[Charge]:
        """The recurring charge, with what earlier phases pay as a ramp."""
        priced = [(phase, _prices(phase.find("recurring/recurringPrice"))) for phase in phases]
        period = _text(phases[-1] if phases else None, "recurring/billingPeriod", "NO_BILLING_PERIOD")
        amounts = priced[-1][1] if priced else {}
        if not amounts or period == "NO_BILLING_PERIOD":
            if any(found for _, found in priced):
                raise _Unknown("it has a recurring price in an earlier phase, and none in the last one")
            return
        if period not in _PERIODS:
            raise _Unknown(f"the billing period {period!r} is unknown", "correct it in the file")
        ramp = []
        for phase, found in priced[:-1]:
            own = _text(phase, "recurring/billingPeriod", period)
            if found and not _zero(found) and own != period:
                raise _Unknown(f"its phase {phase.get('type')} is billed {own}, the last one {period}")
            ramp.append({**self._length(phase), "pays": self._share(phase, found, amounts)})
        then: dict[str, Any] = {"method": "per_unit", "unit": prices(amounts)}
        then |= {"ramp": [*ramp, {"pays": "100 %"}]} if ramp else {}
        examples = []
        for currency, amount in amounts.items():
            for quantity in (1, 3):
                given = {"quantity": quantity, **(_LATER if ramp else {})}
                examples.append(Example(f"{quantity} in {currency}", given, currency, amount * quantity))
            if ramp:
                first = priced[0][1].get(currency, Decimal(0))
                early = {"quantity": 1, "subscribed_on": "2026-01-01", "day": "2026-01-01"}
                examples.append(Example(f"the first phase in {currency}", early, currency, first))
        months, days = _PERIODS[period]
        yield Charge(
            "recurring",
            label,
            "recurring",
            timing,
            then,
            tuple(examples),
            months,
            days,
            product=product,
        )

    @staticmethod
    def _length(phase: Element) -> dict[str, int]:
        unit = _text(phase, "duration/unit")
        if unit not in _LENGTHS:
            raise _Unknown(f"its phase {phase.get('type')} lasts {unit or 'nothing'}", "give the phase a length")
        name, times = _LENGTHS[unit]
        return {name: int(_number(_text(phase, "duration/number"), "the duration")) * times}

    @staticmethod
    def _share(phase: Element, found: Amounts, last: Amounts) -> str:
        """What a phase pays of the last one's price, where that is one exact percentage in all currencies."""
        if _zero(found):
            return "0 %"
        shares = set()
        for currency, amount in last.items():
            if not amount or currency not in found:
                raise _Unknown(f"its phase {phase.get('type')} has no price in {currency} to compare")
            share = found[currency] * 100 / amount
            if share * amount != found[currency] * 100 or len(share.as_tuple().digits) > 15:
                raise _Unknown(f"the price of its phase {phase.get('type')} is no exact percentage of the last one's")
            shares.add(share)
        if len(shares) > 1:
            raise _Unknown(f"its phase {phase.get('type')} pays other percentages in other currencies")
        return f"{shares.pop().normalize():f} %"

    def _fixed(self, phases: Sequence[Element], label: str, product: str, timing: str) -> Iterator[Charge]:
        """What is paid once, at the beginning of the first phase."""
        for number, phase in enumerate(phases, 1):
            amounts = _prices(phase.find("fixed/fixedPrice"))
            if _zero(amounts):
                continue
            if number > 1:
                raise _Unknown(
                    f"a fixed price at the beginning of its phase {phase.get('type')}, which is not the first"
                )
            then = {"method": "flat", "price": prices(amounts)}
            examples = tuple(Example(f"once in {c}", {"quantity": 1}, c, amount) for c, amount in amounts.items())
            yield Charge("fixed", label, "one_time", "advance", then, examples, product=product)

    def _usage(self, usage: Element, product: str) -> Charge:
        period = _text(usage, "billingPeriod", "MONTHLY")
        if period not in _PERIODS:
            raise _Unknown(f"the billing period {period!r} is unknown", "correct it in the file")
        if usage.get("billingMode") != "IN_ARREAR":
            raise _Unknown("usage that is billed in advance", "sell units as a wallet, or as a recurring charge")
        kind = usage.get("usageType")
        if kind == "CONSUMABLE":
            then, examples, units = self._consumable(usage)
        elif kind == "CAPACITY":
            then, examples, units = self._capacity(usage)
        else:
            raise _Unknown(f"the usage type {kind!r} is unknown", "correct it in the file")
        for unit in units:
            self.meters[unit] = "sum" if kind == "CONSUMABLE" else "max"
        key, (months, days) = slug(usage.get("name", "usage")), _PERIODS[period]
        more = tuple(units) if len(units) > 1 else ()
        name = str(usage.get("prettyName") or usage.get("name", "usage"))
        return Charge(
            key, name, "usage", "arrears", then, examples, months, days, units[0], more, units[0], product=product
        )

    @staticmethod
    def _consumable(usage: Element) -> tuple[dict[str, Any], tuple[Example, ...], list[str]]:
        """Blocks in tiers, each unit by itself."""
        by_unit: dict[str, Tiers] = {}
        for tier in usage.iterfind("tiers/tier"):
            for block in tier.iterfind("blocks/tieredBlock"):
                if block.get("type", "VANILLA") != "VANILLA":
                    raise _Unknown(f"blocks of the type {block.get('type')}", "sell top-ups as a wallet")
                most = _number(_text(block, "max", "-1"), "the most blocks")
                size, amounts = _number(_text(block, "size", "1"), "the size"), _prices(block.find("prices"))
                count = None if most < 0 else most
                by_unit.setdefault(slug(_text(block, "unit", "unit")), []).append((size, count, amounts))
        if not by_unit:
            raise _Unknown("it has no tiers", "correct it in the file")
        top = usage.get("tierBlockPolicy", "ALL_TIERS") == "TOP_TIER"
        rows = {unit: [_block(each) for each in tiers] for unit, tiers in by_unit.items()}
        then: dict[str, Any] = {"method": "block_tiers", "mode": "top_tier" if top else "all_tiers"}
        open_ended = all(tiers[-1][1] is None for tiers in by_unit.values())
        then |= {} if open_ended or top else {"above": "nothing"}
        units = list(by_unit)
        then |= {"tiers": rows[units[0]]} if len(units) == 1 else {"by_meter": rows}
        examples = []
        for currency in by_unit[units[0]][0][2]:
            for quantity in _worth(by_unit[units[0]]):
                each = dict.fromkeys(units, quantity)
                amount = sum((_cost(by_unit[u], quantity, currency, top) for u in units), Decimal(0))
                given: dict[str, Any] = {"quantity": quantity * len(units)}
                given |= {"metered": each} if len(units) > 1 else {}
                examples.append(Example(f"{quantity} in {currency}", given, currency, amount))
        return then, tuple(examples), units

    @staticmethod
    def _capacity(usage: Element) -> tuple[dict[str, Any], tuple[Example, ...], list[str]]:
        """One price, of the first tier whose limits hold."""
        rows, units, examples = [], dict[str, None](), []
        for tier in usage.iterfind("tiers/tier"):
            limits: dict[str, Any] = {}
            for limit in tier.iterfind("limits/limit"):
                unit = slug(_text(limit, "unit", "unit"))
                units[unit] = None
                most = _number(_text(limit, "max", "-1"), "the limit")
                limits |= {} if most < 0 else {unit: int(most) if most == int(most) else most}
            amounts = _prices(tier.find("fixedPrice")) or _prices(tier.find("recurringPrice"))
            rows.append(({"limits": limits} if limits else {}) | {"price": prices(amounts)})
            for currency, amount in amounts.items() if limits else ():
                given = {"quantity": sum(limits.values()), "metered": {u: limits.get(u, 1) for u in units}}
                examples.append(Example(f"all limits of tier {len(rows)} in {currency}", given, currency, amount))
        if not rows or not units:
            raise _Unknown("it has no tiers with limits", "correct it in the file")
        return {"method": "capacity", "tiers": rows}, tuple(examples), list(units)


def _block(tier: tuple[Decimal, Decimal | None, Amounts]) -> dict[str, Any]:
    size, count, amounts = tier
    row: dict[str, Any] = {"size": int(size) if size == int(size) else size}
    row |= {} if count is None else {"blocks": int(count)}
    return row | {"price": prices(amounts)}


def _worth(tiers: Tiers) -> list[int]:
    """Quantities worth a case: one, and the edge of each tier and one more, within what the tiers hold."""
    found, below = {1}, Decimal(0)
    for size, count, _ in tiers:
        if count is None:
            found.add(int(below + size * 2))
            break
        below += size * count
        found.add(int(below))
        if (size, count) != tiers[-1][:2]:
            found.add(int(below) + 1)
    return sorted(found)


def _cost(tiers: Tiers, quantity: int, currency: str, top: bool) -> Decimal:
    return blocks([(size, count, amounts[currency]) for size, count, amounts in tiers], Decimal(quantity), top)
