"""Why an invoice line costs what it costs: from the line back to rule, facts, tiers, days, rounding, events, rate and tax, and
forward to revenue and postings.  Everything is computed again from what the line keeps, and must come to the same cent."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from itertools import takewhile
from typing import Any

import msgspec

from engine.base.errors import Code, Finding, Where
from engine.base.money import ZERO, minor_unit, round_to, written
from engine.billing.memos import BY_HAND
from engine.billing.milestones import MARK
from engine.billing.pricing import OTHER_CHARGES, WHOLE, priced, times
from engine.billing.pricing.blocks import added
from engine.model.catalog import Charge, Meter
from engine.model.invoice import ADVANCE, RatedCharge
from engine.model.tax_correction import TAX
from engine.revenue.schedule import RevenueFacts
from engine.runs.explaining import measure as explain_measure
from engine.runs.explaining.attributes import with_attributes_then
from engine.runs.explaining.memo import made_by_hand
from engine.runs.explaining.milestone import milestone_price
from engine.runs.explaining.price import facts_before, facts_of, shown, told, valued, with_details
from engine.runs.explaining.shared import carried_told
from engine.runs.explaining.tax import tax_steps
from engine.runs.explaining.words import (
    SHOWN,
    Explanation,
    RulesOf,
    Step,
    TracingRules,
    long,
    number,
    rule_of,
    side,
    traced,
    tried,
)
from engine.runs.revenue.contract_explaining import of_contract
from engine.runs.revenue.explaining import scheduled
from engine.runs.revenue.planning import accepted
from engine.store import tracing
from engine.store.reader import Reader
from engine.store.tracing import LineRecord

DIFFERS = Code("explain.differs", "A line whose amount does not come out again from the rules and facts that it names.")


def explain_line(
    reader: Reader, tenant: str, rules_of: RulesOf, invoice: str, position: int, everything: bool
) -> Explanation:
    """Explain line ``position`` of an invoice; ``everything`` lists all its events.

    Raises:
        TollbookError: ``explain.no-such-line``.
    """
    record = tracing.line_record(reader, tenant, invoice, position)
    findings: list[Finding] = []
    steps = line_steps(reader, tenant, rules_of, record, findings, everything)
    charge = record.charge
    return Explanation(
        f"{invoice}#{position}",
        charge.text,
        f"{written(charge.amount, charge.currency)}",
        release_of(reader, record),
        (*steps, *_forward(reader, tenant, rules_of, record)),
        tuple(findings),
    )


def release_of(reader: Reader, record: LineRecord) -> str:
    """The release that a line was decided by: that of its invoice.  A credit on a line of another system has no price of its
    own."""
    drafted = record.head["draft_decision"]
    return str(tracing.decisions(reader, [drafted])[drafted]["release"])


def line_steps(
    reader: Reader,
    tenant: str,
    rules_of: RulesOf,
    record: LineRecord,
    findings: list[Finding],
    everything: bool,
) -> list[Step]:
    """How the amount of a line and its tax came about; of a credit, also how those of the line that it credits did."""
    charge = record.charge
    stored = tracing.decisions(reader, [charge.decision, charge.proration, record.tax["tax_decision"]])
    release = release_of(reader, record)
    steps: list[Step | None] = [_service(record), made_by_hand(reader, tenant, record)]
    if charge.credits:
        steps += _credit(reader, tenant, rules_of, record, findings, everything)
    elif charge.exact.startswith(MARK):
        part = milestone_price(reader, tenant, rules_of(release), record)
        steps += [part[0]] if part else []
        if part is None or part[1] != record.price:
            findings.append(_differs(record, f"it comes out as {number(part[1])}" if part else "no rule prices it"))
    elif charge.kind not in (BY_HAND, ADVANCE):
        steps += _price(reader, tenant, rules_of(release), record, stored, findings)
    steps += [_proration(stored, record), *_events(reader, record, everything)]
    steps += [*tax_steps(reader, tenant, rules_of, release, stored, record), _rate(record)]
    return [step for step in steps if step is not None]


def _forward(reader: Reader, tenant: str, rules_of: RulesOf, record: LineRecord) -> list[Step]:
    """What followed from a line: when it becomes revenue, and all its postings."""
    charge, head = record.charge, record.head
    if charge.kind in (TAX, ADVANCE):
        return [_postings(reader, record)]
    contract = of_contract(reader, record.head["tenant"], head["entity"], record.id)
    if contract is not None:
        return [contract, _postings(reader, record)]
    release = release_of(reader, record)
    facts = RevenueFacts(
        head["entity"],
        charge.product,
        charge.kind,
        charge.service_from,
        charge.service_to,
        head["invoice_date"],
        charge.amount,
        head["currency"],
        quantity=charge.quantity or Decimal(1),
        happenings=accepted(charge.exact, charge.service_from),
    )
    earned = traced("revenue", rules_of(release), release, "revrec", facts, charge.service_from)
    return [earned, *scheduled(reader, tenant, record), _postings(reader, record)]


def _service(record: LineRecord) -> Step:
    charge = record.charge
    return Step(
        "service",
        f"{charge.plan}/{charge.charge} of subscription {charge.subscription}, account {charge.account}",
        (
            ("served", f"{charge.service_from} up to, not including, {charge.service_to}"),
            ("cycle", f"{charge.cycle_from} up to, not including, {charge.cycle_to}"),
            ("quantity", number(charge.quantity)),
            ("contract", charge.contract or "none"),
            *((("counted", charge.exact),) if charge.exact else ()),
            *((("group", charge.grouped),) if charge.grouped else ()),
        ),
    )


def _credit(
    reader: Reader,
    tenant: str,
    rules_of: RulesOf,
    record: LineRecord,
    findings: list[Finding],
    everything: bool,
) -> list[Step]:
    billed = tracing.line_by_id(reader, record.charge.credits)
    if billed is None:
        return []
    if record.charge.kind == TAX:
        return []
    head, charge = billed.head, billed.charge
    days = (record.charge.service_to - record.charge.service_from).days
    label = f"{head.get('number', '?')}#{billed.number}"
    what = f"{days} days, {record.charge.share} of the cycle," if days else "money, and no days,"
    gives = Step(
        "credit",
        f"gives back {what} of line {billed.number} of invoice {head.get('number', '?')}",
        (
            ("billed", f"{written(charge.amount, charge.currency)} for {charge.service_from}..{charge.service_to}"),
            (
                "given back",
                f"{written(record.charge.amount, charge.currency)}, never more than is left of the line",
            ),
        ),
    )
    if "draft_decision" not in head:
        return [gives, Step(f"{label} price", f"billed by another system, on {head['invoice_date']}")]
    inner = line_steps(reader, tenant, rules_of, billed, findings, everything)
    return [gives, *(msgspec.structs.replace(step, name=f"{label} {step.name}") for step in inner)]


def _price(
    reader: Reader,
    tenant: str,
    rules: TracingRules,
    record: LineRecord,
    stored: Mapping[int, Mapping[str, Any]],
    findings: list[Finding],
) -> list[Step]:
    charge = record.charge
    lines = [one for one in tracing.lines_of_stretch(reader, charge) if one.id <= record.id and one.charge.kind != TAX]
    gone = {one.charge.credits for one in lines}  # what was given back whole counts as never billed
    family = [one for one in lines if not one.charge.credits and one.id not in gone]
    below = _below(reader, charge)
    known = sum((one.charge.quantity for one in family), ZERO)
    quantity = known if charge.kind == "usage" or not charge.quantity else charge.quantity
    quantity += sum((one.quantity for one in takewhile(lambda one: one.plan == charge.plan, below)), ZERO)
    facts = with_attributes_then(reader, rules, record, facts_of(reader, tenant, record, quantity))
    earlier = facts_before(reader, tenant, family, record, facts)
    trace = rules.trace("pricing", facts, charge.service_from)
    decision = trace.decision
    if decision is None or decision.method is None:
        findings.append(_differs(record, "no pricing rule answers today"))
        return []
    facts = with_details(reader, tenant, record, decision, facts)
    terms, currency = decision.terms, charge.currency
    prorated = stored.get(charge.proration)
    applies_to = prorated["terms"]["applies_to"] if prorated else "amount"
    share = Fraction(charge.share) if prorated else WHOLE
    made = valued(reader, tenant, rules, record, decision, facts, share, applies_to)
    whole = made.exact - sum((times(one.full, share) for one in below), ZERO)
    due = round_to(whole, currency, terms["rounding"]) if below else made.rounded
    adds = charge.kind == "usage" or decision.needs == OTHER_CHARGES
    before = sum((one.price for one in family if one.id < record.id), ZERO) if adds else ZERO
    said = [*carried_told(charge), *made.said]
    details = [*tried(trace), *shown(facts, decision), *(told(part, currency) for part in made.parts), *said]
    if prorated is not None and charge.kind != "usage":
        details.append(("share", f"x {charge.share} of the cycle"))
    elif prorated is not None:
        tiers = "limits, allowances and flat parts" if applies_to == "tiers" else "steps that are prorated"
        details.append(("tiers", f"{tiers} shrink to {charge.share} of the cycle"))
    details.append(("rounded", f"{long(whole)} -> {written(due, currency)} ({terms['rounding']}), once"))
    if below:
        details.append(
            ("difference", f"to what {len(below)} earlier lines bill for the same days, taken off before rounding")
        )
    if before:
        details.append(
            ("billed before", f"{written(before, currency)} for the same stretch; this line is the difference")
        )
    if before and earlier is not None and not made.said and any(part.meter for part in made.parts):
        given = priced(decision, earlier, share, applies_to)
        details += [
            (f"adds {label}", text) for label, text in (told(p, currency) for p in added(made.parts, given.parts))
        ]
    if adds and due - before != record.price:
        findings.append(_differs(record, f"it comes out as {number(due - before)}"))
    elif not adds and abs(due - record.price) > (minor_unit(currency) if prorated else ZERO):
        findings.append(_differs(record, f"it comes out as {number(due)}"))
    text = f"rule {decision.rule} of {decision.ruleset} at {decision.where}, method {terms['method']}"
    return [Step("price", text, tuple(details))]


def _below(reader: Reader, charge: RatedCharge) -> list[RatedCharge]:
    """The lines that a line bills the difference to, the nearest first."""
    found: list[RatedCharge] = []
    while charge.upon and (line := tracing.line_by_id(reader, charge.upon)) is not None:
        charge = line.charge
        found.append(charge)
    return found


def _proration(stored: Mapping[int, Mapping[str, Any]], record: LineRecord) -> Step | None:
    charge = record.charge
    decision = stored.get(charge.proration)
    if decision is None:
        return None
    served, cycle = (charge.service_to - charge.service_from).days, (charge.cycle_to - charge.cycle_from).days
    return Step(
        "proration",
        f"{rule_of(decision)}, method {decision['terms']['method']}",
        (
            ("days", f"{served} served of {cycle} in the cycle"),
            ("share", charge.share),
            ("applies to", str(decision["terms"]["applies_to"])),
        ),
    )


def _events(reader: Reader, record: LineRecord, everything: bool) -> list[Step]:
    charge = record.charge
    if charge.kind != "usage":
        return []
    catalogue, meters = tracing.version(reader, Charge, charge.charge_id), reader.meters(record.head["tenant"])
    limit = None if everything or _measured(catalogue, meters) else SHOWN
    events = tracing.usage_events(reader, charge, catalogue.counted, limit)
    events = [one for one in events if explain_measure.counts(charge, catalogue, meters, one)]
    names = " and ".join(catalogue.counted)
    entity = record.head["entity"]
    shown = [
        (
            f"{e['at']:%Y-%m-%d %H:%M:%S %Z}",
            f"{number(e['quantity'])}  usage:{entity}/{charge.subscription}/{e['meter']}/{e['key']} from {e['source']}"
            + (f"  {e['dimensions']}" if e["dimensions"] else ""),
        )
        for e in (events if everything else events[:SHOWN])
    ]
    shown += [
        ("taken back", f"{number(e['quantity'])}  usage:{entity}/{charge.subscription}/{e['meter']}/{e['key']}")
        for e in tracing.usage_taken_back(reader, charge, catalogue.counted)
        if explain_measure.counts(charge, catalogue, meters, e)
    ]
    if charge.events > len(shown):
        shown.append(("...", f"{charge.events - len(shown)} more (--all)"))
    said = explain_measure.told(reader, charge, catalogue, meters)
    return [Step("events", f"{charge.events} events of meter {names}", (*said, *shown))]


def _measured(sold: Charge, meters: Mapping[str, Meter]) -> bool:
    return any(explain_measure.measure_for(sold, meters, key) for key in sold.counted)


def _rate(record: LineRecord) -> Step | None:
    head = record.head
    if head["currency"] == head["functional_currency"]:
        return None
    return Step(
        "fx rate",
        f"1 {head['currency']} = {number(head['rate'])} {head['functional_currency']}",
        (("published", f"{head['rate_source']}, {head['rate_on']}"), ("frozen on", str(head["invoice_date"]))),
    )


def _postings(reader: Reader, record: LineRecord) -> Step:
    rows = tracing.postings_of(reader, record.head["id"], record.id)
    details = tuple(
        (
            f"posting:{row['entry_id']}/{row['number']}",
            f"{row['entry_kind']} {row['posting_date']}  {side(row)}{'' if row['line_id'] else ' (whole invoice)'}",
        )
        for row in rows
    )
    return Step("postings", f"{len(rows)} postings", details)


def _differs(record: LineRecord, what: str) -> Finding:
    return Finding(
        DIFFERS,
        Where(f"invoice/{record.head['number']}#{record.number}"),
        f"the line says {record.price}, but {what}",
        "rules, records or the line were changed behind the engine's back",
        "run `tollbook verify`",
    )
