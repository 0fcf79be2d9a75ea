"""Dunning runs replayed: the steps that would have been taken, and what they would have asked for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final

import msgspec

from engine.base.money import ZERO
from engine.model.journal import Change
from engine.runs.dunning.run import KIND, run_dunning
from engine.runs.run import Progress
from engine.runs.simulate.sides import Side
from engine.store.asof import AsOf
from engine.store.records import Run

FAMILIES: Final = frozenset({"dunning", "interest", "dispute"})
"""Families that dunning runs ask."""


class Step(msgspec.Struct, frozen=True):
    """A step that is taken on one side only, or with other costs or another letter: ``costs`` are None where it is not taken."""

    run: int
    on: date
    account: str
    about: str
    step: str
    currency: str
    asked: Decimal
    costs: Decimal | None
    other_costs: Decimal | None
    rule: str
    other_rule: str


class StepSide(msgspec.Struct, frozen=True):
    """One side in figures: steps by name, what they cost the customers, by currency, and how often an account was looked at."""

    steps: Mapping[str, int]
    costs: Mapping[str, Decimal]
    accounts: int = 0


class DunningReplayed(msgspec.Struct, frozen=True):
    """Dunning runs by both rules; each is replayed by itself, with the steps that the books had before it."""

    runs: tuple[int, ...]
    before: StepSide
    after: StepSide
    changed: tuple[Step, ...]

    @property
    def moved(self) -> int:
        """How many of the steps that come out otherwise are taken on one side only, or at other costs."""
        return sum(one.costs != one.other_costs for one in self.changed)


def dunning_runs(known: Sequence[Run], first: date, end: date) -> list[Run]:
    """The dunning runs of some months, the oldest first."""
    mine = (run for run in known if run.kind == KIND and run.state == "done")
    return sorted((run for run in mine if first <= date.fromisoformat(run.period) < end), key=lambda run: run.id)


def replay_dunning(
    books: AsOf, sides_of: Callable[[str], tuple[Side, Side]], runs: Sequence[Run], progress: Progress
) -> DunningReplayed:
    """Replay dunning runs, the oldest first."""
    taken: tuple[list[Mapping[str, Any]], list[Mapping[str, Any]]] = ([], [])
    changed: list[Step] = []
    looked = [0, 0]
    for number, run in enumerate(runs, 1):
        books.before(run.id)
        on, change = date.fromisoformat(run.period), Change(run.who, run.started_at, run.reason)
        made = []
        for place, (kept, side) in enumerate(zip(taken, sides_of(run.release), strict=True)):
            report = run_dunning(side.parts, on, change, dry_run=True)
            found, looked[place] = report.details, looked[place] + report.counts["accounts"]
            kept.extend(found)
            made.append({_key(one): one for one in found})
        changed += list(_changed(run.id, on, made[0], made[1]))
        progress("dunning", number, len(runs))
    return DunningReplayed(
        tuple(run.id for run in runs), figures(taken[0], looked[0]), figures(taken[1], looked[1]), tuple(changed)
    )


def _key(one: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(one[name]) for name in ("entity", "account", "about", "currency", "cycle", "step"))


def _changed(
    run: int, on: date, one: Mapping[tuple[str, ...], Mapping[str, Any]], other: Mapping[tuple[str, ...], Mapping[str, Any]]
) -> Iterable[Step]:  # fmt: skip
    for key in sorted({*one, *other}):
        mine, theirs = one.get(key), other.get(key)
        if mine and theirs and (mine["costs"], mine["channel"]) == (theirs["costs"], theirs["channel"]):
            continue
        told = mine or theirs
        assert told is not None
        yield Step(
            *(run, on, told["account"], told["about"], told["step"], told["currency"], told["asked"]),
            costs=mine["costs"] if mine else None,
            other_costs=theirs["costs"] if theirs else None,
            rule=mine["rule"] if mine else "",
            other_rule=theirs["rule"] if theirs else "",
        )


def figures(steps: Iterable[Mapping[str, Any]], accounts: int) -> StepSide:
    """One side in figures."""
    counted, costs = defaultdict[str, int](int), defaultdict[str, Decimal](lambda: ZERO)
    for one in steps:
        counted[one["step"]] += 1
        costs[one["currency"]] += one["costs"]
    sums = {key: amount for key, amount in sorted(costs.items()) if amount}
    return StepSide(dict(sorted(counted.items())), sums, accounts)
