"""The tax report: what was invoiced, by reporting code and whatever else is asked for, tied to the GL accounts of tax."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final

import msgspec

from engine.base.errors import Code, Finding, did_you_mean, refuse
from engine.base.money import ZERO, round_to
from engine.base.period import Period
from engine.ledger.posting import Determine, determine
from engine.runs.run import Parts
from engine.runs.tax.relief import DOCUMENT, relief
from engine.store.reader import Reader

UNKNOWN_COLUMN = Code("tax.unknown-column", "Something that the tax report cannot be broken down by.")

BY: Final = ("entity", "jurisdiction", "category", "rate", "code")
"""What the report is broken down by where nothing else is said; the currency always comes after it."""
Sums = dict[tuple[str, str, str], Decimal]
"""Amounts by legal entity, GL account and currency."""
COLUMNS: Final = (*BY, "tax_code", "day", "month", "cause")


class TaxRow(msgspec.Struct, frozen=True):
    """One row: the values of ``keys`` as asked for, and what the lines come to; amounts in ``currency``."""

    keys: dict[str, str]
    currency: str
    lines: int
    net: Decimal
    tax: Decimal


class Tie(msgspec.Struct, frozen=True):
    """One GL account of tax in one currency: what the lines of the report say, what invoices have posted to it, and the
    difference, which is zero; ``lowered`` is what has become of it where money was given up and tax with it, ``other`` what other
    entries have posted to it, such as the opening balance.

    Amounts are positive where tax is owed to the authority; ``functional`` is what invoices have posted in functional currency.
    """

    entity: str
    account: str
    currency: str
    lines: Decimal
    posted: Decimal
    difference: Decimal
    other: Decimal
    functional: Decimal
    functional_currency: str
    lowered: Decimal = ZERO


class TaxReport(msgspec.Struct, frozen=True):
    """The report of [``since``, ``until``); ``findings`` say how sales to consumers in other member states stand to the threshold."""

    since: date
    until: date
    by: tuple[str, ...]
    rows: tuple[TaxRow, ...]
    ties: tuple[Tie, ...]
    findings: tuple[Finding, ...] = ()


def tax_report(parts: Parts, reader: Reader, days: Period, by: Sequence[str], entity: str = "") -> TaxReport:
    """What the documents of some days come to, of one legal entity or all; what a document corrects is taken from the rate
    that it was taxed at and added to the one that it should have been.  Where a part of a document was given up and its tax lowered
    (``cause`` says why, ``document`` of all else), it is taken off what the document was taxed at, on the day of the act.

    Raises:
        TollbookError: ``tax.unknown-column``, ``rule.no-answer`` of the posting rules.
    """
    by = tuple(by) or BY
    strange = [name for name in by if name not in COLUMNS]
    if strange:
        raise refuse(UNKNOWN_COLUMN, f"no column {strange[0]!r}", mend=did_you_mean(strange[0], COLUMNS))
    sums: dict[tuple[str, ...], list[Any]] = {}
    owed: dict[tuple[str, str, str], Decimal] = defaultdict(lambda: ZERO)
    accounts: dict[tuple[str, str, date], Determine] = {}
    for row in reader.tax_by_day(parts.tenant, days.start, days.end, entity):
        if not row.corrects:
            _add(sums, by, {**row._mapping, "cause": DOCUMENT}, (row.lines, row.net, row.tax))
        key = (row.entity, row.currency, row.day)
        if key not in accounts:
            accounts[key] = determine(parts.rules.decide, *key)
        account, _ = accounts[key]("tax", row.jurisdiction[:2], "")
        owed[row.entity, account, row.currency] += row.tax
    for row in reader.corrected_by_day(parts.tenant, days.start, days.end, entity):
        was = {name: row._mapping[f"{name}_before"] for name in ("jurisdiction", "rate", "category")}
        _add(sums, by, {**row._mapping, **was, "cause": DOCUMENT}, (0, -row.net, -row.before))
        _add(sums, by, {**row._mapping, "cause": DOCUMENT}, (1, after_correction(row), row.after))
    lowered: Sums = defaultdict(lambda: ZERO)
    for one in relief(parts, reader, days, entity):
        _add(sums, by, msgspec.structs.asdict(one), (0, -one.net, -one.tax))
        lowered[one.entity, one.account, one.currency] -= one.tax
    rows = [
        TaxRow(
            dict(zip(by, key[:-1], strict=True)),
            key[-1],
            lines,
            round_to(net, key[-1]),
            round_to(tax, key[-1]),
        )
        for key, (lines, net, tax) in sorted(sums.items())
    ]
    return TaxReport(days.start, days.end, tuple(by), tuple(rows), tuple(_ties(parts, reader, days, owed, lowered)))


def after_correction(row: Any) -> Decimal:
    """The net amount of a line once its tax is corrected: where its price includes tax, the gross stays."""
    net: Decimal = row.net
    return net + row.before - row.after if row.tax_included else net


def _add(
    sums: dict[tuple[str, ...], list[Any]], by: Sequence[str], row: Mapping[str, Any], amounts: Sequence[Any]
) -> None:
    values = {**row, "rate": f"{row['rate'].normalize():f}", "month": f"{row['day']:%Y-%m}"}
    into = sums.setdefault((*(str(values[name]) for name in by), values["currency"]), [0, ZERO, ZERO])
    for place, amount in enumerate(amounts):
        into[place] += amount


def _ties(parts: Parts, reader: Reader, days: Period, owed: Sums, lowered: Sums) -> list[Tie]:
    """What the lines say beside what was posted, by GL account and currency."""
    made = []
    entities, keys = reader.entities(parts.tenant), {*owed, *lowered}
    for entity in sorted({entity for entity, _, _ in keys}):
        functional = entities[entity].functional_currency
        named = [account for other, account, _ in keys if other == entity]
        posted: dict[tuple[str, str, bool], tuple[Decimal, Decimal]] = {
            (row.account, row.currency, bool(row.invoiced)): (-row.amount, -row.functional)
            for row in reader.posted_on(parts.tenant, entity, named, days.start, days.end)
        }
        mine = {(account, currency) for other, account, currency in keys if other == entity}
        for account, currency in sorted(mine | {(account, currency) for account, currency, _ in posted}):
            lines = round_to(owed.get((entity, account, currency), ZERO), currency)
            amount, own = posted.get((account, currency, True), (ZERO, ZERO))
            other, _ = posted.get((account, currency, False), (ZERO, ZERO))
            less = lowered.get((entity, account, currency), ZERO)
            made.append(
                Tie(
                    entity,
                    account,
                    currency,
                    lines,
                    round_to(amount, currency),
                    round_to(lines - amount, currency),
                    round_to(other - less, currency),
                    round_to(own, functional),
                    functional,
                    round_to(less, currency),
                )
            )
    return made
