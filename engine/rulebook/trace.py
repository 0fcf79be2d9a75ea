"""How a decision came about, or why there is none: rules asked one by one, with the facts that each condition saw.

Nothing here runs while all is well; the compiled form decides alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Final

import msgspec

from engine.base.errors import Code, TollbookError, Where, refuse
from engine.model.decision import Decision, Family, Tried
from engine.rulebook.expression import Expression
from engine.rulebook.facttypes import FactType
from engine.rulebook.nearness import missed
from engine.rulebook.ruleset import Rule, RuleSet

NO_ANSWER = Code("rule.no-answer", "No rule of a family answers for some facts on a day.")
NULL_FACT = Code("rule.null-fact", "A condition met a fact without a value that is declared always to have one.")
MISSING_FACT = Code("rule.missing-fact", "A condition needs a fact that the facts at hand do not have.")
WRONG_FACT = Code("rule.wrong-fact", "A condition met a fact of another type than declared.")
ARITHMETIC = Code("rule.arithmetic", "A condition divides by zero or leaves the range of numbers.")

UNTOLD: Final = (TypeError, AttributeError, ValueError, ArithmeticError)
"""What compiled conditions raise over facts that are not as they were declared."""
MOST_FACTS: Final = 6
"""Facts that a message names."""


def said(family: Family, decision: Decision) -> Mapping[str, Any]:
    """The terms of a decision without those that are what they are where a rule leaves them out."""
    method = family.methods.get(decision.terms.get("method", ""))
    shape = {**family.outcome, **(method.schema if method else {})}
    usual = {name: rules["default"] for name, rules in shape.items() if "default" in rules}
    own = ((name, value) for name, value in decision.terms.items() if name not in usual or usual[name] != value)
    return {name: value for name, value in own if str(value) != usual.get(name)}  # "0.1" stands for a number


class Failed(msgspec.Struct, frozen=True):
    """The first part of a condition that was not met, how many were before it, and why it could not even be told."""

    part: Expression
    met: int
    error: Exception | None = None


class Asked(msgspec.Struct, frozen=True):
    """A rule that was asked, or a rule set whose scope was not met (``rule`` None); and what failed, if anything."""

    ruleset: RuleSet
    rule: Rule | None
    condition: Expression | None
    failed: Failed | None

    @property
    def where(self) -> Where:
        """The place of the rule, or of the scope."""
        return self.ruleset.scope_where if self.rule is None else self.rule.where

    @property
    def name(self) -> str:
        """``family/ruleset#rule``, or ``family/ruleset`` for its scope."""
        return self.ruleset.name if self.rule is None else f"{self.ruleset.name}#{self.rule.id}"

    def tried(self, facts: Any) -> Tried:
        """What ``explain`` shows of it: the facts in what failed, or in the whole condition if it was met."""
        seen = self.failed.part if self.failed else self.condition
        return Tried(
            ruleset=self.ruleset.name,
            rule="" if self.rule is None else self.rule.id,
            where=self.where,
            matched=self.failed is None,
            condition="" if self.condition is None else self.condition.text,
            failed="" if self.failed is None else self.failed.part.text,
            facts={} if seen is None else values_of(seen.names, facts),
            near="" if self.failed is None else missed(self.failed.part, facts),
        )


def values_of(names: Iterable[str], facts: Any) -> dict[str, Any]:
    """The values of facts by dotted name; None where something on the way has no value."""
    out = {}
    for name in sorted(names):
        value = facts
        for step in name.split("."):
            value = getattr(value, step, None)
        out[name] = value
    return out


def failure(condition: Expression | None, facts: Any) -> Failed | None:
    """What of a condition is not met, None if it is met."""
    for met, part in enumerate(() if condition is None else condition.conjuncts()):
        try:
            if not part.matches(facts):
                return Failed(part, met)
        except UNTOLD as error:
            return Failed(part, met, error)
    return None


