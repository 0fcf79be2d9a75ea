"""What is behind entries that no document of a customer is: the service that was accrued, the debts, the share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from engine.base.money import written
from engine.model.accrual import IMPAIRMENT, INTERCOMPANY, KIND
from engine.runs.explaining.words import Step, number, rule_of
from engine.store import accruals, impairing, tracing
from engine.store.reader import Reader


class Owed(msgspec.Struct, frozen=True):
    """What an entry is about, and the country and product that its rules of posting saw."""

    step: Step
    country: str = ""
    product: str = ""


def behind(reader: Reader, entry: Mapping[str, Any]) -> Owed | None:
    """What is behind an entry; None where that is gone."""
    return _KINDS[entry["kind"]](reader, entry)


def _accrued(reader: Reader, entry: Mapping[str, Any]) -> Owed | None:
    rows = accruals.rows_of(reader, entry["tenant"], id=entry["document"])
    if not rows:
        return None
    row = rows[0]
    what = "is accrued" if row["amount"] > 0 else "is released"
    text = f"{written(abs(row['amount']), row['currency'])} of {row['charge']} of {row['subscription']} {what}"
    days = f"{row['service_from']}..{row['service_to']}"
    rules = [("rule", rule_of(one)) for one in tracing.decisions(reader, [row["decision"]]).values()]
    details = (("service", days), ("account", row["account"]), ("as of the end of", f"{row['month']:%Y-%m}"), *rules)
    return Owed(Step("document", text, details), row["country"], row["product"])


def _impaired(reader: Reader, entry: Mapping[str, Any]) -> Owed | None:
    rows = impairing.allowances(reader, entry["tenant"], entry["document"])
    if not rows:
        return None
    details = tuple(
        (row.account, f"owes {number(row.exposure)}, allowance {number(row.wanted)}, changed by {number(row.amount)}")
        for row in rows
    )
    return Owed(Step("document", f"expected losses of {len(rows)} customers on {rows[0].on_day}", details))


def _shared(reader: Reader, entry: Mapping[str, Any]) -> Owed | None:
    row = impairing.share(reader, entry["tenant"], entry["document"])
    if row is None:
        return None
    text = f"share of {row.partner} in line {row.line_id} of {row.entity}"
    details = (("billed", f"{written(row.base, row.currency)}"), ("share", f"{number(row.share * 100)} %"))
    return Owed(Step("document", text, details), row.country, row.product)


_KINDS: Final[Mapping[str, Callable[[Reader, Mapping[str, Any]], Owed | None]]] = {
    KIND: _accrued,
    IMPAIRMENT: _impaired,
    INTERCOMPANY: _shared,
}
