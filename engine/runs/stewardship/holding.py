"""What a bill run does with changes that wait: the accounts concerned are not billed, all others are."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from engine.base.errors import Code, Finding, Where
from engine.model.due import PayerDue
from engine.model.stewardship import MasterChange
from engine.store.reader import Reader

UNCONFIRMED = Code(
    "stewardship.unconfirmed",
    "An account that is not billed, because a change of its master data waits for its steward.",
)


def billable(
    reader: Reader, tenant: str, entity: str, on: date, seen: int, dues: Sequence[PayerDue]
) -> tuple[Sequence[PayerDue], list[Finding]]:
    """The payers that are billed on a day, and findings about those who wait.

    ``seen`` is the id of the newest attribute value that the run knows: a change that was confirmed later is not in what it sees,
    and waits for the next run.
    """
    changes = [one for one in reader.unconfirmed(tenant, entity, seen) if _counts(one, on)] if dues else []
    if not changes:
        return dues, []
    by_record: dict[tuple[str, str], list[MasterChange]] = {}
    for one in changes:
        by_record.setdefault((one.object, one.record), []).append(one)
    free: list[PayerDue] = []
    findings: list[Finding] = []
    for due in dues:
        waiting = [change for record in _records(due) for change in by_record.get(record, ())]
        if waiting:
            findings += [_finding(due, change, on) for change in waiting]
        else:
            free.append(due)
    return free, findings


def _counts(change: MasterChange, on: date) -> bool:
    """Whether bills of a day wait for a change."""
    return change.day is None or change.day - timedelta(days=change.ahead) <= on


def _records(due: PayerDue) -> list[tuple[str, str]]:
    """What a payer's bill is made of."""
    found = {("account", due.payer.key): None}
    for owner in due.accounts:
        found[("account", owner.account.key)] = None
        found |= dict.fromkeys(("subscription", taken.subscription.key) for taken in owner.subscriptions)
        found |= dict.fromkeys(("contract", key) for key in owner.contracts)
    return list(found)


def _finding(due: PayerDue, change: MasterChange, on: date) -> Finding:
    subject = f"account/{due.payer.key}"
    late = f", overdue since {change.due}" if on > change.due else f", until {change.due}"
    return Finding(
        UNCONFIRMED,
        Where(subject),
        f"account {due.payer.key} is not billed: {change.words} waits for {change.steward}{late}",
        f"change {change.id} came from {change.source or 'a file'} and is not confirmed",
        f"`tollbook changes confirm {change.id}` or `tollbook changes reject {change.id}`; the next bill has what is owed",
        "warning",
        subject,
    )
