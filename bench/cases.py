"""Ten thousand cases: what ``tollbook test`` does with them, all files read and checked before."""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from engine import families
from engine.base.money import exact_arithmetic
from engine.rulebook.desk import RuleDesk

FILES, CASES = 500, 20


def _file(number: int) -> str:
    meter = f"meter_{number:04d}"
    cases = "".join(
        f"  - {{given: {{charge: {{key: {meter}}}, account: {{currency: EUR}}, quantity: {100 * n}}}, "
        f"expect: {{rule: {'bulk' if n >= 10 else 'small'}, amount: {n if n >= 10 else 2 * n}.00 EUR}}}}\n"
        for n in range(CASES)
    )
    return f"""ruleset: pricing/{meter}
scope: charge.key == "{meter}"
rules:
  - {{id: bulk, when: quantity >= 1000, then: {{method: per_unit, unit: 0.01 EUR}}}}
  - {{id: small, then: {{method: per_unit, unit: 0.02 EUR}}}}
cases:
{cases}"""


def measure(options: argparse.Namespace) -> Iterator[str]:
    """The time of one process for all cases."""
    exact_arithmetic()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "pricing"
        folder.mkdir()
        for number in range(FILES):
            (folder / f"meter_{number:04d}.yaml").write_text(_file(number))
        started = time.perf_counter()
        report = RuleDesk(families.ALL, (Path(name),)).test()
        seconds = time.perf_counter() - started
    assert len(report.results) == FILES * CASES
    assert not report.findings
    yield f"| test | {FILES * CASES:,} cases in {FILES} files | {seconds:.1f} s |"
