"""Whether the money of an advance is there: asked when its invoice is computed, and again when it is written."""

from __future__ import annotations

from decimal import Decimal

from engine.base.errors import Code, refuse
from engine.base.money import ZERO
from engine.model.account import Account
from engine.store.reader import Reader

NOT_RECEIVED = Code("advance.not-received", "An invoice over an advance of more than the account has with us.")


def received_enough(reader: Reader, tenant: str, payer: Account, amount: Decimal) -> None:
    """Refuse an advance that is not there.

    Raises:
        TollbookError: ``advance.not-received``.
    """
    items = reader.open_items(tenant, payer.entity, [payer.key]).get((payer.key, payer.currency), ())
    credit = -sum((item.left for item in items if item.kind == "credit"), ZERO)
    if amount > credit:
        what = f"an advance of {amount:f} {payer.currency}: the credit of {payer.key} is {credit.normalize():f}"
        why = "tax on an advance is due once it is received, on what is received"
        raise refuse(
            NOT_RECEIVED,
            what,
            why=why,
            mend="book the money with `tollbook account pay` first",
            subject=f"account/{payer.key}",
        )
