"""Usage that comes late or was wrong: one file of events, with a look beforehand at what it changes.

A file is added to the books, or stands for all that a source has counted on a range of days.  In the second case the
difference is written: an event that is no longer there is taken back, one that is there with other values is taken back
and sent again under a key that is made of its own and of its values, and what is new is put in.  The same file again
changes nothing.

A dry run is the real one, in a transaction that is not kept, with the dry run of a bill before and after it.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import msgspec

from engine.base.errors import Code, Finding, TollbookError, Where, refuse
from engine.base.money import ZERO
from engine.model.journal import Change
from engine.runs.billing.preview import preview
from engine.runs.billing.read import Pinned, scope_of
from engine.runs.intake import usage
from engine.runs.intake.columns import Good, Quick
from engine.runs.intake.formats import FORMATS
from engine.runs.intake.session import Refused, Session, Source, Tally, good_blocks, refused
from engine.runs.run import Clock, Parts, silent
from engine.store.books import Books
from engine.store.reader import Reader
from engine.store.usage_range import events_between, keys_like
from engine.store.writer import Writer

INCOMPLETE = Code("usage.incomplete", "A file that stands for all usage of some days, with a row that cannot be taken.")
OUTSIDE = Code("usage.outside", "An event of another source or day than the file stands for.")
NO_RANGE = Code("usage.no-range", "What a file of usage stands for is not written as SOURCE:FROM/TO.")

RUN: Final = "usage"
"""Kind of the runs that files of usage are written under."""
MARK: Final = "~"
"""Between a key and what makes it another one, where an event is sent again with other values."""
_AGAIN: Final = re.compile(rf"{MARK}[0-9a-f]{{12}}(?:{MARK}[0-9]+)?$")
"""The end of a key that was made here."""
_FORM: Final = FORMATS["usage"]
_BODY: Final = ("subscription_id", "meter", "at", "quantity", "dimensions")

Row = tuple[Any, ...]


class Range(msgspec.Struct, frozen=True):
    """All that a source has counted on days from ``begins`` up to, not including, ``ends``."""

    source: str
    begins: date
    ends: date


class Moved(msgspec.Struct, frozen=True):
    """How far a quantity moves: of a meter of a subscription, or, in money before tax, on the next bill of an account."""

    entity: str
    owner: str
    of: str
    difference: Decimal


class Backfilled(msgspec.Struct, frozen=True):
    """What a file did, or would do (``dry``): events that are ``new``, ``known``, taken ``back``, and ``refused``, of which
    some ``conflict`` with what is there; quantities by subscription and meter; money by account and currency, told by a dry run."""

    dry: bool
    new: int
    known: int
    back: int
    conflict: int
    refused: int
    quantities: tuple[Moved, ...]
    money: tuple[Moved, ...]
    findings: tuple[Finding, ...]


def range_of(text: str) -> Range:
    """``SOURCE:FROM/TO`` as a range; TO is the day after the last.

    Raises:
        TollbookError: ``usage.no-range``.
    """
    source, _, days = text.rpartition(":")
    first, _, last = days.partition("/")
    try:
        made = Range(source, date.fromisoformat(first), date.fromisoformat(last))
    except ValueError:
        made = Range("", date.min, date.min)
    if not made.source or made.begins >= made.ends:
        mend = "write it as in phones:2026-01-01/2026-02-01; the second is the day after the last"
        raise refuse(NO_RANGE, f"{text!r} is no source and days", mend=mend)
    return made


class _Undo(Exception):
    """Nothing of the transaction is kept."""


def backfill(
    parts: Parts, path: Path, change: Change, today: date, *, instead: Range | None = None, dry_run: bool = False
) -> Backfilled:
    """Write the events of a file, or show what that would do.  One transaction: all of it, or nothing.

    ``instead`` says what the file stands for; without it its events are added.  The money is that of a bill on ``today``.

    Raises:
        TollbookError: the file cannot be read; ``usage.incomplete``.
    """
    session = Session(parts.books, parts.tenant, change, today, path.name, silent)
    source = Source(_FORM, path, path.name, 0, "")
    tally = Tally(source)
    events = _events(session, source, tally)
    if instead is not None:
        _complete(tally, events, instead)
    told: Backfilled | None = None
    try:
        with parts.books.writer(change, 0, parts.tenant) as writer:
            before = _bill(parts, writer, today, change) if dry_run else {}
            told = _written(parts.tenant, writer, events, tally, instead)
            after = _bill(parts, writer, today, change) if dry_run else {}
            money = tuple(
                Moved(*key, after.get(key, ZERO) - before.get(key, ZERO)) for key in sorted({*before, *after})
            )
            told = msgspec.structs.replace(told, dry=dry_run, money=tuple(one for one in money if one.difference))
            if dry_run:
                raise _Undo
            _keep_run(writer, parts.tenant, path, today, told)
    except _Undo:
        pass
    assert told is not None
    return told


def _events(session: Session, source: Source, tally: Tally) -> list[tuple[Good, Row]]:
    """The events of a file that have their place, with their rows; the others go to the tally."""
    places, early, unknown = usage.Places(session), dict[usage.Key, usage.Early](), dict[str, usage.Undeclared]()
    events: list[tuple[Good, Row]] = []
    try:
        for block in good_blocks(source, Quick(_FORM, session.today), tally):
            good, rows = usage.placed(block.rows(), places, tally, early, unknown)
            events += zip(good, rows, strict=True)
    except Refused as error:
        refused(tally, error)
        raise TollbookError(tally.all_findings()) from error
    tally.note(usage.before_start(one) for one in early.values())
    tally.note(usage.undeclared(one) for one in unknown.values())
    return events


def _complete(tally: Tally, events: Sequence[tuple[Good, Row]], instead: Range) -> None:
    """Refuse a file of which something would be missed: that would be taken back."""
    for good, row in events:
        named = dict(zip(usage.ROW, row, strict=True))
        if named["source"] != instead.source or not instead.begins <= named["day"] < instead.ends:
            what = f"event {named['key']!r} is of source {named['source']!r} and {named['day']}"
            why = f"the file stands for source {instead.source!r} from {instead.begins} up to {instead.ends}"
            tally.refuse_row(Finding(OUTSIDE, good.where, what, why, "take it out, or name the days that it is of"))
    if tally.quarantined:
        what = f"{tally.quarantined} of {tally.rows} rows cannot be taken"
        why, mend = "what they stand for would be taken back", "mend them; nothing was changed"
        error = Finding(INCOMPLETE, Where(tally.source.name), what, why, mend)
        raise TollbookError([error, *tally.all_findings()])


def _written(
    tenant: str, writer: Writer, events: Sequence[tuple[Good, Row]], tally: Tally, instead: Range | None
) -> Backfilled:
    names = {row[usage.ROW.index("subscription_id")]: good.values["subscription"] for good, row in events}
    kept, back = 0, list[dict[str, Any]]()
    rows = [row for _, row in events]
    if instead is not None:
        there = events_between(writer.reader, tenant, instead.source, instead.begins, instead.ends)
        rows, back = _difference(writer.reader, tenant, rows, there)
        kept = len(events) - len(rows)
        heads = ("tenant", "entity", "source", "key", "id", "subscription_id", "meter", "day")
        writer.put_reversals([tuple(one[name] for name in heads) for one in back])
    outcome = writer.put_usage(rows)
    if outcome.conflicts:
        found = usage.conflicts(writer.reader, tenant, [events[at][0] for at in outcome.conflicts])
        for finding in found:
            tally.refuse_row(finding)
    left_out = {*outcome.conflicts, *outcome.repeats}
    fresh = [dict(zip(usage.ROW, row, strict=True)) for at, row in enumerate(rows) if at not in left_out]
    names |= usage.names_of(writer.reader, {one["subscription_id"] for one in back} - names.keys())
    quantities = _moved(fresh, back, names)
    clashing, findings = len(outcome.conflicts), tuple(tally.all_findings())
    return Backfilled(
        False, outcome.inserted, outcome.same + kept, len(back), clashing, tally.quarantined, quantities, (), findings
    )


def _difference(
    reader: Reader, tenant: str, rows: Sequence[Row], there: Sequence[dict[str, Any]]
) -> tuple[list[Row], list[dict[str, Any]]]:
    """Rows that are not in the books yet, under keys of their own, and events of the books that are no more."""
    known: dict[tuple[Any, ...], list[dict[str, Any]]] = defaultdict(list)
    for event in there:
        known[_meant(event)].append(event)
    fresh: list[dict[str, Any]] = []
    for row in rows:
        named = dict(zip(usage.ROW, row, strict=True))
        same = known.get(_meant(named))
        if same:
            same.pop()
        else:
            fresh.append(named)
    back = sorted((event for events in known.values() for event in events), key=lambda event: event["id"])
    for entity, source in sorted({(one["entity"], one["source"]) for one in fresh}):
        mine = [one for one in fresh if (one["entity"], one["source"]) == (entity, source)]
        taken = keys_like(reader, tenant, entity, source, {one["key"] for one in mine}, MARK)
        for one in mine:
            one["key"] = next(key for key in _keys(one) if key not in taken)
    return [tuple(one[name] for name in usage.ROW) for one in fresh], back


def _meant(event: Mapping[str, Any]) -> tuple[Any, ...]:
    """What makes two events the same: the key that their source gave them, and their values."""
    return event["entity"], event["source"], _AGAIN.sub("", event["key"]), *(event[name] for name in _BODY)


def _keys(event: Mapping[str, Any]) -> Iterator[str]:
    """The keys that an event may have, in the order in which they are tried."""
    yield event["key"]
    body = f"{event['subscription_id']} {event['meter']} {event['at'].isoformat()} {event['quantity'].normalize():f}"
    body += f" {event['dimensions']}" if event["dimensions"] else ""
    made = f"{event['key']}{MARK}{hashlib.sha256(body.encode()).hexdigest()[:12]}"
    yield made
    number = 2
    while True:
        yield f"{made}{MARK}{number}"
        number += 1


def _moved(
    fresh: Sequence[Mapping[str, Any]], back: Sequence[Mapping[str, Any]], names: Mapping[int, str]
) -> tuple[Moved, ...]:
    """How far quantities move, by subscription and meter."""
    sums: dict[tuple[str, str, str], Decimal] = defaultdict(lambda: ZERO)
    for sign, events in ((1, fresh), (-1, back)):
        for event in events:
            sums[event["entity"], names[event["subscription_id"]], event["meter"]] += sign * event["quantity"]
    return tuple(
        Moved(*key, Decimal(f"{difference.normalize():f}")) for key, difference in sorted(sums.items()) if difference
    )


class _Within(Books):
    """The books as a transaction sees them that is not finished."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    @contextmanager
    def reader(self) -> Iterator[Reader]:
        yield self._reader


