"""Checks of the ledger: postings and documents are of each other, subledgers tie, balances are revalued, months are closed in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import groupby
from typing import Any, Final

from engine.base.errors import TollbookError
from engine.base.money import ZERO
from engine.model.close import CloseTerms, Found
from engine.runs.close.look import Check, Look, told, told_amount, where_of
from engine.runs.further_books import adjusting
from engine.runs.revaluation import GROUP, pending
from engine.store.checks import base as checks
from engine.store.closing import history, ledger

_TIES: Final = (
    "settlements-tie",
    "wallets-tie",
    "cash-ties",
    "payments-tie",
    "direct-debits-tie",
    "disputes-tie",
    "openings-tie",
    "tax-ties",
    "revaluations-tie",
)
"""Checks of ``tollbook verify`` that compare a subledger with the ledger."""


def postings_without_line(look: Look, terms: CloseTerms) -> Iterator[Found]:
    """Postings of a line or document that the books do not have."""
    for row in ledger.postings_without_line(*look.of, *look.days):
        what = f"a posting of entry {row.id} ({row.kind}) to {row.account} is of no line or document that is there"
        yield Found(f"posting/{row.id}/{row.account}", what, row.amount, row.currency, row.posting_date)


def lines_without_posting(look: Look, terms: CloseTerms) -> Iterator[Found]:
    """Lines of documents that nothing was posted for."""
    for row in ledger.lines_without_posting(*look.of, *look.days):
        what = f"nothing is posted for {where_of(row)}"
        yield Found(f"invoice-line/{where_of(row)}", what, row.amount, row.currency, row.invoice_date)


def posted_otherwise(look: Look, terms: CloseTerms) -> Iterator[Found]:
    """Documents and lines that are posted with another amount than theirs."""
    for row in ledger.posted_otherwise(*look.of, *look.days):
        name = where_of(row) if row.line else row.number
        what = (
            f"{name} is {told_amount(row.amount, row.currency)} and posted as {told_amount(row.posted, row.currency)}"
        )
        yield Found(f"invoice/{name}/posted", what, row.amount - row.posted, row.currency, row.invoice_date)


def lines_without_contract(look: Look, terms: CloseTerms) -> Iterator[Found]:
    """Lines that name a contract, or a line of one, that the books do not have."""
    for row in ledger.lines_without_contract(*look.of, *look.days):
        what = f"{where_of(row)} names contract {row.contract or '(none)'}, which is not there or has no such line"
        yield Found(f"invoice-line/{where_of(row)}/contract", what, row.amount, row.currency, row.invoice_date)


def dates(look: Look, terms: CloseTerms) -> Iterator[Found]:
    """Documents that are posted on another day than theirs."""
    for row in ledger.other_dates(*look.of, *look.days):
        what = f"{row.number} is of {row.invoice_date} and posted on {row.posting_date}"
        yield Found(
            f"invoice/{row.number}/date", what, row.total, row.currency, min(row.invoice_date, row.posting_date)
        )


def revaluation(look: Look, terms: CloseTerms) -> Iterator[Found]:
    """Balances in foreign currency that are not taken at the closing rate of the month's end, or not as they are now."""
    last, mend = look.month.last, f"`tollbook ledger revalue --on {look.month.last} --entity {look.entity.key}`"
    try:
        items, _ = pending(look.parts, look.reader, last, look.entity.key)
    except TollbookError as error:
        yield from told(error.findings)
        return
    for (_, account, currency), group in groupby(items, GROUP):
        mine = list(group)
        whose = f"{len(mine)} balance{'' if len(mine) == 1 else 's'} in {currency} on GL account {account}"
        what = f"{whose}, as of now, {'is' if len(mine) == 1 else 'are'} not revalued on {last}"
        moved = sum((one.exposure.amount for one in mine), ZERO)
        yield Found(f"gl-account/{account}/{currency}/{last}", what, moved, currency, last, mend)


def further_books(look: Look, terms: CloseTerms) -> Iterator[Found]:
    """Further books that are not adjusted for what was posted through the month."""
    entity, last = look.entity.key, look.month.last
    for book, keep in look.parts.further.items():
        closed = look.reader.book_mark(look.parts.tenant, book, entity).closed
        if (keep and entity not in keep) or (closed is not None and closed >= last):
            continue
        mend = f"`tollbook ledger adjust-book {book} --entity {entity} --through {last}`"
        try:
            entries = list(adjusting.pending(look.parts, look.reader, book, entity, last))
        except TollbookError as error:
            yield from told(error.findings)
            continue
        if entries:
            moved = sum(
                (p.functional_amount for e in entries for p in e.entry.postings if p.functional_amount > 0), ZERO
            )
            what = f"{len(entries)} adjustment{'' if len(entries) == 1 else 's'} of book {book!r} through {last} not booked"
            currency, since = look.entity.functional_currency, min(one.of_day for one in entries)
            yield Found(f"book/{entity}/{book}/{last}", what, moved, currency, since, mend)


def ties(look: Look, terms: CloseTerms) -> Iterator[Found]:
    """Subledgers that the ledger does not agree with."""
    for name in _TIES:
        yield from told(checks.ALL[name](look.reader, look.parts.tenant))


def earlier(look: Look, terms: CloseTerms) -> Iterator[Found]:
    """Months before that have postings and are not closed."""
    reader, tenant, entity = look.of
    states = history.closed_months(reader, tenant, entity)
    for month in reader.open_months(tenant, entity, look.month.first):
        what = f"{month:%Y-%m} is {states.get(month, 'open')}, and {look.month} comes after it"
        mend = f"`tollbook close run --entity {entity} --month {month:%Y-%m}`"
        yield Found(f"period/{entity}/{month:%Y-%m}", what, since=month, mend=mend)


def _lost(code: str, title: str, find: Callable[..., Any]) -> Check:
    mend = "find what changed the books, and restore them: `tollbook verify`"
    return Check(code, title, "blocker", "general ledger", "books", mend, find)


CHECKS: Final = (
    _lost("postings-without-line", "Postings without a line or document", postings_without_line),
    _lost("lines-without-posting", "Lines without postings", lines_without_posting),
    _lost("posted-otherwise", "Documents that are posted with another amount", posted_otherwise),
    _lost("lines-without-contract", "Lines of contracts that are not there", lines_without_contract),
    _lost("posting-dates", "Documents that are posted on another day", dates),
    _lost("subledger-ties", "Subledgers that do not tie with the ledger", ties),
    Check(
        *("revaluation-missing", "Balances in foreign currency that are not revalued", "blocker", "general ledger"),
        *("books", "`tollbook ledger revalue`"),
        find=revaluation,
    ),
    Check(
        *("books-not-adjusted", "Further books that are not adjusted through the month", "warning", "general ledger"),
        *("books", "`tollbook ledger adjust-book`"),
        find=further_books,
    ),
    Check(
        *("earlier-months-open", "Months before that are not closed", "warning", "controller", "order"),
        mend="`tollbook close run`",
        find=earlier,
    ),
)
