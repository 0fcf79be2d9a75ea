"""The steps of a close: what each waits for, and what it does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Final

import msgspec

from engine.base.errors import Finding
from engine.model.close import Month
from engine.model.entity import LegalEntity
from engine.model.journal import Change
from engine.runs.accruals.run import run_accrual
from engine.runs.approvals import Approvals
from engine.runs.erp.posting import run_post
from engine.runs.reports.impairment import impair
from engine.runs.revaluation import revalue
from engine.runs.revenue.desk import SOURCES
from engine.runs.revenue.recognising import run_recognise
from engine.runs.run import Parts
from engine.store import accruals, impairing

EVERY: Final = ("billing", "money", "books", "people", "order")
"""The groups of checks, in the order in which steps ask for them."""


class Closing(msgspec.Struct, frozen=True):
    """The close of a month, under way; a ``dry`` one changes nothing."""

    parts: Parts
    approvals: Approvals
    entity: LegalEntity
    month: Month
    change: Change
    dry: bool = False

    @property
    def last(self) -> date:
        """The last day of the month."""
        return self.month.last

    @property
    def about(self) -> Mapping[str, str]:
        """What acts on the month are asked with."""
        return {"entity": self.entity.key, "month": str(self.month)}


class Worked(msgspec.Struct, frozen=True):
    """What the work of a step came to: in words, with its run where it has one; ``waits`` for a second person, or done."""

    text: str
    run_id: int = 0
    waits: bool = False
    findings: tuple[Finding, ...] = ()


class Step(msgspec.Struct, frozen=True):
    """A step: it is done after the steps that it names, once the checks of some groups find nothing that blocks.

    ``fresh`` steps have every check made again; a step without work is done when its checks find nothing.  ``is_so`` is the state of
    the period, where that says by itself that the step is done.
    """

    name: str
    title: str
    after: tuple[str, ...]
    wants: tuple[str, ...]
    work: Callable[[Closing], Worked] | None = None
    fresh: bool = False
    is_so: tuple[str, ...] = ()


def _recognise(closing: Closing) -> Worked:
    """What schedules and contracts have earned by the month's end."""
    parts, change = closing.parts, closing.change
    done = run_recognise(parts, SOURCES, closing.last, change, entity=closing.entity.key, dry_run=closing.dry)
    text = f"{done.counts['schedules']} schedules recognised, {done.counts['entries']} entries"
    return Worked(text, done.run_id, findings=done.findings)


def _accrue(closing: Closing) -> Worked:
    """What is delivered and not billed at the month's end; what became known of it since a later month was accrued is posted there."""
    with closing.parts.books.reader() as reader:
        newest = accruals.newest_month(reader, closing.parts.tenant, closing.entity.key)
    if newest is not None and newest > closing.month.first:
        return Worked(f"{newest:%Y-%m} is accrued already: what became known since is posted there")
    entity = closing.entity.key
    done = run_accrual(closing.parts, closing.month.first, closing.change, entity=entity, dry_run=closing.dry)
    return Worked(f"{len(done.moves)} accruals changed", done.run_id, findings=done.findings)


def _impair(closing: Closing) -> Worked:
    """Losses that are expected of what is owed at the month's end; once those of a later day are booked, what has changed since is
    booked there."""
    with closing.parts.books.reader() as reader:
        newest = impairing.newest_day(reader, closing.parts.tenant, closing.entity.key)
    if newest is not None and newest > closing.last:
        return Worked(f"allowances of {newest} are booked already: what has changed since is booked there")
    done = impair(closing.parts, closing.last, closing.change, entity=closing.entity.key, dry_run=closing.dry)
    return Worked(f"{len(done.moved)} allowances changed", done.run_id)


def _revalue(closing: Closing) -> Worked:
    """Balances in foreign currency at the closing rate; a month without any has nothing to revalue, and one that was revalued before
    what has changed since."""
    done = revalue(closing.parts, closing.last, closing.change, entity=closing.entity.key, dry_run=closing.dry)
    text = f"{len(done.items)} balances in foreign currency revalued, {done.entries} entries"
    return Worked(f"{text}, before" if done.repeated else text, done.run_id, findings=done.findings)


def _post(closing: Closing) -> Worked:
    """Journal entries to the other system, where rules want them there."""
    done = run_post(closing.parts, closing.last, closing.change, dry_run=closing.dry)
    counts = done.counts
    text = f"{counts['documents']} documents of {counts['entries']} entries made, {counts['accepted']} posted"
    return Worked(text, findings=done.findings)


def _act(name: str) -> Callable[[Closing], Worked]:
    def act(closing: Closing) -> Worked:
        if closing.dry:
            return Worked(f"{name} of {closing.month} of {closing.entity.key}")
        outcome = closing.approvals.act(name, closing.about, closing.change)
        if outcome.approval is not None and not outcome.done:
            return Worked(f"approval {outcome.approval.id} waits for a second person", waits=True)
        return Worked(outcome.text, findings=outcome.findings)

    return act


STEPS: Final = (
    Step("recognise", "Recognise revenue", (), EVERY[:1], _recognise),
    Step("accrue", "Accrue what is not billed", ("recognise",), EVERY[:1], _accrue),
    Step("revalue", "Revalue foreign currency", ("accrue",), EVERY[:2], _revalue),
    Step("impairment", "Allow for losses that are expected", ("revalue",), EVERY[:2], _impair),
    Step("erp-post", "Post entries to the other ledger", ("impairment",), EVERY[:2], _post),
    Step("tie", "Tie subledgers with the ledger", ("erp-post",), EVERY[:3]),
    Step(
        *("soft-close", "Close the month to all but adjustments", ("tie",), EVERY[:4], _act("soft-close-period")),
        fresh=True,
        is_so=("soft", "closed"),
    ),
    Step(
        *("hard-close", "Close the month", ("soft-close",), EVERY, _act("close-period")),
        fresh=True,
        is_so=("closed",),
    ),
)
"""In the order in which they are done.  What a step does not find to do it leaves: doing it again changes nothing."""
