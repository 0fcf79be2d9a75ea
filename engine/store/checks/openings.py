"""Checks of what was brought over: subledgers and ledger agree, and old lines are neither billed nor given back twice."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

import sqlalchemy as sa

from engine.base.errors import Code, Finding, Where
from engine.base.money import ZERO
from engine.base.period import Period, subtract
from engine.model.accrual import OWED
from engine.model.cash import ENTRY_KIND, USE_KIND
from engine.model.revaluation import BACK, KIND
from engine.model.revenue import KIND as RECOGNITION
from engine.store.checks import wallets as checks_wallets
from engine.store.session import Session
from engine.store.tables import (
    CASH_ON_ACCOUNT,
    DEFERRAL,
    ENTRY,
    INVOICE_LINE,
    OPENING_BALANCE,
    OPENING_LINE,
    OPENING_NUMBER,
    POSTING,
    RECEIVABLE,
    SERIES,
    WALLET_LOT,
)

NOT_TIED = Code("cutover.not-tied", "An opening balance that the ledger, or its control total, does not agree with.")
OLD_TWICE = Code(
    "cutover.billed-twice", "Days that the old system billed and that are billed here as well, or given back twice."
)

Totals = Mapping[tuple[str, str, str, str], tuple[Decimal, Decimal]]
"""(legal entity, cut-over, GL account, currency) -> amount, functional amount."""

_DOCUMENTS: Final = (
    (RECEIVABLE, "number", True),
    (CASH_ON_ACCOUNT, "key", False),
    (WALLET_LOT, "key", False),
    (DEFERRAL, "key", False),
)
"""Subledgers that openings are in: table, column that names a row, whether its amounts are debits."""


def _documents(tenant: str) -> sa.Subquery:
    """Rows of the subledgers that were brought over, as (id, table, name, entity, cut-over, amounts as they are posted)."""
    return sa.union_all(
        *(
            sa.select(
                table.c.id,
                sa.literal(table.name).label("subledger"),
                table.c[name].label("name"),
                table.c.entity,
                table.c.cutover,
                *(
                    (table.c[amount] if debit else -table.c[amount]).label(amount)
                    for amount in ("amount", "functional_amount")
                ),
            ).where(table.c.tenant == tenant, table.c.cutover != "")
            for table, name, debit in _DOCUMENTS
        )
    ).subquery("document")


def _posted(tenant: str) -> sa.Subquery:
    """The own side of each opening entry; the other one is that of opening balances."""
    posting, entry = POSTING.c, ENTRY.c
    fields = (entry.document, posting.account, posting.currency, posting.amount, posting.functional_amount)
    return (
        sa.select(*fields)
        .join_from(ENTRY, POSTING, posting.entry_id == entry.id)
        .where(entry.tenant == tenant, entry.kind == "opening", posting.number == 1)
        .subquery("posted")
    )


def totals(session: Session, tenant: str) -> Totals:
    """What the opening entries of each cut-over come to, by GL account and currency."""
    posted, document = _posted(tenant), _documents(tenant)
    kind = POSTING.c.amount.type
    keys = (document.c.entity, document.c.cutover, posted.c.account, posted.c.currency)
    sums = (sa.func.sum(posted.c[name], type_=kind) for name in ("amount", "functional_amount"))
    joined = sa.select(*keys, *sums).join_from(posted, document, document.c.id == posted.c.document)
    return {tuple(row[:4]): (row[4], row[5]) for row in session.rows(joined.group_by(*keys))}


def gives_back_old(credits: sa.ColumnElement[int]) -> sa.ColumnElement[bool]:
    """Whether a credit is on a line of the old system."""
    return sa.exists().where(OPENING_LINE.c.id == credits)


def numbered_before(tenant: str, entity: sa.ColumnElement[str], series: sa.ColumnElement[str]) -> sa.ColumnElement[int]:
    """The last number that the old system gave in a series; 0 where it gave none."""
    number = OPENING_NUMBER.c
    mine = (number.tenant == tenant, number.entity == entity, number.series == series)
    return sa.func.coalesce(sa.select(number.last_number).where(*mine).scalar_subquery(), 0)


def elsewhere(child: str, link: str) -> list[sa.ColumnElement[bool]]:
    """Conditions that leave out rows which name a record of the cut-over instead of the usual one."""
    if (child, link) == ("entry", "document"):
        kinds = ("opening", "settlement", "dispute", "payout", ENTRY_KIND, USE_KIND, KIND, BACK, RECOGNITION, *OWED)
        fees = ENTRY.c.kind != "direct_debit_fee"
        return [ENTRY.c.kind.not_in(kinds), fees, ~checks_wallets.is_moved(ENTRY.c.document)]
    if (child, link) == ("invoice_line", "credits"):
        return [~gives_back_old(INVOICE_LINE.c.credits)]
    return []


def openings_tie(session: Session, tenant: str) -> list[Finding]:
    """Every balance that was brought over is posted as it is, every opening entry has its balance, and control totals agree."""
    return [*_documents_tie(session, tenant), *_totals_tie(session, tenant), *_numbers_tie(session, tenant)]


def _documents_tie(session: Session, tenant: str) -> list[Finding]:
    posted, document = _posted(tenant), _documents(tenant)
    differs = (posted.c.amount != document.c.amount) | (posted.c.functional_amount != document.c.functional_amount)
    fields = (document.c.subledger, document.c.entity, document.c.name)
    unposted = (
        sa.select(*fields)
        .join_from(document, posted, posted.c.document == document.c.id, isouter=True)
        .where(posted.c.document.is_(None) | differs)
        .order_by(*fields)
    )
    alone = (
        sa.select(posted.c.document)
        .join_from(posted, document, document.c.id == posted.c.document, isouter=True)
        .where(document.c.id.is_(None))
        .order_by(posted.c.document)
    )
    found = [
        (f"{row.subledger.replace('_', ' ')} {row.entity}/{row.name} is not posted as it came over", row.name)
        for row in session.rows(unposted)
    ]
    found += [
        (f"the opening entry of document {row[0]} has no balance behind it", row[0]) for row in session.rows(alone)
    ]
    return [_not_tied(what, f"opening/{name}") for what, name in found]


def _totals_tie(session: Session, tenant: str) -> list[Finding]:
    came, said = totals(session, tenant), OPENING_BALANCE.c
    rows = session.rows(sa.select(OPENING_BALANCE).where(said.tenant == tenant).order_by(said.id))
    return [
        _not_tied(
            f"account {row.account} of {row.entity} came over with {amount:f} {row.currency}, "
            f"the old general ledger says {row.amount:f}",
            f"account/{row.account}",
        )
        for row in rows
        for amount, worth in [came.get((row.entity, row.cutover, row.account, row.currency), (ZERO, ZERO))]
        if (amount, worth) != (row.amount, row.functional_amount)
    ]


def _numbers_tie(session: Session, tenant: str) -> list[Finding]:
    number, series = OPENING_NUMBER.c, SERIES.c
    same = (series.tenant == number.tenant) & (series.entity == number.entity) & (series.series == number.series)
    statement = (
        sa.select(number.entity, number.series, number.last_number, series.next)
        .join_from(OPENING_NUMBER, SERIES, same, isouter=True)
        .where(number.tenant == tenant, series.next.is_(None) | (series.next <= number.last_number))
    )
    return [
        _not_tied(f"series {row.series} of {row.entity} goes on with {row.next} after {row.last_number}", row.series)
        for row in session.rows(statement.order_by(number.id))
    ]


def _not_tied(what: str, subject: str) -> Finding:
    return Finding(
        NOT_TIED,
        Where(subject),
        what,
        "what is brought over is loaded once, and never changes",
        "find what changed it, and restore the books",
        subject=subject,
    )


def old_lines_once(session: Session, tenant: str) -> list[Finding]:
    """Days of old recurring lines that are billed here were given back before, once."""
    old, mine = OPENING_LINE.c, INVOICE_LINE.c
    same = (mine.subscription_id == old.subscription_id) & (mine.charge == old.charge)
    touch = same & (mine.service_from < old.service_to) & (mine.service_to > old.service_from)
    fields = (old.id, old.subscription, old.charge, old.service_from, old.service_to)
    ours = (mine.service_from.label("first"), mine.service_to.label("end"), mine.credits)
    statement = (
        sa.select(*fields, *ours)
        .join_from(OPENING_LINE, INVOICE_LINE, touch)
        .where(old.tenant == tenant, old.kind == "recurring", old.credits == 0)
        .where((mine.credits == 0) | (mine.credits == old.id))
        .order_by(old.id, mine.id)
    )
    by_line: dict[Any, list[Any]] = defaultdict(list)
    for row in session.rows(statement):
        by_line[row.id, row.subscription, row.charge].append(row)
    theirs = _credits_of_old(session, tenant)
    return [
        _twice(subscription, charge, days)
        for (ident, subscription, charge), rows in by_line.items()
        if (days := _overlap(rows, theirs.get(ident, [])))
    ]


def _overlap(rows: list[Any], given: list[Period]) -> list[Period]:
    """Days of an old line that are billed here and not given back, or given back twice."""
    line = Period(rows[0].service_from, rows[0].service_to)
    back = [*given, *(Period(row.first, row.end) for row in rows if row.credits)]
    twice = [days for i, one in enumerate(back) for other in back[i + 1 :] if (days := one.meet(other))]
    left = subtract([line], back)
    charged = [Period(row.first, row.end) for row in rows if not row.credits]
    return twice + [days for one in charged for other in left if (days := one.meet(other))]


def _credits_of_old(session: Session, tenant: str) -> dict[int, list[Period]]:
    line = OPENING_LINE.c
    rows = session.rows(
        sa.select(line.credits, line.service_from, line.service_to).where(line.tenant == tenant, line.credits != 0)
    )
    found: dict[int, list[Period]] = defaultdict(list)
    for row in rows:
        found[row.credits].append(Period(row.service_from, row.service_to))
    return found


def _twice(subscription: str, charge: str, days: list[Period]) -> Finding:
    return Finding(
        OLD_TWICE,
        Where(f"subscription/{subscription}"),
        f"charge {charge} of subscription {subscription}: {', '.join(map(str, sorted(set(days))))} were billed by the old "
        "system and are billed here, or given back twice",
        why="a day is billed once, whoever bills it",
        mend="look at the lines of the subscription; give back what is too much with a credit",
        subject=f"subscription/{subscription}",
    )
