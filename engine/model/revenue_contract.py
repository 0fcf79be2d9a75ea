"""Contracts as revenue is accounted for: what was signed, what was promised, and what happened since.

A revenue contract is not the agreement on prices (``contract``): it says what is owed for which part of a transaction price.
Its document never changes; everything that comes later is an occurrence with the day that it belongs to and the day on which
it became known.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any, Final, Literal

import msgspec

from engine.model.journal import FxRate

ZERO: Final = Decimal(0)

CHANGES: Final = ("modify", "estimate", "credit", "pause", "terminate")
"""Occurrences that change a contract."""
HAPPENINGS: Final = ("deliver", "accept", "use", "cost", "sale", "expire", "expect")
"""Occurrences that let revenue be earned."""
OTHERS: Final = ("criterion", "return", "receive", "outlook")
"""Occurrences that are neither: a criterion of a contract is met or no longer met, goods came back, consideration in kind came, what
is expected beyond the price."""

Kind = Literal[
    "modify", "estimate", "credit", "pause", "terminate",
    "deliver", "accept", "use", "cost", "sale", "expire", "expect",
    "criterion", "return", "receive", "outlook",
]  # fmt: skip
OF_CONTRACTS: Final = ("contract", "balance", "cost")
"""Sources of schedules that contracts have: obligations, balances that are moved out of the contract's own, costs."""
Financed = Literal["prepaid", "delivery", "instalments"]


