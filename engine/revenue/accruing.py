"""How much of a line was delivered by a day."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Final, Literal

from engine.base.money import CONTEXT, ZERO, round_to
from engine.model.invoice import RatedCharge

Part = Literal["days", "whole", "schedule"]
"""How the delivered part of a line is found: by days of its service, all of it once it has begun, or by its schedule of revenue."""

PARTS: Final[tuple[Part, ...]] = ("days", "whole", "schedule")


def delivered(charge: RatedCharge, end: date, part: Part = "days") -> Decimal:
    """The amount of a line that was delivered before the day ``end``, rounded half up to the minor unit of its currency.

    The days of a recurring line count alike, and what is before a later day includes what is before an earlier one, so that
    months add up to the line.  Usage was measured up to the day, and what is done once was done on its first day: of these it is
    the whole line.
    """
    if charge.service_from >= end:
        return ZERO
    if part == "whole" or charge.kind != "recurring" or charge.service_to <= end:
        return charge.amount
    days = (charge.service_to - charge.service_from).days
    return round_to(CONTEXT.divide(charge.amount * (end - charge.service_from).days, days), charge.currency)
