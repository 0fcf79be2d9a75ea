"""What is done to the open items of one account, each once by its key, through a given writer.

Whatever settles something locks the account's items first, looks again, and only then decides.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final

import msgspec

from engine.base.errors import Code, did_you_mean, refuse
from engine.base.money import ZERO, round_to
from engine.ledger.fx import convert
from engine.ledger.posting import Determine, Role
from engine.ledger.settlements import settlement_entry
from engine.ledger.wallets import Occasion
from engine.model.journal import FxRate, JournalEntry
from engine.model.settlement import CREDIT, Leg
from engine.receivables.open_items import Sheet
from engine.runs.billing import rows
from engine.store import tables as t
from engine.store.reading.settlements import credit_item
from engine.store.writer import Writer
from engine.store.writing.settlements import Act, as_digest

UNFIT = Code("settlement.unfit", "A payment, refund or the like whose values cannot be meant.")
KEY_CONFLICT = Code("settlement.key-conflict", "A key of a settlement that the books have with other values.")
NO_PAYMENT = Code("settlement.no-payment", "A refund or chargeback of a payment that the books do not have.")
MORE_THAN_PAID = Code("settlement.more-than-paid", "A refund or chargeback of more than is left of a payment.")
NOT_OPEN = Code("settlement.not-open", "A settlement of a document that is not open, or is of another account.")
NO_CREDIT = Code("settlement.no-credit", "A use of more credit than there is on an account.")

ROLES: Final[tuple[Role, ...]] = (
    *("receivable", "account_credit", "unapplied_cash", "cash", "write_off", "goodwill", "fx_difference"),
    *("realised_gain", "realised_loss"),
)


Purse = tuple[str, str, str, str]
"""(legal entity, account, currency, functional currency)."""


class Booking(msgspec.Struct, frozen=True):
    """How something is booked: the day, the rate of the currency in functional currency, the country of the account, the GL
    account and decision of each role, and the terms of allocation with their decision."""

    day: date
    rate: FxRate
    country: str
    accounts: dict[str, tuple[str, int]]
    terms: dict[str, Any]
    decision: int = 0

    def determine(self) -> Determine:
        """The accounts as the ledger asks for them."""
        known = self.accounts  # of one that was proposed before there were roles of realised differences
        return lambda role, country, product: known[role if role in known else "fx_difference"]


class Move(msgspec.Struct, frozen=True):
    """Something that is to settle: of ``kind``, a key of :data:`MOVES`.

    ``invoices`` are ids of the documents that are meant, ``payment`` the key of the payment that is given back, ``other`` the
    account that credit is handed to.
    """

    kind: str
    entity: str
    account: str
    key: str
    amount: Decimal
    booking: Booking
    invoices: tuple[int, ...] = ()
    payment: str = ""
    other: str = ""
    note: str = ""

    @property
    def currency(self) -> str:
        """Currency of the amount."""
        return self.booking.rate.base

    @property
    def purse(self) -> Purse:
        """What is locked for it."""
        return self.entity, self.account, self.currency, self.booking.rate.quote

    @property
    def digest(self) -> str:
        """What is asked for, so that the same key for something else can be told."""
        names = ("kind", "account", "invoices", "payment", "other")
        return as_digest({name: getattr(self, name) for name in names} | {"amount": self.amount.normalize()})


def moved(given: Mapping[str, Any]) -> Move:
    """A move of its JSON values."""
    return msgspec.convert(given, Move)


class Settled(msgspec.Struct, frozen=True):
    """What became of it: ``known`` was in the books before; ``legs`` are (number, amount added to what is left, left after)."""

    kind: str
    entity: str
    account: str
    key: str
    currency: str
    legs: tuple[tuple[str, Decimal, Decimal], ...]
    credit: Decimal
    known: bool = False


def sheet(writer: Writer, tenant: str, purse: Purse) -> Sheet:
    """The open items of an account in one currency, under lock."""
    return sheets(writer, tenant, [purse])[purse]


def sheets(writer: Writer, tenant: str, purses: Collection[Purse]) -> dict[Purse, Sheet]:
    """The open items of accounts of one legal entity, each in one currency, under lock."""
    if not purses:
        return {}
    credits = writer.lock_items(tenant, purses)
    (entity,) = {purse[0] for purse in purses}
    found = writer.reader.open_items(tenant, entity, {purse[1] for purse in purses})
    return {
        purse: Sheet([credit, *(item for item in found.get(purse[1:3], ()) if item.id != CREDIT)])
        for purse, credit in credits.items()
    }


def move(writer: Writer, tenant: str, asked: Move) -> Settled:
    """Do it; the same key again changes nothing.

    Raises:
        TollbookError: the codes of this module, ``settlement.over-settled``, ``ledger.period-closed``.
    """
    there = sheet(writer, tenant, asked.purse)
    known = writer.reader.settlements(tenant, asked.entity, key=asked.key)
    if known:
        return _known(known, asked, there)
    if asked.kind != "apply":
        _whole(asked.amount, asked.currency)
    legs, against = MOVES[asked.kind](writer, tenant, asked, there)
    if legs:
        kind = KINDS.get(asked.kind, asked.kind)
        act = Act(
            *(asked.entity, asked.key, kind, asked.booking.day, tuple(legs), asked.digest, asked.payment),
            *(asked.note, asked.booking.decision if kind in ("payment", "credit_note") else 0),
        )
        book(writer, tenant, [(act, against, _occasion(tenant, asked))])
    told = tuple((one.item.number, one.amount, one.item.left + one.amount) for one in legs)
    head = (asked.kind, asked.entity, asked.account, asked.key, asked.currency)
    return Settled(*head, told, -there.credit.left)


def book(writer: Writer, tenant: str, acts: Sequence[tuple[Act, Role | None, Occasion]]) -> None:
    """Write acts and the entries that their legs make."""
    keep_acts(writer, tenant, [(act, settlement_entry(occasion, act.legs, against)) for act, against, occasion in acts])


def keep_acts(writer: Writer, tenant: str, acts: Sequence[tuple[Act, JournalEntry | None]]) -> list[int]:
    """Write acts with their entries, where they have any; the document of each act."""
    documents = writer.settle(tenant, [act for act, _ in acts])
    made = [(document, entry) for document, (_, entry) in zip(documents, acts, strict=True) if entry is not None]
    if made:
        first = writer.take_ids("entry", len(made))
        heads = [rows.entry_row(first + n, one, document, writer.run_id) for n, (document, one) in enumerate(made)]
        writer.append(t.ENTRY, heads)
        writer.append(
            t.POSTING, [row for n, (_, one) in enumerate(made) for row in rows.posting_rows(first + n, one, 0)]
        )
    return documents


Made = tuple[list[Leg], Role | None]
"""The legs, and what they are booked against."""


def _pay(writer: Writer, tenant: str, asked: Move, there: Sheet) -> Made:
    named, terms = _named(asked, there), asked.booking.terms
    money, legs = asked.amount, list[Leg]()
    among = [item for item in there.owing() if not named or item.id in named]
    if named or "open" in terms["to"]:
        legs, money = there.allot(money, among, terms)
    if money:
        legs.append(there.take(CREDIT, -money, -convert(money, asked.booking.rate)))
    return legs, "cash"


def _give_back(writer: Writer, tenant: str, asked: Move, there: Sheet) -> Made:
    """A refund or chargeback of a payment: what it has paid last is open again first."""
    if not asked.payment:
        return [_used(asked, there)], "cash"
    paid = {item: -amount for item, amount in _standing(writer, tenant, asked).items() if amount < ZERO}
    return _reversed(writer, tenant, asked, there, paid, 1), "cash"


def _stand_again(writer: Writer, tenant: str, asked: Move, there: Sheet) -> Made:
    """A chargeback that was won: what it has opened is paid again."""
    back: dict[int, Decimal] = {}
    for row in writer.reader.settlements(tenant, asked.entity, source=asked.payment):
        if row["kind"] == "chargeback":
            back[row["item"]] = back.get(row["item"], ZERO) + row["amount"]
    return _reversed(writer, tenant, asked, there, {k: v for k, v in back.items() if v > ZERO}, -1), "cash"


def _reversed(
    writer: Writer, tenant: str, asked: Move, there: Sheet, able: Mapping[int, Decimal], sign: int
) -> list[Leg]:
    most = sum(able.values(), ZERO)
    if asked.amount > most:
        what = f"{asked.amount:f} {asked.currency} of payment {asked.payment}: {most:f} is left"
        raise refuse(MORE_THAN_PAID, what, mend=f"give back at most {most:f}")
    legs, rest = list[Leg](), asked.amount
    for item, amount in reversed(list(able.items())):
        part = min(rest, amount)
        if part <= ZERO:
            break
        if item not in there.items:
            found = writer.reader.item(tenant, asked.entity, item)
            assert found is not None
            there.items[item] = found
        if item == CREDIT and sign > 0 and part > -there.credit.left:
            raise _no_credit(asked, there, part)
        worth = sign * convert(part, asked.booking.rate) if item == CREDIT and sign < 0 else None
        legs.append(there.take(item, sign * part, worth))
        rest -= part
    return legs


def _standing(writer: Writer, tenant: str, asked: Move) -> dict[int, Decimal]:
    """What a payment has paid and was not given back, by item."""
    rows_ = writer.reader.settlements(tenant, asked.entity, key=asked.payment)
    if not rows_ or rows_[0]["kind"] != "payment":
        mine = writer.reader.settlements(tenant, asked.entity, kind="payment", account=asked.account)
        near = list(dict.fromkeys(row["key"] for row in mine))
        raise refuse(NO_PAYMENT, f"there is no payment {asked.payment!r}", mend=did_you_mean(asked.payment, near))
    left: dict[int, Decimal] = {}
    for row in (*rows_, *writer.reader.settlements(tenant, asked.entity, source=asked.payment)):
        left[row["item"]] = left.get(row["item"], ZERO) + row["amount"]
    return left


def _grant(writer: Writer, tenant: str, asked: Move, there: Sheet) -> Made:
    return [there.take(CREDIT, -asked.amount, -convert(asked.amount, asked.booking.rate))], "goodwill"


def _hand_over(writer: Writer, tenant: str, asked: Move, there: Sheet) -> Made:
    given = _used(asked, there)
    entity, _, currency, own = asked.purse
    other = sheet(writer, tenant, (entity, asked.other, currency, own))
    return [given, other.take(CREDIT, -asked.amount, -given.functional)], None


def _write_off(writer: Writer, tenant: str, asked: Move, there: Sheet) -> Made:
    named = _named(asked, there)
    legs, rest = there.pay(asked.amount, [there.items[ident] for ident in named], ["oldest"])
    if rest:
        raise _over(asked, asked.amount - rest)
    return legs, "write_off"


def _apply(writer: Writer, tenant: str, asked: Move, there: Sheet) -> Made:
    """Bring credit notes, money that came over and the credit to open invoices."""
    legs: list[Leg] = []
    sources = [item.id for item in there.items.values() if item.left < ZERO]
    originals = writer.reader.originals(sources)
    for source in sorted(sources, key=lambda ident: (ident == CREDIT, ident)):
        legs += there.spread(source, asked.booking.terms, originals.get(source, ()))
    return legs, None


def _used(asked: Move, there: Sheet) -> Leg:
    if asked.amount > -there.credit.left:
        raise _no_credit(asked, there, asked.amount)
    return there.take(CREDIT, asked.amount)


def _no_credit(asked: Move, there: Sheet, amount: Decimal) -> Exception:
    what = f"{amount:f} {asked.currency} of the credit of {asked.account}, which is {-there.credit.left:f}"
    return refuse(NO_CREDIT, what, mend="`tollbook account show` says what there is")


def _over(asked: Move, most: Decimal) -> Exception:
    return refuse(UNFIT, f"{asked.amount:f} {asked.currency}, where {most:f} is open", mend=f"write at most {most:f}")


def _named(asked: Move, there: Sheet) -> list[int]:
    """The documents that are meant, which have to be open."""
    absent = [ident for ident in asked.invoices if ident not in there.items or there.items[ident].left <= ZERO]
    if absent:
        known = ", ".join(item.number for item in there.owing()) or "none"
        what = f"a document that is settled, or is not to be paid by {asked.account} in {asked.currency}"
        raise refuse(NOT_OPEN, what, mend=f"open: {known}")
    return list(asked.invoices)


MOVES: Final[Mapping[str, Callable[[Writer, str, Move, Sheet], Made]]] = {
    "payment": _pay,
    "refund": _give_back,
    "chargeback": _give_back,
    "chargeback_reversed": _stand_again,
    "account_credit": _grant,
    "transfer": _hand_over,
    "write_off": _write_off,
    "apply": _apply,
}
"""What can be done, by kind: its legs, and what they are booked against."""

KINDS: Final[Mapping[str, str]] = {"chargeback_reversed": "chargeback", "apply": "credit_note"}
"""Under which kind it stands in the books, where that is another word."""


def _occasion(tenant: str, asked: Move) -> Occasion:
    text = f"{asked.kind.replace('_', ' ')} {asked.key} of {asked.account}"
    booking = asked.booking
    return Occasion(tenant, asked.entity, booking.country, booking.day, text, booking.rate, booking.determine())


def _known(found: Iterable[Mapping[str, Any]], asked: Move, there: Sheet) -> Settled:
    before = list(found)
    if before[0]["digest"] != asked.digest:
        total = sum((row["amount"] for row in before), ZERO)
        what = (
            f"the key {asked.key!r} is in the books as a {before[0]['kind']} of {abs(total):f} {before[0]['currency']}"
        )
        raise refuse(
            KEY_CONFLICT, what, why="what was settled stays as it is", mend="give the new one a key of its own"
        )
    empty = credit_item(asked.account, asked.currency, ZERO, "", ZERO)
    told = tuple((there.items.get(row["item"], empty).number, row["amount"], ZERO) for row in before)
    head = (asked.kind, asked.entity, asked.account, asked.key, asked.currency)
    return Settled(*head, told, -there.credit.left, known=True)


def _whole(amount: Decimal, currency: str) -> None:
    if amount <= ZERO or amount != round_to(amount, currency):
        mend = "write an amount above zero with no more digits than the currency has"
        raise refuse(UNFIT, f"an amount of {amount:f} {currency}", mend=mend)
