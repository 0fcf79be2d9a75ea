"""The matching run: open bank entries against open documents; what is sure is applied, all else becomes an exception.

What a run has done it does not do again: it looks at what is not used of the entries.  Payments are written a few at a time; a
run that is broken off leaves those that are written, and the next one goes on with the rest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import msgspec

from engine.base.errors import Finding, TollbookError
from engine.model.cash import RUN_MATCH
from engine.model.journal import Change
from engine.model.matching import Match
from engine.runs.cash.matched import Done, Matching
from engine.runs.run import Parts, attempt


class Matched(msgspec.Struct, frozen=True):
    """What a matching run did, or would do."""

    run_id: int
    on: date
    dry: bool
    counts: Mapping[str, int]
    entries: tuple[Done, ...]
    findings: tuple[Finding, ...]


def run_match(parts: Parts, on: date, change: Change | None) -> Matched:
    """Match the open bank entries of all legal entities; without a ``change`` it is a dry run, which only reads."""
    done: list[Done] = []
    findings: list[Finding] = []
    with parts.books.reader() as reader:
        entities = reader.entities(parts.tenant)
        work = [(entity, Matching(parts, reader, entity, on)) for entity in entities.values()]
        if change is None:
            done = [one for _, mine in work for one in mine.foreseen(reader)]
            return _told(0, on, done, findings, dry=True)
    run_id = _start(parts, on, change)
    for _, mine in work:
        for some in mine.portions():
            done += _written(parts, mine, some, change, run_id, findings)
    told = _told(run_id, on, done, findings)
    with parts.books.writer(change, run_id, parts.tenant) as writer:
        writer.lock_run(run_id)
        writer.add_findings(parts.tenant, findings)
        writer.finish_run(run_id, {"counts": dict(told.counts)})
    return told


def _start(parts: Parts, on: date, change: Change) -> int:
    rules = parts.rules
    with parts.books.writer(change, tenant=parts.tenant) as writer:
        writer.store_release(parts.tenant, rules.release, rules.files, rules.overrides, rules.plugins)
        writer.store_decisions(rules.decisions())
        started = writer.start_run(parts.tenant, RUN_MATCH, on.isoformat(), "all", rules.release)
        if not started.new:
            writer.lock_run(started.id)
            writer.resume_run(started.id)
    return started.id


def _written(
    parts: Parts, mine: Matching, some: Sequence[Match], change: Change, run_id: int, findings: list[Finding]
) -> list[Done]:
    """Write some matches in one transaction; where one of them cannot be, each in its own, and what is refused as an exception
    with the reason: nothing of it is half done."""

    def write() -> list[Done]:
        with parts.books.writer(change, run_id, parts.tenant) as writer:
            return mine.write(writer, some)

    if len(some) > 1:
        try:
            return write()
        except TollbookError:
            return [done for one in some for done in _written(parts, mine, [one], change, run_id, findings)]
    refused: list[Finding] = []
    done = attempt(write, f"bank-entry/{some[0].payment}", refused)
    if done is not None:
        return done
    findings.extend(msgspec.structs.replace(one, level="warning") for one in refused)
    with parts.books.writer(change, run_id, parts.tenant) as writer:
        return [mine.refused(writer, some[0], refused)]


def _told(run_id: int, on: date, done: Sequence[Done], findings: Sequence[Finding], *, dry: bool = False) -> Matched:
    counts: dict[str, int] = {"entries": len(done)}
    for one in done:
        counts[one.state] = counts.get(one.state, 0) + 1
    return Matched(run_id, on, dry, counts, tuple(done), tuple(findings))
