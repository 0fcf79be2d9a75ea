"""How far subscriptions had been billed before a run: the books keep only how far they are now, so the run before is asked again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from engine.base.period import add_months
from engine.model.subscription import BillingMark
from engine.runs.billing.partition import rate_payer
from engine.runs.billing.read import ALL, Pinned, pinned_at, ranges_of, read_payers
from engine.runs.run import Parts
from engine.runs.simulate.by_hand import open_again
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
    return pinned_at(run, run.parameters)


def seed(books: AsOf, side_of: SideOf, before: Sequence[Run], acts: Sequence[Run]) -> None:
    """Say how far everything was billed after the runs ``before``, the newest first: the newest over all accounts, and those of
    single accounts since then; of ``acts`` those that people did between them."""
    since: list[Run] = []
    for run in before:
        since.append(run)
        if pinned_of(run).account is None and not pinned_of(run).occasion:
            break
    else:
        books.forget_marks()
    for place, run in enumerate(reversed(since), 1):
        pinned, parts = pinned_of(run), side_of(run.release).parts
        if pinned.scope == ALL:
            with books.reader() as reader:
                months = _longest(parts, reader) + MARGIN
            first = add_months(pinned.on, -months)
            books.assume_billed(first, pinned.on, pinned.seen["events"], pinned.seen["usage"])
        _replay_marks(books, parts, pinned)
        until = since[-place - 1].id if place < len(since) else 0
        for act in acts:
            if run.id < act.id < until:
                open_again(books, act)


def _longest(parts: Parts, reader: Reader) -> int:
    """The months of the longest cycle that anything is billed by."""
    charges = (charge for plan in reader.catalogue(parts.tenant).values() for charge in plan.charges)
    return max((charge.months + charge.days // 28 + 1 for charge in charges), default=1)


def _replay_marks(books: AsOf, parts: Parts, pinned: Pinned) -> None:
    """The marks that a run has left; of a subscription that it did not know none, of one that it could not rate, or whose payer it
    held, the assumed one."""
    left: list[BillingMark] = []
    with books.reader() as reader:
        for payers in ranges_of(parts, reader, pinned.account):
            read = read_payers(parts, reader, pinned, *payers)
            for due in read.dues:
                left.extend(rate_payer(read.job, due, read.table, set(), [], [], [])[1])
    if pinned.scope == ALL:
        books.forget_marks()
    books.set_marks(left)
