"""What verbs say that do an act, or propose it where it needs two persons."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from engine.app import Outcome
from engine.cli.common import emit, out, plain, show_findings


def show_outcome(outcome: Outcome, as_json: bool, result: Any, render: Callable[[], None]) -> None:
    """Print the result of an act that is done, or what was proposed and how another person approves it."""
    show_findings(outcome.findings)
    approval = outcome.approval
    if outcome.done or approval is None:
        emit({**plain(result), "done": True}, as_json, render)
        return
    shown = {"done": False, "act": outcome.act, "subject": outcome.subject, "approval": opened(approval)}
    words = f"proposed by {approval.maker} as approval {approval.id}: to {outcome.text}; nothing is done yet"
    hint = f"another person: tollbook approvals approve {approval.id} --as NAME --reason TEXT"

    def proposed() -> None:
        out.print(words, markup=False)
        out.print(hint, markup=False)

    emit(shown, as_json, proposed)


def opened(approval: Any) -> dict[str, Any]:
    """An approval with its content opened."""
    return {**plain(approval), "content": msgspec.json.decode(approval.content)}
