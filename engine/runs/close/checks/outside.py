"""Checks of what the outside world was told: documents, journal entries, calls that failed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time
from typing import Final

from engine.model.close import CloseTerms, Found
from engine.model.erp import MENDS, PORT
from engine.runs.close.look import Check, Look, told
from engine.runs.erp.desk import ErpDesk
from engine.store.closing import ledger, outside

_RIGHT: Final = ("posted", "nothing")


def undelivered(look: Look, terms: CloseTerms) -> Iterator[Found]:
    """Effects that nobody has taken yet, or that were refused; entries for another ledger have checks of their own."""
    for row in outside.undelivered(*look.of, look.month.last, (PORT,)):
        tried = f", tried {row.attempts} times" if row.attempts else ""
        what = f"{row.kind} for port {row.port} is {row.state}{tried}"
        since = row.since.date() if row.since else None
        yield Found(f"effect/{row.port}/{row.key}", what, row.total, row.currency or "", since)


def untold_entries(look: Look, terms: CloseTerms) -> Iterator[Found]:
    """Entries that are in no document of the other system."""
    if not look.tells_erp:
        return
    own = look.entity.functional_currency
    for row in ledger.untold_entries(*look.of, look.month.last):
        what = f"{row.entries} entries ({row.kind}) of {row.posting_date} are not posted"
        yield Found(f"entries/{row.kind}/{row.posting_date}", what, row.debit, own, row.posting_date)


def erp_differences(look: Look, terms: CloseTerms) -> Iterator[Found]:
    """Documents of the other system that are refused, missing, waiting or of another amount there."""
    if not look.tells_erp:
        return
    compared = ErpDesk(lambda: look.parts).compare(look.month.first, look.month.last)
    for one in compared.documents:
        document = one.document
        if one.state in _RIGHT or document.entity != look.entity.key:
            continue
        off = document.debit if one.there is None else document.debit - one.there
        what = f"{document.key} is {one.state}{': ' if one.reason else ''}{one.reason}"
        mend = MENDS[one.state]
        yield Found(f"erp/{document.key}", what, off, document.currency, document.posting_date, mend)
    yield from told(compared.findings)


def failed_requests(look: Look, terms: CloseTerms) -> Iterator[Found]:
    """Calls of the month that failed and were not answered later."""
    begin, end = (datetime.combine(day, time(), UTC) for day in (look.month.first, look.month.after))
    for row in outside.failed_requests(look.reader, look.parts.tenant, begin, end):
        what = f"{row.calls} calls of {row.hook} failed: {row.error}"
        mend = f"`tollbook requests list --adapter {row.adapter} --failed`"
        yield Found(f"request/{row.adapter}/{row.hook}/{row.key}", what, since=row.since.date(), mend=mend)


CHECKS: Final = (
    Check(
        *("effects-undelivered", "Documents and messages that nobody has taken", "warning", "billing", "books"),
        mend="`tollbook deliver`",
        find=undelivered,
    ),
    Check(
        *("entries-unposted", "Entries that are not posted to the other ledger", "blocker", "general ledger", "books"),
        mend="`tollbook erp post`",
        find=untold_entries,
    ),
    Check(
        *("erp-differences", "Differences from the other ledger", "blocker", "general ledger", "books"),
        mend="`tollbook erp reconcile`",
        find=erp_differences,
    ),
    Check(
        *("requests-failed", "Calls of adapters that failed", "warning", "operations", "books"),
        mend="`tollbook requests list`",
        find=failed_requests,
    ),
)
