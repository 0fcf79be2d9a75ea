"""The desk of forecasts: deferred revenue ahead, and what was conceded of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal

from engine.runs.forecasts.concessions import Concession, conceded
from engine.runs.forecasts.forecasting import Forecast, forecast
from engine.runs.run import Parts


class ForecastDesk:
    """What people ask about revenue that is to come."""

    def __init__(self, parts: Callable[[], Parts]) -> None:
        """``parts`` are made when they are needed."""
        self._parts = parts

    def forecast(
        self, first: date, months: int, *, chance: Decimal | None = None, tested: int = 0, entity: str = ""
    ) -> Forecast:
        """What will be released; see :func:`engine.runs.forecasts.forecasting.forecast`."""
        return forecast(self._parts(), first, months, chance=chance, tested=tested, entity=entity)

    def conceded(self, first: date, last: date) -> list[Concession]:
        """What was conceded on some days, both included."""
        parts = self._parts()
        with parts.books.reader() as reader:
            return conceded(parts, reader, first, last)
