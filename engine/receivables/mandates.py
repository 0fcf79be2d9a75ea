"""Whether a mandate lets us collect on a day, as what, and what the debtor's bank has to be told of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final

import msgspec

from engine.base.period import add_months
from engine.model.direct_debit import FINAL_CLASSES, REJECTED, SepaMandate, Use

LAPSE_MONTHS: Final = 36
"""Months without a collection after which a mandate is void; every collection presented counts, also one that came back."""

_TOLD: Final = ("iban", "creditor_id")
"""Fields whose change a debtor's bank is told of with the next collection."""


class Standing(msgspec.Struct, frozen=True):
    """How a mandate stands for a collection due on a day.

    ``fault`` says why nothing may be collected under it, and is empty where it may; ``sequence`` is what the collection is;
    ``amended`` what the mandate was before; ``lapses_on`` is the last day on which a collection can be due.
    """

    sequence: str
    lapses_on: date
    last_due: date | None
    fault: str = ""
    amended: Mapping[str, str] = {}


def standing(
    mandate: SepaMandate,
    uses: Sequence[Use],
    due: date,
    *,
    first: str = "RCUR",
    versions: Mapping[int, SepaMandate] | None = None,
) -> Standing:
    """How a mandate stands.

    Args:
        mandate: its newest version.
        uses: what was presented under its reference, the oldest first.
        due: the day of settlement on which the collection is to be due.
        first: what the first of several collections is: FRST, or RCUR as the schemes let it be since 2016.
        versions: earlier versions by id, as far as ``uses`` name them.
    """
    counted = [use for use in uses if use.state != REJECTED]
    dues = [use.due for use in uses] + ([mandate.last_collected] if mandate.last_collected else [])
    last = max(dues, default=None)
    lapses_on = add_months(last or mandate.signed_on, LAPSE_MONTHS)
    sequence = _sequence(mandate, counted, first)
    before = (versions or {}).get(counted[-1].version) if counted else None
    fault = _fault(mandate, uses, counted, due, lapses_on, last)
    return Standing(sequence, lapses_on, last, fault, amended(mandate, before))


def _sequence(mandate: SepaMandate, counted: Sequence[Use], first: str) -> str:
    if mandate.kind == "one_off":
        return "OOFF"
    if mandate.final:
        return "FNAL"
    return "RCUR" if counted or mandate.last_collected else first


def _fault(
    mandate: SepaMandate,
    uses: Sequence[Use],
    counted: Sequence[Use],
    due: date,
    lapses_on: date,
    last: date | None,
) -> str:
    if mandate.cancelled_on is not None and due >= mandate.cancelled_on:
        return f"it was cancelled on {mandate.cancelled_on}"
    if due < mandate.signed_on:
        return f"it was signed on {mandate.signed_on}, after {due}"
    if due > lapses_on:
        since = f"the last collection was due on {last}" if last else f"nothing was collected since {mandate.signed_on}"
        return f"it has lapsed: {since}, and {LAPSE_MONTHS} months later, on {lapses_on}, it has ended"
    ended = [use for use in counted if use.sequence in ("OOFF", "FNAL")]
    if ended or (mandate.kind == "one_off" and mandate.last_collected):
        was = "its only" if mandate.kind == "one_off" else "its last"
        return f"{was} collection was due on {ended[-1].due if ended else mandate.last_collected}"
    blocked = _blocked(mandate, uses)
    if blocked is not None:
        return f"the collection of {blocked.due} came back with {blocked.code or 'no code'} ({blocked.kind})"
    return ""


def _blocked(mandate: SepaMandate, uses: Sequence[Use]) -> Use | None:
    """The collection after which somebody has to look at the mandate, until it is confirmed."""
    for use in reversed(uses):
        if use.back is None:
            continue
        looked_at = mandate.confirmed_on is not None and mandate.confirmed_on >= use.back
        return use if use.kind in FINAL_CLASSES and not looked_at else None
    return None


def amended(mandate: SepaMandate, before: SepaMandate | None) -> dict[str, str]:
    """What the debtor's bank knows of a mandate and is no longer so: ``before`` is the version that it was told of last."""
    if before is None:
        return {"reference": mandate.replaces} if mandate.replaces else {}
    return {name: getattr(before, name) for name in _TOLD if getattr(before, name) != getattr(mandate, name)}
