"""Worked numbers of usage: blocks, capacity, what was billed before, periods, and whole stories of subscriptions."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.vectors.reading import ABSENT, FOLDER
from tests.vectors.usage_tiers import RUNNERS

PATH = FOLDER / "usage_tiers.yaml"


def every() -> list[Any]:
    if not PATH.exists():
        return [pytest.param("", {}, {}, marks=ABSENT, id="usage_tiers-absent")]
    document = yaml.safe_load(PATH.read_text("utf-8"))
    return [pytest.param(name, one, document, id=one["id"]) for name in RUNNERS for one in document.get(name) or ()]


@pytest.mark.capability("A2.1")
@pytest.mark.capability("A2.5")
@pytest.mark.parametrize(("section", "case", "document"), every())
def test_usage(section: str, case: dict[str, Any], document: dict[str, Any]) -> None:
    outcome = RUNNERS[section](case, document)
    assert outcome.status == "passed", f"expected {outcome.expected}\nactual {outcome.actual}"
