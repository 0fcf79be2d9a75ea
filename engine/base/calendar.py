"""Business days: weekends and holidays of a country, a region of it, or a market.  The one place that knows holidays."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from functools import lru_cache
from typing import Any, Final

import msgspec

from engine.base.errors import Code, did_you_mean, refuse

UNKNOWN_CALENDAR = Code("calendar.unknown", "A name of business days that is no country, no region and no market.")

EVERY_DAY: Final = "none"
"""The calendar on which every day is a business day."""
MARKETS: Final = {"TARGET": "XECB"}
"""Names of markets, as the library knows them."""
_DAY: Final = timedelta(days=1)


class Calendar(msgspec.Struct, frozen=True):
    """The business days of a place.

    Attributes:
        name: a country (``DE``), a region of it (``DE-BY``), a market (``TARGET``), or ``none`` where every day counts.
        closed: further days on which nothing is done.
        open: days that are business days all the same.
    """

    name: str = EVERY_DAY
    closed: tuple[date, ...] = ()
    open: tuple[date, ...] = ()

    def is_business(self, day: date) -> bool:
        """Whether a day is a business day."""
        if day in self.open:
            return True
        if day in self.closed:
            return False
        if self.name == EVERY_DAY:
            return True
        known = holidays_of(self.name)
        return day.weekday() not in known.weekend and day not in known

    def following(self, day: date) -> date:
        """The day, or the next business day after it."""
        while not self.is_business(day):
            day += _DAY
        return day

    def after(self, day: date, count: int) -> date:
        """The day that is so many business days after one."""
        for _ in range(count):
            day = self.following(day + _DAY)
        return day


@lru_cache(maxsize=64)
def holidays_of(name: str) -> Any:
    """The holidays of a place: a container of days that knows its ``weekend``.

    Raises:
        TollbookError: ``calendar.unknown``.
    """
    import holidays  # dear to import, and seldom needed

    country, _, region = name.partition("-")
    try:
        if name in MARKETS:
            return holidays.financial_holidays(MARKETS[name])
        return holidays.country_holidays(country, subdiv=region or None)
    except NotImplementedError:
        known: Iterable[str] = holidays.list_supported_countries()
        if region and country in known:
            regions = [f"{country}-{one}" for one in holidays.list_supported_countries()[country]]
            mend = did_you_mean(name, regions)
        else:
            mend = did_you_mean(name, [*known, *MARKETS, EVERY_DAY])
        mend = mend or "write a country such as DE, a region of it such as DE-BY, TARGET, or none"
        raise refuse(UNKNOWN_CALENDAR, f"there is no calendar {name!r}", mend=mend) from None
