"""Usage that comes while a draft is under review: whether it enters the draft, which is then reviewed anew, or leaves it as it is.

Such usage is late for the draft.  Where it only makes other amounts of lines that the draft has, a rule of lateness says what
becomes of it: ``reopen`` lets it enter.  With any other policy the draft stays as it was seen, and once it is issued the
usage is late for an invoice.  A bill with other lines is another bill, and no rule is asked.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Final

import msgspec

from engine.base.errors import Code, Finding, Where
from engine.base.money import ZERO
from engine.base.period import Period
from engine.billing.drafting import sha256_of
from engine.billing.grace import LatenessFacts
from engine.billing.job import Job
from engine.model.account import Account
from engine.model.draft import Earlier, Standing
from engine.model.invoice import InvoiceDraft, RatedCharge
from engine.model.lateness import Ended, LateUsage

KEPT_OUT = Code(
    "draft.usage-kept-out", "Usage that came while a draft was under review, and that a rule does not let enter it."
)

_Key = tuple[str, str, str, str, str, date, date, bool, str]


class Reopened(msgspec.Struct, frozen=True):
    """Whether usage that came since enters a draft, and how it ends there; it ends where it is billed where it does not."""

    enters: bool
    ended: tuple[Ended, ...] = ()
    findings: tuple[Finding, ...] = ()


NOTHING_CAME: Final = Reopened(True)


def judge(
    job: Job,
    known: Standing,
    earlier: Earlier,
    now: Sequence[InvoiceDraft],
    before: Sequence[InvoiceDraft],
) -> Reopened:
    """What becomes of usage that came since a draft was made: ``now`` is the bill with it, ``before`` without.

    Raises:
        TollbookError: ``rule.no-answer``.
    """
    if sha256_of(before) != known.sha256 or sha256_of(now) == known.sha256:
        return Reopened(True)
    amounts, old = _amounts(now), _amounts(before)
    if amounts.keys() != old.keys():
        return Reopened(True)
    accounts = {one.account.key: one.account for one in earlier.due.accounts}
    enters, ended = False, list[Ended]()
    for key, (charge, amount) in amounts.items():
        usage = (
            _of(job, charge, earlier.late[charge.subscription_id].usage)
            if charge.subscription_id in earlier.late
            else []
        )
        if amount == old[key][1] and not usage:
            continue
        policy, decision = _policy(job, accounts[charge.account], charge, usage, amount - old[key][1])
        enters = enters or policy == "reopen"
        ended.extend(_ended(job, charge, one, amount - old[key][1], decision) for one in usage)
    if enters:
        return Reopened(True, tuple({one.usage.id: one for one in ended}.values()))
    return Reopened(False, (), (_kept_out(earlier.due.payer, known, len({one.usage.id for one in ended})),))


def _amounts(drafts: Iterable[InvoiceDraft]) -> Mapping[_Key, tuple[RatedCharge, Decimal]]:
    """What lines come to, by what tells them apart."""
    sums: dict[_Key, Decimal] = defaultdict(lambda: ZERO)
    first: dict[_Key, RatedCharge] = {}
    for draft in drafts:
        for one in draft.charges:
            key = (
                draft.group,
                one.subscription,
                one.plan,
                one.charge,
                one.kind,
                one.service_from,
                one.service_to,
                bool(one.credits),
                one.grouped,
            )
            first.setdefault(key, one)
            sums[key] += one.amount
    return {key: (first[key], amount) for key, amount in sums.items()}


def _counted(job: Job, charge: RatedCharge) -> Sequence[str]:
    """The meters that a charge counts."""
    charges = job.plans[charge.plan].charges if charge.plan in job.plans else ()
    return next((one.counted for one in charges if one.key == charge.charge), ())


def _of(job: Job, charge: RatedCharge, usage: Iterable[LateUsage]) -> list[LateUsage]:
    if charge.kind != "usage" or charge.credits:
        return []
    meters, days = _counted(job, charge), Period(charge.service_from, charge.service_to)
    return [one for one in usage if one.meter in meters and one.day in days]


def _policy(
    job: Job, account: Account, charge: RatedCharge, usage: Sequence[LateUsage], difference: Decimal
) -> tuple[str, int]:
    """What the rule says of usage that came for a line, and the id of its decision."""
    if not job.reconciling.asks:
        return "next_bill", 0
    sources, meters = {one.source for one in usage}, _counted(job, charge)
    facts = LatenessFacts(
        job.entity,
        account,
        charge.plan,
        charge.charge,
        meters[0] if meters else "",
        next(iter(sources)) if len(sources) == 1 else None,
        _days(job, charge),
        difference,
        charge.service_to,
    )
    decision = job.decide("lateness", facts, charge.service_to)
    least = (decision.terms["drop_under"] or {}).get(charge.currency)
    small = least is not None and abs(difference) < least
    return ("drop" if small else decision.terms["policy"]), decision.id


def _days(job: Job, charge: RatedCharge) -> int:
    return max((job.on - charge.service_to).days, 0)


def _ended(job: Job, charge: RatedCharge, usage: LateUsage, amount: Decimal, decision: int) -> Ended:
    return Ended(
        usage,
        charge.subscription_id,
        charge.plan,
        charge.charge,
        charge.service_from,
        charge.service_to,
        _days(job, charge),
        "reopen",
        amount,
        charge.currency,
        decision,
    )


def _kept_out(payer: Account, known: Standing, events: int) -> Finding:
    what = f"{events} late events of {payer.key} do not enter draft {known.id}, which is {known.state}"
    why = "no rule of lateness lets them reopen it"
    mend = "nothing: once the draft is issued they are billed as late usage; policy: reopen would let them enter"
    return Finding(KEPT_OUT, Where(f"account/{payer.key}"), what, why, mend, "info", f"account/{payer.key}")
