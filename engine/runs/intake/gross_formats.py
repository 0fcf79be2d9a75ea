"""The column of ``charges`` that says whether prices include tax."""

from __future__ import annotations

from typing import Final

from engine.runs.intake.shapes import Column

TAX_INCLUDED: Final = Column(
    "tax_included",
    "boolean",
    "whether its price includes tax: the net amount of a line is then what the tax leaves of it",
    default="false",
)
"""The column of ``charges``."""
