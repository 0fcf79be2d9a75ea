"""Whether what a usage adapter answers is a batch of events within the contract."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.ports.hookspecs.usage import LONGEST_CURSOR, UsageBatch, UsageRequest


def batch_flaws(request: UsageRequest, batch: Any) -> str:
    """What is wrong with a batch; empty where nothing is."""
    if not isinstance(batch, UsageBatch):
        return f"answered {type(batch).__name__} instead of UsageBatch"
    if not isinstance(batch.events, (tuple, list)) or not all(map(_event, batch.events)):
        return "answered an event that is no mapping of texts"
    if len(batch.events) > request.limit:
        return f"answered {len(batch.events)} events where at most {request.limit} were asked"
    if not isinstance(batch.cursor, str) or len(batch.cursor) > LONGEST_CURSOR:
        return f"answered a cursor that is no text of at most {LONGEST_CURSOR} characters"
    if (batch.events or batch.more) and batch.cursor == request.cursor:
        return "answered events, or that there are more, without a cursor that moves on"
    return ""


def _event(event: Any) -> bool:
    return isinstance(event, Mapping) and all(
        isinstance(name, str) and isinstance(text, str) for name, text in event.items()
    )
