"""The shipped plug-ins keep the contracts of their ports."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.ports.contracts import DeliveryContract, Setup, TaxContract
from engine.ports.discovery import SHIPPED
from tests.plugins.documents import files


class TestTaxTable(TaxContract):
    setup = Setup(SHIPPED / "tax_table")


@pytest.mark.capability("A1.2")
class TestDeliveryFile(DeliveryContract):
    setup = Setup(SHIPPED / "delivery_file", {"folder": "out"}, timeout=5)

    def acts(self, home: Path) -> Any:
        folder = home / "out"
        return {name: ((folder / name).read_bytes(), (folder / name).stat().st_mtime_ns) for name in files(folder)}
