"""Checks of wallets: what is left is what moved, nothing is below zero, and the ledger owes what the wallets say."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from engine.base.errors import Code, Finding, Where
from engine.store.session import Session
from engine.store.tables import ENTRY, LOT_LEFT, POSTING, WALLET_LOT, WALLET_MOVEMENT, WALLET_STATE

NOT_TIED = Code("wallet.not-tied", "A wallet that its movements, its lots or the ledger do not agree with.")


def wallets_tie(session: Session, tenant: str) -> list[Finding]:
    """Every wallet's balance is what moved and what is left of its lots, and the liability is what the lots have cost."""
    return [
        *_lots_tie(session, tenant),
        *_balances_tie(session, tenant),
        *_numbered(session, tenant),
        *_ledger_ties(session, tenant),
    ]


def is_moved(document: sa.ColumnElement[int]) -> sa.ColumnElement[bool]:
    """Whether a document is an act of a wallet instead of an invoice."""
    return sa.exists().where(WALLET_MOVEMENT.c.document == document)


def _lots_tie(session: Session, tenant: str) -> list[Finding]:
    """What is left of a lot is what there was of it and what moved since, from nothing to all of it."""
    lot, left, move = WALLET_LOT.c, LOT_LEFT.c, WALLET_MOVEMENT.c
    kind = move.amount.type
    sums = (
        sa.select(move.lot_id, sa.func.sum(move.amount, type_=kind).label("moved"))
        .where(move.tenant == tenant, move.kind != "grant")
        .group_by(move.lot_id)
        .subquery()
    )
    moved = sa.func.coalesce(sums.c.moved, sa.literal(Decimal(0), kind), type_=kind)
    statement = (
        sa.select(lot.entity, lot.key, lot.amount, left.amount.label("left"), moved.label("moved"))
        .join_from(WALLET_LOT, LOT_LEFT, left.lot_id == lot.id, isouter=True)
        .join(sums, sums.c.lot_id == lot.id, isouter=True)
        .where(lot.tenant == tenant)
        .where(
            left.amount.is_(None) | (left.amount != lot.amount + moved) | (left.amount < 0) | (left.amount > lot.amount)
        )
    )
    return [
        _not_tied(
            f"lot {row.key} of {row.entity} has {_told(row.left)} left of {row.amount:f}, and {row.moved:f} moved",
            f"wallet-lot/{row.entity}/{row.key}",
        )
        for row in session.rows(statement.order_by(lot.id))
    ]


def _balances_tie(session: Session, tenant: str) -> list[Finding]:
    """A balance is what is left of the lots in the wallet, and what its newest movement says."""
    state, left, move = WALLET_STATE.c, LOT_LEFT.c, WALLET_MOVEMENT.c
    kind = state.balance.type
    same = (left.tenant == state.tenant, left.entity == state.entity, left.wallet == state.key)
    there = sa.select(sa.func.sum(left.amount, type_=kind)).where(*same).scalar_subquery()
    mine = (move.tenant == state.tenant, move.entity == state.entity, move.wallet == state.key)
    last = sa.select(move.balance).where(*mine, move.number == state.version).scalar_subquery()
    newest = sa.select(sa.func.max(move.number)).where(*mine).scalar_subquery()
    zero = sa.literal(Decimal(0), kind)
    lots = sa.func.coalesce(there, zero, type_=kind)
    wrong = (lots != state.balance) | (state.balance < 0) | (sa.func.coalesce(newest, 0) != state.version)
    said = (state.version > 0) & (sa.func.coalesce(last, sa.literal(Decimal(-1), kind), type_=kind) != state.balance)
    fields = (state.entity, state.key, state.balance, state.version, lots.label("lots"), newest.label("newest"))
    statement = sa.select(*fields).where(state.tenant == tenant, wrong | said).order_by(state.entity, state.key)
    return [
        _not_tied(
            f"wallet {row.key} of {row.entity} says {row.balance:f} after movement {row.version}, "
            f"its lots {row.lots:f}, its newest movement is {_told(row.newest)}",
            f"wallet/{row.entity}/{row.key}",
        )
        for row in session.rows(statement)
    ]


