"""Loading subscription events: each subscription's events are judged together, with those that are in the books."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final
from zlib import crc32

import msgspec

from engine.base.errors import Code, Finding
from engine.base.period import local_day
from engine.model.subscription import SubscriptionEvent
from engine.runs.intake.formats import FORMATS, Format
from engine.runs.intake.masters import conflict
from engine.runs.intake.references import Known, resolve
from engine.runs.intake.rows import CONTRADICTION, rules_of, subject_of
from engine.runs.intake.sequence import admit, followed, why_not
from engine.runs.intake.session import Good, Refused, Session, Source, Tally, chunks, good_rows, refused
from engine.runs.subscriptions import versions
from engine.store import lookups
from engine.store.records import Outcome
from engine.store.writer import Writer

EVENT_ORDER = Code("intake.event-order", "A subscription event that makes no sense beside the others.")
RESTART = Code("intake.restart", "A subscription that starts again after its end; it is loaded all the same.")
NO_START = Code("intake.no-start", "A subscription without a start event, which bills nothing.")

PASS_BYTES: Final = 64 << 20
"""Bytes of files whose events are held at a time; more are read several times, each time for other subscriptions."""
SUBSCRIPTIONS: Final = 2_000
"""Subscriptions that are judged and written at a time."""

Key = tuple[str, str]
_BODY: Final = ("kind", "on", "plan", "quantity", "charge", "amount", "anchor_day", "at", "coupon", "payer")
_FORM: Final = FORMATS["subscription_events"]


class _Found(msgspec.Struct, frozen=True, gc=False):
    row: Good
    tally: Tally


def load(session: Session, form: Format, sources: Sequence[Source]) -> None:
    """Load all files of subscription events.  Events of one subscription may stand anywhere in them, in any order."""
    tallies = {source: session.tally(source) for source in sources}
    passes = 1 + sum(source.size for source in sources) // PASS_BYTES
    known = Known(session)
    for number in range(passes):
        groups: dict[Key, list[_Found]] = {}
        for source in sources:
            for row in _read(session, source, tallies[source], known, passes, number):
                groups.setdefault((row.values["entity"], row.values["subscription"]), []).append(
                    _Found(row, tallies[source])
                )
        done = 0
        for chunk in chunks(groups.items(), SUBSCRIPTIONS):
            _load(session, dict(chunk), known)
            done += len(chunk)
            session.progress(form.kind, done, len(groups))


def _read(session: Session, source: Source, tally: Tally, known: Known, passes: int, number: int) -> Iterator[Good]:
    """Rows of one pass, whose references exist."""

    def mine(row: Mapping[str, str] | None) -> bool:
        key = (row.get("subscription") or "").strip() if row else ""
        return crc32(key.encode("utf-8", "surrogatepass")) % passes == number

    rules = rules_of(_FORM, session.today)
    try:
        for chunk in chunks(good_rows(source, rules, tally, mine if passes > 1 else None), SUBSCRIPTIONS):
            yield from resolve(known, _FORM, chunk, tally)
    except Refused as error:
        if not tally.refused:
            refused(tally, error)


def _load(session: Session, groups: Mapping[Key, Sequence[_Found]], known: Known) -> None:
    """Judge the events of some subscriptions and write those that make sense, in one transaction."""
    records = known.find("subscriptions", groups)
    with session.books.reader() as reader:
        stored = lookups.events_of(reader, [records[key]["id"] for key in groups])
    rows: list[tuple[Any, ...]] = []
    accepted: list[_Found] = []
    zones = _zones(known, {key: records[key]["account"] for key in groups}, groups)
    for key, found in groups.items():
        ident = records[key]["id"]
        fresh = _fresh(stored.get(ident, []), [one for one in found if _on_its_day(one, zones.get(key))])
        fresh = {name: one for name, one in fresh.items() if _of_its_version(session, one, stored.get(ident, []))}
        events = {event.key: event for event in map(_event, fresh.values())}
        good, bad = admit(stored.get(ident, []), list(events.values()))
        for event in good:
            rows.append((session.tenant, key[0], ident, event.key, *_body(event)))
            accepted.append(fresh[event.key])
        everything = followed(stored.get(ident, []), good)
        for event in bad:
            _refuse(fresh[event.key], event, everything)
        _warn_of_restarts(everything, found)
    if rows:
        outcome = session.write(partial(_write, rows))
        _count(session, rows, accepted, frozenset(outcome.conflicts))


def _zones(known: Known, accounts: Mapping[Key, str], groups: Mapping[Key, Sequence[_Found]]) -> dict[Key, str]:
    """The zones of the accounts of subscriptions some of whose events say at what instant they happened."""
    wanted = {key: (key[0], accounts[key]) for key, rows in groups.items() if any(row.row.values["at"] for row in rows)}
    found = known.find("accounts", wanted.values()) if wanted else {}
    return {key: found[account]["zone"] for key, account in wanted.items() if account in found}


def _on_its_day(found: _Found, zone: str | None) -> bool:
    """Whether an event's instant, if it says one, is on its day there; one that is not is quarantined."""
    values = found.row.values
    if values["at"] is None or zone is None or (day := local_day(values["at"], zone)) == values["on"]:
        return True
    what = f"at {values['at']:%Y-%m-%dT%H:%M:%SZ} is on {day} in {zone}, but on says {values['on']}"
    mend = f"write {day}, or correct the instant"
    subject = subject_of(_FORM, values)
    found.tally.refuse_row(Finding(CONTRADICTION, found.row.where, what, mend=mend, subject=subject))
    return False


