"""Loading values of attributes: rows are judged by what the rules declare."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import partial
from typing import Any, Final

from engine.base.errors import Finding, did_you_mean
from engine.model.attribute import Declared
from engine.runs.intake.formats import FORMATS, Format
from engine.runs.intake.references import UNKNOWN_REFERENCE, Known, resolve
from engine.runs.intake.rows import BAD_VALUE, rules_of, subject_of
from engine.runs.intake.session import CHUNK, Good, Refused, Session, Source, Tally, chunks, good_rows, refused
from engine.runs.stewardship.sifting import sifted_attributes
from engine.store.records import Outcome
from engine.store.writer import Writer

_RECORDS: Final = {
    "account": "accounts",
    "subscription": "subscriptions",
    "charge": "charges",
    "contract": "contracts",
}
"""The kind of record of each object that may have attributes."""


def load(session: Session, form: Format, sources: Sequence[Source]) -> None:
    """Load all files of attribute values, in chunks of one transaction each."""
    rules, known, declared = rules_of(form, session.today), Known(session), session.rules().attributes
    for source in sources:
        tally = session.tally(source)
        try:
            for chunk in chunks(good_rows(source, rules, tally), CHUNK):
                rows = _judged(known, declared, form, resolve(known, form, chunk, tally), tally)
                rows = sifted_attributes(session, tally, rows)
                values = [_row(session.tenant, row) for row in rows]
                if values:
                    tally.add(session.write(partial(_write, values)))
                session.show(tally)
        except Refused as error:
            refused(tally, error)


def _write(rows: Sequence[tuple[Any, ...]], writer: Writer) -> Outcome:
    return writer.put_attributes(rows)


def _row(tenant: str, row: Good) -> tuple[Any, ...]:
    given = row.values
    names = ("entity", "object", "record", "attribute")
    return (tenant, *(given[name] for name in names), given["valid_from"] or date.min, given["value"])


def _judged(known: Known, declared: Declared, form: Format, rows: Sequence[Good], tally: Tally) -> list[Good]:
    """The rows of records that exist, whose attributes are declared, with values that go with the declaration."""
    wanted: dict[str, set[tuple[str, str]]] = {kind: set() for kind in _RECORDS.values()}
    for row in rows:
        wanted[_RECORDS[row.values["object"]]].add(_key(row))
    there = {kind: known.find(kind, keys) if keys else {} for kind, keys in wanted.items()}
    good = []
    for row in rows:
        flaw = _flaw(there, declared, form, row)
        if flaw is None:
            good.append(row)
        else:
            tally.refuse_row(flaw)
    return good


def _key(row: Good) -> tuple[str, str]:
    """The natural key of the record of a row: of a charge its plan and its own, as ``PLAN/CHARGE`` says."""
    if row.values["object"] == "charge":
        plan, _, charge = row.values["record"].rpartition("/")
        return plan, charge
    return row.values["entity"], row.values["record"]


def _flaw(there: Any, declared: Declared, form: Format, row: Good) -> Finding | None:
    """What is wrong with a row; None where nothing is."""
    given, subject = row.values, subject_of(form, row.values)
    name, kind = given["object"], _RECORDS[given["object"]]
    if _key(row) not in there[kind]:
        what = f"{name} {given['record']!r} does not exist in {given['entity']}"
        mend = f"import the {FORMATS[kind].noun} first, or correct the key"
        if name == "charge":
            what, mend = (
                f"there is no charge {given['record']!r}",
                "write it as PLAN/CHARGE, or import the charge first",
            )
        return Finding(UNKNOWN_REFERENCE, row.where, what, "", mend, subject=subject)
    attribute = declared.find(name, given["attribute"])
    if attribute is None:
        what = f"attributes.yaml declares no attribute {given['attribute']!r} of {name}s"
        near = did_you_mean(given["attribute"], declared.attributes.get(name, ()))
        mend = near or "declare it in attributes.yaml in a folder of rules"
        return Finding(UNKNOWN_REFERENCE, row.where, what, "", mend, subject=subject)
    try:
        if given["value"] is not None:
            attribute.read(given["value"])
    except ValueError as error:
        what = f"value {given['value']!r} of {name}.{given['attribute']}"
        return Finding(BAD_VALUE, row.where, what, f"it is a {attribute.kind}", f"write {error}", subject=subject)
    return None
