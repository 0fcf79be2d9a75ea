"""The shape of a rule file, and of a file of cases beside one, as schemas of cerberus."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from engine.rulebook.parameters import PARAMETER_SCHEMA

HITS: Final = ("first", "unique", "collect", "priority")
"""Hit policies of DMN: the first rule that applies, the only one, all of them, the one with the highest priority."""


def _meta(text: str) -> dict[str, str]:
    return {"description": text}


CASE_SCHEMA: Final[Mapping[str, Any]] = {
    "name": {"type": "string", "meta": _meta("what the case shows")},
    "on": {"type": "date", "meta": _meta("the date that selects the rule; the first day of the rule set where absent")},
    "given": {"type": "dict", "required": True, "meta": _meta("the facts, as far as they matter")},
    "expect": {
        "type": "dict",
        "required": True,
        "empty": False,
        "meta": _meta("the rule (or none), fields of the outcome, and results of the family"),
    },
}
"""cerberus schema of one case."""

RULE_SCHEMA: Final[Mapping[str, Any]] = {
    "id": {
        "type": "string",
        "required": True,
        "regex": "[a-z0-9][a-z0-9_.-]*",
        "meta": _meta("name of the rule, unique in the file: small letters, digits, - _ ."),
    },
    "when": {"type": "expression", "meta": _meta("when the rule applies; always where absent")},
    "then": {"type": "dict", "required": True, "meta": _meta("what is decided")},
    "priority": {"type": "integer", "default": 0, "meta": _meta("for hit: priority; the highest answers")},
    "note": {"type": "string", "default": "", "meta": _meta("why the rule is as it is")},
}
"""cerberus schema of one rule; ``then`` is the family's affair."""

EQUIVALENT_SCHEMA: Final[Mapping[str, Any]] = {
    "rule": {"type": "string", "required": True, "meta": _meta("id of the rule")},
    "mistake": {"type": "string", "required": True, "meta": _meta("as `tollbook test --mutate` prints it")},
    "why": {"type": "string", "required": True, "empty": False, "meta": _meta("why nothing comes out otherwise by it")},
}
"""cerberus schema of a mistake that changes nothing (an equivalent mutant)."""

SCHEMA: Final[Mapping[str, Any]] = {
    "ruleset": {
        "type": "string",
        "required": True,
        "regex": "[a-z][a-z0-9_]*/[a-z0-9][a-z0-9_.-]*",
        "meta": _meta("family/name; the folder is the family"),
    },
    "scope": {"type": "expression", "meta": _meta("which facts the file answers for; all where absent")},
    "effective": {
        "type": "dict",
        "default": {},
        "meta": _meta("when the rule set is in force; always where absent"),
        "schema": {
            "from": {"type": "date", "meta": _meta("first day")},
            "to": {"type": "date", "meta": _meta("the day after the last one")},
        },
    },
    "owner": {"type": "string", "default": "", "meta": _meta("who answers for the file")},
    "hit": {
        "type": "string",
        "allowed": list(HITS),
        "default": "first",
        "meta": _meta("which rule answers if several apply"),
    },
    "priority": {"type": "integer", "default": 0, "meta": _meta("rule sets with a higher one are asked first")},
    "parameters": {
        "type": "dict",
        "default": {},
        "meta": _meta("values that may be tuned within bounds without touching the file"),
        "keysrules": {"type": "string", "regex": "[a-z][a-z0-9_]*"},
        "valuesrules": {"type": "dict", "schema": PARAMETER_SCHEMA},
    },
    "rules": {
        "type": "list",
        "required": True,
        "minlength": 1,
        "meta": _meta("the rules in order"),
        "schema": {"type": "dict", "schema": RULE_SCHEMA},
    },
    "cases": {
        "type": "list",
        "default": [],
        "meta": _meta("examples that the rules must answer as they say"),
        "schema": {"type": "dict", "schema": CASE_SCHEMA},
    },
    "equivalent": {
        "type": "list",
        "default": [],
        "meta": _meta("mistakes that change nothing, so that no case can notice them"),
        "schema": {"type": "dict", "schema": EQUIVALENT_SCHEMA},
    },
}
"""cerberus schema of a rule file."""

CASES_SCHEMA: Final[Mapping[str, Any]] = {"cases": {**SCHEMA["cases"], "required": True}}
"""cerberus schema of a file of cases beside a rule file."""
