"""Writes of settlements: legs are only ever appended, and the credit of the account is kept with them.

Whoever settles something of an account has locked its rows of ``account_credit`` before
(:meth:`SettlementsWriter.lock_items`), always in the order of accounts; then nobody else settles anything of it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final

import msgspec
import sqlalchemy as sa

from engine.base.errors import Code, refuse
from engine.model.settlement import CREDIT, Leg, OpenItem
from engine.store import query, types
from engine.store.reading.settlements import credit_item
from engine.store.tables import ACCOUNT_CREDIT, SETTLEMENT
from engine.store.writing.base import WriterBase

OVERSETTLED = Code("settlement.over-settled", "A settlement that would leave less than nothing of an open item.")

BLOCK: Final = "invoice"
"""Name of the block that ids of settlements come from: an id never means two documents."""

Key = tuple[str, str, str, str]
"""(legal entity, account, currency, functional currency)."""


class Act(msgspec.Struct, frozen=True):
    """Something that settles, and happens once: the legs that belong together.

    ``key`` identifies it within the legal entity, ``digest`` says what was asked for; ``source`` is the payment that a refund
    or a chargeback is of.
    """

    entity: str
    key: str
    kind: str
    day: date
    legs: tuple[Leg, ...]
    digest: str = ""
    source: str = ""
    note: str = ""
    decision: int = 0


class SettlementsWriter(WriterBase):
    """Writes settlements."""

    def lock_items(self, tenant: str, keys: Collection[Key]) -> dict[Key, OpenItem]:
        """The credit of accounts as it is now; nobody else settles anything of theirs until this transaction ends."""
        rows = [
            {
                "tenant": tenant,
                "entity": entity,
                "account": account,
                "currency": currency,
                "balance": Decimal(0),
                "functional_currency": own,
                "functional": Decimal(0),
                "version": 0,
            }
            for entity, account, currency, own in sorted(set(keys))
        ]
        with self._spoiling():
            new = self._insert_or_ignore(ACCOUNT_CREDIT, rows)
        if new:
            self.audit("open credit", ACCOUNT_CREDIT.name, None, {"rows": new}, tenant=tenant)
        found: dict[Key, OpenItem] = {}
        for entity in sorted({entity for entity, *_ in keys}):
            mine = [key for key in sorted(set(keys)) if key[0] == entity]
            there = self._lock_credits(tenant, entity, {key[1:3] for key in mine})
            for key in mine:
                (_, account, currency, own), (balance, worth) = key, there[key[1:3]]
                found[key] = credit_item(account, currency, balance, own, worth)
        return found

    def _lock_credits(
        self, tenant: str, entity: str, places: Collection[tuple[str, str]]
    ) -> dict[tuple[str, str], tuple[Decimal, Decimal]]:
        """(balance, functional) of the credit of accounts of a legal entity, by (account, currency); they are locked in that order."""
        credit = ACCOUNT_CREDIT.c
        fields = (credit.account, credit.currency, credit.balance, credit.functional)
        mine = [credit.tenant == tenant, credit.entity == entity]
        mine += [
            query.among(self.dialect, column, name, types.TextList)
            for column, name in ((credit.account, "accounts"), (credit.currency, "currencies"))
        ]
        given = {"accounts": sorted({a for a, _ in places}), "currencies": sorted({c for _, c in places})}
        statement = sa.select(*fields).where(*mine).order_by(credit.account, credit.currency).with_for_update()
        return {(row[0], row[1]): (row[2], row[3]) for row in self.connection.execute(statement, given)}

    def settle(self, tenant: str, acts: Sequence[Act]) -> list[int]:
        """Append the legs of acts and change the credit of accounts; the document of each act.

        Raises:
            TollbookError: ``settlement.over-settled``; ``store.duplicate`` where an act is there already.
        """
        count = sum(len(act.legs) for act in acts)
        if not count:
            return []
        ident = self.take_ids(BLOCK, count)
        rows: list[tuple[Any, ...]] = []
        documents: list[int] = []
        credits: dict[Key, list[Decimal]] = {}
        for act in acts:
            documents.append(ident)
            for part, leg in enumerate(act.legs, 1):
                item = leg.item
                _check(act, leg)
                if item.id == CREDIT:
                    place = (act.entity, item.account, item.currency, item.functional_currency)
                    sums = credits.setdefault(place, [Decimal(0), Decimal(0)])
                    sums[0] -= leg.amount
                    sums[1] -= leg.functional
                head = (ident, tenant, act.entity, act.key, part, act.kind, item.account, item.id, item.currency)
                worth = (leg.amount, item.functional_currency, leg.functional, act.day, self.change.at, documents[-1])
                rows.append((*head, *worth, act.source, act.note, act.digest, act.decision, self.run_id))
                ident += 1
        with self._spoiling():
            self._insert(SETTLEMENT, rows)
            for place, (amount, worth_) in sorted(credits.items()):
                self._add_credit(tenant, place, amount, worth_)
        after = {"rows": len(rows), "from": rows[0][0], "to": rows[-1][0]}
        self.audit("settle", SETTLEMENT.name, None, after, tenant=tenant)
        return documents

    def _add_credit(self, tenant: str, place: Key, amount: Decimal, worth: Decimal) -> None:
        credit, (entity, account, currency, _) = ACCOUNT_CREDIT.c, place
        mine = (
            credit.tenant == tenant,
            credit.entity == entity,
            credit.account == account,
            credit.currency == currency,
        )
        before = self.connection.execute(sa.select(ACCOUNT_CREDIT).where(*mine).with_for_update()).one()
        balance = before.balance + amount
        if balance < 0:
            raise _over(f"the credit of {account} would be {balance:f} {currency}", f"account/{entity}/{account}")
        values = {"balance": balance, "functional": before.functional + worth, "version": before.version + 1}
        self.connection.execute(sa.update(ACCOUNT_CREDIT).where(*mine).values(**values))
        told = [{"balance": f"{one:f}"} for one in (before.balance, balance)]
        self.audit("change credit", f"account-credit/{entity}/{account}/{currency}", *told, tenant=tenant)


def _check(act: Act, leg: Leg) -> None:
    """An item keeps its sign: no more is settled than there is, and no more comes back than there was."""
    item = leg.item
    left = item.left + leg.amount
    sign = 1 if item.amount > 0 else -1
    if item.id != CREDIT and not 0 <= left * sign <= abs(item.amount):
        what = f"{act.kind} {act.key} would leave {left:f} of {item.amount:f} {item.currency} of {item.number}"
        raise _over(what, f"item/{item.number}")


def _over(what: str, subject: str) -> Exception:
    why = "an item is settled from all of it down to nothing"
    mend = "look at what is left with `tollbook account show`, and settle no more than that"
    return refuse(OVERSETTLED, what, why=why, mend=mend, subject=subject)


def as_digest(values: Mapping[str, Any]) -> str:
    """What an act asks for, in words that are the same for the same."""
    return msgspec.json.encode({name: str(value) for name, value in sorted(values.items())}).decode()
