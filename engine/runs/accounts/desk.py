"""The desk of accounts: what is open, what customers have with us, and what settles the one with the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from engine.base.errors import Code, refuse
from engine.base.money import CONTEXT, ZERO, round_to
from engine.model.account import Account
from engine.model.cash import ByHand
from engine.model.journal import Change
from engine.model.settlement import CREDIT, OpenItem
from engine.runs.accounts.memo_desk import MemoDesk, account_of
from engine.runs.accounts.settlement_moves import Move, Settled, move
from engine.runs.approvals import Approvals, Outcome
from engine.runs.booking import booking_of, keep, rate_of
from engine.runs.cash.by_hand import not_at_the_bank
from engine.runs.run import Parts
from engine.store import tracing
from engine.store.books import Books
from engine.store.reader import Reader

OTHER_CURRENCY = Code("account.other-currency", "Documents in several currencies, or another one than was given.")

ACT: Final = {
    "account_credit": "account-credit",
    "refund": "pay-out",
    "write_off": "write-off",
}
"""Acts that may need two persons, by the kind of what is done."""


class Balance(msgspec.Struct, frozen=True):
    """What an account owes in a currency: ``owed`` less ``given`` (credit notes that are open, money that no invoice has taken)
    less ``credit``.  ``carried`` is what others owe for what it has used."""

    currency: str
    owed: Decimal
    given: Decimal
    credit: Decimal
    balance: Decimal
    carried: Decimal = ZERO


class AccountView(msgspec.Struct, frozen=True):
    """An account as people see it: its open items and what has settled items, each the oldest first."""

    entity: str
    account: str
    name: str
    balances: tuple[Balance, ...]
    items: tuple[OpenItem, ...]
    settlements: tuple[dict[str, Any], ...]


class AccountDesk:
    """What people do with the items of accounts."""

    def __init__(self, books: Books, parts: Callable[[], Parts], approvals: Approvals) -> None:
        self._books, self._parts, self._approvals = books, parts, approvals
        self.memos = MemoDesk(parts, approvals)

    def shown(self, key: str, entity: str = "") -> AccountView:
        """An account with its items.

        Raises:
            TollbookError: ``account.unknown``, ``account.several``.
        """
        tenant = self._parts().tenant
        with self._books.reader() as reader:
            account = account_of(reader, tenant, key, entity)
            found = reader.open_items(tenant, account.entity, [key])
            carried = _carried(reader, tenant, account)
            names = (
                "day",
                "kind",
                "key",
                "item",
                "amount",
                "currency",
                "functional",
                "functional_currency",
                "source",
                "note",
            )
            rows = reader.settlements(tenant, account.entity, account=key)
            numbers = tracing.numbers(reader, sorted({row["item"] for row in rows}))
            told = tuple(
                {name: row[name] for name in names} | {"item": numbers.get(row["item"], row["item"] or "credit")}
                for row in rows
            )
        currencies = sorted({currency for _, currency in found} | carried.keys() | {account.currency})
        balances = tuple(_balance(c, found.get((key, c), ()), carried.get(c, ZERO)) for c in currencies)
        items = tuple(item for c in currencies for item in found.get((key, c), ()) if item.left)
        return AccountView(account.entity, key, account.name, balances, items, told)

    def pay(
        self, account: str, key: str, amount: Decimal, change: Change, *, invoices: Sequence[str] = (), entity: str = "",
        currency: str = "", on: date | None = None, note: str = "", other_money: bool = False,
    ) -> Settled | Outcome:  # fmt: skip
        """Money that came: it pays the ``invoices``, or what the rule of allocation says; the rest is credit of the account.

        A bank entry of the same days that has brought as much of the account is taken for the same money, unless this is
        ``other_money``.

        Raises:
            TollbookError: the codes of this module and of :mod:`engine.runs.accounts.settlement_moves`, ``fx.no-rate``,
                ``ledger.period-closed``, ``account.at-the-bank``.
        """
        rest = (invoices, "", "", note, not other_money)
        return self._do("payment", account, key, amount, change, entity, currency, on, *rest)

    def refund(
        self, account: str, key: str, amount: Decimal, change: Change, *, payment: str = "", entity: str = "",
        currency: str = "", on: date | None = None, note: str = "",
    ) -> Settled | Outcome:  # fmt: skip
        """Money that goes back: of a ``payment``, what that has paid is open again; without one, of the credit of the account.

        Raises:
            TollbookError: as :meth:`pay`.
        """
        return self._do("refund", account, key, amount, change, entity, currency, on, payment=payment, note=note)

    def charged_back(
        self, account: str, key: str, amount: Decimal, change: Change, *, payment: str, won: bool = False,
        entity: str = "", currency: str = "", on: date | None = None, note: str = "",
    ) -> Settled | Outcome:  # fmt: skip
        """Money of a payment that the payer's bank took back, or, once that was ``won``, has brought again.

        Raises:
            TollbookError: as :meth:`pay`.
        """
        kind = "chargeback_reversed" if won else "chargeback"
        return self._do(kind, account, key, amount, change, entity, currency, on, payment=payment, note=note)

    def grant(
        self, account: str, key: str, amount: Decimal, change: Change, *, entity: str = "", currency: str = "",
        on: date | None = None, note: str = "",
    ) -> Settled | Outcome:  # fmt: skip
        """Credit that nobody has paid; later invoices use it, at the tax and the price that they have without.

        Raises:
            TollbookError: as :meth:`pay`.
        """
        return self._do("account_credit", account, key, amount, change, entity, currency, on, note=note)

    def hand_over(
        self, account: str, other: str, key: str, amount: Decimal, change: Change, *, entity: str = "",
        currency: str = "", on: date | None = None, note: str = "",
    ) -> Settled | Outcome:  # fmt: skip
        """Hand credit to another account of the same legal entity.

        Raises:
            TollbookError: as :meth:`pay`.
        """
        with self._books.reader() as reader:
            mine = account_of(reader, self._parts().tenant, account, entity)
            account_of(reader, self._parts().tenant, other, mine.entity)
        return self._do("transfer", account, key, amount, change, mine.entity, currency, on, other=other, note=note)

    def write_off(
        self, account: str, key: str, invoice: str, change: Change, *, amount: Decimal | None = None, entity: str = "",
        on: date | None = None, note: str = "",
    ) -> Settled | Outcome:  # fmt: skip
        """Give up what an invoice has open, or a part of it; the invoice and its tax stay as they are.

        Raises:
            TollbookError: as :meth:`pay`.
        """
        return self._do("write_off", account, key, amount, change, entity, "", on, invoices=[invoice], note=note)

    def apply(
        self, account: str, key: str, change: Change, *, entity: str = "", currency: str = "", on: date | None = None
    ) -> Settled | Outcome:
        """Bring credit notes that are open, money that came over and the credit to open invoices, as the rule says.

        Raises:
            TollbookError: as :meth:`pay`.
        """
        return self._do("apply", account, key, ZERO, change, entity, currency, on)

    def _do(
        self, kind: str, key: str, name: str, amount: Decimal | None, change: Change, entity: str, currency: str,
        on: date | None, invoices: Sequence[str] = (), payment: str = "", other: str = "", note: str = "",
        once: bool = False,
    ) -> Settled | Outcome:  # fmt: skip
        """Do it as it is booked on its day, or propose it."""
        parts = self._parts()
        with self._books.reader() as reader:
            account = account_of(reader, parts.tenant, key, entity)
            seller = reader.entities(parts.tenant)[account.entity]
            day = on or change.at.astimezone(ZoneInfo(seller.zone)).date()
            named = [_document(reader, parts.tenant, account, number) for number in invoices]
            currencies = {item.currency for item in named} | ({currency} if currency else set())
            if len(currencies) > 1:
                what = f"{', '.join(sorted(currencies))} at once"
                raise refuse(OTHER_CURRENCY, what, mend="settle each currency by itself")
            money = next(iter(currencies), account.currency)
            amount = sum((item.left for item in named), ZERO) if amount is None else amount
            rate = rate_of(parts, reader, money, seller.functional_currency, day)
            of = "payment" if kind == "payment" else "account_credit" if kind == "account_credit" else "credit_note"
            booking = booking_of(parts, seller, account, of, amount, rate, day)
            if once and not reader.settlements(parts.tenant, account.entity, key=name):
                not_at_the_bank(parts, reader, ByHand(name, kind, account.key, money, amount, day), seller)
        head = (kind, account.entity, key, name, amount, booking)
        asked = Move(*head, tuple(item.id for item in named), payment, other, note)
        keep(parts, change)
        if kind in ACT:
            given = dict(msgspec.to_builtins(asked))
            if self._approvals.needs_two(ACT[kind], given):
                with self._books.trial(change, parts.tenant) as writer:
                    move(writer, parts.tenant, asked)
                return self._approvals.act(ACT[kind], given, change)
        with self._books.writer(change, tenant=parts.tenant) as writer:
            return move(writer, parts.tenant, asked)


def _document(reader: Reader, tenant: str, account: Account, number: str) -> OpenItem:
    """A document of an account that can be settled, by its number; of ours, or of those that came over."""
    items = reader.open_items(tenant, account.entity, [account.key])
    found = [one for there in items.values() for one in there if one.id != CREDIT and one.number == number]
    ident = found[0].id if found else reader.find_invoice(tenant, number, account.entity)
    item = found[0] if found else reader.item(tenant, account.entity, ident) if ident is not None else None
    if item is None:
        raise tracing.no_invoice(reader, tenant, number)
    return item


def _balance(currency: str, items: Sequence[OpenItem], carried: Decimal) -> Balance:
    owed = sum((item.left for item in items if item.left > ZERO), ZERO)
    given = -sum((item.left for item in items if item.left < ZERO and item.id != CREDIT), ZERO)
    credit = -sum((item.left for item in items if item.id == CREDIT), ZERO)
    return Balance(currency, owed, given, credit, owed - given - credit, carried)


def _carried(reader: Reader, tenant: str, account: Account) -> dict[str, Decimal]:
    """What others owe of what an account has used: its share of what is open of the invoices that it is on, by currency."""
    sums: dict[str, Decimal] = {}
    for payer, shares in reader.carried_by(tenant, account.entity, account.key).items():
        for items in reader.open_items(tenant, account.entity, [payer]).values():
            for item in items:
                if item.id in shares and item.amount:
                    part = round_to(CONTEXT.divide(item.left * shares[item.id], item.amount), item.currency)
                    sums[item.currency] = sums.get(item.currency, ZERO) + part
    return sums
