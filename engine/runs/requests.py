"""The request log at work: one call looked at, and made again to see whether the answer is still the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from engine.base.errors import Code, TollbookError, refuse
from engine.model.effect import Effect
from engine.model.journal import Change
from engine.model.outbound import OutboundCall
from engine.model.tax import TaxRequest
from engine.ports.failure import AdapterFailed
from engine.ports.host import Host
from engine.ports.recording import digest_of
from engine.runs.delivering.run import to_tell
from engine.runs.run import Parts
from engine.store.records import LoggedCall

UNKNOWN = Code("request.unknown", "A call that the request log does not have.")
NOT_REPLAYABLE = Code("request.not-replayable", "A call that cannot be made again as it was.")

LOOKED_UP: Final = {"tax_documents": "documents", "tax_addresses": "address"}
"""Hooks that only look something up -> the verb that does it again."""


class Replayed(msgspec.Struct, frozen=True):
    """A call that was made again.

    ``before`` and ``after`` are the calls as they are logged, masked; ``differences`` are rows of (key of the item, field,
    before, after), None where there is no such field or answer.
    """

    id: int
    before: OutboundCall
    after: tuple[OutboundCall, ...]
    differences: tuple[tuple[str, str, Any, Any], ...]


class RequestDesk:
    """What people do with the request log."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def listed(self, adapter: str, run_id: int | None, failed: bool, limit: int) -> list[LoggedCall]:
        """Calls of the request log, the newest first, without what was sent and answered."""
        with self._parts.books.reader() as reader:
            return reader.requests(self._parts.tenant, adapter=adapter, run_id=run_id, failed=failed, limit=limit)

    def one(self, request_id: int) -> LoggedCall:
        """One call of the request log; see :func:`engine.runs.requests.request_of`."""
        return request_of(self._parts, request_id)

    def replay(self, request_id: int, change: Change) -> Replayed:
        """Make a call of the request log again; see :func:`engine.runs.requests.replay`."""
        return replay(self._parts, request_id, change)

    def purge(self, before: datetime, change: Change) -> int:
        """Erase the calls of the request log that began before a moment; how many there were."""
        with self._parts.books.writer(change, tenant=self._parts.tenant) as writer:
            return writer.purge_requests(self._parts.tenant, before)


def request_of(parts: Parts, request_id: int) -> LoggedCall:
    """A call of the request log.

    Raises:
        TollbookError: ``request.unknown``.
    """
    with parts.books.reader() as reader:
        found = reader.request(parts.tenant, request_id)
    if found is None:
        raise refuse(UNKNOWN, f"there is no request {request_id}", mend="`tollbook requests list` shows them")
    return found


def replay(parts: Parts, request_id: int, change: Change) -> Replayed:
    """Make a call again, and compare the answers.  Nothing but the audit and the request log is written.

    What only asks is asked again with what was sent.  What tells is told again with the payloads of the books and the same
    keys, if they are what was sent: the adapter's contract makes that harmless.

    Raises:
        TollbookError: ``request.unknown``, ``request.not-replayable``, ``adapter.unknown``.
    """
    before = request_of(parts, request_id).call
    seen: list[OutboundCall] = []
    host = parts.host.of_run(0, seen.append)
    again = _prepared(parts, host, request_id, before)
    with parts.books.writer(change, tenant=parts.tenant) as writer:
        writer.audit("replay request", f"request/{request_id}", None, {"adapter": before.adapter, "hook": before.hook})
    try:
        again()
    except AdapterFailed:
        if not seen:  # the adapter rests: nothing was asked
            raise
    return Replayed(request_id, before, tuple(seen), tuple(_differences(before, seen)))


def _prepared(parts: Parts, host: Host, request_id: int, before: OutboundCall) -> Any:
    """What makes the call again, when it is called.

    Raises:
        TollbookError: ``request.not-replayable``.
    """

    def no(what: str, why: str = "") -> TollbookError:
        return refuse(NOT_REPLAYABLE, f"request {request_id} cannot be made again: {what}", why=why)

    if before.request is None:
        raise no("what was sent is not kept", "its adapter calls nobody outside")
    if before.hook == "tax_quote":
        if before.masked:
            raise no("what was sent is not kept whole", "a part of it is masked, or it is too large")
        requests = msgspec.convert(before.request, list[TaxRequest])
        return lambda: host.ask_tax(before.adapter, requests)
    if before.hook in LOOKED_UP:
        raise no("it was a look-up", f"`tollbook tax {LOOKED_UP[before.hook]}` makes it anew")
    effects = _effects(parts, before)
    if effects is None or digest_of(effects) != before.digest:
        raise no("the books would send something else under its keys", "the same key stands for one payload only")
    if before.hook in ("delivery_status", "clearance_status", "tax_status", "psp_status"):
        return lambda: host.status(before.adapter, effects)
    return lambda: host.tell(before.adapter, effects)


def _effects(parts: Parts, before: OutboundCall) -> list[Effect] | None:
    """The effects of a call as the books have them, in the order in which they were sent; None if one is not there."""
    keys = [item["key"] for item in before.request] if isinstance(before.request, list) else []
    with parts.books.reader() as reader:
        kept = {effect.key: effect for effect in reader.effects(parts.tenant, keys) if effect.port == before.port}
        documents = to_tell(parts, reader, before.port, [*kept.values()]).documents
    if not keys or any(key not in documents for key in keys):
        return None
    return [Effect(key, kept[key].port, kept[key].kind, documents[key]) for key in keys]


def _differences(before: OutboundCall, after: Sequence[OutboundCall]) -> list[tuple[str, str, Any, Any]]:
    then, now = _answers([before]), _answers(after)
    rows = [
        (key, field, then.get(key, {}).get(field), now.get(key, {}).get(field))
        for key in dict.fromkeys([*then, *now])
        for field in dict.fromkeys([*then.get(key, {}), *now.get(key, {})])
    ]
    return [row for row in rows if row[2] != row[3]]


def _answers(calls: Sequence[OutboundCall]) -> dict[str, Mapping[str, Any]]:
    """Answers by key; what a call that failed said stands under an empty key."""
    found: dict[str, Mapping[str, Any]] = {}
    for call in {call.key: call for call in calls}.values():  # the last attempt of each
        answer = msgspec.json.decode(msgspec.json.encode(call.answer))  # as the books give it back
        if isinstance(answer, list):
            found |= {str(item.get("key")): item for item in answer if isinstance(item, Mapping)}
        if call.error:
            found[""] = {"error": call.error}
    return found
