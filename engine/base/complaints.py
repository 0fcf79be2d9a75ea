"""What PyYAML and cerberus say is wrong, in our words: stable code, what, why, how to mend.

:func:`complaints` takes cerberus' error objects and knows no files; :mod:`engine.base.document` adds the places.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec

from engine.base.errors import Code, Finding, Where, did_you_mean, much_alike
from engine.base.shape import words
from engine.base.units import Kind, Unfit, found

SYNTAX = Code("document.syntax", "A text that is not YAML.")
UNKNOWN_KEY = Code("document.unknown-key", "A key that has no meaning where it stands.")
MISSING_KEY = Code("document.missing-key", "A mapping without a key that it must have.")
WRONG_TYPE = Code("document.wrong-type", "A value of another kind than its key expects.")
WRONG_VALUE = Code("document.wrong-value", "A value of the right kind that is not among those allowed.")
CONFLICT = Code("document.conflict", "Keys that may not stand together, or one that needs another.")

Path = tuple[str | int, ...]


_SYNTAX: Final = (
    ("found character '\\t'", "a tab is used to indent", "indent with spaces, two a level"),
    (
        "mapping values are not allowed",
        "a colon stands where no key can be",
        "quote a text that holds ': ', and check the indentation",
    ),
    (
        "did not find expected '-' indicator",
        "this line is not an item of the list above it",
        "check the indentation of this line",
    ),
    ("did not find expected key", "this line does not fit the lines above it", "check the indentation and the quotes"),
    ("could not find expected ':'", "a key has no colon", "write 'key: value', and check the indentation"),
    ("did not find expected ',' or", "a bracket is not closed", "write a comma or the closing bracket"),
    ("did not find expected node content", "a value is missing", "write the value, or close the bracket"),
    ("found unexpected end of stream", "a quoted text is not closed", "write the closing quote"),
    ("found unknown escape character", "a backslash in double quotes", "use single quotes, or write two backslashes"),
    ("found undefined alias", "an alias without its anchor", "write the value, or set the anchor before it"),
    ("but found another document", "a second document begins", "keep one document a file"),
    ("cannot start any token", "this character cannot begin a value", "quote the text"),
    ("special characters are not allowed", "a control character", "remove it"),
    ("control characters are not allowed", "a control character", "remove it"),
)
"""Signs in libyaml's messages, and what they mean to the person who wrote the file."""


def syntax_finding(error: Any, file: str, text: str) -> Finding:
    """The finding for an error of PyYAML (its ``problem`` and ``problem_mark``, or ``reason`` and ``position``)."""
    problem = str(getattr(error, "problem", None) or getattr(error, "reason", None) or error)
    mark = getattr(error, "problem_mark", None)
    position = getattr(error, "position", None)
    where = Where(file)
    if mark is not None:
        where = Where(file, mark.line + 1, mark.column + 1)
        line = next(iter(text.splitlines()[mark.line : mark.line + 1]), "")
        if line[mark.column : mark.column + 1] == "\t":
            problem = "found character '\\t'"
    elif isinstance(position, int):
        where = Where(file, text.count("\n", 0, position) + 1, position - text.rfind("\n", 0, position))
    for sign, what, mend in _SYNTAX:
        if sign in problem:
            return Finding(SYNTAX, where, what, mend=mend)
    return Finding(SYNTAX, where, f"this is not YAML: {problem}", mend="check the indentation and the quotes")


class Complaint(msgspec.Struct, frozen=True):
    """One mistake: its path, whether it is the key that is wrong (else the value), and the words."""

    path: Path
    at_key: bool
    code: str
    what: str
    why: str = ""
    mend: str = ""


def label(path: Path, whole: str = "the file") -> str:
    """How a message names the value at a path: ``'unit'``, ``item 2 of 'tiers'``."""
    if not path:
        return whole
    last = path[-1]
    if isinstance(last, int):
        return f"item {last + 1} of {label(path[:-1], whole)}"
    return repr(last)


