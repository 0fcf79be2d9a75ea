"""What is sold.  The catalogue knows no price: prices come only from pricing rules."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from engine.model.attribute import ChargeAttributes
from engine.model.measure import BY_DAY, Aggregation

ChargeKind = Literal["recurring", "usage", "one_time"]
Timing = Literal["advance", "arrears", "arrears_early"]
CyclesFrom = Literal["subscription", "terms"]
StartsOn = Literal["subscription", "go_live", "milestone"]


class Charge(msgspec.Struct, frozen=True, gc=False):
    """One thing of a plan that is billed.  Natural key: (tenant, plan, key); ``id`` names the version."""

    id: Annotated[int, Meta(description="id of this version of the record")]
    tenant: Annotated[str, Meta(description="tenant key")]
    plan: Annotated[str, Meta(description="key of the plan that it belongs to")]
    key: Annotated[str, Meta(description="charge key, unique within the plan")]
    name: Annotated[str, Meta(description="text on invoices")]
    kind: Annotated[ChargeKind, Meta(description="recurring, usage or one_time")]
    timing: Annotated[
        Timing,
        Meta(
            description="advance (billed when the cycle begins), arrears (when it has ended) or arrears_early (on any day of it after the first)"
        ),
    ]
    months: Annotated[int, Meta(description="length of its billing cycle in months", extra={"least": 1})] = 1
    meter: Annotated[str | None, Meta(description="key of the meter that it bills, for usage")] = None
    unit: Annotated[str, Meta(description="what one of its quantity is called")] = "unit"
    product: Annotated[str, Meta(description="product that its revenue belongs to")] = ""
    tax_code: Annotated[str, Meta(description="what it is for tax, such as digital_service")] = "standard"
    days: Annotated[
        int, Meta(description="length of its billing cycle in days, where it is not in months; 0 where it is")
    ] = 0
    cycles_from: Annotated[
        CyclesFrom,
        Meta(description="what its cycles are counted from: the start of the subscription, or of each new terms"),
    ] = "subscription"
    zero_lines: Annotated[bool, Meta(description="whether an amount of zero is a line on the invoice")] = False
    meters: Annotated[
        str | None,
        Meta(description="keys of all meters that it prices together, with ';' between them; null where it bills one"),
    ] = None
    filter: Annotated[
        str | None,
        Meta(description="condition on the usage events that it counts; null where it counts all of its meter"),
    ] = None
    group_by: Annotated[
        str | None,
        Meta(description="dimensions of events that it prices by group, with ';' between them; null where it does not"),
    ] = None
    group_lines: Annotated[bool, Meta(description="whether each group has a line of its own; else one in sum")] = False
    starts_on: Annotated[
        StartsOn,
        Meta(
            description="what it waits for: nothing but its subscription, the go-live, or, part by part, accepted milestones"
        ),
    ] = "subscription"
    tax_included: Annotated[bool, Meta(description="whether its price includes tax")] = False
    attributes: Annotated[
        ChargeAttributes, Meta(description="attributes of the charge, as rules/attributes.yaml declares them")
    ] = ChargeAttributes()

    @property
    def counted(self) -> tuple[str, ...]:
        """Keys of the meters that it bills."""
        return tuple(self.meters.split(";")) if self.meters else (self.meter,) if self.meter else ()

    @property
    def grouped(self) -> tuple[str, ...]:
        """Dimensions of events that it prices by group."""
        return tuple(self.group_by.split(";")) if self.group_by else ()


class Plan(msgspec.Struct, frozen=True, gc=False):
    """A bundle of charges that a customer subscribes to.  Natural key: (tenant, key)."""

    tenant: Annotated[str, Meta(description="tenant key")]
    key: Annotated[str, Meta(description="plan key")]
    name: Annotated[str, Meta(description="name on invoices")]
    charges: tuple[Charge, ...] = ()


class Meter(msgspec.Struct, frozen=True, gc=False):
    """What usage events count.  Natural key: (tenant, key).

    ``dimensions`` declares what events carry beside the quantity, as ``region:text;size:number``; ``others`` says what
    becomes of dimensions that it does not name.  ``filter`` and ``expression`` are written in the language of rules.
    """

    tenant: str
    key: str
    unit: str
    aggregation: Aggregation = "sum"
    dimensions: str | None = None
    others: Literal["report", "keep", "refuse"] = "report"
    dimension: str | None = None
    percentile: Decimal | None = None
    expression: str | None = None
    filter: str | None = None

    @property
    def by_day(self) -> bool:
        """Whether daily sums tell what it counts."""
        return self.filter is None and self.aggregation in BY_DAY

    @property
    def kinds(self) -> dict[str, str]:
        """The kinds of its dimensions by name."""
        pairs = (part.partition(":") for part in (self.dimensions or "").split(";") if part)
        return {name: kind for name, _, kind in pairs}
