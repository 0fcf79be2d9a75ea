"""Why a document was made by hand: who, for which reason, and the rule that let it."""

from __future__ import annotations

from engine.model.invoice import ADVANCE
from engine.runs.explaining.words import Step
from engine.store import tracing
from engine.store.reader import Reader
from engine.store.tracing import LineRecord


def made_by_hand(reader: Reader, tenant: str, record: LineRecord) -> Step | None:
    """The step of a line of a credit or debit note that somebody made; None of other documents."""
    memo = reader.memo_of(tenant, record.head["id"]) if "id" in record.head else None
    if memo is None:
        return None
    run = reader.run(memo["run_id"])
    stored = tracing.decisions(reader, [memo["decision"]]).get(memo["decision"])
    told = [("code", memo["reason"]), ("reason", memo["note"])]
    if run is not None:
        told.append(("written by", f"{run.who} at {run.started_at:%Y-%m-%d %H:%M} UTC"))
    if stored is not None:
        told.append(("rule", f"{stored['ruleset']}/{stored['rule']} ({stored['file']}:{stored['line']})"))
    return Step("by hand", f"{memo['kind']} {'invoice' if memo['kind'] == ADVANCE else 'note'} by hand", tuple(told))
