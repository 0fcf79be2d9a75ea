"""An invoice at a glance: its lines, why it is one invoice with that number and due date, who delivers it, its entries."""

from __future__ import annotations

from typing import Any

from engine.base.money import ZERO, written
from engine.model.account import Account
from engine.model.routing import RoutingFacts
from engine.runs.cash.explaining import money_of
from engine.runs.explaining.numbers import beside
from engine.runs.explaining.occasion import occasioned
from engine.runs.explaining.words import Explanation, RulesOf, Step, first, number, rule_of, side, terms_of, traced
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
            steps.append(Step(name, rule_of(decision), terms_of(decision)))
    steps.extend(beside(reader, head))
    occasion = occasioned(reader, tenant, head)
    if occasion is not None:
        steps.append(occasion)
    payer = tracing.version(reader, Account, head["payer_id"])
    if payer is not None:
        facts = RoutingFacts("delivery", head["entity"], payer.country, head["currency"], head["invoice_date"])
        steps.append(traced("delivery routing", rules_of(release), release, "routing", facts, head["invoice_date"]))
    moved = reader.moved_for([head["id"]]).get(head["id"], [])
    if moved:
        steps.append(_wallets(reader, head, moved, everything))
    steps += money_of(reader, tenant, head, everything)
    for entry in tracing_back.entries_of(reader, head["id"]):
        rows = tracing_back.postings(reader, entry["id"])
        details = tuple((f"posting:{row['entry_id']}/{row['number']}", side(row)) for row in rows)
        steps.append(
            Step(f"{entry['kind']} entry", f"{entry['posting_date']} {entry['text']}", first(details, everything))
        )
    text = f"{head['kind'].replace('_', ' ')} of {head['invoice_date']} to {head['payer']}, due {head['due_date']}"
    net, tax, total = (written(head[part], head["currency"]) for part in ("net", "tax", "total"))
    return Explanation(wanted, text, f"{net} + {tax} tax = {total}", release, tuple(steps))


def _wallets(reader: Reader, head: dict[str, Any], moved: list[dict[str, Any]], everything: bool) -> Step:
    """The lots that have paid, or got something back, each with the rule that chose it and its line."""
    chosen = tracing.decisions(reader, sorted({row["decision"] for row in moved}))
    numbers = {line.id: line.number for line in tracing_back.lines_of(reader, head)}
    details = []
    for row in moved:
        line = f"line {numbers[row['line_id']]}" if row["line_id"] in numbers else "a line that was given back"
        verb, decision = ("pays" if row["kind"] == "draw" else "gets back"), chosen.get(row["decision"])
        text = f"{verb} {number(abs(row['amount']))} for {line}; {number(row['balance'])} left in the wallet"
        text += f"; {rule_of(decision)}" if decision is not None else ""
        details.append((f"{row['wallet']}/{row['lot']}", text))
    paid = -sum((row["amount"] for row in moved), ZERO)
    words = (
        f"{number(paid)} of {written(head['total'], head['currency'])} from wallets, {number(head['total'] - paid)} due"
    )
    return Step("wallets", words, first(tuple(details), everything))


def _lines(reader: Reader, head: dict[str, object], everything: bool) -> Step:
    lines = tracing_back.lines_of(reader, head)
    details = tuple(
        (
            f"{head['number']}#{line.number}",
            f"{line.charge.text}, {line.charge.service_from}..{line.charge.service_to}: "
            f"{written(line.charge.amount, line.charge.currency)} + {written(line.tax['tax_amount'], line.charge.currency)} tax",
        )
        for line in lines
    )
    return Step("lines", f"{len(lines)} line{'' if len(lines) == 1 else 's'}", first(details, everything))