def in_order(ruleset: RuleSet) -> Sequence[Rule]:
    """The rules of a set in the order in which they are asked."""
    if ruleset.hit == "priority":
        return sorted(ruleset.rules, key=lambda rule: -rule.priority)
    return ruleset.rules


def ask(rulesets: Iterable[RuleSet], facts: Any) -> Iterator[Asked]:
    """Asks rule sets in their order until one answers; gives every rule that was asked."""
    for ruleset in rulesets:
        failed = failure(ruleset.scope, facts)
        if failed is not None:
            yield Asked(ruleset, None, ruleset.scope, failed)
            continue
        answered = False
        for rule in in_order(ruleset):
            failed = failure(rule.when, facts)
            yield Asked(ruleset, rule, rule.when, failed)
            answered = answered or failed is None
            if answered and ruleset.hit in ("first", "priority"):
                return
        if answered:
            return


def shown(facts: Mapping[str, Any]) -> str:
    """Facts as messages name them: ``quantity = 5, account.segment = "x"``."""
    parts = [f"{name} = {_word(value)}" for name, value in facts.items()]
    return ", ".join(parts[:MOST_FACTS]) + (", …" if len(parts) > MOST_FACTS else "")


def _word(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return f'"{value}"' if isinstance(value, str) else str(value)


def no_answer(family: Family, rulesets: Sequence[RuleSet], facts: Any, on: date) -> TollbookError:
    """The error for facts that no rule answers for; names the nearest rules and what of them failed."""
    asked = [item for item in ask(rulesets, facts) if item.failed is not None]
    names = [name for item in asked if item.condition is not None for name in sorted(item.condition.names)]
    main = shown(values_of(dict.fromkeys(names), facts))
    near = sorted(asked, key=lambda item: (item.rule is None, -item.failed.met if item.failed else 0))[:2]
    why = "; ".join(
        f"{item.name} ({item.where}) needs {item.failed.part.text}, found "
        + shown(values_of(item.failed.part.names, facts))
        for item in near
        if item.failed is not None
    )
    return refuse(
        NO_ANSWER,
        f"no rule of {family.name} answers on {on}" + (f" for {main}" if main else ""),
        why=f"nearest: {why}" if why else f"no rule set of {family.name} is in force on that day",
        mend="add a rule, or one without 'when' at the end of a rule set that answers for everything else",
        where=near[0].where if near else Where(f"rules/{family.name}"),
    )


def untold(item: Asked, types: FactType, facts: Any) -> TollbookError | None:
    """The error for a condition that could not be told, None if it could; ``types`` describes the facts."""
    failed = item.failed
    if failed is None or failed.error is None:
        return None
    for name in sorted(failed.part.names):
        flaw = _flaw(types, name, facts)
        if flaw is not None:
            code, what, why, mend = flaw
            return refuse(code, f"{item.name}: {what}", why=why, mend=mend, where=failed.part.where)
    what = f"{item.name}: {failed.part.text} cannot be computed for {shown(values_of(failed.part.names, facts))}"
    if isinstance(failed.error, ArithmeticError):
        return refuse(ARITHMETIC, what, mend="guard a divisor: x != 0 and …", where=failed.part.where)
    mend = "give each fact the type that it is declared with"
    return refuse(WRONG_FACT, what, why=str(failed.error), mend=mend, where=failed.part.where)


def _flaw(types: FactType, name: str, facts: Any) -> tuple[Code, str, str, str] | None:
    """What is wrong with one fact on the way to its value, if anything: code, what, why, mend."""
    value, path = facts, ""
    for step in name.split("."):
        path = f"{path}.{step}" if path else step
        fact = types.find(path)
        if value is None or fact is None:
            return None
        try:
            value = getattr(value, step)
        except AttributeError:
            return MISSING_FACT, f"fact {path} is not given", "", f"give {path} a value"
        if value is None and not fact.nullable:
            mend = f"give {path} a value, or declare it nullable"
            return NULL_FACT, f"fact {path} has no value", f"{path} is declared always to have one", mend
    return None
