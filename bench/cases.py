"""Ten thousand cases: what ``tollbook test`` does with them, all files read and checked before."""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from engine import families
from engine.app.authoring_desk import AuthoringDesk
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
    """The time of one process for all cases, and for one file that is saved while all are watched."""
    exact_arithmetic()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "pricing"
        folder.mkdir()
        for number in range(FILES):
            (folder / f"meter_{number:04d}.yaml").write_text(_file(number))
        yield "| what | of | processor time | by the clock |"
        yield "|---|---|---|---|"
        desk = RuleDesk(families.ALL, (Path(name),))
        started = _now()
        report = desk.test()
        yield _row("test", f"{FILES * CASES:,} cases in {FILES} files", started)
        assert len(report.results) == FILES * CASES
        assert not report.findings
        watch = AuthoringDesk(desk).watch()
        watch.look()
        saved = folder / "meter_0007.yaml"
        saved.write_text(saved.read_text().replace("0.02 EUR", "0.020 EUR"))
        started = _now()
        seen = watch.look()
        yield _row("watch", f"one file of {FILES} saved", started)
        assert seen is not None
        assert (seen.asked, seen.failed) == (CASES, 0)


def _now() -> tuple[float, float]:
    return time.process_time(), time.perf_counter()


def _row(name: str, what: str, started: tuple[float, float]) -> str:
    spent = tuple(now - then for now, then in zip(_now(), started, strict=True))
    return f"| {name} | {what} | {spent[0]:.2f} s | {spent[1]:.2f} s |"
