"""What an import does with changes that a steward has to confirm: they are kept beside the masters, everything else goes on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final

import msgspec

from engine.base.errors import Code, Finding
from engine.model.decision import Decision
from engine.model.stewardship import ATTRIBUTE, FIELDS, NewChange, StewardshipFacts
from engine.runs.intake.session import Good, Session, Source, Tally
from engine.runs.run import Rules
from engine.store.attributes import values_of
from engine.store.lookups import find
from engine.store.records import Outcome
from engine.store.writer import Writer

WAITS = Code("stewardship.waits", "A change of master data that counts only once its steward has confirmed it.")

OBJECTS: Final = frozenset({"account", "subscription", "contract"})
"""Kinds of records whose attributes have stewards."""
_FAMILY: Final = "stewardship"
_ALL: Final = (1 << 63) - 1


class _Came(msgspec.Struct, frozen=True):
    """A change as it comes: of which record and field, with both values, from which day on, and the row."""

    entity: str
    object: str
    record: str
    field: str
    before: str | None
    after: str | None
    day: date | None
    row: Good


def source_of(source: Source) -> str:
    """Where a file comes from: what its name says after its kind, ``erp`` of ``accounts-erp.csv``; empty where it says nothing."""
    return source.path.name.split(".")[0].partition("-")[2]


def sifted_accounts(session: Session, tally: Tally, rows: Sequence[Good]) -> list[Good]:
    """Rows of accounts, in which fields that have to be confirmed are as the books have them."""
    keys = {(row.values["entity"], row.values["key"]) for row in rows}
    with session.books.reader() as reader:
        known = find(reader, "accounts", session.tenant, keys)
    came: list[_Came] = []
    for row in rows:
        there = known.get((row.values["entity"], row.values["key"]))
        if there is not None:
            came += _fields(row, there)
    held = _held(session, tally, came) if came and session.has_rules else []
    kept: dict[int, dict[str, Any]] = {}
    for one in held:
        values = kept.setdefault(id(one.row), dict(one.row.values))
        values[one.field] = one.before
    return [msgspec.structs.replace(row, values=kept[id(row)]) if id(row) in kept else row for row in rows]


def _fields(row: Good, there: Mapping[str, Any]) -> list[_Came]:
    entity, key = row.values["entity"], row.values["key"]
    return [
        _Came(entity, "account", key, name, there[name], row.values[name], None, row)
        for name in FIELDS
        if name in row.values and (row.values[name] or "") != (there[name] or "")
    ]


def sifted_attributes(session: Session, tally: Tally, rows: Sequence[Good]) -> list[Good]:
    """Rows of attribute values without those that have to be confirmed."""
    mine = [row for row in rows if row.values["object"] in OBJECTS]
    rules = session.rules() if mine else None
    if rules is None or not _asks(rules):
        return list(rows)
    groups: dict[tuple[str, str], list[Good]] = {}
    for row in mine:
        groups.setdefault((row.values["entity"], row.values["object"]), []).append(row)
    came: list[_Came] = []
    with session.books.reader() as reader:
        for (entity, name), some in groups.items():
            records = sorted({row.values["record"] for row in some})
            newest: dict[tuple[str, str], list[tuple[date, int, str | None]]] = {}
            for one in values_of(reader, session.tenant, entity, name, records, _ALL):
                newest.setdefault((one.record, one.attribute), []).append((one.valid_from, one.id, one.value))
            for row in some:
                change = _value(row, newest.get((row.values["record"], row.values["attribute"]), []))
                came += [change] if change.before != change.after else []
    held = {id(one.row) for one in _held(session, tally, came)}
    return [row for row in rows if id(row) not in held]


def _value(row: Good, known: Sequence[tuple[date, int, str | None]]) -> _Came:
    given = row.values
    day = given["valid_from"] or date.min
    before = max((one for one in known if one[0] <= day), default=(day, 0, None))[2]
    names = (given["entity"], given["object"], given["record"], ATTRIBUTE + given["attribute"])
    return _Came(*names, before, given["value"], given["valid_from"], row)


def _asks(rules: Rules) -> bool:
    """Whether any rule wants anything confirmed."""
    return any(one.family == _FAMILY and one.terms["confirm"] for one in rules.decisions())


def _held(session: Session, tally: Tally, came: Sequence[_Came]) -> list[_Came]:
    """The changes that have to be confirmed; they are kept, and the import says so."""
    rules = session.rules() if came else None
    if rules is None or not _asks(rules):
        return []
    source, today = source_of(tally.source), session.today
    found: list[tuple[_Came, Decision]] = []
    for one in came:
        facts = StewardshipFacts(one.object, one.field, source, one.entity, one.before, one.after, today)  # type: ignore[arg-type]
        decision = rules.decide(_FAMILY, facts, today)
        if decision.terms["confirm"]:
            found.append((one, decision))
    if found:
        changes = [_new(one, source, decision, today) for one, decision in found]
        session.write(lambda writer: _write(session, writer, rules, [one for _, one in found], changes))
        tally.note(_finding(one.row, change) for (one, _), change in zip(found, changes, strict=True))
    return [one for one, _ in found]


def _new(one: _Came, source: str, decision: Decision, today: date) -> NewChange:
    terms = decision.terms
    due = today + timedelta(days=int(terms["within"]))
    what = (one.entity, one.object, one.record, one.field, source, one.before, one.after, one.day)
    return NewChange(*what, terms["steward"], due, int(terms["hold_ahead"]), decision.id)


def _write(
    session: Session, writer: Writer, rules: Rules, decisions: Sequence[Decision], changes: Sequence[NewChange]
) -> Outcome:
    def begin() -> None:
        writer.run_id = writer.run_id or session.start(writer)
        writer.store_release(session.tenant, rules.release, rules.files, rules.overrides, rules.plugins)
        writer.store_decisions({one.id: one for one in decisions}.values())

    return Outcome(inserted=writer.hold_changes(session.tenant, changes, begin))


def _finding(row: Good, change: NewChange) -> Finding:
    since = f" from {change.day}" if change.day else ""
    what = f"{change.field} of {change.object} {change.record}: {change.before or 'nothing'} -> {change.after or 'nothing'}{since}"
    why = f"a change that comes from {change.source or 'a file'} is confirmed by {change.steward}, until {change.due}"
    mend = "`tollbook changes list` shows it; `tollbook changes confirm` lets it count"
    return Finding(WAITS, row.where, what, why, mend, "warning", f"{change.object}/{change.entity}/{change.record}")
