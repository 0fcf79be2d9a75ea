"""The schemas of messages, as JSON Schema, one of each kind and direction."""

from __future__ import annotations

from typing import Any

import msgspec

from engine.model.exchange import INBOUND, OUTBOUND, Inbound, Kind, Outbound, supported

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schemas() -> dict[str, dict[str, Any]]:
    """All of them by name: ``order.in`` comes in, ``invoice.out`` goes out."""
    made = {f"{name}.in": _schema(kind, "in") for name, kind in INBOUND.items()}
    return made | {f"{name}.out": _schema(kind, "out") for name, kind in OUTBOUND.items()}


def example(kind: Kind, way: str) -> dict[str, Any]:
    """A whole message of a kind, ``in`` or ``out``."""
    head = {"id": f"{kind.name}-1", "kind": kind.name, "version": kind.version}
    return {**head, **({"tenant": "acme"} if way == "out" else {}), "data": dict(kind.example)}


def _schema(kind: Kind, way: str) -> dict[str, Any]:
    """The envelope with the data of the kind in it."""
    (envelope, _), components = msgspec.json.schema_components(
        [Inbound if way == "in" else Outbound, kind.data], ref_template="#/$defs/{name}"
    )
    shape: dict[str, Any] = components.pop(envelope["$ref"].rpartition("/")[2])
    shape["properties"] |= {
        "kind": {"const": kind.name},
        "version": {"enum": supported(kind) if way == "in" else [kind.version]},
        "data": {"$ref": f"#/$defs/{kind.data.__name__}"},
    }
    head = {"$schema": DIALECT, "$id": f"urn:tollbook:exchange:{kind.name}:{way}:{kind.version}"}
    told = {"title": f"{kind.name}, {way}", "description": kind.about}
    examples = [example(kind, way)]
    body = {name: value for name, value in shape.items() if name not in ("title", "description")}
    return {**head, **told, **body, "$defs": components, "examples": examples}
