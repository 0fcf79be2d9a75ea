"""How one release differs from another, rule by rule and in words.

Both are read as they are written, not as they were compiled: a value is shown with its unit, and a release that this version
could no longer compile can be compared all the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from difflib import SequenceMatcher
from typing import Any, Final

import msgspec

from engine.base.document import Document, parse
from engine.base.errors import TollbookError
from engine.model.release import Changed, Content, Difference, Touched
from engine.rulebook.attributes import LABEL
from engine.rulebook.rulebook import CASES, TABLES

PLUGINS: Final = "plugins"
ATTRIBUTES: Final = "attributes"
WHOLE: Final[Mapping[str, str]] = {"scope": "all facts", "owner": "nobody", "hit": "first", "priority": "0"}
"""Parts of a file beside its rules, with what holds where they are absent."""
VALUES: Final = frozenset({"parameter"})
"""Kinds of differences that touch nothing but values."""


class _File(msgspec.Struct, frozen=True):
    """A rule file as it is written: its rule set, its data, and where things stand in it."""

    label: str
    ruleset: str
    data: Mapping[str, Any]
    document: Document | None
    digest: str

    @property
    def family(self) -> str:
        return self.ruleset.partition("/")[0]

    @property
    def rules(self) -> list[Mapping[str, Any]]:
        """Its rules, those that are any."""
        found = self.data.get("rules")
        return [rule for rule in found if isinstance(rule, dict) and "id" in rule] if isinstance(found, list) else []

    def place(self, *path: str | int) -> str:
        """File and line of something in it."""
        if self.document is None:
            return self.label
        where = self.document.where(path)
        return f"{self.label}:{where.line}" if where.line else self.label

    def place_of(self, rule: str) -> str:
        """File and line of a rule."""
        number = next(n for n, one in enumerate(self.data["rules"]) if isinstance(one, dict) and one.get("id") == rule)
        return self.place("rules", number)


def compare(before: Content, after: Content) -> Difference:
    """What is different in ``after``, in the order of families and rule sets."""
    olds, news = _files(before, after), _files(after, before)
    changes = [*_of_plugins(before, after), *_of_others(before, after)]
    for name in sorted(olds.keys() | news.keys()):
        old, new = olds.get(name), news.get(name)
        if old is None and new is not None:
            what = f"rule set {name} is added, with {_count(len(new.rules), 'rule')}"
            changes.append(Changed(new.family, name, "", "added", what, where=new.label))
        elif new is None and old is not None:
            what = f"rule set {name} is removed, with {_count(len(old.rules), 'rule')}"
            changes.append(Changed(old.family, name, "", "removed", what, where=old.label))
        elif old is not None and new is not None:
            values = before.overrides.get(name, {}), after.overrides.get(name, {})
            changes += _of_file(old, new, *values)
    changes.sort(key=lambda one: (one.family, one.ruleset))
    return Difference(before.release, after.release, tuple(changes), tuple(_touched(changes, {**olds, **news})))


def _files(content: Content, other: Content) -> dict[str, _File]:
    """The rule files of a release by rule set; those that are the same in both are not read, but for values set for them."""
    found: dict[str, _File] = {}
    for label, text in sorted(content.files.items()):
        if label.endswith(TABLES) or label == LABEL or CASES in label:
            continue
        name = label.removeprefix("rules/").rpartition(".")[0]
        same = other.files.get(label) == text
        if same and not _values_differ(content, other, name):
            continue
        try:
            document = parse(text, label)
        except TollbookError:  # of a release that was stored: what cannot be read is compared as a whole
            document = None
        data = document.data if document is not None and isinstance(document.data, dict) else {}
        ruleset = str(data.get("ruleset") or name)
        found[ruleset] = _File(label, ruleset, data, document, hashlib.sha256(text).hexdigest())
    return found


def _values_differ(one: Content, other: Content, name: str) -> bool:
    """Whether values are set otherwise; a rule set is called like its file or any way else, so that any other name counts."""
    differing = {
        key for key in (*one.overrides, *other.overrides) if one.overrides.get(key) != other.overrides.get(key)
    }
    return name in differing or any(f"rules/{key}.yaml" not in one.files for key in differing)


def _of_plugins(before: Content, after: Content) -> Iterator[Changed]:
    for name in sorted(before.plugins.keys() | after.plugins.keys()):
        old, new = before.plugins.get(name, ""), after.plugins.get(name, "")
        if old != new:
            what = f"plug-in {name}: {old or 'none'} -> {new or 'none'}"
            yield Changed(PLUGINS, PLUGINS, "", "plug-in", what, old, new)


def _of_others(before: Content, after: Content) -> Iterator[Changed]:
    """Files that are no rule sets: declared attributes, tables, cases."""
    for label in sorted(before.files.keys() | after.files.keys()):
        old, new = before.files.get(label), after.files.get(label)
        if old == new or not (label == LABEL or label.endswith(TABLES) or CASES in label):
            continue
        done = "added" if old is None else "removed" if new is None else "changed"
        if label == LABEL:
            yield Changed(ATTRIBUTES, ATTRIBUTES, "", "attributes", f"the declared attributes are {done}", where=label)
            continue
        family = label.removeprefix("rules/").partition("/")[0]
        name = label.removeprefix("rules/").partition(CASES)[0] if CASES in label else label.removeprefix("rules/")
        kind, noun = ("cases", "cases") if CASES in label else ("table", "table")
        yield Changed(
            family, name, "", kind, f"the {noun} {label} {'are' if kind == 'cases' else 'is'} {done}", where=label
        )


def _of_file(old: _File, new: _File, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Changed]:
    """The differences of one rule set."""
    found = [*_of_head(old, new), *_of_parameters(old, new, before, after), *_of_rules(old, new)]
    if old.digest != new.digest and old.data.get("cases") != new.data.get("cases"):
        found.append(_changed(new, "", "cases", "its cases are changed", where=new.place("cases")))
    if old.digest != new.digest and not found:
        found.append(_changed(new, "", "text", "only its comments, notes or layout are changed", where=new.label))
    return found


def _of_head(old: _File, new: _File) -> Iterator[Changed]:
    for name, absent in WHOLE.items():
        one, other = _text(old.data.get(name), absent), _text(new.data.get(name), absent)
        if one != other:
            yield _changed(new, "", name, f"{name}: {one} -> {other}", one, other, new.place(name))
    was, is_ = _period(old.data.get("effective")), _period(new.data.get("effective"))
    if was != is_:
        yield _changed(new, "", "effective", f"in force {was} -> {is_}", was, is_, new.place("effective"))


def _period(effective: Any) -> str:
    given = effective if isinstance(effective, dict) else {}
    words = [f"{word} {given[key]}" for key, word in (("from", "from"), ("to", "to")) if given.get(key) is not None]
    return " ".join(words) or "always"


def _of_parameters(old: _File, new: _File, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Changed]:
    olds, news = _declared(old), _declared(new)
    for name in sorted(olds.keys() | news.keys()):
        place = new.place("parameters", name) if name in news else old.place("parameters", name)
        one, other = _value(olds.get(name), before.get(name)), _value(news.get(name), after.get(name))
        if name not in olds or name not in news:
            what = f"parameter {name} is {'added' if name in news else 'removed'}: {other or one}"
            yield _changed(new, "", "parameter declared", what, one, other, place)
            continue
        if one != other:
            set_ = ", set by the release" if name in after else ""
            yield _changed(new, "", "parameter", f"parameter {name}: {one} -> {other}{set_}", one, other, place)
        bounds = [{key: value for key, value in _flat(each[name]) if key != "value"} for each in (olds, news)]
        for key in sorted(bounds[0].keys() | bounds[1].keys()):
            was, is_ = bounds[0].get(key, "nothing"), bounds[1].get(key, "nothing")
            if was != is_:
                what = f"parameter {name}, {key}: {was} -> {is_}"
                yield _changed(new, "", "parameter declared", what, was, is_, place)


def _declared(file: _File) -> Mapping[str, Any]:
    found = file.data.get("parameters")
    return found if isinstance(found, dict) else {}


def _value(declared: Any, given: Any) -> str:
    """The value of a parameter that counts."""
    if given is not None:
        return _text(given)
    return _text(declared.get("value")) if isinstance(declared, dict) else ""


def _of_rules(old: _File, new: _File) -> Iterator[Changed]:
    olds, news = ({str(rule["id"]): rule for rule in one.rules} for one in (old, new))
    for name in olds:
        if name not in news:
            yield _changed(
                old, name, "removed", f"rule {name} is removed: {_rule(olds[name])}", where=old.place_of(name)
            )
    yield from _moved(new, list(olds), list(news))
    for number, (name, rule) in enumerate(news.items()):
        place = new.place_of(name)
        if name not in olds:
            after = f"after {list(news)[number - 1]}" if number else "as the first one"
            yield _changed(new, name, "added", f"rule {name} is added {after}: {_rule(rule)}", where=place)
            continue
        before = olds[name]
        one, other = _text(before.get("when"), "always"), _text(rule.get("when"), "always")
        if one != other:
            yield _changed(new, name, "condition", f"rule {name}, condition: {one} -> {other}", one, other, place)
        was, is_ = (dict(_flat(each.get("then"))) for each in (before, rule))
        for key in [*was, *(key for key in is_ if key not in was)]:
            one, other = was.get(key, "nothing"), is_.get(key, "nothing")
            if one != other:
                yield _changed(new, name, "outcome", f"rule {name}, {key}: {one} -> {other}", one, other, place)
        one, other = (_text(each.get("priority"), "0") for each in (before, rule))
        if one != other:
            yield _changed(new, name, "priority", f"rule {name}, priority: {one} -> {other}", one, other, place)


def _moved(new: _File, olds: Sequence[str], news: Sequence[str]) -> Iterator[Changed]:
    """Rules that stand elsewhere among those that are in both: as few as explain the new order."""
    kept = set(olds) & set(news)
    before, after = [name for name in olds if name in kept], [name for name in news if name in kept]
    still = {
        after[block.b + n]
        for block in SequenceMatcher(None, before, after, False).get_matching_blocks()
        for n in range(block.size)
    }
    for name in after:
        if name not in still:
            number = after.index(name)
            to = f"to after {after[number - 1]}" if number else "to the top"
            one, other = str(before.index(name) + 1), str(number + 1)
            yield _changed(new, name, "moved", f"rule {name} is moved {to}", one, other, new.place_of(name))


def _changed(
    file: _File, rule: str, kind: str, what: str, before: str = "", after: str = "", where: str = ""
) -> Changed:
    return Changed(file.family, file.ruleset, rule, kind, what, before, after, where)


def _touched(changes: Sequence[Changed], files: Mapping[str, _File]) -> Iterator[Touched]:
    """The rule sets that changes touch, each once."""
    kinds: dict[tuple[str, str], list[Changed]] = {}
    for one in changes:
        kinds.setdefault((one.family, one.ruleset), []).append(one)
    for (family, ruleset), found in sorted(kinds.items()):
        whole = next((one.kind for one in found if not one.rule and one.kind in ("added", "removed")), "")
        change = whole or ("parameters" if {one.kind for one in found} <= VALUES else "changed")
        data = files[ruleset].data if ruleset in files else {}
        effective = data.get("effective")
        start = effective.get("from") if isinstance(effective, dict) else None
        yield Touched(family, ruleset, str(data.get("owner") or ""), change, start if isinstance(start, date) else None)


def _rule(rule: Mapping[str, Any]) -> str:
    then = ", ".join(f"{key} {value}" for key, value in _flat(rule.get("then")))
    return f"when {_text(rule.get('when'), 'always')}, then {then}"


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """The values of a mapping with the way to each: ``tiers[1].unit``.  A list of plain values is one value."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flat(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and any(isinstance(one, dict | list) for one in value):
        for number, inner in enumerate(value, 1):
            yield from _flat(inner, f"{path}[{number}]")
    else:
        yield path, _text(value)


def _text(value: Any, absent: str = "null") -> str:
    """A value as a file would write it, near enough for people."""
    if value is None:
        return absent
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return f"[{', '.join(_text(one) for one in value)}]"
    return " ".join(str(value).split())


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
