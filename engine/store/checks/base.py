"""Named checks of the books: each is one or a few set-based queries and gives a finding for everything that is wrong.

A check reads only; it looks at one tenant.  ``ALL`` lists them by name, for ``tollbook verify``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import sqlalchemy as sa

from engine.base.errors import Code, Finding, Where
from engine.store.checks import accruals as checks_accruals
from engine.store.checks import billing as checks_billing
from engine.store.checks import cash as checks_cash
from engine.store.checks import chain as checks_chain
from engine.store.checks import debits as checks_debits
from engine.store.checks import deliveries as checks_deliveries
from engine.store.checks import disputes as checks_disputes
from engine.store.checks import dunning as checks_dunning
from engine.store.checks import erp as checks_erp
from engine.store.checks import fx as checks_fx
from engine.store.checks import numbering as checks_numbering
from engine.store.checks import openings as checks_openings
from engine.store.checks import payments as checks_payments
from engine.store.checks import revenue as checks_revenue
from engine.store.checks import revenue_contracts as checks_revenue_contracts
from engine.store.checks import settlements as checks_settlements
from engine.store.checks import tax as checks_tax
from engine.store.checks import wallets as checks_wallets
from engine.store.checks import written as checks_written
from engine.store.reader import Reader
from engine.store.tables import (
    BANK_USE,
    BOOK_ENTRY,
    BOOK_POSTING,
    BOOK_TOTAL,
    DECISION,
    DIRECT_DEBIT,
    DRAFT,
    DUNNING_CLAIM,
    DUNNING_STEP,
    ENTRY,
    INVOICE,
    INVOICE_LINE,
    LATE_USAGE,
    LEDGER_TOTAL,
    METADATA,
    PAYMENT,
    PAYMENT_STEP,
    POSTING,
    RELEASE,
    SETTLEMENT,
    TAX_CORRECTION,
    WALLET_MOVEMENT,
)

TOTALS_DIFFER = Code("invoice.totals-differ", "An invoice whose totals are not the sums of its lines.")
LEDGER_DIFFERS = Code("ledger.differs-from-invoice", "An invoice and the postings made of it that differ.")
MOVED = Code("ledger.moved", "Postings that do not add up to the totals that were written with them.")
NOT_STORED = Code("decision.not-stored", "A row that rests on a decision or release that the books do not have.")

Check = Callable[[Reader, str], list[Finding]]

_LINKS: Final = (
    ("invoice_line", "invoice_id", "invoice", "id"),
    ("invoice", "id", "invoice_line", "invoice_id"),
    ("posting", "entry_id", "entry", "id"),
    ("entry", "id", "posting", "entry_id"),
    ("book_posting", "entry_id", "book_entry", "id"),
    ("book_entry", "id", "book_posting", "entry_id"),
    ("entry", "document", "invoice", "id"),
    ("invoice", "id", "entry", "document"),
    ("revenue_item", "schedule_id", "revenue_schedule", "id"),
    ("revenue_posted", "entry_id", "entry", "id"),
    ("invoice", "payer_id", "account", "id"),
    ("invoice_line", "account_id", "account", "id"),
    ("usage_event", "subscription_id", "subscription", "id"),
    ("usage_reversal", "event_id", "usage_event", "id"),
    ("subscription_event", "subscription_id", "subscription", "id"),
    ("late_usage", "event_id", "usage_event", "id"),
    ("late_usage", "subscription_id", "subscription", "id"),
    ("number_mark", "id", "invoice", "id"),
    ("clearance_step", "invoice_id", "invoice", "id"),
    ("tax_correction", "line_id", "invoice_line", "id"),
)
"""Rows (table, column) that need another row (table, column)."""

_OPTIONAL_LINKS: Final = (
    ("invoice_line", "credits", "invoice_line", "id"),
    ("invoice_line", "contract_line_id", "contract_line", "id"),
    ("invoice_line", "subscription_id", "subscription", "id"),
    ("invoice_line", "charge_id", "charge", "id"),
    ("posting", "line_id", "invoice_line", "id"),
    ("invoice", "run_id", "run", "id"),
    ("invoice", "seller_id", "entity", "id"),
    ("entry", "run_id", "run", "id"),
    ("book_entry", "run_id", "run", "id"),
    ("book_entry", "of_entry", "entry", "id"),
    ("draft", "run_id", "run", "id"),
    ("draft", "issued_run", "run", "id"),
    ("draft", "item", "work_item", "id"),
    ("bank_entry", "statement_id", "bank_statement", "id"),
    ("bank_entry", "parent", "bank_entry", "id"),
    ("bank_use", "entry_id", "bank_entry", "id"),
    ("bank_use", "source", "bank_use", "id"),
)
"""The same, where 0 means that there is none."""

_DECIDED: Final = (
    (INVOICE_LINE, "decision"),
    (INVOICE_LINE, "proration"),
    (INVOICE_LINE, "tax_decision"),
    (INVOICE, "draft_decision"),
    (INVOICE, "numbering_decision"),
    (POSTING, "decision"),
    (BOOK_POSTING, "decision"),
    (LATE_USAGE, "decision"),
    (TAX_CORRECTION, "tax_decision"),
    (DRAFT, "decision"),
    (WALLET_MOVEMENT, "decision"),
    (SETTLEMENT, "decision"),
    (DUNNING_STEP, "decision"),
    (DUNNING_CLAIM, "decision"),
    (PAYMENT, "decision"),
    (PAYMENT_STEP, "decision"),
    (DIRECT_DEBIT, "decision"),
    (BANK_USE, "decision"),
    (METADATA.tables["revenue_schedule"], "decision"),
    (METADATA.tables["delivery_way"], "decision"),
)


def balanced(reader: Reader, tenant: str) -> list[Finding]:
    """Debits and credits of every entry of every book are equal, per legal entity, in transaction and in functional currency."""
    rows = [
        row
        for table in (POSTING, BOOK_POSTING)
        for row in reader.rows(checks_written.unbalanced(table.c.tenant == tenant, table))
    ]
    return checks_written.unbalanced_findings(rows)


def no_orphan(reader: Reader, tenant: str) -> list[Finding]:
    """Every row that names another row names one that is there."""
    findings: list[Finding] = []
    for links, optional in ((_LINKS, False), (_OPTIONAL_LINKS, True)):
        for child, link, parent, target in links:
            table = METADATA.tables[child]
            more = [table.c.tenant == tenant, *([table.c[link] != 0] if optional else [])]
            more += checks_openings.elsewhere(child, link)
            more += [_posts_something()] if (child, parent) == ("invoice", "entry") else []
            absent = reader.connection.execute(
                checks_written.missing(table, link, METADATA.tables[parent].alias("parent"), target, *more)
            ).scalars()
            findings.extend(checks_written.orphans(child, link, parent, list(absent)))
    findings.extend(checks_billing.keyless(reader, tenant))
    return findings


def _posts_something() -> sa.ColumnElement[bool]:
    """Whether an invoice has a line of more than nothing: lines of zero post nothing."""
    line = INVOICE_LINE.c
    return sa.exists().where(line.invoice_id == INVOICE.c.id, (line.amount != 0) | (line.tax_amount != 0))


def invoice_totals(reader: Reader, tenant: str) -> list[Finding]:
    """Net and tax of every invoice are the sums of its lines, and its total is the sum of both."""
    line, head = INVOICE_LINE.c, INVOICE.c
    sums = (
        sa.select(line.invoice_id, sa.func.sum(line.amount).label("net"), sa.func.sum(line.tax_amount).label("tax"))
        .where(line.tenant == tenant)
        .group_by(line.invoice_id)
        .subquery()
    )
    statement = (
        sa.select(
            head.id, head.number, head.net, head.tax, head.total, sums.c.net.label("lines"), sums.c.tax.label("taxes")
        )
        .join_from(INVOICE, sums, sums.c.invoice_id == head.id)
        .where(head.tenant == tenant)
        .where((head.net != sums.c.net) | (head.tax != sums.c.tax) | (head.total != head.net + head.tax))
        .order_by(head.id)
    )
    return [
        Finding(
            TOTALS_DIFFER,
            Where(f"invoice/{row.number}"),
            f"invoice {row.number} says net {row.net}, tax {row.tax}, total {row.total}; "
            f"its lines add up to net {row.lines}, tax {row.taxes}",
            mend="an invoice never changes; find what changed it, and restore the books",
            subject=f"invoice/{row.id}",
        )
        for row in reader.rows(statement)
    ]


def ledger_ties(reader: Reader, tenant: str) -> list[Finding]:
    """What an invoice says is what was posted for it: the receivable its total, in both currencies, and each line its
    net and tax.
    """
    head, entry, posting, line = INVOICE.c, ENTRY.c, POSTING.c, INVOICE_LINE.c
    posted = (
        sa.select(
            entry.document,
            posting.line_id,
            posting.currency,
            sa.func.sum(posting.amount).label("amount"),
            sa.func.sum(
                sa.case((posting.amount != 0, posting.functional_amount), else_=0), type_=head.total.type
            ).label("own"),
        )
        .join_from(ENTRY, POSTING, posting.entry_id == entry.id)
        .where(entry.tenant == tenant, entry.kind == "invoice")
        .group_by(entry.document, posting.line_id, posting.currency)
        .subquery()
    )
    zero = sa.literal(0, head.total.type)
    receivable = (
        sa.select(
            head.id, head.number, head.currency, head.total, sa.func.coalesce(posted.c.amount, zero).label("amount")
        )
        .join_from(INVOICE, posted, (posted.c.document == head.id) & (posted.c.line_id == 0), isouter=True)
        .where(head.tenant == tenant)
        .where(
            (sa.func.coalesce(posted.c.amount, zero) != head.total)
            | (posted.c.currency != head.currency)
            | (sa.func.coalesce(posted.c.own, zero) != head.functional_total)
        )
    )
    owed = sa.func.coalesce(posted.c.amount, zero)
    lines = (
        sa.select(
            head.id, head.number, head.currency, (line.amount + line.tax_amount).label("total"), (-owed).label("amount")
        )
        .join_from(INVOICE_LINE, INVOICE, head.id == line.invoice_id)
        .join(posted, (posted.c.document == head.id) & (posted.c.line_id == line.id), isouter=True)
        .where(line.tenant == tenant, line.amount + line.tax_amount + owed != zero)
    )
    return [
        Finding(
            LEDGER_DIFFERS,
            Where(f"invoice/{row.number}"),
            f"invoice {row.number}: {what} {row.total} {row.currency} was posted as {row.amount}",
            why="the receivable of an invoice is its total, and its lines are what it is posted against",
            mend="nothing may change a posting or an invoice; find what did, and restore the books",
            subject=f"invoice/{row.id}",
        )
        for what, statement in (("the total of", receivable), ("a line of", lines))
        for row in reader.rows(statement.order_by(head.id))
    ]


def ledger_totals(reader: Reader, tenant: str) -> list[Finding]:
    """The postings of every GL account, currency and day of each book add up to what was written down with them."""
    leading = _moved(reader, tenant, LEDGER_TOTAL, POSTING, ENTRY)
    return leading + _moved(reader, tenant, BOOK_TOTAL, BOOK_POSTING, BOOK_ENTRY)


def _moved(reader: Reader, tenant: str, totals: sa.Table, postings: sa.Table, entries: sa.Table) -> list[Finding]:
    total, posting, entry = totals.c, postings.c, entries.c
    named = [total.book] if "book" in total else [sa.literal("").label("book")]
    mine = [entry.book] if "book" in entry else [sa.literal("").label("book")]
    written = sa.select(*named, total.entity, total.posting_date, total.account, total.currency, total.amount)
    posted = sa.select(
        *mine,
        posting.entity,
        entry.posting_date,
        posting.account,
        sa.case((posting.amount == 0, posting.functional_currency), else_=posting.currency),
        -sa.case((posting.amount == 0, posting.functional_amount), else_=posting.amount),
    ).join_from(postings, entries, entry.id == posting.entry_id)
    both = sa.union_all(written.where(total.tenant == tenant), posted.where(posting.tenant == tenant)).subquery()
    off = sa.func.sum(both.c.amount, type_=total.amount.type)
    keys = (both.c.book, both.c.entity, both.c.posting_date, both.c.account, both.c.currency)
    statement = sa.select(*keys, off.label("off")).group_by(*keys).having(sa.func.sum(both.c.amount) != 0)
    return [
        Finding(
            MOVED,
            Where(f"ledger/{row.entity}/{row.account}/{row.posting_date}"),
            f"postings to {row.account} of {row.entity}{row.book and f' in book {row.book}'} on {row.posting_date} are off by "
            f"{-row.off} {row.currency} from what was written down with them",
            why="a posting never changes: not its account, not its amount, not its day",
            mend="find what changed one, and restore the books",
            subject=f"ledger/{row.entity}/{row.account}",
        )
        for row in reader.rows(statement.order_by(*keys))
    ]


def decisions_stored(reader: Reader, tenant: str) -> list[Finding]:
    """Every decision that a line, an invoice or a posting rests on is kept, and so is its release."""
    findings: list[Finding] = []
    for table, name in _DECIDED:
        more = (table.c.tenant == tenant, table.c[name] != 0)
        absent = reader.connection.execute(checks_written.missing(table, name, DECISION, "id", *more)).scalars()
        findings.extend(_not_stored(f"{table.name}.{name}", f"decision {ident}") for ident in absent)
    used: set[int] = set()
    for table, name in _DECIDED:
        chosen: Any = sa.select(table.c[name]).where(table.c.tenant == tenant).distinct()
        used.update(reader.connection.execute(chosen).scalars())
    kept = {row["hash"] for row in reader.releases(tenant)}
    resting = {decision["release"] for decision in reader.decisions(sorted(used)).values()}
    findings.extend(_not_stored(DECISION.name, f"{RELEASE.name} {release}") for release in sorted(resting - kept))
    return findings


def _not_stored(place: str, what: str) -> Finding:
    return Finding(
        NOT_STORED,
        Where(place),
        f"{place} names {what}, which is not kept",
        why="every decision can be explained for as long as the books are kept",
        mend="restore it from a backup; decisions are never removed",
        subject=what.replace(" ", "/"),
    )


ALL: Final[Mapping[str, Check]] = {
    "balanced": balanced,
    "no-orphan": no_orphan,
    "invoice-totals": invoice_totals,
    "ledger-ties": ledger_ties,
    "ledger-totals": ledger_totals,
    "numbers-gapless": checks_numbering.numbers_gapless,
    "dates-in-series": checks_numbering.dates_in_series,
    "no-day-billed-twice": checks_billing.no_day_billed_twice,
    "marks": checks_billing.marks,
    "decisions-stored": decisions_stored,
    "chain": checks_chain.chain,
    "openings-tie": checks_openings.openings_tie,
    "wallets-tie": checks_wallets.wallets_tie,
    "numbers-chained": checks_numbering.numbers_chained,
    "clearance-tie": checks_numbering.clearance_tie,
    "tax-parts": checks_tax.tax_parts,
    "tax-ties": checks_tax.tax_ties,
    "settlements-tie": checks_settlements.settlements_tie,
    "payments-tie": checks_payments.payments_tie,
    "revaluations-tie": checks_fx.revaluations_tie,
    "erp-ties": checks_erp.erp_ties,
    "accruals-tie": checks_accruals.accruals_tie,
    "allowances-tie": checks_accruals.allowances_tie,
    "shares-tie": checks_accruals.shares_tie,
    "dunning-ties": checks_dunning.dunning_ties,
    "direct-debits-tie": checks_debits.direct_debits_tie,
    "cash-ties": checks_cash.cash_ties,
    "disputes-tie": checks_disputes.disputes_tie,
    "deliveries-tie": checks_deliveries.deliveries_tie,
    "revenue-within": checks_revenue.revenue_within,
    "revenue-ties": checks_revenue.revenue_ties,
    "revenue-contracts-tie": checks_revenue_contracts.revenue_contracts_tie,
}
"""All checks by name."""
