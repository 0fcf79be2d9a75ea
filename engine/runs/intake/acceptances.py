"""Loading acceptances, go-lives and what revokes them: events of subscriptions, with a note on who says so.

The same rows come in by files, over HTTP and from the command line; all are judged and placed here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

import msgspec

from engine.base.errors import Code, Finding
from engine.model.subscription import TRIGGERS, SubscriptionEvent
from engine.runs.intake.formats import FORMATS, Format
from engine.runs.intake.masters import conflict
from engine.runs.intake.references import Known, resolve
from engine.runs.intake.rows import rules_of, subject_of
from engine.runs.intake.session import CHUNK, Good, Refused, Session, Source, Tally, chunks, good_rows, refused
from engine.store import lookups
from engine.store.records import Outcome
from engine.store.writer import Writer
from engine.store.writing.events import event_row

NOTHING_WAITS = Code("trigger.nothing-waits", "A trigger for which nothing waits.")

FORM: Final = FORMATS["acceptances"]
Key = tuple[str, str]


class Placed(msgspec.Struct):
    """Rows that are new, ready to be written, each with the row that it came from."""

    events: list[tuple[Any, ...]] = []
    notes: list[tuple[Any, ...]] = []
    rows: list[Good] = []


def load(session: Session, form: Format, sources: Sequence[Source]) -> None:
    """Load all files of acceptances."""
    rules, known = rules_of(form, session.today), Known(session)
    for source in sources:
        tally = session.tally(source)
        try:
            for chunk in chunks(good_rows(source, rules, tally), CHUNK):
                placed = place(session, known, chunk, tally, session.change.who)
                if placed.events:
                    tally.new += session.write(partial(write, placed)).inserted
                session.show(tally)
        except Refused as error:
            refused(tally, error)


def write(placed: Placed, writer: Writer) -> Outcome:
    """Put what was placed into the books; a key that somebody else has taken meanwhile stays theirs."""
    outcome = writer.put_subscription_events(placed.events)
    taken = {*outcome.repeats, *outcome.conflicts}
    writer.put_trigger_notes([note for place, note in enumerate(placed.notes) if place not in taken])
    return outcome


def place(session: Session, known: Known, rows: Sequence[Good], tally: Tally, sender: str) -> Placed:
    """The rows that are new and that something waits for; the others are counted, or quarantined."""
    rows = resolve(known, FORM, rows, tally)
    found = known.find("subscriptions", [_key(row) for row in rows])
    with session.books.reader() as reader:
        stored = lookups.events_of(reader, [record["id"] for record in found.values()])
    placed = Placed()
    coming: dict[int, dict[str, SubscriptionEvent]] = {}
    for row in rows:
        values, ident = row.values, found[_key(row)]["id"]
        events = coming.setdefault(ident, {event.key: event for event in stored.get(ident, [])})
        event = SubscriptionEvent(0, values["key"], values["kind"], values["on"], charge=values["about"])
        there = events.get(event.key)
        if there is not None:
            if _body(there) == _body(event):
                tally.same += 1
            else:
                tally.refuse_row(_conflict(row, there))
            continue
        flaw = _flaw(known, row, events)
        if flaw is not None:
            tally.refuse_row(flaw)
            continue
        events[event.key] = event
        placed.events.append(event_row(session.tenant, values["entity"], ident, event))
        note = (session.tenant, values["entity"], ident, event.key)
        placed.notes.append((*note, values["accepted_by"], values["evidence"], sender))
        placed.rows.append(row)
    return placed


def _key(row: Good) -> Key:
    return row.values["entity"], row.values["subscription"]


def _body(event: SubscriptionEvent) -> tuple[Any, ...]:
    return event.kind, event.on, event.charge


def _conflict(row: Good, there: SubscriptionEvent) -> Finding:
    body = {"kind": there.kind, "about": there.charge, "on": there.on}
    return conflict(FORM, row, {**row.values, **body})


def _flaw(known: Known, row: Good, events: Mapping[str, SubscriptionEvent]) -> Finding | None:
    """Why nothing waits for what a row says, None where something does."""
    values = row.values
    kind, about = values["kind"], values["about"]
    if kind == "revoke":
        there = events.get(about)
        if there is not None and there.kind in TRIGGERS and there.kind != "revoke":
            return None
        return _nothing(row, f"no acceptance or go-live has the key {about!r}", "name the key of what is taken back")
    charge = about
    if kind == "accept":
        key = (values["entity"], values["subscription"], about)
        milestone = known.find("milestones", [key]).get(key)
        if milestone is None:
            mend = known.near("milestones", about) or "import it with milestones, or correct the key"
            return _nothing(row, f"there is no milestone {about!r}", mend)
        charge = milestone["charge"]
    plans = {event.plan for event in events.values() if event.plan}
    if charge is None:
        return None if plans else _nothing(row, "the subscription has not started", "import its start event")
    wanted = "milestone" if kind == "accept" else "go_live"
    there_are = known.find("charges", [(plan, charge) for plan in plans])
    if any(there_are.get((plan, charge), {}).get("starts_on") == wanted for plan in plans):
        return None
    what = f"its plan has no charge {charge!r} that waits for its {wanted}"
    return _nothing(row, what, f"write starts_on {wanted} at the charge, or name another one")


def _nothing(row: Good, what: str, mend: str) -> Finding:
    told = f"{row.values['kind']} {row.values['key']!r} of subscription {row.values['subscription']!r}: {what}"
    return Finding(
        NOTHING_WAITS, row.where, told, "nothing would come of it", mend, subject=subject_of(FORM, row.values)
    )
