"""Limits: how much of the API a client may use."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from engine.model.decision import Family, Flaw
from engine.model.limits import LimitFacts


def check(terms: Mapping[str, Any]) -> Iterable[Flaw]:
    """What may come in one request must fit into the bucket, or such a request could never be served."""
    batch, burst = terms["largest_batch"], terms["burst"]
    if batch > burst:
        what = f"a batch of {batch} events could never be taken: burst is {burst}"
        yield Flaw(("largest_batch",), what, f"write at most {burst}, or a larger burst")


FAMILY = Family(
    name="limits",
    doc="How many events clients may send, each client and all clients of the tenant together.",
    facts=LimitFacts,
    selected_by="day of the call in UTC",
    answers="all",
    outcome={
        "events_per_second": {
            "type": "integer",
            "required": True,
            "min": 1,
            "max": 10_000_000,
            "meta": {"description": "events a second that may come in for long"},
        },
        "burst": {
            "type": "integer",
            "required": True,
            "min": 1,
            "max": 100_000_000,
            "meta": {"description": "events that may come in at once after a rest; the bucket's size"},
        },
        "largest_batch": {
            "type": "integer",
            "default": 10_000,
            "min": 1,
            "max": 1_000_000,
            "meta": {"description": "most events of one request that is no stream; a stream is taken in such parts"},
        },
        "ahead_seconds": {
            "type": "integer",
            "default": 3_600,
            "min": 0,
            "max": 31_622_400,
            "meta": {"description": "seconds that the time of an event may be ahead of the server's clock"},
        },
    },
    check=check,
)
