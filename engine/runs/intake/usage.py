"""Loading usage events in chunks: the stream that decides how long an import takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import partial
from operator import attrgetter, lt
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from engine.base.errors import Code, Finding
from engine.base.period import zone
from engine.model.measure import SIGNED
from engine.runs.intake.columns import Block, Good, Quick
from engine.runs.intake.dimensions import BAD_DIMENSION, UNDECLARED, settled
from engine.runs.intake.formats import FORMATS, Format
from engine.runs.intake.local_days import LocalDays
from engine.runs.intake.masters import conflict
from engine.runs.intake.references import KEPT, UNKNOWN_REFERENCE, Known, resolve
from engine.runs.intake.rows import BAD_VALUE, rules_of, subject_of
from engine.runs.intake.session import (
    CHUNK,
    Refused,
    Session,
    Source,
    Tally,
    chunks,
    good_blocks,
    good_rows,
    refused,
)
from engine.runs.run import collector_paused
from engine.store import lookups
from engine.store.reader import Reader
from engine.store.records import Outcome
from engine.store.writer import Writer

BEFORE_START = Code("intake.before-start", "Usage of days before its subscription starts; it is loaded all the same.")

Key = tuple[str, str]
_FORM: Final = FORMATS["usage"]
ROW: Final = ("tenant", "entity", "source", "key", "subscription_id", "meter", "at", "day", "quantity", "dimensions")
"""Columns of the books in the order in which their rows are given to :meth:`Writer.put_usage`."""


class Taken(msgspec.Struct, frozen=True, gc=False):
    """A subscription as usage needs it: its id, the zone of its account, the day of its first start if it has one, and the
    day before which usage is strange."""

    id: int
    zone: ZoneInfo
    start: date | None
    begins: date


class Early(msgspec.Struct):
    """Usage of one subscription before its start: the first row, how many there are, the first and last day."""

    row: Good
    start: date | None
    count: int
    first: date
    last: date


class Undeclared(msgspec.Struct):
    """Usage of one meter with dimensions that it does not declare: the first row, how many there are, their names."""

    row: Good
    count: int
    names: set[str]


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
                        start = starts.get(ident)
                        self._taken[entity, key] = Taken(ident, zone(name), start, start or date.max)
        return self._taken


def load(session: Session, form: Format, sources: Sequence[Source]) -> None:
    """Load all files of usage events, each chunk in one transaction."""
    quick, places = Quick(form, session.today), Places(session)
    for source in sources:
        tally = session.tally(source)
        try:
            _load_file(session, quick, source, tally, places)
        except Refused as error:
            refused(tally, error)


class Places:
    """Where events belong: subscriptions, meters, local days, as far as they were asked for."""

    def __init__(self, session: Session) -> None:
        self.tenant, self.subscriptions, self.known, self.days = (
            session.tenant,
            Subscriptions(session),
            Known(session),
            LocalDays(),
        )


def _load_file(session: Session, quick: Quick, source: Source, tally: Tally, places: Places) -> None:
    early: dict[Key, Early] = {}
    strange: dict[str, Undeclared] = {}
    with collector_paused():
        for block in good_blocks(source, quick, tally):
            rows, chunk = rows_at_once(block, places), None
            if rows is None:
                chunk, rows = placed(block.rows(), places, tally, early, strange)
            outcome = session.write(partial(_write, rows))
            tally.add(outcome)
            if outcome.conflicts:
                clashing = [chunk[at] if chunk is not None else block.row(at) for at in outcome.conflicts]
                with session.books.reader() as reader:
                    found = conflicts(reader, session.tenant, clashing)
                for finding in found:
                    tally.refuse_row(finding)
            session.show(tally)
    tally.note(before_start(one) for one in early.values())
    tally.note(undeclared(one) for one in strange.values())


def rows_at_once(block: Block, places: Places) -> list[tuple[Any, ...]] | None:
    """The rows of events as the books take them, where every subscription and meter exists and nothing lies before a
    start; None where an event needs a closer look, which :func:`placed` takes."""
    values = block.values
    if not len(block):
        return []
    owners, meters = list(zip(values["entity"], values["subscription"], strict=True)), set(values["meter"])
    there = places.subscriptions.find(set(owners))
    found = places.known.find("meters", {(meter,) for meter in meters})
    try:
        taken = list(map(there.__getitem__, owners))
    except KeyError:
        return None
    local = places.days.of(map(attrgetter("zone"), taken), values["at"])
    if any((meter,) not in found for meter in meters) or any(map(lt, local, map(attrgetter("begins"), taken))):
        return None
    dimensions = _all_settled(values["meter"], values["dimensions"], found)
    if dimensions is None or min(values["quantity"]) < 0:
        return None
    ids = list(map(attrgetter("id"), taken))
    told = {**values, "tenant": [places.tenant] * len(block), "subscription_id": ids, "day": local}
    told["dimensions"] = dimensions
    return list(zip(*(told[name] for name in ROW), strict=True))


def _all_settled(
    meters: Sequence[str], texts: Sequence[str | None], known: Mapping[tuple[str, ...], Any]
) -> Sequence[str | None] | None:
    """Dimensions as the books keep them; None where some are not as their meter declares them."""
    if not any(texts):
        return texts
    made: dict[tuple[str, str | None], str | None] = {}
    for meter, text in set(zip(meters, texts, strict=True)):
        one = settled(text, known[meter,]["dimensions"], known[meter,]["others"]) if text else None
        if one is not None and (one.flaw is not None or one.undeclared):
            return None
        made[meter, text] = one.text if one else None
    return [made[both] for both in zip(meters, texts, strict=True)]


def placed(
    chunk: Sequence[Good],
    places: Places,
    tally: Tally,
    early: dict[Key, Early],
    unknown: dict[str, Undeclared],
) -> tuple[list[Good], list[tuple[Any, ...]]]:
    """The events whose subscription and meter exist, and the rows of them that the books take.

    The others are refused in the tally; usage before the start of its subscription is noted in ``early``, dimensions that
    the meter does not declare in ``unknown``.
    """
    known, tenant = places.known, places.tenant
    taken = places.subscriptions.find({(row.values["entity"], row.values["subscription"]) for row in chunk})
    meters = known.find("meters", {(row.values["meter"],) for row in chunk})
    strange = [row for row in chunk if not _there(row, taken, meters)]
    for row in resolve(known, _FORM, strange, tally) if strange else ():
        what = f"subscription {row.values['subscription']!r} is of an account that does not exist"
        why, mend = "nobody knows when its days begin", "import the account"
        tally.refuse_row(Finding(UNKNOWN_REFERENCE, row.where, what, why, mend, subject=subject_of(_FORM, row.values)))
    good = [row for row in chunk if _there(row, taken, meters)] if strange else list(chunk)
    if any(row.values["dimensions"] for row in good):
        good = [row for row in good if _dimensions_fit(row, meters[(row.values["meter"],)], tally, unknown)]
    if any(row.values["quantity"] < 0 for row in good):
        good = [row for row in good if _sign_fits(row, meters[(row.values["meter"],)], tally)]
    return good, _rows(tenant, good, taken, early)


def _sign_fits(row: Good, meter: dict[str, Any], tally: Tally) -> bool:
    """Whether the quantity of an event is not below zero, or takes away from a level."""
    quantity = row.values["quantity"]
    if quantity >= 0 or meter["aggregation"] in SIGNED:
        return True
    what, why = f"quantity '{quantity:f}' is less than 0", f"meter {meter['key']} counts by {meter['aggregation']}"
    mend = f"take usage back with a reversal; below zero is for meters that count by {', '.join(sorted(SIGNED))}"
    tally.refuse_row(Finding(BAD_VALUE, row.where, what, why, mend, subject=subject_of(_FORM, row.values)))
    return False


def _dimensions_fit(row: Good, meter: dict[str, Any], tally: Tally, unknown: dict[str, Undeclared]) -> bool:
    """Whether the dimensions of an event are as its meter declares them; they are written as the books keep them."""
    if row.values["dimensions"] is None:
        return True
    found = settled(row.values["dimensions"], meter["dimensions"], meter["others"])
    if found.flaw is not None:
        why, subject = f"meter {meter['key']} declares {meter['dimensions']}", subject_of(_FORM, row.values)
        tally.refuse_row(Finding(BAD_DIMENSION, row.where, found.flaw.what, why, found.flaw.mend, subject=subject))
        return False
    row.values["dimensions"] = found.text
    if found.undeclared:
        one = unknown.setdefault(meter["key"], Undeclared(row, 0, set()))
        one.count += 1
        one.names.update(found.undeclared)
    return True


def undeclared(one: Undeclared) -> Finding:
    """The warning that usage of a meter has dimensions that it does not declare."""
    count = f"{one.count} usage events" if one.count > 1 else "a usage event"
    meter, names = one.row.values["meter"], ", ".join(sorted(one.names))
    return Finding(
        UNDECLARED,
        one.row.where,
        f"{count} of meter {meter!r} with the dimensions {names}, which it does not declare",
        "they are kept, and nothing can look at them",
        "declare them in dimensions of the meter, or say others: keep",
        "warning",
        f"meter/{meter}",
    )


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
        told = {**values, "tenant": tenant, "subscription_id": subscription.id, "day": day}
        rows.append(tuple(told[name] for name in ROW))
        if day < subscription.begins:
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


def names_of(reader: Reader, ids: Iterable[int]) -> dict[int, str]:
    """Keys of subscriptions by their id."""
    return lookups.subscription_keys(reader, list(ids))


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
