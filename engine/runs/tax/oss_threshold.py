"""The threshold below which supplies to consumers in other member states bear the seller's own tax (Directive 2006/112/EC, article 59c):
10,000 euro without tax, in the current and in the last calendar year.

Whether it is passed is a day that somebody sets (``over_threshold_from``).  What is looked at here is whether the documents agree with that
day: a finding before the threshold is passed, and one for as long as what follows bears the seller's own tax.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

from engine.base.errors import Code, Finding, Where
from engine.base.money import ZERO, round_to
from engine.base.tax_ids import UNION
from engine.model.entity import LegalEntity
from engine.runs.run import Parts
from engine.runs.tax.oss_report import EURO, registration_on
from engine.store.reader import Reader

NEAR: Final = Code("oss.threshold-near", "Sales to consumers in other member states that come near the threshold.")
PASSED: Final = Code(
    "oss.threshold-passed",
    "The seller's own tax on sales to consumers in other member states after the threshold was passed.",
)

THRESHOLD: Final = Decimal(10_000)
"""In euro, without tax."""
WARNED: Final = Decimal("0.8")
"""The share of it from which on it is said that it comes nearer."""
NOT_COUNTED: Final = frozenset({"service"})
"""Tax codes of what is taxed where the seller is, whoever buys it (article 45)."""


def threshold_findings(parts: Parts, reader: Reader, until: date, entity: str = "") -> list[Finding]:
    """How the sales of the year of the day before ``until`` stand to the threshold: of legal entities in the European Union whose books are in
    euro, and that are not registered for the one-stop shop, which is the choice not to have a threshold."""
    last = until - timedelta(days=1)
    watched = {
        key: one
        for key, one in reader.entities(parts.tenant).items()
        if entity in ("", key)
        and one.country in UNION
        and one.functional_currency == EURO
        and not registration_on(one, last)
    }
    if not watched:
        return []
    homes = {key: one.country for key, one in watched.items()}
    sold: dict[str, list[Any]] = defaultdict(list)
    for row in reader.consumers_abroad(parts.tenant, homes, UNION, date(last.year - 1, 1, 1), until):
        if row.tax_code not in NOT_COUNTED:
            sold[row.entity].append(row)
    return [found for key, rows in sorted(sold.items()) for found in standing(watched[key], last.year, rows)]


def standing(entity: LegalEntity, year: int, rows: Sequence[Any]) -> Iterator[Finding]:
    """How sales of a year and of the year before it, in order of day, stand to the threshold."""
    before = sum((_euro(row) for row in rows if row.day.year < year), ZERO)
    this = [row for row in rows if row.day.year == year]
    passed, total = (date(year, 1, 1) if before > THRESHOLD else None), ZERO
    for row in this:
        total += _euro(row)
        if passed is None and total > THRESHOLD:
            passed = row.day
    subject = f"entity/{entity.key}"
    where = Where(subject)
    if passed is None:
        if total > THRESHOLD * WARNED:
            codes = ", ".join(sorted({row.tax_code for row in this}))
            what = f"{entity.key} has sold for {_shown(total)} to consumers in other member states in {year} ({codes})"
            why = f"over {_shown(THRESHOLD)} a year they bear the tax of the buyer's country (article 59c of Directive 2006/112/EC)"
            mend = "register for the one-stop shop, or in those countries, and set over_threshold_from to the day of the supply that passes it"
            yield Finding(NEAR, where, what, why, mend, "warning", subject)
        return
    home = sum((_euro(row) for row in this if row.day >= passed and row.country == entity.country), ZERO)
    if home > ZERO:
        cause = (
            f"they were {_shown(before)} in {year - 1}"
            if before > THRESHOLD
            else f"that day took them over {_shown(THRESHOLD)}"
        )
        what = f"{entity.key} has charged the tax of {entity.country} on {_shown(home)} to consumers in other member states since {passed}"
        why = f"{cause}: from then on they bear the tax of the buyer's country (article 59c of Directive 2006/112/EC)"
        mend = (
            f"set over_threshold_from to {passed} (setting of tax_table, parameter of tax/fallback), register for the one-stop shop, and "
            "`tollbook void` those invoices, so that they are billed again"
        )
        yield Finding(PASSED, where, what, why, mend, "warning", subject)


def _euro(row: Any) -> Decimal:
    amount: Decimal = row.net * row.rate
    return amount


def _shown(amount: Decimal) -> str:
    return f"{round_to(amount, EURO):,f} {EURO}"
