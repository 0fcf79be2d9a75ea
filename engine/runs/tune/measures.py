"""What is watched of a parameter once it is set: a rate of each run, foreseen by the curve and kept in a band."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

import msgspec

from engine.base.money import ZERO
from engine.model.cash import RUN_MATCH
from engine.runs.dunning.run import KIND as RUN_DUNNING
from engine.runs.simulate.result import Simulated
from engine.store.records import Run

SURE: Final = ("applied", "cleared", "netted")
"""States of bank entries that nobody has to look at."""
PLACES: Final = Decimal("0.0001")


class Measure(msgspec.Struct, frozen=True):
    """A rate that runs of a kind have.

    Attributes:
        name: how it is kept with a band.
        words: what findings call it.
        kind: kind of the runs.
        foreseen: the rate in a simulation; None where it has none.
        of: the rate of a run, and how many write-offs it has made; None where it looked at nothing.
        most: what it cannot exceed; None where it can be any number.
    """

    name: str
    words: str
    kind: str
    foreseen: Callable[[Simulated], Decimal | None]
    of: Callable[[Mapping[str, Any], int], Decimal | None]
    most: Decimal | None

    def band(self, rate: Decimal, margin: Decimal) -> Mapping[str, str]:
        """The band of a margin around a rate, as it is kept."""
        high = rate + margin if self.most is None else min(rate + margin, self.most)
        ends = {"low": f"{max(rate - margin, ZERO):f}", "high": f"{high:f}"}
        return {"measure": self.name, **ends, "foreseen": f"{rate:f}"}


def share(part: int, whole: int) -> Decimal | None:
    """A part of a whole, to four digits; None of nothing."""
    return (Decimal(part) / whole).quantize(PLACES) if whole else None


def automatic(counts: Mapping[str, Any], _: int = 0) -> Decimal | None:
    """The share of bank entries of a run that nobody had to look at; None where there were none."""
    return share(sum(int(counts.get(state, 0)) for state in SURE), int(counts.get("entries", 0)))


def _given_up(counts: Mapping[str, Any], write_offs: int) -> Decimal | None:
    return share(write_offs, int(counts.get("applied", 0)))


def _steps(counts: Mapping[str, Any], _: int) -> Decimal | None:
    return share(int(counts.get("steps", 0)), int(counts.get("accounts", 0)))


def _foreseen_automatic(found: Simulated) -> Decimal | None:
    return found.matching.after.automatic if found.matching is not None else None


def _foreseen_given_up(found: Simulated) -> Decimal | None:
    side = found.matching.after if found.matching is not None else None
    return share(side.write_offs, side.states.get("applied", 0)) if side is not None else None


def _foreseen_steps(found: Simulated) -> Decimal | None:
    side = found.dunning.after if found.dunning is not None else None
    return share(sum(side.steps.values()), side.accounts) if side is not None else None


AUTOMATIC: Final = Measure("automatic", "the automatic rate", RUN_MATCH, _foreseen_automatic, automatic, Decimal(1))
GIVEN_UP: Final = Measure(
    "given_up",
    "the number of differences given up for each entry applied",
    RUN_MATCH,
    _foreseen_given_up,
    _given_up,
    None,
)
STEPS: Final = Measure(
    "steps", "the number of steps for each account that is late", RUN_DUNNING, _foreseen_steps, _steps, None
)
OF_FAMILY: Final[Mapping[str, Measure]] = {
    "matching": AUTOMATIC,
    "exceptions": AUTOMATIC,
    "writeoff": GIVEN_UP,
    "dunning": STEPS,
}
"""The rate that is watched of a parameter, by the family of its rule set."""
BY_NAME: Final = {one.name: one for one in (AUTOMATIC, GIVEN_UP, STEPS)}


def counts_of(run: Run) -> Mapping[str, Any]:
    """What a run has counted."""
    counts: Mapping[str, Any] = run.summary.get("counts", {})
    return counts
