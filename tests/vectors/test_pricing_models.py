"""Published prices, all of them, as rule sets; and words that the published ones do not use, worked out by hand."""

from __future__ import annotations

from typing import Any

import pytest

from tests.vectors.pricing_models import run
from tests.vectors.reading import supported

FILE = "pricing_models"


@pytest.mark.capability("A2.1")
@pytest.mark.parametrize("vector", supported(FILE, "vectors", lambda vector: True))
def test_published_price(vector: dict[str, Any]) -> None:
    outcome = run(vector, {})
    assert outcome.status == "passed", f"expected {outcome.expected}, found {outcome.actual}"


TIERS = [{"up_to": "10", "unit": "5", "flat": "2"}, {"up_to": None, "unit": "3", "flat": "1"}]
OWN: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    ("per_unit", {"unit": "2", "free_units": "3"}, {"quantity": "5"}, "4"),
    ("per_unit", {"unit": "2", "minimum": "50", "maximum": "60"}, {"quantity": "5"}, "50"),
    ("per_unit", {"unit": "20", "minimum": "50", "maximum": "60"}, {"quantity": "5"}, "60"),
    ("graduated", {"tiers": TIERS, "discount_pct": "50"}, {"quantity": "12"}, "29.5"),
    ("graduated", {"tiers": TIERS, "zero_usage": "first_tier_flat", "maximum": "1"}, {"quantity": "0"}, "1"),
    ("graduated_delta", {"tiers": TIERS}, {"quantity": "12", "prior_quantity": "4"}, "37"),
    ("graduated_delta", {"tiers": TIERS, "zero_usage": "first_tier_flat"}, {"quantity": "4"}, "22"),
    ("graduated_delta", {"tiers": TIERS, "maximum": "25"}, {"quantity": "12", "prior_quantity": "4"}, "3"),
    ("volume_delta", {"tiers": TIERS}, {"quantity": "11", "prior_quantity": "10", "prior_billed": "52"}, "-18"),
    ("package_split", {"size": "10", "amount": "15", "round": "up"}, {"quantity": "5", "prior_quantity": "12"}, "0"),
    ("package_split", {"size": "10", "amount": "15", "round": "down"}, {"quantity": "9", "prior_quantity": "12"}, "15"),
    ("package", {"size": "10", "amount": "15", "round": "half_up"}, {"quantity": "15"}, "30"),
    ("package", {"size": "10", "amount": "15", "round": "none"}, {"quantity": "15"}, "22.5"),
    ("graduated_percentage", {"tiers": [{"up_to": "100", "rate_pct": "2"}, {"up_to": None, "rate_pct": "1", "flat": "3"}]},
     {"quantity": "300"}, "7"),
    ("percentage", {"rate_pct": "10", "free_events": 1}, {"events": ["100", "50", "0"]}, "5"),
    ("percentage", {"rate_pct": "10", "fixed_per_event": "1", "free_amount": "120"}, {"events": ["100", "20", "30"]}, "4"),
    ("percentage", {"rate_pct": "10", "fixed_per_event": "1", "free_amount": "120"}, {"events": ["100", "50"]}, "4"),
    ("percentage", {"rate_pct": "10", "free_events": 1, "free_amount": "120"}, {"events": ["150", "50"]}, "8"),
    ("percentage", {"rate_pct": "10", "fixed_per_event": "1", "min_per_event": "2", "max_per_event": "5"},
     {"events": ["1", "20", "90"]}, "10"),
    ("percentage", {"rate_pct": "10", "maximum": "7"}, {"events": ["50", "50"]}, "7"),
    ("volume_prorated", {"tiers": TIERS, "tier_selected_by": "full_units"}, {"quantity": "6", "full_units": "12"}, "19"),
    ("graduated_prorated", {"tiers": TIERS}, {"events": [{"units": "12", "prorated": "6"}, {"units": "-2", "prorated": "-1"}]}, "28"),
    ("graduated_prorated", {"tiers": TIERS}, {"events": [{"units": "3", "prorated": "1"}, {"units": "-5", "prorated": "-4"}]}, "0"),
    ("graduated_prorated", {"tiers": TIERS, "zero_usage": "first_tier_flat"}, {"events": []}, "2"),
    ("graduated_prorated", {"tiers": TIERS}, {"events": [{"units": "20", "prorated": "0"}, {"units": "2", "prorated": "1"}]}, "7"),
    ("weighted_sum", {"period_start": "2026-02-01T00:00:00Z", "period_end": "2026-03-01T00:00:00Z"},
     {"carried": "4", "events": [["2026-02-15T00:00:00Z", "6"], ["2026-03-01T00:00:00Z", "9"]]}, "7"),
    ("prorated_sum", {"period_days": 30}, {"carried": "5", "events": [{"units": "-3", "days_active": 10}]}, "4"),
    ("min_spend", {"unit": "1", "minimum": "100", "returns": "true_up"}, {"quantity": "40"}, "60"),
    ("min_spend", {"unit": "1", "minimum": "100"}, {"quantity": "10", "prior_quantity": "20"}, "80"),
    ("min_spend", {"unit": "1", "minimum": "100", "line_position": "mid_period"}, {"quantity": "10", "prior_quantity": "20"}, "10"),
    ("max_spend", {"unit": "10", "maximum": "100"}, {"quantity": "5", "prior_quantity": "7", "prior_billed": "70"}, "30"),
    ("max_spend", {"unit": "10", "maximum": "100"}, {"quantity": "5", "prior_quantity": "20"}, "0"),
    ("max_spend", {"unit": "10", "maximum": "100", "discount_pct": "50", "discount_before_cap": False}, {"quantity": "20"}, "50"),
    ("dynamic_multiplier", {"multiplier": "1.5", "minimum": "20"}, {"quantity": "10"}, "20"),
    ("credits", {"unit": "10", "credits": "20"}, {"quantity": "1"}, "0"),
    ("credits", {"unit": "10", "credits": "20"}, {"quantity": "1", "prior_quantity": "5"}, "10"),
    ("unit_conversion", {"op": "divide", "factor": "3", "round": "up", "unit": "2"}, {"quantity": "9"}, "6"),
    ("unit_conversion", {"op": "divide", "factor": "1000", "round": "ceiling", "unit": "2"}, {"quantity": "600", "prior_quantity": "600"}, "2"),
    ("unit_conversion", {"op": "multiply", "factor": "2", "tiers": TIERS, "mode": "volume"}, {"quantity": "6"}, "37"),
    ("usage_discount", {"free_units": "10"}, {"quantity": "4", "prior_quantity": "3", "unit_of_expected": "quantity"}, "0"),
    ("bucketed", {"inner": {"model": "per_unit", "unit": "1", "minimum": "3"}, "maximum": "7"}, {"buckets": ["1", "9", "0"]}, "7"),
    ("bucketed", {"inner": {"model": "graduated", "tiers": TIERS, "zero_usage": "first_tier_flat"}}, {"buckets": ["0", "1"]}, "9"),
    ("windowed_commitment", {}, {"windows": [{"usage": "12", "unit": "1", "commitment": "10", "overage_factor": "1.5", "true_up": True},
     {"usage": "1", "unit": "1", "commitment": "10", "overage_factor": "2", "true_up": False}]}, "14"),
    ("clamped_formula", {"tiers": TIERS, "discount_pct": "10", "min": "1", "max": "20"}, {"quantity": "5"}, "20"),
    ("commitment_true_up", {"commitment": "30", "counted_fees": [{"name": "a", "amount": "31", "prorated": False}]}, {}, "0"),
    ("commitment_true_up", {"commitment": "31", "period_fraction": {"days": 10, "of": 31}, "round": "half_up_2",
     "counted_fees": [{"name": "a", "amount": "3.10", "prorated": True}], "returns": "total"}, {}, "10"),
    ("proration_single", {"amount": "10", "period_days": 3, "active_days": 2, "round": "half_up_2"}, {}, "6.67"),
    ("proration_change", {"period_start": "2026-01-01", "period_end": "2026-01-31", "end": "inclusive", "change_at": "2026-01-31",
     "removed": [{"amount": "31", "quantity": "2"}], "added": [{"amount": "365", "quantity": "1", "own_period_days": 365}]}, {}, "-1"),
]  # fmt: skip


@pytest.mark.capability("A2.1")
@pytest.mark.parametrize(("model", "params", "more", "expected"), OWN)
def test_worked_out_by_hand(model: str, params: dict[str, Any], more: dict[str, Any], expected: str) -> None:
    outcome = run({"id": model, "model": model, "params": params, "expected": expected, **more}, {})
    assert outcome.status == "passed", f"expected {outcome.expected}, found {outcome.actual}"
