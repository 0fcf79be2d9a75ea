"""How long a subscription is bound, and how it goes on."""

from __future__ import annotations

from datetime import date, timedelta

import msgspec


class Term(msgspec.Struct, frozen=True, gc=False):
    """A stretch of time for which a subscription is bound.  Natural key: (tenant, entity, subscription, starts).

    Attributes:
        id: of this version of the record.
        entity, subscription: keys of the legal entity and the subscription.
        starts, ends: the first day, and the day after the last one.
        renews: whether it goes on by itself.
        renewal_months: length of the next term, where the rule says no other.
        notice_days: days before ``ends`` until which notice may be given.
        made_by: rule set and rule that made it; None where it was agreed.
    """

    id: int
    entity: str
    subscription: str
    starts: date
    ends: date
    renews: bool
    renewal_months: int
    notice_days: int
    made_by: str | None = None

    @property
    def notice_by(self) -> date:
        """The last day on which notice for the end of the term may be given."""
        return self.ends - timedelta(days=self.notice_days)
