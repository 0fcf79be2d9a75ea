"""Whether what rows name exists: in the books, or among the accounts that come with them."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from engine.base.errors import Code, Finding, did_you_mean
from engine.runs.intake import measured_rows
from engine.runs.intake.formats import FORMATS, Column, Format
from engine.runs.intake.rows import Values, subject_of
from engine.runs.intake.session import Good, Session, Tally
from engine.store import lookups

UNKNOWN_REFERENCE = Code("intake.unknown-reference", "A row that names a record which does not exist.")
OTHER_ENTITY = Code("intake.other-entity", "A row that names a record of another legal entity.")
OTHER_ACCOUNT = Code("intake.other-account", "A subscription under a contract of another account.")
BAD_FORMULA = Code(
    "intake.bad-formula", "A charge that asks for dimensions or conditions that its meter does not have."
)

Key = tuple[Any, ...]

KEPT: Final = 500_000
"""Keys that are remembered of a kind; beyond that, all are forgotten and asked for again."""
SUGGESTED: Final = frozenset({"entities", "meters", "plans", "charges", "milestones"})
"""Kinds whose words are few, so that a wrong key can be compared with all that exist."""
WORDS: Final = 500
"""Most keys that a wrong one is compared with."""


def target(column: Column, values: Values) -> Key:
    """The natural key that a referring column names, without the tenant."""
    head = FORMATS[column.refers].key[:-1]
    return (*(values[name] for name in head), values[column.name])


class Known:
    """Records that exist, as far as they were asked for; for as long as those kinds stay as they are."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self._found: dict[str, dict[Key, dict[str, Any]]] = {}
        self._absent: dict[str, set[Key]] = {}
        self._words: dict[str, list[str]] = {}
        self._near: dict[tuple[str, str], str] = {}

    def find(self, kind: str, keys: Iterable[Key]) -> Mapping[Key, dict[str, Any]]:
        """Records by key; at least the given ones, where they exist."""
        wanted = set(keys)
        found, absent = self._found.setdefault(kind, {}), self._absent.setdefault(kind, set())
        missing = wanted - found.keys() - absent
        if missing:
            if len(found) + len(absent) > KEPT:
                found, absent, missing = {}, set(), wanted
                self._found[kind], self._absent[kind] = found, absent
            with self.session.books.reader() as reader:
                found |= lookups.find(reader, kind, self.session.tenant, missing)
            absent |= missing - found.keys()
        return found

    def words(self, kind: str) -> list[str]:
        """Keys of a kind, for suggestions."""
        if kind not in self._words:
            with self.session.books.reader() as reader:
                self._words[kind] = lookups.all_keys(reader, kind, self.session.tenant, WORDS)
        return self._words[kind]

    def near(self, kind: str, key: str) -> str:
        """``did you mean 'x'?``, or nothing where no key is near."""
        if kind not in SUGGESTED:
            return ""
        if (kind, key) not in self._near:
            words = self.words(kind)
            near = did_you_mean(key, words) if key not in words else ""
            self._near[kind, key] = near if near.startswith("did you mean") else ""
        return self._near[kind, key]

    def elsewhere(self, kind: str, keys: Iterable[str]) -> Mapping[Key, dict[str, Any]]:
        """Records of any legal entity that have one of the keys."""
        return self.find(kind, [(entity, key) for key in keys for entity in self.words("entities")])


def unknown(known: Known, form: Format, column: Column, row: Good, coming: Container[Key] = ()) -> Finding:
    """The finding that what a column names is not there.  ``coming`` are keys that are to be loaded."""
    noun, key, subject = FORMATS[column.refers].noun, target(column, row.values), subject_of(form, row.values)
    shown = f"{column.name} {key[-1]!r}"
    if FORMATS[column.refers].key[:-1] == ("entity",):
        there = known.elsewhere(column.refers, [key[-1]])
        keys = ((entity, key[-1]) for entity in known.words("entities") if entity != key[0])
        others = [entity for entity, name in keys if (entity, name) in there or (entity, name) in coming]
        if others:
            what = f"{shown} is the {noun} of {', '.join(others)}, not of {key[0]}"
            why = "records of one legal entity name each other only"
            return Finding(OTHER_ENTITY, row.where, what, why, f"name the {noun} of {key[0]}", subject=subject)
    of = "/".join(key[:-1])
    what = f"{shown} does not exist" + (f" in {of}" if of else "")
    mend = known.near(column.refers, key[-1]) or f"import the {noun} first, or correct the key"
    return Finding(UNKNOWN_REFERENCE, row.where, what, "", mend, subject=subject)


def resolve(
    known: Known, form: Format, rows: Sequence[Good], tally: Tally, skip: frozenset[str] = frozenset()
) -> list[Good]:
    """The rows whose references all exist; the others are quarantined.  ``skip`` are columns that are judged elsewhere.

    What is named within something that does not exist (a charge of an unknown plan) is not missed a second time.
    """
    bad: dict[int, dict[Any, Finding]] = {}
    for column in form.columns:
        if not column.refers or column.name in skip:
            continue
        head = FORMATS[column.refers].key[:-1]
        named = {
            i: target(column, row.values)
            for i, row in enumerate(rows)
            if row.values[column.name] and not any(name in bad.get(i, ()) for name in head)
        }
        found = known.find(column.refers, named.values())
        lost = {i: key for i, key in named.items() if key not in found}
        if lost and head == ("entity",):
            known.elsewhere(column.refers, {key[-1] for key in lost.values()})
        for i in lost:
            bad.setdefault(i, {})[column.name] = unknown(known, form, column, rows[i])
    if form.kind == "subscriptions":
        for i, row in enumerate(rows):
            if i not in bad and row.values["contract"]:
                for finding in _other_account(known, form, row):
                    bad[i] = {"contract": finding}
    if form.kind == "charges":
        for i, row in enumerate(rows):
            if i not in bad and (row.values["filter"] or row.values["group_by"]):
                found_flaws = list(_not_of_meters(known, form, row))
                if found_flaws:
                    bad[i] = dict(enumerate(found_flaws))
    for findings in bad.values():
        tally.refuse_row(*findings.values())
    return [row for i, row in enumerate(rows) if i not in bad]


def _other_account(known: Known, form: Format, row: Good) -> Iterator[Finding]:
    contract, account = row.values["contract"], row.values["account"]
    key = (row.values["entity"], contract)
    owner = known.find("contracts", [key])[key]["account"]
    if owner != account:
        what = f"contract {contract!r} is with account {owner!r}, the subscription is of account {account!r}"
        why, mend = "the prices of a contract hold for its own account", "name a contract of the account, or none"
        yield Finding(OTHER_ACCOUNT, row.where, what, why, mend, subject=subject_of(form, row.values))


def _not_of_meters(known: Known, form: Format, row: Good) -> Iterator[Finding]:
    """What a charge asks of its meters that they do not have."""
    keys = (row.values["meters"] or row.values["meter"]).split(";")
    meters = known.find("meters", [(key,) for key in keys])
    for what, why, mend in measured_rows.of_meters(row.values, {key: record for (key,), record in meters.items()}):
        yield Finding(BAD_FORMULA, row.where, what, why, mend, subject=subject_of(form, row.values))
