"""Bill runs replayed on a snapshot, once by the rules that they had and once by others; nothing is written."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import msgspec

from engine.base.errors import Finding, TollbookError
from engine.billing.job import Job
from engine.model.decision import Decision
from engine.model.due import PayerDue
from engine.model.subscription import BillingMark
from engine.runs.billing.finish import Billed, Issued
from engine.runs.billing.partition import Batch, compute
from engine.runs.billing.read import Pinned, Read, ranges_of, read_partition
from engine.runs.run import Clock, Progress, collector_paused
from engine.runs.simulate.by_hand import KINDS, charges_anew, done_again, open_again, to_do_again
from engine.runs.simulate.compare import Comparison, Switched, label, same
from engine.runs.simulate.difference import Drift
from engine.runs.simulate.history import History
from engine.runs.simulate.marks import pinned_of, seed
from engine.runs.simulate.quotes import take_quotes
from engine.runs.simulate.shares import Split, late_split
from engine.runs.simulate.sides import Side, as_other, changed_families, reads_alike
from engine.runs.simulate.why import told
from engine.store.asof import AsOf
from engine.store.asof_documents import Document, by_hand, heads, lines
from engine.store.reader import Reader
from engine.store.records import Run
from engine.store.reversal import reversible

SidesOf = Callable[[str], tuple[Side, Side]]
"""Both sides for a release: its own rules, and the others."""


class Replay:
    """Replays bill runs, the oldest first, and compares what they come to."""

    def __init__(self, books: AsOf, sides_of: SidesOf, progress: Progress) -> None:
        self.books, self._sides_of, self._progress = books, sides_of, progress
        self.comparison, self.clock = Comparison(), Clock()
        self.findings: list[Finding] = []
        self.by_hand: dict[int, str] = {}
        self.late: tuple[list[Split], list[Split]] = ([], [])
        self._history = History()
        self._runs: dict[int, int] = {}

    def __call__(self, runs: Sequence[Run], before: Sequence[Run], acts: Sequence[Run], until: int) -> None:
        """Replay ``runs`` with what people did by hand between them and up to the id ``until``; ``before`` are the bill runs before
        them, the newest first, and ``acts`` all documents by hand of the books, the oldest first."""
        if not runs:
            return
        last = before[0].id if before else 0
        self._runs = {run.id: earlier for run, earlier in zip(runs, [last, *(r.id for r in runs)], strict=False)}
        since = [act for act in acts if last < act.id < until]
        documents = to_do_again(self.books, since)
        for place, run in enumerate(sorted([*runs, *since], key=lambda one: one.id)):
            self.books.before(run.id)
            if not place:
                with self.clock.step("marks"):
                    seed(self.books, lambda release: self._sides_of(release)[0], before, acts)
            if run.kind in KINDS:
                open_again(self.books, run)
                document = documents.get(run.id)
                if document is not None and (run.id > runs[0].id or _of_the_months(run, document, runs[0])):
                    self._by_hand(run, document)
                continue
            with collector_paused():
                self._run(run)

    def drift(self) -> tuple[Drift, ...]:
        """The documents that come out otherwise than in the books, each with what was done by hand before it."""
        found: list[Drift] = []
        by_run: defaultdict[tuple[int, str], list[Drift]] = defaultdict(list)
        for one in self.comparison.drift:
            by_run[one.run, one.entity].append(one)
        for (run, entity), some in by_run.items():
            known = by_hand(self.books, entity, {one.payer for one in some}, (self._runs[run], run))
            for one in some:
                told = ", ".join(f"{number} ({kind} of {on})" for number, kind, on in known.get(one.payer, ()))
                reason = f"by hand since the bill run before: {told}" if told else ""
                found.append(msgspec.structs.replace(one, reason=reason))
        return tuple(found)

    def _run(self, run: Run) -> None:
        pinned, (one, other) = pinned_of(run), self._sides_of(run.release)
        marks: list[BillingMark] = []
        with self.books.reader() as reader:
            todo = ranges_of(one.parts, reader, pinned.account)
            for number, payers in enumerate(todo, 1):
                marks.extend(self._partition(reader, pinned, (one, other), payers))
                self._progress(run.period, number, len(todo))
        with self.clock.step("why"):
            for one_way in self.comparison.unexplained(run.id):
                one_way.why = Witness(self.books, pinned, (one, other), one_way).why()
        with self.clock.step("marks"):
            self.books.set_marks(marks)

    def _by_hand(self, run: Run, document: Document) -> None:
        """Do a document by hand again by both rules, and compare what it comes to."""
        sides, head = self._sides_of(run.release), document.head
        entity, payer = head["entity"], head["payer"]
        take_quotes(self.books, sides[0].parts.host, run.id, (entity, payer, payer))
        try:
            again = done_again(self.books, document, sides, self._history)
        except TollbookError as error:
            self.findings.extend(error.findings)
            return
        self.by_hand[run.id] = run.kind
        self.findings.extend(again.findings)
        on = head["invoice_date"]
        differs = self.comparison.payer(run.id, on, sides, again.one, again.other)
        self.comparison.books(run.id, entity, heads(self.books, run.id, entity, payer, payer), again.one)
        if differs or payer in self._history.payers:
            held = lines(self.books, run.id, entity, {payer})
            self._history.keep(payer, held.get(payer, []), again.other)

    def _partition(
        self, reader: Reader, pinned: Pinned, sides: tuple[Side, Side], payers: tuple[str, str, str]
    ) -> Iterable[BillingMark]:
        """Both sides of the payers of a partition; how far they are billed then."""
        with self.clock.step("read"):
            read = read_partition(sides[0].parts, reader, pinned, *payers)
            take_quotes(self.books, sides[0].parts.host, pinned.run_id, payers)
        batch = compute(sides[0].parts, read.job, read.dues, read.table, partial(reversible, reader), self.clock)
        other = self._other(reader, pinned, sides, payers, read, batch)
        with self.clock.step("compare"):
            differ = self._compared(pinned, sides, batch, other)
            self.comparison.books(pinned.run_id, payers[0], heads(self.books, pinned.run_id, *payers), batch.issued)
        differ |= self._history.payers & {due.payer.key for due in read.dues}
        if differ:
            held = lines(self.books, pinned.run_id, payers[0], differ)
            made = _by_payer(other.issued)
            for payer in sorted(differ):
                self._history.keep(payer, held.get(payer, []), made.get(payer, []))
        for kept, side in zip(self.late, (batch, other), strict=True):
            kept.append(late_split(side.late))
        self._noted(batch.findings, other.findings)
        return batch.marks

    def _other(
        self, reader: Reader, pinned: Pinned, sides: tuple[Side, Side], payers: tuple[str, str, str], read: Read,
        same: Batch,
    ) -> Batch:  # fmt: skip
        """What the other rules make of a partition; the ``same`` where they are none."""
        one, other = sides
        changed = changed_families(one.rules, other.rules)
        if not changed and self._history.empty:
            return same
        job, dues = as_other(read.job, other), read.dues
        if not reads_alike(one.rules, other.rules, changed, dues):
            with self.clock.step("read"):
                again = read_partition(other.parts, reader, pinned, *payers)
            job, dues = again.job, again.dues
        if not self._history.empty:
            dues = tuple(map(self._history.seen, dues))
        billed: Billed = partial(reversible, reader)
        billed = billed if self._history.empty else partial(self._history.found, billed)
        return compute(other.parts, job, dues, read.table, billed, self.clock)

    def _compared(self, pinned: Pinned, sides: tuple[Side, Side], one: Batch, other: Batch) -> set[str]:
        """The payers whose documents differ in money."""
        mine, theirs = _by_payer(one.issued), _by_payer(other.issued)
        return {
            payer
            for payer in sorted({*mine, *theirs})
            if self.comparison.payer(pinned.run_id, pinned.on, sides, mine.get(payer, ()), theirs.get(payer, ()))
        }

    def _noted(self, one: Sequence[Finding], other: Sequence[Finding]) -> None:
        """Keep what only the other rules give rise to."""
        known = {(f.code, f.subject) for f in one}
        self.findings.extend(f for f in other if (f.code, f.subject) not in known)


def _of_the_months(run: Run, document: Document, first: Run) -> bool:
    """Whether a document before the first bill run stands by itself and is dated in the months of these runs."""
    return charges_anew(document) and run.period[:7] >= first.period[:7]


def _by_payer(issued: Iterable[Issued]) -> dict[str, list[Issued]]:
    found: defaultdict[str, list[Issued]] = defaultdict(list)
    for one in issued:
        found[one.invoice.draft.payer].append(one)
    return found


class Witness:
    """Bills one payer of a run once more and listens to what the rules are asked, until a decision comes out otherwise."""

    def __init__(self, books: AsOf, pinned: Pinned, sides: tuple[Side, Side], switched: Switched) -> None:
        self._books, self._pinned, self._sides, self._switched = books, pinned, sides, switched
        self._seen: tuple[str, Any, Any] | None = None

    def why(self) -> tuple[str, ...]:
        """What of the conditions holds now, or fails, that did not; empty where nobody could tell any more."""
        payers = (self._switched.entity, self._switched.payer, self._switched.payer)
        one = self._sides[0]
        with self._books.reader() as reader:
            read = read_partition(one.parts, reader, self._pinned, *payers)
            job: Job = msgspec.structs.replace(read.job, decide=self._decide, usage={}, alike=None)
            dues: tuple[PayerDue, ...] = read.dues
            compute(one.parts, job, dues, read.table, partial(reversible, reader), Clock())
        return self._told() if self._seen else ()

    def _decide(self, family: str, facts: Any, on: Any) -> Decision:
        decision = self._sides[0].rules.decide(family, facts, on)
        wanted = self._switched
        if self._seen is None and wanted.one is not None and family == wanted.one.family and same(decision, wanted.one):
            try:
                other = self._sides[1].rules.decide(family, facts, on)
            except TollbookError:
                return decision
            if wanted.other is not None and same(other, wanted.other):
                self._seen = (family, facts, on)
        return decision

    def _told(self) -> tuple[str, ...]:
        assert self._seen is not None
        before, after = (side.rules.trace(*self._seen) for side in self._sides)
        names = label(self._switched.one), label(self._switched.other)
        known = [{label(d) for d in side.rules.decisions()} for side in self._sides]
        return told(names, known, before, after)
