"""What is watched of a parameter once it is set: rates of each run, foreseen by the curve and kept in bands."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec

from engine.base.money import ZERO
from engine.model.cash import RUN_MATCH
from engine.runs.accounts.memo_moves import RUN as RUN_MEMO
from engine.runs.dunning.run import KIND as RUN_DUNNING
from engine.runs.simulate.result import Simulated
from engine.runs.simulate.shares import PLACES, Split, after, late_split, shares
from engine.store.records import Run
from engine.store.session import Session
from engine.store.tuned import credited_by, late_by, write_offs_by

SURE: Final = ("applied", "cleared", "netted")
"""States of bank entries that nobody has to look at."""
RUN_BILL: Final = "bill"
"""Kind of bill runs."""


Rates = Mapping[tuple[str, str], Decimal]
"""(part, currency) -> its rate; both are empty where there is but one rate."""
ONE: Final = ("", "")
NOTHING: Final[Rates] = {}


class Measure(msgspec.Struct, frozen=True):
    """Rates that runs of a kind have.

    Attributes:
        name: how they are kept with their bands.
        words: what findings call a rate, with ``{part}`` and ``{money}`` for what it is of.
        kind: kind of the runs.
        foreseen: the rates in a simulation; none where it has none.
        of: the rates of a run, of what it has counted and what was ``read`` of it; none where it looked at nothing.
        most: what they cannot exceed; None where they can be any number.
        read: what the books have of some runs beside their counts, by run; None where nothing more is needed.
        monthly: whether runs are so small that only those of a month together have a rate; what was read is then a split.
    """

    name: str
    words: str
    kind: str
    foreseen: Callable[[Simulated], Rates]
    of: Callable[[Mapping[str, Any], Any], Rates]
    most: Decimal | None = None
    read: Callable[[Session, str, Sequence[int]], Mapping[int, Any]] | None = None
    monthly: bool = False

    def bands(self, rates: Rates, margin: Decimal) -> list[dict[str, str]]:
        """The bands of a margin around rates, as they are kept."""
        return [self._band(*key, rate, margin) for key, rate in rates.items()]

    def _band(self, part: str, currency: str, rate: Decimal, margin: Decimal) -> dict[str, str]:
        high = rate + margin if self.most is None else min(rate + margin, self.most)
        ends = {"low": f"{max(rate - margin, ZERO):f}", "high": f"{high:f}"}
        of = {"part": part, "currency": currency} if part else {}
        return {"measure": self.name, **of, **ends, "foreseen": f"{rate:f}"}

    def told(self, band: Mapping[str, str]) -> str:
        """What findings call the rate of a band."""
        currency = band.get("currency", "")
        return self.words.format(part=band.get("part", ""), money=f"the money in {currency} of " if currency else "")


def rate_in(rates: Rates, band: Mapping[str, str]) -> Decimal | None:
    """The rate that a band is about; zero where there is only something else of what it is a share of, None where there is nothing."""
    key = band.get("part", ""), band.get("currency", "")
    if key not in rates and any(currency == key[1] for _, currency in rates):
        return ZERO
    return rates.get(key)


def share(part: int, whole: int) -> Rates:
    """A part of a whole, to four digits; nothing of nothing."""
    return {ONE: (Decimal(part) / whole).quantize(PLACES)} if whole else NOTHING


def automatic(counts: Mapping[str, Any], _: Any = None) -> Rates:
    """The share of bank entries of a run that nobody had to look at; none where there were no entries."""
    return share(sum(int(counts.get(state, 0)) for state in SURE), int(counts.get("entries", 0)))


def _given_up(counts: Mapping[str, Any], write_offs: Any) -> Rates:
    return share(write_offs or 0, int(counts.get("applied", 0)))


def _steps(counts: Mapping[str, Any], _: Any) -> Rates:
    return share(int(counts.get("steps", 0)), int(counts.get("accounts", 0)))


def _in_parts(_: Mapping[str, Any], split: Any) -> Rates:
    return shares(split or {})


def _late(session: Session, tenant: str, runs: Sequence[int]) -> Mapping[int, Split]:
    return {run: late_split(rows) for run, rows in late_by(session, tenant, runs).items()}


def _credited(session: Session, tenant: str, runs: Sequence[int]) -> Mapping[int, Split]:
    found = credited_by(session, tenant, runs).items()
    return {run: {(rule, ""): Decimal(1), (rule, currency): net} for run, (rule, currency, net) in found}


def _foreseen_automatic(found: Simulated) -> Rates:
    return {ONE: found.matching.after.automatic} if found.matching is not None else NOTHING


def _foreseen_given_up(found: Simulated) -> Rates:
    side = found.matching.after if found.matching is not None else None
    return share(side.write_offs, side.states.get("applied", 0)) if side is not None else NOTHING


def _foreseen_steps(found: Simulated) -> Rates:
    side = found.dunning.after if found.dunning is not None else None
    return share(sum(side.steps.values()), side.accounts) if side is not None else NOTHING


def _foreseen_late(found: Simulated) -> Rates:
    return shares(after(found.late))


def _foreseen_credited(found: Simulated) -> Rates:
    return shares(after(found.crediting.parts)) if found.crediting is not None else NOTHING


MEASURES: Final = (
    Measure("automatic", "the automatic rate", RUN_MATCH, _foreseen_automatic, automatic, Decimal(1)),
    Measure(
        "given_up",
        "the number of differences given up for each entry applied",
        RUN_MATCH,
        _foreseen_given_up,
        _given_up,
        read=write_offs_by,
    ),
    Measure("steps", "the number of steps for each account that is late", RUN_DUNNING, _foreseen_steps, _steps),
    Measure(
        "late",
        "the share of {money}late usage that ends as {part}",
        RUN_BILL,
        _foreseen_late,
        _in_parts,
        Decimal(1),
        read=_late,
    ),
    Measure(
        "credited",
        "the share of {money}credits by hand that {part} allows",
        RUN_MEMO,
        _foreseen_credited,
        _in_parts,
        Decimal(1),
        read=_credited,
        monthly=True,
    ),
)
"""All rates that are watched."""
BY_NAME: Final = {one.name: one for one in MEASURES}
OF_FAMILY: Final[Mapping[str, Measure]] = {
    family: BY_NAME[name]
    for family, name in (
        ("matching", "automatic"),
        ("exceptions", "automatic"),
        ("writeoff", "given_up"),
        ("dunning", "steps"),
        ("lateness", "late"),
        ("crediting", "credited"),
    )
}
"""The rates that are watched of a parameter, by the family of its rule set."""


def counts_of(run: Run) -> Mapping[str, Any]:
    """What a run has counted."""
    counts: Mapping[str, Any] = run.summary.get("counts", {})
    return counts
