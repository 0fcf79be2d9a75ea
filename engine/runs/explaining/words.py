"""What all explanations share: their shape, and the words for rules, amounts and sides."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Protocol

import msgspec

from engine.base.errors import Code, Finding, refuse
from engine.base.money import written
from engine.ledger.settlements import SOURCE
from engine.model.attribute import Declared
from engine.model.decision import Trace


class TracingRules(Protocol):
    """The rule book of a release, able to say how it decides."""

    @property
    def attributes(self) -> Declared: ...

    def trace(self, family: str, facts: Any, on: date) -> Trace: ...


RulesOf = Callable[[str], TracingRules]
"""The rule book of a release, as the books keep it."""

NO_SUCH_POSTING = Code("explain.no-such-posting", "An entry or posting that the books do not have.")

Details = tuple[tuple[str, str], ...]


SHOWN = 10
"""Events, lines and postings that are listed unless all are asked for."""


def first(details: Details, everything: bool) -> Details:
    """The first few of many details and how many more there are, or all of them."""
    if everything or len(details) <= SHOWN + 1:
        return details
    return (*details[:SHOWN], ("...", f"{len(details) - SHOWN} more (--all)"))


class Step(msgspec.Struct, frozen=True):
    """One step of an explanation: its name, what it says, and details as (label, text)."""

    name: str
    text: str
    details: Details = ()


class Explanation(msgspec.Struct, frozen=True):
    """Everything about one thing of the books, in the order in which it came about.

    ``subject`` is how it is asked for: ``NUMBER#LINE``, ``NUMBER``, ``usage:…`` or ``posting:…``.
    """

    subject: str
    text: str
    amount: str
    release: str
    steps: tuple[Step, ...]
    findings: tuple[Finding, ...] = ()


def number(value: Decimal) -> str:
    """A number without trailing zeros."""
    return f"{value.normalize():f}"


def long(amount: Decimal) -> str:
    """A number, cut where it is very long."""
    text = number(amount)
    return text if len(text) < 20 else f"{text[:20]}..."


def side(posting: Mapping[str, Any]) -> str:
    """A posting in words: side, account, amount, and the functional amount where it is another."""
    text = f"{'debit' if posting['amount'] > 0 or posting['functional_amount'] > 0 else 'credit'} {posting['account']} "
    text += f"{written(abs(posting['amount']), posting['currency'])}"
    if posting["currency"] != posting["functional_currency"]:
        text += f" = {written(abs(posting['functional_amount']), posting['functional_currency'])}"
    return text


def listed(postings: Sequence[Mapping[str, Any]]) -> Details:
    """Postings as details, each by what it is explained by."""
    return tuple((f"posting:{row['entry_id']}/{row['number']}", side(row)) for row in postings)


def at_position(postings: Sequence[Mapping[str, Any]], position: int, entry: str) -> Mapping[str, Any]:
    """The posting of an entry with a number.

    Raises:
        TollbookError: ``explain.no-such-posting``.
    """
    found = next((row for row in postings if row["number"] == position), None)
    if found is None:
        what = f"entry {entry} has no posting {position}"
        raise refuse(NO_SUCH_POSTING, what, mend=f"its postings are 1 to {len(postings)}")
    return found


def rate_of(posting: Mapping[str, Any]) -> Step:
    """The rate that stays with a posting."""
    if posting["currency"] == posting["functional_currency"]:
        return Step("rate", f"{posting['currency']} is the functional currency")
    if not posting["amount"] and posting["rate_source"] == SOURCE:
        return Step("rate", f"none: it is what the other sides leave in {posting['functional_currency']}")
    text = f"1 {posting['currency']} = {number(posting['rate'])} {posting['functional_currency']}"
    return Step("rate", text, (("published", f"{posting['rate_source']}, {posting['rate_on']}"),))


def rule_of(decision: Mapping[str, Any]) -> str:
    """A stored decision in words: rule, rule set, file and line."""
    return f"rule {decision['rule']} of {decision['ruleset']} at {decision['file']}:{decision['line']}"


def tried(trace: Trace) -> Details:
    """The rules that were asked, in order: the one that applies, and of each other one why not and how near it was."""
    out = []
    for each in trace.tried:
        label = f"rule {each.rule}" if each.rule else f"scope of {each.ruleset}"
        if each.matched:
            out.append(
                (label, f"{each.where} applies" + (f": {' '.join(each.condition.split())}" if each.condition else ""))
            )
        else:
            out.append((label, f"{each.where} not: needs {' '.join(each.failed.split())}; {each.near}"))
    return tuple(out)


def traced(name: str, rules: TracingRules, release: str, family: str, facts: Any, on: date) -> Step:
    """A decision that the books do not keep, taken again by the release that was in force."""
    trace = rules.trace(family, facts, on)
    if trace.decision is None:
        return Step(name, f"no rule of {family} answers in release {release}", tried(trace))
    chosen = trace.decision
    terms = ", ".join(f"{key} {_plain(value)}" for key, value in trace.said.items() if _says(value)) or "as is usual"
    text = f"rule {chosen.rule} of {chosen.ruleset} at {chosen.where}: {terms} (decided again by release {release})"
    return Step(name, text, tried(trace))


def terms_of(decision: Mapping[str, Any]) -> Details:
    """What a stored decision says, without what it leaves open."""
    return tuple((str(name), _plain(value)) for name, value in decision["terms"].items() if _says(value))


def _says(value: Any) -> bool:
    return value is not None and value not in ("", [], (), {})


def _plain(value: Any) -> str:
    """A term in words."""
    if isinstance(value, Decimal):
        return number(value)
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_plain(inner)}" for name, inner in value.items() if _says(inner))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return " ".join(map(_plain, value)) if isinstance(value, list | tuple) else str(value)
