"""What paying late costs, as the rules of interest say: reckoned for the documents of a step, and put on a debit note.

Each reckoning covers all that no debit note has charged yet, from the due date or from the last one that did.  So a claim
of an earlier step is never added to that of a later one: it is in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

import msgspec

from engine.base.errors import Code, Finding, Where
from engine.base.money import ZERO, round_to
from engine.billing.memos import by_hand
from engine.model.decision import Decision
from engine.model.dunning import LATE_FEE, LATE_INTEREST, Claim, Debt, Due, InterestFacts, Step
from engine.model.invoice import RatedCharge
from engine.receivables.interest import Piece, accrued, stale, total
from engine.runs.accounts.memo_moves import Memo
from engine.runs.billing.read import BY_HAND
from engine.runs.dunning.cases import Owing
from engine.runs.noting import document_to
from engine.runs.run import Parts
from engine.store.reader import Reader
from engine.store.writing.settlements import as_digest

OLD_RATE = Code("interest.old-rate", "Late interest by a base rate that is older than its rule lets it be.")

COMPENSATION: Final = "compensation"
FEE: Final = "fee of "
TEXTS: Final[Mapping[str, str]] = {
    LATE_INTEREST: "Late interest on {number}, {basis}",
    COMPENSATION: "Compensation for late payment of {number}",
    FEE: "Fee for {basis}",
}
"""What the lines of a debit note say."""


class Claims(msgspec.Struct, frozen=True):
    """What a step claims, the law that it rests on, and findings on the way."""

    claims: tuple[Claim, ...] = ()
    law: str = ""
    findings: tuple[Finding, ...] = ()


def claimed(parts: Parts, owing: Owing, step: Step, items: Iterable[int], day: date) -> Claims:
    """What paying some documents late costs by a day, and the fees of steps.

    Raises:
        TollbookError: ``rule.no-answer``.
    """
    if step.charge == "none":
        return Claims()
    made: list[Claim] = []
    laws: dict[str, None] = {}
    findings: list[Finding] = []
    charged = [row for row in owing.claims if row["document"]]
    for item in items:
        debt = owing.debts[item]
        facts = InterestFacts(owing.entity, owing.account, debt.kind, owing.currency, debt.amount, debt.due)
        decision = parts.rules.decide("interest", facts, debt.due)
        before = [row for row in charged if row["item"] == item]
        own = [
            *_interest(owing, debt, decision, facts, before, day),
            *_compensation(owing, debt, decision, before, day),
        ]
        if own and decision.terms["text"]:
            laws[decision.terms["text"]] = None
        old = stale(decision.terms, day)
        if old is not None and any(one.kind == LATE_INTEREST for one in own):
            findings.append(_old(decision, old))
        made += own
    made += _fees(owing, step, {row["name"] for row in charged}, day)
    return Claims(tuple(made), "; ".join(laws), tuple(dict.fromkeys(findings)))


def debit_note(parts: Parts, reader: Reader, owing: Owing, due: Due, claims: Sequence[Claim]) -> Memo:
    """The debit note that charges claims: outside of tax, and no revenue of a contract.

    Raises:
        TollbookError: what keeps it from being numbered or posted.
    """
    account, currency = owing.account, owing.currency
    charges = [_line(owing, claim, due.day) for claim in claims]
    key = f"dunning/{account.key}/{currency}/{due.item}/{due.cycle}/{due.step}"
    issued, _ = document_to(parts, reader, account, charges, due.day, "debit_note", f"{BY_HAND}{key}")
    digest = as_digest({str(n): (one.item, one.name, one.until, one.amount) for n, one in enumerate(claims)})
    items = {one.item for one in claims}
    original = next(iter(items)) if len(items) == 1 and items <= owing.debts.keys() else 0
    if original and owing.debts[original].kind == "receivable":
        original = 0
    number = owing.debts[original].number if original else ""
    head = ("debit", account.entity, account.key, key, digest, "late_payment", f"step {due.step}", original, number)
    sums = (due.day, issued.invoice.total, owing.decision.id, parts.rules.release)
    return Memo(*head, *sums, False, False, {}, issued)


def _line(owing: Owing, claim: Claim, day: date) -> RatedCharge:
    name = LATE_INTEREST if claim.kind == LATE_INTEREST else COMPENSATION if claim.name == COMPENSATION else FEE
    debt = owing.debts.get(claim.item)
    text = TEXTS[name].format(number=debt.number if debt else "", basis=claim.basis)
    made = by_hand(owing.account, text, claim.amount, day, owing.currency, claim.kind, "standard")
    return msgspec.structs.replace(made, kind=claim.kind, decision=claim.decision)


def _interest(
    owing: Owing,
    debt: Debt,
    decision: Decision,
    facts: InterestFacts,
    before: Sequence[Mapping[str, object]],
    day: date,
) -> list[Claim]:
    terms = decision.terms
    assert decision.method is not None
    rates = decision.method(terms, facts)
    last = [row["until"] for row in before if row["kind"] == LATE_INTEREST]
    start: date = max((one for one in last if isinstance(one, date)), default=debt.due + timedelta(days=terms["free"]))
    pieces = accrued(debt, rates, start, day, terms["day_count"], owing.case.freezes)
    amount = round_to(total(pieces), owing.currency)
    least = (terms["minimum"] or {}).get(owing.currency, ZERO)
    if amount <= ZERO or amount < least:
        return []
    basis = _told(pieces, owing.currency, terms["day_count"])
    return [Claim(debt.item, LATE_INTEREST, "", start, day, amount, basis, decision.id)]


def _compensation(
    owing: Owing, debt: Debt, decision: Decision, before: Sequence[Mapping[str, object]], day: date
) -> list[Claim]:
    amount = (decision.terms["compensation"] or {}).get(owing.currency, ZERO)
    if not amount or any(row["name"] == COMPENSATION for row in before):
        return []
    return [Claim(debt.item, LATE_FEE, COMPENSATION, day, day, amount, decision.terms["text"], decision.id)]


def _fees(owing: Owing, step: Step, charged: set[str], day: date) -> list[Claim]:
    """Fees of steps that no debit note has charged, that of this one last."""
    kept = {row["name"]: row for row in owing.claims if row["name"].startswith(FEE) and row["name"] not in charged}
    made = [
        Claim(0, LATE_FEE, name, row["start"], row["until"], row["amount"], row["basis"], row["decision"])
        for name, row in kept.items()
    ]
    amount = (step.fee or {}).get(owing.currency, ZERO)
    if amount:
        name = f"{FEE}{step.name} of {day}"
        made.append(Claim(0, LATE_FEE, name, day, day, amount, step.name, owing.decision.id))
    return made


def _told(pieces: Sequence[Piece], currency: str, count: str) -> str:
    """How interest was reckoned, in a form that every language reads: each balance with its rate and days."""
    parts: list[str] = []
    for piece in pieces:
        rate = f"{(piece.rate * 100).normalize():f} %"
        days = (piece.until - piece.start).days
        parts.append(f"{round_to(piece.open, currency):f} {currency} × {rate} × {days} d")
    return f"{'; '.join(parts)} ({count})"


def _old(decision: Decision, ends: date) -> Finding:
    what = f"rule {decision.rule} of {decision.ruleset} has no base rate from {ends} on: the one before it is taken"
    mend = "add the rate that was published to the table of the rule"
    where = Where(f"rule/{decision.ruleset}/{decision.rule}")
    return Finding(OLD_RATE, where, what, mend=mend, level="warning", subject=f"rule/{decision.ruleset}")


def sum_of(claims: Iterable[Claim]) -> Decimal:
    """What claims come to."""
    return sum((one.amount for one in claims), ZERO)
