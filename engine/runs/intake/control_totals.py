"""Control totals: what was brought over must come to what the old general ledger says, account by account."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from engine.base.errors import Code, Finding, Where
from engine.base.money import ZERO
from engine.runs.intake.cutting import Once, judged, put, rows_of
from engine.runs.intake.formats import Format
from engine.runs.intake.masters import told
from engine.runs.intake.rows import subject_of
from engine.runs.intake.session import Good, Session, Source, Tally
from engine.store.checks import openings as checks_openings
from engine.store.checks.openings import Totals
from engine.store.writer import Writer
from engine.store.writing.openings import Put

DIFFERS = Code("cutover.total-differs", "A control total that the balances which were brought over do not come to.")
NO_TOTAL = Code("cutover.no-total", "An account with opening balances that the control totals do not name.")


def load(session: Session, form: Format, sources: Sequence[Source]) -> None:
    """Load all files of control totals, after the balances; those that agree are kept, and checked for ever."""
    once = Once(form)
    with session.books.reader() as reader:
        totals = checks_openings.totals(reader, session.tenant)
    named: set[tuple[str, str, str, str]] = set()
    tally = None
    for source in sources:
        tally = session.tally(source)
        for chunk in rows_of(session, form, source, tally):
            for row in chunk:
                named.add(_key(row))
                if row.values["currency"] == row.values["functional_currency"]:
                    row.values["functional_amount"] = row.values["amount"]
            rows = once.fresh(judged(chunk, lambda row: _flaw(form, row, totals), tally), tally)
            for row in rows:
                row.values["functional_amount"] = totals.get(_key(row), (ZERO, ZERO))[1]
            table = [{**row.values, "tenant": session.tenant} for row in rows]
            if rows:
                put(session, form, rows, tally, partial(_put, form, table))
        tally.refused = tally.refused or bool(tally.quarantined)
    if tally is not None and named:
        _unnamed(tally, totals, named)


def _put(form: Format, table: Sequence[dict[str, Any]], writer: Writer) -> Put:
    return writer.put_openings(form.kind, table, form.names - set(form.key))


def _key(row: Good) -> tuple[str, str, str, str]:
    values = row.values
    return values["entity"], values["cutover"], values["account"], values["currency"]


def _flaw(form: Format, row: Good, totals: Totals) -> Finding | None:
    values = row.values
    amount, worth = totals.get(_key(row), (ZERO, ZERO))
    said = values["functional_amount"]
    if values["amount"] == amount and said in (None, worth):
        return None
    differs = values["amount"] - amount
    what = f"account {values['account']} of {values['entity']} comes to {told(amount)} {values['currency']}, not {told(values['amount'])}"
    if not differs:
        what = (
            f"account {values['account']} of {values['entity']} comes to {told(worth)} {values['functional_currency']} in "
            f"functional currency, not {told(said)}"
        )
        differs = said - worth
    why = f"the difference is {told(differs)}"
    mend = "find the documents that are missing or too much, or correct the total"
    return Finding(DIFFERS, row.where, what, why, mend, subject=subject_of(form, values))


def _unnamed(tally: Tally, totals: Totals, named: set[tuple[str, str, str, str]]) -> None:
    """Accounts of the named cut-overs that have opening balances, and no control total."""
    cutovers = {key[:2] for key in named}
    for key, (amount, _) in sorted(totals.items()):
        entity, cutover, account, currency = key
        if key[:2] in cutovers and key not in named:
            what = f"account {account} of {entity} came over with {told(amount)} {currency} and has no control total"
            where = Where(tally.source.name)
            mend = "add it, with what the old general ledger says"
            subject = f"control-total/{entity}/{cutover}/{account}/{currency}"
            tally.note([Finding(NO_TOTAL, where, what, "", mend, "warning", subject)])
