"""From the nodes that PyYAML composes to plain data, and from offsets in texts to places in the file.

Nodes are PyYAML's, but nothing here needs PyYAML: they have an ``id`` (scalar, sequence, mapping), a ``tag`` that says
``plain`` where a scalar was neither quoted nor tagged, a ``style``, a ``value`` and marks.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import date
from decimal import Decimal
from typing import Any, Final, NamedTuple

from engine.base.errors import Code, Finding, Where

DOUBLE_KEY = Code("document.double-key", "A key that stands twice in one mapping.")
UNSUPPORTED = Code("document.unsupported", "A feature of YAML that our files do not use.")
TOO_LARGE = Code("document.too-large", "A document that is too long, too deep, or grows too much by its aliases.")
MAX_CHARACTERS: Final = 16_000_000
MAX_DEPTH: Final = 60
MAX_VALUES: Final = 1_000_000
"""Values of a document, each alias counted as often as it stands."""

_CORE: Final[Mapping[str, bool | None]] = {"true": True, "false": False, "null": None, "~": None, "": None}
_INTEGER: Final = re.compile(r"[-+]?(0|[1-9][0-9]{0,29})")
_DECIMAL: Final = re.compile(r"[-+]?(0|[1-9][0-9]{0,29})\.[0-9]{1,30}")
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NUMERIC: Final = frozenset("0123456789+-")
_TAGS: Final[Mapping[str, tuple[type, ...]]] = {
    "str": (str,), "int": (int,), "float": (Decimal, int), "bool": (bool,), "null": (type(None),), "timestamp": (date,),
    "seq": (list,), "map": (dict,),
}  # fmt: skip


def _scalar(text: str) -> Any:
    """The value of an unquoted scalar.  What looks like a day that the calendar does not have is a text."""
    if text in _CORE:
        return _CORE[text]
    if text[0] in _NUMERIC:
        if _INTEGER.fullmatch(text):
            return int(text)
        if _DECIMAL.fullmatch(text):
            return Decimal(text)
        if _DAY.fullmatch(text):
            with suppress(ValueError):
                return date.fromisoformat(text)
    return text


class Locator:
    """Offsets in the value of a scalar as places in the file."""

    def __init__(self, file: str, text: str, node: Any) -> None:
        self.file = file
        self.text = text
        self.node = node

    def __call__(self, offset: int) -> Where:
        mark, style = self.node.start_mark, self.node.style
        text, index, line, begin = self.text, mark.index, mark.line + 1, mark.index - mark.column
        if style in ("|", ">"):
            index = text.find("\n", index)
        index += style in ("'", '"')
        left = sum(not sign.isspace() for sign in self.node.value[:offset])
        at_end = not self.node.value[offset:].strip()
        while index < len(text):
            sign = text[index]
            if not left and (at_end or not sign.isspace()):
                break
            index += 1 + (style == '"' and sign == "\\") + (style == "'" and sign == "'")
            left -= not sign.isspace()
            if sign == "\n":
                line, begin = line + 1, index
        return Where(self.file, line, index - begin + 1)


class Builder:
    """Plain data of composed nodes; gathers what is wrong, and counts what aliases multiply."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.findings: list[Finding] = []
        self.built: dict[int, tuple[Any, int]] = {}
        self.open: set[int] = set()

    def fail(self, code: Code, node: Any, what: str, why: str = "", mend: str = "") -> None:
        """Adds a finding at a node."""
        where = Where(self.file, node.start_mark.line + 1, node.start_mark.column + 1)
        self.findings.append(Finding(code, where, what, why, mend))

    def build(self, node: Any) -> tuple[Any, int]:
        """The data of a node and the number of values in it."""
        if node.id == "scalar":
            return self.scalar(node), 1
        name = id(node)
        if name in self.built:
            return self.built[name]
        if name in self.open:
            self.fail(TOO_LARGE, node, "this value holds itself by an alias", mend="write it out")
            return None, 1
        self.open.add(name)
        data, count = (self.mapping if node.id == "mapping" else self.sequence)(node)
        self.open.discard(name)
        if node.tag not in ("plain", "quoted"):
            self.tagged(node, data)
        if count > MAX_VALUES:
            if not any(finding.code == TOO_LARGE for finding in self.findings):
                what = f"this value grows to more than {MAX_VALUES:,} values"
                self.fail(TOO_LARGE, node, what, mend="use fewer aliases")
            count = 1
        self.built[name] = data, count
        return data, count

    def scalar(self, node: Any) -> Any:
        """The value of a scalar."""
        if node.tag == "quoted":
            return node.value
        data = _scalar(node.value)
        if node.tag == "plain":
            return data
        return self.tagged(node, node.value if node.tag.endswith(":str") else data)

    def tagged(self, node: Any, data: Any) -> Any:
        """``data`` of a node with a tag, which must be the one that it has anyway."""
        kinds = _TAGS.get(node.tag.removeprefix("tag:yaml.org,2002:"))
        if kinds is None or type(data) not in kinds:
            tag = node.tag.replace("tag:yaml.org,2002:", "!!")
            self.fail(UNSUPPORTED, node, f"the tag {tag} is not used here", mend="remove the tag")
        return data

    def sequence(self, node: Any) -> tuple[list[Any], int]:
        """The list of a sequence, and the number of values in it."""
        data, count = [], 1
        for child in node.value:
            item, size = self.build(child)
            data.append(item)
            count += size
        return data, count

    def mapping(self, node: Any) -> tuple[dict[str, Any], int]:
        """The dict of a mapping, and the number of values in it; a key that stands twice is a finding."""
        data: dict[str, Any] = {}
        count = 1
        lines: dict[str, int] = {}
        for key, child in node.value:
            item, size = self.build(child)
            count += size
            if key.id != "scalar":
                self.fail(UNSUPPORTED, key, "a key is a list or a mapping", "keys are texts", "quote the text")
                continue
            name = key.value
            if name == "<<" and key.tag == "plain":
                self.fail(UNSUPPORTED, key, "the merge key << is not used here", mend="write the keys out")
            elif name in data:
                why = f"it stands first on line {lines[name]}, and one of the two would be lost"
                self.fail(DOUBLE_KEY, key, f"the key {name!r} stands twice", why, "keep one of them")
                continue
            data[name] = item
            lines[name] = key.start_mark.line + 1
        return data, count


