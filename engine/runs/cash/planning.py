"""What of a bank file is to be booked: each statement judged against the books, and against those before it in the file.

A statement with an oddity is not booked, unless whoever loads it accepts that oddity by its code.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final, Literal

import msgspec

from engine.base.errors import Code, Finding, Where
from engine.model.cash import OpenEntry
from engine.model.entity import LegalEntity
from engine.runs.bank_desk import DOES_NOT_TIE, BankFile
from engine.runs.cash.statements import Line, Taken, numbered, owner_of, plain, taken
from engine.store.reader import Reader

INFORMS = Code(
    "cash.informs-only", "A report of the day so far, or an entry that is not booked: it comes again as booked."
)
ALREADY = Code("cash.already-loaded", "A statement, or the payments of a batch, that the books have.")
OTHER_SOURCE = Code("cash.other-source", "A statement of another kind of file than the bank account is booked from.")
OVERLAPS = Code("cash.overlaps", "A statement with entries that the books have from another one.")
GAP = Code("cash.gap", "A statement that does not begin with the balance with which the one before it ends.")
NO_BATCH = Code(
    "cash.no-batch", "Payments of a batch whose entry is not in the books, or is used for something already."
)
SEVERAL_BATCHES = Code(
    "cash.several-batches", "Payments of a batch that could be each of several entries of the books."
)

State = Literal["book", "explode", "known", "refused", "informs"]

NEAR: Final = timedelta(days=5)
"""How far apart the days of a batch and of the notification of its payments may be."""


class Batch(msgspec.Struct, frozen=True):
    """Payments that stand for an entry of the books."""

    gathered: OpenEntry
    lines: tuple[Line, ...]
    keys: tuple[str, ...]


class Planned(msgspec.Struct, frozen=True):
    """What is to be done with a statement.  ``lines`` and their ``keys`` are to be booked, ``batches`` to be put in the place of
    their entries."""

    number: int
    state: State
    statement: Taken | None
    findings: tuple[Finding, ...]
    lines: tuple[Line, ...] = ()
    keys: tuple[str, ...] = ()
    batches: tuple[Batch, ...] = ()


class Planner:
    """Judges the statements of one file."""

    def __init__(
        self, reader: Reader, tenant: str, sources: Mapping[str, str], accept: Collection[str], role: str, path: Path
    ) -> None:
        """``sources`` names the kind of file that accounts are booked from, ``role`` is that of the file's kind."""
        self.reader, self.tenant, self.accept, self.role = reader, tenant, frozenset(accept), role
        self.sources = {plain(account): kind for account, kind in sources.items()}
        self.where = Where(str(path))
        self.entities: Mapping[str, LegalEntity] = reader.entities(tenant)
        self._before: dict[tuple[str, str], Taken] = {}
        self._keys: dict[tuple[str, str], set[str]] = {}
        self._used: set[int] = set()

    def plan(self, file: BankFile) -> list[Planned]:
        """What is to be done with each statement, in the order of the file."""
        untied = [f for f in file.flaws if f.code == DOES_NOT_TIE]
        made = []
        for number, statement in enumerate(file.statements, 1):
            owner = owner_of(statement, self.entities, self.where)
            if isinstance(owner, Finding):
                made.append(Planned(number, "refused", None, (owner,)))
                continue
            one, problems = taken(number, statement, *owner, self.where)
            odd = [msgspec.structs.replace(f, where=(f.where.file and f.where) or self.where) for f in statement.flaws]
            odd += [f for f in untied if f.what.startswith(f"statement {number},")]
            made.append(self._judged(one, file.kind, problems, odd))
        return made

    def _judged(self, one: Taken, kind: str, problems: list[Finding], odd: list[Finding]) -> Planned:
        if problems:
            return Planned(one.number, "refused", one, tuple(problems))
        if self.role == "informs":
            return Planned(one.number, "informs", one, (self._info(INFORMS, one, "only informs: nothing is booked"),))
        if self.role == "details":
            return self._exploding(one, odd)
        if not one.lines:
            return Planned(one.number, "known", one, (self._info(ALREADY, one, "has no booked entries"),))
        if self.reader.statement_known(self.tenant, *one.place, one.digest):
            return Planned(one.number, "known", one, (self._info(ALREADY, one, "is in the books, every entry of it"),))
        wrong = self._source(one, kind)
        if wrong is not None:
            return Planned(one.number, "refused", one, (wrong,))
        lines, keys, more = self._new(one)
        refused, accepted = self._sorted([*odd, *more])
        if refused:
            return Planned(one.number, "refused", one, tuple(refused))
        self._before[one.place] = one
        self._keys.setdefault(one.place, set()).update(keys)
        told = [*accepted]
        if one.left_out:
            told.append(self._info(INFORMS, one, f"has {one.left_out} entries of nothing or not booked yet"))
        return Planned(one.number, "book", one, tuple(told), tuple(lines), tuple(keys))

    def _sorted(self, odd: Sequence[Finding]) -> tuple[list[Finding], list[Finding]]:
        """Oddities that nobody has accepted, as errors, and those that somebody has, as warnings."""
        refused = [self._error(one) for one in odd if one.code not in self.accept]
        return refused, [msgspec.structs.replace(one, level="warning") for one in odd if one.code in self.accept]

    def _source(self, one: Taken, kind: str) -> Finding | None:
        names = (plain(one.account.iban), plain(one.account.name))
        wanted = next((self.sources[name] for name in names if name in self.sources), "")
        wanted = wanted or self.reader.bank_source(self.tenant, *one.place) or kind
        if wanted == kind:
            return None
        what = f"statement {one.number} is {kind}, and {one.account.name} is booked from {wanted}"
        why = "the same money stands in several kinds of files, and is booked from one of them"
        mend = f"load {wanted}, or name {kind} for the account under bank_sources in config.yaml"
        return Finding(OTHER_SOURCE, self.where, what, why, mend)

    def _new(self, one: Taken) -> tuple[list[Line], list[str], list[Finding]]:
        """The entries that are new, with their keys, and what is odd about where the statement stands among the others.

        A statement that goes on where the last one ended has new entries alone, though they look like others.
        """
        before = self._last(one)
        follows = before is not None and None not in (before[1], one.opening) and before[1] == one.opening
        keys = numbered(one.lines, Counter())
        there = self._there(one, keys)
        if there and follows and before is not None and before[0] <= one.first_day:
            keys = numbered(one.lines, self._counted(one))
            return list(one.lines), keys, []
        lines = [line for line, key in zip(one.lines, keys, strict=True) if key not in there]
        odd = []
        if there:
            what = f"statement {one.number}, of {one.account.name}: {len(there)} of its {len(keys)} entries are in the books"
            why = "it is another statement than they came from"
            odd.append(Finding(OVERLAPS, self.where, what, why, "look at both: those that are new can be booked"))
        elif not follows:
            odd += self._gap(one, before)
        return lines, [key for key in keys if key not in there], odd

    def _last(self, one: Taken) -> tuple[date, Decimal | None] | None:
        """The last day and closing balance of the statement before one."""
        mine = self._before.get(one.place)
        if mine is not None and mine.last_day <= one.first_day:
            return mine.last_day, mine.closing
        found = self.reader.statement_before(self.tenant, *one.place, one.first_day)
        return None if found is None else (found.last_day, found.closing)

    def _gap(self, one: Taken, before: tuple[date, Decimal | None] | None) -> list[Finding]:
        texts = []
        if before is not None and None not in (before[1], one.opening):
            texts.append(f"begins with {one.opening:f}, and the one before it, to {before[0]}, ends with {before[1]:f}")
        after = self.reader.statement_after(self.tenant, *one.place, one.last_day)
        if after is not None and None not in (after.opening, one.closing) and after.opening != one.closing:
            texts.append(
                f"ends with {one.closing:f}, and the one after it, from {after.first_day}, begins with {after.opening:f}"
            )
        mend = "load the statements that are missing first"
        return [
            Finding(
                GAP,
                self.where,
                f"statement {one.number}, of {one.account.name}, {text}",
                "a statement is missing",
                mend,
            )
            for text in texts
        ]

    def _there(self, one: Taken, keys: Sequence[str]) -> set[str]:
        mine = self._keys.get(one.place, set())
        return self.reader.entry_keys(self.tenant, *one.place, keys) | (mine & set(keys))

    def _counted(self, one: Taken) -> Counter[str]:
        """How many entries of the books are as those of a statement, by their digest."""
        known: Counter[str] = Counter()
        for line in one.lines:
            number = 0
            while self._there(one, [f"{line.booked}/{line.digest[:20]}/{number + 1}"]):
                number += 1
            known[line.digest] = number
        return known

    def _exploding(self, one: Taken, odd: list[Finding]) -> Planned:
        """The batches of a notification, each in the place of the entry that gathers it."""
        groups = [(line, line.gathers or (line,)) for line in one.lines]
        refused, told = self._sorted(odd)
        batches: list[Batch] = []
        if one.lines and not refused and not any(line.gathers for line in one.lines):
            whole = self._batch(one, one.amount, one.lines[0], one.lines)
            if isinstance(whole, Batch) or len(one.lines) == 1:
                groups, batches = [], [whole] if isinstance(whole, Batch) else []
                told += [whole] if isinstance(whole, Finding) else []
        for head, lines in groups if not refused else ():
            found = self._batch(one, head.amount, head, lines)
            if isinstance(found, Batch):
                batches.append(found)
            else:
                told.append(found)
        wrong = any(finding.level == "error" for finding in (*told, *refused))
        state: State = "explode" if batches else "refused" if wrong else "known"
        return Planned(one.number, state, one, (*refused, *told), batches=tuple(batches))

    def _batch(self, one: Taken, amount: Decimal, head: Line, lines: Sequence[Line]) -> Batch | Finding:
        """The entry that gathers some payments: of the same amount, with a reference in common, or the only one near."""
        what = f"statement {one.number}: {len(lines)} payments of {amount:f} {head.currency}"
        keys = [f"in/{key}" for key in numbered(lines, Counter())]
        if self._there(one, keys):
            return self._info(ALREADY, one, f"has {len(lines)} payments that are in the books")
        same = self.reader.entries_with(self.tenant, one.entity.key, account=one.account.name, amount=amount, parent=0)
        free = [each for each in same if each.left == amount and each.entry.id not in self._used]
        near = [each for each in free if abs(each.entry.booked - head.booked) <= NEAR]
        refs = head.references | {ref for line in lines for ref in line.references}
        sure = [each for each in near if each.entry.bank_ref and each.entry.bank_ref in refs]
        found = sure or near
        if len(found) == 1:
            self._used.add(found[0].entry.id)
            self._keys.setdefault(one.place, set()).update(keys)
            return Batch(found[0], tuple(lines), tuple(keys))
        if found:
            numbers = ", ".join(str(each.entry.id) for each in found)
            mend = "apply them by hand: `tollbook cash show`"
            return Finding(SEVERAL_BATCHES, self.where, f"{what} could be each of the entries {numbers}", mend=mend)
        why = "what it gathers is used already" if same else "the statement that books it is not loaded"
        return Finding(NO_BATCH, self.where, f"{what} have no entry that gathers them", why, "load the statement first")

    def _info(self, code: Code, one: Taken, text: str) -> Finding:
        return Finding(code, self.where, f"statement {one.number}, of {one.account.name}, {text}", level="info")

    def _error(self, finding: Finding) -> Finding:
        mend = f"{finding.mend}{'; ' if finding.mend else ''}`--accept {finding.code}` books it as it is"
        return msgspec.structs.replace(finding, level="error", mend=mend)
