"""YAML with positions, and the one way to check the shape of what it says.

:func:`parse` reads a text into plain values (texts, integers, Decimals, true and false, days, lists, mappings) and
keeps the place of every value and key.  It follows YAML 1.2: only ``true`` and ``false`` are booleans, ``NO``, ``on``,
``12:30`` and ``010`` are texts, a number with a point is a Decimal and never a float, ``2026-01-31`` is a day.  Keys
are always texts, and a key that stands twice in a mapping is refused.

:func:`validate` holds a document against a cerberus schema and gives every mistake at its place.  Good data is read by
functions compiled from the schema (:mod:`engine.base.shape`); where they doubt, cerberus judges.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import cerberus
import yaml
from yaml._yaml import CParser

from engine.base.complaints import SYNTAX, WRONG_TYPE, Complaint, Path, complaints, syntax_finding
from engine.base.errors import Finding, TollbookError, Where, refuse
from engine.base.nodes import MAX_CHARACTERS, MAX_DEPTH, TOO_LARGE, Builder, Layout, Locator
from engine.base.shape import BAD_SCHEMA, PLAIN, Compiler, bounds_met, is_plain, json_schema
from engine.base.units import KINDS, Kind, Unfit, found

__all__ = ["Document", "Laid", "Path", "Shape", "json_schema", "parse", "validate"]


class _TooDeep(Exception):
    pass


class _Composer(CParser):
    """libyaml's nodes, with the style of a scalar as its tag: ``plain`` where it was neither quoted nor tagged."""

    _depth = 0

    def descend_resolver(self, parent: Any, index: Any) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise _TooDeep

    def ascend_resolver(self) -> None:
        self._depth -= 1

    def resolve(self, kind: Any, value: Any, implicit: Any) -> str:
        return "plain" if implicit is True or (implicit and implicit[0]) else "quoted"


class Document:
    """A parsed YAML text: its ``file`` as given to :func:`parse`, its plain ``data``, and the place of all in it."""

    __slots__ = ("_root", "_text", "data", "file")

    def __init__(self, file: str, data: Any, root: Any, text: str) -> None:
        self.file = file
        self.data = data
        self._root = root
        self._text = text

    def _nodes(self, path: Iterable[str | int]) -> Iterator[tuple[Any, Any]]:
        """Key node (None in lists and at the top) and value node of each step of a path, as far as it exists."""
        node = self._root
        yield None, node
        for step in path:
            key = None
            if node is None:
                return
            if node.id == "mapping":
                key, node = next(((k, v) for k, v in node.value if k.value == step), (None, None))
            elif node.id == "sequence" and isinstance(step, int) and step < len(node.value):
                node = node.value[step]
            else:
                node = None
            if node is None:
                return
            yield key, node

    def _at(self, node: Any) -> Where:
        if node is None:
            return Where(self.file, 1, 1)
        return Where(self.file, node.start_mark.line + 1, node.start_mark.column + 1)

    def where(self, path: Iterable[str | int] = ()) -> Where:
        """The place of a value; of the nearest one above it where the path does not exist."""
        *_, (key, node) = self._nodes(path)
        empty = key is not None and node.id == "scalar" and not node.value and node.tag == "plain"
        return self._at(key if empty else node)

    def where_key(self, path: Iterable[str | int]) -> Where:
        """The place of the key of a value; of the value itself in a list and at the top."""
        *_, (key, node) = self._nodes(path)
        return self._at(node if key is None else key)

    def span(self, path: Iterable[str | int]) -> tuple[int, int] | None:
        """Where the text of a value begins and ends, counted in characters; None where the path does not exist.

        The end of a value in block style is behind the white space and the comments that follow it.
        """
        steps = tuple(path)
        nodes = list(self._nodes(steps))
        if len(nodes) != len(steps) + 1 or nodes[-1][1] is None:
            return None
        node = nodes[-1][1]
        return node.start_mark.index, node.end_mark.index

    @property
    def text(self) -> str:
        """The text that was parsed, without a mark of its encoding."""
        return self._text

    def flowing(self, path: Iterable[str | int]) -> bool:
        """Whether a list or mapping is written in brackets."""
        *_, (_, node) = self._nodes(tuple(path))
        return bool(node is not None and node.id != "scalar" and node.flow_style)

    def locate(self, path: Iterable[str | int]) -> Callable[[int], Where]:
        """A function from an offset in a text value to the place of that character in the file.

        It follows texts that YAML folds, indents or quotes, by counting what is no white space.
        """
        *_, (_, node) = self._nodes(path)
        return Locator(self.file, self._text, node)

    def layout(self) -> Layout:
        """How the lines of the document are laid out."""
        return Layout(self._root, self._text)


