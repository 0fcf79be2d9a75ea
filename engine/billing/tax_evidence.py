"""As whom a buyer is taxed, by the evidence that there is of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Literal

import msgspec

from engine.base.errors import Code, Finding, TollbookError, Where
from engine.billing.job import Job
from engine.model.account import Account
from engine.model.entity import LegalEntity
from engine.model.tax_evidence import TAX_ID, Evidence, EvidenceFacts

NO_EVIDENCE = Code("tax.no-evidence", "A buyer whose place or tax registration is not proved as a rule wants it.")


def evidence_facts(
    entity: LegalEntity, payer: Account, known: Sequence[Evidence], day: date, until: date
) -> EvidenceFacts:
    """What is known of a buyer on a day; of each kind of evidence the newest piece counts.  Of what came later, up to and with
    ``until``, the answer about its tax id is known too."""
    newest: dict[str, Evidence] = {}
    later: Evidence | None = None
    for one in sorted(known, key=lambda one: (one.checked_on, one.key)):
        if one.checked_on > until or (one.kind == TAX_ID and one.tax_id != payer.tax_id):
            continue
        if one.checked_on <= day:
            newest[one.kind] = one
        elif one.kind == TAX_ID:
            later = one
    answer = newest.get(TAX_ID)
    counted = [one for one in newest.values() if one.valid and one.country]
    return EvidenceFacts(
        entity,
        payer,
        _word(answer),
        None if answer is None else (day - answer.checked_on).days,
        sum(one.country == payer.country for one in counted),
        sum(one.country != payer.country for one in counted),
        day,
        _word(later),
    )


def _word(answer: Evidence | None) -> Literal["valid", "invalid", "none"]:
    return "none" if answer is None else "valid" if answer.valid else "invalid"


def taxed_as(job: Job, payer: Account, day: date, until: date = date.max) -> tuple[Account, list[Finding]]:
    """The buyer as tax is asked for: as its account says, or as a consumer; with what a rule notes about it.  Evidence that came after
    ``until`` is not known.

    Raises:
        TollbookError: ``tax.no-evidence`` where a rule holds the buyer.
    """
    if job.evidence is None:
        return payer, []
    facts = evidence_facts(job.entity, payer, job.evidence.get(payer.key, ()), day, until)
    decision = job.decide("tax_evidence", facts, day)
    terms, where = decision.terms, Where(f"account/{payer.key}")
    found = [
        Finding(
            NO_EVIDENCE,
            where,
            f"{payer.key} is {_WORDS[terms['treat']]}: {terms['note'] or 'evidence is missing'}",
            f"rule {decision.rule} of {decision.ruleset}: the tax id is {facts.tax_id_answer}{_later(facts)}, {facts.pieces} for its "
            f"country, {facts.against} against",
            "import what is missing as tax_evidence",
            "warning",
            where.file,
        )
    ]
    if terms["treat"] == "hold":
        raise TollbookError(found)
    if terms["treat"] == "consumer":
        return msgspec.structs.replace(payer, tax_id=None), found
    return payer, found if terms["note"] else []


def _later(facts: EvidenceFacts) -> str:
    return "" if facts.tax_id_later == "none" else f", and {facts.tax_id_later} later"


_WORDS = {"as_is": "taxed as its account says", "consumer": "taxed as a consumer", "hold": "held"}
