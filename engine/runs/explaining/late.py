"""What became of a usage event that came after its days were billed."""

from __future__ import annotations

from typing import Final

from engine.base.money import written
from engine.model.lateness import LateRecord
from engine.runs.explaining.words import Step, rule_of, terms_of
from engine.store.reader import Reader

_ENDED: Final = {
    "next_bill": "the bill of the run has the difference",
    "credit_and_rebill": "the run gave back what was billed, and billed it anew",
    "drop": "it was dropped, and counts no more",
    "reopen": "the draft that was under review was made anew with it",
    "too_late": "a metering rule bills nothing so far back",
}


def late_steps(reader: Reader, tenant: str, event_id: int) -> tuple[list[Step], bool]:
    """How an event ended that came late, or was taken back late, and by which rule; and whether it was dropped.  That what is taken
    back is on the next bill goes without saying."""
    found = [record for record, *_ in reader.late_records(tenant, event_id=event_id)]
    told = (r for r in reversed(found) if r.usage_id == r.event_id or r.disposition != "next_bill")
    steps = [_step(reader, record) for record in told]
    return steps, any(record.disposition == "drop" for record in found)


def _step(reader: Reader, record: LateRecord) -> Step:
    what = "taken back late" if record.usage_id != record.event_id else "late"
    served = f"{record.plan}/{record.charge} of {record.service_from}..{record.service_to}"
    details = [("run", str(record.run_id))]
    if record.amount is not None:
        words = "what all late usage of these days came to, before tax"
        details.append(("amount", f"{written(record.amount, record.currency)}: {words}"))
    decision = reader.decision(record.decision) if record.decision else None
    if decision is not None:
        details.append(("rule", rule_of(decision)))
        details += sorted(terms_of(decision))
    text = f"{record.days_late} days after the end of {served}: {_ENDED[record.disposition]}"
    return Step(what, text, tuple(details))
