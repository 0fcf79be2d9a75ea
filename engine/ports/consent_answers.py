"""Whether what a consent adapter answers is a signal within the contract."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from engine.ports.hookspecs.consent import Consent, ConsentRequest


def consent_flaws(request: ConsentRequest, answer: Any) -> str:
    """What is wrong with a signal; empty where nothing is."""
    if not isinstance(answer, Consent):
        return f"answered {type(answer).__name__} instead of Consent"
    if answer.state not in ("given", "refused", "unknown"):
        return f"answered the state {answer.state!r}, which is none of given, refused, unknown"
    if not isinstance(answer.source, str) or not answer.source.strip():
        return "answered no source"
    if answer.state == "unknown":
        return "" if answer.since is None else "answered a moment of a signal that it does not know"
    if not isinstance(answer.since, datetime) or answer.since.tzinfo is None:
        return f"answered the moment {answer.since!r}, which is no time with a zone"
    return ""
