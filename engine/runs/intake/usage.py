"""Loading usage events in chunks: the stream that decides how long an import takes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import partial
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from engine.base.errors import Code, Finding
from engine.base.period import zone
from engine.runs.intake.formats import FORMATS, Format
from engine.runs.intake.masters import conflict
from engine.runs.intake.references import KEPT, UNKNOWN_REFERENCE, Known, resolve
from engine.runs.intake.rows import Rules, rules_of, subject_of
from engine.runs.intake.session import CHUNK, Good, Refused, Session, Source, Tally, chunks, good_rows, refused
from engine.store import lookups
from engine.store.reader import Reader
from engine.store.records import Outcome
from engine.store.writer import Writer

BEFORE_START = Code("intake.before-start", "Usage of days before its subscription starts; it is loaded all the same.")

Key = tuple[str, str]
_FORM: Final = FORMATS["usage"]


class Taken(msgspec.Struct, frozen=True, gc=False):
    """A subscription as usage needs it: its id, the zone of its account, the day of its first start if it has one."""

    id: int
    zone: ZoneInfo
    start: date | None


class Early(msgspec.Struct):
    """Usage of one subscription before its start: the first row, how many there are, the first and last day."""

    row: Good
    start: date | None
    count: int
    first: date
    last: date


class Subscriptions:
    """Subscriptions that exist, as far as they were asked for."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self._taken: dict[Key, Taken] = {}

    def find(self, keys: set[Key]) -> dict[Key, Taken]:
        """Subscriptions by (legal entity, key); at least the given ones, where they exist."""
        missing = keys - self._taken.keys()
        if missing:
            if len(self._taken) > KEPT:
                self._taken, missing = {}, keys
            with self.session.books.reader() as reader:
                for entity in {entity for entity, _ in missing}:
                    wanted = [key for owner, key in missing if owner == entity]
                    found = reader.subscription_ids(self.session.tenant, entity, wanted)
                    starts = lookups.first_starts(reader, [ident for ident, _, _ in found.values()])
                    for key, (ident, _, name) in found.items():
                        self._taken[entity, key] = Taken(ident, zone(name), starts.get(ident))
        return self._taken


def load(session: Session, form: Format, sources: Sequence[Source]) -> None:
    """Load all files of usage events, each chunk in one transaction."""
    rules, known, subscriptions = rules_of(form, session.today), Known(session), Subscriptions(session)
    for source in sources:
        tally = session.tally(source)
        try:
            _load_file(session, rules, source, tally, known, subscriptions)
        except Refused as error:
            refused(tally, error)


def _load_file(
    session: Session, rules: Rules, source: Source, tally: Tally, known: Known, subscriptions: Subscriptions
) -> None:
    early: dict[Key, Early] = {}
    for chunk in chunks(good_rows(source, rules, tally), CHUNK):
        chunk, rows = placed(session.tenant, chunk, subscriptions, known, tally, early)
        outcome = session.write(partial(_write, rows))
        tally.add(outcome)
        if outcome.conflicts:
            with session.books.reader() as reader:
                found = conflicts(reader, session.tenant, [chunk[position] for position in outcome.conflicts])
            for finding in found:
                tally.refuse_row(finding)
        session.show(tally)
    tally.note(before_start(one) for one in early.values())


def placed(
    tenant: str,
    chunk: Sequence[Good],
    subscriptions: Subscriptions,
    known: Known,
    tally: Tally,
    early: dict[Key, Early],
) -> tuple[list[Good], list[tuple[Any, ...]]]:
    """The events whose subscription and meter exist, and the rows of them that the books take.

    The others are refused in the tally; usage before the start of its subscription is noted in ``early``.
    """
    taken = subscriptions.find({(row.values["entity"], row.values["subscription"]) for row in chunk})
    meters = known.find("meters", {(row.values["meter"],) for row in chunk})
    strange = [row for row in chunk if not _there(row, taken, meters)]
    for row in resolve(known, _FORM, strange, tally) if strange else ():
        what = f"subscription {row.values['subscription']!r} is of an account that does not exist"
        why, mend = "nobody knows when its days begin", "import the account"
        tally.refuse_row(Finding(UNKNOWN_REFERENCE, row.where, what, why, mend, subject=subject_of(_FORM, row.values)))
    good = [row for row in chunk if _there(row, taken, meters)] if strange else list(chunk)
    return good, _rows(tenant, good, taken, early)


