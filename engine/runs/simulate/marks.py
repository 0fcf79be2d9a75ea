"""How far subscriptions had been billed before a run: the books keep only how far they are now, so the run before is asked again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Final

from engine.base.period import add_months
from engine.billing.statement import statement
from engine.model.journal import Change
from engine.model.subscription import BillingMark
from engine.runs.billing.read import ALL, Pinned, gather, ranges_of
from engine.runs.run import Parts, attempt
from engine.runs.simulate.sides import Side
from engine.store.asof import AsOf
from engine.store.reader import Reader
from engine.store.records import Run

MARGIN: Final = 2
"""Months before the longest cycle that are looked at, for usage whose bill waits."""

SideOf = Callable[[str], Side]
"""The side of a release of the books."""


def pinned_of(run: Run) -> Pinned:
    """What a run of the books had fixed when it began."""
    change = Change(run.who, run.started_at, run.reason)
    return Pinned(run.id, date.fromisoformat(run.period), run.scope, run.release, dict(run.parameters), change)


def seed(books: AsOf, side_of: SideOf, before: Sequence[Run]) -> None:
    """Say how far everything was billed after the runs ``before``, the newest first: the newest over all accounts, and those of
    single accounts since then."""
    since: list[Run] = []
    for run in before:
        since.append(run)
        if pinned_of(run).account is None and not pinned_of(run).occasion:
            break
    else:
        books.forget_marks()
    for run in reversed(since):
        pinned, parts = pinned_of(run), side_of(run.release).parts
        if pinned.scope == ALL:
            with books.reader() as reader:
                months = _longest(parts, reader) + MARGIN
            first = add_months(pinned.on, -months)
            books.assume_billed(first, pinned.on, pinned.seen["events"], pinned.seen["usage"])
        _replay_marks(books, parts, pinned)


def _longest(parts: Parts, reader: Reader) -> int:
    """The months of the longest cycle that anything is billed by."""
    charges = (charge for plan in reader.catalogue(parts.tenant).values() for charge in plan.charges)
    return max((charge.months + charge.days // 28 + 1 for charge in charges), default=1)


def _replay_marks(books: AsOf, parts: Parts, pinned: Pinned) -> None:
    """The marks that a run has left; of a subscription that it did not know none, of one that it could not rate the assumed one."""
    left: list[BillingMark] = []
    with books.reader() as reader:
        for payers in ranges_of(parts, reader, pinned.account):
            job, dues = gather(parts, reader, pinned.on, pinned.seen, payers, occasion=pinned.occasion)
            for owner, due in ((o, d) for payer in dues for o in payer.accounts for d in o.subscriptions):
                made = attempt(lambda j=job, o=owner, d=due: statement(j, o, d), "", [])  # type: ignore[misc]
                mark = due.mark if made is None else made.mark
                left.extend(() if mark is None else (mark,))
    if pinned.scope == ALL:
        books.forget_marks()
    books.set_marks(left)
