"""What ``check`` looks at once all files are read: names of things outside of the rules, and mistakes in cases themselves."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Final

from engine.base.document import Document
from engine.base.errors import Code, Finding, did_you_mean
from engine.rulebook.cases import FAILED, run_cases
from engine.rulebook.rulebook import RuleBook, uncollected

UNKNOWN_NAME = Code(
    "rule.unknown-name", "A rule that names something outside of the rules, such as an adapter, that does not exist."
)

NOBODY: Final = "none"
"""How a rule says that nothing is named."""


def unknown_names(
    book: RuleBook, documents: Mapping[str, Document], known: Mapping[str, Collection[str]]
) -> Iterator[Finding]:
    """A finding for every rule that names something that is not ``known`` (kind -> names)."""
    for ruleset in book.rulesets.values():
        names = book.families[ruleset.family].names
        for index, rule in enumerate(ruleset.rules) if names else ():
            for field, kind in names.items():
                value = rule.terms.get(field)
                if kind not in known or value in (None, NOBODY) or value in known[kind]:
                    continue
                where = documents[ruleset.file].where(("rules", index, "then", field))
                what = f"the rule {rule.id!r} names the {kind} {value!r}, which does not exist"
                mend = did_you_mean(str(value), [*known[kind], NOBODY])
                yield Finding(UNKNOWN_NAME, where, what, f"config.yaml names every {kind}", mend)


def mistaken_cases(book: RuleBook, documents: dict[str, Document]) -> Iterator[Finding]:
    """What is wrong with cases themselves; what merely does not come out as they say is for ``test``."""
    with uncollected():
        found = run_cases(book, documents).findings
    yield from (finding for finding in found if finding.code != FAILED)
