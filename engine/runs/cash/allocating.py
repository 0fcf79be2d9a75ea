"""Money of a customer put to its documents by the rules of allocation."""

from __future__ import annotations

from datetime import date

from engine.base.money import ZERO
from engine.model.account import Account
from engine.model.cash import OpenEntry, Pay
from engine.model.entity import LegalEntity
from engine.model.settlement import AllocationFacts, OpenItem
from engine.receivables.open_items import Sheet
from engine.runs.run import Parts
from engine.store.reader import Reader
from engine.store.reading.settlements import credit_item


def allocated(
    parts: Parts, reader: Reader, entity: LegalEntity, account: Account, open_: OpenEntry, on: date
) -> list[Pay]:
    """What money of a customer pays of its documents, as the rules of allocation say.

    Raises:
        TollbookError: ``rule.no-answer``.
    """
    currency = open_.entry.currency
    facts = AllocationFacts(entity, account, "payment", currency, open_.left, "", on)
    terms = parts.rules.decide("allocation", facts, on).terms
    there: list[OpenItem] = reader.open_items(parts.tenant, entity.key, [account.key]).get((account.key, currency), [])
    none = credit_item(account.key, currency, ZERO, entity.functional_currency, ZERO)
    sheet = Sheet([none, *(item for item in there if item.id)])
    legs, _ = sheet.allot(open_.left, sheet.owing(), terms) if "open" in terms["to"] else ([], ZERO)
    return [Pay(leg.item.id, -leg.amount) for leg in legs]
