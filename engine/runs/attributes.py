"""The attributes that a run sees: those that its release declares, with the values that were known when it began."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from engine.billing.attributed import Attributed, attributed
from engine.billing.job import Job
from engine.model.account import Account
from engine.model.attribute import Declared
from engine.model.due import AccountDue, PayerDue
from engine.runs.run import Rules
from engine.store.attributes import values_of
from engine.store.reader import Reader


def with_attributes(
    reader: Reader, rules: Rules, job: Job, dues: Sequence[PayerDue], high: int
) -> tuple[Job, list[PayerDue]]:
    """The job with the attributes of some payers and of what they have, from values up to the id ``high``; and the
    payers, whose accounts have those of the job's day."""
    owners = [owner for due in dues for owner in due.accounts]
    accounts = {owner.account.key for owner in owners} | {due.payer.key for due in dues}
    taken = [one.subscription.key for owner in owners for one in owner.subscriptions]
    tenant, entity = job.entity.tenant, job.entity.key
    contracts = sorted({key for owner in owners for key in owner.contracts})
    charges = [f"{plan.key}/{charge.key}" for plan in job.plans.values() for charge in plan.charges]
    records = {"account": sorted(accounts), "subscription": taken, "contract": contracts, "charge": charges}
    found = _attributed(reader, rules.attributes, tenant, entity, records, high)

    def seen(account: Account) -> Account:
        return msgspec.structs.replace(account, attributes=found.account(account.key).on(job.on))

    def of(owner: AccountDue) -> AccountDue:
        return msgspec.structs.replace(owner, account=seen(owner.account))

    filled = [PayerDue(seen(due.payer), tuple(map(of, due.accounts))) for due in dues]
    return msgspec.structs.replace(job, attributes=found), filled


def attributes_of(
    reader: Reader, declared: Declared, tenant: str, entity: str, keys: Mapping[str, str | None], high: int
) -> Attributed:
    """The attributes of one record of each object, by their ``keys`` if they are given, from values up to the id ``high``."""
    records = {name: [key] for name, key in keys.items() if key}
    return _attributed(reader, declared, tenant, entity, records, high)


def _attributed(
    reader: Reader, declared: Declared, tenant: str, entity: str, records: Mapping[str, Sequence[str]], high: int
) -> Attributed:
    """The attributes of some records by object; of an object without any that is declared nothing is read."""
    wanted = ((name, keys) for name, keys in records.items() if keys and declared.attributes.get(name))
    values = [one for name, keys in wanted for one in values_of(reader, tenant, entity, name, keys, high)]
    return attributed(declared, values)
