"""A call to the outside world as it is written down."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec

Outcome = Literal["answered", "incomplete", "failed", "timed-out"]


class OutboundCall(msgspec.Struct, frozen=True):
    """One attempt to call an adapter.  Whatever is secret in it is replaced by ``***``.

    Attributes:
        at: when it began.
        adapter: name in ``config.yaml``.
        plugin: plug-in, version and digest of all that it decides by.
        port: port that the adapter serves.
        hook: hook that was called.
        key: digest of the keys of the items; the same items give the same key.
        attempt: 1 for the first, 2 for its first repetition.
        items: how many requests or effects were sent.
        outcome: ``answered`` (a good answer for each), ``incomplete`` (some answers are missing or wrong), ``failed``
            (an error instead of answers) or ``timed-out``.
        kind: how it failed: ``transient``, ``permanent`` or ``unknown``; empty where it was answered.
        milliseconds: how long it took.
        request: what was sent; None where it is not kept: the adapter calls nobody outside, or it is too large.
        answer: what came back; None where nothing did, or it is not kept.
        masked: whether ``request`` is not what was sent, because something in it is masked.
        digest: of what was sent, before anything was masked; empty where ``request`` is not kept.
        error: what went wrong; empty where nothing did.
        run_id: the run that called; 0 where none did.
    """

    at: datetime
    adapter: str
    plugin: str
    port: str
    hook: str
    key: str
    attempt: int
    items: int
    outcome: Outcome
    kind: str
    milliseconds: int
    request: Any
    answer: Any
    masked: bool
    digest: str
    error: str
    run_id: int
