"""Schemas compiled to plain functions: the fast way to read good data, and the way an editor learns of the schema.

A schema is cerberus'.  This module knows the rules of :data:`READ` and compiles them to functions that make a value
ready to use; where a value is not good, or a rule of :data:`JUDGED` stands in the schema, the function only says that a
judge is needed, and :mod:`engine.base.document` asks cerberus.  Nothing here reports a mistake in data.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from engine.base.errors import Code, TollbookError, did_you_mean, refuse
from engine.base.units import KINDS, Kind, Unfit

BAD_SCHEMA = Code("document.bad-schema", "A schema of a family, a method or a plug-in that is itself wrong.")

READ: Final = frozenset(
    [
        *("type", "required", "nullable", "default", "allowed", "min", "max", "minlength", "maxlength", "empty"),
        *("regex", "schema", "valuesrules", "keysrules", "anyof", "oneof", "allow_unknown", "meta"),
    ]
)
"""Rules of a schema that are read here."""
JUDGED: Final = frozenset(("excludes", "dependencies", "forbidden", "contains", "check_with"))
"""Rules that only cerberus judges; they may not stand in an alternative of ``anyof`` or ``oneof``."""

PLAIN: Final[Mapping[str, tuple[type, str, str]]] = {
    "string": (str, "a text", "string"),
    "integer": (int, "a whole number", "integer"),
    "boolean": (bool, "true or false", "boolean"),
    "list": (list, "a list", "array"),
    "dict": (dict, "a mapping of keys and values", "object"),
}
"""cerberus' own types that schemas may name: Python type, plain words, JSON Schema type."""

Read = Callable[[Any, list[Any]], Any]
"""``read(value, doubts)``: the value made ready to use; what it cannot take it leaves and adds to ``doubts``."""
Take = Callable[[Any], Any]


def words(types: str | list[str] | tuple[str, ...], kinds: Mapping[str, Kind] = KINDS) -> str:
    """What the types of a schema expect, in plain words."""
    names = (types,) if isinstance(types, str) else types
    return " or ".join(kinds[name].words if name in kinds else PLAIN[name][1] for name in names)


def is_plain(value: Any, name: str) -> bool:
    """Whether a value is of one of cerberus' own types; true and false are no whole numbers."""
    kind = PLAIN[name][0]
    return isinstance(value, kind) and (kind is not int or not isinstance(value, bool))


def bounds_met(value: Any, low: Any, high: Any) -> bool:
    """Whether a value, or each amount of a price, lies within ``low`` and ``high`` (None: no bound)."""
    for item in value.values() if isinstance(value, dict) else (value,):
        try:
            if (low is not None and item < low) or (high is not None and item > high):
                return False
        except TypeError:
            return False
    return True


