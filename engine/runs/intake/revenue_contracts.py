"""Loading revenue contracts and what happens to them: each row says what a YAML file may say, and is judged by the same code."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from engine.base.errors import Finding, TollbookError
from engine.model.revenue_contract import CHANGES
from engine.runs.intake.balances import keep_rules
from engine.runs.intake.formats import Format
from engine.runs.intake.references import Known, resolve
from engine.runs.intake.rows import CONTRADICTION, rules_of, subject_of
from engine.runs.intake.session import CHUNK, Good, Refused, Session, Source, Tally, chunks, good_rows, refused
from engine.runs.revenue.contract_files import event_of_values, of_values
from engine.runs.revenue.contract_keeping import group_with, judged, named, put_contract, put_event
from engine.store.records import Outcome
from engine.store.writer import Writer

_HEAD: Final = ("contract", "entity", "account", "currency", "signed", "known", "purpose", "promises")
_APART: Final = frozenset({"entity", "contract"})

Kept = tuple[bool, Sequence[Finding]]
"""Whether something was not known, and warnings about it."""
Keep = Callable[[Session, Writer, Sequence[Good]], list[Kept]]
"""Keeps rows, and says of each what became of it."""


def load(session: Session, form: Format, sources: Sequence[Source]) -> None:
    """Load all files of revenue contracts; each contract is a transaction of its own."""
    known = Known(session)
    for source in sources:
        tally = session.tally(source)
        try:
            for chunk in chunks(good_rows(source, rules_of(form, session.today), tally), CHUNK):
                for row in resolve(known, form, chunk, tally):
                    _load(session, form, tally, [row], _contract)
                session.show(tally)
        except Refused as error:
            refused(tally, error)


def load_events(session: Session, form: Format, sources: Sequence[Source]) -> None:
    """Load all files of what happens to revenue contracts, in the order of their days, changes of a day first.

    Events of one contract are one transaction; where they cannot all be kept, each is one of its own.
    """
    known = Known(session)
    for source in sources:
        tally = session.tally(source)
        try:
            for chunk in chunks(good_rows(source, rules_of(form, session.today), tally), CHUNK):
                for rows in _by_contract(resolve(known, form, chunk, tally)):
                    _load(session, form, tally, rows, _events)
                session.show(tally)
        except Refused as error:
            refused(tally, error)


def _by_contract(rows: Sequence[Good]) -> list[list[Good]]:
    groups: dict[tuple[str, str], list[Good]] = {}
    for row in sorted(rows, key=lambda row: (row.values["on"], row.values["kind"] not in CHANGES, row.where.line)):
        groups.setdefault((row.values["entity"], row.values["contract"]), []).append(row)
    return list(groups.values())


def _load(session: Session, form: Format, tally: Tally, rows: Sequence[Good], keep: Keep) -> None:
    """Keep rows in one transaction, or one by one where that cannot be done; a row that cannot be kept is quarantined."""
    kept: list[Kept] = []

    def work(writer: Writer) -> Outcome:
        kept.extend(keep(session, writer, rows))
        new = sum(one for one, _ in kept)
        return Outcome(new, 0, len(kept) - new)

    before = session.run_id
    try:
        tally.add(session.write(work))
    except TollbookError as error:
        session.run_id = before
        if len(rows) > 1:
            for row in rows:
                _load(session, form, tally, [row], keep)
            return
        tally.refuse_row(*(_placed(form, rows[0], one) for one in error.findings))
        return
    for row, (_, warnings) in zip(rows, kept, strict=True):
        tally.note(msgspec.structs.replace(one, where=row.where) for one in warnings)


def _placed(form: Format, row: Good, finding: Finding) -> Finding:
    return msgspec.structs.replace(finding, where=row.where, subject=subject_of(form, row.values))


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _contract(session: Session, writer: Writer, rows: Sequence[Good]) -> list[Kept]:
    (row,) = rows
    rules, values = session.rules(), row.values
    terms = {} if values["terms"] is None else values["terms"]
    if not isinstance(terms, Mapping):
        what = "terms is no object"
        raise TollbookError([Finding(CONTRADICTION, row.where, what, mend='write {"criteria": {…}, …}')])
    twice = sorted(terms.keys() & ({*_HEAD, "events"}))
    if twice:
        what = f"terms has {', '.join(twice)}"
        mend = "write what has a column there, and events in files revenue_contract_events"
        raise TollbookError([Finding(CONTRADICTION, row.where, what, mend=mend)])
    said = {**terms, **_given({name: values[name] for name in _HEAD})}
    contract, _ = of_values(said, row.where, session.change.at.date())
    new, _, warnings = put_contract(writer, rules.decide, session.tenant, contract, ())
    if not new:
        return [(new, warnings)]
    keep_rules(session, writer, rules)
    doubts = judged(writer.reader, rules.decide, session.tenant, contract.entity, contract.account)
    return [(new, [*warnings, *(one for one in doubts if one.subject.endswith(f"/{contract.key}"))])]


def _events(session: Session, writer: Writer, rows: Sequence[Good]) -> list[Kept]:
    rules, first = session.rules(), rows[0].values
    contract = named(writer.reader, session.tenant, first["contract"], first["entity"])
    known, kept = session.change.at.date(), list[Kept]()
    for row in rows:
        values = _given({name: value for name, value in row.values.items() if name not in _APART})
        one = event_of_values(values, row.where, known)
        kept.append((put_event(writer, rules.decide, session.tenant, contract, one), ()))
    if any(new for new, _ in kept):
        keep_rules(session, writer, rules)
        group_with(writer.reader, rules.decide, session.tenant, contract)
    return kept
