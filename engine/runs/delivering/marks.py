"""What stands in the evidence of effects that wait."""

from __future__ import annotations

from typing import Final

IN_DOUBT: Final = "in_doubt"
"""It may have been done all the same."""

HELD: Final = "held"
"""Its document may not go yet; it was never told."""
