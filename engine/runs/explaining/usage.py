"""What became of a usage event: the lines that bill it, or why none does yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine.base.errors import Code, TollbookError, did_you_mean, refuse
from engine.base.money import written
from engine.model.catalog import Charge, Meter
from engine.runs.explaining.late import late_steps
from engine.runs.explaining.measure import counts
from engine.runs.explaining.words import Explanation, Step, number
from engine.runs.subscriptions.payers import marked
from engine.store import tracing, tracing_back
from engine.store.reader import Reader
from engine.store.tracing import LineRecord

NO_SUCH_EVENT = Code("explain.no-such-event", "A usage event that the books do not have.")


def explain_usage(reader: Reader, tenant: str, entity: str, subscription: str, meter: str, key: str) -> Explanation:
    """Explain the usage events with a key, one a source.

    Raises:
        TollbookError: ``explain.no-such-event``; it says so where the event was refused at import.
    """
    identity = tracing_back.subscription(reader, tenant, entity, subscription)
    if identity is None:
        known = tracing_back.subscription_keys(reader, tenant, entity, subscription)
        what = (
            f"{entity} has no subscription {subscription!r}"
            if known
            else f"there is no subscription {entity}/{subscription}"
        )
        raise refuse(NO_SUCH_EVENT, what, mend=did_you_mean(subscription, known))
    events = tracing_back.events_named(reader, identity, meter, key)
    if not events:
        raise _unknown(reader, tenant, entity, identity, subscription, meter, key)
    steps, meters = [], reader.meters(tenant)
    releases: list[str] = []
    for event in events:
        steps.append(_event(event))
        late, dropped = late_steps(reader, tenant, event["id"])
        found = () if dropped else tracing_back.lines_with_event(reader, event)
        lines = _counting(reader, meters, event, found)
        steps += late
        for line in lines:
            head, charge = line.head, line.charge
            details = (
                (
                    "amount",
                    f"{written(charge.amount, charge.currency)} for {number(charge.quantity)} of {charge.events} events",
                ),
                ("served", f"{charge.service_from}..{charge.service_to}"),
                ("invoice", f"{head['kind']} of {head['invoice_date']} to {head['payer']}"),
            )
            steps.append(Step("billed", f"on {head['number']}#{line.number}: {charge.text}", details))
            releases += [row["release"] for row in reader.decisions([charge.decision]).values()]
        back = None if dropped else tracing_back.reversal_of(reader, event["id"])
        if back is not None:
            billed = _counting(reader, meters, event, tracing_back.lines_with_event(reader, {**event, "id": back}))
            where = ", ".join(f"{line.head['number']}#{line.number}" for line in billed) or "no line yet"
            steps.append(Step("taken back", f"by its source, known as {back}; given back on {where}"))
        elif not (lines or dropped):
            steps.append(_why_not(reader, tenant, event, subscription))
    total = ", ".join(f"{number(event['quantity'])} {meter}" for event in events)
    text = f"{subscription} of {entity}, {len(events)} events" if len(events) > 1 else f"{subscription} of {entity}"
    subject = f"usage:{entity}/{subscription}/{meter}/{key}"
    return Explanation(subject, text, total, next(iter(releases), ""), tuple(steps))


def _counting(
    reader: Reader, meters: Mapping[str, Meter], event: Mapping[str, Any], lines: Sequence[LineRecord]
) -> list[LineRecord]:
    """Of lines of an event's days and meter those that count it, by filter and group."""
    sold = {line.charge.charge_id: tracing.version(reader, Charge, line.charge.charge_id) for line in lines}
    return [line for line in lines if counts(line.charge, sold[line.charge.charge_id], meters, event)]


def _event(event: Mapping[str, Any]) -> Step:
    details = (
        ("at", f"{event['at']:%Y-%m-%d %H:%M:%S %Z}, which is {event['day']} where the customer is"),
        ("source", event["source"]),
        ("known as", f"event {event['id']} in the order in which events became known"),
        *((("dimensions", event["dimensions"]),) if event["dimensions"] else ()),
    )
    return Step("event", f"{number(event['quantity'])} {event['meter']}", details)


def _why_not(reader: Reader, tenant: str, event: Mapping[str, Any], subscription: str) -> Step:
    """Why an event is on no line."""
    mark = marked(reader, event["subscription_id"], event["day"])
    subjects = [f"subscription/{subscription}"]
    said = tuple(
        (found["code"], f"run {found['run_id']}: {found['what']}")
        for found in tracing_back.findings_about(reader, tenant, subjects)
    )
    if mark is None:
        return Step("not billed", "the subscription has not been billed yet", said)
    if event["id"] > mark.usage_seen:
        text = "it became known after the last run that billed the subscription; the next one bills it"
        return Step("not billed", text, said)
    if event["day"] >= mark.billed_to:
        text = f"the subscription is billed up to {mark.billed_to}; usage is billed when its cycle, and the grace of a lateness rule, has ended"
        return Step("not billed", text, said)
    text = f"the run that saw it had nothing to bill it with: no charge that counts {event['meter']} on {event['day']}, or no price"
    return Step("not billed", text, said)


def _unknown(
    reader: Reader, tenant: str, entity: str, identity: int, subscription: str, meter: str, key: str
) -> TollbookError:
    escaped = key.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    refused = tracing_back.findings_about(reader, tenant, [], f"usage-event/{entity}/%/{escaped}")
    what = f"{subscription} has no usage of {meter} with the key {key!r}"
    if refused:
        last = refused[0]
        why = f"run {last['run_id']} refused it at {last['place']}: {last['what']} [{last['code']}]"
        return refuse(NO_SUCH_EVENT, what, why=why, mend=last["mend"])
    meters = tracing_back.meters_used(reader, identity)
    if meter not in meters:
        return refuse(NO_SUCH_EVENT, what, mend=did_you_mean(meter, meters) or "it has no usage at all")
    return refuse(NO_SUCH_EVENT, what, mend=did_you_mean(key, tracing_back.event_keys(reader, identity, meter, key)))
