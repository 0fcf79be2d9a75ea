"""Credit and debit notes by hand, once they are allowed: written as they were computed, in the transaction that they are given.

What is proposed is the document itself, with its lines, tax and entries; only its number is taken when it is written, and its
money goes where the rules say then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final

import msgspec

from engine.base.errors import Code, refuse
from engine.base.money import round_to
from engine.billing.advances import is_voucher
from engine.model.invoice import ADVANCE
from engine.runs.accounts.advance_moves import received_enough
from engine.runs.billing.finish import Issued
from engine.runs.billing.read import Pinned
from engine.runs.billing.run import UNFINISHED, refuse_the_impossible
from engine.runs.billing.write import give_numbers, taken, write_documents
from engine.runs.noting import billed_lines, looked_at_again
from engine.runs.run import Parts
from engine.store import tables as t
from engine.store import tracing
from engine.store.reader import Reader
from engine.store.reversal import reversible
from engine.store.writer import Writer

CHANGED = Code("credit.changed", "A credit note over lines of which something else was given back meanwhile.")
RUN: Final = "memo"
"""Kind of the run that a document by hand is written in."""


class Memo(msgspec.Struct, frozen=True):
    """A credit or debit note as it will be written.

    ``left`` is what is left of each line that it credits, before it, as ``net/tax``; ``two`` says that a rule wants two persons;
    ``original`` is the id of the invoice that it is about, ``number`` that invoice's number; ``total`` includes tax.
    """

    kind: str
    entity: str
    account: str
    key: str
    digest: str
    reason: str
    note: str
    original: int
    number: str
    on: date
    total: Decimal
    decision: int
    release: str
    two: bool
    rebill: bool
    left: dict[str, str]
    issued: Issued


def subject(given: Mapping[str, Any]) -> str:
    """The natural key of a memo."""
    return f"{given['entity']}/{given['key']}"


def text(given: Mapping[str, Any]) -> str:
    """What it does, in words that follow "to"."""
    currency, total = given["issued"]["rate"]["base"], Decimal(given["total"])
    if given["kind"] == "credit":
        return f"credit {round_to(-total, currency):f} {currency} of {given['number']} to {given['account']} ({given['reason']})"
    if given["kind"] == ADVANCE:
        return f"invoice an advance or voucher of {round_to(total, currency):f} {currency} to {given['account']}"
    return f"charge {round_to(total, currency):f} {currency} to {given['account']} ({given['reason']})"


def amounts(reader: Reader, tenant: str, given: Mapping[str, Any]) -> Mapping[str, Decimal]:
    """The money that it is about, by currency."""
    return {given["issued"]["rate"]["base"]: abs(Decimal(given["total"]))}


def lefts(reader: Reader, lines: Sequence[int]) -> dict[str, str]:
    """What is left of some lines, net and tax."""
    found = reversible(reader, list(lines)) if lines else {}
    return {str(ident): f"{one.net_left.normalize():f}/{one.tax_left.normalize():f}" for ident, one in found.items()}


def relies(reader: Reader, tenant: str, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the decision for it rests on: what is left of the lines that it credits, and that it is not made."""
    there = reader.memo(tenant, given["entity"], given["key"])
    left = lefts(reader, [int(ident) for ident in given["left"]])
    return {f"line {ident}": value for ident, value in left.items()} | {"made": there is not None}


def nothing_runs(reader: Reader, tenant: str) -> None:
    """Refuse to go on while a run that bills or voids is not finished.

    Raises:
        TollbookError: ``run.unfinished``.
    """
    for other in reader.runs(tenant, limit=1000):
        if other.kind in ("bill", "void") and other.state == "running":
            what = f"{other.kind} run {other.id} of {other.period} ({other.scope}) is not finished"
            raise refuse(UNFINISHED, what, mend="wait for it, or go on with it")


def works(parts: Parts, writer: Writer, given: Mapping[str, Any]) -> bool:
    """Write it; False where it is in the books.

    Raises:
        TollbookError: ``credit.changed``, ``run.unfinished``, ``period.closed``, ``run.before-documents``, and what keeps its
            money from being settled.
    """
    memo, tenant, rules = msgspec.convert(given, Memo), parts.tenant, parts.rules
    writer.roll_up_usage(tenant)  # bill runs that start wait here for one another, and for this
    reader = writer.reader
    if reader.memo(tenant, memo.entity, memo.key) is not None:
        return False
    refuse_the_impossible(parts, reader, memo.on, writer.change.who)
    nothing_runs(reader, tenant)
    if memo.kind == ADVANCE and not any(is_voucher(charge) for charge in memo.issued.invoice.draft.charges):
        payer = memo.issued.invoice.draft.payer
        received_enough(reader, tenant, reader.accounts(tenant, memo.entity, [payer])[payer], memo.total)
    if lefts(reader, [int(ident) for ident in memo.left]) != memo.left:
        what = f"something else of {memo.number} was given back since this credit was computed"
        raise refuse(CHANGED, what, mend="make it again: it is computed of what is left then")
    writer.store_release(tenant, rules.release, rules.files, rules.overrides, rules.plugins)
    writer.store_decisions(rules.decisions())
    scope = f"{memo.kind}:{memo.entity}/{memo.key}"
    run = writer.start_run(tenant, RUN, memo.on.isoformat(), scope, memo.release)
    _write(parts, writer, memo, Pinned(run.id, memo.on, scope, memo.release, {}, writer.change))
    return True


def _write(parts: Parts, writer: Writer, memo: Memo, pinned: Pinned) -> None:
    tenant, issued = parts.tenant, (memo.issued,)
    entity = writer.reader.entities(tenant)[memo.entity]
    ids = taken(writer.take_blocks, issued)
    payer = memo.issued.invoice.draft.payer
    findings = write_documents(parts, pinned, writer, entity, (payer, payer), issued, ids)
    if memo.rebill:
        lines = billed_lines(writer.reader.invoice_lines(memo.original))
        writer.set_marks(looked_at_again(writer.reader, lines))
    head = (ids["invoice"], tenant, memo.entity, memo.account, memo.kind, memo.reason, memo.note, memo.key, memo.digest)
    writer.append(t.MEMO, [(*head, memo.original, memo.on, memo.decision, pinned.run_id)])
    writer.add_findings(tenant, findings, pinned.run_id)
    counts = {"invoices": 1, "lines": len(memo.issued.invoice.lines), "findings": len(findings)}
    writer.finish_run(pinned.run_id, {"counts": counts})
    give_numbers(parts, pinned, writer, entity, issued, ids["invoice"])


def earned_as(reader: Reader, tenant: str, document: int) -> str:
    """The role that the revenue of a document was posted as: of what was credited by hand, as its rule said."""
    memo = reader.memo_of(tenant, document)
    stored = tracing.decisions(reader, [memo["decision"]]) if memo else {}
    words = [str(row["terms"].get("revenue", "")) for row in stored.values()]
    return role_of(words[0] if words else "")


def role_of(revenue: str) -> str:
    """The role of revenue by the word of a rule."""
    return "concession" if revenue == "price_concession" else "revenue"
