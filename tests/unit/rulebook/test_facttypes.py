"""Facts structs read into trees of types."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, Optional

import msgspec
import pytest
from msgspec import Meta

from engine.base.errors import TollbookError
from engine.model.account import Account
from engine.model.catalog import Charge
from engine.model.entity import LegalEntity
from engine.rulebook.facttypes import FactType, describe

Segment = Literal["enterprise", "business"]


class Inner(msgspec.Struct):
    """What is inside.

    Not part of the description.
    """

    word: Annotated[str, Meta(description="a word")]


class Everything(msgspec.Struct):
    """All kinds of facts."""

    text: str
    flag: bool
    count: Annotated[int, Meta(ge=0), Meta(description="how many")]
    amount: Annotated[Decimal | None, Meta(description="how much")] = None
    segment: Annotated[Segment, Meta(description="who")] = "business"
    day: date = date.min
    at: datetime | None = None
    inner: Inner | None = None
    other: Annotated[Inner, Meta(description="described here")] = msgspec.field(default_factory=lambda: Inner("x"))
    words: tuple[str, ...] = ()
    kinds: list[Segment] = msgspec.field(default_factory=list)
    numbers: Sequence[int] = ()
    tags: dict[str, str] = msgspec.field(default_factory=dict)
    limits: Optional[Mapping[str, Decimal]] = None  # noqa: UP045
    inners: tuple[Inner, ...] = ()


def test_every_annotation_becomes_a_fact() -> None:
    word = FactType("word", "string", doc="a word")
    segments = ("enterprise", "business")
    assert describe(Everything) == FactType(
        "Everything",
        "object",
        doc="All kinds of facts.",
        children=(
            FactType("text", "string"),
            FactType("flag", "boolean"),
            FactType("count", "number", doc="how many", whole=True),
            FactType("amount", "number", nullable=True, doc="how much"),
            FactType("segment", "string", doc="who", values=segments),
            FactType("day", "date"),
            FactType("at", "datetime", nullable=True),
            FactType("inner", "object", nullable=True, doc="What is inside.", children=(word,)),
            FactType("other", "object", doc="described here", children=(word,)),
            FactType("words", "list", item=FactType("words", "string")),
            FactType("kinds", "list", item=FactType("kinds", "string", values=segments)),
            FactType("numbers", "list", item=FactType("numbers", "number", whole=True)),
            FactType("tags", "mapping", item=FactType("tags", "string")),
            FactType("limits", "mapping", nullable=True, item=FactType("limits", "number")),
            FactType("inners", "list", item=FactType("inners", "object", doc="What is inside.", children=(word,))),
        ),
    )


def test_facts_are_found_by_path_and_listed() -> None:
    facts = describe(Everything)
    assert facts.find("inner.word") == FactType("word", "string", doc="a word")
    assert facts.find("inner") is facts.child("inner")
    for path in ("inner.nothing", "nothing", "text.word", "", "inner.word.word"):
        assert facts.find(path) is None
    assert [path for path, _ in facts.leaves()][6:9] == ["at", "inner.word", "other.word"]


@pytest.mark.parametrize("struct", [Account, Charge, LegalEntity])
def test_the_nouns_of_the_model_can_be_facts(struct: type[msgspec.Struct]) -> None:
    assert len(describe(struct).children) == len(struct.__struct_fields__)


@pytest.mark.parametrize(
    ("annotation", "spelled", "mend"),
    [
        (float, "float", "declare a number as Decimal"),
        (bytes, "bytes", "declare one of these types"),
        (Any, "Any", "declare one of these types"),
        (str | int, "str | int", "declare one of these types"),
        (Literal[1, 2], "typing.Literal[1, 2]", "declare one of these types"),
        (tuple[str, int], "tuple[str, int]", "declare one of these types"),
        (dict[int, str], "dict[int, str]", "declare one of these types"),
        (set[str], "set[str]", "declare one of these types"),
    ],
)
def test_other_annotations_are_refused(annotation: Any, spelled: str, mend: str) -> None:
    struct = msgspec.defstruct("Odd", [("odd", annotation)])
    with pytest.raises(TollbookError) as caught:
        describe(struct)
    kinds = "str, bool, int, Decimal, date, datetime, Literal of strings, lists, mappings and structs"
    assert str(caught.value).splitlines() == [
        f"Odd.odd: error: field odd is declared {spelled} [facts.unsupported-type]",
        f"    why: conditions see {kinds}",
        f"    mend: {mend}",
    ]


class Endless(msgspec.Struct):
    """Contains itself."""

    again: Endless | None = None


def test_a_struct_that_contains_itself_is_refused() -> None:
    with pytest.raises(TollbookError) as caught:
        describe(Endless)
    assert str(caught.value).splitlines() == [
        "Endless: error: Endless contains itself [facts.unsupported-type]",
        "    why: facts form a tree of limited depth",
        "    mend: leave the inner field out of the facts",
    ]
