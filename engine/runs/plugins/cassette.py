"""Cassettes out of the request log."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from engine.base.errors import Code, did_you_mean, refuse
from engine.base.files import whole
from engine.model.cassette import VERSION, Cassette, Taped
from engine.model.outbound import OutboundCall
from engine.ports.failure import UNKNOWN_ADAPTER
from engine.ports.hookspecs import PORTS
from engine.ports.loading import Wanted
from engine.store.books import Books

NOTHING_TAPED = Code("kit.nothing-taped", "A cassette of an adapter of which the request log keeps no calls.")


def taped(
    books: Books, tenant: str, adapters: Sequence[Wanted], adapter: str, limit: int, run: int | None, out: Path
) -> Cassette:
    """Write the newest calls of an adapter into a file, as the request log has them: masked.

    Raises:
        TollbookError: ``adapter.unknown``, ``kit.nothing-taped``, ``file.not-writable``.
    """
    wanted = next((one for one in adapters if one.name == adapter), None)
    if wanted is None:
        mend = did_you_mean(adapter, [one.name for one in adapters]) or "name one under adapters in config.yaml"
        raise refuse(UNKNOWN_ADAPTER, f"there is no adapter {adapter!r}", mend=mend)
    with books.reader() as reader:
        found = reader.requests(tenant, adapter=adapter, run_id=run, limit=limit)
        logged = [reader.request(tenant, one.id) for one in reversed(found)]
    calls = [one.call for one in logged if one is not None]
    kept = tuple(_taped(call) for call in calls if isinstance(call.request, list))
    if not kept:
        raise refuse(
            NOTHING_TAPED,
            f"the request log has no call of adapter {adapter!r} with what was sent",
            why=f"{len(calls)} calls are there, none with its content" if calls else "it has made none",
            mend="what adapters without outbound calls are sent is not kept; `tollbook requests list` shows what there is",
        )
    cassette = Cassette(VERSION, adapter, calls[-1].plugin, wanted.port, PORTS[wanted.port].version, kept)
    with whole(out) as part:
        part.write_bytes(msgspec.json.format(msgspec.json.encode(cassette), indent=1) + b"\n")
    return cassette


def _taped(call: OutboundCall) -> Taped:
    answer = call.answer if isinstance(call.answer, list) else None
    return Taped(call.hook, call.request, answer, call.outcome, call.kind, call.masked, call.error)
