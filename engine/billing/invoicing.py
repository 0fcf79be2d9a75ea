"""From rated charges to invoices: drafts, tax requests, finished invoices, legal numbers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Annotated

import msgspec
from msgspec import Meta

from engine.base.errors import Code, Finding, TollbookError, Where
from engine.base.money import ZERO, round_to
from engine.model.account import Account
from engine.model.contract import Contract
from engine.model.decision import Decide
from engine.model.entity import LegalEntity
from engine.model.invoice import Invoice, InvoiceDraft, InvoiceLine, RatedCharge
from engine.model.tax import TaxQuote, TaxRequest

HELD = Code("invoicing.held", "An invoicing rule holds a payer's invoices; what is owed stays owed.")


CORRECTED = "/corrected"
"""At the end of the group of a credit note over lines that are billed anew on another document."""


class InvoicingFacts(msgspec.Struct, frozen=True, gc=False):
    """What an invoicing rule may look at: a payer and what it is about to be invoiced."""

    entity: Annotated[LegalEntity, Meta(description="the legal entity that sells")]
    account: Annotated[Account, Meta(description="the account that receives the invoice")]
    currency: Annotated[str, Meta(description="ISO 4217 currency of the charges")]
    net: Annotated[Decimal, Meta(description="sum of all charges and credits before tax")]
    lines: Annotated[int, Meta(description="how many there are", extra={"least": 1})]
    day: Annotated[date, Meta(description="invoice date; selects the rule in force")]


class NumberingFacts(msgspec.Struct, frozen=True, gc=False):
    """What a numbering rule may look at."""

    entity: Annotated[LegalEntity, Meta(description="the legal entity that issues the invoice")]
    kind: Annotated[str, Meta(description="invoice or credit_note")]
    country: Annotated[str, Meta(description="ISO 3166-1 alpha-2 country of the buyer")]
    invoice_date: Annotated[date, Meta(description="date of the invoice; selects the rule in force")]


def drafts(
    decide: Decide,
    entity: LegalEntity,
    payer: Account,
    charges: Sequence[RatedCharge],
    contracts: Mapping[str, Contract],
    on: date,
    apart: Collection[int] = (),
) -> list[InvoiceDraft]:
    """The drafts of one payer, grouped as the invoicing rule says; one currency each.  Credits on the lines ``apart`` are
    a draft of their own.

    Raises:
        TollbookError: ``invoicing.held``, ``rule.no-answer``.
    """
    by_currency: dict[str, list[RatedCharge]] = defaultdict(list)
    for charge in charges:
        by_currency[charge.currency].append(charge)
    made: list[InvoiceDraft] = []
    for currency, owed in sorted(by_currency.items()):
        total = sum((charge.amount for charge in owed), ZERO)
        decision = decide("invoicing", InvoicingFacts(entity, payer, currency, total, len(owed), on), on)
        terms = decision.terms
        if terms["hold"]:
            raise TollbookError(_held(payer.key, round_to(total, currency), currency, terms["hold"]))
        groups: dict[str, list[RatedCharge]] = defaultdict(list)
        for charge in owed:
            group = _group(terms["group_by"], charge)
            groups[f"{group}{CORRECTED}" if charge.credits and charge.credits in apart else group].append(charge)
        for group, members in sorted(groups.items()):
            contract = contracts.get(members[0].contract)
            days = terms["due"] if terms["due"] is not None else contract.payment_days if contract else 30
            made.append(
                InvoiceDraft(
                    entity.tenant,
                    entity.key,
                    payer.key,
                    payer.id,
                    currency,
                    "invoice" if sum((c.amount for c in members), ZERO) >= 0 else "credit_note",
                    f"{currency}/{group}" if group else currency,
                    on,
                    on,
                    on + timedelta(days=days),
                    (contract.purchase_order if contract else None) or "",
                    tuple(members),
                    decision.id,
                )
            )
    return made


def _held(payer: str, total: Decimal, currency: str, why: str) -> Finding:
    return Finding(
        HELD,
        Where(f"account/{payer}"),
        f"{total} {currency} of {payer} is held: {why}",
        mend="what is owed stays owed; the next run invoices it once the rule no longer holds it",
        level="warning",
        subject=f"account/{payer}",
    )


def _group(by: str, charge: RatedCharge) -> str:
    return {"payer": "", "account": charge.account, "contract": charge.contract, "subscription": charge.subscription}[
        by
    ]


def tax_requests(entity: LegalEntity, payer: Account, draft: InvoiceDraft, prefix: str) -> list[TaxRequest]:
    """One request a line, in the order of the lines; keys are ``prefix/1``, ``prefix/2``, ..."""
    registered = tuple(r.country for r in entity.registrations if r.valid_from <= draft.tax_point < r.valid_to)
    return [
        TaxRequest(
            f"{prefix}/{number}",
            draft.tenant,
            draft.entity,
            entity.country,
            registered,
            payer.key,
            payer.country,
            payer.region,
            payer.tax_id,
            payer.tax_exempt,
            charge.tax_code,
            draft.tax_point,
            draft.currency,
            charge.amount,
        )
        for number, charge in enumerate(draft.charges, 1)
    ]


def finish(
    decide: Decide,
    entity: LegalEntity,
    payer: Account,
    draft: InvoiceDraft,
    taxes: Iterable[tuple[TaxQuote, int]],
) -> Invoice:
    """The finished invoice of a draft and the tax on its lines, each with the id of its decision (0 where an adapter answered)."""
    lines = tuple(
        InvoiceLine(number, charge, quote, decision)
        for number, (charge, (quote, decision)) in enumerate(zip(draft.charges, taxes, strict=True), 1)
    )
    net = sum((line.charge.amount for line in lines), ZERO)
    tax = sum((line.tax.amount for line in lines), ZERO)
    facts = NumberingFacts(entity, draft.kind, payer.country, draft.invoice_date)
    numbering = decide("numbering", facts, draft.invoice_date)
    return Invoice(
        draft,
        draft.kind,
        lines,
        net,
        tax,
        net + tax,
        fill_series(numbering.terms["series"], facts),
        numbering.terms["format"],
        numbering.id,
    )


def fiscal_year(entity: LegalEntity, day: date) -> int:
    """The calendar year in which the fiscal year of ``day`` ends."""
    return day.year + (1 if entity.fiscal_year_start > 1 and day.month >= entity.fiscal_year_start else 0)


def fill_series(template: str, facts: NumberingFacts) -> str:
    """The name of a series: ``{entity}-{year}`` filled in for one invoice."""
    return template.format(
        entity=facts.entity.key,
        kind=facts.kind,
        year=facts.invoice_date.year,
        fiscal_year=fiscal_year(facts.entity, facts.invoice_date),
    )


def legal_number(template: str, series: str, number: int, on: date) -> str:
    """The number as printed: ``{series}-{number:06}`` filled in."""
    return template.format(series=series, number=number, year=on.year)
