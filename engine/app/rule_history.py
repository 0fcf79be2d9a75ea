"""Which rules the books were ever decided by: rules on disk beside the decisions that the books keep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal

import msgspec

from engine.base.errors import Where
from engine.rulebook.desk import RuleDesk, place
from engine.rulebook.rulebook import places
from engine.store.books import Books
from engine.store.reading.decided import Decided, decided


class Used(msgspec.Struct, frozen=True):
    """A rule on disk: how often the books were decided by it under any release, the last day, and the money by currency.

    ``kept`` says whether the books hold any decision of its family; where they hold none nothing is known of the rule.
    """

    ruleset: str
    rule: str
    where: Where
    kept: bool
    times: int
    last: date | None
    amounts: Mapping[str, Decimal]


class History(msgspec.Struct, frozen=True):
    """All rules, those that were never used first; the days that were looked at; families of which nothing is kept."""

    first: date | None
    last: date | None
    rules: tuple[Used, ...]
    not_kept: tuple[str, ...]


def rule_history(books: Books, tenant: str, desk: RuleDesk, first: date | None, last: date | None) -> History:
    """How the books used the rules of a desk on some days, both included.  A rule is known by rule set and id.

    Raises:
        TollbookError: whatever is wrong with the rule files.
    """
    book, files = desk.check(), places(desk.roots)
    with books.reader() as reader:
        found = decided(reader, tenant, first, last)
        named = reader.decisions(sorted(found))
        kept = {row["family"] for row in reader.decisions(sorted(decided(reader, tenant, None, None))).values()}
    uses: dict[tuple[str, str], list[Decided]] = {}
    for ident, row in named.items():
        uses.setdefault((row["ruleset"], row["rule"]), []).append(found[ident])
    rules = [
        _used(decision.ruleset, decision.rule, place(decision.where, files), decision.family in kept, uses)
        for decision in book.decisions()
    ]
    rules.sort(key=lambda used: (not used.kept, used.times > 0, used.ruleset, used.where.line))
    not_kept = sorted({decision.family for decision in book.decisions()} - kept)
    return History(first, last, tuple(rules), tuple(not_kept))


def _used(ruleset: str, rule: str, where: Where, kept: bool, uses: Mapping[tuple[str, str], Sequence[Decided]]) -> Used:
    group = uses.get((ruleset, rule), ())
    amounts: dict[str, Decimal] = {}
    for each in group:
        for currency, amount in each.amounts.items():
            amounts[currency] = amounts.get(currency, Decimal(0)) + amount
    last = max((each.last for each in group), default=None)
    return Used(ruleset, rule, where, kept, sum(each.times for each in group), last, dict(sorted(amounts.items())))
