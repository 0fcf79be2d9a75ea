"""What can be said of rules without asking them: overlaps between rule sets, rules that are never reached.

Only conditions that compare a fact with constants are analysed; two that do not exclude one another by such a
comparison may both be met.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from engine.base.errors import Code, Finding
from engine.rulebook.expression import Expression
from engine.rulebook.ruleset import Rule, RuleSet

OVERLAP = Code("rule.overlap", "Two rule sets that may both answer for the same facts on the same day.")
UNREACHABLE = Code("rule.unreachable", "A rule behind one that always applies.")
SHADOWED = Code("rule.shadowed", "A rule whose condition an earlier rule of its set has already.")

Constants = Mapping[str, frozenset[Any]]


def constants_of(condition: Expression | None) -> Constants:
    """The values that a condition leaves each fact that it compares with constants."""
    left: dict[str, frozenset[Any]] = {}
    for path, values in () if condition is None else condition.equals:
        left[path] = left[path] & values if path in left else values
    return left


def disjoint(one: Constants, other: Constants) -> bool:
    """Whether two conditions can never both be met, as far as their constants tell."""
    return any(path in other and one[path].isdisjoint(other[path]) for path in one)


def overlaps(rulesets: Iterable[RuleSet]) -> Iterator[Finding]:
    """A finding for every two rule sets of one family and priority that may both answer for one fact."""
    groups: dict[tuple[str, int], list[tuple[RuleSet, Constants]]] = {}
    for ruleset in rulesets:
        groups.setdefault((ruleset.family, ruleset.priority), []).append((ruleset, constants_of(ruleset.scope)))
    for group in groups.values():
        for one, other in _candidates(group):
            if one[0].start < other[0].end and other[0].start < one[0].end and not disjoint(one[1], other[1]):
                yield _overlap(one[0], other[0])


Item = tuple[RuleSet, Constants]


def _candidates(group: Sequence[Item]) -> Iterator[tuple[Item, Item]]:
    """Pairs of a group that the fact which most scopes compare does not keep apart already."""
    counts: dict[str, int] = {}
    for _, constants in group:
        for path in constants:
            counts[path] = counts.get(path, 0) + 1
    best = max(sorted(counts), key=counts.__getitem__, default="")
    by_value: dict[Any, list[int]] = {}
    free: list[int] = []
    for number, item in enumerate(group):
        values = item[1].get(best)
        near = range(number) if values is None else sorted({*free, *(n for v in values for n in by_value.get(v, ()))})
        for earlier in near:
            yield group[earlier], item
        if values is None:
            free.append(number)
        for value in values or ():
            by_value.setdefault(value, []).append(number)


def _overlap(one: RuleSet, other: RuleSet) -> Finding:
    scopes = (
        "both answer for all facts" if one.scope is None and other.scope is None else "their scopes may both be met"
    )
    return Finding(
        OVERLAP,
        other.scope_where,
        f"{other.name} and {one.name} may both answer for the same facts",
        f"both are in force on the same days with priority {one.priority}, and {scopes}; the other is at {one.where}",
        "give one a higher 'priority', or scopes that compare one fact with different constants",
    )


def unreached(ruleset: RuleSet) -> Iterator[Finding]:
    """A warning for every rule of a set that can never answer."""
    if ruleset.hit in ("collect", "unique"):
        return
    rules = ruleset.rules if ruleset.hit == "first" else sorted(ruleset.rules, key=lambda rule: -rule.priority)
    seen: dict[str, Rule] = {}
    for rule in rules:
        text = "" if rule.when is None else " ".join(rule.when.text.split())
        before = seen.get("") or seen.get(text)
        if before is None:
            seen[text] = rule
        elif before.when is None:
            what = f"the rule {rule.id!r} is never reached"
            why = f"{before.id!r} on line {before.where.line} always applies and is asked before it"
            yield Finding(UNREACHABLE, rule.where, what, why, f"move it above {before.id!r}, or remove it", "warning")
        else:
            what = f"the rule {rule.id!r} is never reached"
            why = f"{before.id!r} on line {before.where.line} has the same condition and is asked before it"
            yield Finding(SHADOWED, rule.where, what, why, "change one of the conditions, or remove it", "warning")
