"""The money of a dispute, brought to where it has to stand, in the transaction that it is given."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Final

from engine.base.errors import did_you_mean, refuse
from engine.base.money import ZERO
from engine.ledger.disputes import ROLES, dispute_entry, worth_of_held
from engine.ledger.fx import convert
from engine.ledger.posting import determine
from engine.ledger.wallets import Occasion
from engine.model.account import Account
from engine.model.dispute import DisputeRecord, Position, Standing
from engine.model.entity import LegalEntity
from engine.model.settlement import CREDIT, Leg
from engine.receivables.dispute import Shift, shift
from engine.receivables.open_items import Sheet
from engine.runs.accounts.settlement_moves import MORE_THAN_PAID, NO_PAYMENT, book, sheet
from engine.runs.accounts.settlement_moves import ROLES as SETTLING
from engine.runs.billing import rows
from engine.runs.booking import rate_of
from engine.runs.cash.giving_up import taken_back
from engine.runs.run import Parts
from engine.store import tables as t
from engine.store.reader import Reader
from engine.store.writer import Writer
from engine.store.writing.disputes import BLOCK
from engine.store.writing.settlements import Act

PREFIX: Final = "dispute/"
"""What keys of acts of disputes begin with."""


def loss_key(dispute: DisputeRecord, round_: int, number: str) -> str:
    """Key of the credit note or write-off of a document that a dispute was lost for."""
    return f"{PREFIX}{dispute.key}/{round_}/{number}"


def paid_by(reader: Reader, tenant: str, dispute: DisputeRecord) -> list[dict[str, Any]]:
    """The legs of the payment of a dispute.

    Raises:
        TollbookError: ``settlement.no-payment``, ``settlement.more-than-paid``.
    """
    found = reader.settlements(tenant, dispute.entity, key=dispute.payment, kind="payment")
    if not found or found[0]["account"] != dispute.account:
        mine = reader.settlements(tenant, dispute.entity, kind="payment", account=dispute.account)
        near = list(dict.fromkeys(row["key"] for row in mine))
        what = f"{dispute.account} has no payment {dispute.payment!r}"
        raise refuse(NO_PAYMENT, what, mend=did_you_mean(dispute.payment, near))
    return found


def refuse_more(reader: Reader, tenant: str, dispute: DisputeRecord, amount: Decimal) -> None:
    """Refuse to contest more than was paid, or another currency.

    Raises:
        TollbookError: ``settlement.no-payment``, ``settlement.more-than-paid``.
    """
    found = paid_by(reader, tenant, dispute)
    if found[0]["currency"] != dispute.currency:
        what = f"a dispute in {dispute.currency} of payment {dispute.payment} in {found[0]['currency']}"
        raise refuse(NO_PAYMENT, what, mend=f"write what is contested in {found[0]['currency']}")
    paid = -sum((row["amount"] for row in found), ZERO)
    if amount > paid:
        what = f"{amount:f} {dispute.currency} of payment {dispute.payment}, which came to {paid:f}"
        raise refuse(MORE_THAN_PAID, what, mend=f"contest at most {paid:f}")


def bring(
    parts: Parts,
    writer: Writer,
    dispute: DisputeRecord,
    owner: tuple[LegalEntity, Account],
    now: Standing,
    day: date,
) -> Shift:
    """Book the difference between where the money of a chargeback has to stand and where it does; what that was.

    Raises:
        TollbookError: ``fx.no-rate``, ``rule.no-answer``, ``ledger.period-closed``.
    """
    reader, tenant = writer.reader, parts.tenant
    there = reader.dispute_position(dispute.id)
    pays = dispute.terms.fee != "elsewhere"
    purse = (dispute.entity, dispute.account, dispute.currency, dispute.functional_currency)
    open_ = sheet(writer, tenant, purse)
    able = _able(reader, tenant, dispute, open_)
    todo = shift(now, there, dispute.terms.money, sum(able.values(), ZERO), pays_fees=pays)
    if not todo:
        return todo
    occasion = _occasion(parts, reader, dispute, owner, todo, day)
    part = len(reader.dispute_bookings(dispute.id)) + 1
    key = f"{PREFIX}{dispute.key}#{part}"
    legs = _opened(reader, tenant, dispute, open_, able, todo.opened)
    if todo.opened < ZERO:
        _undo_write_offs(writer, tenant, dispute, open_, occasion, -todo.opened)
        legs = _paid_again(writer, tenant, dispute, open_, occasion, -todo.opened)
    _book(writer, tenant, dispute, there, todo, legs, occasion, key)
    return todo


def _book(
    writer: Writer,
    tenant: str,
    dispute: DisputeRecord,
    there: Position,
    todo: Shift,
    legs: list[Leg],
    occasion: Occasion,
    key: str,
) -> None:
    worth = worth_of_held(occasion, there, todo.held)
    lost = _lost_worth(worth, todo, occasion)
    sums: dict[Any, Decimal] = {
        "dispute_receivable": todo.held,
        "write_off": todo.lost,
        "dispute_fees": todo.fees,
        "psp_clearing" if dispute.provider else "cash": -todo.taken - todo.fees,
    }
    entry = dispute_entry(occasion, legs, sums, {"dispute_receivable": worth, "write_off": lost})
    if legs:
        note = dispute.reason
        act = Act(dispute.entity, key, "chargeback", occasion.day, tuple(legs), "", dispute.payment, note)
        (document,) = writer.settle(tenant, [act])
    else:
        document = writer.take_ids(BLOCK, 1)
    first = writer.take_ids("entry", 1)
    writer.append(t.ENTRY, [rows.entry_row(first, entry, document, writer.run_id)])
    writer.append(t.POSTING, rows.posting_rows(first, entry, 0))
    changed = (todo.opened, todo.held, todo.lost, todo.fees, worth)
    writer.book_dispute(tenant, dispute, document, key if legs else "", occasion.day, changed)


def _lost_worth(worth: Decimal, todo: Shift, occasion: Occasion) -> Decimal:
    """What is lost of what was held is lost for what that was worth."""
    if todo.held and todo.lost == -todo.held:
        return -worth
    return convert(todo.lost, occasion.rate)


def _able(reader: Reader, tenant: str, dispute: DisputeRecord, open_: Sheet) -> dict[int, Decimal]:
    """How much of each item the payment has paid, which was not given back: what can be open again."""
    if dispute.kind == "billing":
        return {}
    left: dict[int, Decimal] = {}
    found = paid_by(reader, tenant, dispute)
    for row in (*found, *reader.settlements(tenant, dispute.entity, source=dispute.payment)):
        left[row["item"]] = left.get(row["item"], ZERO) - row["amount"]
    named = {one.item: one.amount for one in dispute.items}
    able: dict[int, Decimal] = {}
    for item, amount in left.items():
        most = min(amount, -open_.credit.left) if item == CREDIT else amount
        if named:
            most = min(most, named[item] or most) if item in named else ZERO
        if most > ZERO:
            able[item] = most
    return able


def _opened(
    reader: Reader, tenant: str, dispute: DisputeRecord, open_: Sheet, able: Mapping[int, Decimal], money: Decimal
) -> list[Leg]:
    """Legs that open what the payment has paid, the last first."""
    legs = []
    for item, most in reversed(list(able.items())):
        part = min(most, money)
        if part > ZERO:
            _laid_out(reader, tenant, dispute, open_, item)
            legs.append(open_.take(item, part))
            money -= part
    return legs


def _paid_again(
    writer: Writer, tenant: str, dispute: DisputeRecord, open_: Sheet, occasion: Occasion, money: Decimal
) -> list[Leg]:
    """Legs that pay again what the dispute has opened; what is not open any more is credit of the account."""
    legs: list[Leg] = []
    for item, most in opened_by(writer.reader, tenant, dispute).items():
        _laid_out(writer.reader, tenant, dispute, open_, item)
        part = min(most, money, max(open_.items[item].left, ZERO))
        if part > ZERO and item != CREDIT:
            legs.append(open_.take(item, -part))
            money -= part
    if money > ZERO:
        legs.append(open_.take(CREDIT, -money, -convert(money, occasion.rate)))
    return legs


def opened_by(reader: Reader, tenant: str, dispute: DisputeRecord) -> dict[int, Decimal]:
    """What acts of a dispute have opened and not paid again, by item."""
    sums: dict[int, Decimal] = {}
    for row in legs_of(reader, tenant, dispute):
        sums[row["item"]] = sums.get(row["item"], ZERO) + row["amount"]
    return {item: amount for item, amount in sums.items() if amount > ZERO}


def legs_of(reader: Reader, tenant: str, dispute: DisputeRecord) -> list[dict[str, Any]]:
    """The legs of the acts of a dispute, in their order."""
    mine = f"{PREFIX}{dispute.key}#"
    found = reader.settlements(tenant, dispute.entity, source=dispute.payment, kind="chargeback")
    return [row for row in found if row["key"].startswith(mine)]


def _undo_write_offs(
    writer: Writer, tenant: str, dispute: DisputeRecord, open_: Sheet, occasion: Occasion, money: Decimal
) -> None:
    """What was written off because a dispute seemed lost stands again, as far as the bank has brought it and nothing else has taken
    it back."""
    for item in opened_by(writer.reader, tenant, dispute):
        if item == CREDIT or money <= ZERO:
            continue
        _laid_out(writer.reader, tenant, dispute, open_, item)
        written = writer.reader.settlements(tenant, dispute.entity, item=item, kind="write_off")
        mine = [row for row in written if row["key"].startswith(f"{PREFIX}{dispute.key}/")]
        first = [row for row in mine if not row["source"]]
        back = taken_back(writer.reader, tenant, dispute.entity, [row["key"] for row in first])
        off = -sum((row["amount"] for row in first), ZERO) - back
        part = min(off, money)
        if part > ZERO:
            leg = open_.take(item, part)
            key = f"{PREFIX}{dispute.key}/undone/{len(mine)}/{open_.items[item].number}"
            of = (dispute.entity, key, "write_off", occasion.day, (leg,), "", mine[0]["key"])
            book(writer, tenant, [(Act(*of, "the dispute was won after all"), "write_off", occasion)])
            money -= part


def _laid_out(reader: Reader, tenant: str, dispute: DisputeRecord, open_: Sheet, item: int) -> None:
    if item not in open_.items:
        found = reader.item(tenant, dispute.entity, item)
        assert found is not None
        open_.items[item] = found


def _occasion(
    parts: Parts,
    reader: Reader,
    dispute: DisputeRecord,
    owner: tuple[LegalEntity, Account],
    todo: Shift,
    day: date,
) -> Occasion:
    entity, account = owner
    rate = rate_of(parts, reader, dispute.currency, dispute.functional_currency, day)
    accounts = determine(parts.rules.decide, entity.key, dispute.currency, day)
    for role in (*SETTLING, *ROLES):
        accounts(role, account.country, "")
    way = "booked" if not todo.taken else "won back" if todo.taken < ZERO else "taken back"
    return Occasion(parts.tenant, entity.key, account.country, day, f"dispute {dispute.key}: {way}", rate, accounts)