class Laid(Document):
    """A document into which values from another file were laid at ``base``: ``places`` says where those values are."""

    __slots__ = ("_base", "_places")

    def __init__(self, document: Document, base: Path, places: Mapping[Path, Where]) -> None:
        super().__init__(document.file, document.data, document._root, document._text)
        self._base, self._places = base, places

    def _laid(self, path: Iterable[str | int]) -> Where | None:
        steps = tuple(path)
        if steps[: len(self._base)] != self._base:
            return None
        inner = steps[len(self._base) :]
        while inner and inner not in self._places:
            inner = inner[:-1]
        return self._places.get(inner)

    def where(self, path: Iterable[str | int] = ()) -> Where:
        """The place of a value, in the other file where it is from there."""
        path = tuple(path)
        return self._laid(path) or super().where(path)

    def where_key(self, path: Iterable[str | int]) -> Where:
        """The place of the key of a value, or of the value in the other file."""
        path = tuple(path)
        return self._laid(path) or super().where_key(path)


def parse(text: str | bytes, file: str) -> Document:
    """A YAML text with positions; ``file`` names it in messages.

    Raises:
        TollbookError: ``document.syntax``, ``document.double-key``, ``document.unsupported``, ``document.too-large``;
            everything that is wrong at once, as far as the text can be read.
    """
    try:
        source = text.decode("utf-8-sig") if isinstance(text, bytes) else text.removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise refuse(SYNTAX, "the file is not UTF-8", mend="save it as UTF-8", where=Where(file, line)) from None
    if len(source) > MAX_CHARACTERS:
        raise refuse(TOO_LARGE, f"the file has more than {MAX_CHARACTERS:,} characters", where=Where(file))
    try:
        root = _Composer(source).get_single_node()
    except _TooDeep:
        raise refuse(TOO_LARGE, f"values are nested more than {MAX_DEPTH} deep", where=Where(file)) from None
    except (yaml.YAMLError, UnicodeEncodeError) as error:
        raise TollbookError(syntax_finding(error, file, source)) from None
    builder = Builder(file)
    data = None if root is None else builder.build(root)[0]
    if builder.findings:
        raise TollbookError(sorted(builder.findings, key=lambda finding: finding.where))
    return Document(file, data, root, source)


class _Judge(cerberus.Validator):  # type: ignore[misc]
    """cerberus over data as it is written: types are ours, and bounds hold for the value that was meant."""

    kinds: Mapping[str, Kind] = KINDS
    types_mapping: ClassVar = {name: cerberus.TypeDefinition(name, (object,), ()) for name in (*KINDS, *PLAIN)}

    def _fits(self, value: Any, name: str) -> bool:
        if name not in self.kinds:
            return is_plain(value, name)
        try:
            self.kinds[name].read(value)
        except Unfit:
            return False
        return True

    def _validate_type(self, data_type: Any, field: Any, value: Any) -> None:
        """{'type': ['string', 'list'], 'check_with': 'type'}"""
        names = (data_type,) if isinstance(data_type, str) else data_type
        if not any(self._fits(value, name) for name in names):
            self._error(field, cerberus.errors.BAD_TYPE)
            self._drop_remaining_rules()

    def _meant(self, field: Any, value: Any) -> Any:
        types = self.schema[field].get("type", ())
        for name in (types,) if isinstance(types, str) else types:
            if self._fits(value, name):
                return self.kinds[name].read(value) if name in self.kinds else value
        return value

    def _validate_min(self, min_value: Any, field: Any, value: Any) -> None:
        """{'nullable': False}"""
        if not bounds_met(self._meant(field, value), min_value, None):
            self._error(field, cerberus.errors.MIN_VALUE)

    def _validate_max(self, max_value: Any, field: Any, value: Any) -> None:
        """{'nullable': False}"""
        if not bounds_met(self._meant(field, value), None, max_value):
            self._error(field, cerberus.errors.MAX_VALUE)


