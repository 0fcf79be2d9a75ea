"""The page of rule families: what each decides, the facts it sees, what a rule may say."""

from __future__ import annotations

from collections.abc import Iterator

from docs.tools.markdown import code, first_sentence, page, prose, table
from docs.tools.schemas import FIELD_HEAD, schema_rows
from engine.families import ALL
from engine.model.decision import Family
from engine.rulebook.facttypes import FactType, describe

FACT_HEAD = ("fact", "type", "may be null", "meaning")


def kind(fact: FactType) -> str:
    """The type of a fact in words."""
    if fact.values:
        return "one of " + ", ".join(code(value) for value in fact.values)
    if fact.item is not None:
        return f"{fact.kind} of {fact.item.name if fact.item.kind == 'object' else fact.item.kind}"
    return "whole number" if fact.whole else fact.kind


class Nouns:
    """Objects that facts name, each described once however many families see it."""

    def __init__(self) -> None:
        self._titles: dict[tuple[FactType, ...], str] = {}

    def title(self, fact: FactType, family: str) -> str:
        """The heading under which an object is described."""
        name = fact.name if fact.name not in self._titles.values() else f"{fact.name} of {family}"
        return self._titles.setdefault(fact.children, name)

    def rows(self, fact: FactType, family: str, prefix: str = "") -> Iterator[tuple[str, str, str, str]]:
        """Path, type, whether it may be null, and meaning of the facts in an object; inner objects as a link."""
        for child in fact.children:
            shown = kind(child)
            if child.kind == "object":
                title = self.title(child, family)
                shown = f"[{title}](#{title.replace(' ', '-')})"
            yield code(prefix + child.name), shown, "yes" if child.nullable else "", child.doc

    def sections(self) -> Iterator[list[str]]:
        """The descriptions, of inner objects too."""
        done: set[str] = set()
        while waiting := [(title, facts) for facts, title in self._titles.items() if title not in done]:
            for title, facts in waiting:
                done.add(title)
                yield [f"## {title}"]
                name = title.partition(" ")[0]
                yield table(FACT_HEAD, self.rows(FactType(name, "object", children=facts), title, f"{name}."))


def section(family: Family, nouns: Nouns) -> Iterator[list[str]]:
    """The blocks of one family."""
    yield [f"## {family.name}"]
    yield [prose(family.doc)]
    yield [f"The rule is selected by: {family.selected_by}. Rule files are in `rules/{family.name}/`."]
    yield ["Facts that a `when` may use:"]
    yield table(FACT_HEAD, nouns.rows(describe(family.facts), family.name))
    if family.outcome:
        yield ["Fields of `then` in every rule:"]
        yield table(FIELD_HEAD, schema_rows(family.outcome))
    for name, method in family.methods.items():
        yield [f"### {family.name}: {name}"]
        yield [prose(method.function.__doc__)]
        yield table(FIELD_HEAD, schema_rows(method.schema))


def text() -> str:
    """The page."""
    intro = [
        "A family is a kind of decision. Its rule sets are the YAML files below `rules/<family>/`; see",
        "[the rule language](../concepts/rules.md). `tollbook facts FAMILY` prints the same on the terminal.",
    ]
    overview = table(
        ("family", "decides", "methods"),
        (
            (f"[{name}](#{name})", first_sentence(family.doc), ", ".join(code(method) for method in family.methods))
            for name, family in ALL.items()
        ),
    )
    nouns = Nouns()
    sections = [block for family in ALL.values() for block in section(family, nouns)]
    return page("Families of rules", intro, overview, *sections, *nouns.sections())