class Compiler:
    """Compiles schemas; ``kinds`` are the kinds of value that they may name beside cerberus' own types."""

    def __init__(self, kinds: Mapping[str, Kind]) -> None:
        self.kinds = kinds

    def _refuse(self, what: str, mend: str = "") -> TollbookError:
        return refuse(BAD_SCHEMA, what, mend=mend)

    def _take(self, name: str) -> Take:
        if name in self.kinds:
            return self.kinds[name].read
        if name not in PLAIN:
            raise self._refuse(f"a schema names the type {name!r}", did_you_mean(name, [*self.kinds, *PLAIN]))
        kind = PLAIN[name][0]

        def take(value: Any) -> Any:
            if isinstance(value, kind) and (kind is not int or not isinstance(value, bool)):
                return value
            raise Unfit("")

        return take

    def _check_rules(self, field: str, rules: Any, judged: bool) -> None:
        if not isinstance(rules, Mapping):
            raise self._refuse(f"the schema of {field!r} is {rules!r}", "give rules, such as {type: string}")
        for rule in rules:
            if rule not in READ and rule not in JUDGED:
                raise self._refuse(
                    f"the schema of {field!r} has the rule {rule!r}", did_you_mean(str(rule), READ | JUDGED)
                )
            if rule in JUDGED and not judged:
                raise self._refuse(f"the schema of {field!r} has {rule!r} in an alternative", "move it out")

    def mapping(self, schema: Mapping[str, Any], allow_unknown: bool = False, judged: bool = True) -> Read:
        """A reader of mappings with the keys of ``schema``."""
        fields = {str(name): self.field(str(name), rules, judged) for name, rules in schema.items()}
        required = tuple(name for name, rules in schema.items() if rules.get("required"))
        defaults = {name: fields[name](rules["default"], []) for name, rules in schema.items() if "default" in rules}

        def read(value: Any, doubts: list[Any]) -> Any:
            out = {}
            for key, item in value.items():
                field = fields.get(key)
                if field is None:
                    if not allow_unknown:
                        doubts.append(key)
                    out[key] = item
                else:
                    out[key] = field(item, doubts)
            for name in required:
                if name not in value:
                    doubts.append(name)
            for name, default in defaults.items():
                if name not in out:
                    out[name] = default
            return out

        return read

    def field(self, name: str, rules: Mapping[str, Any], judged: bool = True) -> Read:
        """A reader of the value of one key."""
        self._check_rules(name, rules, judged)
        types = rules.get("type", ())
        takes = tuple(self._take(kind) for kind in ((types,) if isinstance(types, str) else types))
        nullable, needs_judge = bool(rules.get("nullable")), not JUDGED.isdisjoint(rules)
        tests = _tests(rules)
        inner = self._inner(name, rules, judged)

        def read(value: Any, doubts: list[Any]) -> Any:
            if needs_judge:
                doubts.append(name)
            if value is None:
                if not nullable:
                    doubts.append(name)
                return None
            ready = value
            for take in takes:
                try:
                    ready = take(value)
                    break
                except Unfit:
                    continue
            else:
                if takes:
                    doubts.append(name)
                    return value
            for test in tests:
                if not test(ready):
                    doubts.append(name)
                    return ready
            return inner(ready, doubts) if inner else ready

        return read

    def _inner(self, name: str, rules: Mapping[str, Any], judged: bool) -> Read | None:
        if "anyof" in rules or "oneof" in rules:
            return self._alternatives(name, rules, "anyof" if "anyof" in rules else "oneof")
        keys = self.field(name, rules["keysrules"], judged) if "keysrules" in rules else None
        values = self.field(name, rules["valuesrules"], judged) if "valuesrules" in rules else None
        if keys or values:

            def read_pairs(value: Any, doubts: list[Any]) -> Any:
                for key in value if keys else ():
                    assert keys
                    keys(key, doubts)
                return {key: values(item, doubts) for key, item in value.items()} if values else value

            return read_pairs
        if "schema" not in rules:
            return None
        types = rules.get("type")
        if types == "list":
            item = self.field(name, rules["schema"], judged)
            return lambda value, doubts: [item(part, doubts) for part in value]
        if types == "dict":
            return self.mapping(rules["schema"], bool(rules.get("allow_unknown")), judged)
        raise self._refuse(f"the schema of {name!r} has 'schema' without a type", "add type: dict or type: list")

    def _alternatives(self, name: str, rules: Mapping[str, Any], rule: str) -> Read:
        inherited = {key: rules[key] for key in ("type", "allow_unknown") if key in rules}
        readers = [self.field(name, {**inherited, **other}, judged=False) for other in rules[rule]]

        def read(value: Any, doubts: list[Any]) -> Any:
            fits = []
            for reader in readers:
                own: list[Any] = []
                ready = reader(value, own)
                if not own:
                    fits.append(ready)
                    if rule == "anyof":
                        break
            if len(fits) != 1:
                doubts.append(name)
                return value
            return fits[0]

        return read


