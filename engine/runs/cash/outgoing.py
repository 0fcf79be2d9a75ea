"""Money of bank entries that settles nothing: it goes back, to another account of the ledger, or comes from nowhere."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from engine.base.errors import Code, refuse
from engine.base.money import ZERO
from engine.ledger.cash import Part, cash_entry, worth_of
from engine.model.cash import CLEARED, USE_KIND, BankEntry, OpenEntry, Use
from engine.model.settlement import OpenItem
from engine.runs.cash.clearing import Cleared
from engine.runs.cash.till import Till, Used, fits
from engine.store.reader import Reader

MORE_THAN_LEFT = Code("cash.more-than-left", "A use of more than is left of a bank entry, or of money that went out.")


class Outgoing(Till):
    """Books what becomes of money that is not applied."""

    def certify(self, item: OpenItem, amount: Decimal, worth: Decimal, certificate: str) -> None:
        """Book the certificate for tax that a customer has withheld: the authority owes it now, or takes it off ours."""
        ident = self.writer.take_ids("invoice", 1)
        ground = self.ground(self._country(item.account), f"certificate of tax withheld of {item.number}")
        parts = [
            Part("withholding_tax", item.currency, amount, worth),
            Part("withholding_receivable", item.currency, -amount, -worth),
        ]
        self._journal(cash_entry(ground, [], parts, USE_KIND), ident)
        self._withhold(item, -amount, -worth, ident, certificate)

    def send_back(self, wanted: OpenEntry, amount: Decimal, kind: str) -> Used:
        """Money that is to go back to who sent it, or to the customer: it is owed until the bank has booked that it went.

        Raises:
            TollbookError: ``cash.more-than-left``, ``ledger.period-closed``.
        """
        part = Part("refund_payable", wanted.entry.currency, -amount, -worth_of(wanted, amount))
        return self._move(wanted, amount, kind, [part])

    def sent(self, open_: OpenEntry, use: Use) -> Used:
        """The entry with which the bank has booked that money went back: nobody is owed it any more.

        Raises:
            TollbookError: ``cash.more-than-left``, ``ledger.period-closed``.
        """
        entry = open_.entry
        part = Part("refund_payable", entry.currency, use.amount, use.functional)
        return self._move(open_, -use.amount, "netted", [part], f"use {use.id}")

    def transfer(self, wanted: OpenEntry, amount: Decimal, account: str) -> Used:
        """Money that is no customer's, booked to an account of the ledger.

        Raises:
            TollbookError: ``cash.more-than-left``, ``ledger.period-closed``.
        """
        part = Part("bank_clearing", wanted.entry.currency, -amount, -worth_of(wanted, amount), account=account)
        return self._move(wanted, amount, "transfer", [part], account)

    def clear(self, open_: OpenEntry, against: Cleared) -> Used:
        """An entry that a provider has caused: what the books have of it already, and clearing, are even.

        Raises:
            TollbookError: ``cash.more-than-left``, ``ledger.period-closed``.
        """
        return self._move(open_, open_.left, CLEARED, against.parts, key=against.name)

    def unclear(self, open_: OpenEntry, use: Use) -> Used:
        """An entry as it was before it was cleared, or its money went to another account of the ledger, or was to go back."""
        rows = self.reader.entry_of(self.tenant, use.document, USE_KIND)
        parts = [
            Part(
                *("bank_clearing", row["currency"], -row["amount"], -row["functional_amount"]),
                account=row["account"],
                decision=row["decision"],
            )
            for row in rows
        ]
        ident = self.writer.take_ids("invoice", 1)
        text = f"taken back: {use.kind} of {open_.entry.text}"
        self._journal(cash_entry(self.ground("", text), [], parts, USE_KIND), ident)
        of = (open_, use.kind, -use.amount, -use.functional)
        self._use(*of, key=use.key, other=use.other, document=ident, source=use.id)
        return Used(open_.entry.id, "unapplied", use.key, open_.entry.currency, (), open_.left + use.amount)

    def _move(
        self, open_: OpenEntry, amount: Decimal, kind: str, parts: Sequence[Part], other: str = "", key: str = ""
    ) -> Used:
        entry = open_.entry
        if not fits(amount, open_.left):
            what = f"{amount:f} {entry.currency} of {entry.text}, of which {open_.left:f} is left"
            raise refuse(MORE_THAN_LEFT, what, mend="use no more than that", subject=entry.subject)
        worth = worth_of(open_, amount)
        clearing = Part("bank_clearing", entry.currency, amount, worth, product=entry.account)
        ident = self.writer.take_ids("invoice", 1)
        self._journal(cash_entry(self.ground("", f"{kind} of {entry.text}"), [], [clearing, *parts], USE_KIND), ident)
        self._use(open_, kind, amount, worth, other=other, key=key, document=ident)
        return Used(entry.id, kind, key, entry.currency, (), open_.left - amount)

    def net(self, one: OpenEntry, other: OpenEntry, kind: str) -> None:
        """Money that came and the entry that took it back: neither is left, and clearing is even."""
        amount = min(abs(one.left), abs(other.left))
        worth = worth_of(one, amount.copy_sign(one.left))
        back = worth_of(other, amount.copy_sign(other.left))
        document = 0
        if worth + back:
            document = self.writer.take_ids("invoice", 1)
            clearing = Part("bank_clearing", one.entry.currency, ZERO, worth + back, product=one.entry.account)
            self._journal(
                cash_entry(self.ground("", f"{kind} of {one.entry.text}"), [], [clearing], USE_KIND), document
            )
        for here, there, part in ((one, other, worth), (other, one, back)):
            self._use(here, kind, amount.copy_sign(here.left), part, other=str(there.entry.id), document=document)


def sent_back(reader: Reader, open_: OpenEntry) -> Use | None:
    """The refund that an entry of money that went out is: the only one that is owed with its amount, and was ordered under its
    end-to-end id or is of its payer; None where it is none, and for money that came."""
    entry = open_.entry
    if open_.left >= ZERO:
        return None
    owed = [
        use
        for kind in ("refund", "return")
        for use in reader.uses(entry.tenant, entity=entry.entity, kind=kind, amount=-open_.left)
        if not_gone(reader, use)
    ]
    named = order_names(reader, owed)
    sure = [use for use in owed if entry.end_to_end_id and named.get(use.id) == entry.end_to_end_id]
    if not sure:
        sources = {use.id: reader.bank_entry(entry.tenant, use.entry_id) for use in owed}
        sure = [use for use in owed if (one := sources[use.id]) is not None and _same_party(one.entry, entry)]
    return sure[0] if len(sure) == 1 else None


def not_gone(reader: Reader, use: Use) -> bool:
    """Whether money that was to go back is owed still: the bank has not booked it, and nobody has taken it back."""
    if use.source or reader.uses(use.tenant, source=use.id):
        return False
    return not reader.uses(use.tenant, entity=use.entity, kind="netted", other=f"use {use.id}")


def order_key(use: Use) -> str:
    """The key under which a bank is told to send money back; one for each use."""
    return f"{use.tenant}/{use.entity}/bank-use/{use.id}"


def order_names(reader: Reader, uses: Sequence[Use]) -> dict[int, str]:
    """What the bank knows orders by, by use; those that were not sent are left out."""
    keys = {order_key(use): use.id for use in uses}
    told = reader.effects(uses[0].tenant, sorted(keys)) if uses else []
    answers = ((keys[one.key], one.answer) for one in told if isinstance(one.answer, dict))
    found = ((ident, (answer.get("evidence") or {}).get("provider_id")) for ident, answer in answers)
    return {ident: str(name) for ident, name in found if name}


def _same_party(one: BankEntry, other: BankEntry) -> bool:
    """Whether two entries are of the same party: by bank account where both name one, else by name."""
    if one.payer_account and other.payer_account:
        return one.payer_account == other.payer_account
    return bool(one.payer) and one.payer.casefold() == other.payer.casefold()
