"""Writes of wallets: lots are put in, movements are appended, and what is left is kept with them.

Whoever moves something in a wallet has locked its row of ``wallet_state`` before (:meth:`WalletsWriter.lock_wallets`), always
in the order of keys.  What is left is then changed on the condition that it is what it was and stays above the floor, so
that a program which forgot to lock is refused instead of losing money.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final

import msgspec
import sqlalchemy as sa

from engine.base.errors import Code, refuse
from engine.model.wallet import Lot, Move
from engine.store import bulk, query, types
from engine.store.tables import LOT_LEFT, WALLET_LOT, WALLET_MOVEMENT, WALLET_STATE
from engine.store.writing.base import WriterBase

OVERDRAWN = Code("wallet.overdrawn", "A movement that would leave less in a wallet or a lot than there may be.")

OTHER_ACCOUNT = Code("wallet.other-account", "A wallet under the key of one of another account or currency.")

BLOCK: Final = "invoice"
"""Name of the block that ids of lots and of movements come from: an id never means two documents."""

Key = tuple[str, str]
"""(legal entity, wallet)."""


class Act(msgspec.Struct, frozen=True):
    """Something that happens once: the moves of one wallet that belong together.

    ``key`` identifies it within the wallet; ``digest`` says what was asked for, so that the same key for something else is
    seen; ``floor`` is what has to be left, None where that does not matter; ``invoice`` and ``document`` name what was paid,
    or the document is that of the act itself (0).
    """

    entity: str
    wallet: str
    key: str
    day: date
    moves: tuple[Move, ...]
    digest: str = ""
    floor: Decimal | None = None
    invoice: str = ""
    document: int = 0


class State(msgspec.Struct, frozen=True):
    """What a wallet comes to, under lock."""

    balance: Decimal
    version: int


class WalletsWriter(WriterBase):
    """Writes wallets."""

    def open_wallets(self, tenant: str, wallets: Iterable[tuple[str, str, str, str]]) -> int:
        """Wallets (legal entity, key, account, currency) that are not there yet begin empty; how many.

        Raises:
            TollbookError: ``wallet.other-account``.
        """
        names = ("entity", "key", "account", "currency")
        rows = [
            {"tenant": tenant, **dict(zip(names, one, strict=True)), "balance": Decimal(0), "version": 0}
            for one in sorted(set(wallets))
        ]
        with self._spoiling():
            new = self._insert_or_ignore(WALLET_STATE, rows)
        if new < len(rows):
            self._refuse_others(tenant, rows)
        if new:
            self.audit("open wallets", WALLET_STATE.name, None, {"rows": new}, tenant=tenant)
        return new

    def _refuse_others(self, tenant: str, rows: Sequence[Mapping[str, Any]]) -> None:
        state = WALLET_STATE.c
        wanted = query.among(self.dialect, state.key, "wanted", types.TextList)
        fields = (state.entity, state.key, state.account, state.currency)
        statement = sa.select(*fields).where(state.tenant == tenant, wanted)
        found = self.connection.execute(statement, {"wanted": [row["key"] for row in rows]})
        there = {(entity, key): rest for entity, key, *rest in found}
        for row in rows:
            account, currency = there[row["entity"], row["key"]]
            if (account, currency) != (row["account"], row["currency"]):
                what = f"wallet {row['key']} of {row['entity']} is of account {account}, in {currency}"
                mend = "give another wallet a key of its own"
                raise refuse(OTHER_ACCOUNT, what, mend=mend, subject=f"wallet/{row['entity']}/{row['key']}")

    def lock_wallets(self, tenant: str, keys: Iterable[Key]) -> dict[Key, State]:
        """Wallets as they are now; nobody else moves anything in them until this transaction ends."""
        state, found = WALLET_STATE.c, dict[Key, State]()
        by_entity: dict[str, set[str]] = {}
        for entity, key in keys:
            by_entity.setdefault(entity, set()).add(key)
        for entity, wanted in sorted(by_entity.items()):
            mine = (state.tenant == tenant, state.entity == entity)
            among = query.among(self.dialect, state.key, "wanted", types.TextList)
            statement = sa.select(state.key, state.balance, state.version).where(*mine, among).order_by(state.key)
            for row in self.connection.execute(statement.with_for_update(), {"wanted": sorted(wanted)}):
                found[entity, row.key] = State(row.balance, row.version)
        return found

    def put_lots(
        self, tenant: str, entity: str, lots: Sequence[Lot], accounts: Mapping[str, str], cutover: str = ""
    ) -> int:
        """Lots with ids, with nothing left in them yet, of the wallets whose ``accounts`` are given; how many.

        What is granted comes by a move.
        """
        rows = [
            (
                *(lot.id, tenant, entity, lot.key, accounts[lot.wallet], lot.granted_on, lot.expires_on, lot.priority),
                *(lot.currency, lot.amount, lot.amount, lot.functional_currency, lot.functional, cutover),
                *(lot.wallet, lot.kind, lot.cost),
            )
            for lot in lots
        ]
        with self._spoiling():
            self._insert(WALLET_LOT, rows)
        after = {"rows": len(rows), "from": rows[0][0], "to": rows[-1][0]}
        self.audit("grant", WALLET_LOT.name, None, after, tenant=tenant)
        return len(rows)

    def move_wallets(self, tenant: str, acts: Sequence[Act], states: Mapping[Key, State]) -> list[int]:
        """Append movements and change what is left; the document of each act.

        ``states`` are those of :meth:`lock_wallets`.  Acts come in their order; those of a wallet are numbered on.

        Raises:
            TollbookError: ``wallet.overdrawn``; ``store.duplicate`` where an act is there already.
        """
        count = sum(len(act.moves) for act in acts)
        if not count:
            return []
        ident, now = self.take_ids(BLOCK, count), dict(states)
        rows: list[tuple[Any, ...]] = []
        documents: list[int] = []
        floors: dict[Key, Decimal] = {}
        for act in acts:
            place = (act.entity, act.wallet)
            documents.append(act.document or ident)
            if act.floor is not None:
                floors[place] = max(act.floor, floors.get(place, act.floor))
            for part, move in enumerate(act.moves, 1):
                state = State(now[place].balance + move.amount, now[place].version + 1)
                now[place] = state
                head = (ident, tenant, *place, state.version, act.key, part, move.kind, move.lot.id)
                sums = (move.amount, state.balance, move.cost, move.functional)
                behind = (act.day, self.change.at, act.digest, act.invoice, documents[-1])
                rows.append((*head, *sums, *behind, move.line, move.decision, self.run_id))
                ident += 1
        with self._spoiling():
            for place, state in now.items():
                if state is not states[place]:
                    self._set_state(tenant, place, states[place], state, floors.get(place))
            self._set_lots(tenant, acts)
            self._insert(WALLET_MOVEMENT, rows)
        return documents

    def _set_state(self, tenant: str, place: Key, before: State, after: State, floor: Decimal | None) -> None:
        column, (entity, key) = WALLET_STATE.c, place
        mine = (column.tenant == tenant, column.entity == entity, column.key == key)
        as_it_was = (column.version == before.version, column.balance == before.balance)
        new = sa.literal(after.balance, column.balance.type)
        above = [new >= sa.literal(Decimal(0) if floor is None else floor, column.balance.type)]
        if after.balance >= before.balance:
            above = []
        update = sa.update(WALLET_STATE).where(*mine, *as_it_was, *above)
        changed = self.connection.execute(update.values(balance=after.balance, version=after.version)).rowcount
        if changed != 1:
            raise _overdrawn(f"wallet {key} of {entity} would be left with {after.balance:f}", f"wallet/{entity}/{key}")
        subject = f"wallet/{entity}/{key}"
        told = [{"balance": f"{one.balance:f}", "version": one.version} for one in (before, after)]
        self.audit("move wallet", subject, *told, tenant=tenant)

    def _set_lots(self, tenant: str, acts: Sequence[Act]) -> None:
        column, granted = LOT_LEFT.c, []
        for act in acts:
            for move in act.moves:
                lot = move.lot
                if move.kind == "grant":
                    granted.append((lot.id, tenant, act.entity, act.wallet, move.amount))
                    continue
                mine = (column.lot_id == lot.id, column.amount == lot.left, column.wallet == act.wallet)
                update = sa.update(LOT_LEFT).where(*mine).values(amount=move.left)
                fits = Decimal(0) <= move.left <= lot.amount and move.left == lot.left + move.amount
                if not fits or self.connection.execute(update).rowcount != 1:
                    raise _overdrawn(f"lot {lot.key} would be left with {move.left:f}", f"wallet-lot/{lot.key}")
        if granted:
            bulk.insert(self.connection, LOT_LEFT, granted)


def _overdrawn(what: str, subject: str) -> Exception:
    why = "no lot goes below zero, and draws leave the floor of the wallet"
    return refuse(OVERDRAWN, what, why=why, mend="look at what is in it, and draw less", subject=subject)
