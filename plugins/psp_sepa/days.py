"""Until when a file has to be with the bank so that a collection can be due on a day."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

import msgspec

from engine.base import target_days

FARTHEST = timedelta(days=364)
"""How long before the day a bank takes a collection."""


class CutOff(msgspec.Struct, frozen=True):
    """A file that comes before ``at``, in the bank's zone, on a day of settlement may ask for collections ``ahead`` days of
    settlement later: one since the schemes were given one term for every collection, more where the bank wants them."""

    at: time
    ahead: dict[str, int]

    def taken(self, moment: datetime) -> date:
        """The day of settlement that a bank counts a file as received on; ``moment`` is in the bank's zone."""
        day = moment.date()
        if target_days.is_open(day) and moment.time().replace(tzinfo=None) <= self.at:
            return day
        return target_days.on_or_after(day + timedelta(days=1))

    def earliest(self, moment: datetime, scheme: str) -> date:
        """The first day on which a collection of a file sent at a moment can be due."""
        return target_days.shifted(self.taken(moment), self.ahead[scheme])

    def due(self, wanted: date, moment: datetime, scheme: str) -> date:
        """The day that is asked for: the one that is wanted, or the first day of settlement after it that can be had."""
        return max(target_days.on_or_after(wanted), self.earliest(moment, scheme))
