"""An explanation together with why a rule that somebody names had no part in it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import msgspec

from engine.base.errors import Code, did_you_mean, refuse
from engine.rulebook.authoring.why_not import Listener, WhyNot, named
from engine.rulebook.rulebook import RuleBook
from engine.runs.explaining.again import Again
from engine.runs.explaining.explain import Explanation, explain
from engine.store.books import Books

NO_RULE = Code(
    "explain.no-such-rule", "A rule that did not answer is asked for, and the release has none of that name."
)
NOT_ASKED = Code(
    "explain.rule-not-asked", "A rule that did not answer is asked for, and no rule of its family was asked at all."
)


class Missed(msgspec.Struct, frozen=True):
    """Why a rule did not answer, once for each question of its family, under the release that was in force."""

    subject: str
    release: str
    answers: tuple[WhyNot, ...]


def why_not(
    books: Books, tenant: str, rules_of: Callable[[str], RuleBook], subject: str, rule: str, again: Again
) -> tuple[Explanation, Missed]:
    """An explanation, and why ``rule`` (``ruleset#id`` or ``id``) did not answer what was asked for it.

    Raises:
        TollbookError: as :func:`engine.runs.explaining.explain.explain`; ``explain.no-such-rule``, ``explain.rule-not-asked``.
    """
    heard: dict[str, Listener] = {}

    def listening(release: str) -> Listener:
        if release not in heard:
            heard[release] = Listener(rules_of(release))
        return heard[release]

    found = explain(books, tenant, listening, subject, everything=True, again=again)
    if not heard and found.release:
        listening(found.release)
    known = {f"{s.name}#{r.id}" for each in heard.values() for s in each.book.rulesets.values() for r in s.rules}
    if not any(named(each.book, rule) for each in heard.values()):
        mend = did_you_mean(rule, known if "#" in rule else {name.rpartition("#")[2] for name in known})
        raise refuse(NO_RULE, f"there is no rule {rule!r} in the release that decided {subject}", mend=mend)
    answers: dict[tuple[str, str, date], WhyNot] = {}
    for each in heard.values():
        for answer in each.why_not(rule):
            answers.setdefault((answer.rule, answer.text, answer.on), answer)
    if not answers:
        asked = sorted({family for each in heard.values() for family, _, _ in each.asked})
        why = f"asked were rules of {', '.join(asked)}" if asked else "no rule was asked"
        raise refuse(NOT_ASKED, f"no rule of the family of {rule!r} was asked for {subject}", why=why)
    return found, Missed(subject, found.release, tuple(answers.values()))
