"""What is to be collected: open documents of accounts with a mandate, each when its notice and the calendar allow."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

import msgspec

from engine.base.errors import Code, Finding, Where
from engine.base.money import ZERO
from engine.model.decision import Decision
from engine.model.direct_debit import (
    DROPPED,
    LIVE,
    NOTIFIED,
    OVER,
    PLANNED,
    DebitStep,
    DirectDebit,
    DirectDebitFacts,
    SepaMandate,
    Use,
)
from engine.model.entity import LegalEntity
from engine.model.settlement import CREDIT, OpenItem
from engine.receivables.debiting import earliest
from engine.receivables.mandates import Standing, standing
from engine.runs.run import Parts
from engine.store.reader import Reader

NOT_COLLECTED = Code(
    "direct-debit.not-collected", "An open document of an account with a mandate that is not collected, and why."
)
NO_NOTICE = Code(
    "direct-debit.no-notice", "A collection that waits, because nothing shows that the debtor was told of it."
)

CURRENCY: Final = "EUR"
_MEND: Final = "`tollbook mandate show` says how it stands; the customer may pay by other means meanwhile"


class Given(msgspec.Struct):
    """What the books say of the mandates of one legal entity, and grows as collections are planned or sent."""

    entity: LegalEntity
    mandates: dict[str, list[SepaMandate]]
    uses: dict[str, list[Use]]
    versions: dict[int, SepaMandate]

    def stands(self, mandate: SepaMandate, due: date, first: str = "RCUR") -> Standing:
        """How a mandate stands for a collection due on a day."""
        return standing(mandate, self.uses.get(mandate.reference, ()), due, first=first, versions=self.versions)


class Plan(msgspec.Struct):
    """What is to be written down: collections, those that were told with what shows it, and what there is to say."""

    debits: list[DirectDebit]
    told: dict[str, tuple[date, str]]
    findings: list[Finding]


def given(reader: Reader, tenant: str, entity: LegalEntity) -> Given:
    """The mandates of a legal entity with their uses."""
    by_account: dict[str, list[SepaMandate]] = defaultdict(list)
    found = reader.mandates(tenant, entity.key)
    for one in sorted(found, key=lambda one: (one.signed_on, one.reference), reverse=True):
        by_account[one.account].append(one)
    uses = reader.mandate_uses(tenant, entity.key, [one.reference for one in found])
    versions = reader.mandate_versions(use.version for some in uses.values() for use in some)
    return Given(entity, dict(by_account), uses, versions)


def plan(parts: Parts, reader: Reader, there: Given, on: date) -> Plan:
    """What of a legal entity is to be collected from a day on and is not planned yet."""
    tenant, entity = parts.tenant, there.entity
    made = Plan([], {}, [])
    accounts = reader.accounts(tenant, entity.key, sorted(there.mandates))
    items = _open(reader, tenant, entity.key, sorted(there.mandates))
    before = reader.debits_of_items(tenant, [item.id for item in items])
    steps = reader.debit_steps(debit.id for some in before.values() for debit in some)
    shown = reader.deliveries_of(tenant, [item.id for item in items])
    for item in items:
        tried = [debit for debit in before.get(item.id, ()) if debit.state != DROPPED]
        if tried and tried[-1].state in LIVE:
            continue
        last = steps[tried[-1].id][-1] if tried and tried[-1].state in OVER else None
        _plan_one(parts, made, there, item, accounts[item.account], _Tried(tried, last, steps, before), shown, on)
    return made


class _Tried(msgspec.Struct, frozen=True):
    """Collections of one document before: those that were not dropped, the last step of the last, and all."""

    debits: Sequence[DirectDebit]
    last: DebitStep | None
    steps: Mapping[int, list[DebitStep]]
    all: Mapping[int, list[DirectDebit]]


def _plan_one(
    parts: Parts,
    made: Plan,
    there: Given,
    item: OpenItem,
    account: Any,
    tried: _Tried,
    shown: Mapping[int, tuple[str, str]],
    on: date,
) -> None:
    mandates, attempt = there.mandates[item.account], len(tried.debits) + 1
    code = tried.last.code if tried.last else ""
    facts = DirectDebitFacts(
        there.entity,
        account,
        mandates[0].scheme,
        mandates[0].kind,
        item.left,
        attempt,
        code,
        (on - item.due).days,
        on,
    )
    decision = parts.rules.decide("direct_debits", facts, on)
    terms = decision.terms
    if not terms["collect"]:
        made.findings.append(_not_collected(item, f"the rule {decision.rule} says that it is paid by other means"))
        return
    first_told = _told_before(tried)
    key, state = shown.get(item.id, ("", ""))
    by_invoice = terms["notice"] == "invoice" and state == "accepted"
    told = first_told or ((on, f"effect/{key}") if by_invoice else None)
    back = tried.last.day if tried.last else None
    due = earliest(item.due, on, told and told[0], terms["notice_days"], back, terms["wait_days"])
    faults = {one.reference: there.stands(one, due).fault for one in mandates}
    fit = [one for one in mandates if not faults[one.reference]]
    if not fit:
        said = "; ".join(f"mandate {reference}: {fault}" for reference, fault in faults.items())
        made.findings.append(_not_collected(item, said))
        return
    name = f"DD-{item.number}-{len(tried.all.get(item.id, ())) + 1}"
    made.debits.append(_debit(parts.tenant, item, fit[0], name, attempt, due, on, decision))
    if told is not None or not terms["notice_days"]:
        made.told[name] = told or (on, "no notice is needed")


def _debit(
    tenant: str, item: OpenItem, mandate: SepaMandate, key: str, attempt: int, due: date, on: date, decision: Decision
) -> DirectDebit:
    """A collection of all that is open of a document."""
    return DirectDebit(
        id=0,
        tenant=tenant,
        entity=mandate.entity,
        account=item.account,
        key=key,
        mandate=mandate.reference,
        item=item.id,
        number=item.number,
        attempt=attempt,
        currency=item.currency,
        amount=item.left,
        due=due,
        planned_on=on,
        notice=decision.terms["notice"],
        decision=decision.id,
        run_id=0,
        state=PLANNED,
        step=0,
    )


def _told_before(tried: _Tried) -> tuple[date, str] | None:
    """When the debtor was told of an earlier attempt, which is told once for all of them."""
    for debit in tried.debits:
        for step in tried.steps.get(debit.id, ()):
            if step.state == NOTIFIED:
                return step.day, step.evidence
    return None


def _open(reader: Reader, tenant: str, entity: str, accounts: Sequence[str]) -> list[OpenItem]:
    """What accounts owe in euros, in the order in which it came."""
    if not accounts:
        return []
    found = reader.open_items(tenant, entity, accounts)
    items = [item for (_, currency), some in found.items() if currency == CURRENCY for item in some]
    return sorted((item for item in items if item.id != CREDIT and item.left > ZERO), key=lambda item: item.id)


def _not_collected(item: OpenItem, why: str) -> Finding:
    what = f"{item.number} of {item.account} is not collected: {why}"
    return Finding(NOT_COLLECTED, Where(""), what, mend=_MEND, level="warning", subject=f"account/{item.account}")


def no_notice(debit: DirectDebit, state: str, letter: str) -> Finding:
    """The finding that a collection waits for its notice; ``letter`` says how that of its own stands."""
    if debit.notice == "letter":
        why = letter
        mend = f"`tollbook deliver`, or tell the debtor and `tollbook direct-debit notify {debit.key} --evidence WHAT`"
    else:
        why = f"the delivery of the invoice is {state}" if state else "the invoice was not delivered from here"
        mend = f"`tollbook deliver`, or tell the debtor and `tollbook direct-debit notify {debit.key} --evidence WHAT`"
    what = f"{debit.key} of {debit.account} waits for its notice"
    return Finding(NO_NOTICE, Where(""), what, why, mend, level="warning", subject=f"account/{debit.account}")
