"""How far a subscription is billed, and what of its usage waits: for a grace, or because what was delivered is not complete."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

from engine.base.errors import Code, did_you_mean, refuse
from engine.billing.counting import Counting
from engine.billing.grace import concerns, lateness_facts, over_at, waiting
from engine.billing.job import Job, Stretch
from engine.billing.timeline import stints
from engine.model.account import Account
from engine.model.decision import Decision
from engine.model.due import SubscriptionDue
from engine.model.lateness import Hold, Reconciling
from engine.runs.billing.late_step import began, holds_of
from engine.runs.explaining.words import Explanation, RulesOf, Step, TracingRules, rule_of, tried
from engine.store import tracing_back
from engine.store.reader import Reader
from engine.store.records import Run

NO_SUCH_SUBSCRIPTION = Code("explain.no-such-subscription", "A subscription that the books do not have.")


def explain_subscription(reader: Reader, tenant: str, rules_of: RulesOf, entity: str, key: str) -> Explanation:
    """Explain what the newest bill run left of a subscription, and by which rules.

    Raises:
        TollbookError: ``explain.no-such-subscription``.
    """
    identity = tracing_back.subscription(reader, tenant, entity, key)
    if identity is None:
        known = tracing_back.subscription_keys(reader, tenant, entity, key)
        raise refuse(
            NO_SUCH_SUBSCRIPTION, f"{entity or 'the books'} has no subscription {key!r}", mend=did_you_mean(key, known)
        )
    subject, text = f"subscription:{entity}/{key}", f"{key} of {entity}"
    mark = reader.marks([identity]).get(identity)
    run = next((run for run in reader.runs(tenant, 1000) if run.kind == "bill"), None)
    if mark is None or run is None:
        return Explanation(subject, text, "", "", (Step("not billed", "no run has billed it yet"),))
    steps = [Step("billed", f"up to {mark.billed_to}, by a run of {mark.billed_on or 'an earlier day'}")]
    steps += [Step("billed", f"up to {one.billed_to} to {one.payer}") for one in reader.payer_marks([identity])]
    for key_of in tracing_back.payers_of(reader, identity):
        steps += _waiting(reader, tenant, rules_of(run.release), run, entity, (identity, key_of))
    steps += [
        Step("said", f"{found['what']}", (("run", str(found["run_id"])), ("code", found["code"])))
        for found in tracing_back.findings_about(reader, tenant, [f"subscription/{key}"])
        if found["run_id"] == run.id
    ]
    return Explanation(subject, text, "", run.release, tuple(steps))


def _waiting(
    reader: Reader, tenant: str, rules: TracingRules, run: Run, entity: str, of: tuple[int, str]
) -> Iterator[Step]:
    """What was due of a subscription, for one of its payers, on the day of a run and waits all the same."""
    day, seen = date.fromisoformat(run.period), dict(run.parameters)
    found = _due(reader, tenant, entity, of, seen)
    if found is None:
        return
    account, due = found

    def decide(family: str, facts: Any, on: date) -> Decision:
        decision = rules.trace(family, facts, on).decision
        assert decision is not None, family
        return decision

    seller, known = reader.entities(tenant)[entity], (reader.catalogue(tenant), reader.meters(tenant))
    job = Job(seller, *known, decide, day, seen["events"], seen["usage"], reconciling=Reconciling(at=began(seen)))
    holds = [hold for owner, hold in holds_of(seen) if owner == entity]
    for stretch in Counting(job, account, due, stints(due.events, entity), ()).stretches():
        if stretch.due(day):
            yield from _of_stretch(reader, tenant, rules, job, account, stretch, holds)


def _of_stretch(
    reader: Reader,
    tenant: str,
    rules: TracingRules,
    job: Job,
    account: Account,
    stretch: Stretch,
    holds: list[Hold],
) -> Iterator[Step]:
    what = f"{stretch.charge.key} of {stretch.days}"
    trace = rules.trace("lateness", lateness_facts(job, account, stretch), stretch.days.end)
    if trace.decision is not None:
        span = trace.decision.terms["grace"]
        if span and not waiting(job, account, stretch, span).due(job.on):
            over = over_at(stretch, span, account.zone)
            yield Step("waits", f"{what} for late usage, until {over}", tried(trace))
    for hold in holds:
        if hold.scope == "entity" or concerns(hold, stretch):
            yield Step("held", f"{what}: {hold.what}", _item(reader, tenant, hold))


def _item(reader: Reader, tenant: str, hold: Hold) -> tuple[tuple[str, str], ...]:
    """The newest item of the worklist about a hold, and the rule that opened it."""
    items = reader.work_items(tenant, subjects=(hold.subject,))
    if not items:
        return ()
    item = items[-1]
    decision = reader.decision(item.decision)
    told = [("item", f"{item.id} of the worklist, {item.state} {item.resolution or item.owner}".strip())]
    return (*told, ("rule", rule_of(decision))) if decision else tuple(told)


def _due(
    reader: Reader, tenant: str, entity: str, of: tuple[int, str], seen: dict[str, Any]
) -> tuple[Account, SubscriptionDue] | None:
    """A subscription with its account, as a run saw it for one of its payers."""
    identity, key = of
    for payer in reader.due(tenant, entity, key, key, seen["usage"], seen["events"]):
        for owner in payer.accounts:
            for due in owner.subscriptions:
                if due.subscription.id == identity:
                    return owner.account, due
    return None
