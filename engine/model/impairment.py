"""Losses that are expected of what customers owe, and shares of other legal entities in what one has billed."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated

import msgspec
from msgspec import Meta

from engine.model.account import Account


class ImpairmentFacts(msgspec.Struct, frozen=True, gc=False):
    """What a rule of impairment may look at: what a customer owes that is due on one day."""

    entity: Annotated[str, Meta(description="key of the legal entity that sells")]
    account: Annotated[Account, Meta(description="the account that owes it")]
    currency: Annotated[str, Meta(description="ISO 4217 currency that it is owed in")]
    amount: Annotated[
        Decimal, Meta(description="what is owed, in the currency of the entity's books", extra={"least": 0})
    ]
    owed: Annotated[Decimal, Meta(description="all that the account owes, in the same currency", extra={"least": 0})]
    overdue: Annotated[int, Meta(description="days since it was due; 0 or below where it is not overdue")]
    oldest: Annotated[int, Meta(description="the same of what the account owes longest")]
    day: Annotated[date, Meta(description="the day that the allowance is for; selects the rule in force")]


class IntercompanyFacts(msgspec.Struct, frozen=True, gc=False):
    """What a rule of intercompany may look at: a line that one legal entity has billed."""

    entity: Annotated[str, Meta(description="key of the legal entity that billed it")]
    product: Annotated[str, Meta(description="product of the charge")]
    plan: Annotated[str, Meta(description="key of the plan")]
    charge: Annotated[str, Meta(description="key of the charge")]
    kind: Annotated[str, Meta(description="kind of the charge: recurring, usage or one_time")]
    contract: Annotated[str, Meta(description="key of the contract; empty where there is none")]
    country: Annotated[str, Meta(description="ISO 3166-1 alpha-2 country of the buyer")]
    currency: Annotated[str, Meta(description="ISO 4217 currency of the document")]
    amount: Annotated[Decimal, Meta(description="net amount of the line; below zero for what is given back")]
    day: Annotated[date, Meta(description="date of the document; selects the rule in force")]
