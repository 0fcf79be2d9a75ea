"""Opening balances: open receivables, unapplied cash, wallets and deferred balances, each with its entry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Any, Final

import msgspec

from engine.base.errors import Code, Finding
from engine.ledger.opening import OpeningBalance, opening_entry
from engine.ledger.posting import Determine, Role, determine
from engine.runs.billing import rows as bill_rows
from engine.runs.intake import opened_wallets
from engine.runs.intake.cutting import Once, eve, judged, put, rows_of
from engine.runs.intake.formats import Format
from engine.runs.intake.references import Known
from engine.runs.intake.rows import subject_of
from engine.runs.intake.session import Good, Session, Source
from engine.runs.run import Rules
from engine.store import tables as t
from engine.store.writer import Writer
from engine.store.writing.openings import Put

NO_VALUE = Code(
    "cutover.no-value", "A balance in a foreign currency that does not say what it is in functional currency."
)
EXPIRED = Code("cutover.expired", "A balance of which nothing is left on the day of the cut-over.")


class _Ledger(msgspec.Struct, frozen=True):
    """How the balances of one kind of file are booked: ``sign`` 1 is a debit, ``ends`` the column after which nothing is left;
    days of ``begins`` before the cut-over are taken as the day of it, for they are in the books that it comes from."""

    role: Role
    sign: int
    dated: str
    text: str
    ends: str = ""
    begins: str = ""


_LEDGERS: Final[Mapping[str, _Ledger]] = {
    "opening_receivables": _Ledger("receivable", 1, "document_date", "open {kind} {number} of {account}"),
    "opening_cash": _Ledger("unapplied_cash", -1, "value_date", "receipt {key} of {account}"),
    "opening_wallets": _Ledger("wallet", -1, "granted_on", "wallet lot {key} of {account}", "expires_on"),
    "opening_deferred": _Ledger(
        "contract_liability", -1, "", "deferred balance {key} of {account}", "service_to", "service_from"
    ),
}


def load(session: Session, form: Format, sources: Sequence[Source]) -> None:
    """Load all files of one kind of balance, in chunks; what is new and its entries are one transaction."""
    how, once, known = _LEDGERS[form.kind], Once(form), Known(session)
    poster = _Poster(session, how, known)
    for source in sources:
        tally = session.tally(source)
        for chunk in rows_of(session, form, source, tally, how.dated):
            rows = once.fresh(judged(chunk, lambda row: _flaw(form, how, row, known), tally), tally)
            if rows:
                put(session, form, rows, tally, partial(poster.put, form, rows))


def keep_rules(session: Session, writer: Writer, rules: Rules) -> None:
    """Keep the rules that entries rest on, and begin the run that they belong to."""
    writer.store_release(writer.tenant, rules.release, rules.files, rules.overrides, rules.plugins)
    writer.store_decisions(rules.decisions())
    if not session.run_id:
        session.run_id = writer.run_id = session.start(writer)


def _flaw(form: Format, how: _Ledger, row: Good, known: Known) -> Finding | None:
    """What is wrong with a balance; one in functional currency gets its functional amount filled in."""
    values, subject = row.values, subject_of(form, row.values)
    own, worth = values["functional_currency"], values["functional_amount"]
    if how.ends and values[how.ends] <= values["first_day"]:
        what = f"{how.ends} {values[how.ends]} is not after the cut-over of {values['first_day']}"
        return Finding(EXPIRED, row.where, what, "nothing is left to bring over", "take the row out", subject=subject)
    if how.begins:
        values[how.begins] = max(values[how.begins], values["first_day"])
    if values["currency"] != own and worth is None:
        what = f"{values['amount']} {values['currency']} has no functional_amount"
        why, mend = "the books that it comes from have frozen what it is worth", f"say what it is in {own}"
        return Finding(NO_VALUE, row.where, what, why, mend, subject=subject)
    if values["currency"] == own and worth not in (None, values["amount"]):
        what = f"functional_amount {worth} of {values['amount']} {own}"
        why = f"{own} is the functional currency of {values['entity']}"
        return Finding(NO_VALUE, row.where, what, why, "leave functional_amount empty", subject=subject)
    values["functional_amount"] = values["amount"] if worth is None else worth
    return opened_wallets.flaw(known, form, row) if form.kind == opened_wallets.KIND else None


class _Poster:
    """Writes balances with their entries; GL accounts are found once."""

    def __init__(self, session: Session, how: _Ledger, known: Known) -> None:
        self.session, self.how, self.known = session, how, known
        self._accounts: dict[tuple[str, str, date], Determine] = {}
        self._kept = False

    def put(self, form: Format, rows: Sequence[Good], writer: Writer) -> Put:
        """Put balances in; what is new is booked."""
        table = [{**row.values, "tenant": self.session.tenant} for row in rows]
        lots = form.kind == opened_wallets.KIND
        if lots:
            table = [{**row, "wallet": opened_wallets.wallet_of(row), "kind": "paid", "cost": None} for row in table]
        made = writer.put_openings(form.kind, table, form.names - {*form.key, "wallet"})
        if not made.fresh:
            return made
        rules = self.session.rules()
        if not self._kept:
            keep_rules(self.session, writer, rules)
            self._kept = True
        first = writer.take_ids("entry", len(made.fresh))
        entries: list[bill_rows.Row] = []
        postings: list[bill_rows.Row] = []
        self._find_accounts([rows[place] for place, _ in made.fresh])
        for number, (place, document) in enumerate(made.fresh, first):
            entry = self._entry(rules, rows[place])
            entries.append(bill_rows.entry_row(number, entry, document, writer.run_id))
            postings.extend(bill_rows.posting_rows(number, entry, 0))
        writer.append(t.ENTRY, entries)
        writer.append(t.POSTING, postings)
        if lots:
            opened = [(ident, eve(rows[place]), table[place]) for place, ident in made.fresh]
            opened_wallets.open_lots(writer, self.session.tenant, opened)
        return made

    def _find_accounts(self, rows: Sequence[Good]) -> None:
        self.known.find("accounts", {(row.values["entity"], row.values["account"]) for row in rows})

    def _entry(self, rules: Rules, row: Good) -> Any:
        values, on, sign = row.values, eve(row), Decimal(self.how.sign)
        place = (values["entity"], values["currency"], on)
        if place not in self._accounts:
            self._accounts[place] = determine(rules.decide, *place)
        key = (values["entity"], values["account"])
        balance = OpeningBalance(
            self.session.tenant,
            values["entity"],
            self.how.role,
            self.known.find("accounts", [key])[key]["country"],
            values.get("product", ""),
            values["currency"],
            sign * values["amount"],
            values["functional_currency"],
            sign * values["functional_amount"],
            self.how.text.format(**values),
        )
        return opening_entry(balance, on, self._accounts[place])
