"""Every check of the close, by its code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from engine.runs.close.checks import billing, cash, ledger, outside, people, revenue
from engine.runs.close.look import Check

CHECKS: Final[Mapping[str, Check]] = {
    check.code: check for module in (billing, cash, revenue, ledger, outside, people) for check in module.CHECKS
}
"""In the order in which they are made and shown."""
