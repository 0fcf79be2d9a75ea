"""Checks of revaluations: each is turned round on the next day, and moves what is owed in money alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

import msgspec
import sqlalchemy as sa

from engine.base.errors import Code, Finding, Where
from engine.base.money import ZERO
from engine.model.revaluation import BACK, KIND
from engine.store import query, types
from engine.store.session import Session
from engine.store.tables import ENTRY, GL_ACCOUNT, POSTING, REVALUATION

REVALUED = Code("ledger.revaluation-differs", "A revaluation that the ledger does not agree with, or that stays.")

_RESULT: Final = frozenset({"income", "expense"})


class _Head(msgspec.Struct, frozen=True):
    """All rows of a document together: what they gain and lose beyond the rows of earlier rounds."""

    document: int
    entity: str
    on: date
    account: str
    currency: str
    gained: Decimal
    lost: Decimal

    @property
    def net(self) -> Decimal:
        """What the account is moved by."""
        return self.gained + self.lost

    @property
    def name(self) -> str:
        return f"revaluation/{self.entity}/{self.on}/{self.account}/{self.currency}"


class _Posted(msgspec.Struct):
    """What one kind of entry has posted for a document: days, amounts in functional currency by account, whether any posting
    has an amount in transaction currency."""

    days: set[date]
    amounts: dict[str, Decimal]
    moved: bool = False


def revaluations_tie(session: Session, tenant: str) -> list[Finding]:
    """Every revaluation has its two entries, which cancel out on two days in a row; and what they move beside profit and loss
    is an account of money, of the amount that the customers' differences come to."""
    heads, posted = _heads(session, tenant), _posted(session, tenant)
    kinds, lines = _kinds(session, tenant), _of_lines(session, tenant, sorted({head.account for head in heads}))
    findings = [
        _differs(head.name, what)
        for head in heads
        for what in _flaws(head, posted[head.document], kinds, head.account in lines)
    ]
    known = {head.document for head in heads}
    alone = [document for document in posted if document not in known]
    return findings + [
        _differs(f"entry/{document}", f"entries of document {document} revalue nothing") for document in sorted(alone)
    ]


def _flaws(head: _Head, posted: dict[str, _Posted], kinds: dict[str, str], of_lines: bool) -> Iterator[str]:
    if of_lines:
        yield f"GL account {head.account} holds what invoice lines were posted to, which keeps its rate"
    there, back = posted.get(KIND), posted.get(BACK)
    if there is None or back is None:
        if head.gained or head.lost or there or back:
            yield f"it has {'no entry' if there is None else 'no entry that turns it round'}"
        return
    if there.days != {head.on} or back.days != {head.on + timedelta(days=1)}:
        yield f"its entries are of {_days(there)} and {_days(back)}"
    accounts = there.amounts.keys() | back.amounts.keys()
    stays = {a: there.amounts.get(a, ZERO) + back.amounts.get(a, ZERO) for a in accounts}
    for account, amount in sorted(stays.items()):
        if amount:
            yield f"{amount:f} stays on GL account {account}"
    if there.moved or back.moved:
        yield "its entries move amounts in transaction currency"
    own = there.amounts.get(head.account, ZERO)
    if own != head.net:
        yield f"GL account {head.account} was moved by {own:f}, its customers differ by {head.net:f}"
    others = sorted(a for a in accounts - {head.account} if kinds.get(a, "income") not in _RESULT)
    if others:
        yield f"GL account {others[0]} was moved, which is no income and no expense"


def _days(posted: _Posted) -> str:
    return ", ".join(map(str, sorted(posted.days)))


def _heads(session: Session, tenant: str) -> list[_Head]:
    one = REVALUATION.c
    kind = one.worth.type
    off = sa.type_coerce(one.worth - one.functional_amount, kind)
    balance = (one.entity, one.on_day, one.account, one.currency, one.customer)
    earlier = sa.type_coerce(
        sa.func.coalesce(sa.func.lag(off).over(partition_by=balance, order_by=one.id), sa.literal(0, kind)), kind
    )
    rows = sa.select(one.document, *balance, off.label("off"), earlier.label("earlier")).where(one.tenant == tenant)
    row, nothing = rows.subquery().c, sa.literal(0, kind)

    def booked(counts: Callable[[sa.ColumnElement[Any]], sa.ColumnElement[bool]]) -> sa.ColumnElement[Any]:
        now, before = (sa.case((counts(side), side), else_=nothing) for side in (row.off, row.earlier))
        return sa.func.sum(sa.type_coerce(now - before, kind), type_=kind)

    keys = (row.document, row.entity, row.on_day, row.account, row.currency)
    sums = (booked(lambda side: side > 0), booked(lambda side: side < 0))
    return [_Head(*found) for found in session.rows(sa.select(*keys, *sums).group_by(*keys))]


def _posted(session: Session, tenant: str) -> dict[int, dict[str, _Posted]]:
    entry, posting = ENTRY.c, POSTING.c
    fields = (entry.document, entry.kind, entry.posting_date, posting.account)
    statement = sa.select(*fields, posting.functional_amount, posting.amount).join_from(
        ENTRY, POSTING, posting.entry_id == entry.id
    )
    found: dict[int, dict[str, _Posted]] = defaultdict(dict)
    for row in session.rows(statement.where(entry.tenant == tenant, entry.kind.in_((KIND, BACK)))):
        one = found[row.document].setdefault(row.kind, _Posted(set(), {}))
        one.days.add(row.posting_date)
        one.amounts[row.account] = one.amounts.get(row.account, ZERO) + row.functional_amount
        one.moved = one.moved or bool(row.amount)
    return found


def _kinds(session: Session, tenant: str) -> dict[str, str]:
    """The kind of each GL account of the chart."""
    account = GL_ACCOUNT.c
    rows = session.rows(sa.select(account.code, account.kind).where(account.tenant == tenant, account.current))
    return dict(tuple(row) for row in rows)


def _of_lines(session: Session, tenant: str, accounts: list[str]) -> set[str]:
    """Those of the accounts that a line of an invoice was posted to: contract liabilities, revenue and tax."""
    if not accounts:
        return set()
    posting = POSTING.c
    wanted = query.among(session.dialect, posting.account, "accounts", types.TextList)
    mine: Any = (posting.tenant == tenant, posting.line_id != 0, wanted)
    rows = session.connection.execute(sa.select(posting.account).where(*mine).distinct(), {"accounts": accounts})
    return set(rows.scalars())


def _differs(place: str, what: str) -> Finding:
    return Finding(
        REVALUED,
        Where(place),
        f"{place}: {what}",
        "a revaluation is turned round on the next day, and moves what is received or paid in money alone",
        "nothing may change a posting or a revaluation; find what did, and restore the books",
        subject=place,
    )
