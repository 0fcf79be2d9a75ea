"""Other files of the same schemas: numbers in other forms, and keys in another order, are the same case."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.vectors.__main__ import main

PRICING = """
vectors:
- {model: per_unit, id: tiny, params: {unit: 0.00001}, quantity: 1234567, expected: 12.34567}
- {id: text, model: per_unit, params: {unit: "0.00001"}, quantity: "1234567", expected: "12.34567"}
- {id: tier, model: graduated, quantity: 10.5, expected: 11.25, params: {tiers: [{unit: 1, up_to: 10, flat: 0}, {flat: 0.0, up_to: null, unit: 2.5}]}}
"""
TIMELINE = """
timelines:
- id: one-price-in-three-forms
  steps:
  - terms: {sub: a, from: 2016-05-01, plan: p, price: '249.95', bcd: 1}
  - bill: {target: 2016-05-01, expect: [{kind: RECURRING, sub: a, from: 2016-05-01, to: 2016-06-01, amount: 249.95}]}
  - event: {price: 249.95, bcd: 15, sub: a, plan: p, from: 2016-05-15}
  - bill: {expect: [{to: 2016-06-15, from: 2016-06-01, amount: '112.88', sub: a, kind: RECURRING}], target: 2016-05-15}
  - event: {price: '249.950', bcd: 20, sub: a, plan: p, from: 2016-06-15}
  - bill: {target: 2016-06-15, expect: [{kind: RECURRING, sub: a, from: 2016-06-15, to: 2016-06-20, amount: '40.31'}]}
"""
RENEWALS = """
cases:
- id: years-in-no-order
  currency: CU
  confidence: own
  contract: {expected_cost: {Y2: 80, Y1: '60'}, contracts: 10, price_per_year: 100, renewal_probability: 0.5, method: look-through by expected cost}
  expected: {adjusted_cost: {Y2: 40.00, Y1: 60.00}, per_contract_consideration: '150.00', stated_allocation: {Y1: 90, Y2: 60}}
"""


@pytest.mark.parametrize(
    ("name", "text", "count"),
    [("pricing_models", PRICING, 3), ("invoicing_timelines", TIMELINE, 1), ("revrec", RENEWALS, 1)],
)
def test_numbers_in_other_forms_and_keys_in_another_order(
    name: str, text: str, count: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / f"{name}.yaml").write_text(text)
    code = main([str(tmp_path)])
    told = capsys.readouterr()
    assert (code, told.out, told.err) == (0, f"{name}.yaml: {count} passed, 0 failed, 0 not supported\n", "")