def _bill(parts: Parts, writer: Writer, on: date, change: Change) -> dict[tuple[str, str, str], Decimal]:
    """What the dry run of a bill comes to now, before tax, by legal entity, account and currency."""
    seen = {"usage": writer.roll_up_usage(parts.tenant), "events": writer.reader.high_marks()[1]}
    pinned = Pinned(0, on, scope_of(None), parts.rules.release, seen, change)
    inside = msgspec.structs.replace(parts, books=_Within(writer.reader))
    sums: dict[tuple[str, str, str], Decimal] = defaultdict(Decimal)
    for invoice in preview(inside, pinned, Clock(), silent).details:
        for line in invoice["lines"]:
            sums[invoice["entity"], line["account"], invoice["currency"]] += Decimal(line["amount"])
    return sums


def _keep_run(writer: Writer, tenant: str, path: Path, today: date, told: Backfilled) -> None:
    """Keep counts and findings with a run, where something changed or is to be told."""
    if not (told.new or told.back or told.findings):
        return
    content = hashlib.sha256(path.read_bytes()).hexdigest()
    run = writer.start_run(tenant, RUN, today.isoformat(), f"{path.name}:{content[:16]}", "")
    if not run.new:
        return
    writer.note_intake(tenant, path.name, content, told.new + told.known, told.refused)
    writer.add_findings(tenant, told.findings, run.id)
    counts = {"new": told.new, "known": told.known, "back": told.back, "refused": told.refused}
    writer.finish_run(run.id, {"counts": counts})
