"""What imagined events of many subscriptions would be billed as: rated by the functions of a bill run, nothing written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from fnmatch import fnmatchcase

import msgspec

from engine.base.errors import Finding, TollbookError
from engine.billing.job import Job, Statement
from engine.billing.lateness import without
from engine.billing.statement import statement
from engine.model.due import AccountDue, PayerDue, SubscriptionDue
from engine.model.invoice import BilledLine
from engine.model.subscription import SubscriptionEvent
from engine.runs.billing.read import gather, known_now, ranges_of
from engine.runs.run import Parts, attempt
from engine.store.reader import Reader

Chosen = Callable[[AccountDue, SubscriptionDue], SubscriptionEvent | None]
"""What happens to a subscription, as somebody thinks of it; None to leave it alone."""


class Imagined(msgspec.Struct, frozen=True):
    """What a run on a day would bill of a subscription without an event, and what the event adds to that."""

    owner: AccountDue
    due: SubscriptionDue
    event: SubscriptionEvent
    anyway: Statement
    added: Statement


def matching(pattern: str) -> Callable[[str], bool]:
    """Whether a key is one of some keys with ``,`` between them, in which ``*`` stands for anything and ``?`` for one
    character."""
    patterns = [part.strip() for part in pattern.split(",") if part.strip()]
    return lambda key: any(fnmatchcase(key, one) for one in patterns)


def after(due: SubscriptionDue, made: Statement) -> SubscriptionDue:
    """What a run would read after another has billed its lines; the window stays, so that all of it is compared again.  Late usage
    has ended, and what was dropped of it counts no more."""
    dropped = frozenset(one.usage.id for one in made.late if one.disposition == "drop")
    if dropped:
        due = without(due, dropped)
    top = max((line.id for line in due.billed), default=0)
    lines = (BilledLine(top + place, charge) for place, charge in enumerate(made.charges, 1))
    return msgspec.structs.replace(due, billed=(*due.billed, *lines), mark=made.mark, late=None)


def imagine(
    parts: Parts,
    reader: Reader,
    on: date,
    accounts: str,
    happens: Chosen,
    findings: list[Finding],
    rules: Parts | None = None,
    account: str | None = None,
) -> Iterator[Imagined]:
    """What would be billed on a day if something happened to the subscriptions of some accounts, one after the other; what
    cannot be rated is a finding.  ``rules`` has other rules for what is rated with the event; with ``account`` nobody but it and
    those that it pays for or is paid by are looked at."""
    seen, wanted = known_now(reader), matching(accounts)
    for payers in ranges_of(parts, reader, account):
        job, dues = gather(parts, reader, on, seen, payers)
        owned = {
            (payer.payer.key, due.subscription.id): (owner, due)
            for payer in dues
            for owner in payer.accounts
            if wanted(owner.account.key)
            for due in owner.subscriptions
        }
        events = {
            ident: msgspec.structs.replace(event, id=seen["events"] + 1)
            for (_, ident), (owner, due) in owned.items()
            if (event := happens(owner, due)) is not None
        }
        if not events:
            continue
        again, changed = gather(rules or parts, reader, on, seen, payers, events)
        yield from _imagined(job, again, owned, events, changed, findings)


def _imagined(
    job: Job,
    again: Job,
    owned: Mapping[tuple[str, int], tuple[AccountDue, SubscriptionDue]],
    events: Mapping[int, SubscriptionEvent],
    changed: Sequence[PayerDue],
    findings: list[Finding],
) -> Iterator[Imagined]:
    later = {
        (payer.payer.key, due.subscription.id): (owner, due)
        for payer in changed
        for owner in payer.accounts
        for due in owner.subscriptions
        if due.subscription.id in events
    }
    for key, (owner, due) in later.items():

        def both(key: tuple[str, int] = key, owner: AccountDue = owner, due: SubscriptionDue = due) -> Imagined:
            event = events[key[1]]
            anyway = statement(job, *owned[key])
            added = statement(msgspec.structs.replace(again, events_seen=event.id), owner, after(due, anyway))
            return Imagined(owner, owned[key][1], event, anyway, added)

        made = attempt(both, f"subscription/{due.subscription.key}", findings)
        if made is not None:
            yield made


def refused(findings: list[Finding]) -> None:
    """Raise what kept subscriptions from being rated, where all of them or none are wanted.

    Raises:
        TollbookError: the findings, if there are any.
    """
    if findings:
        raise TollbookError(findings)
