"""Tables read many rows at a time: the same rows, and anything odd is left to the reader that says what it is."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from engine.runs.matching import tables
from engine.runs.matching.files import LAYOUTS
from engine.runs.matching.tables import blocks, rows

LAYOUT = LAYOUTS["invoices.csv"]
HEADER = "number,invoice_id,kind,customer_id,issued,due,currency,amount,open_amount,terms"
ROW = "INV-1,I1,invoice,C1,2026-01-01,2026-01-31,EUR,10.00,10.00,net30"
OTHER = ROW.replace("I1", "I2").replace("net30", '"net,\n30 "')


def test_many_rows_at_a_time_are_the_same_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "invoices.csv"
    path.write_text(f"\ufeff{HEADER}\n{ROW}\n\n{OTHER}\n{ROW.replace('I1', 'I3')}\n", encoding="utf-8")
    monkeypatch.setattr(tables, "BLOCK", 2)
    quick = [list(row) for block in blocks(path, LAYOUT) for row in block]
    assert quick == list(rows(path, LAYOUT, [])) and len(quick) == 3
    assert quick[1][9] == "net,\n30" and quick[0][8] is quick[0][7]


@pytest.mark.parametrize(
    "text",
    [
        f"{HEADER}\n{ROW}\n{ROW}\n",
        f"{HEADER}\n{ROW},\n",
        f"{HEADER},more\n{ROW},\n",
        f"{HEADER.replace('kind', 'sort')}\n{ROW}\n",
        f"{HEADER},due\n{ROW},\n",
        f"{HEADER}\n{ROW.replace('2026-01-31', 'soon')}\n",
        f"{HEADER}\n{ROW.replace('10.00,10.00', '10.00,NaN')}\n",
        f"{HEADER}\n{ROW.replace('10.00,10.00', '10.00,11.00')}\n",
        f"{HEADER}\n{ROW.replace('EUR', 'EURO')}\n",
        f'{HEADER}\n"{ROW}\n',
        f"{HEADER}\nINV\xe9{ROW}\n",
    ],
)
def test_what_is_odd_is_not_read_so(tmp_path: Path, text: str) -> None:
    path = tmp_path / "invoices.csv"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises((ValueError, csv.Error)):
        list(blocks(path, LAYOUT))
