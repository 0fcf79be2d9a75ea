"""From rated charges to invoices: drafts, tax requests, finished invoices, legal numbers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from operator import attrgetter
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from engine.base.errors import Code, Finding, TollbookError, Where
from engine.base.money import CONTEXT, ZERO, round_to
from engine.billing.numbering import numbering_facts, series_of
from engine.billing.ordering import group_of, number_of
from engine.model.account import Account
from engine.model.contract import Contract
from engine.model.decision import Decide, Decision
from engine.model.draft import Past
from engine.model.entity import OSS, LegalEntity
from engine.model.invoice import Invoice, InvoiceDraft, InvoiceLine, RatedCharge
from engine.model.order import Orders
from engine.model.tax import Address, TaxQuote, TaxRequest
from engine.model.tax_correction import Exemption, covering

HELD = Code("invoicing.held", "An invoicing rule holds a payer's invoices; what is owed stays owed.")


CORRECTED_INVOICE = "corrected_invoice"
"""Kind of a document that takes more tax for an earlier one, UNTDID 1001 code 384."""

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
    first: Annotated[bool, Meta(description="whether the account was never invoiced before")] = False
    average: Annotated[
        Decimal | None,
        Meta(description="what its invoices of the year before come to before tax, each; null where there are none"),
    ] = None
    deviation: Annotated[
        Decimal | None,
        Meta(description="by which share of the average the net is more, or less (negative); null where there is none"),
    ] = None


def drafts(
    decide: Decide,
    entity: LegalEntity,
    payer: Account,
    charges: Sequence[RatedCharge],
    contracts: Mapping[str, Contract],
    on: date,
    apart: Collection[int] = (),
    past: Mapping[str, Past] | None = None,
    orders: Orders | None = None,
) -> list[InvoiceDraft]:
    """The drafts of one payer, grouped as the invoicing rule says; one currency each.  Credits on the lines ``apart`` are
    a draft of their own.  ``past`` is what the payer was invoiced before, by currency; None where no rule looks at that.
    With ``orders``, what is on different purchase orders is on different drafts.

    Raises:
        TollbookError: ``invoicing.held``, ``rule.no-answer``.
    """
    by_currency: dict[str, list[RatedCharge]] = defaultdict(list)
    for charge in charges:
        by_currency[charge.currency].append(charge)
    made: list[InvoiceDraft] = []
    for currency, owed in sorted(by_currency.items()):
        total = sum((charge.amount for charge in owed), ZERO)
        facts = InvoicingFacts(entity, payer, currency, total, len(owed), on)
        decision = decide("invoicing", facts if past is None else _with_past(facts, past), on)
        terms = decision.terms
        if terms["hold"]:
            raise TollbookError(_held(payer.key, round_to(total, currency), currency, terms["hold"]))
        groups: dict[tuple[str, str], list[RatedCharge]] = defaultdict(list)
        for charge in owed:
            group = _group(terms["group_by"], charge)
            group = f"{group}{CORRECTED}" if charge.credits and charge.credits in apart else group
            groups[group, number_of(charge, contracts, orders) if orders else ""].append(charge)
        for (group, number), members in sorted(groups.items()):
            contract = contracts.get(members[0].contract)
            group = group_of(group, number)
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
                    number if orders else (contract.purchase_order if contract else None) or "",
                    tuple(members),
                    decision.id,
                    terms["review"],
                    terms["advances"] == "deduct",
                )
            )
    return made


def _with_past(facts: InvoicingFacts, past: Mapping[str, Past]) -> InvoicingFacts:
    before = past.get(facts.currency)
    if before is None or not before.invoices:
        return msgspec.structs.replace(facts, first=not past)
    average = CONTEXT.divide(before.net, Decimal(before.invoices))
    deviation = CONTEXT.divide(facts.net - average, abs(average)) if average else None
    return msgspec.structs.replace(facts, average=average, deviation=deviation)


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
    return "" if by == "payer" else _GROUPS[by](charge)


_GROUPS: Mapping[str, Callable[[RatedCharge], str]] = {
    name: attrgetter(name) for name in ("account", "contract", "subscription")
}


def tax_requests(
    entity: LegalEntity,
    payer: Account,
    draft: InvoiceDraft,
    prefix: str,
    places: bool = False,
    exemptions: Sequence[Exemption] = (),
) -> list[TaxRequest]:
    """One request a line, in the order of the lines; keys are ``prefix/1``, ``prefix/2``, ...

    ``places`` says that somebody wants to know the addresses, and which lines are of one invoice.  A buyer is exempt by what its
    account says, or by one of its ``exemptions`` that covers the line at the tax point.
    """
    registered, shop = _registered(entity, draft.tax_point)
    document, (here, there) = (prefix, _places(entity, payer)) if places else ("", (None, None))
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
            payer.tax_exempt or (bool(exemptions) and _covered(exemptions, payer, charge.tax_code, draft.tax_point)),
            charge.tax_code,
            draft.tax_point,
            draft.currency,
            charge.amount,
            document,
            here,
            there,
            tax_included=charge.tax_included,
            one_stop_shop=shop,
            seller_region=entity.region,
        )
        for number, charge in enumerate(draft.charges, 1)
    ]


def _registered(entity: LegalEntity, on: date) -> tuple[tuple[str, ...], str | None]:
    """Where the seller is registered for tax of the country itself, and where for the one-stop shop."""
    shop, countries = None, []
    for one in entity.registrations:
        if one.valid_from <= on < one.valid_to:
            if one.kind == OSS:
                shop = one.country
            else:
                countries.append(one.country)
    return tuple(countries), shop


def _address(country: str, region: str, city: str, postcode: str, lines: str) -> Address:
    return Address(country, region, city, postcode, tuple(lines.splitlines()))


def _places(entity: LegalEntity, payer: Account) -> tuple[Address, Address]:
    """Where it is supplied from, and where to."""
    return (
        _address(entity.country, entity.region, entity.city, entity.postcode, entity.address),
        _address(payer.country, payer.region or "", payer.city, payer.postcode, payer.address),
    )


def _covered(exemptions: Sequence[Exemption], payer: Account, tax_code: str, day: date) -> bool:
    return covering(exemptions, payer.country, payer.region, tax_code, day) is not None


Numbering = tuple[Decision, str]
"""The decision about the number of a document, and its series."""


def finish(
    decide: Decide,
    entity: LegalEntity,
    payer: Account,
    draft: InvoiceDraft,
    taxes: Iterable[tuple[TaxQuote, int]],
    known: dict[Any, Numbering] | None = None,
) -> Invoice:
    """The finished invoice of a draft and the tax on its lines, each with the id of its decision (0 where an adapter answered).

    ``known`` remembers the numbering of documents of one seller by what rules look at.

    Raises:
        TollbookError: ``rule.no-answer``, ``numbering.does-not-fit``, ``numbering.no-code``.
    """
    lines = tuple(
        InvoiceLine(number, charge, quote, decision)
        for number, (charge, (quote, decision)) in enumerate(zip(draft.charges, taxes, strict=True), 1)
    )
    net = sum((line.charge.amount for line in lines), ZERO)
    tax = sum((line.tax.amount for line in lines), ZERO)
    facts = numbering_facts(entity, payer, draft, lines)
    known = {} if known is None else known
    seen = msgspec.structs.astuple(facts)[1:]  # the first is the seller
    numbering, series = known.get(seen) or (None, "")
    if numbering is None:
        numbering = decide("numbering", facts, draft.invoice_date)
        series = series_of(numbering, facts)
        known[seen] = numbering, series
    return Invoice(
        draft,
        draft.kind,
        lines,
        net,
        tax,
        net + tax,
        series,
        numbering.terms["format"],
        numbering.id,
        numbering.terms,
    )
