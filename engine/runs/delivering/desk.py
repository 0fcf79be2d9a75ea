"""The desk of deliveries: every document with how far it has come, and the evidence; sending one again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from engine.base.errors import Code, refuse
from engine.model.effect import Effect
from engine.model.journal import Change
from engine.model.worklist import CORRECTED
from engine.runs.delivering.receipts import KIND, subject_of
from engine.runs.delivering.run import PORT
from engine.runs.delivering.telling import in_doubt
from engine.runs.delivering.ways import SPLIT as SPLIT_MARK
from engine.store import tracing
from engine.store.books import Books
from engine.store.reader import Reader
from engine.store.records import HeardReceipt, OutboxEffect

UNKNOWN = Code("delivery.unknown", "A delivery that is to be shown or sent again and that is not there.")
UNDERWAY = Code("delivery.underway", "A document to be sent again that is still on its way.")

SPLIT: Final = "split"
"""State of a document that goes by other ways than the routing rules led to."""


class DeliveryDesk:
    """What people ask of deliveries, and do with them."""

    def __init__(self, books: Books, tenant: str) -> None:
        self._books, self._tenant = books, tenant

    def listed(self, state: str = "", limit: int = 100) -> list[dict[str, Any]]:
        """Deliveries, the newest first: in one state, or all.

        ``pending``: it waits.  ``in_doubt``: it was told, and nobody knows what came of it.  ``accepted``: its adapter has it.
        ``produced``, ``handed_over``, ``delivered``, ``delayed``, ``opened``, ``bounced``: what was heard last.  ``rejected``: it will never be sent.  ``split``: it
        goes by other ways, which are deliveries of their own.
        """
        asked = {"in_doubt": "pending", SPLIT: "accepted"}.get(state, state)
        with self._books.reader() as reader:
            found = _shown(reader, self._tenant, reader.told(self._tenant, PORT, asked, limit))
        return [one for one in found if state in ("", one["state"])]

    def one(self, number: int) -> dict[str, Any]:
        """A delivery with the adapter's answer and everything that was heard since.

        Raises:
            TollbookError: ``delivery.unknown``.
        """
        with self._books.reader() as reader:
            effect = self._effect(reader, number)
            (shown,) = _shown(reader, self._tenant, [effect])
            heard = [msgspec.structs.asdict(one) for one in reader.receipts(self._tenant, [effect.key])]
        return {**shown, "key": effect.key, "answer": effect.answer, "receipts": heard}

    def again(self, number: int, change: Change) -> dict[str, Any]:
        """Send a document again that came back or was rejected: as another act, whose key says which time it is.

        Raises:
            TollbookError: ``delivery.unknown``, ``delivery.underway``.
        """
        with self._books.writer(change, tenant=self._tenant) as writer:
            effect = self._effect(writer.reader, number)
            (shown,) = _shown(writer.reader, self._tenant, [effect])
            if shown["state"] in ("pending", "in_doubt", SPLIT):
                what = f"delivery {number} is {shown['state'].replace('_', ' ')}"
                mend = "`tollbook deliver` takes it up; what it is told is under the same key"
                mend = (
                    "send one of its ways again: `tollbook delivery list` shows them"
                    if shown["state"] == SPLIT
                    else mend
                )
                raise refuse(UNDERWAY, what, mend=mend)
            key = _next(effect.key)
            known = writer.reader.effects(self._tenant, [key])
            if not known:
                writer.add_effects(
                    self._tenant, effect.entity, [(Effect(key, PORT, effect.kind, effect.payload), effect.adapter)]
                )
                known = writer.reader.effects(self._tenant, [key])
                ways = writer.reader.ways(self._tenant, [effect.key])
                again = [msgspec.structs.replace(way, effect=key, fallback=()) for way in ways.values()]
                writer.add_ways(self._tenant, effect.entity, again)
            for item in writer.reader.work_items(self._tenant, kinds=(KIND,), state="unresolved", limit=100_000):
                if item.subject == subject_of(effect):
                    writer.resolve_item(self._tenant, item.id, CORRECTED, "sent again")
            return _shown(writer.reader, self._tenant, known)[0]

    def _effect(self, reader: Reader, number: int) -> OutboxEffect:
        found = reader.effect(self._tenant, PORT, number)
        if found is None:
            raise refuse(UNKNOWN, f"there is no delivery {number}", mend="`tollbook delivery list` shows them")
        return found


def _next(key: str) -> str:
    """The key of the next time that a document is sent."""
    before, mark, times = key.rpartition("#")
    return f"{before}#{int(times) + 1}" if mark and times.isdecimal() else f"{key}#2"


def _shown(reader: Reader, tenant: str, effects: Sequence[OutboxEffect]) -> list[dict[str, Any]]:
    """Deliveries as people see them."""
    numbers = tracing.numbers(
        reader, sorted({effect.payload["invoice_id"] for effect in effects if "invoice_id" in effect.payload})
    )
    ways = reader.ways(tenant, [effect.key for effect in effects])
    heard: dict[str, HeardReceipt] = {r.effect_key: r for r in reader.receipts(tenant, [e.key for e in effects])}
    return [
        {
            "delivery": effect.id,
            "document": numbers.get(effect.payload["invoice_id"], "")
            if "invoice_id" in effect.payload
            else effect.kind,
            "entity": effect.entity,
            "adapter": effect.adapter,
            "role": ways[effect.key].role if effect.key in ways else "required",
            "instead_of": ways[effect.key].instead_of if effect.key in ways else "",
            "state": _state(effect, heard.get(effect.key)),
            "attempts": effect.attempts,
            "next_at": effect.next_at,
            "said": _said(effect.answer, heard.get(effect.key)),
        }
        for effect in effects
    ]


def _state(effect: OutboxEffect, last: HeardReceipt | None) -> str:
    if last is not None:
        return last.state
    if SPLIT_MARK in ((effect.answer or {}).get("evidence") or {}):
        return SPLIT
    return "in_doubt" if effect.state == "pending" and in_doubt(effect) else effect.state


def _said(answer: Mapping[str, Any] | None, last: HeardReceipt | None) -> str:
    if last is not None and last.reason:
        return last.reason
    return str((answer or {}).get("reason", ""))
