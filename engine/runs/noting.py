"""A document about an invoice: drafted with its lines, taxed, posted, at the tax and the rate of what it gives back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from functools import partial
from typing import Any

import msgspec

from engine.base.errors import Finding, TollbookError
from engine.billing.invoicing import drafts
from engine.billing.job import Job
from engine.ledger.posting import Role
from engine.model.account import Account
from engine.model.invoice import BilledLine, InvoiceDraft, RatedCharge
from engine.model.journal import FxRate
from engine.model.subscription import BillingMark
from engine.model.tax_correction import Correction
from engine.runs.billing.finish import Billable, Billed, Issued, finish_all
from engine.runs.billing.read import evidence_of
from engine.runs.booking import rate_of
from engine.runs.run import Clock, Parts
from engine.store.reader import Reader
from engine.store.reversal import reversible


def document_on(
    parts: Parts,
    reader: Reader,
    head: Mapping[str, Any],
    charges: Sequence[RatedCharge],
    on: date,
    kind: str,
    group: str,
    earned_as: Role = "revenue",
    corrections: Mapping[int, Correction] = {},
    billed: Billed | None = None,
) -> tuple[Issued, list[Finding]]:
    """A finished document of a day to the payer of an invoice, and findings on the way; it carries ``corrections`` of the tax of
    lines, by line.  What credits need of the lines is as ``billed`` has it; left out, as the books have it.

    Raises:
        TollbookError: what keeps it from being taxed, numbered or posted.
    """
    tenant, (usage, events) = parts.tenant, reader.high_marks()
    entity = reader.entities(tenant)[head["entity"]]
    known = (entity, reader.catalogue(tenant), reader.meters(tenant), parts.rules.decide, on, events, usage)
    job = Job(*known, corrections=corrections)
    charges = [*charges, *(one.as_charge() for one in corrections.values())]
    payer = reader.accounts(tenant, head["entity"], [head["payer"]])[head["payer"]]
    identity = (tenant, head["entity"], payer.key, payer.id, head["currency"], kind, group, on, on, on)
    draft = InvoiceDraft(*identity, head["purchase_order"], tuple(charges), head["draft_decision"])
    rate = FxRate(head["currency"], head["functional_currency"], head["rate"], head["rate_source"], head["rate_on"])
    findings: list[Finding] = []
    billable = Billable(payer, (draft,), {head["currency"]: rate})
    billed = billed or partial(reversible, reader)
    issued, failed = finish_all(parts, job, [billable], billed, findings, Clock(), earned_as)
    if failed:
        raise TollbookError(findings)
    return issued[0], findings


def document_to(
    parts: Parts,
    reader: Reader,
    payer: Account,
    charges: Sequence[RatedCharge],
    on: date,
    kind: str,
    group: str,
    tax_point: date | None = None,
) -> tuple[Issued, list[Finding]]:
    """A finished document of a day to a payer, at the tax and the rate of that day, due as the rules of invoicing say;
    with a ``tax_point`` of its own at the rate of exchange of that day.

    Raises:
        TollbookError: ``invoicing.held``, ``fx.no-rate``, and what keeps it from being taxed, numbered or posted.
    """
    tenant, (usage, events) = parts.tenant, reader.high_marks()
    entity, decide = reader.entities(tenant)[payer.entity], parts.rules.decide
    known = (entity, reader.catalogue(tenant), reader.meters(tenant), decide, on, events, usage)
    mine = (payer.entity, payer.key, payer.key)
    papers, evidence = reader.exemptions(tenant, *mine), evidence_of(parts, reader, mine)
    job = Job(*known, exemptions=papers, evidence=evidence)
    (made,) = drafts(decide, entity, payer, charges, {}, on)
    rate = rate_of(parts, reader, made.currency, entity.functional_currency, tax_point or on)
    draft = msgspec.structs.replace(made, tax_point=tax_point or on, kind=kind, group=f"{made.currency}{group}")
    findings: list[Finding] = []
    billable = Billable(payer, (draft,), {made.currency: rate})
    issued, failed = finish_all(parts, job, [billable], partial(reversible, reader), findings, Clock())
    if failed:
        raise TollbookError(findings)
    return issued[0], findings


def billed_lines(rows: Sequence[Mapping[str, Any]]) -> list[BilledLine]:
    """Lines of the books, as rows, as the algebra takes them."""
    charges = (RatedCharge(*(row[name] for name in RatedCharge.__struct_fields__)) for row in rows)
    return [BilledLine(row["id"], one.priced(row["tax_amount"])) for row, one in zip(rows, charges, strict=True)]


def looked_at_again(reader: Reader, lines: Sequence[BilledLine]) -> tuple[BillingMark, ...]:
    """The marks that make the next run look at all days of some lines."""
    first: dict[int, date] = {}
    for line in lines:
        ident, day = line.charge.subscription_id, line.charge.service_from
        first[ident] = min(first.get(ident, day), day)
    marks = reader.marks(list(first))
    every = [*(mark for _, mark in sorted(marks.items())), *reader.payer_marks(list(first))]
    return tuple(
        BillingMark(
            mark.subscription_id,
            min(mark.billed_to, first[mark.subscription_id]),
            mark.events_seen,
            mark.usage_seen,
            payer=mark.payer,
        )
        for mark in every
    )
