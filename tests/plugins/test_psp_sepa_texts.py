"""What ``psp_sepa`` writes names and references with, and what it makes of reasons."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.ports.contracts import Setup
from engine.ports.contracts.harness import stage

SETTINGS = {"creditor_name": "Acme", "creditor_id": "DE98ZZZ09999999999", "iban": "DE89370400440532013000"}
CARRIED = re.compile(r"[A-Za-z0-9/\-?:().,'+ ]*")


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The modules of the plug-in, as the host has loaded them."""
    import sys

    stage(Setup(Path("plugins/psp_sepa"), SETTINGS), "psp", tmp_path_factory.mktemp("home"))
    found = {name: module for name, module in sys.modules.items() if "psp_sepa" in name}
    return {word: next(m for name, m in found.items() if name.endswith(f".{word}")) for word in ("charset", "reasons")}


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Müller & Söhne", "Muller + Sohne"),
        ("Æbelø Straße, Łódź", "AEbelo Strasse, Lodz"),
        ("Ελλάς Α.Ε.", "Ellas A.E."),
        ("Щастие ООД", "Shtastie OOD"),
        ("100 % «sure»; €5", "100 . 'sure', E5"),
        ("a\tb\n c", "a b c"),
        ("日本", ".."),
        ("ﬁn\u0301", "fin"),
    ],
)
def test_letters(room: dict[str, Any], text: str, plain: str) -> None:
    assert room["charset"].plain(text) == plain


def test_whatever_comes_is_carried(room: dict[str, Any]) -> None:
    @given(st.text(max_size=80), st.integers(1, 70))
    def carried(text: str, most: int) -> None:
        made = room["charset"].plain(text, most)
        assert CARRIED.fullmatch(made) and len(made) <= most and made == made.strip()
        assert room["charset"].plain(made, most) == made

    carried()


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("M-1", True),
        ("a/b", True),
        ("", False),
        ("/a", False),
        ("a/", False),
        ("a//b", False),
        ("ä", False),
        ("a" * 36, False),
    ],
)
def test_references(room: dict[str, Any], text: str, good: bool) -> None:
    assert (room["charset"].fault(text) == "") is good


@pytest.mark.parametrize(
    ("code", "scheme", "settled", "on", "kind", "late"),
    [
        ("AM04", "CORE", None, "2026-03-03", "reject", False),
        ("MS02", "CORE", None, "2026-03-03", "refusal", False),
        ("AC04", "CORE", "2026-03-03", "2026-03-10", "return", False),
        ("AC04", "CORE", "2026-03-03", "2026-03-11", "return", True),
        ("AC04", "B2B", "2026-03-03", "2026-03-06", "return", False),
        ("AC04", "B2B", "2026-03-03", "2026-03-09", "return", True),
        ("MD06", "B2B", "2026-03-03", "2026-03-04", "refund", True),
        ("MD06", "CORE", "2026-03-03", "2026-04-28", "refund", False),
        ("MD01", "CORE", "2026-01-31", "2027-02-28", "refund", False),
    ],
)
def test_what_the_scheme_calls_it(
    room: dict[str, Any], code: str, scheme: str, settled: str | None, on: str, kind: str, late: bool
) -> None:
    reasons = room["reasons"]
    day, before = date.fromisoformat(on), date.fromisoformat(settled) if settled else None
    assert reasons.kind_of(code, scheme, before, day) == kind
    if before is not None:
        assert bool(reasons.late(kind, code, scheme, before, day)) is late


def test_every_reason_has_a_class(room: dict[str, Any]) -> None:
    reasons = room["reasons"]
    asked = "AC01 AC04 AC06 AG01 AM04 MD01 MD06 MD07 MS02 MS03 SL01".split()
    classes = {code: reasons.reason(code).kind for code in asked}
    assert classes == {
        **dict.fromkeys(("AC01", "AC04", "AC06", "AG01", "MD07"), "account_closed"),
        **dict.fromkeys(("AM04", "MS03"), "retry"),
        **dict.fromkeys(("MD01", "SL01"), "mandate_invalid"),
        **dict.fromkeys(("MD06", "MS02"), "dispute"),
    }
    assert reasons.reason("XX99").kind == "technical"
