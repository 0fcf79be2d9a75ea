"""As whom a buyer is taxed, by the evidence that there is of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import msgspec

from engine.base.errors import Code, Finding, TollbookError, Where
from engine.billing.job import Job
from engine.model.account import Account
from engine.model.entity import LegalEntity
from engine.model.tax_evidence import TAX_ID, Evidence, EvidenceFacts

NO_EVIDENCE = Code("tax.no-evidence", "A buyer whose place or tax registration is not proved as a rule wants it.")


def evidence_facts(entity: LegalEntity, payer: Account, known: Sequence[Evidence], day: date) -> EvidenceFacts:
    """What is known of a buyer on a day; of each kind of evidence the newest piece counts."""
    newest: dict[str, Evidence] = {}
    for one in sorted(known, key=lambda one: (one.checked_on, one.key)):
        if one.checked_on <= day and (one.kind != TAX_ID or one.tax_id == payer.tax_id):
            newest[one.kind] = one
    answer = newest.get(TAX_ID)
    counted = [one for one in newest.values() if one.valid and one.country]
    return EvidenceFacts(
        entity,
        payer,
        "none" if answer is None else "valid" if answer.valid else "invalid",
        None if answer is None else (day - answer.checked_on).days,
        sum(one.country == payer.country for one in counted),
        sum(one.country != payer.country for one in counted),
        day,
    )


def taxed_as(job: Job, payer: Account, day: date) -> tuple[Account, list[Finding]]:
    """The buyer as tax is asked for: as its account says, or as a consumer; with what a rule notes about it.

    Raises:
        TollbookError: ``tax.no-evidence`` where a rule holds the buyer.
    """
    if job.evidence is None:
        return payer, []
    facts = evidence_facts(job.entity, payer, job.evidence.get(payer.key, ()), day)
    decision = job.decide("tax_evidence", facts, day)
    terms, where = decision.terms, Where(f"account/{payer.key}")
    found = [
        Finding(
            NO_EVIDENCE,
            where,
            f"{payer.key} is {_WORDS[terms['treat']]}: {terms['note'] or 'evidence is missing'}",
            f"rule {decision.rule} of {decision.ruleset}: the tax id is {facts.tax_id_answer}, {facts.pieces} for its country, "
            f"{facts.against} against",
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


_WORDS = {"as_is": "taxed as its account says", "consumer": "taxed as a consumer", "hold": "held"}
