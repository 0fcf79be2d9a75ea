"""Where a posting comes from: its entry, line and invoice, the rule that chose its account, and its rate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from engine.base.errors import TollbookError, refuse
from engine.base.money import written
from engine.ledger.posting import PostingFacts, Role
from engine.model.account import Account
from engine.model.accrual import IMPAIRMENT, INTERCOMPANY, OWED
from engine.model.accrual import KIND as ACCRUAL
from engine.model.decision import Trace
from engine.model.revaluation import BACK, KIND
from engine.model.revenue import KIND as RECOGNITION
from engine.runs.accruals import explaining as explain_owed
from engine.runs.accruals.explaining import Owed
from engine.runs.cash.explaining import document_of
from engine.runs.explaining.adjustment import adjustments, explain_adjustment
from engine.runs.explaining.words import (
    NO_SUCH_POSTING,
    Explanation,
    RulesOf,
    Step,
    at_position,
    first,
    listed,
    rate_of,
    rule_of,
    side,
    tried,
)
from engine.runs.revenue.explaining import recognised
from engine.store import revaluing, tracing, tracing_back
from engine.store.reader import Reader
from engine.store.tracing import LineRecord

ROLES: Mapping[str, tuple[Role, ...]] = {
    "invoice": ("receivable", "contract_liability", "other_income", "tax", "fx_rounding"),
    "revenue": ("contract_liability", "revenue", "fx_rounding"),
    "wallet": (
        *("wallet", "promotion", "receivable", "wallet_funding", "wallet_use", "breakage", "unapplied_cash"),
        "fx_difference",
    ),
    "bank": ("cash", "bank_clearing"),
    "settlement": (
        *("receivable", "account_credit", "unapplied_cash", "bank_clearing", "cash", "discount_taken", "bank_fee"),
        *("small_difference", "allowance", "bad_debt", "withholding_receivable", "write_off", "goodwill"),
        *("currency_exchange", "fx_difference", "realised_gain", "realised_loss", "tax", "psp_clearing"),
    ),
    "cash": (
        *("bank_clearing", "refund_payable", "withholding_tax", "withholding_receivable", "psp_clearing", "cash"),
        *("fx_difference", "realised_gain", "realised_loss"),
    ),
    "payout": ("cash", "psp_fees", "psp_clearing", "fx_difference", "realised_gain", "realised_loss"),
    "direct_debit_fee": ("psp_fees", "psp_clearing"),
    ACCRUAL: ("unbilled", "contract_asset", "revenue"),
    IMPAIRMENT: ("ecl_expense", "allowance"),
    INTERCOMPANY: (
        *("intercompany_expense", "intercompany_payable", "intercompany_receivable", "intercompany_revenue"),
    ),
    KIND: ("unrealised_gain", "unrealised_loss"),
    BACK: ("unrealised_gain", "unrealised_loss"),
}
"""What the sides of an entry of each kind can stand for."""
WHOLE: frozenset[Role] = frozenset(
    {
        "fx_rounding",
        *(role for kind in ("wallet", "bank", "settlement", "cash", "payout", KIND) for role in ROLES[kind]),
    }
) - {"tax"}
"""What a side stands for that belongs to no line."""


def explain_posting(
    reader: Reader, tenant: str, rules_of: RulesOf, entry_name: str, position: int, everything: bool
) -> Explanation:
    """Explain posting ``position`` of an entry: its id, or the number of its document and its kind
    (``NL01-2026-000001/revenue``; ``invoice`` where no kind is given).

    Raises:
        TollbookError: ``explain.no-such-posting``.
    """
    if entry_name.isdigit():
        adjustment = explain_adjustment(reader, tenant, rules_of, int(entry_name), position, everything)
        if adjustment is not None:
            return adjustment
    entry = _entry(reader, tenant, entry_name)
    rows = tracing_back.postings(reader, entry["id"])
    found = at_position(rows, position, entry_name)
    head = tracing_back.head_by_id(reader, entry["document"]) or {}
    line = tracing.line_by_id(reader, found["line_id"]) if found["line_id"] else None
    decision = tracing.decisions(reader, [found["decision"]]).get(found["decision"])
    steps = [
        Step(
            "entry",
            f"{entry['kind']} entry {entry['id']} of {entry['posting_date']}: {entry['text']}",
            first(listed(rows), everything),
        )
    ]
    owed = explain_owed.behind(reader, entry) if entry["kind"] in OWED else None
    if entry["kind"] == RECOGNITION:
        steps.append(recognised(reader, entry["id"], everything))
    elif entry["kind"] in (KIND, BACK):
        steps.append(_revalued(reader, tenant, entry, everything))
    elif owed is not None:
        steps.append(owed.step)
    else:
        steps.append(document_of(reader, tenant, entry) or _document(head, line))
    release = ""
    if decision is not None:
        release = str(decision["release"])
        steps.append(_account(reader, rules_of, entry, found, head, line, decision, owed, everything))
    steps += [rate_of(found), *adjustments(reader, tenant, entry, everything)]
    subject = f"posting:{entry['id']}/{position}"
    return Explanation(
        subject, f"{entry['kind']} of {head.get('number', entry['document'])}", side(found), release, tuple(steps)
    )


def _entry(reader: Reader, tenant: str, name: str) -> dict[str, Any]:
    if name.isdigit():
        entry = tracing_back.entry(reader, tenant, int(name))
        if entry is not None:
            return entry
    document, _, kind = name.rpartition("/")
    head = tracing_back.invoice_head(reader, tenant, document or name)
    if head is None and not name.isdigit():
        near: TollbookError = tracing.no_invoice(reader, tenant, document or name)
        raise refuse(NO_SUCH_POSTING, near.findings[0].what, mend=near.findings[0].mend)
    entries = tracing_back.entries_of(reader, head["id"]) if head is not None else []
    wanted = kind if document else "invoice"
    entry = next((each for each in entries if each["kind"] == wanted), None)
    if entry is None:
        kinds = ", ".join(each["kind"] for each in entries)
        mend = (
            f"the document has entries of kind {kinds}"
            if kinds
            else "`tollbook explain INVOICE` lists the entries of one"
        )
        raise refuse(NO_SUCH_POSTING, f"there is no entry {name!r}", mend=mend)
    return entry


def _document(head: Mapping[str, Any], line: LineRecord | None) -> Step:
    label = str(head.get("number", "?"))
    if not head:
        return Step("document", "no invoice")
    if line is None:
        return Step("document", f"the whole of invoice {label} to {head.get('payer', '?')}")
    charge = line.charge
    text = f"line {label}#{line.number}: {charge.text}, {charge.service_from}..{charge.service_to}"
    amount = f"{written(charge.amount, charge.currency)} net, {written(line.tax['tax_amount'], charge.currency)} tax"
    return Step("document", text, (("amount", amount), ("subscription", charge.subscription)))


def _revalued(reader: Reader, tenant: str, entry: Mapping[str, Any], everything: bool) -> Step:
    """The customers whose balances were revalued, and what each was kept at and worth."""
    rows = revaluing.revaluations(reader, tenant, document=entry["document"])
    details = tuple(
        (
            row["customer"] or "-",
            f"{written(row['amount'], row['currency'])} kept at {written(row['functional_amount'], row['functional_currency'])}, "
            f"worth {written(row['worth'], row['functional_currency'])}",
        )
        for row in rows
    )
    text = (
        f"balances of {len(rows)} customers on {rows[0]['account']} on {rows[0]['on_day']}"
        if rows
        else "no revaluation"
    )
    return Step("document", text, first(details, everything))


def _account(
    reader: Reader,
    rules_of: RulesOf,
    entry: Mapping[str, Any],
    posting: Mapping[str, Any],
    head: Mapping[str, Any],
    line: LineRecord | None,
    decision: Mapping[str, Any],
    owed: Owed | None,
    everything: bool,
) -> Step:
    """The rule that chose the GL account; its facts are found by asking for each role until the same rule answers."""
    payer = tracing.version(reader, Account, head["payer_id"]) if head else None
    country = payer.country if payer is not None else ""
    rules = rules_of(str(decision["release"]))
    for role in ROLES.get(entry["kind"], ()):
        of_line = role in ("contract_liability", "other_income", "revenue") and line is not None
        levying = line.tax["tax_jurisdiction"][:2] if role == "tax" and line is not None else country
        product = line.charge.product if of_line and line is not None else ""
        facts = PostingFacts(
            role,
            entry["entity"],
            "" if role == "fx_rounding" else levying,
            product,
            posting["currency"],
            entry["posting_date"],
        )
        if owed is not None:
            facts = msgspec.structs.replace(facts, country=owed.country, product=owed.product)
        elif (line is None) is not (role in WHOLE):
            continue
        trace = rules.trace("posting", facts, entry["posting_date"])
        if trace.decision is not None and trace.decision.id == decision["id"]:
            near = trace if everything else _near(trace)
            beside = len(trace.tried) - len(near.tried)
            more = (("...", f"{beside} rules for other roles (--all)"),) if beside else ()
            text = f"{rule_of(decision)}: {posting['account']} for {role}"
            return Step("account", text, (*tried(near), *more))
    return Step("account", f"{rule_of(decision)}: {posting['account']}")


def _near(trace: Trace) -> Trace:
    """The same without the rules that the role alone keeps from answering."""
    return msgspec.structs.replace(
        trace, tried=tuple(one for one in trace.tried if one.matched or {*one.facts} != {"role"})
    )
