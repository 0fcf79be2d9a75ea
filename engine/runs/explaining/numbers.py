"""What stands beside a number, and what became of a document at the authority, as steps of an explanation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from engine.runs.explaining.words import Step, rule_of
from engine.store import tracing
from engine.store.reader import Reader


def beside(reader: Reader, head: dict[str, Any]) -> Iterator[Step]:
    """The mark of an invoice and its steps at the authority; nothing where it has none."""
    mark = reader.number_marks([head["id"]]).get(head["id"])
    if mark is not None:
        told = (("signed text", mark.text), ("signed by", mark.signer), ("printed", mark.printed))
        yield Step("number", mark.code or mark.signature, tuple((name, text) for name, text in told if text))
    steps = reader.clearance_steps([head["id"]]).get(head["id"], [])
    if steps:
        last = steps[-1]
        decision = tracing.decisions(reader, [last.decision]).get(last.decision)
        words = f"{last.state} at {last.adapter}" + (f" as {last.authority_id}" if last.authority_id else "")
        words += f"; {rule_of(decision)}" if decision is not None else ""
        yield Step(
            "clearance", words, tuple((f"{s.at:%Y-%m-%d %H:%M:%S}", f"{s.state} {s.reason}".strip()) for s in steps)
        )
