"""Reads of wallets: what is in them, and what has moved."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final

import sqlalchemy as sa

from engine.base.money import ZERO
from engine.model.account import Account
from engine.model.wallet import Lot, Purse, Wallet
from engine.store import query, types
from engine.store.reading.base import ACCOUNT_COLUMNS
from engine.store.session import Session
from engine.store.tables import ACCOUNT, LOT_LEFT, WALLET, WALLET_LOT, WALLET_MOVEMENT, WALLET_STATE

_TERMS: Final = ("name", "unit", "unit_rate", "floor", "low", "priority")
_LISTS: Final = ("charges", "meters", "products")
_LOT: Final = (
    *("id", "key", "kind", "granted_on", "expires_on", "priority", "currency", "amount", "cost"),
    *("functional_currency", "functional_amount"),
)

Part = tuple[Lot, Decimal]


def _purses(tenant: str, entity: str) -> sa.Select[Any]:
    state, terms, owner = WALLET_STATE.c, WALLET.c, ACCOUNT.c
    mine = sa.and_(
        *(owner[name] == state[name] for name in ("tenant", "entity")), owner.key == state.account, owner.current
    )
    told = sa.and_(*(terms[name] == state[name] for name in ("tenant", "entity", "key")), terms.current)
    return (
        sa.select(
            state.key,
            state.currency,
            state.balance,
            state.version,
            terms.id.label("terms"),
            *(terms[name].label(f"w_{name}") for name in (*_TERMS, *_LISTS)),
            *(column.label(f"a_{column.name}") for column in ACCOUNT_COLUMNS),
        )
        .join_from(WALLET_STATE, ACCOUNT, mine)
        .join(WALLET, told, isouter=True)
        .where(state.tenant == tenant, state.entity == entity)
        .order_by(state.key)
    )


def _wallet(row: Any, account: Account) -> Wallet:
    head: tuple[Any, ...] = (account.tenant, account.entity, row.key, account.key, row.currency)
    if row.terms is None:
        return Wallet(*head)
    given = row._mapping
    lists = (tuple(key.strip() for key in given[f"w_{name}"].split(";") if key.strip()) for name in _LISTS)
    return Wallet(*head, *(given[f"w_{name}"] for name in _TERMS), *lists)


def _lot(row: Any) -> Lot:
    cost = row.amount if row.cost is None else row.cost
    head = (row.id, row.key, row.wallet, row.kind, row.granted_on, row.expires_on, row.priority, row.currency)
    return Lot(*head, row.amount, cost, row.functional_currency, row.functional_amount, row.left)


def _lots() -> sa.Select[Any]:
    lot, left = WALLET_LOT.c, LOT_LEFT.c
    fields = (*(lot[name] for name in _LOT), left.wallet, left.amount.label("left"))
    return sa.select(*fields).join_from(LOT_LEFT, WALLET_LOT, lot.id == left.lot_id).order_by(lot.id)


class WalletsReader(Session):
    """Reads wallets."""

    def purses_paying(self, tenant: str, entity: str, low: str, high: str) -> list[Purse]:
        """The wallets of all accounts whose payer is from ``low`` to ``high``, in order of key.

        It is one look into an index where the legal entity has no wallet, and reads no wallet of other payers where it has.
        """
        state, owner = WALLET_STATE.c, ACCOUNT.c
        any_ = sa.select(sa.literal(1)).where(state.tenant == tenant, state.entity == entity).limit(1)
        if self.connection.execute(any_).scalar() is None:
            return []
        mine = (owner.tenant == tenant, owner.entity == entity, owner.current, owner.payer.between(low, high))
        accounts = list(self.connection.execute(sa.select(owner.key).where(*mine)).scalars())
        theirs = query.among(self.dialect, state.account, "accounts", types.TextList)
        return [purse for purse, _, _ in self._read(tenant, entity, theirs, {"accounts": accounts})]

    def purse(self, tenant: str, entity: str, key: str) -> tuple[Purse, Decimal, int] | None:
        """A wallet with its balance and the number of its newest movement; None where there is none."""
        found = self._read(tenant, entity, WALLET_STATE.c.key == key, {})
        return found[0] if found else None

    def purses(self, tenant: str, entity: str, account: str = "") -> list[tuple[Purse, Decimal, int]]:
        """Wallets of a legal entity, or of one of its accounts, as :meth:`purse` gives them."""
        mine = WALLET_STATE.c.account == account if account else sa.true()
        return self._read(tenant, entity, mine, {})

    def wallet_entities(self, tenant: str, key: str) -> list[str]:
        """The legal entities that have a wallet of that key."""
        state = WALLET_STATE.c
        rows = self.rows(sa.select(state.entity).where(state.tenant == tenant, state.key == key).order_by(state.entity))
        return [row.entity for row in rows]

    def wallet_keys(self, tenant: str, limit: int = 500) -> list[str]:
        """Keys of wallets, for suggestions."""
        state = WALLET_STATE.c
        return list(self.connection.execute(sa.select(state.key).where(state.tenant == tenant).limit(limit)).scalars())

    def lots_of(self, tenant: str, entity: str, wallet: str) -> list[Lot]:
        """All lots of a wallet, used up or not, in order of id."""
        left = LOT_LEFT.c
        mine = (left.tenant == tenant, left.entity == entity, left.wallet == wallet)
        return [_lot(row) for row in self.rows(_lots().where(*mine))]

    def lot_named(self, tenant: str, entity: str, key: str) -> Lot | None:
        """The lot of that key."""
        lot = WALLET_LOT.c
        rows = self.rows(_lots().where(lot.tenant == tenant, lot.entity == entity, lot.key == key))
        return _lot(rows[0]) if rows else None

    def expired(self, tenant: str, on: date, limit: int, after: tuple[str, str] = ("", "")) -> list[tuple[str, Lot]]:
        """(legal entity, lot) of lots that have expired on a day and in which something is left, wallet by wallet: those of
        the wallets that come ``after`` a (legal entity, wallet)."""
        lot, left = WALLET_LOT.c, LOT_LEFT.c
        entity, wallet = after
        live: Any = sa.literal_column("lot_left.amount <> 0")
        due = (left.tenant == tenant, live, left.entity >= entity, lot.expires_on <= on)
        next_ = (left.entity > entity) | (left.wallet > wallet)
        statement = _lots().add_columns(left.entity.label("owner")).where(*due, next_)
        statement = statement.order_by(None).order_by(left.entity, left.wallet, lot.id).limit(limit)
        return [(row.owner, _lot(row)) for row in self.rows(statement)]

    def movements(
        self, tenant: str, entity: str, wallet: str, after: int = 0, limit: int = 100
    ) -> list[dict[str, Any]]:
        """Movements of a wallet by column name, with the key of the lot: the oldest after number ``after``."""
        move = WALLET_MOVEMENT.c
        mine = (move.tenant == tenant, move.entity == entity, move.wallet == wallet, move.number > after)
        return self._told(sa.and_(*mine), move.number, limit)

    def moved_by(self, tenant: str, entity: str, wallet: str, key: str) -> list[dict[str, Any]]:
        """The movements of one act, by its key."""
        move = WALLET_MOVEMENT.c
        mine = (move.tenant == tenant, move.entity == entity, move.wallet == wallet, move.key == key)
        return self._told(sa.and_(*mine), move.part, None)

    def moved_for(self, documents: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
        """The movements behind documents (invoices, or acts of their own), by the document."""
        found: dict[int, list[dict[str, Any]]] = defaultdict(list)
        wanted = query.among(self.dialect, WALLET_MOVEMENT.c.document, "documents")
        for row in self._told(wanted, WALLET_MOVEMENT.c.id, None, {"documents": list(documents)}):
            found[row["document"]].append(row)
        return found

    def paid_for(self, lines: Iterable[int]) -> dict[int, tuple[Part, ...]]:
        """What wallets have paid for invoice lines and not been given back: (lot, amount) by line, in the order of payment."""
        move = WALLET_MOVEMENT.c
        given = {"lines": sorted(set(lines))}
        wanted: Any = (
            query.among(self.dialect, move.line_id, "lines"),
            sa.literal_column("wallet_movement.line_id <> 0"),
        )
        statement = sa.select(move.line_id, move.lot_id, move.amount).where(*wanted).order_by(move.id)
        sums: dict[int, dict[int, Decimal]] = defaultdict(dict)
        for line, lot, amount in self.connection.execute(statement, given):
            sums[line][lot] = sums[line].get(lot, ZERO) - amount
        if not sums:
            return {}
        lots = self._lots_by_id({lot for parts in sums.values() for lot in parts})
        return {
            line: tuple((lots[lot], amount) for lot, amount in parts.items() if amount) for line, parts in sums.items()
        }

    def _lots_by_id(self, ids: Iterable[int]) -> Mapping[int, Lot]:
        wanted = query.among(self.dialect, WALLET_LOT.c.id, "ids")
        return {row.id: _lot(row) for row in self.connection.execute(_lots().where(wanted), {"ids": sorted(ids)})}

    def _read(
        self, tenant: str, entity: str, condition: sa.ColumnElement[bool], given: Mapping[str, Any]
    ) -> list[tuple[Purse, Decimal, int]]:
        rows = self.connection.execute(_purses(tenant, entity).where(condition), dict(given)).all()
        if not rows:
            return []
        left, lots = LOT_LEFT.c, defaultdict[str, list[Lot]](list)
        wanted = query.among(self.dialect, left.wallet, "wallets", types.TextList)
        live: Any = (left.tenant == tenant, left.entity == entity, wanted, sa.literal_column("lot_left.amount <> 0"))
        for row in self.connection.execute(_lots().where(*live), {"wallets": [row.key for row in rows]}):
            lots[row.wallet].append(_lot(row))
        found = []
        for row in rows:
            account = Account(*(row._mapping[f"a_{column.name}"] for column in ACCOUNT_COLUMNS))
            found.append((Purse(_wallet(row, account), account, tuple(lots[row.key])), row.balance, row.version))
        return found

    def _told(
        self,
        condition: sa.ColumnElement[bool],
        order: sa.ColumnElement[Any],
        limit: int | None,
        given: Mapping[str, Any] | None = None,
    ) -> list[dict[str, Any]]:
        statement = sa.select(WALLET_MOVEMENT, WALLET_LOT.c.key.label("lot")).join_from(
            WALLET_MOVEMENT, WALLET_LOT, WALLET_LOT.c.id == WALLET_MOVEMENT.c.lot_id
        )
        rows = self.connection.execute(statement.where(condition).order_by(order).limit(limit), dict(given or {}))
        return [dict(row._mapping) for row in rows]
