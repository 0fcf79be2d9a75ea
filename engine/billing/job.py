"""What rating works with: the run, a stretch of service or usage, and what it owes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Final

import msgspec

from engine.base.errors import Finding
from engine.base.money import ZERO
from engine.base.period import Period
from engine.billing.attributed import Attributed, Seen
from engine.billing.proration import Reason
from engine.model.catalog import Charge, Meter, Plan
from engine.model.decision import Decide
from engine.model.draft import NO_REVIEWS, Reviews
from engine.model.due import StretchKey
from engine.model.entity import LegalEntity
from engine.model.invoice import Advance, RatedCharge
from engine.model.lateness import Ended, Reconciling
from engine.model.order import Orders
from engine.model.revenue_contract import Cover
from engine.model.subscription import BillingMark
from engine.model.tax_correction import Correction, Exemption
from engine.model.tax_evidence import Evidence
from engine.model.turning import Turning

if TYPE_CHECKING:
    from engine.billing.alike import Alike

THRESHOLD: Final = "threshold"
"""The first word of the occasion of a run that bills usage early."""


class Statement(msgspec.Struct, frozen=True):
    """What a run makes of one subscription; ``prices`` are the ids of all pricing decisions, of those too that came to nothing.

    ``late`` is what became of usage that came late; credits on the lines ``apart`` go on a document of their own.
    """

    charges: tuple[RatedCharge, ...]
    mark: BillingMark
    prices: frozenset[int]
    findings: tuple[Finding, ...] = ()
    late: tuple[Ended, ...] = ()
    apart: frozenset[int] = frozenset()


class Job(msgspec.Struct, frozen=True):
    """What one bill run brings to every subscription: ``on`` is its business date; ids above the ``_seen`` are not looked at.

    ``price_turns`` are the days on which other pricing rules come into force than before; ``usage`` remembers the usage charges
    of plans that were looked at; ``turning`` says what makes prices turn for single customers, None where nothing does;
    ``buckets`` whether some price is of each day, week or month of a stretch by itself; ``indexes`` are values of indexes by first day of the month.  ``occasion`` is what a run of one account is made for, empty
    where it is made for its date.  ``reconciling`` says what the run does about usage that may not be complete; ``attributes``
    are those of accounts and subscriptions, where rules declare any.  ``exemptions`` are certificates by account,
    ``corrections`` differences of tax that wait for the next bill, by the id of the line that was taxed;
    ``evidence`` is what proves where accounts are, None where no rule looks at it;
    ``advances`` are those that invoices may take off, by payer;
    ``reviews`` is what is known of drafts that are reviewed, ``orders`` the purchase orders of payers, None where nobody asks for
    them; ``covers`` what bills for revenue contracts; ``alike`` knows what subscriptions owe that are like others.
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
    buckets: bool = False
    indexes: Mapping[str, Mapping[date, Decimal]] = {}
    occasion: str = ""
    reconciling: Reconciling = Reconciling()
    attributes: Attributed | Seen | None = None
    exemptions: Mapping[str, tuple[Exemption, ...]] = {}
    corrections: Mapping[int, Correction] = {}
    advances: Mapping[str, tuple[Advance, ...]] = {}
    evidence: Mapping[str, tuple[Evidence, ...]] | None = None
    reviews: Reviews = NO_REVIEWS
    orders: Orders | None = None
    covers: tuple[Cover, ...] = ()
    alike: Alike | None = None

    @property
    def early(self) -> bool:
        """Whether usage is billed as far as it is known though its cycle has not ended."""
        return self.occasion.startswith(THRESHOLD)


class Owed(msgspec.Struct, frozen=True, gc=False):
    """What the days of one stretch owe of one charge; ``full`` is the rounded price of the whole cycle, ``exact`` the amount
    before it was rounded by ``rounding``, ``grouped`` the dimensions of usage that it alone is for, as lines keep them; ``basis`` what
    the price looked at beside them."""

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
    basis: str = ""


class Stretch(msgspec.Struct, frozen=True, gc=False):
    """Days of one cycle on which one charge is in service on unchanged terms.

    ``ended`` says that it may be billed when its days have ended though its cycle has not.  Usage of the days ``counted``
    belongs to it, where they are not its days; ``zero_line`` says that usage worth nothing gets a line too.  ``day`` is the
    day that rules are selected by where it is not the first of the counted days, ``seconds`` how long the stretch and its
    cycle are where that is counted and the stretch is not the whole cycle.  Usage is due ``wait`` days later than it would
    be, not before the moment ``until`` where that is said, and never while it is ``held``.
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
    until: datetime | None = None

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


def key_of(stretch: Stretch | Owed) -> StretchKey:
    """What tells a stretch apart within its subscription."""
    return stretch.plan, stretch.charge.key, stretch.days.start, stretch.days.end
