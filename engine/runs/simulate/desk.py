"""The desk of simulation: closed months by other rules, on a snapshot of the books."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Final

import msgspec

from engine.base.errors import Code, Finding, Where, refuse
from engine.base.period import add_months
from engine.runs.run import Parts, Progress, silent
from engine.runs.simulate import crediting, dunning, revenue
from engine.runs.simulate.billing import Replay
from engine.runs.simulate.by_hand import KINDS, not_again
from engine.runs.simulate.compare import gl_rows
from engine.runs.simulate.difference import NO_HISTORY, Drift, movers
from engine.runs.simulate.result import Replayed, Simulated
from engine.runs.simulate.shares import both, together
from engine.runs.simulate.sides import Side, TracingRules, changed_families
from engine.runs.tax.true_up import KIND as TRUE_UP
from engine.store.asof import AsOf
from engine.store.records import Run

NO_MONTHS: Final = Code("simulate.no-months", "Months to simulate that are in the wrong order.")
NOTHING_BILLED: Final = Code("simulate.nothing-billed", "Months to simulate in which no bill run has finished.")
DRIFT: Final = Code(
    "simulate.drift",
    "Documents of the books that a replay by their own rules does not give again; why differs from case to case.",
)

Books = Callable[[str], tuple[TracingRules, TracingRules]]
"""The rules of a release of the books, and the others laid over them."""
MOST_RUNS: Final = 100_000


class SimulationDesk:
    """Simulations for one tenant."""

    def __init__(self, address: str, parts: Callable[[], Parts], rules_of: Books, other: str) -> None:
        """``address`` of the books; ``parts`` have adapters of their own, whose calls nobody writes down; ``rules_of`` gives both
        sides of a release, and ``other`` says what the other one is."""
        self._address, self._parts, self._rules_of, self._other = address, parts, rules_of, other

    def simulate(self, first: date, last: date, top: int = 10, progress: Progress = silent) -> Simulated:
        """What the bill runs dated in the months ``first`` to ``last`` would have come to; ``top`` winners and losers are named.

        Raises:
            TollbookError: ``simulate.no-months``, ``simulate.nothing-billed``, and what is wrong with the other rules.
        """
        if first > last:
            raise refuse(NO_MONTHS, f"{first:%Y-%m} is after {last:%Y-%m}", mend="give --from the earlier month")
        with self._snapshot() as books:
            parts = msgspec.structs.replace(self._parts(), books=books, workers=0, recipe=None)
            sides: dict[str, tuple[Side, Side]] = {}

            def sides_of(release: str) -> tuple[Side, Side]:
                if release not in sides:
                    mine, theirs = self._rules_of(release)
                    replace = msgspec.structs.replace
                    sides[release] = (
                        Side(replace(parts, rules=mine), mine),
                        Side(replace(parts, rules=theirs), theirs),
                    )
                return sides[release]

            with books.reader() as reader:
                known = reader.runs(parts.tenant, MOST_RUNS)
            return _replayed(books, known, sides_of, (first, last, self._other, top), progress)

    @contextmanager
    def _snapshot(self) -> Iterator[AsOf]:
        books = AsOf(self._address)
        try:
            yield books
        finally:
            books.close()


SidesOf = Callable[[str], tuple[Side, Side]]


def _replayed(
    books: AsOf, known: Sequence[Run], sides_of: SidesOf, told: tuple[date, date, str, int], progress: Progress
) -> Simulated:
    """Replay what the rules that differ have a part in; the bill runs, where none differ."""
    from engine.runs.simulate import cash  # it stands on libraries that nothing else needs

    first, end = told[0], add_months(told[1], 1)
    bills, before = _chosen(known, first, end)
    matches, letters = cash.matching_runs(known, first, end), dunning.dunning_runs(known, first, end)
    earned, notes = revenue.recognition_runs(known, first, end), crediting.memo_runs(known, first, end)
    everything = (*bills, *matches, *letters, *earned)
    changed = {
        family
        for run in (*everything, *notes)
        for family in changed_families(*(side.rules for side in sides_of(run.release)))
    }
    if not everything and not (notes and crediting.FAMILY in changed):
        what = (
            f"no run of billing, matching, dunning or recognition dated {first:%Y-%m} to {told[1]:%Y-%m} has finished"
        )
        raise refuse(NOTHING_BILLED, what, mend="`tollbook runs list` shows the runs and their dates")
    replay = Replay(books, sides_of, progress)
    bills = bills if not changed or changed - cash.FAMILIES - dunning.FAMILIES else []
    replay(bills, before, *_by_hand(known, bills, end))
    beside = _beside(known, replay.by_hand, first, end) if bills else []
    replay.findings.extend(not_again(books, beside))
    found = _result(replay, bills, sides_of, told, changed, Counter(run.kind for run in beside))
    if matches and changed & cash.FAMILIES:
        found = msgspec.structs.replace(found, matching=cash.replay_matching(books, sides_of, matches, progress))
    if letters and changed & dunning.FAMILIES:
        found = msgspec.structs.replace(found, dunning=dunning.replay_dunning(books, sides_of, letters, progress))
    if (bills or earned) and changed & revenue.FAMILIES:
        replayed = revenue.replay_revenue(books, sides_of, known, (first, end, told[3]), progress)
        found = msgspec.structs.replace(found, revenue=replayed)
    if notes and crediting.FAMILY in changed:
        judged = crediting.replay_crediting(books, sides_of, notes, progress)
        found = msgspec.structs.replace(found, crediting=judged)
    return found


def _chosen(known: Sequence[Run], first: date, end: date) -> tuple[list[Run], list[Run]]:
    """The bill runs of some months, the oldest first; and those before them, the newest first."""
    done = [run for run in known if run.kind == "bill" and run.state in ("done", "failed")]
    wanted = [run for run in done if first <= date.fromisoformat(run.period) < end]
    oldest = min((run.id for run in wanted), default=0)
    return sorted(wanted, key=lambda run: run.id), [run for run in done if run.id < oldest]


def _by_hand(known: Sequence[Run], bills: Sequence[Run], end: date) -> tuple[list[Run], int]:
    """All documents by hand, the oldest first, and the id before which they are replayed: those between the bill runs, and those dated
    before the end."""
    acts = sorted((run for run in known if run.kind in KINDS and run.state == "done"), key=lambda run: run.id)
    dated = [run.id for run in acts if run.period < end.isoformat()]
    return acts, max([run.id for run in bills] + dated, default=0) + 1


def _beside(known: Sequence[Run], replayed: Mapping[int, str], first: date, end: date) -> list[Run]:
    """Other runs of the months with documents, the oldest first."""
    kinds = (*KINDS, TRUE_UP)
    mine = (run for run in known if run.kind in kinds and first.isoformat() <= run.period < end.isoformat())
    return sorted((run for run in mine if run.id not in replayed), key=lambda run: run.id)


def _result(
    replay: Replay,
    runs: Sequence[Run],
    sides_of: SidesOf,
    told: tuple[date, date, str, int],
    changed: set[str],
    beside: Counter[str],
) -> Simulated:
    first, last, other, top = told
    found, drift = replay.comparison, replay.drift()
    customers = found.customers.rows()
    totals = found.totals()
    return Simulated(
        f"{first:%Y-%m}",
        f"{last:%Y-%m}",
        other,
        tuple(sorted(changed)),
        tuple(
            Replayed(run.id, run.period, run.scope, *(side.rules.release for side in sides_of(run.release)))
            for run in runs
        ),
        sum(one.documents_before for one in totals),
        found.compared,
        totals,
        customers,
        found.products.rows(),
        found.rules.rows(),
        gl_rows(found.accounts.rows()),
        movers(customers, top),
        found.decided(),
        tuple(found.lines),
        drift,
        found.ties(),
        dict(sorted(beside.items())),
        dict(sorted(Counter(replay.by_hand.values()).items())),
        (*_drifted(drift), *replay.findings),
        late=both(*map(together, replay.late)),
    )


def _drifted(drift: Sequence[Drift]) -> Sequence[Finding]:
    if not drift:
        return ()
    told = sum(bool(one.reason) for one in drift)
    reasons = [
        *(["a document was issued by hand before it, which this replay does not issue again"] if told else []),
        *([NO_HISTORY] if told < len(drift) else []),
    ]
    return (
        Finding(
            DRIFT,
            Where("books"),
            f"{len(drift)} documents come out otherwise than in the books even by their own rules",
            "; or ".join(reasons),
            "both sides are replayed alike, so that the difference between them stands; look at these documents by themselves",
            level="warning",
        ),
    )
