"""Checks of money: what came is used, what is on its way is known, statements are whole, and clearing accounts are empty."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import groupby
from operator import attrgetter
from typing import Any, Final

from engine.base.money import ZERO
from engine.model.close import CloseTerms, Found
from engine.runs.close.look import Check, Look, told_amount
from engine.store.closing import cash, ledger


def unused_entries(look: Look, terms: CloseTerms) -> Iterator[Found]:
    """Bank entries of which something is not used."""
    for row in cash.unused_entries(*look.of, look.month.last):
        what = f"an entry of {row.account} of {row.booked} from {row.payer or 'nobody that it names'} is not used up"
        mend = f"`tollbook cash show {row.id}`"
        yield Found(f"bank-entry/{row.account}/{row.key}", what, row.amount, row.currency, row.booked, mend)


def unapplied(look: Look, terms: CloseTerms) -> Iterator[Found]:
    """Credit of accounts that no invoice has used."""
    for row in cash.unapplied(*look.of, look.month.last):
        what = f"{row.account} has credit that no invoice has used"
        mend = f"`tollbook account show {row.account}`"
        yield Found(f"account/{row.account}/credit", what, row.amount, row.currency, row.since, mend)


def under_way(look: Look, terms: CloseTerms) -> Iterator[Found]:
    """Payments and refunds without an outcome."""
    for row in cash.payments_under_way(*look.of, look.month.last):
        what = f"{row.kind} {row.key} of {row.account} is {row.state}"
        yield Found(f"payment/{row.key}", what, row.amount, row.currency, row.day)


def statements(look: Look, terms: CloseTerms) -> Iterator[Found]:
    """Statements whose entries do not lead from their opening to their closing balance, which do not follow one another, or which
    end before the month does."""
    for account, group in groupby(cash.statements(*look.of, *look.days), attrgetter("account")):
        before = None
        for row in group:
            yield from _whole(row)
            if before is not None:
                yield from _follows(before, row)
            before = row
        if before is not None and before.last_day < look.month.last:
            what = f"the newest statement of {account} is of {before.last_day}"
            yield Found(f"bank-account/{account}/end", what, since=before.last_day)


def _whole(row: Any) -> Iterator[Found]:
    if row.opening is None or row.closing is None or row.opening + row.booked == row.closing:
        return
    what = f"the entries of {row.file} of {row.account} come to {told_amount(row.booked, row.currency)}, its balances to {told_amount(row.closing - row.opening, row.currency)}"
    off = row.closing - row.opening - row.booked
    yield Found(f"bank-statement/{row.account}/{row.first_day}", what, off, row.currency, row.first_day)


def _follows(before: Any, row: Any) -> Iterator[Found]:
    if before.closing is not None and row.opening is not None and before.closing != row.opening:
        what = f"{before.file} of {row.account} ends with {told_amount(before.closing, row.currency)}, {row.file} begins with {told_amount(row.opening, row.currency)}"
        off = row.opening - before.closing
        day = before.last_day + timedelta(days=1)
        yield Found(f"bank-account/{row.account}/{day}", what, off, row.currency, day)


def clearing(look: Look, terms: CloseTerms) -> Iterator[Found]:
    """Clearing and suspense accounts, as rules name them, that are not at zero."""
    for row in ledger.balances(*look.of, look.month.last, terms.accounts):
        what = f"GL account {row.account} is at {told_amount(row.amount, row.currency)} at the month's end"
        subject = f"gl-account/{row.account}/{row.currency}"
        mend = _emptied(look, row.account, row.currency) or _let_go(look, subject)
        yield Found(subject, what, row.amount or ZERO, row.currency, row.since, mend)


def _emptied(look: Look, account: str, currency: str) -> str:
    """The commands that take from a GL account what bank entries have left there; empty where nothing of them can be used in the
    month any more."""
    waiting = [one for one in cash.in_clearing(*look.of, look.month.last, account, currency) if one.used is None]
    if not waiting:
        return ""
    first, day = waiting[0], look.month.last
    uses = [f"`tollbook cash apply {first.id} --invoice NUMBER --date {day}`"] if first.amount > ZERO else []
    uses.append(f"`tollbook cash transfer {first.id} --gl ACCOUNT --date {day}`")
    more = f"; {len(waiting)} bank entries wait: `tollbook cash show`" if len(waiting) > 1 else ""
    return ", or ".join(uses) + more


def _let_go(look: Look, subject: str) -> str:
    """Who lets it go: what was used after the month, or posted by nobody's money, nothing moves in the month."""
    return (
        f"`tollbook close waive clearing-not-zero {subject} --entity {look.entity.key} --month {look.month.last:%Y-%m}`"
    )


CHECKS: Final = (
    Check(
        *("bank-entries-unused", "Bank entries that are not used", "blocker", "treasury", "money"),
        mend="`tollbook cash show`",
        find=unused_entries,
    ),
    Check(
        *("payments-unapplied", "Money of customers that no invoice has used", "warning", "treasury", "books"),
        mend="`tollbook account apply`",
        find=unapplied,
    ),
    Check(
        *("payments-under-way", "Payments without an outcome", "warning", "treasury", "books"),
        mend="`tollbook payments ask`",
        find=under_way,
    ),
    Check(
        *("bank-statements", "Bank statements with gaps, or that do not tie", "blocker", "treasury", "money"),
        mend="`tollbook bank load` the statement that is missing",
        find=statements,
    ),
    Check(
        *("clearing-not-zero", "Clearing accounts that are not at zero", "blocker", "general ledger", "books"),
        mend="`tollbook cash show`, and use what waits",
        find=clearing,
    ),
)
