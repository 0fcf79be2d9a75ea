"""What is hidden in texts and data, and what stays."""

from __future__ import annotations

from typing import Any

import pytest

from engine.ports.masking import Mask

MASK = Mask(["hunter2", "p@ss w/rd+", ""])


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("login with hunter2 failed", "login with *** failed"),
        ("p@ss w/rd+", "***"),
        ("in an address: p%40ss%20w%2Frd%2B, p%40ss+w%2Frd%2B", "in an address: ***, ***"),
        ("in base64: aHVudGVyMg== aHVudGVyMg", "in base64: *** ***"),
        ("Authorization: Bearer abc.def-123", "Authorization: ***"),
        ("Authorization: Basic YWRhOng=", "Authorization: ***"),
        ('{"access_token":"abc","n":1}', '{"access_token":"***","n":1}'),
        ("GET /x?api_key=abc&page=2", "GET /x?api_key=***&page=2"),
        ("password = abc; retry", "password = ***; retry"),
        ("pay to DE02 1203 0000 0000 2020 51 now", "pay to *** now"),
        ("DE02120300000000202051", "***"),
        ("GB82WEST12345698765432", "***"),
        ("card 4111 1111 1111 1111", "card ***"),
        ("card 4111-1111-1111-1111.", "card ***."),
        ("a\0b", "a\N{REPLACEMENT CHARACTER}b"),
        # what only looks like it
        ("DE02120300000000202052", "DE02120300000000202052"),
        ("VAT DE123456789", "VAT DE123456789"),
        ("order 4111111111111112", "order 4111111111111112"),
        ("total 1234567.89", "total 1234567.89"),
        ("2026-01-31T10:00:00", "2026-01-31T10:00:00"),
        ("invoice/DE-2026-000123/1", "invoice/DE-2026-000123/1"),
        ("the token was refused", "the token was refused"),
    ],
)
def test_texts(text: str, masked: str) -> None:
    assert MASK.text(text) == masked


@pytest.mark.parametrize(
    ("data", "masked"),
    [
        ({"Authorization": "x", "n": 1}, {"Authorization": "***", "n": 1}),
        ({"user": {"Password": "x", "name": "ada"}}, {"user": {"Password": "***", "name": "ada"}}),
        ({"bank": [{"iban": "anything", "bic": "B"}]}, {"bank": [{"iban": "***", "bic": "B"}]}),
        ({"token": {"value": "x", "until": 1}}, {"token": "***"}),
        ({"token": "", "secret": None}, {"token": "", "secret": None}),
        ({"hunter2": "hunter2 here"}, {"***": "*** here"}),
        ({"pan": 4111111111111111, "pin": 1234, "shipping": "x"}, {"pan": "***", "pin": "***", "shipping": "x"}),
        ([4111111111111111, 7, True, None, "19.00"], ["***", 7, True, None, "19.00"]),
        (("a", ["hunter2"]), ("a", ["***"])),
    ],
)
def test_data(data: Any, masked: Any) -> None:
    assert MASK.tree(data) == masked


def test_without_secrets_nothing_is_known() -> None:
    assert Mask().secrets("hunter2") == "hunter2"
    assert Mask().secrets_in({"a": ["hunter2"]}) == {"a": ["hunter2"]}
    assert MASK.secrets_in({"a": ("hunter2", 1), "iban": "DE02120300000000202051"}) == {
        "a": ("***", 1),
        "iban": "DE02120300000000202051",
    }