def _tests(rules: Mapping[str, Any]) -> tuple[Callable[[Any], bool], ...]:
    tests: list[Callable[[Any], bool]] = []
    if "allowed" in rules:
        allowed = rules["allowed"]
        tests.append(lambda v: all(i in allowed for i in v) if isinstance(v, (list, dict)) else v in allowed)
    low, high = rules.get("min"), rules.get("max")
    if low is not None or high is not None:
        tests.append(lambda v: bounds_met(v, low, high))
    shortest = max(rules.get("minlength", 0), 0 if rules.get("empty", True) else 1)
    longest = rules.get("maxlength")
    if shortest or longest is not None:
        tests.append(
            lambda v: not hasattr(v, "__len__") or (len(v) >= shortest and (longest is None or len(v) <= longest))
        )
    if "regex" in rules:
        pattern = re.compile(rules["regex"])
        tests.append(lambda v: not isinstance(v, str) or pattern.fullmatch(v) is not None)
    return tuple(tests)


PARAMETER: Final = {"type": "string", "pattern": r"^\$[a-z_][a-z0-9_]*$"}
"""JSON Schema of a parameter's name, written where its value is meant."""


def json_schema(
    schema: Mapping[str, Any], kinds: Mapping[str, Kind] = KINDS, parameters: bool = False
) -> dict[str, Any]:
    """The JSON Schema (2020-12) of mappings that a cerberus schema describes, for the completion of editors.

    It says what a JSON Schema can say, and takes all that cerberus takes.  With ``parameters`` a ``$name`` is taken
    wherever a value is.  ``meta: {description: …}`` of a field becomes its description.
    """
    out: dict[str, Any] = {
        "type": "object",
        "properties": {name: _json_field(rules, kinds, parameters) for name, rules in schema.items()},
        "additionalProperties": False,
    }
    required = [name for name, rules in schema.items() if rules.get("required")]
    return {**out, "required": required} if required else out


def _json_field(rules: Mapping[str, Any], kinds: Mapping[str, Kind], parameters: bool) -> dict[str, Any]:
    types = rules.get("type", ())
    options: list[dict[str, Any]] = []
    for alternative in rules.get("anyof", rules.get("oneof", ())):
        options.append(_json_field({**({"type": types} if types else {}), **alternative}, kinds, parameters))
    for name in () if options else [types] if isinstance(types, str) else types:
        options.append(_json_type(name, rules, kinds, parameters))
    if options and rules.get("nullable"):
        options.append({"type": "null"})
    if options and parameters:
        options.append(dict(PARAMETER))
    out: dict[str, Any] = dict(options[0]) if len(options) == 1 else {"anyOf": options} if options else {}
    meta = rules.get("meta")
    if isinstance(meta, Mapping) and "description" in meta:
        out["description"] = meta["description"]
    return out


def _json_type(name: str, rules: Mapping[str, Any], kinds: Mapping[str, Kind], parameters: bool) -> dict[str, Any]:
    if name in kinds:
        return dict(kinds[name].schema)
    out: dict[str, Any] = {"type": PLAIN[name][2]}
    shortest = max(rules.get("minlength", 0), 0 if rules.get("empty", True) else 1)
    size = {"string": ("minLength", "maxLength"), "list": ("minItems", "maxItems")}.get(name)
    if size and shortest:
        out[size[0]] = shortest
    if size and "maxlength" in rules:
        out[size[1]] = rules["maxlength"]
    if name == "integer":
        out |= {key: int(rules[rule]) for rule, key in (("min", "minimum"), ("max", "maximum")) if rule in rules}
    if name == "string" and "regex" in rules:
        out["pattern"] = f"^(?:{rules['regex']})$"
    if name in ("string", "integer") and "allowed" in rules:
        out["enum"] = list(rules["allowed"])
    if name == "list":
        if "schema" in rules:
            out["items"] = _json_field(rules["schema"], kinds, parameters)
        elif "allowed" in rules:
            out["items"] = {"enum": list(rules["allowed"])}
    if name == "dict" and "schema" in rules:
        out = json_schema(rules["schema"], kinds, parameters)
        if rules.get("allow_unknown"):
            del out["additionalProperties"]
    elif name == "dict" and "valuesrules" in rules:
        out["additionalProperties"] = _json_field(rules["valuesrules"], kinds, parameters)
    return out