def _numbered(session: Session, tenant: str) -> list[Finding]:
    """Movements of a wallet are numbered without a gap, each balance is the one before and what moved, none is below zero."""
    move = WALLET_MOVEMENT.c
    within: dict[str, Any] = {"partition_by": (move.entity, move.wallet), "order_by": move.number}
    kind = move.balance.type
    rows = (
        sa.select(
            *(move.entity, move.wallet, move.number, move.amount, move.balance),
            sa.func.lag(move.number).over(**within).label("before"),
            sa.func.lag(move.balance, type_=kind).over(**within).label("had"),
        )
        .where(move.tenant == tenant)
        .subquery()
    )
    one = rows.c
    gap = sa.func.coalesce(one.before, 0) + 1 != one.number
    off = one.before.is_not(None) & (one.had + one.amount != one.balance)
    statement = sa.select(rows).where(gap | off | (one.balance < 0))
    return [
        _not_tied(
            f"movement {row.number} of wallet {row.wallet} of {row.entity} leaves {row.balance:f} after {row.amount:f}, "
            f"the one before it, {_told(row.before)}, left {_told(row.had)}",
            f"wallet/{row.entity}/{row.wallet}",
        )
        for row in session.rows(statement.order_by(one.entity, one.wallet, one.number))
    ]


def _ledger_ties(session: Session, tenant: str) -> list[Finding]:
    """The first postings of an act's entry, one for each movement that changes the liability, come to what it says."""
    move, posting, entry = WALLET_MOVEMENT.c, POSTING.c, ENTRY.c
    kind = move.cost.type
    counts = sa.case(((move.cost != 0) | (move.functional != 0), 1), else_=0)
    acts = (
        sa.select(
            move.document,
            sa.func.sum(move.cost, type_=kind).label("cost"),
            sa.func.sum(move.functional, type_=kind).label("worth"),
            sa.func.sum(counts).label("count"),
        )
        .where(move.tenant == tenant)
        .group_by(move.document)
        .subquery()
    )
    posted = (
        sa.select(
            acts.c.document,
            sa.func.sum(posting.amount, type_=kind).label("amount"),
            sa.func.sum(posting.functional_amount, type_=kind).label("functional"),
        )
        .join_from(acts, ENTRY, (entry.document == acts.c.document) & entry.kind.in_(("wallet", "opening")))
        .join(POSTING, (posting.entry_id == entry.id) & (posting.number <= acts.c.count))
        .where(entry.tenant == tenant)
        .group_by(acts.c.document)
        .subquery()
    )
    zero = sa.literal(Decimal(0), kind)
    amount = sa.func.coalesce(posted.c.amount, zero, type_=kind)
    functional = sa.func.coalesce(posted.c.functional, zero, type_=kind)
    statement = (
        sa.select(acts.c.document, acts.c.cost, acts.c.worth, amount.label("amount"), functional.label("functional"))
        .join_from(acts, posted, posted.c.document == acts.c.document, isouter=True)
        .where((amount + acts.c.cost != zero) | (functional + acts.c.worth != zero))
        .order_by(acts.c.document)
    )
    alone = (
        sa.select(entry.id)
        .where(entry.tenant == tenant, entry.kind == "wallet")
        .where(~sa.exists().where(move.document == entry.document))
        .order_by(entry.id)
    )
    found = [
        _not_tied(
            f"the movements of document {row.document} change the liability by {row.cost:f} ({row.worth:f}), "
            f"the ledger by {-row.amount:f} ({-row.functional:f})",
            f"entry/{row.document}",
        )
        for row in session.rows(statement)
    ]
    return found + [
        _not_tied(f"entry {row[0]} has no movement behind it", f"entry/{row[0]}") for row in session.rows(alone)
    ]


def _told(value: Any) -> str:
    return "nothing" if value is None else f"{value:f}" if isinstance(value, Decimal) else str(value)


def _not_tied(what: str, subject: str) -> Finding:
    return Finding(
        NOT_TIED,
        Where(subject),
        what,
        "movements are only ever appended, and what is left is changed with them",
        "find what changed it, and restore the books",
        subject=subject,
    )