def load_reversals(session: Session, form: Format, sources: Sequence[Source]) -> None:
    """Load all files of usage events that are taken back, each chunk in one transaction."""
    rules, known = rules_of(form, session.today), Known(session)
    for source in sources:
        tally = session.tally(source)
        try:
            for chunk in chunks(good_rows(source, rules, tally), CHUNK):
                _reverse(session, form, resolve(known, form, chunk, tally), tally)
                session.show(tally)
        except Refused as error:
            refused(tally, error)


def _reverse(session: Session, form: Format, chunk: Sequence[Good], tally: Tally) -> None:
    keys = [tuple(row.values[name] for name in form.key) for row in chunk]
    with session.books.reader() as reader:
        there = lookups.find(reader, "usage", session.tenant, keys)
    rows = []
    for key, row in zip(keys, chunk, strict=True):
        event = there.get(key)
        if event is None:
            entity, origin, name = key
            what = f"there is no usage event {name!r} of source {origin!r} in {entity}"
            mend = "send the event first, or correct its key"
            tally.refuse_row(Finding(UNKNOWN_REFERENCE, row.where, what, "nothing can be taken back", mend))
            continue
        rows.append((session.tenant, *key, event["id"], event["subscription_id"], event["meter"], event["day"]))
    tally.add(session.write(partial(_write_reversals, rows)))


def _write_reversals(rows: Sequence[tuple[Any, ...]], writer: Writer) -> Outcome:
    return writer.put_reversals(rows)


def _there(row: Good, taken: dict[Key, Taken], meters: Any) -> bool:
    values = row.values
    return (values["entity"], values["subscription"]) in taken and (values["meter"],) in meters


def _rows(
    tenant: str, chunk: Sequence[Good], taken: dict[Key, Taken], early: dict[Key, Early]
) -> list[tuple[Any, ...]]:
    """Rows as the books take them.  The local day is that of the customer's zone, fixed now."""
    rows = []
    for row in chunk:
        values = row.values
        key = (values["entity"], values["subscription"])
        subscription, at = taken[key], values["at"]
        day = at.astimezone(subscription.zone).date()
        rows.append(
            (
                tenant,
                values["entity"],
                values["source"],
                values["key"],
                subscription.id,
                values["meter"],
                at,
                day,
                values["quantity"],
            )
        )
        if subscription.start is None or day < subscription.start:
            one = early.setdefault(key, Early(row, subscription.start, 0, day, day))
            one.count += 1
            one.first, one.last = min(one.first, day), max(one.last, day)
    return rows


def _write(rows: Sequence[tuple[Any, ...]], writer: Writer) -> Outcome:
    return writer.put_usage(rows)


def conflicts(reader: Reader, tenant: str, rows: Sequence[Good]) -> list[Finding]:
    """Why events cannot be taken whose keys are in the books with other values, in their order."""
    keys = [tuple(row.values[name] for name in _FORM.key) for row in rows]
    there = lookups.find(reader, "usage", tenant, keys)
    names = lookups.subscription_keys(reader, [record["subscription_id"] for record in there.values()])
    found = []
    for key, row in zip(keys, rows, strict=True):
        record = there[key]
        found.append(conflict(_FORM, row, {**record, "subscription": names[record["subscription_id"]]}))
    return found


def before_start(one: Early) -> Finding:
    """The warning that usage of a subscription lies before its start."""
    count = f"{one.count} usage events" if one.count > 1 else "a usage event"
    days = f"on {one.first}" if one.first == one.last else f"from {one.first} to {one.last}"
    starts = f"starts on {one.start}" if one.start else "has no start event"
    key = one.row.values["subscription"]
    return Finding(
        BEFORE_START,
        one.row.where,
        f"{count} of subscription {key!r} {days}, but it {starts}",
        "usage before the start is kept and not billed",
        "correct the start by another event, or the source of the usage",
        "warning",
        f"subscription/{one.row.values['entity']}/{key}",
    )
