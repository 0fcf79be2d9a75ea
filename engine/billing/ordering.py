"""Purchase orders: which one an invoice is made on, and whether it may be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Final

import msgspec

from engine.base.errors import Code, Finding, TollbookError, Where
from engine.base.money import CONTEXT, ZERO, round_to
from engine.model.account import Account
from engine.model.contract import Contract
from engine.model.decision import Decide, Decision
from engine.model.entity import LegalEntity
from engine.model.invoice import InvoiceDraft, RatedCharge
from engine.model.order import OrderFacts, Orders, Problem, Used

ORDER_HELD = Code(
    "purchase-order.held", "An invoice that a rule holds because of its purchase order; what is owed stays owed."
)
ORDER_NOTED = Code("purchase-order.noted", "Something about the purchase order of an invoice that a rule warns of.")

ORDER: Final = "/po/"
"""In the group of an invoice on a purchase order, before its number."""

_WORDS: Final[Mapping[Problem, str]] = {
    "": "is on purchase order {number}",
    "missing": "is on no purchase order",
    "unknown": "is on purchase order {number}, which was never imported",
    "currency": "is not in the currency of purchase order {number}",
    "not_valid": "is dated when purchase order {number} is not valid",
    "out_of_scope": "has lines that purchase order {number} is not for",
    "exceeded": "is more than is left of purchase order {number}",
}


def number_of(charge: RatedCharge, contracts: Mapping[str, Contract], orders: Orders) -> str:
    """The purchase order that a charge is invoiced on, empty where it is on none: a credit is on that of the line that it
    gives back."""
    if charge.credits:
        return orders.of_line.get(charge.credits, "")
    contract = contracts.get(charge.contract)
    return (contract.purchase_order if contract else None) or ""


def group_of(group: str, number: str) -> str:
    """The group of the invoices of a group that are on a purchase order, whose number brings no slash into it: they part groups."""
    plain = number.replace("%", "%25").replace("/", "%2F")
    return f"{group}{ORDER}{plain}" if number else group


def check(
    decide: Decide, entity: LegalEntity, payer: Account, made: Sequence[InvoiceDraft], orders: Orders
) -> list[Finding]:
    """What rules warn of in the purchase orders of a payer's invoices.  Each has less left by the invoices before it; a
    document that gives money back is not checked, and brings back what it gives.

    Raises:
        TollbookError: ``purchase-order.held``, for all of them; ``rule.no-answer``.
    """
    known = dict(orders.known.get(payer.key, {}))
    held: list[Finding] = []
    noted: list[Finding] = []
    for draft in sorted(made, key=lambda one: one.kind == "invoice"):
        net = sum((charge.amount for charge in draft.charges), ZERO)
        used = known.get(draft.purchase_order)
        if draft.kind == "invoice":
            facts = _facts(entity, payer, draft, net, used)
            decision = decide("purchase_orders", facts, draft.invoice_date)
            into = {"hold": held, "warn": noted}.get(decision.terms["action"])
            if into is not None:
                into.append(_finding(facts, decision))
        if used is not None:
            known[draft.purchase_order] = msgspec.structs.replace(used, used=used.used + net)
    if held:
        raise TollbookError(held)
    return noted


def _facts(entity: LegalEntity, payer: Account, draft: InvoiceDraft, net: Decimal, used: Used | None) -> OrderFacts:
    left = used.left - net if used is not None and used.left is not None else None
    amount = used.order.amount if used is not None else None
    ends = used is not None and used.order.valid_to.year < 9999
    return OrderFacts(
        entity,
        payer,
        draft.purchase_order or None,
        _problem(draft, used, left),
        net,
        draft.currency,
        left,
        CONTEXT.divide(left, amount) if left is not None and amount else None,
        (used.order.valid_to - draft.invoice_date).days if used is not None and ends else None,
        (used.order.buyer_reference or None) if used is not None else None,
        draft.invoice_date,
    )


def _problem(draft: InvoiceDraft, used: Used | None, left: Decimal | None) -> Problem:
    if used is None:
        return "unknown" if draft.purchase_order else "missing"
    order = used.order
    if order.currency != draft.currency:
        return "currency"
    if not order.valid_from <= draft.invoice_date < order.valid_to:
        return "not_valid"
    if not all(order.covers(charge.charge, charge.product) for charge in draft.charges):
        return "out_of_scope"
    return "exceeded" if left is not None and left < 0 else ""


def _finding(facts: OrderFacts, decision: Decision) -> Finding:
    terms, payer = decision.terms, facts.account.key
    holds = terms["action"] == "hold"
    left = "" if facts.left is None else f"; {round_to(facts.left, facts.currency)} {facts.currency} are left after it"
    words = _WORDS[facts.problem].format(number=facts.number)
    how = "is held: it " if holds else ""
    what = f"{round_to(facts.net, facts.currency)} {facts.currency} of {payer} {how}{words}{left}"
    why = terms["why"] or f"rule {decision.rule} of {decision.ruleset} at {decision.where} says {terms['action']}"
    mend = "import another purchase order and name it in the contract; `tollbook po list` shows what is left"
    code, level = (ORDER_HELD, "warning") if holds else (ORDER_NOTED, "warning")
    return Finding(code, Where(f"account/{payer}"), what, why, mend, level=level, subject=f"account/{payer}")


def relied_on(made: Iterable[InvoiceDraft], orders: Orders) -> dict[tuple[str, str], Decimal]:
    """What was used up of the purchase orders of these invoices when they were checked, by payer and number."""
    found = {}
    for draft in made:
        used = orders.known.get(draft.payer, {}).get(draft.purchase_order)
        if used is not None:
            found[draft.payer, draft.purchase_order] = used.used
    return found
