"""What the law wants on a document beside its number: the code of its series, characters of its signature, and what the
authority that cleared it has answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine.model.clearance import CLEARED, DELIVERED, Clearance
from engine.store.reader import Reader


def beside_numbers(
    reader: Reader, ids: Sequence[int], cleared: Mapping[int, Sequence[Clearance]]
) -> dict[int, dict[str, Any]]:
    """The field ``legal`` of documents by the id of their invoice; those that have nothing of it are left out.  ``cleared`` are
    their steps at the authority."""
    found: dict[int, dict[str, str]] = {}
    for ident, mark in reader.number_marks(ids).items():
        found[ident] = {"code": mark.code, "printed": mark.printed}
    for ident, steps in cleared.items():
        found.setdefault(ident, {}).update(_answered(steps))
    told = {ident: {name: text for name, text in texts.items() if text} for ident, texts in found.items()}
    return {ident: {"legal": texts} for ident, texts in told.items() if texts}


def _answered(steps: Sequence[Clearance]) -> dict[str, str]:
    """What the authority said of a document that it cleared."""
    if steps[-1].state not in (CLEARED, DELIVERED):
        return {}
    cleared = next(step for step in reversed(steps) if step.state == CLEARED)
    at = str(cleared.evidence.get("at", "")) or cleared.at.isoformat()
    return {"authority_id": cleared.authority_id, "qr": cleared.qr, "cleared_at": at}
