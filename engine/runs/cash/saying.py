"""What somebody says of a bank entry: that it is money booked by hand, that it takes another one back, that it was applied wrongly."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from zoneinfo import ZoneInfo

from engine.base.errors import Code, refuse
from engine.model.cash import OpenEntry
from engine.model.journal import Change
from engine.runs.booking import keep
from engine.runs.cash import exceptions as exc
from engine.runs.cash.by_hand import against
from engine.runs.cash.moves import UNDONE, UNFIT, Cashier
from engine.runs.cash.orders import called_off
from engine.runs.cash.returning import give_back
from engine.runs.cash.till import Used
from engine.runs.run import PartsOn
from engine.store.books import Books
from engine.store.reader import Reader
from engine.store.writing.cash import UNKNOWN_ENTRY

ON_ITS_WAY = Code(
    "cash.on-its-way", "Money that was ordered to be sent back, and is to be taken back after a bank was told."
)


class SayingDesk:
    """Puts bank entries right by what somebody knows of them."""

    def __init__(self, books: Books, parts: PartsOn) -> None:
        """``parts`` gives the parts of a run."""
        self._books, self._parts = books, parts

    def clear(self, ident: int, key: str, change: Change, *, on: date | None = None) -> Used:
        """Clear a bank entry against a payment, refund or chargeback that was booked by hand: it is the same money.

        Raises:
            TollbookError: ``cash.unknown-entry``, ``cash.not-the-same``, ``ledger.period-closed``.
        """
        parts = self._parts()
        with self._books.reader() as reader:
            one = open_entry(reader, parts.tenant, ident)
            entity = reader.entities(parts.tenant)[one.entry.entity]
            day = self._day(reader, entity.key, change, on, one.entry.booked)
        keep(parts, change)
        with self._books.writer(change, tenant=parts.tenant) as writer:
            open_ = writer.lock_entry(parts.tenant, ident)
            used = Cashier(parts, writer, entity, day).clear(open_, against(parts, writer.reader, entity, open_, key))
            exc.close(writer, parts.tenant, ident, "corrected", f"it is {used.key}")
            return used

    def returned(
        self, ident: int, of: int, change: Change, *, invoices: Sequence[str] = (), on: date | None = None
    ) -> Used:
        """A bank entry takes back another one, or a part of it: what that has paid is open again, the ``invoices`` first.

        Raises:
            TollbookError: ``cash.unknown-entry``, ``cash.not-a-return``, ``cash.partly-taken-back``, ``ledger.period-closed``.
        """
        parts = self._parts()
        with self._books.reader() as reader:
            one = open_entry(reader, parts.tenant, ident)
            entity = reader.entities(parts.tenant)[one.entry.entity]
            found = [reader.find_invoice(parts.tenant, number, entity.key) for number in invoices]
            last = self._last_use(reader, of, one.entry.booked)
            day = self._day(reader, entity.key, change, on, last, "was used")
        keep(parts, change)
        with self._books.writer(change, tenant=parts.tenant) as writer:
            original, back = (writer.lock_entry(parts.tenant, each) for each in (of, ident))
            made = give_back(parts, writer, entity, day, original, back, [each for each in found if each])
            for each in (of, ident):
                exc.close(writer, parts.tenant, each, "corrected", f"bank entry {ident} has taken it back")
            return made

    def unapply(self, ident: int, change: Change, *, on: date | None = None) -> list[Used]:
        """Take back all that a bank entry was used for: what it has paid is open again, and so is money that went to an account of
        the ledger, or was to go back and no bank was told.

        Raises:
            TollbookError: ``cash.unknown-entry``, ``cash.not-applied``, ``cash.partly-taken-back``, ``cash.on-its-way``.
        """
        parts = self._parts()
        with self._books.reader() as reader:
            one = open_entry(reader, parts.tenant, ident)
            entity = reader.entities(parts.tenant)[one.entry.entity]
            last = self._last_use(reader, ident, one.entry.booked)
            day = self._day(reader, entity.key, change, on, last, "was used")
        keep(parts, change)
        with self._books.writer(change, tenant=parts.tenant) as writer:
            cashier, open_ = Cashier(parts, writer, entity, day), writer.lock_entry(parts.tenant, ident)
            uses = writer.reader.uses(parts.tenant, entry_id=ident)
            off, going = called_off(parts, writer, uses)
            made = [cashier.unclear(writer.lock_entry(parts.tenant, ident), use) for use in reversed(off)]
            if cashier.live(uses, UNDONE) or not (off or going):
                made += cashier.take_back(writer.lock_entry(parts.tenant, ident))
            if not made:
                what = f"the money of {open_.entry.text} is on its way back, by the order {going[0].name or 'that is being sent'}"
                why = "the bank was told; what it refuses, or sends back, waits again by itself"
                raise refuse(ON_ITS_WAY, what, why=why, mend="ask the bank to stop it", subject=open_.entry.subject)
            left = writer.lock_entry(parts.tenant, ident).left
            return made + [
                Used(
                    ident,
                    "on_its_way",
                    one.name,
                    open_.entry.currency,
                    (),
                    left,
                    "the bank was told, only it can stop that",
                )
                for one in going
            ]

    def _last_use(self, reader: Reader, entry: int, booked: date) -> date:
        """The day before which nothing of an entry can be taken back."""
        return max([booked, *(use.day for use in reader.uses(self._parts().tenant, entry_id=entry))])

    def _day(
        self, reader: Reader, entity: str, change: Change, on: date | None, least: date, then: str = "came"
    ) -> date:
        zone = ZoneInfo(reader.entities(self._parts().tenant)[entity].zone)
        day = on or max(change.at.astimezone(zone).date(), least)
        if day < least:
            raise refuse(UNFIT, f"a use on {day} of money that {then} on {least}", mend="date it on that day or later")
        return day


def open_entry(reader: Reader, tenant: str, ident: int) -> OpenEntry:
    """A bank entry with what is left of it.

    Raises:
        TollbookError: ``cash.unknown-entry``.
    """
    found = reader.bank_entry(tenant, ident)
    if found is None:
        raise refuse(
            UNKNOWN_ENTRY, f"there is no bank entry {ident}", mend="`tollbook cash show` lists those that are open"
        )
    return found