class Shape:
    """A cerberus schema, compiled once for many documents.

    ``schema`` describes the keys of a mapping.  Beside cerberus' string, integer, boolean, list and dict its types are
    the :data:`~engine.base.units.KINDS` and those in ``types``.

    Raises:
        TollbookError: ``document.bad-schema``.
    """

    def __init__(self, schema: Mapping[str, Any], types: Mapping[str, Kind] = {}) -> None:
        self.schema = schema
        self.kinds: Mapping[str, Kind] = {**KINDS, **types}
        self._read = Compiler(self.kinds).mapping(schema)
        self._judge: Any = None

    def read(self, data: Any, whole: str = "the file") -> tuple[Any, list[Complaint]]:
        """Data made ready to use, and all that is wrong with it; what is wrong stays as it was written."""
        if not isinstance(data, dict):
            what = f"{whole} is {found(data)}" if data is not None else f"{whole} is empty"
            return data, [Complaint((), False, WRONG_TYPE, what, "expected keys and values")]
        doubts: list[Any] = []
        ready = self._read(data, doubts)
        if not doubts:
            return ready, []
        judge = self._judge = self._judge or self._new_judge()
        if judge.validate(data, normalize=False):
            return ready, []
        return ready, complaints(judge._errors, self.schema, self.kinds, lambda path: self._known(data, path), whole)

    def _new_judge(self) -> Any:
        names = {name: cerberus.TypeDefinition(name, (object,), ()) for name in self.kinds}
        kind = type("_Judge", (_Judge,), {"kinds": self.kinds, "types_mapping": {**_Judge.types_mapping, **names}})
        try:
            return kind(dict(self.schema))
        except cerberus.SchemaError as error:
            raise refuse(BAD_SCHEMA, f"a schema is wrong: {error}") from None

    def _known(self, data: Any, path: Sequence[str | int]) -> Mapping[str, bool]:
        """The keys that the mapping at ``path`` may have, and whether it has them."""
        rules: Any = {"schema": self.schema, "type": "dict"}
        for step in path:
            data = data[step]
            inner = rules.get("valuesrules") or rules.get("schema") or {}
            rules = inner.get(step, {}) if rules.get("type") == "dict" and "valuesrules" not in rules else inner
            forms = [{**rules, **form} for form in (*rules.get("anyof", ()), *rules.get("oneof", ()))]
            rules = next((form for form in forms if self._may_be(form, data)), rules)
        there = data if isinstance(data, dict) else {}
        return {str(name): name in there for name in rules.get("schema") or ()}

    def _may_be(self, rules: Mapping[str, Any], data: Any) -> bool:
        return rules.get("type") == ("list" if isinstance(data, list) else "dict")


def validate(
    document: Document,
    schema: Mapping[str, Any] | Shape,
    path: Iterable[str | int] = (),
    types: Mapping[str, Kind] = {},
    *,
    data: Any = ...,
    whole: str = "the file",
) -> tuple[dict[str, Any], list[Finding]]:
    """The mapping at ``path`` of a document made ready to use by a schema, and a finding for each mistake at its place.

    Prices come out as mappings of currency to amount, percents as fractions, days as integers, and so on
    (:data:`~engine.base.units.KINDS`); defaults are filled in.  Give a :class:`Shape` to use a schema many times.
    ``types`` are further kinds of value.  ``data`` stands for the data at ``path`` where that was changed after
    parsing, ``whole`` for its name in messages.  Where there are findings, wrong values stay as they were written.
    """
    shape = schema if isinstance(schema, Shape) else Shape(schema, types)
    base: Path = tuple(path)
    if data is ...:
        data = document.data
        for step in base:
            data = data[step]
    ready, wrong = shape.read(data, whole)
    findings = []
    for item in wrong:
        where = (document.where_key if item.at_key else document.where)(base + item.path)
        findings.append(Finding(item.code, where, item.what, item.why, item.mend))
    return ready, sorted(findings, key=lambda finding: finding.where)
