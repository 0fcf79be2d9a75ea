"""An invoice at a glance: its lines, why it is one invoice with that number and due date, who delivers it, its entries."""

from __future__ import annotations

from engine.model.account import Account
from engine.model.routing import RoutingFacts
from engine.runs.explain_words import Explanation, RulesOf, Step, first, number, rule_of, side, traced
from engine.store import tracing, tracing_back
from engine.store.reader import Reader


def explain_invoice(reader: Reader, tenant: str, rules_of: RulesOf, wanted: str, everything: bool) -> Explanation:
    """Explain the invoice with the legal number ``wanted``.

    Raises:
        TollbookError: ``explain.no-such-line``.
    """
    head = tracing_back.invoice_head(reader, tenant, wanted)
    if head is None:
        raise tracing.no_invoice(reader, tenant, wanted)
    stored = tracing.decisions(reader, [head["draft_decision"], head["numbering_decision"]])
    release = str(next((decision["release"] for decision in stored.values()), ""))
    steps = [_lines(reader, head, everything)]
    for name, key in (("grouping", "draft_decision"), ("numbering", "numbering_decision")):
        decision = stored.get(head[key])
        if decision is not None:
            terms = tuple((label, str(value)) for label, value in decision["terms"].items())
            steps.append(Step(name, rule_of(decision), terms))
    payer = tracing.version(reader, Account, head["payer_id"])
    if payer is not None:
        facts = RoutingFacts("delivery", head["entity"], payer.country, head["currency"], head["invoice_date"])
        steps.append(traced("delivery routing", rules_of(release), release, "routing", facts, head["invoice_date"]))
    for entry in tracing_back.entries_of(reader, head["id"]):
        rows = tracing_back.postings(reader, entry["id"])
        details = tuple((f"posting:{row['entry_id']}/{row['number']}", side(row)) for row in rows)
        steps.append(
            Step(f"{entry['kind']} entry", f"{entry['posting_date']} {entry['text']}", first(details, everything))
        )
    text = f"{head['kind'].replace('_', ' ')} of {head['invoice_date']} to {head['payer']}, due {head['due_date']}"
    total = f"{number(head['net'])} + {number(head['tax'])} tax = {number(head['total'])} {head['currency']}"
    return Explanation(wanted, text, total, release, tuple(steps))


def _lines(reader: Reader, head: dict[str, object], everything: bool) -> Step:
    lines = tracing_back.lines_of(reader, head)
    details = tuple(
        (
            f"{head['number']}#{line.number}",
            f"{line.charge.text}, {line.charge.service_from}..{line.charge.service_to}: "
            f"{number(line.charge.amount)} + {number(line.tax['tax_amount'])} tax",
        )
        for line in lines
    )
    return Step("lines", f"{len(lines)} lines", first(details, everything))
