"""What a provider is told of a collection, and which provider that is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, Final

import msgspec

from engine.base.errors import Code, refuse
from engine.model.direct_debit import SENT, DebitStep, DirectDebit, SepaMandate
from engine.model.payment import Mandate, Method, PaidItem, PaymentRequest
from engine.model.routing import RoutingFacts
from engine.receivables.mandates import amended
from engine.runs.run import Parts
from engine.store.reader import Reader
from engine.store.records import OutboxEffect

NO_PROVIDER = Code("direct-debit.no-provider", "Direct debits without an adapter that could collect them.")

CLASSES: Final = ("retry", "mandate_invalid", "account_closed", "dispute", "technical")
"""What can be done about a collection that came back, as reasons of providers begin."""


def providers(parts: Parts) -> list[str]:
    """The adapters that collect under mandates which the books keep: those that speak files."""
    return [name for name in parts.host.adapters("psp") if parts.host.has(name, "psp_files")]


def provider_of(parts: Parts, entity: str, country: str, on: date) -> str:
    """The adapter that collects for a legal entity: the only one there is, or the one that a rule of routing names.

    Raises:
        TollbookError: ``direct-debit.no-provider``, ``rule.no-answer``.
    """
    able = providers(parts)
    if len(able) == 1:
        return able[0]
    if able:
        facts = RoutingFacts("psp", entity, country, "EUR", on)
        name = str(parts.rules.decide("routing", facts, on).terms["adapter"])
        if name in able:
            return name
    what = f"none of {', '.join(able)} is named by routing for {entity}" if able else "no adapter collects by files"
    raise refuse(
        NO_PROVIDER,
        what,
        why="a collection goes to one provider",
        mend="name one in a rule of routing for port psp"
        if able
        else "add an adapter with the plug-in psp_sepa to config.yaml",
    )


def class_of(reason: str) -> str:
    """What can be done about a collection that came back, by the words of the provider."""
    word = reason.partition(":")[0]
    return word if word in CLASSES else "technical"


class Requests:
    """Makes requests from one state of the books: the same collection gives the same one always."""

    def __init__(self, reader: Reader, tenant: str) -> None:
        self._reader, self._tenant = reader, tenant

    def payloads(self, effects: Sequence[OutboxEffect]) -> dict[str, dict[str, Any]]:
        """What to tell, by key of the effect; without those whose collection is not in the books."""
        told = self._reader.debits_told(self._tenant, [effect.key for effect in effects])
        steps = self._reader.debit_steps(told.values())
        sent = {ident: next(step for step in some if step.state == SENT) for ident, some in steps.items()}
        debits = {one.id: one for one in self._reader.debits_by_id(self._tenant, sorted(told.values()))}
        versions = {step.version for step in sent.values()} | {_before(step) for step in sent.values()}
        mandates = self._reader.mandate_versions(versions - {0})
        made = {key: request_of(debits[ident], sent[ident], mandates) for key, ident in told.items()}
        plain: dict[str, dict[str, Any]] = msgspec.to_builtins(made, enc_hook=str, builtin_types=())
        return plain | {effect.key: effect.payload for effect in effects if "debit" not in effect.payload}


def request_of(debit: DirectDebit, step: DebitStep, mandates: dict[int, SepaMandate]) -> PaymentRequest:
    """The request of a collection that was sent by a step."""
    one, before = mandates[step.version], mandates.get(_before(step))
    mandate = Mandate(
        reference=one.reference,
        scheme=one.scheme.lower(),
        creditor_id=one.creditor_id,
        debtor_name=one.debtor_name,
        iban=one.iban,
        bic=one.bic,
        signed=one.signed_on,
        last_used=one.last_collected,
        sequence=step.sequence,  # type: ignore[arg-type]
        amended=amended(one, before) if step.evidence else {},
    )
    method = Method(
        key=one.reference,
        entity=debit.entity,
        account=debit.account,
        kind="sepa_debit",
        provider=step.provider,
        currency=debit.currency,
        country=one.iban[:2],
        mandate=mandate,
    )
    return PaymentRequest(
        reference=debit.key,
        entity=debit.entity,
        account=debit.account,
        day=step.due,
        amount=step.amount,
        currency=debit.currency,
        method=method,
        items=(PaidItem(debit.number, step.amount),),
        text=debit.number,
    )


def _before(step: DebitStep) -> int:
    """The version of the mandate that the debtor's bank knows, where it is told of a change; else 0."""
    _, _, version = step.evidence.partition("#")
    return int(version) if version.isdigit() else 0
