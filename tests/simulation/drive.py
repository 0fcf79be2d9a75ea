"""Lives through a story: real imports, real runs, real deliveries, with faults; the auditor judges after each step."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Any

from engine.app import App
from engine.base.errors import TollbookError
from tests.simulation import faults, files
from tests.simulation.auditor import Auditor, TaxOf
from tests.simulation.faults import Place, Stopped, Task, clock_at, noon, tripwire
from tests.simulation.judge import Disagreement, Judge
from tests.simulation.lines import Line
from tests.simulation.outside import RULED, asked, say, spoiled
from tests.simulation.papers import chosen
from tests.simulation.prices import shown
from tests.simulation.workload import Batch, DeliverStep, PaperStep, PriceList, RunStep, Step, Story
from tests.simulation.world import company

WRITTEN = 40
"""Statements of a run before one was counted."""


@dataclass(frozen=True)
class Size:
    """How large a simulation is."""

    months: int = 12
    accounts: int = 14
    plans: int = 4
    partition: int = 3


@dataclass
class Outcome:
    """How a simulation ended; ``reason`` is empty where the auditor agrees."""

    seed: int
    digest: str = ""
    reason: str = ""
    counts: Counter[str] = field(default_factory=Counter)


class Simulation:
    """One seed."""

    def __init__(self, seed: int, size: Size, place: Place, say_step: Callable[[str], None]) -> None:
        self.random = Random(seed)
        self.place, self.folder, self.show = place, place.folder, say_step
        year = self.random.choice([2024, 2025, 2026, 2027])
        self.company = company(self.random, size.accounts, size.plans, year)
        self.steps = Story(self.random, self.company, size.months).steps()
        self.clocks = Random(seed + 1)
        self.auditor = Auditor(self.company.entities, self.company.catalogue, self.company.lateness)
        self.eras: list[PriceList] = []
        self.counts: Counter[str] = Counter()
        self.statements = WRITTEN
        self.imports = 0
        self.now = noon(self.company.start)
        self._app: App | None = None
        files.settle(self.folder, self.company, size.partition)

    # The loop -----------------------------------------------------------------------------------------------------------

    def live(self) -> str:
        """All steps; the digest of the books in the end.

        Raises:
            Disagreement: what is not as predicted, after the month in which it shows.
        """
        self._import(self.company.start - timedelta(days=30), self.folder / "masters")
        for step in self.steps:
            self._turn_clock(step.on)
            try:
                self._do(step)
            except (Disagreement, TollbookError) as error:
                raise Disagreement(f"{step.on:%Y-%m}: {' '.join(str(error).split())}") from error
        self._last_delivery()
        self.counts.update(self.auditor.tally)
        with self._opened() as app:
            return Judge(app, self.folder).digest()

    @contextmanager
    def _opened(self) -> Iterator[App]:
        """The application, as one process keeps it until something goes wrong or the rules change on disk."""
        if self._app is None:
            self._app = self.place.app()
        try:
            yield self._app
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End the process: what comes next opens the application anew."""
        if self._app is not None:
            self._app.close()
            self._app = None

    def _turn_clock(self, on: date) -> None:
        """The wall clock is about right, as a rule; sometimes it is hours or days off."""
        jump = self.clocks.choice([0, 0, 0, 3, -3, 26, -26, 24 * 9, -24 * 9])
        self.now = noon(on) + timedelta(hours=jump, seconds=self.clocks.randint(0, 3000))
        self.counts["clock jumps"] += bool(jump)

    def _do(self, step: Step) -> None:
        if isinstance(step, Batch):
            self._batch(step)
        elif isinstance(step, PriceList):
            self._publish(step)
        elif isinstance(step, RunStep):
            self._run(step)
        elif isinstance(step, PaperStep):
            self._paper(step)
        else:
            self._deliver(step)

    def _paper(self, step: PaperStep) -> None:
        """A document by hand: asked for once or twice, or by a process that is killed, it is made once."""
        paper = step.paper
        asked = chosen(paper, self.company.accounts, self.auditor.bills)
        self.show(
            f"{step.on} {paper.how} {paper.key}: {step.fault}, of {asked.bill.key if asked and asked.bill else asked}"
        )
        if asked is None:
            return
        number, line = asked.account, 0
        if asked.bill is not None:
            with self._opened() as app:
                number, line = Judge(app, self.folder).place(asked.bill, asked.line)
        ask = (paper.how, paper.key, paper.percent, paper.amount, paper.tax_code, number, line)
        task = Task(self.place, "paper", self.now, paper.on, ask=ask)
        if step.fault == "kill":
            trip = 1 + int(step.trip * self.statements)
            self.counts[f"paper child {faults.ended(faults.start(Task(**{**vars(task), 'trip': trip})))}"] += 1
        for _ in range(2 if step.fault == "again" else 1):
            with clock_at(self.now), self._opened() as app:
                faults.work(task, app)
        self.auditor.paper(asked, number, self._tax_of(RunStep(step.on, "", "none", 0.0, "none", "", 0)))
        self.counts[f"paper {paper.how}"] += 1
        with self._opened() as app:
            Judge(app, self.folder).judge(self.auditor.bills)

    def _publish(self, step: PriceList) -> None:
        self.show(f"{step.on} price list from {step.era.on}")
        self.eras.append(step)
        self.close()
        files.publish(self.folder, [one.era for one in self.eras], self.company.currencies)
        self.auditor.learn(step.era)

    # Imports ------------------------------------------------------------------------------------------------------------

    def _batch(self, step: Batch) -> None:
        self.imports += 1
        self.show(
            f"{step.on} import {step.manner}: {len(step.facts)} facts, {len(step.again)} again, {len(step.wrong)} wrong"
        )
        rows, root = files.tables(step), self.folder / f"in-{self.imports:03}"
        whole = files.write(root / "whole", rows, split=step.manner == "split")
        if step.manner == "unordered":
            early = {kind: rows[kind] for kind in ("usage", "subscription_events") if kind in rows}
            if early:
                self._import(step.on, files.write(root / "early", early))
        if step.manner == "killed":
            self._killed_import(step, whole)
        if step.manner == "twice":
            self._import(step.on, whole)
        report = self._import(step.on, whole)
        self.counts[f"import {step.manner}"] += 1
        if report.counts["quarantined"] != len(step.wrong):
            what = "; ".join(f"{f.code} {f.what}" for f in report.findings if f.level == "error")
            raise Disagreement(f"{report.counts['quarantined']} rows refused, expected {len(step.wrong)}: {what}")
        for fact in step.facts:
            self.auditor.learn(fact)

    def _import(self, on: date, folder: Path) -> Any:
        with clock_at(self.now), self._opened() as app:
            return faults.work(Task(self.place, "import", self.now, on, folder), app)

    def _killed_import(self, step: Batch, folder: Path) -> None:
        trip = 1 + int(step.trip * 40)
        how = faults.ended(faults.start(Task(self.place, "import", self.now, step.on, folder, trip=trip)))
        self.counts[f"import child {how}"] += 1
        if how not in ("killed", "done"):
            raise Disagreement(f"an import that was to be killed ended with {how}")

    # Runs ---------------------------------------------------------------------------------------------------------------

    def _run(self, step: RunStep) -> None:
        self.show(
            f"{step.on} run {step.scope or 'all'}: {step.fault} at {step.trip:.2f}, tax {step.tax} in {step.tax_entity}"
        )
        tax = {"mode": step.tax, "entity": step.tax_entity, "salt": step.salt}
        say(self.folder, "tax.json", tax)
        seen, task = self.auditor.known, self._task(step)
        if step.fault == "kill":
            trip = 1 + int(step.trip * self.statements)
            how = faults.ended(faults.start(Task(**{**vars(task), "trip": trip})))
            self._interrupted(step, seen, f"run child {how}")
        elif step.fault == "exception":
            self._interrupted(step, seen, self._crash(task, step))
        elif step.fault == "abandon":
            self._abandoned(step, task)
        else:
            if step.fault == "twins":
                self._twins(task)
            with clock_at(self.now), self._opened() as app, tripwire(0, faults.stop) as count:
                self._check(faults.work(task, app))
                self.statements = count[0] if not step.scope and step.fault == "none" else self.statements
            self.auditor.run(step.on, step.scope, seen, self._tax_of(step))
            if step.fault == "again":
                self._again(task)
        self.counts[f"run {step.fault}"] += 1
        self.counts[f"tax {step.tax}"] += 1
        say(self.folder, "tax.json", {})
        with self._opened() as app:
            judge = Judge(app, self.folder)
            judge.judge(self.auditor.bills)

    def _task(self, step: RunStep) -> Task:
        return Task(self.place, "bill", self.now, step.on, scope=step.scope)

    def _crash(self, task: Task, step: RunStep) -> str:
        trip = 1 + int(step.trip * self.statements)
        try:
            with clock_at(self.now), self._opened() as app, tripwire(trip, faults.stop):
                faults.work(task, app)
        except Stopped:
            return "run stopped"
        return "run not stopped"

    def _left(self, app: App, step: RunStep) -> int:
        """Id of the run as it was left, 0 where it never began."""
        scope = f"account:{step.scope}" if step.scope else "all"
        mine = [r for r in app.runs() if (r.kind, r.period, r.scope) == ("bill", step.on.isoformat(), scope)]
        return mine[0].id if mine else 0

    def _interrupted(self, step: RunStep, seen: int, how: str) -> None:
        """What happens while a run lies there, then it is resumed; one that never began is started."""
        self.counts[how] += 1
        if how.startswith("run child") and how not in ("run child killed", "run child done"):
            raise Disagreement(f"a run that was to be killed ended with {how}")
        with self._opened() as app:
            Judge(app, self.folder).whole()
            run = self._left(app, step)
        for between in step.between:
            self._do(between)
        if run:
            self.counts["resumed"] += 1
        else:
            seen = self.auditor.known
        with clock_at(self.now), self._opened() as app:
            change = app.change("sim", "run", "it was interrupted")
            self._check(app.resume(run, change) if run else faults.work(self._task(step), app))
        self.auditor.run(step.on, step.scope, seen, self._tax_of(step))

    def _abandoned(self, step: RunStep, task: Task) -> None:
        """A run that is given up: what it billed stays, the rest is billed at the next date."""
        seen = self.auditor.known
        how = self._crash(task, step)
        self.counts[how] += 1
        with clock_at(self.now), self._opened() as app:
            run = self._left(app, step)
            if run and app.report(run).state == "running":
                app.abandon(run, app.change("sim", "run", "dated too early"))
                self.counts["abandoned"] += 1
            reached = Judge(app, self.folder).payers_of(step.on)
        finished = how == "run not stopped"
        self.auditor.run(step.on, step.scope, seen, self._tax_of(step), None if finished else reached, finished)

    def _twins(self, task: Task) -> None:
        """Two processes bill the same at once."""
        both = [faults.start(task), faults.start(task)]
        for one in both:
            how = faults.ended(one)
            if how not in ("done", "refused"):
                raise Disagreement(f"one of two runs at once ended with {how}")

    def _again(self, task: Task) -> None:
        with clock_at(self.now), self._opened() as app:
            report = faults.work(task, app)
            if not report.repeated:
                raise Disagreement(f"run {report.run_id} was done again")

    def _check(self, report: Any) -> None:
        bad = [f"{f.code} {f.what}" for f in report.findings if f.level == "error"]
        if report.state != "done" or bad:
            raise Disagreement(f"run {report.run_id} is {report.state}: {'; '.join(bad)}".replace("\n", " "))

    def _tax_of(self, step: RunStep) -> TaxOf:
        """How the tax on a line comes out in a run, as the tax adapter was told to answer."""

        def of(line: Line, country: str, entity: str) -> tuple[Fraction, str]:
            mode = step.tax if entity == step.tax_entity else "none"
            code, payer = line.charge.tax_code, self.auditor.accounts[line.account].payer
            amount = Fraction(shown(line.amount, line.currency).split()[0])
            ruled = mode in ("transient", "timeout", "silent") or (
                mode in ("partial", "double") and spoiled(step.salt, payer, code, amount)
            )
            return (RULED[code], "rules") if ruled else (asked(code, country), "sim_tax")

        return of

    # Deliveries ---------------------------------------------------------------------------------------------------------

    def _deliver(self, step: DeliverStep) -> None:
        self.show(f"{step.on} deliver {step.modes}{f', killed at {step.trip:.2f}' if step.trip else ''}")
        say(self.folder, "post.json", {"modes": step.modes, "sure": not step.trip})
        task = Task(self.place, "deliver", self.now, step.on, trip=1 + int(step.trip * 40) if step.trip else 0)
        if step.trip:
            self.counts[f"deliver child {faults.ended(faults.start(task))}"] += 1
        else:
            self._tell(task)
        for mode in step.modes:
            self.counts[f"post {mode}"] += 1
        self._told(False)

    def _tell(self, task: Task) -> None:
        with clock_at(task.moment), self._opened() as app:
            faults.work(task, app)

    def _told(self, everything: bool) -> None:
        with self._opened() as app:
            Judge(app, self.folder).told(self.auditor.bills, everything)

    def _last_delivery(self) -> None:
        """On a good day all that is left goes out; an answer that was lost is given again."""
        say(self.folder, "post.json", {})
        end = self.steps[-1].on
        for days in (60, 61):
            self._tell(Task(self.place, "deliver", noon(end + timedelta(days=days)), end))
        self._told(True)


def simulate(
    seed: int,
    size: Size,
    url: str | None = None,
    keep: Path | None = None,
    show: Callable[[str], None] = lambda _: None,
) -> Outcome:
    """Live one seed; books are in SQLite where no address is given.  ``keep``: the folder in which all of it stays."""
    with ExitStack() as stack:
        folder = keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tollbook-simulation-")))
        folder = folder.resolve()
        folder.mkdir(parents=True, exist_ok=True)
        place = Place(folder, url or f"sqlite:///{folder / 'books.db'}")
        one = Simulation(seed, size, place, show)
        stack.callback(one.close)
        outcome = Outcome(seed, counts=one.counts)
        try:
            outcome.digest = one.live()
        except Disagreement as error:
            outcome.reason = str(error)
        return outcome
