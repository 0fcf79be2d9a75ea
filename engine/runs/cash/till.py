"""What every use of money shares: locks, entries, and what is taken off a bank entry."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec

from engine.base.errors import Code, refuse
from engine.base.money import ZERO
from engine.ledger.cash import Ground
from engine.ledger.posting import determine
from engine.model.account import Account
from engine.model.cash import OpenEntry, Use, Withheld
from engine.model.entity import LegalEntity
from engine.model.journal import JournalEntry
from engine.model.settlement import OpenItem
from engine.receivables.open_items import Sheet
from engine.runs.accounts.settlement_moves import keep_acts, sheets
from engine.runs.billing import rows as bill_rows
from engine.runs.run import Parts
from engine.store import tables as t
from engine.store.reader import Reader
from engine.store.writer import Writer
from engine.store.writing.settlements import Act

NO_ITEM = Code("cash.no-item", "An application to a document that the books do not have.")


class Used(msgspec.Struct, frozen=True):
    """What became of money: ``legs`` are (document, amount added to what is left, left after), ``left`` is what is not used of
    the entry."""

    entry: int
    kind: str
    key: str
    currency: str
    legs: tuple[tuple[str, Decimal, Decimal], ...]
    left: Decimal
    text: str = ""


class Till:
    """Uses money of the bank entries of one legal entity on one day, through one writer.  It is for one use, or several that are
    written together: where one is refused, what it has seen is not what the books say."""

    def __init__(self, parts: Parts, writer: Writer, entity: LegalEntity, on: date) -> None:
        self.parts, self.writer, self.entity, self.on = parts, writer, entity, on
        self.reader: Reader = writer.reader
        self._sheets: dict[tuple[str, str], Sheet] = {}

    @property
    def tenant(self) -> str:
        """Key of the tenant."""
        return self.parts.tenant

    def ground(self, country: str, text: str) -> Ground:
        """What an entry is about."""
        own, decide = self.entity.functional_currency, self.parts.rules.decide
        head = (self.tenant, self.entity.key, country, self.on, text, own)
        return Ground(*head, lambda currency: determine(decide, self.entity.key, currency, self.on))

    def sheets(self, places: Iterable[tuple[str, str]]) -> None:
        """Lock the items of accounts, (account, currency), in their order; each is read once."""
        own = self.entity.functional_currency
        new = [(self.entity.key, *place, own) for place in sorted(set(places) - self._sheets.keys())]
        self._sheets |= {purse[1:3]: one for purse, one in sheets(self.writer, self.tenant, new).items()}

    def item(self, ident: int) -> OpenItem:
        """A document as it stands.

        Raises:
            TollbookError: ``cash.no-item``.
        """
        found = self.reader.item(self.tenant, self.entity.key, ident)
        if found is None:
            raise refuse(NO_ITEM, f"{self.entity.key} has no document {ident}", mend="look at `tollbook account show`")
        return found

    def _country(self, account: str) -> str:
        return self._countries([account])[account]

    def _countries(self, accounts: Iterable[str]) -> dict[str, str]:
        """The country of each account; that of the legal entity where there is no such account."""
        wanted = sorted(set(accounts))
        found: dict[str, Account] = self.reader.accounts(self.tenant, self.entity.key, wanted)
        return {key: found[key].country if key in found else self.entity.country for key in wanted}

    def _keep_act(self, act: Act, entry: JournalEntry | None) -> int:
        (document,) = keep_acts(self.writer, self.tenant, [(act, entry)])
        return document

    def _journal(self, entry: JournalEntry | None, document: int) -> None:
        if entry is None:
            return
        ident = self.writer.take_ids("entry", 1)
        self.writer.append(t.ENTRY, [bill_rows.entry_row(ident, entry, document, self.writer.run_id)])
        self.writer.append(t.POSTING, list(bill_rows.posting_rows(ident, entry, 0)))

    def _use(
        self, open_: OpenEntry, kind: str, amount: Decimal, worth: Decimal, *, customer: str = "", key: str = "",
        other: str = "", document: int = 0, source: int = 0, told: Any = None, decision: int = 0,
    ) -> None:  # fmt: skip
        ident = self.writer.take_ids(t.BANK_USE.name, 1)
        head = (ident, self.tenant, self.entity.key, open_.entry.id, kind, amount, worth, self.on)
        rest = (customer, key, other, document, source, told or {}, decision, self.writer.run_id)
        self.writer.use_entries([Use(*head, *rest)])

    def _withhold(self, item: OpenItem, amount: Decimal, worth: Decimal, document: int, certificate: str = "") -> None:
        ident = self.writer.take_ids(t.WITHHELD.name, 1)
        head = (ident, self.tenant, self.entity.key, item.account, item.id, item.currency, amount, worth)
        self.writer.note_withheld([Withheld(*head, certificate, self.on, document, self.writer.run_id)])


def fits(amount: Decimal, left: Decimal) -> bool:
    """Whether an amount is no more than what is left, with its sign, and something."""
    return bool(amount) and (ZERO < amount <= left if left > ZERO else left <= amount < ZERO)
