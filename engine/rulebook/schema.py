"""JSON Schema (2020-12) of rule files, one a family, for the completion and the hints of editors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from engine.base.document import json_schema
from engine.model.decision import Family
from engine.rulebook.facttypes import FactType, describe
from engine.rulebook.fileshape import HITS, SCHEMA
from engine.rulebook.outcomes import Outcomes

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

_FACTS: Final[Mapping[str, Mapping[str, Any]]] = {
    "number": {"type": "number"},
    "string": {"type": "string"},
    "boolean": {"type": "boolean"},
    "date": {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$"},
    "datetime": {"type": "string"},
}


def family_schema(family: Family) -> dict[str, Any]:
    """The schema of a rule file of a family: the common keys, what its rules decide, and the facts of its cases."""
    schema = json_schema(SCHEMA)
    properties = schema["properties"]
    properties["ruleset"]["pattern"] = f"^{family.name}/[a-z0-9][a-z0-9_.-]*$"
    if not family.collects:
        properties["hit"]["enum"] = [hit for hit in HITS if hit != "collect"]
    facts = describe(family.facts)
    names = ", ".join(path for path, _ in facts.leaves())
    rule = properties["rules"]["items"]["properties"]
    rule["then"] = {"description": f"what is decided: {family.doc}", **_then(family)}
    for conditional in (rule["when"], properties["scope"]):
        conditional["description"] += f"; facts: {names}"
    case = properties["cases"]["items"]["properties"]
    case["given"] = {"description": case["given"]["description"], **_fact(facts)}
    return {
        "$schema": DIALECT,
        "title": f"Rules of the family {family.name}",
        "description": f"{family.doc}  The rule in force is selected by: {family.selected_by}.",
        **schema,
    }


def _then(family: Family) -> dict[str, Any]:
    outcomes = Outcomes(family)
    if not family.methods:
        return json_schema(outcomes.schema(""), parameters=True)
    whole = []
    for name, method in family.methods.items():
        schema = json_schema(outcomes.schema(name), parameters=True)
        schema["properties"]["method"] = {"const": name, "description": (method.function.__doc__ or "").split("\n")[0]}
        whole.append({"if": {"properties": {"method": {"const": name}}, "required": ["method"]}, "then": schema})
    return {
        "type": "object",
        "required": ["method"],
        "properties": {"method": {"enum": list(family.methods)}},
        "allOf": whole,
    }


def _fact(fact: FactType) -> dict[str, Any]:
    if fact.kind == "object":
        properties = {child.name: _fact(child) for child in fact.children}
        out: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": False}
    elif fact.kind == "list":
        out = {"type": "array", "items": _fact(fact.item) if fact.item else {}}
    elif fact.kind == "mapping":
        out = {"type": "object", "additionalProperties": _fact(fact.item) if fact.item else {}}
    else:
        out = dict(_FACTS[fact.kind])
    if fact.values:
        out["enum"] = list(fact.values)
    if fact.nullable:
        out = {"anyOf": [out, {"type": "null"}]}
    return {"description": fact.doc, **out} if fact.doc else out
