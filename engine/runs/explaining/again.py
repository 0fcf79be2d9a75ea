"""What a run asked of the rules, heard by doing it once more: on a snapshot of the books as they were before it, with nothing written.

A match, a write-off with it and a step of dunning rest on facts that the books do not keep, such as what else was open then.  They are
gathered again, by the same functions, and each question is traced by the release that the run had.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Any, Final, Protocol, cast

import msgspec

from engine.base.errors import Finding, TollbookError
from engine.base.money import written
from engine.billing.alike import Alike
from engine.model.cash import RUN_MATCH
from engine.model.decision import Decision
from engine.model.journal import Change
from engine.model.matching import MatchingFacts
from engine.runs.explaining.words import RulesOf, Step, number, traced
from engine.runs.run import Clock, Parts, Rules
from engine.store.asof import AsOf
from engine.store.reader import Reader
from engine.store.records import Run
from engine.store.reversal import reversible

FITS: Final = 10
"""Possible fits of a payment that are told unless all are asked for."""
OF_DUNNING: Final = frozenset({"dunning", "interest"})
OF_BILLS: Final = frozenset({"invoicing"})
OF_MONEY: Final = frozenset({"matching", "writeoff"})

Question = tuple[str, Any, date]
"""Family, facts and day."""


class PartsOf(Protocol):
    """Gives parts that call no other system, with the rules of a release."""

    def __call__(self, release: str) -> Parts: ...


class Hearing:
    """Rules that remember what they are asked."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self.asked: list[Question] = []

    def decide(self, family: str, facts: Any, on: date) -> Decision:
        """As the rules, and remembers the question."""
        if (family, facts, on) not in self.asked[-FITS:]:
            self.asked.append((family, facts, on))
        return self._rules.decide(family, facts, on)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._rules, name)


class Again:
    """Does parts of runs again, for those who explain."""

    def __init__(self, address: str, parts_of: PartsOf) -> None:
        """``address`` of the books; ``parts_of`` gives parts with the rules of a release."""
        self._address, self._parts_of = address, parts_of

    def money(self, reader: Reader, rules_of: RulesOf, tenant: str, entry: int, everything: bool) -> list[Step]:
        """What was asked about a bank entry by the run that used it, or looked at it last; nothing where no run did."""
        mine = {use.run_id for use in reader.uses(tenant, entry_id=entry)}
        used = (reader.run(ident) for ident in sorted(mine, reverse=True))
        matching = (one for one in used if one is not None and one.kind == RUN_MATCH)
        run = next(matching if mine else reader.runs_back(tenant, RUN_MATCH), None)
        found = reader.bank_entry(tenant, entry)
        if run is None or found is None or found.entry.booked > date.fromisoformat(run.period):
            return []
        with self._before(run) as (books, parts, hearing):
            _matched(books, parts, found.entry.entity, entry, date.fromisoformat(run.period))
        return _told(rules_of, run.release, hearing, OF_MONEY, everything)

    def dunning(self, rules_of: RulesOf, run: Run, account: str, everything: bool) -> list[Step]:
        """What a dunning run asked about an account."""
        from engine.runs.dunning.run import run_dunning

        with self._before(run) as (_, parts, hearing):
            change = Change(run.who, run.started_at, run.reason)
            run_dunning(parts, date.fromisoformat(run.period), change, account=account, dry_run=True)
        return _told(rules_of, run.release, hearing, OF_DUNNING, everything)

    def billing(
        self, rules_of: RulesOf, run: Run, payer: tuple[str, str], everything: bool
    ) -> tuple[str, list[Finding], list[Step]]:
        """The bill of a payer (entity, key) as a bill run of that day would make it now: what it comes to, empty where there is none,
        what was found on the way, and what was asked about invoices."""
        from engine.runs.billing.partition import compute
        from engine.runs.billing.read import known_now, pinned_at, read_payers

        parts = self._parts_of(run.release)
        hearing = Hearing(parts.rules)
        parts = msgspec.structs.replace(parts, rules=cast(Rules, hearing), workers=0, recipe=None, alike=Alike())
        entity, key = payer
        with parts.books.reader() as reader:
            pinned = pinned_at(run, known_now(reader))
            read = read_payers(parts, reader, pinned, entity, key, key)
            batch = compute(parts, read.job, read.dues, read.table, partial(reversible, reader), Clock())
        made = (one.invoice for one in batch.issued)
        worth = ", ".join(f"{written(one.net, one.draft.currency)} before tax" for one in made)
        found = [one for one in (*read.findings, *batch.findings) if one.level != "info"]
        return worth, found, _told(rules_of, run.release, hearing, OF_BILLS, everything)

    @contextmanager
    def _before(self, run: Run) -> Iterator[tuple[AsOf, Parts, Hearing]]:
        """The books as they were before a run, and its parts over them."""
        books = AsOf(self._address)
        try:
            books.before(run.id)
            parts = self._parts_of(run.release)
            hearing = Hearing(parts.rules)
            rules = cast(Rules, hearing)
            yield books, msgspec.structs.replace(parts, books=books, rules=rules, workers=0, recipe=None), hearing
        finally:
            books.close()


def _matched(books: AsOf, parts: Parts, entity: str, entry: int, on: date) -> None:
    """Match one bank entry, and judge what would be given up with it."""
    from engine.receivables.matching.matching import match  # they stand on libraries that nothing else needs here
    from engine.runs.cash.facts import incoming, world
    from engine.runs.cash.giving_up import Asker, Judge
    from engine.runs.cash.matched import differences

    with books.reader() as reader:
        found = reader.bank_entry(parts.tenant, entry)
        if found is None or not found.left:
            return
        seller, there = reader.entities(parts.tenant)[entity], world(parts, reader, entity, on, [found])
        judge = Judge(parts, reader, seller, Asker("run"), on)
        facts = (there.candidates, there.parties, there.rates)
        for one in match([incoming(found)], *facts, parts.rules.decide):
            for each in one.applications:
                item = there.items[int(each.candidate)]
                owner = reader.accounts(parts.tenant, entity, [item.account])[item.account]
                for reason, amount in differences(each):
                    judge.decide(owner, item, reason, amount)


def _told(
    rules_of: Callable[[str], Any], release: str, hearing: Hearing, families: frozenset[str], everything: bool
) -> list[Step]:
    asked = [one for one in hearing.asked if one[0] in families]
    shown = asked if everything else asked[:FITS]
    steps = []
    for family, facts, on in shown:
        try:
            step = traced(f"{family} asked", rules_of(release), release, family, facts, on)
        except TollbookError as error:
            step = Step(f"{family} asked", error.findings[0].what)
        steps.append(msgspec.structs.replace(step, text=f"{_about(facts)}{step.text}"))
    if len(asked) > len(shown):
        steps.append(Step("more", f"{len(asked) - len(shown)} more questions (--all)"))
    return steps


def _about(facts: Any) -> str:
    """What a question is about, where several of its family are asked."""
    if isinstance(facts, MatchingFacts):
        fit = f"{facts.items} document{'' if facts.items == 1 else 's'}"
        return f"{fit} by {facts.reference}, payer {facts.payer}, {facts.remainder} {number(facts.difference)}: "
    amount = getattr(facts, "amount", None)
    if isinstance(amount, Decimal):
        reason = getattr(facts, "reason", getattr(facts, "kind", ""))
        return f"{reason.replace('_', ' ')} of {written(amount, facts.currency)}: "
    return ""
