"""How a result compares with the truth: what was applied without a person and was wrong, and what was not applied."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from decimal import Decimal
from typing import Any


def _pairs(applications: Any) -> list[tuple[str, Decimal]]:
    return sorted((document, Decimal(amount)) for document, amount in applications)


def score(truth: Mapping[str, Any], result: Mapping[str, Any]) -> dict[str, Any]:
    """Marks: precision of what was applied, dangerous applications, the part of the eligible that was applied."""
    counts: Counter[str] = Counter()
    scenarios: dict[str, Counter[str]] = defaultdict(Counter)
    wrong = []
    for payment, want in truth.items():
        got = result[payment]
        right = [_pairs(each) for each in (want["applications"], *want["acceptable"])]
        mine = _pairs(got["applications"])
        eligible = bool(want["auto_ok"] and want["applications"])
        here = scenarios[want["scenario"]]
        here["payments"] += 1
        counts["eligible"] += eligible
        if got["status"] in ("auto", "return") and mine:
            good = mine in right and want["status"] != "duplicate" and bool(want["applications"])
            counts["applied"] += 1
            counts["applied_eligible"] += eligible
            counts["right"] += good
            here["right" if good else "WRONG"] += 1
            counts["dangerous"] += not good and (
                want["status"] in ("duplicate", "unidentified") or not want["applications"]
            )
            if not good:
                wrong.append(
                    {
                        "payment": payment,
                        "scenario": want["scenario"],
                        "rule": got.get("rule"),
                        "got": got["applications"],
                        "want": want["applications"],
                    }
                )
        elif eligible:
            here["not applied"] += 1
        elif mine and mine in right:
            here["proposed"] += 1
    return {
        "payments": len(truth),
        "eligible": counts["eligible"],
        "applied": counts["applied"],
        "precision": round(counts["right"] / max(counts["applied"], 1), 6),
        "auto_of_eligible": round(counts["applied_eligible"] / max(counts["eligible"], 1), 5),
        "dangerous": counts["dangerous"],
        "wrong": wrong[:20],
        "scenarios": {name: dict(scenarios[name]) for name in sorted(scenarios)},
    }
