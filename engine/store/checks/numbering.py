"""Checks of what stands beside legal numbers, and of documents that an authority clears."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from engine.base.errors import Code, Finding, Where
from engine.model.clearance import CLEARED, DELIVERED, MAY_FOLLOW, NUMBERED, SUBMITTED
from engine.model.numbering import FREE, chain_text, code_text, digest, printed_of
from engine.store import outbox
from engine.store.checks import billing as checks_billing
from engine.store.checks import openings as checks_openings
from engine.store.reader import Reader
from engine.store.tables import CLEARANCE_STEP, EFFECT, INVOICE, NUMBER_MARK, SERIES
from engine.store.writing.ledger import DATE_DECREASES

GAP = Code("numbering.gap", "A series whose numbers do not run from its first to its newest without a gap.")
CHAIN_BROKEN = Code(
    "numbering.chain-broken", "A document whose place in the chain of its series is not what was signed."
)
CODE_DIFFERS = Code("numbering.code-differs", "A document whose code is not the one that its rule gives it.")
CLEARANCE_DIFFERS = Code("clearance.differs", "A document that cannot stand with the authority as the books say.")

_RESTORE = "an invoice never changes; find what changed it, and restore the books"


def numbers_gapless(reader: Reader, tenant: str) -> list[Finding]:
    """The numbers of every series run from 1, or from the one after the last number of the old system, to the newest
    without a gap, and the next one follows it.
    """
    head = INVOICE.c
    keys = (head.entity, head.series)
    used = (
        sa.select(
            *keys,
            sa.func.min(head.sequence).label("low"),
            sa.func.max(head.sequence).label("high"),
            sa.func.count().label("count"),
        )
        .where(head.tenant == tenant)
        .group_by(*keys)
        .subquery()
    )
    matched = (SERIES.c.tenant == tenant) & (SERIES.c.entity == used.c.entity) & (SERIES.c.series == used.c.series)
    before = checks_openings.numbered_before(tenant, used.c.entity, used.c.series)
    wrong = (
        (used.c.low != before + 1)
        | (used.c.high != before + used.c.count)
        | (SERIES.c.next != used.c.high + 1)
        | SERIES.c.next.is_(None)
    )
    statement = sa.select(used, SERIES.c.next).join_from(used, SERIES, matched, isouter=True).where(wrong)
    findings = [
        Finding(
            GAP,
            Where(f"series/{row.entity}/{row.series}"),
            f"series {row.series} of {row.entity} has {row.count} documents numbered {row.low} to {row.high}, "
            f"and goes on with {row.next}",
            why="legal numbers have no gaps",
            mend="find the document that was removed, and restore the books",
            subject=f"series/{row.entity}/{row.series}",
        )
        for row in reader.rows(statement.order_by(used.c.entity, used.c.series))
    ]
    return findings + checks_billing.series_without_documents(reader, tenant, GAP)


def dates_in_series(reader: Reader, tenant: str) -> list[Finding]:
    """Dates never decrease with the numbers of a series, but of one whose rule lets them."""
    head = INVOICE.c
    free = sa.exists().where(*(SERIES.c[n] == head[n] for n in ("tenant", "entity", "series")), SERIES.c.dates == FREE)
    before = sa.func.max(head.invoice_date).over(
        partition_by=(head.entity, head.series), order_by=head.sequence, rows=(None, -1)
    )
    dated = (
        sa.select(
            head.id, head.entity, head.series, head.sequence, head.number, head.invoice_date, before.label("before")
        )
        .where(head.tenant == tenant, ~free)
        .subquery()
    )
    statement = sa.select(dated).where(dated.c.invoice_date < dated.c.before).order_by(dated.c.series, dated.c.sequence)
    return [
        Finding(
            DATE_DECREASES,
            Where(f"invoice/{row.number}"),
            f"invoice {row.number} is dated {row.invoice_date}, an earlier number of series {row.series} {row.before}",
            why="dates never decrease within a series",
            mend="an invoice never changes; find what changed it, and restore the books",
            subject=f"invoice/{row.id}",
        )
        for row in reader.rows(statement)
    ]


def numbers_chained(reader: Reader, tenant: str) -> list[Finding]:
    """Every document of a series with a chain is in it: its text says what the document says and the signature before it."""
    rows = reader.marked_series(tenant)
    decided = reader.decisions(sorted(_decisions(reader, tenant) | {row.numbering_decision for row in rows}))
    terms = {ident: decision["terms"] for ident, decision in decided.items()}
    findings = [
        _finding(CHAIN_BROKEN, number, "it has no mark, though its rule wants one")
        for number in _unmarked(reader, tenant, terms)
    ]
    previous: Any = None
    for row in rows:
        same = previous is not None and (previous.entity, previous.series) == (row.entity, row.series)
        findings.extend(_wrong(row, terms.get(row.numbering_decision, {}), previous if same else None))
        previous = row
    return findings


def _wrong(row: Any, terms: dict[str, Any], before: Any) -> Iterator[Finding]:
    """What is wrong with one mark; ``before`` is that of the number before it, if the series has one."""
    code = terms.get("code")
    if code and row.code != code_text(code, terms["codes"].get(row.series, ""), row.sequence):
        yield _finding(CODE_DIFFERS, row.number, f"its code is {row.code!r}")
    if not terms.get("chain"):
        return
    text = chain_text(
        terms["chain"],
        on=row.invoice_date,
        entered=row.entered,
        number=row.number,
        series=row.series,
        sequence=row.sequence,
        totals=(row.total, row.currency, row.functional_total, row.functional_currency),
        previous=before.signature if before is not None else "",
    )
    if text != row.text:
        yield _finding(CHAIN_BROKEN, row.number, f"what was signed is {row.text!r}, and the document says {text!r}")
    elif not row.signer and digest(text) != row.signature:
        yield _finding(CHAIN_BROKEN, row.number, "its digest is not that of its text")
    if row.printed != printed_of(row.signature, terms.get("printed", ())):
        yield _finding(CHAIN_BROKEN, row.number, f"{row.printed!r} is not what is printed of its signature")


def _decisions(reader: Reader, tenant: str) -> set[int]:
    used = sa.select(INVOICE.c.numbering_decision).where(INVOICE.c.tenant == tenant).distinct()
    return set(reader.connection.execute(used).scalars())


def _unmarked(reader: Reader, tenant: str, terms: dict[int, Any]) -> list[str]:
    """Numbers of documents whose rule wants a mark, and that have none."""
    wanting = [ident for ident, given in terms.items() if given.get("chain") or given.get("code")]
    if not wanting:
        return []
    head, there = INVOICE.c, sa.exists().where(NUMBER_MARK.c.id == INVOICE.c.id)
    absent = sa.select(head.number).where(head.tenant == tenant, head.numbering_decision.in_(wanting), ~there)
    return list(reader.connection.execute(absent.order_by(head.id)).scalars())


def clearance_tie(reader: Reader, tenant: str) -> list[Finding]:
    """Steps of a document follow one another, what waits for the authority has an effect that asks it, and nothing is delivered
    that was not cleared."""
    step, findings = CLEARANCE_STEP.c, list[Finding]()
    state, number = {0: ""}, dict[int, int]()
    fields = (step.invoice_id, step.step, step.state, step.key)
    newest: dict[int, Any] = {}
    for row in reader.rows(sa.select(*fields).where(step.tenant == tenant).order_by(step.invoice_id, step.step)):
        follows = row.step == number.get(row.invoice_id, 0) + 1
        if not follows or row.state not in MAY_FOLLOW.get(state.get(row.invoice_id, ""), ()):
            what = f"it is {row.state} at step {row.step} after {state.get(row.invoice_id, '') or 'nothing'}"
            findings.append(_finding(CLEARANCE_DIFFERS, row.invoice_id, what))
        state[row.invoice_id], number[row.invoice_id], newest[row.invoice_id] = row.state, row.step, row
    effect = EFFECT.c
    mine = sa.select(effect.port, effect.key, effect.state, effect.payload).where(effect.tenant == tenant)
    asked: dict[str, str] = {}
    if newest:
        for row in reader.rows(mine.where(effect.port.in_(("clearance", "delivery")))):
            if row.port == "clearance":
                asked[row.key] = row.state
            elif "invoice_id" in row.payload and state.get(row.payload["invoice_id"], DELIVERED) not in (
                CLEARED,
                DELIVERED,
            ):
                findings.append(
                    _finding(CLEARANCE_DIFFERS, row.payload["invoice_id"], "it is delivered, and not cleared")
                )
    for ident, row in newest.items():
        if row.state in (NUMBERED, SUBMITTED) and asked.get(row.key) != outbox.PENDING:
            findings.append(_finding(CLEARANCE_DIFFERS, ident, f"it is {row.state}, and nothing asks the authority"))
    return findings


def _finding(code: Code, document: str | int, what: str) -> Finding:
    name = f"invoice/{document}"
    return Finding(code, Where(name), f"invoice {document}: {what}", mend=_RESTORE, subject=name)
