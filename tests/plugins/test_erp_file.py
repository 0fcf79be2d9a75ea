"""Journal documents as files keep the contract of the port, and say what was in the books."""

from __future__ import annotations

import csv
from collections.abc import Collection
from pathlib import Path
from typing import Any

from engine.ports.contracts import ErpContract, Setup
from engine.ports.discovery import SHIPPED


class TestErpFile(ErpContract):
    setup = Setup(SHIPPED / "erp_file", {"folder": "out", "accounts": {"1200": "140000"}}, timeout=20)

    def acts(self, home: Path) -> Collection[Any]:
        return sorted(path.name for path in (home / "out").glob("*.csv"))

    def test_a_file_has_the_sides_of_each_line(self, tmp_path: Path) -> None:
        made = self.made(tmp_path)
        self.accepted(made, self.effect("a", currency="USD", functional="110.19", text="İnvoice; «1»"))
        (path,) = (tmp_path / "out").glob("*.csv")
        assert path.name == "2026-01-31-000000001.csv"
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        sides = ("account", "debit", "credit", "currency", "functional_debit", "functional_credit")
        assert [tuple(row[name] for name in sides) for row in rows] == [
            ("140000", "119.00", "", "USD", "110.19", ""),
            ("4000", "", "119.00", "USD", "", "110.19"),
        ]
        assert {row["text"] for row in rows} == {"İnvoice; «1»"}

    def test_what_was_changed_or_removed_there_is_seen(self, tmp_path: Path) -> None:
        """The files are asked, not the memory."""
        made = self.made(tmp_path)
        self.accepted(made, self.effect("a"))
        (path,) = (tmp_path / "out").glob("*.csv")
        path.write_text(path.read_text().replace("119.00", "118.00"))
        (changed,) = self.asked(made, self.effect("a"))
        assert changed.evidence["debit"] == "118.00"
        path.unlink()
        (gone,) = self.asked(made, self.effect("a"))
        assert (gone.state, "no longer there" in gone.reason) == ("retry", True)
