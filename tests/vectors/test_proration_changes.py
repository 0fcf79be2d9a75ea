"""Changes in mid-cycle, billed by bill runs: credit and charge lines to the cent."""

from __future__ import annotations

from typing import Any

import pytest

from tests.vectors import proration_changes
from tests.vectors.reading import supported

FILE = "proration_changes"


def every(vector: dict[str, Any]) -> bool:
    return True


@pytest.mark.capability("A2.3")
@pytest.mark.parametrize("vector", supported(FILE, "vectors", every))
def test_change(vector: dict[str, Any]) -> None:
    outcome = proration_changes.change(vector, {})
    assert outcome.status == "passed", (outcome.expected, outcome.actual)


@pytest.mark.capability("A2.3")
@pytest.mark.parametrize("vector", supported(FILE, "anchors", every))
def test_anchor(vector: dict[str, Any]) -> None:
    outcome = proration_changes.anchor(vector, {})
    assert outcome.status == "passed", (outcome.expected, outcome.actual)
