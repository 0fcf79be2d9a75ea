"""Books: what a further book holds in another way than the leading one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from engine.model.decision import Family, Flaw
from engine.model.further_books import BooksFacts

_GIVEN = {"account": "", "months": 0}
_WANTS = {"move": ("account",), "spread": ("account", "months")}


def check(terms: Mapping[str, Any]) -> Iterable[Flaw]:
    """Each way has what it needs, and nothing else."""
    way = terms["way"]
    for name, nothing in _GIVEN.items():
        given = terms[name] != nothing
        if given and name not in _WANTS.get(way, ()):
            yield Flaw((name,), f"{way} takes no {name}", f"remove {name}")
        elif not given and name in _WANTS.get(way, ()):
            yield Flaw(("way",), f"{way} needs {name}", f"add {name}")


FAMILY = Family(
    name="books",
    doc="What a further book, such as one of local accounting rules, holds in another way than the leading book.",
    facts=BooksFacts,
    selected_by="posting date",
    answers="all",
    check=check,
    outcome={
        "way": {
            "type": "string",
            "required": True,
            "allowed": ["keep", "move", "spread", "leave_out"],
            "meta": {
                "description": "keep: as in the leading book; move: in `account` instead; spread: in `account`, and from there in equal "
                "parts on the last day of each of so many `months`, that of the posting first; leave_out: not at all, together with "
                "the other sides of its entry"
            },
        },
        "account": {
            "type": "string",
            "default": "",
            "regex": "[A-Za-z0-9._:-]*",
            "meta": {"description": "code of the GL account in the further book, for move and spread"},
        },
        "months": {
            "type": "integer",
            "default": 0,
            "min": 0,
            "max": 600,
            "meta": {"description": "how many months a posting is spread over"},
        },
    },
)
