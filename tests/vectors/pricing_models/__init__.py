"""Published prices as rule sets: each vector becomes a rule file, is loaded, and priced by what a bill run prices with."""

from __future__ import annotations

from tests.vectors.pricing_models.runner import run

__all__ = ["run"]
