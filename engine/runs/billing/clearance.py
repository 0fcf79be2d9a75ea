"""The rows that a document leaves in the books which an authority has to clear before it is delivered."""

from __future__ import annotations

from engine.model.clearance import NUMBERED, Wanted
from engine.runs.billing.finish import Issued
from engine.runs.billing.read import Pinned
from engine.runs.billing.rows import Row, effect_key


def submission_key(document: str, attempt: int) -> str:
    """The key of a submission: that of the document, and how often it was numbered for one."""
    return f"{document}#{attempt}"


def effect_row(ids: tuple[int, int, int], one: Issued, wanted: Wanted) -> Row:
    """A row of ``effect``: submit the document.  ``ids`` are those of the effect, the invoice and the run.  Its payload says by
    whom and under which key the document is delivered once it is cleared."""
    effect_id, invoice_id, run_id = ids
    draft, key = one.invoice.draft, effect_key(one.invoice)
    payload = {"invoice_id": invoice_id, "deliver": one.adapter, "document": key, "on_rejection": wanted.on_rejection}
    told = ("clearance", "invoice", submission_key(key, 1), payload, "pending", wanted.adapter, 0, None, None)
    return (effect_id, draft.tenant, draft.entity, *told, run_id)


def step_row(step_id: int, ids: tuple[int, int, int], one: Issued, wanted: Wanted, pinned: Pinned) -> Row:
    """A row of ``clearance_step``: the document is numbered."""
    _, invoice_id, run_id = ids
    draft, key = one.invoice.draft, submission_key(effect_key(one.invoice), 1)
    begins = (1, NUMBERED, pinned.change.at, key, wanted.adapter, draft.payer_id)
    return (step_id, draft.tenant, draft.entity, invoice_id, *begins, "", "", "", {}, wanted.decision, run_id)
