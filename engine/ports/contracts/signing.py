"""The contract of the port ``signing`` as tests."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ClassVar, Final

import pytest

from engine.model.numbering import Signer
from engine.ports.contracts.clauses import UNICODE
from engine.ports.contracts.harness import ADAPTER, Setup, stage

TEXTS: Final = ("2026-01-31;2026-01-31T12:00:00;E1-2026-000001;119.00;", "", *UNICODE)
"""Texts that are signed."""
NONE: Final = ("", "no signature", "QUJD", "é", "\0", "x" * 10_000)
"""What is no signature."""


class SigningContract:
    """The contract of keys that sign.  A subclass says how the plug-in is set up, its secrets included."""

    setup: Setup
    port: ClassVar[str] = "signing"

    def made(self, home: Path) -> Signer:
        """The key, as the host takes it."""
        return stage(self.setup, self.port, home).host.signers()[ADAPTER]

    @pytest.fixture
    def signer(self, tmp_path: Path) -> Signer:
        """The key of one object of the plug-in."""
        return self.made(tmp_path)

    def test_the_same_text_has_the_same_signature(self, signer: Signer, tmp_path: Path) -> None:
        """From every object of the plug-in, and from several threads at once."""
        first = [signer.sign(text) for text in TEXTS]
        assert len(set(first)) == len(TEXTS)
        assert [self.made(tmp_path).sign(text) for text in TEXTS] == first
        with ThreadPoolExecutor(4) as pool:
            assert list(pool.map(signer.sign, TEXTS * 3)) == first * 3

    def test_a_signature_can_stand_in_a_text(self, signer: Signer) -> None:
        """It is printable ASCII without the sign that separates the fields of a chain."""
        for text in TEXTS:
            signature = signer.sign(text)
            assert signature and signature.isascii() and signature.isprintable() and ";" not in signature

    def test_a_signature_is_good_for_its_text_alone(self, signer: Signer, tmp_path: Path) -> None:
        """By another object of the same key too; a text that differs in one sign has another."""
        for text in TEXTS:
            signature = signer.sign(text)
            assert signer.good(text, signature) and self.made(tmp_path).good(text, signature)
            assert not signer.good(f"{text} ", signature)

    @pytest.mark.parametrize("signature", NONE, ids=range(len(NONE)))
    def test_what_is_no_signature_is_not_good(self, signer: Signer, signature: str) -> None:
        """And nothing is raised."""
        assert signer.good(TEXTS[0], signature) is False

    def test_no_secret_is_shown(self, signer: Signer) -> None:
        """Not in a signature, and not in what the key looks like."""
        shown = [repr(signer), *(signer.sign(text) for text in TEXTS)]
        assert [
            name for name, value in self.setup.secrets.items() if value and any(value in one for one in shown)
        ] == []