class Bill(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What bills for a contract: a ``subscription``, or all subscriptions under an agreement on prices (``contract``); one ``charge``
    of it, or all where that is empty."""

    subscription: str = ""
    contract: str = ""
    charge: str = ""


class Measure(msgspec.Struct, frozen=True, gc=False):
    """Usage that earns a promise: all that a ``meter`` counts of a ``subscription``."""

    subscription: str
    meter: str


class Likely(msgspec.Struct, frozen=True, gc=False):
    """What a variable amount may come to, and how likely that is."""

    amount: Decimal
    likely: Decimal


class PromiseTerms(msgspec.Struct, frozen=True, omit_defaults=True):
    """A promise as it stands in a contract.

    Attributes:
        promise: its key in the contract.
        product: product of the charge; rules look at it, and revenue is posted by it.
        kind: recurring, usage or one_time.
        price: what the contract states for it; without tax.
        service_from: first day of service; None is the day on which the contract was signed.
        service_to: day after the last day; None is the day after the first.
        quantity: units promised.
        ssp: price in separate sales, where that is known.
        market: what others ask for the like.
        cost: what it is expected to cost: for a selling price by cost, and for progress by cost.
        low: low end of the range of separate prices; ``high`` is the other end.
        material: part of the cost that is uninstalled material.
        saves: of a material right, what it saves of a later purchase beyond what everybody may have, as a share.
        used: how likely the right is used; ``purchase`` is what would be bought.
        back: units that are expected to come back.
        carried: what a unit of them was carried at before it was sold.
        recovery: what it costs to have a unit back, lost value included.
        call: what the seller may buy it back for up to the end of its service.
        commission: the seller's share, where a rule says that he is an agent.
        bills: what bills for it.
        measures: usage in the books that is what was used of it.
    """

    promise: str
    product: str
    kind: str = "one_time"
    price: Decimal = ZERO
    service_from: date | None = None
    service_to: date | None = None
    quantity: Decimal = Decimal(1)
    ssp: Decimal | None = None
    market: Decimal | None = None
    cost: Decimal | None = None
    low: Decimal | None = None
    high: Decimal | None = None
    material: Decimal = ZERO
    saves: Decimal | None = None
    used: Decimal = Decimal(1)
    purchase: Decimal = ZERO
    back: Decimal = ZERO
    carried: Decimal = ZERO
    recovery: Decimal = ZERO
    call: Decimal | None = None
    commission: Decimal | None = None
    bills: tuple[Bill, ...] = ()
    measures: tuple[Measure, ...] = ()


class VariableTerms(msgspec.Struct, frozen=True, omit_defaults=True):
    """An amount that depends on what happens, negative where it lowers the price, such as a penalty; ``promise`` is the one that it
    may belong to alone, ``certain`` the part that is highly probable not to be taken back: where nothing is said, the worst outcome."""

    variable: str
    outcomes: tuple[Likely, ...]
    certain: Decimal | None = None
    promise: str = ""


class TermTerms(msgspec.Struct, frozen=True, omit_defaults=True):
    """How long a contract binds: ``ends`` is the day after its last day; from ``cancellable_from`` on the customer may end it for a
    ``penalty``."""

    ends: date
    cancellable_from: date | None = None
    penalty: Decimal = ZERO


class FinancingTerms(msgspec.Struct, frozen=True, omit_defaults=True):
    """Money and performance far apart.

    ``prepaid``: a service of so many equal months is paid before; ``delivery``: what is delivered so many months after it was paid;
    ``instalments``: what was delivered is paid in so many equal months.  ``rate`` is of a year, 0.06 for six percent.
    """

    way: Financed
    rate: Decimal
    months: int
    begins: date | None = None


class CostTerms(msgspec.Struct, frozen=True, omit_defaults=True):
    """A cost of the contract; ``months`` are those of the contract, ``customer_months`` how long the customer is expected to stay."""

    cost: str
    amount: Decimal
    on: date
    months: int
    customer_months: int = 0
    product: str = ""


class BundleTerms(msgspec.Struct, frozen=True):
    """Promises that are regularly sold together for less."""

    promises: tuple[str, ...]
    price: Decimal


class Agreed(msgspec.Struct, frozen=True, omit_defaults=True):
    """All that a contract says.

    Attributes:
        promises: what is promised.
        criteria: by name, the day on which a criterion of a contract was met; None while it is not.
        combined_with: keys of contracts with which this one is accounted for as one.
        purpose: contracts of one customer and one purpose may be one, by rule.
        bills: what bills for the contract and for no promise alone.
        payable: what the customer is paid for nothing distinct.
        in_kind: worth of consideration that is no money, measured as the rule says.
    """

    promises: tuple[PromiseTerms, ...]
    criteria: dict[str, date | None] = {}
    combined_with: tuple[str, ...] = ()
    purpose: str = ""
    term: TermTerms | None = None
    bundles: tuple[BundleTerms, ...] = ()
    variable: tuple[VariableTerms, ...] = ()
    payable: Decimal = ZERO
    in_kind: Decimal = ZERO
    financing: FinancingTerms | None = None
    costs: tuple[CostTerms, ...] = ()
    bills: tuple[Bill, ...] = ()


class Occurrence(msgspec.Struct, frozen=True, omit_defaults=True):
    """Something that happened to a contract.  Natural key: (contract, key).

    ``on`` is the day that it belongs to, ``known`` the day on which it became known; what the other fields mean is said by
    :class:`engine.revenue.contracts.Change` and :class:`engine.revenue.schedule.Happening`.  ``variable`` names the variable amount
    whose ``outcomes`` are now others; ``criterion`` the criterion of a contract that is ``met`` from the day on, or no longer;
    ``quantity`` of a ``return`` are the units of a promise that came back, or what of a ``variable`` amount was given back; of a
    ``receive`` the worth of what came.
    Of an ``outlook``, ``expected`` is what renewals are expected to bring, and ``quantity`` what is still to be spent to perform.
    """

    key: str
    kind: Kind
    on: date
    known: date
    promise: str = ""
    quantity: Decimal = ZERO
    expected: Decimal | None = None
    material: Decimal = ZERO
    price: Decimal = ZERO
    adds: tuple[PromiseTerms, ...] = ()
    at_ssp: bool = False
    rest: Decimal | None = None
    ends: date | None = None
    cost: Decimal = ZERO
    past: Decimal = ZERO
    refund: Decimal = ZERO
    extend: bool = False
    variable: str = ""
    outcomes: tuple[Likely, ...] = ()
    certain: Decimal | None = None
    criterion: str = ""
    met: bool = True
    note: str = ""


class RevenueContract(msgspec.Struct, frozen=True):
    """A contract as the books keep it.  Natural key: (tenant, entity, key)."""

    id: int
    entity: str
    key: str
    account: str
    currency: str
    signed: date
    known: date
    agreed: Agreed


class Cover(msgspec.Struct, frozen=True, gc=False):
    """What bills for a contract, as a bill run looks it up; ``obligation`` is a promise, or empty."""

    contract: str
    obligation: str
    subscription: str
    agreement: str
    charge: str


class Covered(msgspec.Struct, frozen=True, gc=False):
    """The contract, and the obligation if it is one alone, that a line is billed for."""

    contract: str
    obligation: str = ""


def plain_document(value: msgspec.Struct) -> dict[str, Any]:
    """A struct of this module as a JSON document: what is as by default is left out."""
    made: dict[str, Any] = msgspec.to_builtins(value, enc_hook=str, builtin_types=())
    return made


def agreed_of(document: Any) -> Agreed:
    """What a contract says, of its document."""
    return msgspec.convert(document, Agreed, strict=False)


def occurrence_of(document: Any) -> Occurrence:
    """An occurrence of its document."""
    return msgspec.convert(document, Occurrence, strict=False)


class ScheduleKey(msgspec.Struct, frozen=True):
    """What tells a schedule of a contract apart: ``source`` is contract, balance or cost; ``obligation`` that, or the name of a
    balance."""

    source: str
    contract: str
    obligation: str


class ScheduleTotals(msgspec.Struct):
    """A schedule of a contract with all rows that add to it: its id, how many rows, what they come to, what is planned by day, and
    what was posted by month, in its currency and in functional currency."""

    id: int
    rows: int = 0
    amount: Decimal = ZERO
    items: dict[date, Decimal] = {}
    posted: dict[date, tuple[Decimal, Decimal]] = {}


class NewSchedule(msgspec.Struct, frozen=True):
    """A schedule of a contract to be kept, or (``takes`` is its id) a change of what it comes to."""

    key: ScheduleKey
    takes: int
    account: str
    product: str
    country: str
    role: str
    liability: str
    amount: Decimal
    functional: Decimal
    rate: FxRate
    service_from: date
    service_to: date
    waits: str
    decision: int
