"""Both sides of one payer after the other taken down: money by key, lines that differ, decisions that came out otherwise."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Final

import msgspec

from engine.base.money import ZERO
from engine.model.decision import Decision
from engine.model.invoice import InvoiceLine
from engine.runs.billing.finish import Issued
from engine.runs.simulate.difference import (
    Decided,
    Drift,
    Line,
    Row,
    Tally,
    Tie,
    Total,
    paired,
    terms_apart,
    ties,
)
from engine.runs.simulate.history import line_key
from engine.runs.simulate.sides import Side

CUTS: Final = ("customer", "product", "rule")
"""The ways to cut the difference in money that come to its net."""


class Switched(msgspec.Struct):
    """Decisions of one family that came out otherwise in one way, as they are counted."""

    one: Decision | None
    other: Decision | None
    count: int = 0
    moved: int = 0
    money: dict[str, Decimal] = {}
    example: str = ""
    payer: str = ""
    entity: str = ""
    run: int = 0
    why: tuple[str, ...] = ()


class _Documents(msgspec.Struct):
    net: tuple[Decimal, Decimal] = (ZERO, ZERO)
    tax: tuple[Decimal, Decimal] = (ZERO, ZERO)
    count: tuple[int, int] = (0, 0)


Pair = tuple[InvoiceLine | None, InvoiceLine | None]


class Comparison:
    """What two replays come to, as they go on."""

    def __init__(self) -> None:
        self.customers, self.products, self.rules, self.accounts = Tally(), Tally(), Tally(), Tally()
        self.lines: list[Line] = []
        self.drift: list[Drift] = []
        self.switched: dict[tuple[str, str, str, str], Switched] = {}
        self.compared = 0
        self._totals: defaultdict[str, _Documents] = defaultdict(_Documents)
        self._receivable = Tally()
        self._ways: dict[tuple[int, int], tuple[str, str, str, str] | None] = {}

    def payer(
        self, run: int, on: date, sides: tuple[Side, Side], one: Sequence[Issued], other: Sequence[Issued]
    ) -> bool:
        """Take down the documents of a payer of both sides; whether any of them differ in money."""
        head = (one or other)[0].invoice.draft
        documents: tuple[list[Issued], list[Issued]] = (list(one), list(other))
        self._documents(documents)
        pairs = list(
            paired(
                [line for each in one for line in each.invoice.lines],
                [line for each in other for line in each.invoice.lines],
                lambda line: line_key(line.charge),
            )
        )
        differs = False
        for pair in pairs:
            differs |= self._line(run, on, head.entity, head.payer, sides, pair)
        self._heads(run, head.entity, head.payer, sides, documents)
        return differs

    def _documents(self, documents: tuple[Sequence[Issued], Sequence[Issued]]) -> None:
        for place, some in enumerate(documents):
            for issued in some:
                invoice = issued.invoice
                total = self._totals[invoice.draft.currency]
                total.net = _add(total.net, place, invoice.net)
                total.tax = _add(total.tax, place, invoice.tax)
                total.count = (total.count[0] + 1 - place, total.count[1] + place)
                for entry in issued.entries:
                    for posting in entry.postings:
                        both = (ZERO, posting.amount) if place else (posting.amount, ZERO)
                        self.accounts.add(posting.account, posting.currency, *both)

    def _line(self, run: int, on: date, entity: str, payer: str, sides: tuple[Side, Side], pair: Pair) -> bool:
        one, other = pair
        line = one or other
        assert line is not None
        charge = line.charge
        before, after = (ZERO if each is None else each.charge.amount for each in pair)
        taxes = (ZERO if one is None else one.tax.amount, ZERO if other is None else other.tax.amount)
        names = tuple(_name(sides, each) for each in pair)
        self.compared += 1
        self.customers.add(charge.account, charge.currency, before, after)
        self.products.add(charge.product, charge.currency, before, after)
        if names[0] == names[1]:
            self.rules.add(names[0], charge.currency, before, after)
        else:
            if one is not None:
                self.rules.add(names[0], charge.currency, before, ZERO)
            if other is not None:
                self.rules.add(names[1], charge.currency, ZERO, after)
        if one is not None and other is not None:
            where = (f"{charge.subscription} {charge.charge} {charge.service_from}", entity, payer, run)
            money = {charge.currency: after - before} if after != before else {}
            moved = (before, taxes[0]) != (after, taxes[1])
            self._decided(sides, (one.charge.decision, other.charge.decision), where, moved, money)
            self._decided(sides, (one.charge.proration, other.charge.proration), where, moved)
            self._decided(sides, (one.tax_decision, other.tax_decision), where, taxes[0] != taxes[1])
        if (before, taxes[0]) == (after, taxes[1]) and None not in pair:
            return False
        self.lines.append(
            Line(
                run,
                on,
                entity,
                payer,
                charge.account,
                charge.subscription,
                charge.plan,
                charge.charge,
                charge.product,
                charge.kind,
                charge.service_from,
                charge.service_to,
                charge.currency,
                before,
                after,
                *taxes,
                *names,
            )
        )
        return True

    def _heads(
        self, run: int, entity: str, payer: str, sides: tuple[Side, Side], documents: tuple[list[Issued], list[Issued]]
    ) -> None:
        """Decisions about whole documents: what they are drafted as, numbered as and posted to."""
        for one, other in paired(*documents, lambda each: _key(each)):
            if one is None or other is None:
                continue
            where = (f"{payer} {one.invoice.kind}", entity, payer, run)
            moved = (one.invoice.net, one.invoice.tax) != (other.invoice.net, other.invoice.tax)
            self._decided(sides, (one.invoice.draft.decision, other.invoice.draft.decision), where, moved)
            self._decided(sides, (one.invoice.numbering, other.invoice.numbering), where, moved)
            for mine, theirs in paired(_postings(one), _postings(other), lambda each: each[0]):
                if mine is not None and theirs is not None:
                    self._decided(sides, (mine[1], theirs[1]), where, mine[2] != theirs[2])

    def _decided(
        self, sides: tuple[Side, Side], ids: tuple[int, int], where: tuple[str, str, str, int], moved: bool,
        money: Mapping[str, Decimal] = {},
    ) -> None:  # fmt: skip
        """Count a decision of both sides that came out otherwise; ``moved`` where what it is about comes to other money."""
        if ids not in self._ways:
            self._ways[ids] = self._way(sides[0].decision(ids[0]), sides[1].decision(ids[1]))
        way = self._ways[ids]
        if way is None:
            return
        found = self.switched[way]
        found.count += 1
        found.moved += moved
        for currency, amount in money.items():
            found.money[currency] = found.money.get(currency, ZERO) + amount
        if not found.example:
            found.example, found.entity, found.payer, found.run = where

    def _way(self, one: Decision | None, other: Decision | None) -> tuple[str, str, str, str] | None:
        """The way in which two decisions differ; None where they do not."""
        if one is None or other is None or same(one, other):
            return None
        apart = tuple(terms_apart(one.terms, other.terms)) if label(one) == label(other) else ()
        way = (one.family, label(one), label(other), "; ".join(apart))
        self.switched.setdefault(way, Switched(one, other, money={}, why=apart))
        return way

    def books(self, run: int, entity: str, held: Mapping[tuple[str, str, str, str], tuple[Decimal, Decimal]],
              replayed: Iterable[Issued]) -> None:  # fmt: skip
        """Compare documents of the books with the replay by their own rules."""
        made = {_key(one): (one.invoice.net, one.invoice.tax) for one in replayed}
        for key in sorted({*held, *made}):
            mine, theirs = held.get(key), made.get(key)
            if mine != theirs:
                one, other = (None if each is None else each[0] + each[1] for each in (mine, theirs))
                self.drift.append(Drift(run, entity, *key, one, other))

    def totals(self) -> tuple[Total, ...]:
        """The documents of both sides by currency."""
        return tuple(
            Total(currency, *one.net, one.net[1] - one.net[0], *one.tax, *one.count)
            for currency, one in sorted(self._totals.items())
        )

    def ties(self) -> tuple[Tie, ...]:
        """Whether customers, products and rules come to the difference of the documents, and entries to nothing."""
        net = {one.currency: one.difference for one in self.totals()}
        parts = {"by customer": self.customers, "by product": self.products, "by rule": self.rules}
        found = ties(net, {name: tally.difference() for name, tally in parts.items()})
        return (*found, *ties({}, {"by GL account, all together": self.accounts.difference()}))

    def unexplained(self, run: int) -> list[Switched]:
        """Decisions by other rules than before whose example is of a run, and of which nobody has said why."""
        return [one for one in self.switched.values() if one.count and not one.why and one.run == run]

    def decided(self) -> tuple[Decided, ...]:
        """The decisions that came out otherwise, the most frequent first, each way with why."""
        made = [
            Decided(way[0], way[1], way[2], one.count, dict(sorted(one.money.items())), one.why, one.example, one.moved)
            for way, one in self.switched.items()
            if one.count
        ]
        return tuple(sorted(made, key=lambda d: (-d.count, d.family, d.rule, d.other_rule, d.why)))


def gl_rows(rows: Iterable[Row]) -> tuple[Row, ...]:
    """GL accounts in order of their code."""
    return tuple(sorted(rows, key=lambda row: (row.key, row.currency)))


def label(decision: Decision | None) -> str:
    """The rule of a decision, as people write it."""
    return "" if decision is None else f"{decision.ruleset}#{decision.rule}"


def same(one: Decision, other: Decision) -> bool:
    """Whether two decisions say the same by a rule of the same name, whatever release they are of."""
    return (one.ruleset, one.rule) == (other.ruleset, other.rule) and one.terms == other.terms


def _name(sides: tuple[Side, Side], line: InvoiceLine | None) -> str:
    """The rule that priced a line; of a credit, the one that priced what it gives back, which may be the other side's."""
    if line is None:
        return ""
    found = (side.decision(line.charge.decision) for side in sides)
    return next((label(one) for one in found if one is not None), "")


def _key(one: Issued) -> tuple[str, str, str, str]:
    draft = one.invoice.draft
    return draft.payer, one.invoice.kind, draft.group, draft.currency


def _postings(one: Issued) -> list[tuple[tuple[str, int, bool], int, tuple[str, Decimal]]]:
    """What tells which posting of the other side is about the same, the decision for its account, and that with its amount."""
    return [
        ((entry.kind, posting.line, posting.amount < 0), posting.decision, (posting.account, posting.amount))
        for entry in one.entries
        for posting in entry.postings
        if posting.line
    ]


def _add(pair: tuple[Decimal, Decimal], place: int, amount: Decimal) -> tuple[Decimal, Decimal]:
    one, other = pair
    return (one, other + amount) if place else (one + amount, other)
