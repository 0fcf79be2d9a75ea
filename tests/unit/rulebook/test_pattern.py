"""Regular expressions whose time is bounded."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from engine.rulebook.pattern import MOST_WAYS, mistake, risk


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "^DE[0-9]{9}$",
        r"\A(EU|UK|CH)-\d{1,8}\Z",
        ".*-legacy$",
        "a.*b.*",
        "(?:ab)+c?",
        r"[^\]x-]*\.",
        "[]a]+",
        "[^]a]+",
        r"\{x\}",
        "a{3}b{2,}",
        "(a|b|c)(d|e)?",
        "(?:a{2,3}){2}",
    ],
)
def test_bounded_patterns_are_accepted(pattern: str) -> None:
    assert mistake(pattern) == ""
    assert risk(pattern, search=False) == ""


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("(a+)+", "a repeat without limit holds a choice or another repeat"),
        ("(a|aa)*", "a repeat without limit holds a choice or another repeat"),
        ("(a?)*", "a repeat without limit holds a choice or another repeat"),
        ("(a*){2}", "a repeat holds a repeat without limit"),
        ("(?:a*){0,3}", "a repeat holds a repeat without limit"),
        ("(a?){9}a{9}", "it can match in 512 ways, 200 are allowed"),
        ("(a?){60}", "it can match in more than 1000000 ways, 200 are allowed"),
        ("a?" * 30, "it can match in more than 1000000 ways, 200 are allowed"),
        ("(x|y)" * 8, "it can match in 256 ways, 200 are allowed"),
        ("a{1,300}", "a repeat of up to 300 is too long, 200 are allowed"),
        ("a*b*c*", "it has 3 repeats without limit, 2 allowed"),
        (r"(a)\1", "it refers back to group 1"),
        ("(?P<x>a)", "the group (?P…) is not allowed"),
        ("(?i)a", "the group (?i…) is not allowed"),
        ("a(?!b)", "the group (?!…) is not allowed"),
        ("a*?", "a repeat may not be followed by ?, + or *"),
        ("a++", "a repeat may not be followed by ?, + or *"),
        ("a{,3}", "write \\{ for a brace that is no repeat"),
        (r"\x41", "\\x is not allowed"),
    ],
)
def test_what_could_take_long_is_named(pattern: str, why: str) -> None:
    assert mistake(pattern) == ""
    assert risk(pattern, search=False) == why


def test_a_search_may_have_one_open_repeat() -> None:
    assert risk("a.*b", search=True) == ""
    assert risk("a.*b.*", search=True) == "it has 2 repeats without limit, 1 allowed"


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("(", "missing ), unterminated subpattern at character 1"),
        ("a**", "multiple repeat at character 3"),
        ("[z-a]", "bad character range z-a at character 2"),
        ("a{99999999999}", "it is too large"),
    ],
)
def test_what_is_no_pattern_is_named(pattern: str, why: str) -> None:
    assert mistake(pattern) == why


PIECES = [
    "a",
    "b",
    ".",
    "[ab]",
    "(a|b)",
    "(?:ab)",
    "a?",
    "a*",
    ".*",
    "b+",
    "a{1,9}",
    "(a?b)",
    "$",
    "|",
    "(a",
    ")",
    "{2}",
    "?",
]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=8).map("".join), st.booleans())
def test_accepted_patterns_are_fast_on_hostile_text(pattern: str, search: bool) -> None:
    assume(not mistake(pattern) and not risk(pattern, search))
    compiled = re.compile(pattern)
    before = time.process_time()
    for text in ("a" * 400 + "c", "ab" * 200 + "c", "b" * 400 + "c"):
        (compiled.search if search else compiled.match)(text)
    assert time.process_time() - before < 1.0


def test_the_slowest_accepted_pattern_stays_usable() -> None:
    pattern = "(a|a){7}.*.*c"
    assert (risk(pattern, search=False), MOST_WAYS) == ("", 200)
    before = time.process_time()
    assert re.match(pattern, "a" * 1000) is None
    assert time.process_time() - before < 5.0
