"""The contract of the port ``einvoice`` as tests."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import ClassVar

import msgspec
import pytest

from engine.base.errors import TollbookError
from engine.ports.contracts.harness import Setup, stage
from engine.ports.hookspecs.delivery import InvoiceDocument
from engine.ports.hookspecs.einvoice import Format


class EinvoiceContract:
    """The contract of adapters that write documents as files.  A subclass says how it is set up and gives documents."""

    setup: ClassVar[Setup]

    def documents(self) -> Iterable[InvoiceDocument]:
        """Documents that every format of the plug-in can be written of, of every kind that it knows."""
        raise NotImplementedError("give some documents that the plug-in can write")

    @pytest.fixture
    def formats(self, tmp_path: Path) -> dict[str, Format]:
        """What the plug-in provides, as the host takes it."""
        return dict(stage(self.setup, "einvoice", tmp_path).host.formats())

    def test_every_format_says_what_it_is(self, formats: dict[str, Format]) -> None:
        """A media type, a suffix that begins with a point, and some words."""
        assert formats
        for name, one in formats.items():
            assert "/" in one.media_type, name
            assert one.suffix.startswith(".") and len(one.suffix) > 1, name
            assert one.text.strip(), name

    def test_the_same_document_gives_the_same_bytes(self, formats: dict[str, Format]) -> None:
        """Also from several threads at once, and with other documents in between."""
        given = list(self.documents())
        for one in formats.values():
            first = [one.write(document) for document in given]
            assert all(first)
            with ThreadPoolExecutor(4) as pool:
                assert list(pool.map(one.write, [*given, *reversed(given)])) == [*first, *reversed(first)]

    def test_what_cannot_be_written_is_refused_whole(self, formats: dict[str, Format]) -> None:
        """A document whose tax does not follow from its lines is refused by a finding that names it."""
        document = next(iter(self.documents()))
        wrong = msgspec.structs.replace(document, tax=document.tax + 1, total=document.total + Decimal(2))
        for one in formats.values():
            with pytest.raises(TollbookError) as caught:
                one.write(wrong)
            assert all(finding.code and finding.what for finding in caught.value.findings)
