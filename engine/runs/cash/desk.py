"""The desk of cash: bank files are loaded, money is put to use, taken back, sent back."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from engine.base.errors import Code, Finding, did_you_mean, refuse
from engine.base.money import ZERO
from engine.model.cash import Application, Off, OpenEntry, Pay, Withheld
from engine.model.journal import Change
from engine.model.settlement import OpenItem
from engine.runs.accounts.memo_desk import account_of
from engine.runs.approvals import Approvals, Outcome
from engine.runs.bank_desk import BankDesk
from engine.runs.booking import keep
from engine.runs.cash import acts
from engine.runs.cash import exceptions as exc
from engine.runs.cash.acts import Asked
from engine.runs.cash.allocating import allocated
from engine.runs.cash.loading import Loaded, Loading, load
from engine.runs.cash.moves import UNFIT, Cashier, meant
from engine.runs.cash.orders import orders_of
from engine.runs.cash.saying import SayingDesk, open_entry
from engine.runs.cash.till import Used
from engine.runs.cash.views import EntryView, Waiting, items_of, waiting_of
from engine.runs.debits.sending import tell
from engine.runs.run import PartsOn
from engine.store import tracing
from engine.store.books import Books
from engine.store.reader import Reader

if TYPE_CHECKING:
    from engine.runs.cash.matching import Matched

NOT_WITHHELD = Code("cash.not-withheld", "A certificate for more tax than was withheld of a document.")
UNKNOWN_ACT = Code("cash.unknown-settlement", "A write-off to be taken back that the books do not have.")
UNKNOWN_GL = Code("cash.unknown-gl-account", "A transfer to a GL account that the chart of accounts does not have.")


class CashDesk(SayingDesk):
    """What people do with money that banks have booked."""

    def __init__(
        self, books: Books, parts: PartsOn, approvals: Approvals, files: BankDesk, sources: Mapping[str, str],
        roles_of: Callable[[str], Sequence[str]],
    ) -> None:  # fmt: skip
        """``sources`` is the kind of file by bank account, ``roles_of`` gives the roles of a person."""
        super().__init__(books, parts)
        self._approvals = approvals
        self._files, self._sources, self._roles_of = files, sources, roles_of

    def load(self, path: Path, change: Change | None, *, accept: Collection[str] = ()) -> Loaded:
        """Book what a bank file says, or say what would be booked where there is no ``change``; what is odd about it is not
        booked, unless its code is accepted.

        Raises:
            TollbookError: as :meth:`engine.runs.bank_desk.BankDesk.read`, ``fx.no-rate``, ``ledger.period-closed``.
        """
        file = self._files.read(path)
        role = self._files.kinds()[file.kind].role
        return load(self._parts(), Loading(path, file, role, accept, self._sources), change)

    def match(self, on: date, change: Change | None) -> Matched:
        """Match open money with what is open, and apply what is sure; say what would be done where there is no ``change``."""
        from engine.runs.cash.matching import run_match  # it stands on libraries that nothing else needs

        return run_match(self._parts(on=on), on, change)

    def waiting(self, on: date, entity: str = "") -> list[Waiting]:
        """Money that is not used, the oldest first."""
        tenant = self._parts().tenant
        with self._books.reader() as reader:
            items = items_of(reader, tenant)
            return [waiting_of(one, items.get(one.entry.id), on) for one in reader.open_entries(tenant, entity)]

    def entry(self, ident: int, on: date) -> EntryView:
        """A bank entry, and what it was used for.

        Raises:
            TollbookError: ``cash.unknown-entry``.
        """
        tenant = self._parts().tenant
        with self._books.reader() as reader:
            one = open_entry(reader, tenant, ident)
            statement = reader.statement(tenant, one.entry.statement_id)
            told = (
                f"{statement.kind} of {statement.first_day} to {statement.last_day}, {statement.file}"
                if statement
                else ""
            )
            names = ("bank_ref", "end_to_end_id", "structured", "payer_account", "key")
            references = {name: getattr(one.entry, name) for name in names if getattr(one.entry, name)}
            waiting = waiting_of(one, items_of(reader, tenant).get(ident), on)
            uses = tuple(reader.uses(tenant, entry_id=ident))
            return EntryView(waiting, told, one.entry.remittance, references, uses, orders_of(reader, uses))

    def send(self, change: Change) -> tuple[dict[str, int], list[Finding]]:
        """Tell the bank what money it is to send back: how many orders by answer, and what went wrong.  Nothing is sent twice."""
        parts = self._parts()
        keep(parts, change)
        return tell(parts, change)

    def apply(
        self, ident: int, change: Change, *, invoices: Sequence[tuple[str, Decimal | None]] = (), account: str = "",
        keep_rest: bool = False, close: str = "", on: date | None = None,
    ) -> Used | Outcome:  # fmt: skip
        """Pay documents with the money of a bank entry: the ``invoices`` named, each with an amount or as far as the money goes,
        else those of an ``account`` that the rules of allocation name.

        The rest stays unused, or becomes credit of the account (``keep_rest``).  ``close`` is the reason for which what is still
        open of the invoices is given up, where a rule of write-offs lets it be.

        Raises:
            TollbookError: the codes of :mod:`engine.runs.cash.moves`, ``writeoff.refused``, ``explain.no-such-line``,
                ``account.unknown``.
        """
        parts = self._parts()
        with self._books.reader() as reader:
            one = open_entry(reader, parts.tenant, ident)
            day = self._day(reader, one.entry.entity, change, on, one.entry.booked)
            if invoices:
                pays = _named(reader, parts.tenant, one, invoices, close)
            else:
                pays = self._allocated(reader, one, account, day)
            customer = account or (_item(reader, parts.tenant, one, pays[0].item).account if pays else "")
            used = sum((pay.amount for pay in pays), ZERO)
            if pays and _item(reader, parts.tenant, one, pays[0].item).currency != one.entry.currency:
                used = one.left
            kept = one.left - used if keep_rest else ZERO
            told = {"by": change.who, "reason": change.reason}
            application = Application(ident, tuple(pays), used, customer, kept, note="", told=told)
            roles = tuple(self._roles_of(change.who))
            wanted = Asked(one.entry.entity, day, roles, application, currency=one.entry.currency)
            wanted = msgspec.structs.replace(wanted, two=acts.two(acts.judged(parts, reader, wanted)))
        return self._do("apply-cash", wanted, change)

    def keep(self, ident: int, account: str, change: Change, *, on: date | None = None) -> Used | Outcome:
        """Keep what is left of a bank entry as credit of an account.

        Raises:
            TollbookError: ``account.unknown``, the codes of :mod:`engine.runs.cash.moves`.
        """
        parts = self._parts()
        with self._books.reader() as reader:
            one = open_entry(reader, parts.tenant, ident)
            customer = account_of(reader, parts.tenant, account, one.entry.entity)
            day = self._day(reader, one.entry.entity, change, on, one.entry.booked)
        told = {"by": change.who, "reason": change.reason}
        application = Application(ident, (), ZERO, customer.key, one.left, told=told)
        return self._do(
            "apply-cash", Asked(one.entry.entity, day, (), application, currency=one.entry.currency), change
        )

    def transfer(
        self, ident: int, change: Change, *, account: str = "", gl: str = "", amount: Decimal | None = None,
        on: date | None = None,
    ) -> Used | Outcome:  # fmt: skip
        """Book money to another place: to the credit of another ``account``, where it is taken back first from what it was applied
        to; or, where it is no customer's, to an account of the ledger (``gl``).

        Raises:
            TollbookError: ``cash.unfit``, ``cash.unknown-gl-account``, the codes of :mod:`engine.runs.cash.moves`.
        """
        if bool(account) == bool(gl):
            raise refuse(
                UNFIT, "a transfer to nowhere, or to two places", mend="name an account of a customer or of the ledger"
            )
        parts = self._parts()
        with self._books.reader() as reader:
            one = open_entry(reader, parts.tenant, ident)
            chart = reader.gl_accounts(parts.tenant)
            day = self._day(reader, one.entry.entity, change, on, one.entry.booked)
            entity = reader.entities(parts.tenant)[one.entry.entity]
        if gl and gl not in chart:
            raise refuse(UNKNOWN_GL, f"there is no GL account {gl!r}", mend=did_you_mean(gl, chart))
        keep(parts, change)
        with self._books.writer(change, tenant=parts.tenant) as writer:
            open_ = writer.lock_entry(parts.tenant, ident)
            if account and not open_.left:
                Cashier(parts, writer, entity, day).take_back(open_)
                open_ = writer.lock_entry(parts.tenant, ident)
            money, till = open_.left if amount is None else amount, Cashier(parts, writer, entity, day)
            meant(money, open_.entry.currency)
            if account:
                customer = account_of(writer.reader, parts.tenant, account, entity.key).key
                told = {"by": change.who, "reason": change.reason}
                used = till.apply(Application(ident, (), ZERO, customer, money, told=told))
            else:
                used = till.transfer(open_, money, gl)
            if not used.left:
                exc.close(writer, parts.tenant, ident, "corrected")
            return used

    def send_back(
        self, ident: int, how: str, change: Change, *, amount: Decimal | None = None, on: date | None = None
    ) -> Used | Outcome:
        """Money that is to go back: a ``refund`` to the customer, or a ``return`` to whoever sent it.

        Raises:
            TollbookError: ``cash.unknown-entry``, ``cash.more-than-left``, ``cash.unfit``.
        """
        parts = self._parts()
        with self._books.reader() as reader:
            one = open_entry(reader, parts.tenant, ident)
            day = self._day(reader, one.entry.entity, change, on, one.entry.booked)
        money = one.left if amount is None else amount
        meant(money, one.entry.currency)
        wanted = Asked(one.entry.entity, day, (), back=how, entry=ident, amount=money, currency=one.entry.currency)
        return self._do("send-back", wanted, change)

    def write_off(
        self, number: str, reason: str, change: Change, *, amount: Decimal | None = None, key: str = "", entity: str = "",
        on: date | None = None,
    ) -> Used | Outcome:  # fmt: skip
        """Give up what a document has open, or a part of it, as the rules of write-offs say; the same key again changes nothing.

        Raises:
            TollbookError: ``explain.no-such-line``, ``writeoff.refused``, ``cash.more-than-open``, ``cash.unfit``.
        """
        parts = self._parts()
        with self._books.reader() as reader:
            ident = reader.find_invoice(parts.tenant, number, entity)
            head = reader.invoice(ident) if ident is not None else None
            if head is None or ident is None:
                raise tracing.no_invoice(reader, parts.tenant, number)
            item = reader.item(parts.tenant, head["entity"], ident)
            assert item is not None
            day = self._day(reader, head["entity"], change, on, date.min)
            give = Off(reason, item.left if amount is None else amount)
            meant(give.amount, item.currency)
            named = f"give-up/{key or f'{reason}/{day}'}"
            if reader.settlements(parts.tenant, head["entity"], key=f"{named}/{number}"):
                return Used(0, reason, f"{named}/{number}", item.currency, (), item.left, "it is in the books already")
            wanted = Asked(head["entity"], day, tuple(self._roles_of(change.who)), item=ident, give=give, key=named)
            wanted = msgspec.structs.replace(wanted, currency=item.currency)
            wanted = msgspec.structs.replace(wanted, two=acts.two(acts.judged(parts, reader, wanted)))
        return self._do("give-up", wanted, change)

    def undo(
        self, key: str, entity: str, change: Change, *, on: date | None = None
    ) -> list[tuple[str, Decimal, Decimal]]:
        """Take back a write-off: the document is open again, with its tax, and money that comes for it later pays it.

        Raises:
            TollbookError: ``cash.unknown-settlement``, ``cash.partly-taken-back``, ``ledger.period-closed``.
        """
        parts = self._parts()
        with self._books.reader() as reader:
            rows = reader.settlements(parts.tenant, entity, key=key)
            if not rows:
                mend = "`tollbook account show` lists the keys"
                raise refuse(UNKNOWN_ACT, f"{entity} has no settlement {key!r}", mend=mend)
            seller = reader.entities(parts.tenant)[entity]
            day = self._day(reader, entity, change, on, max(row["day"] for row in rows), "was given up")
        if {row["kind"] for row in rows} - {"write_off"}:
            raise refuse(UNFIT, f"{key} is no write-off", mend="`tollbook cash unapply` takes back applications")
        keep(parts, change)
        with self._books.writer(change, tenant=parts.tenant) as writer:
            legs, _ = Cashier(parts, writer, seller, day).turn_round(key)
        return [(leg.item.number, leg.amount, leg.item.left + leg.amount) for leg in legs]

    def certificate(
        self, number: str, certificate: str, change: Change, *, amount: Decimal | None = None, on: date | None = None
    ) -> Used:
        """Book the certificate for tax that a customer has withheld of an invoice; the same again changes nothing.

        Raises:
            TollbookError: ``explain.no-such-line``, ``cash.not-withheld``, ``cash.unfit``, ``ledger.period-closed``.
        """
        parts = self._parts()
        with self._books.reader() as reader:
            ident = reader.find_invoice(parts.tenant, number)
            head = reader.invoice(ident) if ident is not None else None
            if head is None or ident is None:
                raise tracing.no_invoice(reader, parts.tenant, number)
            seller = reader.entities(parts.tenant)[head["entity"]]
            day = self._day(reader, seller.key, change, on, date.min)
            item = reader.item(parts.tenant, seller.key, ident)
            assert item is not None
        keep(parts, change)
        with self._books.writer(change, tenant=parts.tenant) as writer:
            writer.lock_items(parts.tenant, [(seller.key, item.account, item.currency, item.functional_currency)])
            mine = [one for one in writer.reader.withheld(parts.tenant, seller.key, item.account) if one.item == ident]
            left = sum((one.amount for one in mine), ZERO)
            if any(one.certificate == certificate for one in mine):
                return Used(0, "certificate", certificate, item.currency, (), left, "it is in the books already")
            money = left if amount is None else amount
            meant(money, item.currency)
            if not ZERO < money <= left:
                what = f"a certificate of {money:f} {item.currency} for {number}, of which {left:f} was withheld without one"
                raise refuse(NOT_WITHHELD, what, mend=f"write at most {left:f}")
            worth = sum((one.functional for one in mine), ZERO)
            part = worth if money == left else (worth * money / left).quantize(worth)
            Cashier(parts, writer, seller, day).certify(item, money, part, certificate)
        return Used(0, "certificate", certificate, item.currency, (), left - money)

    def withheld(self, entity: str) -> list[Withheld]:
        """Tax that customers have withheld, and certificates for it."""
        with self._books.reader() as reader:
            return reader.withheld(self._parts().tenant, entity)

    def _allocated(self, reader: Reader, one: OpenEntry, account: str, day: date) -> list[Pay]:
        parts = self._parts()
        if not account:
            raise refuse(UNFIT, "money for nothing that is named", mend="name invoices, or the account that has paid")
        customer = account_of(reader, parts.tenant, account, one.entry.entity)
        return allocated(parts, reader, reader.entities(parts.tenant)[one.entry.entity], customer, one, day)

    def _do(self, act: str, wanted: Asked, change: Change) -> Used | Outcome:
        """Do it, or propose it where it needs two persons."""
        given = msgspec.to_builtins(wanted, str_keys=True)
        parts = self._parts()
        keep(parts, change)
        if self._approvals.needs_two(act, given):
            with self._books.trial(change, parts.tenant) as writer:
                acts.done(parts, writer, wanted)
            return self._approvals.act(act, given, change)
        with self._books.writer(change, tenant=parts.tenant) as writer:
            return acts.done(parts, writer, wanted)


def _item(reader: Reader, tenant: str, one: OpenEntry, ident: int) -> OpenItem:
    item = reader.item(tenant, one.entry.entity, ident)
    assert item is not None
    return item


def _named(
    reader: Reader, tenant: str, one: OpenEntry, invoices: Sequence[tuple[str, Decimal | None]], close: str
) -> list[Pay]:
    """What named documents take: the amount that stands with each, else as much as is left of the money."""
    money, pays = one.left, list[Pay]()
    for number, amount in invoices:
        ident = reader.find_invoice(tenant, number, one.entry.entity)
        if ident is None:
            raise tracing.no_invoice(reader, tenant, number)
        item = _item(reader, tenant, one, ident)
        foreign = item.currency != one.entry.currency
        part = amount if amount is not None else item.left if foreign else min(money, item.left)
        money -= ZERO if foreign else part
        rest = item.left - part
        offs = (Off(close, rest),) if close and rest > ZERO else ()
        pays.append(Pay(ident, part, offs))
    return pays
