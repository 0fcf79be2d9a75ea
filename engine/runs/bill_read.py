"""What a bill run reads: who is to be billed, and everything about them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import msgspec

from engine.base.errors import Code, Finding, Where, refuse
from engine.billing.pricing import EACH_EVENT
from engine.billing.rating import Job
from engine.ledger.fx import RateTable
from engine.model.due import AccountDue, PayerDue, SubscriptionDue
from engine.model.journal import Change
from engine.runs.run import Parts
from engine.store import tracing
from engine.store.reader import Reader
from engine.store.single_events import single_events

UNKNOWN_ACCOUNT = Code(
    "run.unknown-account", "The account that a run is limited to has nothing to bill or does not exist."
)
ALREADY_BILLED = Code(
    "run.already-billed", "A payer that already has an invoice of this date; what is new waits for the next date."
)

ALL = "all"
VOIDING = "/void/"
"""In the group of a credit note that voids an invoice, before the number of it."""
ACCOUNT = "account:"


class Pinned(msgspec.Struct, frozen=True):
    """What a run fixed when it started; ``scope`` is ``all`` or ``account:KEY``."""

    run_id: int
    on: date
    scope: str
    release: str
    seen: dict[str, int]
    change: Change

    @property
    def account(self) -> str | None:
        """The account that the run is limited to."""
        return self.scope.removeprefix(ACCOUNT) if self.scope.startswith(ACCOUNT) else None


def scope_of(account: str | None) -> str:
    """The scope of a run of one account, or of all."""
    return ALL if account is None else ACCOUNT + account


def ranges_of(parts: Parts, reader: Reader, account: str | None) -> list[tuple[str, str, str]]:
    """(entity, first payer, last payer) of each partition; with ``account`` one for each payer that it concerns.

    Raises:
        TollbookError: ``run.unknown-account``.
    """
    size = 1 if account else parts.partition_size
    ranges = [
        (entity, first, last)
        for entity in sorted(reader.entities(parts.tenant))
        for first, last in reader.payer_ranges(parts.tenant, entity, size, account)
    ]
    if account and not ranges:
        raise refuse(
            UNKNOWN_ACCOUNT, f"account {account} has no subscriptions, or does not exist", mend="check its key"
        )
    return ranges


class Read(msgspec.Struct, frozen=True):
    """One partition as read: the job, payers to be billed, rates of the day, and findings about payers left out."""

    job: Job
    dues: tuple[PayerDue, ...]
    table: RateTable
    findings: tuple[Finding, ...]


def read_partition(parts: Parts, reader: Reader, pinned: Pinned, entity_key: str, low: str, high: str) -> Read:
    """Everything that the payers ``low`` to ``high`` of a legal entity need to be billed."""
    tenant, seen = parts.tenant, pinned.seen
    job = Job(
        reader.entities(tenant)[entity_key],
        reader.catalogue(tenant),
        reader.meters(tenant),
        parts.rules.decide,
        pinned.on,
        seen["events"],
        seen["usage"],
        parts.rules.turns("pricing"),
    )
    dues = reader.due(tenant, entity_key, low, high, seen["usage"], seen["events"])
    if any(decision.needs == EACH_EVENT for decision in parts.rules.decisions()):
        dues = _with_singles(reader, dues, seen["usage"])
    billed = tracing.payers_billed(reader, tenant, entity_key, low, high, pinned.on.isoformat(), VOIDING)
    again = [
        Finding(
            ALREADY_BILLED,
            Where(f"account/{due.payer.key}"),
            f"account {due.payer.key} already has an invoice of {pinned.on}",
            mend="what became known since is on the invoice of the next date",
            level="info",
            subject=f"account/{due.payer.key}",
        )
        for due in dues
        if due.payer.key in billed
    ]
    rates = reader.fx_rates(tenant, pinned.on, parts.fx_max_age)
    table = RateTable([rate for rate in rates if rate.source == parts.fx_source], pinned.on)
    return Read(job, tuple(due for due in dues if due.payer.key not in billed), table, tuple(again))


def _with_singles(reader: Reader, dues: Iterable[PayerDue], high: int) -> list[PayerDue]:
    """The same with the single events of all usage, for prices that look at each."""
    replace = msgspec.structs.replace
    dues = list(dues)
    subscriptions = [one for due in dues for account in due.accounts for one in account.subscriptions]
    since = {one.subscription.id: one.usage[0].day for one in subscriptions if one.usage}
    found = single_events(reader, since, high)

    def filled(one: SubscriptionDue) -> SubscriptionDue:
        return replace(one, singles=found.get(one.subscription.id, ()))

    def of(account: AccountDue) -> AccountDue:
        return replace(account, subscriptions=tuple(map(filled, account.subscriptions)))

    return [replace(due, accounts=tuple(map(of, due.accounts))) for due in dues]
