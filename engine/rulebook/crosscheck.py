"""What ``check`` looks at once all files are read: names of things outside of the rules, and mistakes in cases themselves."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final

from engine.base.document import Document, Path
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
                if kind not in known:
                    continue
                for path, value in _named(rule.terms, field.split(".")):
                    if value in (None, NOBODY) or value in known[kind]:
                        continue
                    where = documents[ruleset.file].where(("rules", index, "then", *path))
                    what = f"the rule {rule.id!r} names the {kind} {value!r}, which does not exist"
                    mend = did_you_mean(str(value), [*known[kind], NOBODY])
                    yield Finding(
                        UNKNOWN_NAME, where, what, f"config.yaml, or a plug-in that it names, has every {kind}", mend
                    )


def _named(terms: Any, names: Sequence[str], path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """What stands in a field, in each item of the lists on the way, with where it stands."""
    if isinstance(terms, list | tuple):
        for place, one in enumerate(terms):
            yield from _named(one, names, (*path, place))
    elif names:
        yield from _named(terms.get(names[0]), names[1:], (*path, names[0])) if terms is not None else ()
    else:
        yield path, terms


def mistaken_cases(book: RuleBook, documents: dict[str, Document]) -> Iterator[Finding]:
    """What is wrong with cases themselves; what merely does not come out as they say is for ``test``."""
    with uncollected():
        found = run_cases(book, documents).findings
    yield from (finding for finding in found if finding.code != FAILED)
