"""What rating works with: the run, a stretch of service or usage, and what it owes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Final

import msgspec

from engine.base.money import ZERO
from engine.base.period import Period
from engine.billing.attributed import Attributed, Seen
from engine.billing.proration import Reason
from engine.model.catalog import Charge, Meter, Plan
from engine.model.decision import Decide
from engine.model.entity import LegalEntity
from engine.model.lateness import Reconciling
from engine.model.turning import Turning

THRESHOLD: Final = "threshold"
"""The first word of the occasion of a run that bills usage early."""


class Job(msgspec.Struct, frozen=True):
    """What one bill run brings to every subscription: ``on`` is its business date; ids above the ``_seen`` are not looked at.

    ``price_turns`` are the days on which other pricing rules come into force than before; ``usage`` remembers the usage charges
    of plans that were looked at; ``turning`` says what makes prices turn for single customers, None where nothing does;
    ``indexes`` are values of indexes by first day of the month.  ``occasion`` is what a run of one account is made for, empty
    where it is made for its date.  ``reconciling`` says what the run does about usage that may not be complete; ``attributes``
    are those of accounts and subscriptions, where rules declare any.
    """

    entity: LegalEntity
    plans: Mapping[str, Plan]
    meters: Mapping[str, Meter]
    decide: Decide
    on: date
    events_seen: int
    usage_seen: int
    price_turns: tuple[date, ...] = ()
    usage: dict[str, tuple[Charge, ...]] = {}
    turning: Turning | None = None
    indexes: Mapping[str, Mapping[date, Decimal]] = {}
    occasion: str = ""
    reconciling: Reconciling = Reconciling()
    attributes: Attributed | Seen | None = None

    @property
    def early(self) -> bool:
        """Whether usage is billed as far as it is known though its cycle has not ended."""
        return self.occasion.startswith(THRESHOLD)


class Owed(msgspec.Struct, frozen=True, gc=False):
    """What the days of one stretch owe of one charge; ``full`` is the rounded price of the whole cycle, ``exact`` the amount
    before it was rounded by ``rounding``, ``grouped`` the dimensions of usage that it alone is for, as lines keep them."""

    charge: Charge
    plan: str
    cycle: Period
    days: Period
    quantity: Decimal
    full: Decimal
    share: Fraction
    amount: Decimal
    pricing: int
    proration: int
    contract_line: int = 0
    events: int = 0
    usage_to: int = 0
    zero_line: bool = False
    exact: Decimal = ZERO
    rounding: str = "half_up"
    grouped: str = ""
    discounts: str = ""


class Stretch(msgspec.Struct, frozen=True, gc=False):
    """Days of one cycle on which one charge is in service on unchanged terms.

    ``ended`` says that it may be billed when its days have ended though its cycle has not.  Usage of the days ``counted``
    belongs to it, where they are not its days; ``zero_line`` says that usage worth nothing gets a line too.  ``day`` is the
    day that rules are selected by where it is not the first of the counted days, ``seconds`` how long the stretch and its
    cycle are where that is counted and the stretch is not the whole cycle.  Usage is due ``wait`` days later than it would
    be, and never while it is ``held``.
    """

    charge: Charge
    plan: str
    cycle: Period
    days: Period
    quantity: Decimal
    began_by: Reason
    ended_by: Reason
    ended: bool
    counted: Period | None = None
    zero_line: bool = False
    day: date | None = None
    seconds: tuple[Decimal, Decimal] | None = None
    wait: int = 0
    held: bool = False

    def due(self, on: date) -> bool:
        """Whether it is to be billed on ``on``.

        In advance (and once) from its first day; in arrears from the end of its cycle or of the service; in arrears early
        on any day of it after the first, a part of a cycle on its first day, too.  Where cycles are counted from the terms, the
        end of the terms is an end of service; of a part that begins late in its cycle on that very day, else with its cycle.
        """
        charge = self.charge
        if charge.timing == "advance" or charge.kind == "one_time":
            return self.days.start <= on
        if charge.timing == "arrears_early":
            return self.days.start < on or (self.days.start == on and self.days != self.cycle)
        if self.wait or self.held:
            if self.held:
                return False
            on -= timedelta(days=self.wait)
        if self.cycle.end <= on or (self.ended and self.days.end == on):
            return True
        late = charge.cycles_from == "terms" and self.days.start != self.cycle.start
        return self.ended and self.days.end < on and not late
