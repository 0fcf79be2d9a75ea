"""What is done to one wallet outside of a bill run: granted, drawn, voided; each once by its key, through a given writer.

Whatever changes a wallet locks it first, looks again, and only then decides: so any number of writers at once end in the
exact total, and nobody draws what another one has drawn.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec

from engine.base.errors import Code, Finding, TollbookError, did_you_mean, refuse
from engine.base.money import ZERO, round_to
from engine.billing.wallets import ORDER, available, draw, moved
from engine.ledger.posting import Determine, Role
from engine.ledger.wallets import AGAINST, Occasion, wallet_entry
from engine.model.journal import FxRate
from engine.model.wallet import PAID, PROMOTIONAL, VOUCHER, Lot, Purse
from engine.runs.billing import rows
from engine.runs.billing.wallets import low
from engine.store import tables as t
from engine.store.reader import Reader
from engine.store.writer import Writer
from engine.store.writing.wallets import BLOCK, Act, State

UNKNOWN = Code("wallet.unknown", "A wallet that the books do not have.")
UNKNOWN_LOT = Code("wallet.unknown-lot", "A lot that a wallet does not have.")
BELOW_FLOOR = Code("wallet.below-floor", "A draw of more than there is in a wallet above its floor.")
KEY_CONFLICT = Code("wallet.key-conflict", "A key of a movement that the books have with other values.")
UNFIT = Code("wallet.unfit", "A movement whose values cannot be meant.")

ROLES: tuple[Role, ...] = (
    *("wallet", "wallet_funding", "wallet_use", "promotion", "breakage", "unapplied_cash", "fx_difference"),
)


class Booking(msgspec.Struct, frozen=True):
    """How a movement is booked: the day, the rate from the wallet's currency to functional currency, and the GL account and
    decision of each role."""

    day: date
    rate: FxRate
    accounts: dict[str, tuple[str, int]]
    decision: int = 0
    order: tuple[str, ...] = ORDER

    def determine(self) -> Determine:
        """The accounts as the ledger asks for them."""
        return lambda role, country, product: self.accounts[role]


class Grant(msgspec.Struct, frozen=True):
    """A lot to be granted: worth ``amount``, paid with ``cost``, usable in [``granted_on``, ``expires_on``)."""

    entity: str
    wallet: str
    key: str
    kind: str
    amount: Decimal
    cost: Decimal
    functional: Decimal
    granted_on: date
    expires_on: date
    priority: int
    digest: str
    booking: Booking


class Moved(msgspec.Struct, frozen=True):
    """What became of a movement: ``known`` was in the books before.  ``available`` can be drawn on its day, above the floor."""

    entity: str
    wallet: str
    account: str
    key: str
    kind: str
    amount: Decimal
    currency: str
    balance: Decimal
    available: Decimal
    version: int
    lots: Mapping[str, Decimal]
    known: bool = False
    findings: tuple[Finding, ...] = ()


def digest(*values: Any) -> str:
    """What a movement asks for, so that the same key for something else can be told."""
    return hashlib.sha256(msgspec.json.encode([str(value) for value in values])).hexdigest()[:32]


def unknown(reader: Reader, tenant: str, key: str) -> TollbookError:
    """The refusal of a wallet that is not there."""
    return refuse(UNKNOWN, f"there is no wallet {key!r}", mend=did_you_mean(key, reader.wallet_keys(tenant)))


def locked(writer: Writer, tenant: str, entity: str, wallet: str) -> tuple[Purse, State]:
    """A wallet under lock, as it is now.

    Raises:
        TollbookError: ``wallet.unknown``.
    """
    state = writer.lock_wallets(tenant, [(entity, wallet)]).get((entity, wallet))
    found = writer.reader.purse(tenant, entity, wallet)
    if state is None or found is None:
        raise unknown(writer.reader, tenant, wallet)
    return found[0], state


def checked_grant(grant: Grant, currency: str) -> None:
    """Refuse a grant that cannot be meant.

    Raises:
        TollbookError: ``wallet.unfit``.
    """
    _whole(grant.amount, currency)
    if grant.kind not in (PAID, PROMOTIONAL, VOUCHER):
        raise refuse(UNFIT, f"kind {grant.kind!r}", mend=f"write {PAID}, {PROMOTIONAL} or {VOUCHER}")
    if grant.kind == VOUCHER and grant.cost != grant.amount:
        what = f"a voucher of {grant.amount:f} {currency} that cost {grant.cost:f}"
        why = "what it redeems is taxed on what was paid for it (Directive 2006/112/EC, article 73a), which has to be what it is worth"
        raise refuse(UNFIT, what, why=why, mend="sell it for what it is worth, and give the difference as a coupon")
    if not ZERO <= grant.cost <= grant.amount or grant.cost != round_to(grant.cost, currency):
        what = f"a lot of {grant.amount:f} {currency} that cost {grant.cost:f}"
        raise refuse(UNFIT, what, why="a lot costs from nothing to what it is worth", mend="correct one of them")
    if (grant.kind == PROMOTIONAL) == (grant.cost > ZERO):
        what = f"a {grant.kind} lot that cost {grant.cost:f} {currency}"
        raise refuse(
            UNFIT, what, why="a promotional lot costs nothing, another one something", mend="correct one of them"
        )
    if grant.expires_on <= grant.granted_on:
        what = f"a lot from {grant.granted_on} that expires on {grant.expires_on}"
        mend = "expires_on is the first day on which it is worth nothing"
        raise refuse(UNFIT, what, why="nobody could ever use it", mend=mend)


def grant_lot(writer: Writer, tenant: str, grant: Grant) -> Moved:
    """Put a lot into a wallet.

    Raises:
        TollbookError: ``wallet.unknown``, ``wallet.unfit``, ``wallet.key-conflict``, ``ledger.period-closed``.
    """
    purse, state = locked(writer, tenant, grant.entity, grant.wallet)
    known = _known(writer, tenant, purse, state, grant.key, grant.digest, grant.booking.day)
    if known is not None:
        return known
    checked_grant(grant, purse.wallet.currency)
    if writer.reader.lot_named(tenant, grant.entity, grant.key) is not None:
        what = f"there is a lot {grant.key!r} in another wallet"
        raise refuse(KEY_CONFLICT, what, mend="give the new one a key of its own")
    currency = purse.wallet.currency
    head = (writer.take_ids(BLOCK, 1), grant.key, grant.wallet, grant.kind, grant.granted_on, grant.expires_on)
    worth = (grant.amount, grant.cost, grant.booking.rate.quote, grant.functional, ZERO)
    lot = Lot(*head, grant.priority, currency, *worth)
    writer.put_lots(tenant, grant.entity, [lot], {grant.wallet: purse.wallet.account})
    made = (moved("grant", lot, grant.amount),)
    act = Act(grant.entity, grant.wallet, grant.key, grant.booking.day, made, grant.digest)
    return _done(writer, tenant, purse, state, act, grant.booking, AGAINST["grant"])


def draw_on(
    writer: Writer, tenant: str, entity: str, wallet: str, key: str, amount: Decimal, asked: str, booking: Booking
) -> Moved:
    """Take an amount out of a wallet, all of it or nothing.

    Raises:
        TollbookError: ``wallet.unknown``, ``wallet.unfit``, ``wallet.key-conflict``, ``wallet.below-floor``,
            ``ledger.period-closed``.
    """
    purse, state = locked(writer, tenant, entity, wallet)
    known = _known(writer, tenant, purse, state, key, asked, booking.day)
    if known is not None:
        return known
    terms = purse.wallet
    _whole(amount, terms.currency)
    above = available(purse.lots, terms.floor, booking.day)
    if amount > above:
        held, floor, asked_for, can = (
            f"{round_to(one, terms.currency):f}" for one in (state.balance, terms.floor, amount, above)
        )
        what = f"{asked_for} {terms.currency} cannot be drawn from wallet {wallet}: {can} can"
        why = f"its balance is {held}, its floor {floor}"
        raise refuse(BELOW_FLOOR, what, why=why, mend="draw less, or grant more before")
    taken = draw(amount, purse.lots, terms.floor, booking.order, booking.day)
    made = tuple(moved("draw", lot, -part, decision=booking.decision) for lot, part in taken)
    act = Act(entity, wallet, key, booking.day, made, asked, terms.floor)
    return _done(writer, tenant, purse, state, act, booking, AGAINST["draw"])


def void_lot(writer: Writer, tenant: str, entity: str, wallet: str, lot_key: str, booking: Booking) -> Moved:
    """Take back what is left of a lot that should not have been granted; again changes nothing.

    Raises:
        TollbookError: ``wallet.unknown``, ``wallet.unknown-lot``, ``ledger.period-closed``.
    """
    purse, state = locked(writer, tenant, entity, wallet)
    lot = writer.reader.lot_named(tenant, entity, lot_key)
    if lot is None or lot.wallet != wallet:
        words = [one.key for one in writer.reader.lots_of(tenant, entity, wallet)]
        raise refuse(UNKNOWN_LOT, f"wallet {wallet} has no lot {lot_key!r}", mend=did_you_mean(lot_key, words))
    key = f"void/{lot_key}"
    if not lot.left:
        return _told(purse, state, key, "void", {}, booking.day, known=True)
    act = Act(entity, wallet, f"{key}/{state.version}", booking.day, (moved("void", lot, -lot.left),), key)
    return _done(writer, tenant, purse, state, act, booking, AGAINST["void"])


def book(writer: Writer, tenant: str, acts: Sequence[tuple[Act, Role, Occasion]], states: Mapping[Any, State]) -> None:
    """Write acts and their entries."""
    documents = writer.move_wallets(tenant, [act for act, _, _ in acts], states)
    entries = [
        (document, entry)
        for document, (act, against, occasion) in zip(documents, acts, strict=True)
        if (entry := wallet_entry(occasion, act.moves, against)) is not None
    ]
    if entries:
        first = writer.take_ids("entry", len(entries))
        made = [rows.entry_row(first + n, one, document, writer.run_id) for n, (document, one) in enumerate(entries)]
        writer.append(t.ENTRY, made)
        writer.append(
            t.POSTING, [row for n, (_, one) in enumerate(entries) for row in rows.posting_rows(first + n, one, 0)]
        )


def _done(writer: Writer, tenant: str, purse: Purse, state: State, act: Act, booking: Booking, against: Role) -> Moved:
    """Write an act of one wallet and its entry."""
    text = f"{act.moves[0].kind} {act.key} of wallet {act.wallet}"
    occasion = Occasion(tenant, act.entity, purse.account.country, booking.day, text, booking.rate, booking.determine())
    book(writer, tenant, [(act, against, occasion)], {(act.entity, act.wallet): state})
    after = State(state.balance + sum((m.amount for m in act.moves), ZERO), state.version + len(act.moves))
    lots = {lot.id: lot for lot in purse.lots}
    lots |= {move.lot.id: msgspec.structs.replace(move.lot, left=move.left) for move in act.moves}
    purse = msgspec.structs.replace(purse, lots=tuple(lots.values()))
    told = {move.lot.key: move.amount for move in act.moves}
    made = _told(purse, after, act.key, act.moves[0].kind, told, booking.day)
    fell = after.balance < min(state.balance, purse.wallet.low)
    return msgspec.structs.replace(made, findings=(low(purse, after.balance),)) if fell else made


def _known(writer: Writer, tenant: str, purse: Purse, state: State, key: str, asked: str, day: date) -> Moved | None:
    """What became of the movement of that key before; None where there is none.

    Raises:
        TollbookError: ``wallet.key-conflict``.
    """
    wallet = purse.wallet
    before = writer.reader.moved_by(tenant, wallet.entity, wallet.key, key)
    if not before:
        return None
    if before[0]["digest"] != asked:
        total = sum((row["amount"] for row in before), ZERO)
        what = f"the key {key!r} is in the books as a {before[0]['kind']} of {round_to(abs(total), wallet.currency):f} {wallet.currency}"
        raise refuse(KEY_CONFLICT, what, why="what was moved stays as it is", mend="give a new movement a new key")
    lots = {row["lot"]: row["amount"] for row in before}
    return _told(purse, state, key, before[0]["kind"], lots, day, known=True)


def _told(
    purse: Purse, state: State, key: str, kind: str, lots: Mapping[str, Decimal], day: date, *, known: bool = False
) -> Moved:
    terms = purse.wallet
    amount, above = sum(lots.values(), ZERO), available(purse.lots, terms.floor, day)
    head = (terms.entity, terms.key, terms.account, key, kind, amount, terms.currency)
    return Moved(*head, state.balance, above, state.version, dict(lots), known)


def _whole(amount: Decimal, currency: str) -> None:
    if amount <= ZERO or amount != round_to(amount, currency):
        what = f"an amount of {amount:f} {currency}"
        raise refuse(UNFIT, what, mend="write an amount above zero with no more digits than the currency has")
