"""The shipped plug-ins keep the contracts of their ports."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from engine.ports.contracts import (
    BankContract,
    DeliveryContract,
    EinvoiceContract,
    Fault,
    Setup,
    TaxContract,
    UsageContract,
)
from engine.ports.discovery import SHIPPED
from tests.plugins.bank_samples import SAMPLES
from tests.plugins.documents import files
from tests.plugins.test_einvoice import DOCUMENTS


class TestTaxTable(TaxContract):
    setup = Setup(SHIPPED / "tax_table")


@pytest.mark.capability("A1.2")
class TestDeliveryFile(DeliveryContract):
    setup = Setup(SHIPPED / "delivery_file", {"folder": "out"}, timeout=5)

    def acts(self, home: Path) -> Any:
        folder = home / "out"
        return {name: ((folder / name).read_bytes(), (folder / name).stat().st_mtime_ns) for name in files(folder)}


@pytest.mark.capability("A2.4")
class TestUsageFolder(UsageContract):
    setup = Setup(SHIPPED / "usage_folder", {"folder": "in"})
    faults = ("refused",)

    @pytest.fixture(autouse=True)
    def folder(self, tmp_path: Path) -> None:
        self.home = tmp_path / "in"
        self.home.mkdir()

    def known(self, home: Path, events: Sequence[Mapping[str, str]]) -> None:
        lines = "".join(json.dumps(dict(event)) + "\n" for event in events)
        with (self.home / f"{len(list(self.home.iterdir())):04}.jsonl").open("w") as file:
            file.write(lines)

    @contextmanager
    def inject(self, fault: Fault) -> Iterator[None]:
        self.home.rename(self.home.with_name("away"))
        yield
        self.home.with_name("away").rename(self.home)


class TestEinvoiceEn16931(EinvoiceContract):
    setup = Setup(SHIPPED / "einvoice_en16931")

    def documents(self) -> list[Any]:
        return [DOCUMENTS["standard"], DOCUMENTS["credit note"], DOCUMENTS["reverse charge"]]


@pytest.mark.capability("A4.2")
class TestBankFiles(BankContract):
    setup = Setup(SHIPPED / "bank_files")

    def files(self) -> Mapping[str, Sequence[bytes]]:
        return SAMPLES
