"""The contract of the port ``bank`` as tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import ClassVar

import pytest

from engine.base.errors import TollbookError
from engine.ports.contracts.harness import Setup, stage
from engine.ports.hookspecs.bank import Kind, Statement


class BankContract:
    """The contract of adapters that read bank files.  A subclass says how it is set up and gives files."""

    setup: ClassVar[Setup]

    def files(self) -> Mapping[str, Sequence[bytes]]:
        """Files that the plug-in can read, some of each kind, with at least one entry in each."""
        raise NotImplementedError("give some files that the plug-in can read")

    @pytest.fixture
    def kinds(self, tmp_path: Path) -> dict[str, Kind]:
        """What the plug-in provides, as the host takes it."""
        return dict(stage(self.setup, "bank", tmp_path).host.kinds())

    def test_every_kind_has_words_and_files(self, kinds: dict[str, Kind]) -> None:
        """Each says what it is, and is shown by a file."""
        assert kinds.keys() == self.files().keys()
        assert all(kind.text.strip() for kind in kinds.values())

    def test_a_file_is_of_one_kind(self, kinds: dict[str, Kind]) -> None:
        """By its content; with the mark of UTF-8, and with other ends of lines, it is the same."""
        for name, files in self.files().items():
            for data in files:
                for variant in (data, b"\xef\xbb\xbf" + data, data.replace(b"\n", b"\r\n")):
                    assert [other for other, kind in kinds.items() if kind.recognises(variant)] == [name]
                    assert shown(kinds[name].read(variant)) == shown(kinds[name].read(data))

    @pytest.mark.parametrize("data", [b"", b"\n", b"hello", b"\xff\xfe\x00", b"<a/>", b"1,2\n3,4\n", b"%PDF-1.7"])
    def test_other_files_are_of_none(self, kinds: dict[str, Kind], data: bytes) -> None:
        """Whatever they are, they are not taken, and nothing is raised."""
        assert [name for name, kind in kinds.items() if kind.recognises(data)] == []

    def test_amounts_are_exact_and_not_negative(self, kinds: dict[str, Kind]) -> None:
        """And every file has an entry."""
        for name, files in self.files().items():
            for data in files:
                entries = [entry for found in kinds[name].read(data) for entry in found.entries]
                assert entries
                for one in (*entries, *(part for entry in entries for part in entry.details)):
                    assert isinstance(one.amount, Decimal) and not one.amount.is_signed()
                    assert one.sign in ("C", "D")

    def test_the_same_bytes_give_the_same_statements(self, kinds: dict[str, Kind]) -> None:
        """Also from several threads at once."""
        for name, files in self.files().items():
            first = [kinds[name].read(data) for data in files]
            with ThreadPoolExecutor(4) as pool:
                assert list(pool.map(kinds[name].read, [*files, *files])) == [*first, *first]

    def test_what_is_cut_off_or_broken_is_refused_or_read(self, kinds: dict[str, Kind]) -> None:
        """Never anything else is raised than a finding with a line, and no entry comes into being."""
        for name, files in self.files().items():
            for data in files:
                whole = sum(len(one.entries) for one in kinds[name].read(data))
                for at in range(0, len(data), max(1, len(data) // 40)):
                    for broken in (data[:at], data[:at] + b"?" + data[at + 1 :]):
                        try:
                            found = kinds[name].read(broken)
                        except TollbookError as error:
                            assert all(finding.code and finding.what for finding in error.findings)
                        else:
                            assert sum(len(one.entries) for one in found) <= whole


def shown(statements: Sequence[Statement]) -> list[object]:
    """Statements without the places of their flaws."""
    return [
        (one.account, one.currency, one.opening, one.closing, one.entries, [f.code for f in one.flaws])
        for one in statements
    ]
