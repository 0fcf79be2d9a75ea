"""Balanced entries from invoices and revenue.

An entry that does not balance, per legal entity, in transaction and in functional currency, cannot be built.  What
conversion leaves over goes to the account that the posting rules name for ``fx_rounding``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from engine.base.errors import Code, refuse
from engine.base.money import ZERO, minor_unit
from engine.ledger.fx import convert
from engine.model.decision import Decide
from engine.model.journal import FxRate, JournalEntry, Posting

NOT_BALANCED = Code("ledger.not-balanced", "Postings that do not add up to zero; an entry of them cannot be built.")

Role = Literal[
    "receivable",
    "contract_liability",
    "contract_asset",
    "refund_liability",
    "repurchase_liability",
    "supplier_payable",
    "consideration_in_kind",
    "contract_cost",
    "contract_cost_expense",
    "contract_cost_impairment",
    "return_asset",
    "cost_of_sales",
    "onerous_expense",
    "onerous_provision",
    "interest_revenue",
    "interest_expense",
    "revenue",
    "tax",
    "fx_rounding",
    "unapplied_cash",
    "wallet",
    "opening_balance",
    "wallet_funding",
    "wallet_use",
    "promotion",
    "breakage",
    "fx_difference",
    "account_credit",
    "cash",
    "write_off",
    "goodwill",
    "concession",
    "dispute_receivable",
    "dispute_fees",
    "realised_gain",
    "realised_loss",
    "unrealised_gain",
    "unrealised_loss",
    "other_income",
    "psp_clearing",
    "psp_fees",
    "bank_clearing",
    "discount_taken",
    "bank_fee",
    "small_difference",
    "allowance",
    "bad_debt",
    "unbilled",
    "ecl_expense",
    "intercompany_receivable",
    "intercompany_payable",
    "intercompany_revenue",
    "intercompany_expense",
    "withholding_receivable",
    "withholding_tax",
    "refund_payable",
    "currency_exchange",
]


class PostingFacts(msgspec.Struct, frozen=True, gc=False):
    """What a posting rule may look at: one side of an entry."""

    role: Annotated[Role, Meta(description="what the side stands for in the entry")]
    entity: Annotated[str, Meta(description="key of the legal entity whose books these are")]
    country: Annotated[
        str, Meta(description="ISO 3166-1 alpha-2 country of the buyer; of the levying jurisdiction for tax")
    ]
    product: Annotated[
        str,
        Meta(
            description="product of the charge; name of the bank account for cash and bank clearing of statements; else empty"
        ),
    ]
    currency: Annotated[str, Meta(description="ISO 4217 transaction currency")]
    day: Annotated[date, Meta(description="posting date; selects the rule in force")]
    provider: Annotated[
        str, Meta(description="adapter of the port psp through which the money comes; empty for what has none")
    ] = ""


class Side(msgspec.Struct, frozen=True, gc=False):
    """One side before its account is determined: a debit if ``amount`` is positive, in transaction currency.

    ``rate`` is given where it is another than the entry's: what a credit gives back is converted as it was invoiced.
    """

    role: Role
    country: str
    product: str
    amount: Decimal
    line: int
    rate: FxRate | None = None


Determine = Callable[[Role, str, str], tuple[str, int]]
"""(role, country, product) -> (GL account code, decision id)."""


def determine(decide: Decide, entity: str, currency: str, day: date) -> Determine:
    """GL account determination for one entity, currency and day; each answer is found once."""
    known: dict[tuple[str, str, str], tuple[str, int]] = {}

    def of(role: Role, country: str, product: str) -> tuple[str, int]:
        answer = known.get((role, country, product))
        if answer is None:
            decision = decide("posting", PostingFacts(role, entity, country, product, currency, day), day)
            answer = known[role, country, product] = (decision.terms["account"], decision.id)
        return answer

    return of


def entry(
    tenant: str, entity: str, kind: str, day: date, text: str, sides: Sequence[Side], rate: FxRate, accounts: Determine
) -> JournalEntry:
    """A balanced entry of ``sides``, converted at ``rate`` (transaction to functional currency).

    Raises:
        TollbookError: ``ledger.not-balanced`` if the sides do not add up to zero in transaction currency.
    """
    postings: list[Posting] = []
    total = left = ZERO
    base, quote, one, source, on = rate.base, rate.quote, rate.rate, rate.source, rate.on
    own = base == quote  # nothing to convert, and nothing left over
    for side in sides:
        amount = side.amount
        if not amount:
            continue
        account, decision = accounts(side.role, side.country, side.product)
        total += amount
        if own and side.rate is None:
            postings.append(Posting(account, base, amount, quote, amount, one, source, on, side.line, decision))
            continue
        at = side.rate or rate
        functional = convert(amount, at)
        left += functional - amount
        postings.append(
            Posting(account, at.base, amount, at.quote, functional, at.rate, at.source, at.on, side.line, decision)
        )
    if total:
        raise refuse(
            NOT_BALANCED, f"{text}: the sides add up to {total} {rate.base}, not to zero", subject=f"entry/{kind}"
        )
    if left:  # beyond the sum of the sides, which is nothing
        account, decision = accounts("fx_rounding", "", "")
        postings.append(
            Posting(account, rate.base, ZERO, rate.quote, -left, rate.rate, rate.source, rate.on, 0, decision)
        )
    return JournalEntry(tenant, entity, kind, day, text, tuple(postings))


def difference_role(off: Decimal, own: str, sides: int) -> Role:
    """What is left between the sides of an entry at different rates, a loss above zero: what rates have moved is realised, if it is
    more than rounding can leave of so many sides."""
    if abs(off) <= minor_unit(own) * sides:
        return "fx_difference"
    return "realised_gain" if off < ZERO else "realised_loss"


def invoice_sides(
    country: str,
    total: Decimal,
    lines: Iterable[tuple[int, str, Decimal, str, Decimal]],
    others: Collection[int] = (),
) -> list[Side]:
    """Debit the receivable with the total; credit the contract's balance with each line and the tax authority with its tax.

    ``lines`` are (line id, product, net amount, levying country, tax amount); those in ``others`` are of no contract, and
    other income at once.
    """
    sides = [Side("receivable", country, "", total, 0)]
    for line, product, net, levying, tax in lines:
        sides.append(Side("other_income" if line in others else "contract_liability", country, product, -net, line))
        if tax:
            sides.append(Side("tax", levying, "", -tax, line))
    return sides


def as_billed(sides: Sequence[Side], rates: Mapping[int, FxRate]) -> list[Side]:
    """The sides with those of credit lines at the rate that their line was invoiced with; ``rates`` is by line.

    The receivable is cut accordingly: what the credits take off it was put on it at that rate.
    """
    if not rates:
        return list(sides)
    taken: dict[FxRate, Decimal] = {}
    made: list[Side] = []
    for side in sides:
        rate = rates.get(side.line)
        if rate is not None:
            side = msgspec.structs.replace(side, rate=rate)
            taken[rate] = taken.get(rate, ZERO) - side.amount
        made.append(side)
    return [
        part
        for side in made
        for part in (
            [msgspec.structs.replace(side, amount=side.amount - sum(taken.values(), ZERO))]
            + [msgspec.structs.replace(side, amount=amount, rate=rate) for rate, amount in taken.items()]
            if side.role == "receivable"
            else [side]
        )
    ]


def revenue_sides(country: str, items: Iterable[tuple[int, str, Decimal]], earned_as: Role = "revenue") -> list[Side]:
    """Debit the contract's balance and credit revenue; ``items`` are (line id, product, amount earned)."""
    sides: list[Side] = []
    for line, product, amount in items:
        sides.append(Side("contract_liability", country, product, amount, line))
        sides.append(Side(earned_as, country, product, -amount, line))
    return sides
