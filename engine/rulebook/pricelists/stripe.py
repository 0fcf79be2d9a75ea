"""Prices of Stripe: lists of its API in JSON, with or without products, and the CSV that its dashboard exports."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from engine.base.errors import Where, refuse
from engine.base.money import minor_digits
from engine.rulebook.pricelists.expected import Tier, edges, graduated, packages, volume
from engine.rulebook.pricelists.model import (
    UNREADABLE,
    Amount,
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

_DAYS: Final = {"day": 1, "week": 7}
_MONTHS: Final = {"month": 1, "year": 12}
_AGGREGATION: Final = {"sum": "sum", "max": "max", "last_during_period": "latest", "last_ever": "latest"}
_USED: Final = frozenset(
    "id object active billing_scheme created currency currency_options livemode lookup_key metadata nickname product "
    "recurring tax_behavior tiers tiers_mode transform_quantity type unit_amount unit_amount_decimal".split()
)


def read(content: bytes, file: str) -> PriceList:
    """The price list of a file.

    Raises:
        TollbookError: ``prices.unreadable``.
    """
    try:
        text = content.decode("utf-8-sig")
        if file.lower().endswith(".csv"):
            listed, more = _from_csv(text, file), False
            names: dict[str, str] = {}
        else:
            data = json.loads(text, parse_float=Decimal)
            listed, names = _from_json(data, file)
            more = '"has_more":true' in "".join(text.split())
    except (UnicodeDecodeError, json.JSONDecodeError, csv.Error) as error:
        mend = (
            "give the answer of GET /v1/prices?expand[]=data.tiers&expand[]=data.product, or the CSV of the dashboard"
        )
        raise refuse(UNREADABLE, f"the file cannot be read: {error}", mend=mend, where=Where(file)) from None
    reader = _Reader(names)
    if more:
        reader.left.append(Left(file, "the list goes on in Stripe", "export all pages into one list"))
    plans = plans_of(listed, reader.price, lambda price: f"price {price.get('id', '?')}", reader.left)
    return PriceList("stripe", plans, reader.meters, tuple(reader.left))


def _from_json(data: Any, file: str) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """The prices of a document, and the names of products by id."""
    parts: list[Any] = data if isinstance(data, list) else [data]
    if isinstance(data, dict) and {"prices", "products"} & data.keys():
        parts = [data.get("prices"), data.get("products")]
    found: list[dict[str, Any]] = []
    for part in parts:
        inner: Any = part.get("data") if isinstance(part, dict) and isinstance(part.get("data"), list) else part
        found += inner if isinstance(inner, list) else [inner]
    objects = [each for each in found if isinstance(each, dict)]
    listed = [each for each in objects if each.get("object", "price") == "price" and "currency" in each]
    if not listed:
        mend = "give the answer of GET /v1/prices?expand[]=data.tiers&expand[]=data.product"
        raise refuse(UNREADABLE, "the file has no prices of Stripe", mend=mend, where=Where(file))
    names = {str(p["id"]): str(p["name"]) for p in objects if p.get("object") == "product" and "name" in p}
    return listed, names


def _from_csv(text: str, file: str) -> list[dict[str, Any]]:
    """The prices of a CSV of the dashboard, in the shape of the API."""
    rows = list(csv.DictReader(io.StringIO(text)))
    missing = {"Price ID", "Amount", "Currency"} - set(rows[0] if rows else ())
    if missing:
        what = f"the file has no column {', '.join(sorted(missing))}"
        raise refuse(
            UNREADABLE, what, mend="export prices from the dashboard's product catalogue", where=Where(file, 1)
        )
    found = []
    for number, row in enumerate(rows, 2):
        currency = (row["Currency"] or "").upper()
        price: dict[str, Any] = {"id": row["Price ID"], "currency": currency, "active": True, "metadata": {}}
        try:
            digits = minor_digits(currency) if known_currency(currency) else 2
            amount = (row["Amount"] or "").replace(",", "")
            price["unit_amount_decimal"] = str(Decimal(amount).scaleb(digits)) if amount else None
        except InvalidOperation:
            what = f"the amount {row['Amount']!r} is no number"
            raise refuse(UNREADABLE, what, mend="write it as 12.50", where=Where(file, number)) from None
        price["product"] = {
            "id": row.get("Product ID", ""),
            "name": row.get("Product Name") or row.get("Product ID", ""),
        }
        price["billing_scheme"] = row.get("Billing Scheme") or "per_unit"
        price["tax_behavior"] = row.get("Tax Behavior") or "unspecified"
        price["type"] = "recurring" if row.get("Interval") else "one_time"
        price["recurring"] = {
            "interval": row.get("Interval"),
            "interval_count": row.get("Interval Count") or 1,
            "usage_type": row.get("Usage Type") or "licensed",
            "aggregate_usage": row.get("Aggregate Usage") or None,
            "trial_period_days": row.get("Trial Period Days") or None,
        }
        found.append(price)
    return found


class _Reader:
    """Prices of Stripe on their way to plans: each price is a plan with one charge, as subscriptions there name prices."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self.names = names
        self.meters: dict[str, str] = {}
        self.left: list[Left] = []

    def leave(self, price: Mapping[str, Any], what: str, mend: str) -> None:
        """Notes what is not taken over of a price."""
        self.left.append(Left(f"price {price.get('id', '?')}", what, mend))

    def price(self, price: Mapping[str, Any]) -> Plan | None:
        """Takes over one price, or says why not."""
        whole = self._refused(price)
        if whole:
            self.leave(price, *whole)
            return None
        product = price.get("product")
        name = product.get("name") if isinstance(product, dict) else self.names.get(str(product))
        product_id = product.get("id") if isinstance(product, dict) else product
        label = str(price.get("nickname") or name or product_id)
        key = slug(str(price.get("lookup_key") or price["id"]))
        made = self._terms(price)
        if made is None:
            return None
        then, amounts, tops = made
        recurring = price.get("recurring") if price.get("type") != "one_time" else None
        metered = bool(recurring) and recurring.get("usage_type") == "metered" if recurring else False
        meter = slug(str(recurring.get("meter") or key)) if recurring and metered else ""
        if meter:
            self.meters[meter] = _AGGREGATION.get(str((recurring or {}).get("aggregate_usage") or "sum"), "sum")
        trial = int((recurring or {}).get("trial_period_days") or 0)
        if trial:
            then["ramp"] = [{"days": trial, "pays": "0 %"}, {"pays": "100 %"}]
        interval, count = (recurring or {}).get("interval"), int((recurring or {}).get("interval_count") or 1)
        charge = Charge(
            key="price",
            name=label,
            kind="usage" if metered else ("recurring" if recurring else "one_time"),
            timing="arrears" if metered else "advance",
            then=then,
            examples=tuple(self._examples(price, amounts, tops, trial)),
            months=_MONTHS.get(str(interval), 1) * (count if interval in _MONTHS else 1),
            days=_DAYS[interval] * count if interval in _DAYS else 0,
            meter=meter,
            product=slug(str(product_id or "")) if product_id else "",
            tax_included=price.get("tax_behavior") == "inclusive",
        )
        self._rest(price)
        return Plan(key, label, (charge,))

    def _refused(self, price: Mapping[str, Any]) -> tuple[str, str] | None:
        """Why a price cannot be taken over at all."""
        currency = str(price.get("currency", "")).upper()
        if price.get("active") is False:
            return "the price is archived", "nothing, unless subscriptions still have it: unarchive it first"
        if not known_currency(currency):
            return f"{currency!r} is no currency", "correct it in the file"
        if price.get("custom_unit_amount"):
            return "the customer chooses the amount", "agree a price in a contract, or bill it once"
        if price.get("billing_scheme") == "tiered" and not price.get("tiers"):
            return "its tiers are not in the file", "export with expand[]=data.tiers; the CSV of the dashboard has none"
        recurring = price.get("recurring") or {}
        interval = recurring.get("interval")
        if price.get("type") != "one_time" and recurring and interval not in (*_DAYS, *_MONTHS):
            return f"the interval {interval!r} is unknown", "correct it in the file"
        return None

    def _rest(self, price: Mapping[str, Any]) -> None:
        """Names fields that have no equivalent."""
        recurring = price.get("recurring") or {}
        if recurring.get("meter"):
            self.leave(
                price, f"how its meter {recurring['meter']} adds up", "the meter sums: correct meters.csv otherwise"
            )
        if recurring.get("aggregate_usage") == "last_ever":
            self.leave(price, "usage is the last value ever", "the meter takes the latest of each cycle")
        for key in sorted(price.keys() - _USED):
            if price[key] not in (None, {}, [], "", False):
                self.leave(price, f"the field {key}", "it has no equivalent")
        if price.get("metadata"):
            self.leave(price, "its metadata", "declare attributes of charges, if rules shall see it")
        if price.get("tax_behavior") == "unspecified":
            self.leave(price, "whether tax is included is unspecified", "tax is added; set tax_included otherwise")

    def _terms(self, price: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Amount], list[Decimal | None]] | None:
        """What the rule decides, the way of computing by currency, and the edges of its tiers."""
        options: dict[str, Mapping[str, Any]] = {str(price["currency"]).upper(): price}
        for code, option in (price.get("currency_options") or {}).items():
            if known_currency(code.upper()) and not option.get("custom_unit_amount"):
                options.setdefault(code.upper(), option)
            else:
                self.leave(price, f"its prices in {code}", "agree them in a contract")
        transform = price.get("transform_quantity")
        if price.get("billing_scheme") == "tiered":
            if transform:
                self.leave(
                    price, "the quantity is transformed before its tiers", "write 'before: [{divide: …}]' by hand"
                )
                return None
            return self._tiers(price, options)
        units = {code: _cents(option, "unit_amount", code) for code, option in options.items()}
        flawed = [code for code, unit in units.items() if unit is None]
        if flawed:
            self.leave(price, f"it has no amount in {', '.join(flawed)}", "correct it in the file")
            return None
        known = {code: unit for code, unit in units.items() if unit is not None}
        if transform:
            size, up = Decimal(transform["divide_by"]), transform.get("round", "up") == "up"
            then = {"method": "package", "size": int(size), "price": prices(known), "round": "up" if up else "down"}
            amounts: dict[str, Amount] = {c: _packages(size, unit, up) for c, unit in known.items()}
            return then, amounts, [size, size * 2]
        return {"method": "per_unit", "unit": prices(known)}, {c: _times(u) for c, u in known.items()}, []

    def _tiers(
        self, price: Mapping[str, Any], options: Mapping[str, Mapping[str, Any]]
    ) -> tuple[dict[str, Any], dict[str, Amount], list[Decimal | None]] | None:
        mode = price.get("tiers_mode")
        if mode not in ("graduated", "volume"):
            self.leave(price, f"its tiers_mode is {mode!r}", "graduated and volume are known")
            return None
        read = {code: _tiers_of(option.get("tiers") or (), code) for code, option in options.items()}
        tops = [tier.up_to for tier in read[str(price["currency"]).upper()]]
        odd = [code for code, tiers in read.items() if [tier.up_to for tier in tiers] != tops]
        for code in odd:
            self.leave(price, f"its tiers in {code} have other edges or are not in the file", "write a rule for them")
            del read[code]
        rows = []
        for index, top in enumerate(tops):
            row: dict[str, Any] = {} if top is None else {"up_to": _plain(top)}
            row["unit"] = prices({code: tiers[index].unit for code, tiers in read.items()})
            if any(tiers[index].flat for tiers in read.values()):
                row["flat"] = prices({code: tiers[index].flat for code, tiers in read.items()})
            rows.append(row)
        then: dict[str, Any] = {"method": mode, "tiers": rows}
        if "flat" in rows[0]:
            then["zero_usage"] = "first_tier"
        way = graduated if mode == "graduated" else volume
        return then, {code: _over(way, tiers) for code, tiers in read.items()}, tops

    @staticmethod
    def _examples(
        price: Mapping[str, Any], amounts: Mapping[str, Amount], tops: list[Decimal | None], trial: int
    ) -> list[Example]:
        found = []
        days = {"subscribed_on": "2026-01-01", "day": "2031-01-01"} if trial else {}
        for code, amount in amounts.items():
            for quantity in edges(tops):
                given = {"quantity": _plain(quantity), **days}
                found.append(Example(f"{_plain(quantity)} in {code}", given, code, amount(quantity)))
            if trial:
                early = {"quantity": 1, "subscribed_on": "2026-01-01", "day": "2026-01-01"}
                found.append(Example(f"the trial in {code}", early, code, Decimal(0)))
        return found


def _cents(data: Mapping[str, Any], field: str, currency: str) -> Decimal | None:
    """An amount in major units; None where there is none."""
    value = data.get(f"{field}_decimal")
    value = data.get(field) if value is None else value
    try:
        return None if value is None else Decimal(str(value)).scaleb(-minor_digits(currency))
    except InvalidOperation:
        return None


def _tiers_of(tiers: Any, currency: str) -> list[Tier]:
    return [
        Tier(
            None if tier.get("up_to") in (None, "inf") else Decimal(str(tier["up_to"])),
            _cents(tier, "unit_amount", currency) or Decimal(0),
            _cents(tier, "flat_amount", currency) or Decimal(0),
        )
        for tier in tiers
    ]


def _plain(number: Decimal) -> int | Decimal:
    return int(number) if number == number.to_integral_value() else number


def _times(unit: Decimal) -> Amount:
    return lambda quantity: quantity * unit


def _packages(size: Decimal, price: Decimal, up: bool) -> Amount:
    return lambda quantity: packages(size, price, quantity, up=up)


def _over(way: Any, tiers: list[Tier]) -> Amount:
    return lambda quantity: Decimal(way(tiers, quantity))
