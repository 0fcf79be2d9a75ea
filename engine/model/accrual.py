"""Accruals: what was delivered up to the end of a month and is not billed, and what the books hold of it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from engine.model.account import Account
from engine.model.journal import FxRate

KIND: Final = "accrual"
"""The kind of entries that accrue, and that release what was accrued; also that of the run."""

IMPAIRMENT: Final = "impairment"
"""The kind of entries that change the allowance for losses that are expected; also that of the run."""

INTERCOMPANY: Final = "intercompany"
"""The kind of entries about shares of other legal entities; also that of the run."""

OWED: Final = (KIND, IMPAIRMENT, INTERCOMPANY)
"""Kinds of entries that no document of a customer is behind."""

AccrualRole = Literal["unbilled", "contract_asset"]
"""Where what is accrued stands until it is billed: a right that only waits for its bill, or one that waits for more."""


class AccrualFacts(msgspec.Struct, frozen=True, gc=False):
    """What a rule of accruals may look at: what one charge has delivered and not billed."""

    entity: Annotated[str, Meta(description="key of the legal entity that sells")]
    account: Annotated[Account, Meta(description="the account that was served")]
    plan: Annotated[str, Meta(description="key of the plan")]
    charge: Annotated[str, Meta(description="key of the charge")]
    kind: Annotated[str, Meta(description="kind of the charge: recurring, usage or one_time")]
    timing: Annotated[str, Meta(description="when it is billed: advance, arrears or arrears_early")]
    product: Annotated[str, Meta(description="product that its revenue belongs to")]
    currency: Annotated[str, Meta(description="ISO 4217 currency that it is billed in")]
    amount: Annotated[Decimal, Meta(description="net amount of the whole line; below zero for what is given back")]
    service_from: Annotated[date, Meta(description="first day of the service that is not billed")]
    service_to: Annotated[date, Meta(description="day after the last day of that service")]
    day: Annotated[date, Meta(description="last day of the month that is accrued; selects the rule in force")]


class AccrualKey(msgspec.Struct, frozen=True, gc=False, order=True):
    """What is accrued is told apart by this: one charge of a subscription from one day of service on, as one payer owes it."""

    entity: str
    payer: str
    account: str
    subscription: str
    plan: str
    charge: str
    product: str
    country: str
    role: AccrualRole
    currency: str
    service_from: date

    @property
    def text(self) -> str:
        """The key as one text."""
        return "/".join(map(str, msgspec.structs.astuple(self)[1:]))


class Accruable(msgspec.Struct, frozen=True, gc=False):
    """What of a key is delivered and unbilled at the end of a month; ``decision`` is that of the accrual rule."""

    service_to: date
    amount: Decimal
    decision: int


class Accrued(msgspec.Struct, frozen=True, gc=False):
    """What the books hold of a key: ``functional`` is what it is kept at, ``rate`` the newest rate that it was accrued with."""

    service_to: date
    amount: Decimal
    functional: Decimal
    rate: FxRate


class AccrualMove(msgspec.Struct, frozen=True, gc=False):
    """What a run adds to a key, or releases of it where ``amount`` takes off what is there."""

    key: AccrualKey
    service_to: date
    amount: Decimal
    functional: Decimal
    rate: FxRate
    decision: int
