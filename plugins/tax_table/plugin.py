"""Tax from a table of rates."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Final

from engine.base.money import ZERO, round_to, split
from engine.model.tax import TaxDetail, TaxQuote, TaxRequest
from engine.ports.hookspecs import Context, hookimpl
from engine.ports.hookspecs.tax import NoQuote

from .table import Row, Supplies, read_table

RATES: Final = "rates.csv"
"""The table that comes with the plug-in."""

REMEMBERED: Final = 100_000
"""Answers of the table that are kept for lines alike."""

MEMBERS: Final = "eu_members.csv"
"""Who is in the VAT territory of the European Union, and since and until when."""


class TaxTable:
    """Answers from a table that is read once, when the host makes the adapter."""

    def __init__(self, context: Context) -> None:
        named = context.settings["table"]
        self.adapter = context.adapter
        self.table = read_table(context.home / named if named else context.folder / RATES)
        self.union = Union(context.folder / MEMBERS)
        self.over_from = context.settings["over_threshold_from"] or date.min
        self._find = lru_cache(maxsize=REMEMBERED)(self.table.find)

    @hookimpl
    def tax_quote(self, requests: Sequence[TaxRequest]) -> list[TaxQuote | NoQuote]:
        """The tax on each line, or within it: by the rate of the row, rounded half up to the currency's minor unit."""
        return [self._quote(request) for request in requests]

    def _quote(self, request: TaxRequest) -> TaxQuote | NoQuote:
        supplies = supply_of(request, self.union)
        country, region = request.country, _region(request.region, request.country) or "*"
        if supplies == ("local",) and taxed_at_home(request, self.union, self.over_from):
            country, region = request.seller_country, "*"
        buyer = "exempt" if request.exempt else "business" if request.buyer_tax_id else "consumer"
        row_of = (request.tax_code, buyer, request.tax_point)
        row = self._find(supplies, country, region, *row_of)
        place = country if region == "*" else f"{country}-{region}"
        if row is None:
            return NoQuote(
                request.key,
                f"the table of rates has no row for a {supplies[0]} supply of {request.tax_code!r} to a buyer of kind "
                f"{buyer!r} in {place} on {request.tax_point}",
            )
        lacking = _lacking(request)
        if lacking and self._find(("same_region", "local"), country, region, *row_of) is not row:
            return NoQuote(
                request.key,
                f"the tax in {country} depends on whether seller and buyer are in the same state or province, and "
                f"{lacking}: set the field region",
            )
        details = parts_of(request, row, country, place)
        return TaxQuote(
            key=request.key,
            rate=row.rate,
            amount=sum((one.amount for one in details), ZERO) if details else request.tax_at(row.rate),
            category=row.category,
            jurisdiction=place,
            source=self.adapter,
            reason=row.reason,
            details=details,
        )


def _region(region: str | None, country: str) -> str:
    """A state or province without the country before it."""
    return (region or "").removeprefix(f"{country}-")


def _lacking(request: TaxRequest) -> str:
    """Who of a supply within one country has no state or province, in words; nothing where both have one."""
    if request.country != request.seller_country or (request.region and request.seller_region):
        return ""
    who = {"the legal entity": request.seller_region, "the customer": request.region}
    lacking = [name for name, region in who.items() if not region]
    return f"{' and '.join(lacking)} {'have' if lacking[1:] else 'has'} none"


def parts_of(request: TaxRequest, row: Row, country: str, place: str) -> tuple[TaxDetail, ...]:
    """The taxes that a rate is made of, each rounded by itself; within a price that includes them, they share what is in it."""
    if not row.parts:
        return ()
    amounts = tuple(round_to(request.amount * part.rate, request.currency) for part in row.parts)
    net = request.amount
    if request.tax_included:
        whole = request.tax_at(row.rate)
        amounts = split(whole, [part.rate for part in row.parts], request.currency)
        net -= whole
    return tuple(
        TaxDetail(country if part.level == "country" else place, part.level, part.rate, net, amount, part.name)
        for part, amount in zip(row.parts, amounts, strict=True)
    )


class Union:
    """The European Union by days."""

    def __init__(self, path: Path) -> None:
        with path.open(encoding="utf-8", newline="") as file:
            self._members = {
                row["country"]: (date.fromisoformat(row["from"]), date.fromisoformat(row["to"] or "9999-12-31"))
                for row in csv.DictReader(file)
            }

    def has(self, country: str, on: date) -> bool:
        """Whether a country is a member on a day."""
        since, until = self._members.get(country, (date.max, date.max))
        return since <= on < until


def taxed_at_home(request: TaxRequest, union: Union, over_from: date) -> bool:
    """Whether a supply to a consumer in another member state is taxed in the seller's: below the threshold of article 59c of
    Directive 2006/112/EC, which is passed on ``over_from``, by a seller that has not chosen otherwise by a registration for the
    one-stop shop or in the consumer's country."""
    return (
        request.country != request.seller_country
        and request.tax_point < over_from
        and request.one_stop_shop is None
        and request.country not in request.seller_registered_in
        and union.has(request.seller_country, request.tax_point)
    )


def supply_of(request: TaxRequest, union: Union) -> Supplies:
    """How the place of supply lies to the seller: which rows of the table may answer, the first before the next.

    ``same_region``, then ``local``: within the state or province of the seller.
    ``local``: the seller charges the tax of the place of supply: its own country; and, for a buyer without a tax id,
    every country of the Union where the seller is established in it (one-stop shop).
    ``intra_eu``: to a business (a buyer with a tax id) of another country of the Union, by a seller established in the
    Union.
    ``registered``, then ``local``: to a buyer without a tax id in a country in which the seller is registered but not
    established, or in the Union once it is registered in any country of it.
    ``export``: everywhere else.  A registration changes nothing for a business abroad, as it is no establishment.
    """
    if request.country == request.seller_country:
        region = _region(request.region, request.country)
        same = region and region == _region(request.seller_region, request.country)
        return ("same_region", "local") if same else ("local",)
    on = request.tax_point
    into_union = union.has(request.country, on)
    if into_union and union.has(request.seller_country, on):
        return ("intra_eu",) if request.buyer_tax_id else ("local",)
    if request.buyer_tax_id:
        return ("export",)
    shops = (*request.seller_registered_in, request.one_stop_shop or "")
    one_stop = into_union and any(union.has(country, on) for country in shops)
    return ("registered", "local") if one_stop or request.country in request.seller_registered_in else ("export",)
