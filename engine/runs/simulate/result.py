"""What a simulation comes to, ready to be shown: the same for the same books, rules and months, to the byte."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import msgspec

from engine.base.errors import Finding
from engine.base.money import round_to
from engine.runs.simulate.difference import Decided, Drift, Line, Movers, Row, Tie, Total
from engine.runs.simulate.dunning import DunningReplayed
from engine.runs.simulate.shares import Part

if TYPE_CHECKING:
    from engine.runs.simulate.cash import MatchingReplayed
    from engine.runs.simulate.crediting import CreditingReplayed
    from engine.runs.simulate.revenue import Recognised, RevenueReplayed


class Replayed(msgspec.Struct, frozen=True):
    """A run that was replayed: its own release, and the one made of the other rules."""

    id: int
    on: str
    scope: str
    release: str
    other_release: str


class Simulated(msgspec.Struct, frozen=True):
    """Closed months by other rules: money by customer, product, rule and GL account, who wins and loses, which decisions change.

    ``other`` says in words which rules were taken.  ``changed`` are the families that differ.  ``documents`` of the books were
    replayed by their own rules and compared with the books; ``drift`` are those that came out otherwise.  ``by_hand``
    counts the documents of people that were replayed with them, and ``beside`` those of the months that were not, by kind of run.  ``late`` is late usage by how it ends.
    """

    first: str
    last: str
    other: str
    changed: tuple[str, ...]
    runs: tuple[Replayed, ...]
    documents: int
    compared: int
    totals: tuple[Total, ...]
    customers: tuple[Row, ...]
    products: tuple[Row, ...]
    rules: tuple[Row, ...]
    accounts: tuple[Row, ...]
    movers: tuple[Movers, ...]
    decided: tuple[Decided, ...]
    lines: tuple[Line, ...]
    drift: tuple[Drift, ...]
    ties: tuple[Tie, ...]
    beside: Mapping[str, int] = {}
    by_hand: Mapping[str, int] = {}
    findings: tuple[Finding, ...] = ()
    matching: MatchingReplayed | None = None
    dunning: DunningReplayed | None = None
    revenue: RevenueReplayed | None = None
    late: tuple[Part, ...] = ()
    crediting: CreditingReplayed | None = None

    @property
    def acts_replayed(self) -> str:
        """What people did that was replayed, in words."""
        return _acts(self.by_hand)

    @property
    def acts_beside(self) -> str:
        """Documents that are no part of it, in words."""
        return _acts(self.beside)

    @property
    def decisions(self) -> int:
        """How many decisions come out otherwise."""
        return sum(one.count for one in self.decided)

    @property
    def decisions_moved(self) -> int:
        """How many of them are about a line, a document or a posting that comes out otherwise, too."""
        return sum(one.moved for one in self.decided)

    @property
    def ties_hold(self) -> bool:
        """Whether all sums tie."""
        return all(one.holds for one in self.ties)

    def cuts(self) -> Mapping[str, Sequence[Row]]:
        """The sums by what they are of."""
        return {
            "customer": self.customers,
            "product": self.products,
            "rule": self.rules,
            "GL account": self.accounts,
        }

    def csv(self) -> Iterator[Sequence[str]]:
        """Rows of a CSV file with their header: every line that comes out otherwise, then the sums of each cut."""
        yield COLUMNS
        for one in self.lines:
            before, after, difference = (shown(each, one.currency) for each in (one.before, one.after, one.difference))
            yield _row(
                what="line",
                **{name: str(getattr(one, name)) for name in _SAME},
                customer=one.account,
                **{"from": one.service_from.isoformat(), "to": one.service_to.isoformat()},
                before=before,
                after=after,
                difference=difference,
                tax_before=shown(one.tax_before, one.currency),
                tax_after=shown(one.tax_after, one.currency),
            )
        for cut, rows in self.cuts().items():
            yield from (_summed(f"by {cut}", cut, row) for row in rows if row.difference)
        yield from map(_drifted, self.drift)
        if self.revenue is not None:
            yield from map(_recognised, self.revenue.changed)
            for cut, rows in self.revenue.cuts().items():
                yield from (_summed(f"revenue by {cut}", cut, row) for row in rows if row.difference)


_ACTS: Final = {"void": "voids", "memo": "notes by hand", "true-up": "true-ups of tax"}


def _acts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{_ACTS[kind]} {count:,}" for kind, count in counts.items())


COLUMNS: Final = (
    "what", "run", "on", "entity", "customer", "subscription", "plan", "charge", "product", "kind", "from", "to",
    "rule", "other_rule", "gl_account", "currency", "before", "after", "difference", "tax_before", "tax_after",
)  # fmt: skip
_SAME: Final = (
    "run", "on", "entity", "subscription", "plan", "charge", "product", "kind", "rule", "other_rule", "currency"
)  # fmt: skip


def _row(**values: str) -> Sequence[str]:
    return tuple(values.get(name, "") for name in COLUMNS)


_KEYS: Final = {"month": "on", "revenue rule": "rule"}
"""Cuts whose key stands in a column of another name."""


def _summed(what: str, cut: str, row: Row) -> Sequence[str]:
    before, after, difference = (shown(amount, row.currency) for amount in (row.before, row.after, row.difference))
    key = {_KEYS.get(cut, cut.lower().replace(" ", "_")): row.key}
    return _row(what=what, **key, currency=row.currency, before=before, after=after, difference=difference)


def _drifted(one: Drift) -> Sequence[str]:
    """A document that the replay does not give again: what the books have, what the replay has, and the reason in place of a rule."""
    sums = (one.books or Decimal(0), one.replayed or Decimal(0), one.difference)
    before, after, difference = (shown(each, one.currency) for each in sums)
    head = {
        "run": str(one.run),
        "entity": one.entity,
        "customer": one.payer,
        "kind": one.kind,
        "currency": one.currency,
    }
    return _row(what="drift", **head, rule=one.reason, before=before, after=after, difference=difference)


def _recognised(one: Recognised) -> Sequence[str]:
    """The revenue of a line in a month; ``on`` is the month."""
    before, after, difference = (shown(each, one.currency) for each in (one.before, one.after, one.difference))
    same = ("entity", "customer", "subscription", "product", "rule", "other_rule", "currency")
    values = {name: getattr(one, name) for name in same}
    sums = {"before": before, "after": after, "difference": difference}
    return _row(what="revenue", run=str(one.run), on=one.month, **values, **sums)


def shown(amount: Decimal, currency: str) -> str:
    """An amount with the digits of its currency."""
    return f"{round_to(amount, currency):f}"


def most(rows: Iterable[Row], count: int) -> list[Row]:
    """The rows that differ most."""
    return [row for row in rows if row.difference][:count]


def as_json(found: Simulated) -> dict[str, Any]:
    """The result as an object, with what follows from it."""
    return {
        **msgspec.structs.asdict(found),
        "decisions": found.decisions,
        "decisions_moved": found.decisions_moved,
        "ties_hold": found.ties_hold,
    }
