"""What money that is owed in foreign currency comes to on a closing date."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import msgspec

from engine.base.money import ZERO
from engine.model.journal import FxRate

KIND: Final = "revaluation"
"""Kind of the entry at the closing rate."""
BACK: Final = "revaluation_back"
"""Kind of the entry of the next day that turns it round."""


class Exposure(msgspec.Struct, frozen=True, gc=False):
    """What one customer's balance on a GL account comes to in a foreign currency: a debit if ``amount`` is positive.

    ``functional`` is what the books keep it at, in ``functional_currency``.
    """

    entity: str
    account: str
    customer: str
    currency: str
    functional_currency: str
    amount: Decimal
    functional: Decimal


class Revalued(msgspec.Struct, frozen=True, gc=False):
    """An exposure and what it is worth at the closing rate; ``difference`` is a gain where it is positive.

    ``before`` is the difference that stands of an earlier round of the same day: what is booked is what differs from it.
    """

    exposure: Exposure
    rate: FxRate
    worth: Decimal
    difference: Decimal
    before: Decimal = ZERO

    @property
    def gained(self) -> Decimal:
        """What is added to the gains that stand; below zero where they become less."""
        return max(self.difference, ZERO) - max(self.before, ZERO)

    @property
    def lost(self) -> Decimal:
        """What is added to the losses that stand, which are below zero."""
        return min(self.difference, ZERO) - min(self.before, ZERO)