class Entry(NamedTuple):
    """The first key or dash on a line of block style: its column, and where it is in the canonical layout.

    ``content`` and ``new_content`` are the columns of what stands behind the dash, or of the key itself.
    """

    column: int
    new: int
    content: int
    new_content: int


class Layout:
    """The lines of a document as its block collections lay them out, counted from 0; two spaces a level.

    ``entries`` holds the lines on which a key or an item begins, ``frozen`` the lines inside block texts with the
    number of columns that they move, ``keys`` the line of each key at the top, empty where the top is no block mapping.
    """

    def __init__(self, root: Any, text: str) -> None:
        self.lines = text.splitlines()
        self.entries: dict[int, Entry] = {}
        self.frozen: dict[int, int] = {}
        self.keys: dict[str, int] = {}
        if root is not None:
            self._walk(root, 0)
            if root.id == "mapping" and not root.flow_style:
                self.keys = {key.value: key.start_mark.line for key, _ in root.value}

    def _walk(self, node: Any, new: int) -> None:
        if node.id == "scalar":
            if node.style in ("|", ">"):
                self._block(node, new)
        elif node.flow_style:
            return
        elif node.id == "mapping":
            for key, value in node.value:
                column = key.start_mark.column
                self.entries.setdefault(key.start_mark.line, Entry(column, new, column, new))
                self._walk(value, new + 2)
        else:
            dash = node.start_mark.column
            for item in node.value:
                line, column = item.start_mark.line, item.start_mark.column
                while line > 0 and self.lines[line][dash : dash + 1] != "-":
                    line -= 1
                behind = line == item.start_mark.line
                if line not in self.entries:
                    self.entries[line] = Entry(
                        dash, new, column if behind else dash + 1, new + 2 if behind else new + 1
                    )
                    self._walk(item, new + 2)
                else:
                    self._walk(item, new + column - dash if behind else new + 2)

    def _block(self, node: Any, new: int) -> None:
        """A text in block style, whose lines are kept; its own indentation moves unless its header sets it."""
        start, end = node.start_mark.line, node.end_mark.line
        header = self.lines[start][node.start_mark.column :].split("#")[0]
        while end > start + 1 and "+" not in header and not self.lines[end - 1].strip():
            end -= 1
        body = self.lines[start + 1 : end]
        first = next((line for line in body if line.strip()), "")
        move = 0 if any(sign.isdigit() for sign in header) else new - (len(first) - len(first.lstrip(" ")))
        self.frozen.update(dict.fromkeys(range(start + 1, end), move))
