"""What customers have ordered: purchase orders, and what of them is used up."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from engine.model.account import Account
from engine.model.entity import LegalEntity

NOTHING: Final = Decimal(0)

Problem = Literal["", "missing", "unknown", "currency", "not_valid", "out_of_scope", "exceeded"]


class PurchaseOrder(msgspec.Struct, frozen=True, gc=False):
    """A purchase order of a customer.  Natural key: (tenant, entity, account, number).

    ``account`` is the payer.  Invoices dated in [``valid_from``, ``valid_to``) may come to ``amount`` before tax on it, less
    credits; None is no limit.  ``charges`` and ``products`` say what it is for, all where they are empty.
    """

    tenant: str
    entity: str
    account: str
    number: str
    valid_from: date
    valid_to: date
    amount: Decimal | None
    currency: str
    charges: tuple[str, ...] = ()
    products: tuple[str, ...] = ()
    buyer_reference: str = ""

    def covers(self, charge: str, product: str) -> bool:
        """Whether it is for a charge of a product."""
        return (not self.charges or charge in self.charges) and (not self.products or product in self.products)


class Used(msgspec.Struct, frozen=True, gc=False):
    """A purchase order with what its invoices less credits come to before tax."""

    order: PurchaseOrder
    used: Decimal = NOTHING

    @property
    def left(self) -> Decimal | None:
        """What may still be invoiced on it; None where there is no limit."""
        return None if self.order.amount is None else self.order.amount - self.used


class Orders(msgspec.Struct, frozen=True):
    """The purchase orders of some payers, by payer and number, and the numbers on which billed lines were invoiced."""

    known: Mapping[str, Mapping[str, Used]] = {}
    of_line: Mapping[int, str] = {}


class OrderFacts(msgspec.Struct, frozen=True, gc=False):
    """What a rule may look at of an invoice that is about to be made."""

    entity: Annotated[LegalEntity, Meta(description="the legal entity that sells")]
    account: Annotated[Account, Meta(description="the account that receives the invoice")]
    number: Annotated[
        str | None, Meta(description="the purchase order that the contract names; null where it names none")
    ]
    problem: Annotated[
        Problem,
        Meta(
            description="what is wrong, the first of: missing (none is named), unknown (it was never imported), currency, "
            "not_valid (on the invoice date), out_of_scope (of some line), exceeded (by this invoice); empty where nothing is"
        ),
    ]
    net: Annotated[Decimal, Meta(description="what the invoice comes to before tax")]
    currency: Annotated[str, Meta(description="ISO 4217 currency of the invoice")]
    left: Annotated[
        Decimal | None, Meta(description="what may be invoiced on it after this invoice; null where there is no limit")
    ]
    share_left: Annotated[Decimal | None, Meta(description="the same as a share of the order's amount")]
    days_left: Annotated[
        int | None, Meta(description="days from the invoice date to the end of its validity; null where it has none")
    ]
    buyer_reference: Annotated[
        str | None, Meta(description="the buyer's reference for its invoices; null where none is known")
    ]
    day: Annotated[date, Meta(description="invoice date; selects the rule in force")]
