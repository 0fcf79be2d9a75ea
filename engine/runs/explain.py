"""Why a line costs what it costs: from the invoice back to rule, facts, tiers, days, rounding, events, rate and tax, and
forward to the postings.  Everything is computed again from what the line keeps, and must come to the same cent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any, Protocol

import msgspec

from engine.base.errors import Code, Finding, Where
from engine.base.money import ZERO, minor_unit, round_to
from engine.billing.pricing import PricingFacts, times
from engine.model.account import Account
from engine.model.catalog import Charge
from engine.model.contract import ContractLine
from engine.model.decision import Trace
from engine.store import tracing
from engine.store.books import Books
from engine.store.reader import Reader
from engine.store.tracing import LineRecord

DIFFERS = Code("explain.differs", "A line whose amount does not come out again from the rules and facts that it names.")

EVENTS_SHOWN = 10


class TracingRules(Protocol):
    """The rule book of a release, able to say how it decides."""

    def trace(self, family: str, facts: Any, on: date) -> Trace: ...


class Step(msgspec.Struct, frozen=True):
    """One step of an explanation: its name, what it says, and details as (label, text) or tables of rows."""

    name: str
    text: str
    details: tuple[tuple[str, str], ...] = ()


class Explanation(msgspec.Struct, frozen=True):
    """Everything about one invoice line, in the order in which it came about."""

    invoice: str
    line: int
    text: str
    amount: str
    release: str
    steps: tuple[Step, ...]
    findings: tuple[Finding, ...] = ()


def explain(
    books: Books, tenant: str, rules_of: Callable[[str], TracingRules], invoice: str, number: int
) -> Explanation:
    """Explain line ``number`` of an invoice.

    ``rules_of`` gives the rule book of a release as the books keep it.

    Raises:
        TollbookError: ``explain.no-such-line``.
    """
    with books.reader() as reader:
        record = tracing.line_record(reader, tenant, invoice, number)
        stored = tracing.decisions(
            reader,
            [
                record.charge.decision,
                record.charge.proration,
                record.tax["tax_decision"],
                record.head["draft_decision"],
            ],
        )
        release = stored[record.head["draft_decision"]]["release"]
        steps: list[Step | None] = [_service(record)]
        findings: list[Finding] = []
        if record.charge.credits:
            steps += _credit(reader, record)
        else:
            steps += _price(reader, tenant, rules_of(release), record, stored, findings)
        steps += [_proration(stored, record), *_events(reader, record), _tax(stored, record), _rate(record)]
        steps.append(_postings(reader, record))
    charge = record.charge
    return Explanation(
        invoice,
        number,
        charge.text,
        f"{charge.amount.normalize():f} {charge.currency}",
        release,
        tuple(step for step in steps if step is not None),
        tuple(findings),
    )


def _number(value: Decimal) -> str:
    return f"{value.normalize():f}"


def _service(record: LineRecord) -> Step:
    charge = record.charge
    return Step(
        "service",
        f"{charge.plan}/{charge.charge} of subscription {charge.subscription}, account {charge.account}",
        (
            ("served", f"{charge.service_from} up to, not including, {charge.service_to}"),
            ("cycle", f"{charge.cycle_from} up to, not including, {charge.cycle_to}"),
            ("quantity", _number(charge.quantity)),
            ("contract", charge.contract or "none"),
        ),
    )


def _where(decision: Mapping[str, Any]) -> str:
    return f"{decision['file']}:{decision['line']}"


def _credit(reader: Reader, record: LineRecord) -> list[Step]:
    billed = tracing.line_by_id(reader, record.charge.credits)
    if billed is None:
        return []
    head, charge = billed.head, billed.charge
    days = (record.charge.service_to - record.charge.service_from).days
    return [
        Step(
            "credit",
            f"gives back {days} days, {record.charge.share} of the cycle, of line {billed.number} of invoice {head.get('number', '?')}",
            (
                (
                    "billed",
                    f"{_number(charge.amount)} {charge.currency} for {charge.service_from}..{charge.service_to}",
                ),
                (
                    "given back",
                    f"{_number(record.charge.amount)} {charge.currency}, never more than is left of the line",
                ),
            ),
        )
    ]


def _price(
    reader: Reader,
    tenant: str,
    rules: TracingRules,
    record: LineRecord,
    stored: Mapping[int, Mapping[str, Any]],
    findings: list[Finding],
) -> list[Step]:
    charge = record.charge
    family = [one for one in tracing.lines_of_stretch(reader, charge) if one.id <= record.id and not one.charge.credits]
    quantity = sum((one.charge.quantity for one in family), ZERO) if charge.kind == "usage" else charge.quantity
    facts = _facts(reader, tenant, charge, quantity)
    trace = rules.trace("pricing", facts, charge.service_from)
    decision = trace.decision
    if decision is None or decision.method is None:
        findings.append(_differs(record, "no pricing rule answers today"))
        return []
    terms, currency = decision.terms, charge.currency
    prorated = stored.get(charge.proration)
    by_tiers = prorated is not None and prorated["terms"]["applies_to"] == "tiers"
    share = Fraction(charge.share)
    parts = decision.method(terms, facts, share) if by_tiers else decision.method(terms, facts)
    whole = sum((part.amount for part in parts), ZERO)
    if prorated is not None and not by_tiers and charge.kind != "usage":
        whole = times(whole, share)
    due = round_to(whole, currency, terms["rounding"])
    before = sum((one.charge.amount for one in family if one.id < record.id), ZERO) if charge.kind == "usage" else ZERO
    tried = [(f"rule {t.rule}", f"{t.where} {'applies' if t.matched else 'not: ' + t.failed}") for t in trace.tried]
    details = [*tried[-4:], *(_tier(part, currency) for part in parts)]
    if by_tiers:
        details.append(("tiers", f"limits, allowances and flat parts shrink to {charge.share} of the cycle"))
    elif prorated is not None:
        details.append(("share", f"x {charge.share} of the cycle"))
    details.append(("rounded", f"{_long(whole)} -> {_number(due)} {currency} ({terms['rounding']}), once"))
    if before:
        details.append(
            ("billed before", f"{_number(before)} {currency} for the same stretch; this line is the difference")
        )
    if charge.kind == "usage" and due - before != charge.amount:
        findings.append(_differs(record, f"it comes out as {_number(due - before)}"))
    elif charge.kind != "usage" and abs(due - charge.amount) > (minor_unit(currency) if prorated else ZERO):
        findings.append(_differs(record, f"it comes out as {_number(due)}"))
    text = f"rule {decision.rule} of {decision.ruleset} at {decision.where}, method {terms['method']}"
    return [Step("price", text, tuple(details))]


def _long(amount: Decimal) -> str:
    text = _number(amount)
    return text if len(text) < 20 else f"{text[:20]}..."


def _tier(part: Any, currency: str) -> tuple[str, str]:
    flat = f" + {_number(part.flat)}" if part.flat else ""
    label = f"tier {part.tier}" if part.tier else "price"
    return label, f"{_long(part.quantity)} x {_number(part.unit)}{flat} = {_long(part.amount)} {currency}"


def _facts(reader: Reader, tenant: str, charge: Any, quantity: Decimal) -> PricingFacts:
    account = tracing.version(reader, Account, charge.account_id)
    line = tracing.version(reader, ContractLine, charge.contract_line_id) if charge.contract_line_id else None
    return PricingFacts(
        reader.entities(tenant)[account.entity],
        account,
        tracing.version(reader, Charge, charge.charge_id),
        charge.plan,
        quantity,
        line.unit_price if line else None,
        line.currency if line else None,
        tracing.subscribed_on(reader, charge.subscription_id),
        charge.service_from,
    )


def _proration(stored: Mapping[int, Mapping[str, Any]], record: LineRecord) -> Step | None:
    charge = record.charge
    decision = stored.get(charge.proration)
    if decision is None:
        return None
    served, cycle = (charge.service_to - charge.service_from).days, (charge.cycle_to - charge.cycle_from).days
    return Step(
        "proration",
        f"rule {decision['rule']} of {decision['ruleset']} at {_where(decision)}, method {decision['terms']['method']}",
        (
            ("days", f"{served} served of {cycle} in the cycle"),
            ("share", charge.share),
            ("applies to", str(decision["terms"]["applies_to"])),
        ),
    )


def _events(reader: Reader, record: LineRecord) -> list[Step]:
    charge = record.charge
    if charge.kind != "usage":
        return []
    catalogue = tracing.version(reader, Charge, charge.charge_id)
    events = tracing.usage_events(reader, charge, catalogue.meter or "", EVENTS_SHOWN)
    shown = [
        (f"{e['at']:%Y-%m-%d %H:%M:%S %Z}", f"{_number(e['quantity'])} ({e['source']}/{e['key']})") for e in events
    ]
    if charge.events > len(shown):
        shown.append(("...", f"{charge.events - len(shown)} more"))
    return [Step("events", f"{charge.events} events of meter {catalogue.meter}", tuple(shown))]


def _tax(stored: Mapping[int, Mapping[str, Any]], record: LineRecord) -> Step:
    tax, decision = record.tax, stored.get(record.tax["tax_decision"])
    details = [
        ("category", f"{tax['tax_category']} {tax['tax_reason']}".strip()),
        ("jurisdiction", tax["tax_jurisdiction"]),
        ("answered by", f"rule {decision['rule']} at {_where(decision)}" if decision else tax["tax_source"]),
    ]
    rate = _number(tax["tax_rate"] * 100)
    return Step("tax", f"{rate} % = {_number(tax['tax_amount'])} {record.charge.currency}", tuple(details))


def _rate(record: LineRecord) -> Step | None:
    head = record.head
    if head["currency"] == head["functional_currency"]:
        return None
    return Step(
        "fx rate",
        f"1 {head['currency']} = {_number(head['rate'])} {head['functional_currency']}",
        (("published", f"{head['rate_source']}, {head['rate_on']}"), ("frozen on", str(head["invoice_date"]))),
    )


def _postings(reader: Reader, record: LineRecord) -> Step:
    rows = tracing.postings_of(reader, record.head["id"], record.id)
    details = []
    for row in rows:
        side = "debit" if row["amount"] > 0 else "credit"
        whole = "" if row["line_id"] else " (whole invoice)"
        amount = f"{_number(abs(row['amount']))} {row['currency']}"
        if row["currency"] != row["functional_currency"]:
            amount += f" = {_number(abs(row['functional_amount']))} {row['functional_currency']}"
        details.append((f"{row['entry_kind']} {row['posting_date']}", f"{side} {row['account']} {amount}{whole}"))
    return Step("postings", f"{len(rows)} postings", tuple(details))


def _differs(record: LineRecord, what: str) -> Finding:
    return Finding(
        DIFFERS,
        Where(f"invoice/{record.head['number']}#{record.number}"),
        f"the line says {record.charge.amount}, but {what}",
        "rules, records or the line were changed behind the engine's back",
        "run `tollbook verify`",
    )
