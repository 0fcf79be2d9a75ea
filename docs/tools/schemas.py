"""Cerberus schemas and structs as rows of tables."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import msgspec

from docs.tools.markdown import code

BOUNDS = {"min": "at least {}", "max": "at most {}", "minlength": "{} or more", "maxlength": "{} or fewer"}

FIELD_HEAD = ("field", "type", "required", "default", "bounds", "meaning")
STRUCT_HEAD = ("field", "type", "default", "meaning")


def schema_rows(schema: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, ...]]:
    """A row of :data:`FIELD_HEAD` for each field of a cerberus schema, nested fields with their path."""
    for name, rule in schema.items():
        path = prefix + name
        kinds = rule.get("type", "any")
        kind = kinds if isinstance(kinds, str) else " or ".join(kinds)
        bounds = [text.format(rule[key]) for key, text in BOUNDS.items() if key in rule]
        if "allowed" in rule:
            bounds.append("one of " + ", ".join(code(value) for value in rule["allowed"]))
        if "regex" in rule:
            bounds.append("matches " + code(rule["regex"]))
        default = code(rule["default"]) if rule.get("default") not in (None, "") else ""
        required = "yes" if rule.get("required") else ""
        yield code(path), kind, required, default, "; ".join(bounds), rule.get("meta", {}).get("description", "")
        inner = rule.get("schema")
        if isinstance(inner, Mapping):
            if kind == "list":
                items = inner.get("schema") if inner.get("type") == "dict" else None
                yield from schema_rows(items or {}, f"{path}[].")
            elif kind == "dict":
                yield from schema_rows(inner, f"{path}.")


def spelled(annotation: Any) -> str:
    """A type as people write it, without ``Annotated`` and module names."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return spelled(arguments[0])
    if origin in (typing.Union, types.UnionType):
        return " | ".join(spelled(argument) for argument in arguments)
    if origin is Literal:
        return " | ".join(repr(argument) for argument in arguments)
    if annotation is type(None):
        return "None"
    if annotation is Ellipsis:
        return "..."
    if isinstance(annotation, list):
        return f"[{', '.join(spelled(argument) for argument in annotation)}]"
    if origin is not None:
        return f"{spelled(origin)}[{', '.join(spelled(argument) for argument in arguments)}]"
    return getattr(annotation, "__name__", None) or str(annotation)


def described(annotation: Any) -> str:
    """The description in an ``Annotated`` type, empty where there is none."""
    metas = typing.get_args(annotation)[1:] if typing.get_origin(annotation) is typing.Annotated else ()
    return next((m.description for m in metas if isinstance(m, msgspec.Meta) and m.description), "")


def struct_rows(struct: type[msgspec.Struct]) -> Iterator[tuple[str, ...]]:
    """A row of :data:`STRUCT_HEAD` for each field of a struct."""
    hints = typing.get_type_hints(struct, include_extras=True)
    for field in msgspec.structs.fields(struct):
        default = "" if field.default is msgspec.NODEFAULT else code(repr(field.default))
        yield code(field.name), code(spelled(hints[field.name])), default, described(hints[field.name])


def structs_in(annotation: Any) -> Iterator[type[msgspec.Struct]]:
    """The structs that a type names, and those that their fields name, each once, outer ones first."""
    seen: dict[type[msgspec.Struct], None] = {}

    def collect(found: Any) -> None:
        if isinstance(found, type) and issubclass(found, msgspec.Struct) and found not in seen:
            seen[found] = None
            for hint in typing.get_type_hints(found).values():
                collect(hint)
        for argument in typing.get_args(found):
            collect(argument)

    collect(annotation)
    yield from seen
