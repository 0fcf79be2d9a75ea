"""The attributes that a run sees: those that its release declares, with the values that were known when it began."""

from __future__ import annotations

from collections.abc import Sequence

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
    """The job with the attributes of the accounts and subscriptions of some payers, from values up to the id ``high``; and the
    payers, whose accounts have those of the job's day."""
    owners = [owner for due in dues for owner in due.accounts]
    accounts = {owner.account.key for owner in owners} | {due.payer.key for due in dues}
    taken = [one.subscription.key for owner in owners for one in owner.subscriptions]
    tenant, entity = job.entity.tenant, job.entity.key
    values = [
        *values_of(reader, tenant, entity, "account", sorted(accounts), high),
        *values_of(reader, tenant, entity, "subscription", taken, high),
    ]
    found = attributed(rules.attributes, values)

    def seen(account: Account) -> Account:
        return msgspec.structs.replace(account, attributes=found.account(account.key).on(job.on))

    def of(owner: AccountDue) -> AccountDue:
        return msgspec.structs.replace(owner, account=seen(owner.account))

    filled = [PayerDue(seen(due.payer), tuple(map(of, due.accounts))) for due in dues]
    return msgspec.structs.replace(job, attributes=found), filled


def attributes_of(
    reader: Reader, declared: Declared, tenant: str, entity: str, keys: tuple[str, str], high: int
) -> Attributed:
    """The attributes of one account and one subscription, ``keys``, from values up to the id ``high``."""
    names = zip(("account", "subscription"), keys, strict=True)
    values = [one for name, key in names for one in values_of(reader, tenant, entity, name, [key], high)]
    return attributed(declared, values)
