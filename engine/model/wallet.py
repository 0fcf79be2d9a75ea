"""What customers have prepaid: a Wallet is the purse, a Lot is one grant in it, a Move takes of a lot or brings back.

A wallet holds money of one currency.  Where it counts in a unit of its own, ``unit_rate`` says what one unit is worth.
A lot that cost less than it is worth, or nothing (promotional), is a liability of what it cost only.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from engine.model.account import Account

Kind = Literal["grant", "draw", "return", "expire", "void"]

PAID: Final = "paid"
PROMOTIONAL: Final = "promotional"
VOUCHER: Final = "voucher"
"""Kinds of lots.  A voucher is a multi-purpose one: bought for what it is worth, taxed when it is redeemed."""

NOTHING: Final = Decimal(0)


class Wallet(msgspec.Struct, frozen=True, gc=False):
    """Terms of a wallet.  Natural key: (tenant, entity, key).  It pays invoices in its own currency alone."""

    tenant: Annotated[str, Meta(description="tenant key")]
    entity: Annotated[str, Meta(description="key of the legal entity that sells")]
    key: Annotated[str, Meta(description="key of the wallet, as in import files")]
    account: Annotated[str, Meta(description="key of the account whose wallet it is")]
    currency: Annotated[str, Meta(description="ISO 4217 currency that it is kept in")]
    name: Annotated[str, Meta(description="name for people")] = ""
    unit: Annotated[str, Meta(description="what it counts in; empty where that is its currency")] = ""
    unit_rate: Annotated[Decimal, Meta(description="money for one unit; 1 where it counts in its currency")] = Decimal(
        1
    )
    floor: Annotated[Decimal, Meta(description="money that draws leave in it")] = NOTHING
    low: Annotated[Decimal, Meta(description="balance under which there is a finding; 0 for none")] = NOTHING
    priority: Annotated[int, Meta(description="order among wallets: the lowest pays first")] = 1
    charges: Annotated[
        tuple[str, ...], Meta(description="keys of the charges that it may pay for; all where empty")
    ] = ()
    meters: Annotated[tuple[str, ...], Meta(description="keys of the meters that it may pay for; all where empty")] = ()
    products: Annotated[tuple[str, ...], Meta(description="products that it may pay for; all where empty")] = ()


class Lot(msgspec.Struct, frozen=True, gc=False):
    """A grant: usable in [``granted_on``, ``expires_on``).

    ``amount`` is what it was worth when it came here, ``cost`` what was paid for that and ``functional`` what the cost is
    worth in functional currency; ``left`` is what is left of ``amount``.
    """

    id: int
    key: str
    wallet: str
    kind: str
    granted_on: date
    expires_on: date
    priority: int
    currency: str
    amount: Decimal
    cost: Decimal
    functional_currency: str
    functional: Decimal
    left: Decimal


class Purse(msgspec.Struct, frozen=True):
    """A wallet as a run finds it: its terms, its account and that account's payer, and the lots with something left."""

    wallet: Wallet
    account: Account
    lots: tuple[Lot, ...]


class Move(msgspec.Struct, frozen=True, gc=False):
    """What becomes of a lot: ``amount`` is below zero for what is taken of it.

    ``lot`` is the lot as it was before, ``left`` what it comes to; ``cost`` and ``functional`` are the change of the liability,
    in the currency of the lot and in functional currency.  ``line`` is the id of the invoice line that is paid, or was.
    """

    wallet: str
    kind: Kind
    lot: Lot
    amount: Decimal
    left: Decimal
    cost: Decimal
    functional: Decimal
    line: int = 0
    decision: int = 0


class WalletFacts(msgspec.Struct, frozen=True, gc=False):
    """What a rule about wallets may look at: one wallet, and the line that it may pay for.

    Where a whole lot is asked about (whether it expires, what becomes of what is given back to it) there is no line, and
    the fields of the line are empty.
    """

    entity: Annotated[str, Meta(description="key of the legal entity that sells")]
    account: Annotated[Account, Meta(description="the account whose wallet it is")]
    wallet: Annotated[Wallet, Meta(description="the wallet")]
    day: Annotated[date, Meta(description="invoice date, or day on which a lot expires; selects the rule in force")]
    plan: Annotated[str, Meta(description="plan key of the line")] = ""
    charge: Annotated[str, Meta(description="charge key of the line")] = ""
    kind: Annotated[str, Meta(description="kind of the charge: recurring, usage, one_time")] = ""
    meter: Annotated[str, Meta(description="meter of the charge")] = ""
    product: Annotated[str, Meta(description="product of the charge")] = ""
