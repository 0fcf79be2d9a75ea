"""The canonical form of rule files: comments and meaning stay, layout does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.base.document import parse
from engine.base.errors import TollbookError
from engine.rulebook.format import KEYS, format_rules

UNTIDY = """\
# a head

owner: x   # who
# about the rules
rules:
# first
- id:  a
  # inner
  when: >
      quantity > 3

      and since > start
  then:
      method: flat
      tiers:
         -   {a: 1,
              b: 2}
         # between
         -
             unit: 3
         - - 1
           - 2


  note: "a
    b"
- id: b\t# trailing
  then: {}
ruleset: pricing/x
scope: |
   a   #no comment
   b


# a tail
"""
TIDY = """\
# a head

ruleset: pricing/x
scope: |
  a   #no comment
  b

owner: x   # who
# about the rules
rules:
  # first
  - id:  a
    # inner
    when: >
      quantity > 3

      and since > start
    then:
      method: flat
      tiers:
        - {a: 1,
           b: 2}
        # between
        -
          unit: 3
        - - 1
          - 2

    note: "a
      b"
  - id: b\t# trailing
    then: {}

# a tail
"""


def formatted(text: str) -> str:
    return format_rules(text.encode(), "x.yaml")


def test_the_canonical_form() -> None:
    assert formatted(UNTIDY) == TIDY
    assert formatted(TIDY) == TIDY


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("", ""),
        ("\n\n", ""),
        ("# only\n# this", "# only\n# this\n"),
        ("owner: a\r\nruleset: b/c\r\n", "ruleset: b/c\nowner: a\n"),
        ("\ufeffowner: a", "owner: a\n"),
        ("{owner: a,   ruleset: b/c}", "{owner: a,   ruleset: b/c}\n"),
        ("odd: 1\nowner: a\nmore: 2\n", "owner: a\nodd: 1\nmore: 2\n"),
        ("rules:\n- a\n-  b: 1\n   c: 2\n", "rules:\n  - a\n  - b: 1\n    c: 2\n"),
        ("effective:\n    from: 1\n    to:   2\n", "effective:\n  from: 1\n  to:   2\n"),
        ("scope: |2-\n    a\n   b\n", "scope: |2-\n    a\n   b\n"),
        ("scope: |+\n  a\n\n\nowner: b\n", "scope: |+\n  a\n\n\nowner: b\n"),
        ("note: 'a\n\n\n  b'\n", "note: 'a\n\n\n  b'\n"),
    ],
)
def test_small_files(text: str, canonical: str) -> None:
    assert formatted(text) == canonical


def test_an_order_that_would_part_an_alias_from_its_anchor_is_kept() -> None:
    text = "owner: &me a\nruleset: *me\n"
    assert formatted(text) == text


def test_what_cannot_be_parsed_is_refused() -> None:
    with pytest.raises(TollbookError, match=r"x\.yaml:1:4"):
        formatted("a: *b\n")


def test_the_files_of_this_repository() -> None:
    for path in (Path(__file__).parents[3] / "rules").rglob("*.yaml"):
        text = path.read_text()
        again = format_rules(text.encode(), str(path))
        assert parse(again, "x").data == parse(text, "x").data
        assert format_rules(again.encode(), str(path)) == again


leaves = st.sampled_from(
    ["1", "0.50", "a b", "'q  r'", "[1, {a: 2}]", "{a: b}", "|\n{i}  x\n{i}   y\n", ">-\n{i} z\n", "~"]
)


@st.composite
def block(draw: Any, depth: int = 0, indent: str = "") -> str:
    """YAML in block style with an indentation of its own, comments and empty lines."""
    if depth > 2 or draw(st.integers(0, 2)) == 0:
        return " " + str(draw(leaves)).replace("{i}", indent)
    inner = indent + " " * draw(st.integers(1, 4))
    lines = [""]
    listed = draw(st.booleans())
    for number in range(draw(st.integers(1, 3))):
        if draw(st.integers(0, 3)) == 0:
            lines.append(draw(st.sampled_from(["", "  ", inner + "# note", "# left", " " * 9 + "# right  "])))
        body = draw(block(depth + 1, inner))
        lines.append(f"{inner}-{body}" if listed else f"{inner}k{number}:{body}")
    return "\n".join(lines)


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from([*KEYS, "odd"]), block(indent="")), max_size=4, unique_by=lambda pair: pair[0])
)
def test_formatting_keeps_the_meaning_and_the_comments_and_is_done_at_once(parts: list[tuple[str, str]]) -> None:
    text = "".join(f"{key}:{body}\n" for key, body in parts)
    try:
        before = parse(text, "x").data
    except TollbookError:
        return
    once = formatted(text)
    assert parse(once, "x").data == before
    assert once.count("#") == text.count("#")
    assert formatted(once) == once
