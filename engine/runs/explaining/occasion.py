"""What occasioned an invoice that was not made for its date: the trigger, the rule, and who said so."""

from __future__ import annotations

from engine.runs.billing.read import FOR
from engine.runs.explaining.words import Step
from engine.store import tracing_back
from engine.store.reader import Reader


def occasioned(reader: Reader, tenant: str, head: dict[str, object]) -> Step | None:
    """The step of an invoice that something occasioned; None for one that was made for its date."""
    _, mark, occasion = str(head["group_key"]).partition(FOR)
    run = reader.run(int(str(head["run_id"])))
    if not mark or run is None:
        return None
    taken = {line.charge.subscription_id for line in tracing_back.lines_of(reader, head)}
    told = []
    for note in reader.trigger_notes(tenant, taken):
        by = f" by {note['accepted_by']}" if note["accepted_by"] else ""
        shown = f" ({note['evidence']})" if note["evidence"] else ""
        known = f", known at {note['noted_at']:%Y-%m-%d %H:%M} UTC from {note['sender']}" if note["noted_at"] else ""
        about = f" {note['charge']}" if note["charge"] else ""
        told.append((note["key"], f"{note['kind'].replace('_', '-')}{about} on {note['on_day']}{by}{shown}{known}"))
    kind, _, moment = occasion.partition(" ")
    return Step("occasion", f"{kind} at {moment}: {run.reason}", tuple(told))
