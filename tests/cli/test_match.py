"""``tollbook match``: the result, the explanation, and what it says of files that are wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.cli import main as tollbook

FILES = {
    "customers.csv": "customer_id,name,currency,known_iban,parent_id\nC1,Acme GmbH,EUR,DE1,\n",
    "invoices.csv": "invoice_id,number,kind,customer_id,issued,due,currency,amount,open_amount,terms,po_number,creditor_reference\n"
    "I1,INV-2026-001,invoice,C1,2026-01-01,2026-01-31,EUR,100.00,100.00,net30,,\n"
    "I2,INV-2026-002,invoice,C1,2026-01-01,2026-01-31,EUR,50.00,50.00,2/10net30,,\n",
    "payments.csv": "payment_id,bank_ref,booking_date,amount,currency,payer_name,payer_iban,remittance,end_to_end_id,structured_ref\n"
    'P1,B1,2026-01-20,100.00,EUR,Acme,,"Rg. INV-2026-001, danke",,\n'
    "P2,B2,2026-01-20,49.63,EUR,Acme,,INV-2026-002,,\n"
    "P3,B3,2026-01-20,7.00,EUR,Yara,,see advice,E9,\n",
    "fx.json": '{"EURUSD": "1.0850"}',
}


def folder(path: Path, **other: str) -> Path:
    for name, text in {**FILES, **other}.items():
        (path / name).write_text(text, encoding="utf-8")
    return path


@pytest.mark.capability("A4.2")
def test_payments_are_matched_to_a_file_of_results(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    advices = "payment_id,end_to_end_id,text\n,E9,RMR*IV*INV-2026-002**7.00\nP7,,lost\n"
    made = folder(tmp_path, **{"remittances.csv": advices})
    assert tollbook.run(["match", str(made), "--out", str(made / "result.json")]) == 0
    said = capsys.readouterr()
    assert "number-exact" in said.out and "an advice for 'P7' belongs to no payment [match.loose-advice]" in said.err
    result = json.loads((made / "result.json").read_text(encoding="utf-8"))
    assert result["P1"]["applications"] == [["I1", "100.00"]] and result["P1"]["status"] == "auto"
    assert result["P2"]["adjustments"] == [
        {"kind": "short_payment", "invoice": "I2", "amount": "0.37", "settled": False}
    ]
    assert (result["P3"]["status"], result["P3"]["applications"]) == ("review", [["I2", "0.37"]])
    assert tollbook.run(["match", str(made), "--json"]) == 0 and json.loads(capsys.readouterr().out) == result


def test_a_match_is_explained_with_what_it_missed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made, rules = folder(tmp_path), tmp_path / "rules" / "matching"
    rules.mkdir(parents=True)
    (rules / "mine.yaml").write_text(
        "ruleset: matching/mine\neffective: {from: 2020-01-01}\nhit: first\nrules:\n  - id: near\n"
        "    then: {method: close, band: auto, score: 0.9, residual: small, tolerance: {absolute: 0.25 EUR}}\n",
        encoding="utf-8",
    )
    words = ["match", str(made), "--rules", str(tmp_path / "rules"), "--explain"]
    assert tollbook.run([*words, "P2"]) == 0
    assert "near miss: 0.37 over a tolerance of 0.25 EUR" in capsys.readouterr().out
    assert tollbook.run(["match", str(made), "--explain", "P2"]) == 0
    out = capsys.readouterr().out
    assert "pays       49.63 of INV-2026-002, 0.37 short_payment stays open" in out
    assert "small-difference: difference 0.37 is 0.32 over tolerance 0.05" in out
    assert tollbook.run(["match", str(made), "--explain", "P2", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["payment"]["id"], [one["number"] for one in told["documents"].values()]) == ("P2", ["INV-2026-002"])
    assert {fit["trace"]["decision"]["method"] for fit in told["fits"]} == {"leave"}
    assert tollbook.run([*words, "P22"]) == 1
    assert "there is no payment 'P22' [match.unknown-payment]" in capsys.readouterr().err


WRONG = {
    "a day": (
        "payments.csv",
        ("2026-01-20,100", "20.01.2026,100"),
        "payments.csv:2:7: error: booking_date is '20.01.2026', no day",
    ),
    "an amount": ("payments.csv", ("49.63", '"49,63"'), "payments.csv:3:18: error: amount is '49,63', no amount"),
    "a currency": (
        "invoices.csv",
        ("EUR,50.00", "EURO,50.00"),
        "invoices.csv:3:50: error: currency is 'EURO', no currency",
    ),
    "a sign": ("invoices.csv", ("50.00,50.00", "-50.00,50.00"), "amount is -50.00, below zero"),
    "more than there is": (
        "invoices.csv",
        ("50.00,50.00", "50.00,60.00"),
        "invoices.csv:3:60: error: open_amount is 60.00 of 50.00",
    ),
    "twice": (
        "payments.csv",
        ("P2,B2", "P1,B2"),
        "payments.csv:3:1: error: payment_id 'P1' is there twice [match.double-id]",
    ),
    "a cell too many": (
        "customers.csv",
        ("DE1,", "DE1,,"),
        "customers.csv:2: error: the row has 6 cells, the header 5",
    ),
    "a column": (
        "customers.csv",
        ("customer_id", "customerid"),
        "there is no column 'customer_id' [match.missing-column]",
    ),
    "a kind": ("invoices.csv", ("002,invoice", "002,invoise"), "did you mean 'invoice'?"),
    "a rate": ("fx.json", ("1.0850", "-1"), "fx.json:1:12: error: the rate 'EURUSD' is -1"),
    "a quote": ("payments.csv", ('danke"', "danke"), "match.unreadable-file"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_with_a_file_is_said_with_its_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    file, (right, wrong), said = WRONG[name]
    made = folder(tmp_path, **{file: FILES[file].replace(right, wrong)})
    assert tollbook.run(["match", str(made), "--out", str(made / "result.json")]) == 1
    assert said in capsys.readouterr().err and not (made / "result.json").exists()


def test_a_folder_file_or_place_that_is_not_there_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert tollbook.run(["match", str(tmp_path / "none")]) == 1
    made = folder(tmp_path)
    assert tollbook.run(["match", str(made), "--out", str(tmp_path / "no" / "r.json")]) == 1
    assert tollbook.run(["match", str(made), "--rules", str(tmp_path)]) == 1
    (made / "invoices.csv").unlink()
    (made / "payments.csv").write_bytes(FILES["payments.csv"].encode() + b"\xff")
    assert tollbook.run(["match", str(made)]) == 1
    err = capsys.readouterr().err
    assert "payments.csv:5: error: the line is not UTF-8" in err
    for code in ("match.no-folder", "file.not-writable", "match.no-rules", "match.unreadable-file"):
        assert code in err


def test_customers_that_nobody_knows_are_worth_a_warning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = folder(tmp_path, **{"customers.csv": "customer_id,name,colour\nC2,Linden,red\n"})
    assert tollbook.run(["match", str(made)]) == 0
    err = capsys.readouterr().err
    assert "customer 'C1' is not in customers.csv" in err and "the column 'colour' is not read" in err