def _of_its_version(session: Session, found: _Found, events: Sequence[SubscriptionEvent]) -> bool:
    """Whether the subscription is as an event's author has seen it; an event of another version is quarantined."""
    version, key = found.row.values["if_version"], found.row.values["subscription"]
    if version is None or version == len(events):
        return True
    with session.books.reader() as reader:
        (finding,) = versions.conflict(reader, session.tenant, key, events, version).findings
    subject = subject_of(_FORM, found.row.values)
    found.tally.refuse_row(msgspec.structs.replace(finding, where=found.row.where, subject=subject))
    return False


def _count(
    session: Session, rows: Sequence[tuple[Any, ...]], accepted: Sequence[_Found], conflicts: frozenset[int]
) -> None:
    """Count what was written; conflicts are with what somebody else has written meanwhile."""
    with session.books.reader() as reader:
        there = lookups.events_of(reader, [rows[place][2] for place in conflicts]) if conflicts else {}
    for place, (row, found) in enumerate(zip(rows, accepted, strict=True)):
        if place in conflicts:
            first = next(event for event in there[row[2]] if event.key == row[3])
            found.tally.refuse_row(_conflict(found, _body(first)))
        else:
            found.tally.new += 1


def _conflict(found: _Found, body: tuple[Any, ...]) -> Finding:
    known = dict(zip(_BODY, body, strict=True))
    return conflict(_FORM, found.row, {**found.row.values, **known})


def _write(rows: Sequence[tuple[Any, ...]], writer: Writer) -> Outcome:
    return writer.put_subscription_events(rows)


def _event(found: _Found) -> SubscriptionEvent:
    values = found.row.values
    return SubscriptionEvent(0, values["key"], *(values[name] for name in _BODY))


def _fresh(stored: Sequence[SubscriptionEvent], found: Sequence[_Found]) -> dict[str, _Found]:
    """Events that are not known yet, by key; the same again is counted, a key with another body is quarantined."""
    there = {event.key: _body(event) for event in stored}
    fresh: dict[str, _Found] = {}
    for one in found:
        event = _event(one)
        if event.key not in there:
            there[event.key] = _body(event)
            fresh[event.key] = one
        elif there[event.key] == _body(event):
            one.tally.same += 1
        else:
            one.tally.refuse_row(_conflict(one, there[event.key]))
    return fresh


def _body(event: SubscriptionEvent) -> tuple[Any, ...]:
    return tuple(getattr(event, name) for name in _BODY)


def _refuse(found: _Found, event: SubscriptionEvent, others: Sequence[SubscriptionEvent]) -> None:
    against, mend = why_not(others, event)
    what = f"{event.kind} on {event.on} does not fit the other events of the subscription"
    subject = subject_of(_FORM, found.row.values)
    found.tally.refuse_row(Finding(EVENT_ORDER, found.row.where, what, against, mend, subject=subject))


def _warn_of_restarts(everything: Sequence[SubscriptionEvent], found: Sequence[_Found]) -> None:
    """Warn of starts after an end, whether they are new or known."""
    starts = sorted((event for event in everything if event.kind == "start"), key=lambda event: (event.on, event.id))
    again = {event.key: _body(event) for event in starts[1:]}
    for one in found:
        event = _event(one)
        if again.pop(event.key, None) == _body(event):
            what = f"the subscription starts again on {event.on}, after its end"
            why, mend = "it started before", "look whether another subscription was meant"
            subject = subject_of(_FORM, one.row.values)
            one.tally.note([Finding(RESTART, one.row.where, what, why, mend, "warning", subject)])


def without_start(session: Session, sources: Sequence[Source]) -> None:
    """Warn of subscriptions in the files that have no start event, now that events are loaded."""
    form = FORMATS["subscriptions"]
    rules, known = rules_of(form, session.today), Known(session)
    tallies = {tally.source: tally for tally in session.tallies}
    for source in sources:
        if tallies[source].refused:
            continue
        for chunk in chunks(good_rows(source, rules, Tally(source)), SUBSCRIPTIONS):
            found = known.find("subscriptions", {(row.values["entity"], row.values["key"]) for row in chunk})
            with session.books.reader() as reader:
                started = lookups.first_starts(reader, [record["id"] for record in found.values()])
            for row in chunk:
                record = found.get((row.values["entity"], row.values["key"]))
                if record and record["id"] not in started:
                    what = f"subscription {row.values['key']!r} has no start event"
                    why, mend = "it bills nothing until it starts", "import its start as a subscription event"
                    subject = subject_of(form, row.values)
                    tallies[source].note([Finding(NO_START, row.where, what, why, mend, "warning", subject)])
