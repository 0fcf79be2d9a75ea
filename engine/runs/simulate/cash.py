"""Matching runs replayed: which bank entries would have been applied, what would have been given up, and why that changes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Final

import msgspec

from engine.base.money import ZERO
from engine.model.cash import RUN_MATCH
from engine.runs.cash.giving_up import Asker, Judge
from engine.runs.cash.matched import Done, Matching, differences
from engine.runs.run import Progress
from engine.runs.simulate.sides import Side
from engine.store.asof import AsOf
from engine.store.asof_documents import applied_by
from engine.store.records import Run

SURE: Final = ("applied", "cleared", "netted")
"""States of entries that nobody has to look at."""
FAMILIES: Final = frozenset({"matching", "writeoff", "exceptions", "allocation"})
"""Families that matching runs ask."""


class GivenUp(msgspec.Struct, frozen=True):
    """An amount of a document that would be given up with a payment, or stay open, and the rule that says so."""

    entry: int
    document: str
    reason: str
    amount: Decimal
    currency: str
    allowed: bool
    rule: str


class Entry(msgspec.Struct, frozen=True):
    """What would become of a bank entry, by which rule of matching, for which documents; ``doubt`` is one less the score of the rule
    where it is applied unseen."""

    id: int
    booked: date
    amount: Decimal
    currency: str
    state: str
    rule: str
    pays: tuple[tuple[str, Decimal], ...]
    text: str
    doubt: Decimal
    given: tuple[GivenUp, ...]


class Changed(msgspec.Struct, frozen=True):
    """A bank entry that comes out otherwise: its state, rule and documents on both sides, and why."""

    entry: int
    booked: date
    amount: Decimal
    currency: str
    state: str
    other_state: str
    rule: str
    other_rule: str
    documents: str
    other_documents: str
    why: str

    @property
    def moved(self) -> bool:
        """Whether other documents are paid, or other amounts, or the money waits where it did not; else the same comes of another rule."""
        return (self.state, self.documents) != (self.other_state, self.other_documents)


class MatchSide(msgspec.Struct, frozen=True):
    """One side in figures: entries by state, the share that nobody has to look at, how many wrong ones are to be expected among what
    is applied unseen (the sum of one less the score of the rule), and money by currency: applied, suggested, given up;
    ``write_offs`` are the differences that were given up."""

    entries: int
    states: Mapping[str, int]
    automatic: Decimal
    expected_wrong: Decimal
    applied: Mapping[str, Decimal]
    suggested: Mapping[str, Decimal]
    given_up: Mapping[str, Decimal]
    write_offs: int = 0


class MatchingReplayed(msgspec.Struct, frozen=True):
    """Matching runs by both rules.  ``drift`` are entries whose use in the books is not what the replay by their own rules says."""

    runs: tuple[int, ...]
    before: MatchSide
    after: MatchSide
    changed: tuple[Changed, ...]
    drift: tuple[int, ...]

    @property
    def moved(self) -> int:
        """How many of the entries that come out otherwise are used otherwise."""
        return sum(one.moved for one in self.changed)


def replay_matching(
    books: AsOf, sides_of: Callable[[str], tuple[Side, Side]], runs: Sequence[Run], progress: Progress
) -> MatchingReplayed:
    """Replay matching runs, the oldest first."""
    sides: tuple[dict[int, Entry], dict[int, Entry]] = ({}, {})
    drift: set[int] = set()
    for number, run in enumerate(runs, 1):
        books.before(run.id)
        for kept, side in zip(sides, sides_of(run.release), strict=True):
            made = _entries(books, side, date.fromisoformat(run.period))
            kept |= {ident: one for ident, one in made.items() if ident not in kept or kept[ident].state not in SURE}
            if kept is sides[0]:
                there = applied_by(books, run.id)
                drift |= there ^ {ident for ident, one in made.items() if one.state == "applied"}
        progress("match", number, len(runs))
    before, after = sides
    pairs = ((before[ident], after[ident]) for ident in sorted({*before} & {*after}))
    changed = tuple(_changed(one, other) for one, other in pairs if _told(one) != _told(other))
    return MatchingReplayed(
        tuple(run.id for run in runs), figures(before.values()), figures(after.values()), changed, tuple(sorted(drift))
    )


def matching_runs(known: Sequence[Run], first: date, end: date) -> list[Run]:
    """The matching runs of some months, the oldest first."""
    mine = (run for run in known if run.kind == RUN_MATCH and run.state == "done")
    return sorted((run for run in mine if first <= date.fromisoformat(run.period) < end), key=lambda run: run.id)


def _entries(books: AsOf, side: Side, on: date) -> dict[int, Entry]:
    found: dict[int, Entry] = {}
    with books.reader() as reader:
        for entity in reader.entities(side.parts.tenant).values():
            mine = Matching(side.parts, reader, entity, on)
            judge = Judge(side.parts, reader, entity, Asker("run"), on)
            for done in mine.foreseen(reader):
                found[done.entry] = _entry(mine, judge, done)
    return found


def _entry(mine: Matching, judge: Judge, done: Done) -> Entry:
    match = mine.matches[str(done.entry)]
    applied = done.state == "applied"
    given = tuple(_given(mine, judge, done)) if applied else ()
    doubt = 1 - match.score if applied else ZERO
    text = done.text or "; ".join(match.trace[:2])
    head = (done.entry, done.booked, done.amount, done.currency, done.state, done.rule, done.pays, text)
    return Entry(*head, doubt, given)


def _given(mine: Matching, judge: Judge, done: Done) -> list[GivenUp]:
    """What is given up with an entry, as the rules of write-offs judge it."""
    found = []
    for each in mine.matches[str(done.entry)].applications:
        item = mine.world.items[int(each.candidate)]
        for reason, amount in differences(each):
            decision = judge.decide(mine.accounts[item.account], item, reason, amount)
            allowed = decision.terms["decision"] == "allow"
            rule = f"{decision.ruleset}#{decision.rule}"
            found.append(GivenUp(done.entry, item.number, reason, amount, item.currency, allowed, rule))
    return found


def figures(entries: Iterable[Entry]) -> MatchSide:
    """One side in figures."""
    some = list(entries)
    states: defaultdict[str, int] = defaultdict(int)
    applied, suggested, given = (defaultdict[str, Decimal](Decimal) for _ in range(3))
    for one in some:
        states[one.state] += 1
        if one.state == "applied":
            applied[one.currency] += one.amount
        if one.state == "suggested":
            suggested[one.currency] += one.amount
        for each in one.given:
            if each.allowed:
                given[each.currency] += each.amount
    sure = sum(states[state] for state in SURE)
    rate = (Decimal(sure) / len(some)).quantize(Decimal("0.0001")) if some else ZERO
    wrong = sum((one.doubt for one in some), ZERO)
    sums = [dict(sorted(d.items())) for d in (applied, suggested, given)]
    write_offs = sum(each.allowed for one in some for each in one.given)
    return MatchSide(len(some), dict(sorted(states.items())), rate, wrong, sums[0], sums[1], sums[2], write_offs)


def _told(one: Entry) -> tuple[object, ...]:
    given = [(each.document, each.reason, each.amount, each.allowed) for each in one.given]
    return one.state, one.rule, one.pays, given


def _documents(one: Entry) -> str:
    told = [f"{number} {amount:f}" for number, amount in one.pays]
    told += [
        f"{each.reason.replace('_', ' ')} of {each.amount:f} {'given up' if each.allowed else 'stays open'}"
        for each in one.given
    ]
    return ", ".join(told)


def _changed(one: Entry, other: Entry) -> Changed:
    rules = {each.rule for each in one.given} ^ {each.rule for each in other.given}
    why = other.text if other.state != one.state or not rules else f"{', '.join(sorted(rules))}"
    return Changed(
        one.id, one.booked, one.amount, one.currency, one.state, other.state, one.rule, other.rule, _documents(one), _documents(other), why
    )  # fmt: skip
