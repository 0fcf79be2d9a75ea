"""Loading what is known by a natural key and may get new versions: entities, accounts, catalogue, contracts, rates."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, Final

from engine.base import tax_ids
from engine.base.errors import Code, Finding, Where
from engine.runs.intake.catalogue_words import not_in_catalogue
from engine.runs.intake.contract_versions import EMPTY, of_their_version
from engine.runs.intake.formats import Format
from engine.runs.intake.hierarchy import Family, Ties
from engine.runs.intake.references import Key, Known, resolve
from engine.runs.intake.rows import Rules, Values, rules_of, subject_of
from engine.runs.intake.session import CHUNK, Good, Refused, Session, Source, Tally, chunks, good_rows, refused
from engine.runs.stewardship.sifting import sifted_accounts
from engine.store.records import Outcome
from engine.store.writer import Writer

DOUBLE_KEY = Code("intake.double-key", "A record that stands in the files twice, with different values.")
KEY_CONFLICT = Code("intake.key-conflict", "A record that may not change and comes again with different values.")

_FAMILY: Final = frozenset({"parent", "payer"})


def load(session: Session, form: Format, sources: Sequence[Source]) -> None:
    """Load all files of one kind, in chunks of one transaction each."""
    rules, known = rules_of(form, session.today), Known(session)
    family = Family(known, _ties(session, rules, sources)) if form.kind == "accounts" else None
    seen: dict[Key, tuple[int, Where]] = {}
    for source in sources:
        tally = session.tally(source)
        try:
            for chunk in chunks(good_rows(source, rules, tally), CHUNK):
                rows = _once(form, chunk, seen, tally)
                rows = resolve(known, form, rows, tally, _FAMILY if family else frozenset())
                rows = _in_family(family, rows, tally) if family else of_their_version(session, form, rows, tally)
                _put(session, form, rows, tally)
                tally.note([*_tax_ids(form, rows), *not_in_catalogue(session, form, rows)])
                session.show(tally)
        except Refused as error:
            refused(tally, error)


def _once(form: Format, rows: Sequence[Good], seen: dict[Key, tuple[int, Where]], tally: Tally) -> list[Good]:
    """The rows whose key comes for the first time in this import.

    A row that comes again with the same values is counted, one with other values is quarantined: were it loaded, the
    same import twice would make a new version each time.
    """
    if form.appended:
        return list(rows)  # the books compare these themselves: the first stays
    fresh = []
    for row in rows:
        key, body = tuple(row.values[name] for name in form.key), hash(tuple(row.values.items()))
        first = seen.setdefault(key, (body, row.where))
        if first[1] is row.where:
            fresh.append(row)
        elif first[0] == body:
            tally.same += 1
        else:
            what = f"{form.noun} {'/'.join(map(str, key))} is there before with other values, at {first[1]}"
            why, mend = "nobody knows which one counts", "keep one of the rows"
            subject = subject_of(form, row.values)
            tally.refuse_row(Finding(DOUBLE_KEY, row.where, what, why, mend, subject=subject))
    return fresh


def _ties(session: Session, rules: Rules, sources: Sequence[Source]) -> Ties:
    """Parents and payers of all accounts that come, read ahead: a parent may stand below its child."""
    known = Known(session)
    ties: Ties = {}
    for source in sources:
        tally = Tally(source)
        try:
            for chunk in chunks(good_rows(source, rules, tally), CHUNK):
                for row in resolve(known, rules.form, chunk, tally, _FAMILY):
                    values = row.values
                    ties.setdefault((values["entity"], values["key"]), (values["parent"], values["payer"]))
        except Refused:
            continue  # it is reported when the file is loaded
    return ties


def _in_family(family: Family, rows: Sequence[Good], tally: Tally) -> list[Good]:
    """The rows whose parent and payer are there."""
    good = []
    for row in rows:
        flaws = family.flaws(row)
        if flaws:
            tally.refuse_row(*flaws)
        else:
            good.append(row)
    return good


def _tax_ids(form: Format, rows: Sequence[Good]) -> list[Finding]:
    """Tax registration numbers of accounts that cannot be any.  The accounts are loaded: what becomes of their documents, rules
    say.  Where numbers cannot be checked at all, that is said once."""
    found = {}
    for row in rows if form.kind == "accounts" else ():
        one = tax_ids.finding(row.values["tax_id"], row.values["country"], row.where, subject_of(form, row.values))
        if one is not None:
            found[None if one.code == tax_ids.UNCHECKED_TAX_ID else row.where] = one
    return list(found.values())


def _put(session: Session, form: Format, rows: Sequence[Good], tally: Tally) -> None:
    if form.kind == "accounts":
        rows = sifted_accounts(session, tally, rows)
    if not rows:
        return
    outcome = session.write(partial(_write, form.kind, [_record(row.values) for row in rows]))
    tally.add(outcome)
    if outcome.conflicts:
        refused_rows = [rows[position] for position in outcome.conflicts]
        there = Known(session).find(form.kind, [tuple(row.values[name] for name in form.key) for row in refused_rows])
        for row in refused_rows:
            tally.refuse_row(conflict(form, row, there[tuple(row.values[name] for name in form.key)]))


def _write(kind: str, records: Sequence[Values], writer: Writer) -> Outcome:
    outcome = writer.put(kind, records)
    if kind == "wallets":
        names = ("entity", "key", "account", "currency")
        fresh = [record for n, record in enumerate(records) if n not in outcome.conflicts]
        writer.open_wallets(writer.tenant, [tuple(record[name] for name in names) for record in fresh])
    return outcome


def _record(values: Values) -> Values:
    """Values as the books take them."""
    return {name: EMPTY.get(name) if value is None else value for name, value in values.items()}


def conflict(form: Format, row: Good, there: Values) -> Finding:
    """The finding that a record cannot change, with what came and what is there, where they differ."""
    different = [name for name in form.names - set(form.key) if row.values[name] != there[name]]
    came = ", ".join(f"{name} {told(row.values[name])}" for name in sorted(different))
    stays = ", ".join(f"{name} {told(there[name])}" for name in sorted(different))
    key = "/".join(told(row.values[name]) for name in form.key)
    return Finding(
        KEY_CONFLICT,
        row.where,
        f"{form.noun} {key} comes with {came}; the books have {stays}",
        "what was loaded stays as it is",
        form.correction,
        subject=subject_of(form, row.values),
    )


def told(value: Any) -> str:
    """A value as messages show it."""
    if value is None:
        return "nothing"
    if hasattr(value, "isoformat"):
        return str(value.isoformat())
    if hasattr(value, "normalize"):
        return f"{value.normalize():f}"
    return str(value)
