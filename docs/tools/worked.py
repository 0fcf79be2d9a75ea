"""The page of worked numbers: the cases of shipped rules and templates as tables, with what comes out of each.

The numbers are those of the cases, which :func:`engine.rulebook.cases.run_cases` has to find right before the page is made.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from docs.tools.markdown import code, page, table
from engine.base.document import parse
from engine.families import ALL
from engine.rulebook.authoring.flow import flow
from engine.rulebook.authoring.templating import templates
from engine.rulebook.cases import run_cases
from engine.rulebook.rulebook import compile_book, read
from engine.rulebook.ruleset import Case, RuleSet

FAMILIES: Final = ("pricing", "proration", "matching", "allocation")
RULES: Final = Path(__file__).parents[2] / "rules"

Facts = Mapping[str, str]


def facts(given: Mapping[str, Any], before: str = "") -> dict[str, str]:
    """The facts of a case by their paths, as a rule file writes their values."""
    found: dict[str, str] = {}
    for name, value in given.items():
        path = f"{before}{name}"
        if isinstance(value, Mapping):
            found |= facts(value, f"{path}.")
        else:
            found[path] = words(value)
    return found


def words(value: Any) -> str:
    """A value without the quotes that YAML would want."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {words(inner)}" for name, inner in value.items())
    if isinstance(value, list):
        return ", ".join(map(words, value))
    return value if isinstance(value, str) else flow(value)


def usual(cases: list[Facts]) -> dict[str, str]:
    """Facts that each case gives, most of them with the same value."""
    counts = Counter(fact for case in cases for fact in case.items())
    return {
        name: value
        for (name, value), count in counts.items()
        if len(cases) > 1 and 2 * count > len(cases) and all(name in case for case in cases)
    }


def section(ruleset: RuleSet, rules: Sequence[Mapping[str, Any]]) -> Iterator[list[str]]:
    """A rule set: its ``rules`` as the file writes them, and a row for each case."""
    given = [facts(case.given) for case in ruleset.cases]
    same = usual(given)
    said = ((code(rule["id"]), code(rule.get("when", "")), code(flow(rule["then"])[1:-1])) for rule in rules)
    yield table(("rule", "when", "then"), said)
    if same:
        yield [
            f"Unless a case says otherwise: {', '.join(code(f'{name} {value}') for name, value in sorted(same.items()))}."
        ]
    rows = (_row(case, each, same) for case, each in zip(ruleset.cases, given, strict=True))
    yield table(("case", "given", "rule", "comes to"), rows)


def _row(case: Case, given: Facts, same: Facts) -> tuple[str, str, str, str]:
    own = [f"{name} {value}" for name, value in given.items() if same.get(name) != value]
    comes = [f"{name} {words(value)}" for name, value in case.expect.items() if name != "rule"]
    rule = code(words(case.expect["rule"])) if "rule" in case.expect else ""
    return case.name, ", ".join(map(code, own)), rule, ", ".join(map(code, comes))


def text() -> str:
    """The page."""
    files = {label: content for label, content in read([RULES]).items() if label.split("/")[1] in FAMILIES}
    titles = {}
    for (family, name), template in templates().items():
        if family in FAMILIES:
            files[f"rules/{family}/{name}.yaml"] = template.text.replace("name_here", name).encode()
            command = f"`tollbook new-ruleset {family} NAME --template {name}` writes it."
            titles[f"{family}/{name}"] = template.title.partition(":")[0], command
    book = compile_book(files, ALL, lint=False)
    report = run_cases(book)
    if report.findings:
        raise ValueError(f"a case does not hold: {report.findings[0]}")
    intro = [
        "What prices, proration, matching and allocation come to, in numbers: the cases of the rules that are shipped and of the templates of",
        "`tollbook new-ruleset`. Each number is what the engine computes; the page is not made where one is not.",
    ]
    sections = []
    for family in FAMILIES:
        sections.append([f"## {family}"])
        for name, ruleset in sorted(book.rulesets.items()):
            if ruleset.family == family and ruleset.cases:
                title, command = titles.get(name, (name, f"The file `rules/{name}.yaml`."))
                rules = parse(files[f"rules/{name}.yaml"], name).data["rules"]
                sections += [[f"### {title}"], [command], *section(ruleset, rules)]
    return page("Worked numbers", intro, *sections)
