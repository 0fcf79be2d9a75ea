"""The disputed parts of documents: they are not asked for until the dispute is done; the rest of the same document is."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import date
from decimal import Decimal

from engine.base.money import ZERO
from engine.model.dispute import DisputeRecord
from engine.model.dunning import Freeze
from engine.model.settlement import CREDIT
from engine.runs.disputes.moves import legs_of
from engine.store.reader import Reader


def disputed(reader: Reader, tenant: str, entity: str, accounts: Collection[str]) -> Iterator[tuple[str, Freeze]]:
    """What disputes freeze of documents of some accounts, as (account, frozen part)."""
    for dispute in reader.disputes_of(tenant, entity, accounts):
        for freeze in frozen(reader, tenant, dispute):
            yield dispute.account, freeze


def frozen(reader: Reader, tenant: str, dispute: DisputeRecord) -> Iterator[Freeze]:
    """What a dispute freezes: of a payment, what is open again of its invoices while it is; of an invoice, what is contested."""
    until = dispute.closed_on or date.max
    reason = f"dispute {dispute.key}"
    if dispute.kind == "billing":
        start = reader.dispute_events([dispute.id])[dispute.id][0].day
        for one in dispute.items:
            yield Freeze(one.item, one.amount, start, max(until, start), reason)
        return
    began: dict[int, list[tuple[date, Decimal]]] = {}
    for row in legs_of(reader, tenant, dispute):
        if row["item"] == CREDIT:
            continue
        mine = began.setdefault(row["item"], [])
        if row["amount"] > ZERO:
            mine.append((row["day"], row["amount"]))
            continue
        back = -row["amount"]
        while mine and back > ZERO:
            start, amount = mine.pop(0)
            part = min(amount, back)
            yield Freeze(row["item"], part, start, max(row["day"], start), reason)
            back -= part
            if amount > part:
                mine.insert(0, (start, amount - part))
    for item, parts in began.items():
        for start, amount in parts:
            yield Freeze(item, amount, start, max(until, start), reason)
