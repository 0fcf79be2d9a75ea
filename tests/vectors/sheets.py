"""Every kind of file of vectors, in the order in which an unknown file is compared with them."""

from __future__ import annotations

from collections.abc import Mapping

from tests.vectors import (
    invoicing_timelines,
    pricing_models,
    proration_changes,
    proration_periods,
    revrec,
    usage_tiers,
)
from tests.vectors.outcome import Document, Sheet

SHEETS: tuple[Sheet, ...] = (
    Sheet("pricing_models", {"vectors": pricing_models.run}),
    Sheet("proration_changes", {"vectors": proration_changes.change, "anchors": proration_changes.anchor}),
    Sheet("proration_periods", proration_periods.SECTIONS),
    Sheet("usage_tiers", usage_tiers.RUNNERS),
    Sheet("invoicing_timelines", invoicing_timelines.SECTIONS),
    Sheet("revrec", {"cases": revrec.run}),
)


def sheet_of(stem: str, document: Document) -> Sheet | None:
    """The kind of a file: by its name, else the kind whose sections hold all lists of cases that it has."""
    for sheet in SHEETS:
        if sheet.name == stem:
            return sheet
    found = {key for key, value in document.items() if _is_cases(value)}
    if "anchors" not in found and any("model" not in case for case in document.get("vectors") or ()):
        return next((sheet for sheet in SHEETS[1:] if found and found <= set(sheet.sections)), None)
    return next((sheet for sheet in SHEETS if found and found <= set(sheet.sections)), None)


def _is_cases(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(v, Mapping) and "id" in v for v in value)
