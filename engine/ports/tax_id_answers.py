"""Whether what is answered about a tax registration number is within the contract."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from engine.base.errors import Finding, Where
from engine.ports.failure import NOT_TOLD
from engine.ports.hookspecs.tax_id import NotTold, TaxIdAnswer, TaxIdRequest


def tax_id_flaws(request: TaxIdRequest, answer: Any) -> str | Finding:
    """What is wrong with an answer; empty where nothing is."""
    if isinstance(answer, NotTold):
        what = f"nothing is known of the number of {request.key}: {answer.reason}"
        return Finding(NOT_TOLD, Where(), what, subject=request.key)
    if not isinstance(answer, TaxIdAnswer):
        return f"answered {type(answer).__name__} instead of TaxIdAnswer"
    valid: Any = answer.valid
    if not isinstance(valid, bool):
        return f"answered {answer.valid!r}, which is neither yes nor no"
    if not isinstance(answer.checked_on, date) or isinstance(answer.checked_on, datetime):
        return f"answered {answer.checked_on!r}, which is no day"
    texts = (answer.country, answer.reference, answer.source)
    if not all(isinstance(text, str) for text in texts) or len(answer.country) != 2 or not answer.source.strip():
        return "answered no country, no source, or a reference that is no text"
    return ""
