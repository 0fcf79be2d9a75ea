"""What is done about money that a dispute has cost: a credit note, a write-off, or nothing, as its rule has assessed it.

Each act has a key of its own and the rules of its own department: a credit note that two persons have to approve is proposed, and the
dispute waits for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Final

import msgspec

from engine.base.money import CONTEXT, ZERO, round_to
from engine.model.dispute import GIVEN_UP, DisputeRecord, Standing
from engine.model.dispute_views import Loss
from engine.model.journal import Change
from engine.model.settlement import CREDIT, OpenItem
from engine.runs.accounts.desk import AccountDesk
from engine.runs.accounts.memo_desk import CREDITED, Noted
from engine.runs.approvals import Outcome
from engine.runs.disputes.moves import loss_key, opened_by
from engine.runs.run import Parts

TRIES: Final = 3
"""Amounts before tax that are tried until a credit note comes to what was lost, tax included."""


class _Lost(msgspec.Struct, frozen=True):
    item: OpenItem
    amount: Decimal


def assess(
    parts: Parts, accounts: AccountDesk, dispute: DisputeRecord, now: Standing, day: date, change: Change
) -> list[Loss]:
    """Do what is to be done about what was lost; what is done already stays as it is.

    The reason of each act is the dispute, so that what waits for approval is the same proposal however often it is asked for.

    Raises:
        TollbookError: what rules of crediting refuse, ``period.closed``, and as the desk of accounts.
    """
    change = msgspec.structs.replace(change, reason=f"dispute {dispute.key} is {now.state}")
    losses: list[Loss] = []
    if now.given_up and not now.waits:
        for lost in _lost(parts, dispute, now):
            losses += _one(parts, accounts, dispute, now, lost, day, change)
    if dispute.terms.fee == "customer" and now.state in GIVEN_UP and now.fees > ZERO:
        losses.append(_fee(accounts, dispute, now, day, change))
    return losses


def _lost(parts: Parts, dispute: DisputeRecord, now: Standing) -> Iterator[_Lost]:
    """The documents for which something was lost, with how much of each."""
    with parts.books.reader() as reader:
        if dispute.kind == "billing":
            shares = {one.item: one.amount for one in dispute.items}
        else:
            shares = opened_by(reader, parts.tenant, dispute)
        rest = now.given_up
        for ident, share in shares.items():
            item = reader.item(parts.tenant, dispute.entity, ident) if ident != CREDIT else None
            part = min(share, rest)
            rest -= part
            if item is not None and part > ZERO:
                yield _Lost(item, part)


def _one(
    parts: Parts, accounts: AccountDesk, dispute: DisputeRecord, now: Standing, lost: _Lost, day: date, change: Change
) -> Iterator[Loss]:
    item, amount = lost.item, lost.amount
    key = loss_key(dispute, now.round, item.number)
    if dispute.terms.assessment == "claim":
        yield Loss(item.number, "claim", amount, done=True)
        return
    rest = amount
    if dispute.terms.assessment == "concession" and item.kind in CREDITED:
        made = _credited(parts, accounts, dispute, key, lost, day, change)
        if made is not None:
            yield made
            if not made.done or dispute.kind == "billing":
                return
            rest = amount - made.amount
    with parts.books.reader() as reader:
        known = reader.settlements(parts.tenant, dispute.entity, key=key)
        there = reader.item(parts.tenant, dispute.entity, item.id)
    what = "credit_loss" if rest == amount else "rounding"
    if known:
        yield Loss(item.number, what, -sum((row["amount"] for row in known), ZERO), done=True)
        return
    rest = min(rest, there.left if there is not None else ZERO)
    if rest > ZERO:
        asked = (dispute.account, key, item.number, change)
        note = f"dispute {dispute.key}: {now.state}"
        settled = accounts.write_off(*asked, amount=rest, entity=dispute.entity, on=day, note=note)
        waits = settled.approval.id if isinstance(settled, Outcome) and settled.approval else 0
        yield Loss(item.number, what, rest, done=not waits, approval=waits)


def _credited(
    parts: Parts, accounts: AccountDesk, dispute: DisputeRecord, key: str, lost: _Lost, day: date, change: Change
) -> Loss | None:
    """The credit note of a lost part; None where nothing is left to be credited."""
    item, wanted = lost.item, lost.amount
    with parts.books.reader() as reader:
        memo = reader.memo(parts.tenant, dispute.entity, key)
        head = reader.invoice(memo["id"]) if memo else None
        sold = reader.invoice(item.id)
    if head is not None:
        return Loss(item.number, "concession", -head["total"], done=True, document=head["number"])
    assert sold is not None
    asked = (item.number, dispute.terms.credit_reason, max(day, sold["invoice_date"]), change)
    made = _fitting(accounts, asked, wanted, sold["net"], sold["total"], dispute.currency, key)
    if made is None:
        return None
    net, noted = made
    real = accounts.memos.credit(*asked, amount=net, key=key)
    waits = real.outcome.approval.id if real.outcome and real.outcome.approval and real.state == "proposed" else 0
    return Loss(
        item.number, "concession", -noted.total, done=real.state == "issued", document=real.number, approval=waits
    )


def _fitting(
    accounts: AccountDesk,
    asked: tuple[str, str, date, Change],
    wanted: Decimal,
    net: Decimal,
    total: Decimal,
    currency: str,
    key: str,
) -> tuple[Decimal, Noted] | None:
    """The amount before tax of which a credit note comes to what is wanted, or to as little less as there is."""
    amount = round_to(CONTEXT.divide(wanted * net, total), currency)
    best: tuple[Decimal, Noted] | None = None
    for _ in range(TRIES):
        if amount <= ZERO:
            break
        noted = accounts.memos.credit(*asked, amount=amount, key=key, dry_run=True)
        given = -noted.total
        if given <= wanted and (best is None or given > -best[1].total):
            best = (amount, noted)
        if given == wanted:
            break
        amount += wanted - given
    return best


def _fee(accounts: AccountDesk, dispute: DisputeRecord, now: Standing, day: date, change: Change) -> Loss:
    key = loss_key(dispute, now.round, "fee")
    text = f"Fee of the bank for dispute {dispute.key}"
    noted = accounts.memos.debit(
        dispute.account, now.fees, "dispute_fee", day, change, text=text, entity=dispute.entity, key=key
    )
    waits = noted.outcome.approval.id if noted.state == "proposed" and noted.outcome and noted.outcome.approval else 0
    return Loss(noted.number, "fee", noted.total, done=noted.state == "issued", document=noted.number, approval=waits)
