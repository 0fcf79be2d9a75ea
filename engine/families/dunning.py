"""Dunning: in which steps a customer that is late is asked to pay, and what stands against asking."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from engine.base.calendar import EVERY_DAY, holidays_of
from engine.base.errors import TollbookError
from engine.model.decision import Family, Flaw
from engine.model.dunning import DunningFacts

PLACES: Final = ("account", "entity")
"""In the place of a calendar: that of the country of the account, or of the legal entity."""


def check(terms: Mapping[str, Any]) -> Iterable[Flaw]:
    """Names of steps differ, a letter has a way to go, a hand-over comes last and to somebody, calendars are known."""
    names = [step["name"] for step in terms["steps"]]
    for number, step in enumerate(terms["steps"]):
        if step["name"] in names[:number]:
            yield Flaw(("steps", number, "name"), f"a second step is called {step['name']!r}", "rename one")
        if not step["channels"] and step["action"] == "notice":
            yield Flaw(("steps", number, "channels"), "a letter that goes nowhere", "name a channel such as email")
        if step["action"] == "handover" and number + 1 < len(names):
            yield Flaw(("steps", number), "a step comes after the claim is handed over", "hand over last")
        if step["action"] == "handover" and terms["agency"] is None:
            yield Flaw(("steps", number), "a claim is handed over to nobody", "name the agency")
        if step["fee"] and step["charge"] == "none":
            yield Flaw(("steps", number, "fee"), "a fee that nothing is made of", "write charge: claim or debit_note")
    if terms["calendar"] not in (*PLACES, EVERY_DAY):
        try:
            holidays_of(terms["calendar"])
        except TollbookError as error:
            (finding,) = error.findings
            yield Flaw(("calendar",), finding.what, finding.mend)


def _days(text: str, default: int | None = None) -> dict[str, Any]:
    more: dict[str, Any] = {"required": True} if default is None else {"default": f"{default} days"}
    return {"type": "days", "meta": {"description": text}, **more}


_STEP: Final[Mapping[str, Any]] = {
    "name": {"type": "string", "required": True, "empty": False, "meta": {"description": "what the step is called"}},
    "after": _days("days from the due date, or from the day on which the step before was taken"),
    "counts": {
        "type": "string",
        "allowed": ["calendar", "business"],
        "default": "calendar",
        "meta": {
            "description": "which days are counted; the step itself falls on a business day always, else on the next"
        },
    },
    "action": {
        "type": "string",
        "allowed": ["notice", "handover", "none"],
        "default": "notice",
        "meta": {"description": "a letter to the customer, the hand-over to the agency, or only a note in the books"},
    },
    "tone": {
        "type": "string",
        "allowed": ["reminder", "demand", "final"],
        "default": "reminder",
        "meta": {"description": "which words the letter has"},
    },
    "channels": {
        "type": "list",
        "default": ["email", "post"],
        "schema": {"type": "string", "allowed": ["email", "post", "portal", "sms", "phone"]},
        "meta": {"description": "ways for the letter; the first one that the customer consents to is taken"},
    },
    "by_law": {
        "type": "boolean",
        "default": False,
        "meta": {
            "description": "whether the law requires the notice: it then goes by the last channel where consent is missing for all"
        },
    },
    "charge": {
        "type": "string",
        "allowed": ["none", "claim", "debit_note"],
        "default": "none",
        "meta": {
            "description": "what becomes of late interest and fees: nothing, a claim that the letter names and nobody has booked, or "
            "a debit note that is posted (claims of earlier steps come with it)"
        },
    },
    "fee": {
        "type": "price",
        "nullable": True,
        "default": None,
        "min": 0,
        "meta": {"description": "fee of the step itself, by currency; none where null"},
    },
    "pay_within": _days("days that the letter gives to pay", 7),
    "credit_hold": {
        "type": "boolean",
        "default": False,
        "meta": {
            "description": "whether the adapters of the port exchange are told to supply nothing on credit, until the documents that the "
            "step is about are settled"
        },
    },
}
_AGENCY: Final[Mapping[str, Any]] = {
    "name": {"type": "string", "required": True, "empty": False, "meta": {"description": "name of the agency"}},
    "email": {"type": "string", "default": "", "meta": {"description": "where files are sent"}},
    "address": {"type": "string", "default": "", "meta": {"description": "address lines"}},
    "country": {"type": "string", "default": "", "meta": {"description": "ISO 3166-1 alpha-2"}},
    "language": {"type": "string", "default": "en", "meta": {"description": "ISO 639-1 language of the file"}},
}

FAMILY = Family(
    name="dunning",
    doc="In which steps a customer that is late is asked to pay, on which days, by which ways, and what stands against asking.",
    facts=DunningFacts,
    selected_by="day of the run",
    answers="all",
    outcome={
        "level": {
            "type": "string",
            "allowed": ["invoice", "account"],
            "required": True,
            "meta": {
                "description": "whether each document has a level of its own, or the account one for all that it is late with"
            },
        },
        "steps": {
            "type": "list",
            "required": True,
            "schema": {"type": "dict", "schema": _STEP},
            "meta": {"description": "the steps, in their order; none: the customer is not dunned"},
        },
        "minimum": {
            "type": "price",
            "nullable": True,
            "default": None,
            "min": 0,
            "meta": {"description": "below this nothing is asked for, by currency; no minimum where null"},
        },
        "calendar": {
            "type": "string",
            "default": "entity",
            "meta": {
                "description": "business days: of the country of the account or of the entity, of a country such as DE, a region "
                "such as DE-BY, of TARGET; none: all days"
            },
        },
        "closed": {
            "type": "list",
            "default": [],
            "schema": {"type": "date"},
            "meta": {"description": "further days on which no step falls"},
        },
        "open": {
            "type": "list",
            "default": [],
            "schema": {"type": "date"},
            "meta": {"description": "days that are business days whatever the calendar says"},
        },
        "reopened": {
            "type": "string",
            "allowed": ["continue", "restart"],
            "default": "continue",
            "meta": {
                "description": "what was paid and is open again, as after a returned payment: goes on after the step that was taken "
                "last, or begins anew"
            },
        },
        "reopened_after": _days("days until the next step of what is open again", 3),
        "broken_after": _days("days until the next step after a promise or a plan is broken", 1),
        "promise_grace": _days("days that a promised payment may be late", 2),
        "promise_within": _days("how far ahead a promise may be", 30),
        "promises": {
            "type": "integer",
            "default": 2,
            "min": 0,
            "max": 100,
            "meta": {"description": "how many promises may be made for the same documents"},
        },
        "plan_grace": _days("days that an instalment may be late", 3),
        "plan_misses": {
            "type": "integer",
            "default": 0,
            "min": 0,
            "max": 100,
            "meta": {"description": "how many instalments may be behind before the plan is broken"},
        },
        "no_signal": {
            "type": "string",
            "allowed": ["write", "withhold"],
            "default": "withhold",
            "meta": {
                "description": "whether a channel may be used of which the source of consent has no signal; where no source is asked, "
                "all channels may"
            },
        },
        "agency": {
            "type": "dict",
            "nullable": True,
            "default": None,
            "schema": _AGENCY,
            "meta": {"description": "whom claims are handed over to"},
        },
        "formats": {
            "type": "list",
            "default": [],
            "schema": {"type": "string", "empty": False},
            "meta": {
                "description": "kinds of files that the letter is written as, for adapters that want files, such as pdf"
            },
        },
        "template": {
            "type": "string",
            "default": "dunning",
            "empty": False,
            "meta": {"description": "name of the template of the letter"},
        },
    },
    check=check,
)
