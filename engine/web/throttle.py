"""How much may come in now: what the rules of the family ``limits`` say, counted in buckets."""

from __future__ import annotations

from datetime import date
from typing import Final

import msgspec

from engine.app import App
from engine.base.errors import Finding
from engine.config.api import Client
from engine.model.limits import LimitFacts
from engine.web.buckets import Buckets, Left, Limit
from engine.web.problems import TOO_FAST, found

INGEST: Final = "ingest"
TENANT: Final = ""
"""Name of the bucket of the tenant."""
PLACE: Final = "#"
"""Between the name of a client and one of the buckets that its callers are spread over; rules know the name only."""


class Verdict(msgspec.Struct, frozen=True):
    """Whether events may come in: headers that say how the client stands, and why not where they may not."""

    headers: dict[str, str]
    refused: Finding | None = None


class Throttle:
    """The limits of a server."""

    def __init__(self, app: App, buckets: Buckets) -> None:
        self._app, self._buckets = app, buckets
        self._limits: dict[tuple[str, date], Limit] = {}

    def limit(self, client: str, day: date) -> Limit:
        """What the rules allow a client, or the :data:`TENANT`, on a day.

        Raises:
            TollbookError: ``rule.no-answer``.
        """
        known = self._limits.get((client, day))
        if known is None:
            bucket = "client" if client != TENANT else "tenant"
            facts = LimitFacts(bucket, client.partition(PLACE)[0], self._app.tenant, INGEST, day)
            terms = self._app.rulebook.decide("limits", facts, day).terms
            known = Limit(terms["events_per_second"], terms["burst"], terms["largest_batch"], terms["ahead_seconds"])
            if len(self._limits) > 10_000:
                self._limits.clear()
            self._limits[client, day] = known
        return known

    def take(self, client: Client, events: int, day: date) -> Verdict:
        """Let ``events`` of a client through, or none of them; with 0, see whether one could pass."""
        mine, all_ = self.limit(client.name, day), self.limit(TENANT, day)
        left = self._buckets.take(client.name, events, mine)
        if not left.passed:
            return self._refused(client.name, mine, left, events)
        tenant = self._buckets.take(TENANT, events, all_)
        if tenant.passed:
            return Verdict(_headers("client", mine, left))
        if events:
            self._buckets.give_back(client.name, events, mine)
        return self._refused("", all_, tenant, events)

    def _refused(self, client: str, limit: Limit, left: Left, events: int) -> Verdict:
        whose = f"client {client!r}" if client else "all clients together"
        what = f"{events or 1} more events would be over the limit of {whose}"
        why = f"{limit.rate} events a second, {limit.burst} at once; {left.tokens} are left"
        mend = f"send them again in {left.wait} seconds"
        headers = _headers("client" if client else "tenant", limit, left) | {"Retry-After": str(left.wait)}
        return Verdict(headers, found(TOO_FAST, what, why, mend))


def _headers(policy: str, limit: Limit, left: Left) -> dict[str, str]:
    """The header fields of the IETF draft on rate limits: quota and window, what remains, seconds until it is whole."""
    window = -(-limit.burst // limit.rate)
    return {
        "RateLimit-Policy": f'"{policy}";q={limit.burst};w={window}',
        "RateLimit": f'"{policy}";r={left.tokens};t={left.full}',
    }
