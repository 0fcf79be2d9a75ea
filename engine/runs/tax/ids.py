"""Tax ids of customers: who was asked about them when, and asking again.  Answers are evidence, and stay as they are.

Asked about are the numbers of payers in other countries of the European Union than the seller's: theirs decide between tax and
reverse charge (Directive 2006/112/EC, articles 44 and 196; article 18 of Implementing Regulation 282/2011 wants them confirmed).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date
from typing import Any

import msgspec

from engine.base.errors import Code, Finding, refuse
from engine.base.tax_ids import in_union
from engine.model.account import Account
from engine.model.entity import LegalEntity
from engine.model.journal import Change
from engine.model.tax_evidence import TAX_ID, Evidence
from engine.ports.failure import AdapterFailed
from engine.ports.hookspecs.tax_id import TaxIdAnswer, TaxIdRequest
from engine.ports.tax_id_answers import tax_id_flaws
from engine.runs.run import Parts
from engine.store.reader import Reader

NO_ADAPTER = Code(
    "tax-id.no-adapter", "Tax ids were to be asked about where no adapter of the port tax_id is configured."
)


class Standing(msgspec.Struct, frozen=True):
    """A customer's tax id and the newest answer about it; None where nobody asked."""

    account: Account
    answer: Evidence | None


class Refreshed(msgspec.Struct, frozen=True):
    """What asking came to: how many were asked about, what was answered, which of them are not valid (any more), what went
    wrong."""

    asked: int
    answered: int
    invalid: tuple[str, ...]
    findings: tuple[Finding, ...]


def stale(reader: Reader, tenant: str, entity: LegalEntity, on: date, older_than: int) -> list[Standing]:
    """The customers of a legal entity abroad in the Union whose tax id has no answer of the last days before ``on``."""
    mine = [one for one in reader.accounts(tenant, entity.key).values() if _concerned(entity, one)]
    if not mine:
        return []
    known = reader.tax_evidence(tenant, entity.key, min(one.key for one in mine), max(one.key for one in mine))
    found = []
    for account in mine:
        answers = [e for e in known.get(account.key, ()) if e.kind == TAX_ID and e.tax_id == account.tax_id]
        newest = max(answers, key=lambda one: (one.checked_on, one.key), default=None)
        if newest is None or (on - newest.checked_on).days > older_than:
            found.append(Standing(account, newest))
    return found


def standing(parts: Parts, reader: Reader, on: date, older_than: int, entity: str) -> list[Standing]:
    """The same of one legal entity, or of all."""
    entities = reader.entities(parts.tenant)
    chosen = [one for key, one in sorted(entities.items()) if entity in ("", key)]
    return [found for one in chosen for found in stale(reader, parts.tenant, one, on, older_than)]


def refresh(parts: Parts, change: Change, on: date, older_than: int, entity: str) -> Refreshed:
    """Ask about stale tax ids, the adapters of the port in their order, each about what those before did not tell; keep the
    answers as evidence.  What an adapter fails to answer does not keep the answers of others from being kept.

    Raises:
        TollbookError: ``tax-id.no-adapter``.
    """
    names = parts.host.adapters("tax_id")
    if not names:
        mend = "name one under adapters in config.yaml, with port: tax_id; or import tax_evidence"
        raise refuse(NO_ADAPTER, "no adapter answers about tax ids", mend=mend)
    with parts.books.reader() as reader:
        sellers = reader.entities(parts.tenant)
        open_ = standing(parts, reader, on, older_than, entity)
    asked = {f"{one.account.entity}/{one.account.key}": one.account for one in open_}
    answers: dict[str, TaxIdAnswer] = {}
    findings: list[Finding] = []
    for name in names:
        left = [
            TaxIdRequest(key, account.tax_id or "", account.country, _own(sellers[account.entity], on))
            for key, account in asked.items()
            if key not in answers
        ]
        found, wrong = _asked(parts, name, left) if left else ((), ())
        answers |= {one.key: one for one in found}
        findings += wrong
    rows = [_row(asked[key], one) for key, one in sorted(answers.items())]
    if rows:
        with parts.books.writer(change, tenant=parts.tenant) as writer:
            writer.put("tax_evidence", rows)
    invalid = tuple(key for key, one in sorted(answers.items()) if not one.valid)
    return Refreshed(len(asked), len(answers), invalid, tuple(findings))


def _concerned(entity: LegalEntity, account: Account) -> bool:
    """Whether an account pays itself and has a number of another country of the Union."""
    found = in_union(account.tax_id or "", account.country) if account.payer == account.key else None
    return found is not None and found[2] != entity.country


def _own(entity: LegalEntity, on: date) -> str:
    """The seller's own number in the Union."""
    for one in entity.registrations:
        if one.valid_from <= on < one.valid_to and in_union(one.number, one.country):
            found = in_union(one.number, one.country)
            assert found is not None
            return found[0] + found[1]
    return ""


def _asked(parts: Parts, adapter: str, requests: Sequence[TaxIdRequest]) -> tuple[Sequence[Any], Sequence[Finding]]:
    try:
        return parts.host.ask(adapter, "registration_check", requests, tax_id_flaws), ()
    except AdapterFailed as error:
        return error.answered, error.findings


def _row(account: Account, answer: TaxIdAnswer) -> dict[str, Any]:
    """A row of evidence; the same answer of a day again is the same row."""
    number = account.tax_id or ""
    mark = answer.reference or hashlib.sha256(f"{number}/{answer.valid}".encode()).hexdigest()[:12]
    return {
        "entity": account.entity,
        "account": account.key,
        "key": f"{answer.source}/{answer.checked_on.isoformat()}/{mark}",
        "kind": TAX_ID,
        "country": answer.country,
        "tax_id": number,
        "valid": answer.valid,
        "checked_on": answer.checked_on,
        "reference": answer.reference,
        "source": answer.source,
    }