def _shown(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _size_found(value: Any) -> str:
    count = len(value)
    noun = "character" if isinstance(value, str) else "item"
    return f"has {count} {noun}{'' if count == 1 else 's'}" if count else "is empty"


MOST_KEYS: Final = 6
"""Keys that a message names."""
Words = tuple[str, str, str]
"""What (without the subject), why, mend."""


def _allowed(error: Any) -> Words:
    wrong = error.info[0] if error.info else error.value
    first = wrong[0] if isinstance(wrong, tuple) and wrong else wrong
    known = [str(item) for item in error.constraint]
    return f"is {found(first)}", "expected one of " + ", ".join(known), did_you_mean(str(first), known)


_RULES: Final[Mapping[str, tuple[Code, Callable[[Any], Words]]]] = {
    "nullable": (WRONG_TYPE, lambda e: ("has no value", "", "write a value, or remove the key")),
    "empty": (WRONG_VALUE, lambda e: ("is empty", "", "write at least one")),
    "allowed": (WRONG_VALUE, _allowed),
    "forbidden": (WRONG_VALUE, lambda e: (f"is {found(e.value)}", "this value is not allowed", "")),
    "minlength": (WRONG_VALUE, lambda e: (_size_found(e.value), f"the least is {e.constraint}", "")),
    "maxlength": (WRONG_VALUE, lambda e: (_size_found(e.value), f"the most is {e.constraint}", "")),
    "regex": (WRONG_VALUE, lambda e: (f"is {found(e.value)}", f"it must match {e.constraint}", "")),
    "contains": (WRONG_VALUE, lambda e: ("lacks " + ", ".join(map(_shown, e.info[0])), "", "")),
    "excludes": (CONFLICT, lambda e: (f"stands beside {e.info[0]}", "only one may be given", "keep one of them")),
    "dependencies": (CONFLICT, lambda e: (f"needs {_needed(e.info[0])}", "", "write it, or remove this key")),
}
"""Rules of cerberus: our code for it, and the words that follow the name of the value."""


def _needed(info: Any) -> str:
    return ", ".join(repr(name) for name in info) if isinstance(info, Mapping) else repr(info)


def _meant(word: str, known: Mapping[str, bool]) -> str:
    """The key that was meant: one that is not there yet, if it is much alike."""
    lacking = [name for name, there in known.items() if not there]
    return did_you_mean(word, lacking if much_alike(word, lacking) else known)


class _Reporter:
    def __init__(
        self,
        schema: Mapping[str, Any],
        kinds: Mapping[str, Kind],
        known: Callable[[Path], Mapping[str, bool]],
        whole: str,
    ) -> None:
        self.schema = schema
        self.kinds = kinds
        self.known = known
        self.whole = whole

    def each(self, errors: Iterable[Any], in_keys: bool = False) -> Iterator[Complaint]:
        for error in errors:
            if error.is_logic_error:
                yield from self.alternatives(error)
            elif error.is_group_error:
                yield from self.each(error.child_errors, in_keys or error.rule == "keysrules")
            else:
                yield self.one(error, in_keys)

    def one(self, error: Any, in_keys: bool) -> Complaint:
        path: Path = tuple(error.document_path)
        subject = f"the key {path[-1]!r}" if in_keys else label(path, self.whole)
        if error.rule is None and not error.info:
            mend = _meant(str(path[-1]), self.known(path[:-1]))
            return Complaint(path, True, UNKNOWN_KEY, f"unknown key {path[-1]!r}", mend=mend)
        if error.rule == "required":
            what = f"{label(path[:-1], self.whole)} has no {path[-1]!r}"
            return Complaint(path[:-1], True, MISSING_KEY, what, mend=f"add the key {path[-1]!r}")
        if error.rule == "type":
            what, mend = self.misfit(error.value, error.constraint)
            if error.constraint == "dict" and (names := list(self.known(path))):
                mend = f"write its keys below it, of which there are {', '.join(names[:MOST_KEYS])}{', …' if len(names) > MOST_KEYS else ''}"
            return Complaint(path, in_keys, WRONG_TYPE, f"{subject} {what}", self.expected([error.constraint]), mend)
        if error.rule in ("min", "max"):
            why = f"the {'least' if error.rule == 'min' else 'most'} is {self.bound(error)}"
            return Complaint(path, in_keys, WRONG_VALUE, f"{subject} is {_shown(error.value)}", why)
        code, say = _RULES.get(error.rule, (WRONG_VALUE, lambda e: (str((e.info or ("is wrong",))[0]), "", "")))
        what, why, mend = say(error)
        return Complaint(path, in_keys, code, f"{subject} {what}", why, mend)

    def bound(self, error: Any) -> str:
        """A bound in the unit of its value, as far as cerberus tells which kind it is."""
        rules: Any = self.schema
        for step in error.schema_path[:-1]:
            rules = rules.get(step, {}) if isinstance(rules, Mapping) else {}
        kind = self.kinds.get(str(rules.get("type"))) if isinstance(rules, Mapping) else None
        return str(error.constraint) if kind is None else kind.bound(error.constraint)

    def misfit(self, value: Any, types: Any) -> tuple[str, str]:
        """What is wrong with a value of another type, and how to mend it if one type says so."""
        names = [types] if isinstance(types, str) else list(types)
        if len(names) == 1 and names[0] in self.kinds:
            try:
                self.kinds[names[0]].read(value)
            except Unfit as unfit:
                return unfit.what, unfit.mend
        return f"is {found(value)}", ""

    def expected(self, types: Iterable[Any]) -> str:
        parts = dict.fromkeys(words(names, self.kinds) for names in types)
        return "expected " + " or ".join(parts)

    def alternatives(self, error: Any) -> Iterator[Complaint]:
        """The mistakes of the alternative that was most likely meant, else what all of them expect."""
        path: Path = tuple(error.document_path)
        options = {i: errors for i, errors in error.definitions_errors.items() if errors}
        if len(options) < len(error.constraint):
            what = f"{label(path, self.whole)} fits more than one of its forms"
            yield Complaint(path, False, WRONG_VALUE, what, "exactly one is allowed", "write it so that one fits")
            return
        meant = [e for e in options.values() if not any(x.rule == "type" and x.document_path == path for x in e)]
        if meant:
            yield from self.each(min(meant, key=lambda errors: len(list(errors))))
            return
        types = [e.constraint for errors in options.values() for e in errors if e.document_path == path]
        first = next(e for errors in options.values() for e in errors)
        what = f"{label(path, self.whole)} is {found(first.value)}"
        yield Complaint(path, False, WRONG_TYPE, what, self.expected(types))


def complaints(
    errors: Iterable[Any],
    schema: Mapping[str, Any],
    kinds: Mapping[str, Kind],
    known: Callable[[Path], Mapping[str, bool]],
    whole: str,
) -> list[Complaint]:
    """Everything that cerberus' errors say of data held against ``schema``.

    ``known`` gives the keys that a mapping at a path may have, and whether it has them; ``whole`` names the value at the empty path in messages.
    """
    return list(_Reporter(schema, kinds, known, whole).each(errors))
