"""``tollbook watch``: check and test rule files whenever one is saved."""

from __future__ import annotations

import json
import sys
import time
from typing import Annotated, Any

import typer

from engine.cli.common import WRONG_INPUT, JsonOption, open_app, out, plain
from engine.cli.rules_check import FoldersArgument

EveryOption = Annotated[float, typer.Option("--every", help="Seconds between two looks.", min=0.05, max=60.0)]
OnceOption = Annotated[bool, typer.Option("--once", help="Look once and leave: with 1 where anything is wrong.")]
MOST_SHOWN = 20
CLEAR = "\x1b[2J\x1b[3J\x1b[H"


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command("watch")
    def watch(
        context: typer.Context,
        folders: FoldersArgument = None,
        every: EveryOption = 0.3,
        once: OnceOption = False,
        as_json: JsonOption = False,
    ) -> None:
        """Check and test rule files each time that one is saved, until Ctrl-C.  With --json a line of JSON a look."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            watching = tollbook.authoring(folders or ()).watch()
            try:
                while True:
                    started = time.perf_counter()
                    seen = watching.look()
                    if seen is not None:
                        _show(seen, time.perf_counter() - started, as_json)
                    if once:
                        raise typer.Exit(WRONG_INPUT if seen is None or not seen.good else 0)
                    time.sleep(every)
            except KeyboardInterrupt:
                if not as_json:
                    out.print()


def _show(seen: Any, seconds: float, as_json: bool) -> None:
    """One look: what is wrong, the worst first, and a line that sums up at the end."""
    if as_json:
        typer.echo(json.dumps(plain(seen), ensure_ascii=False))
        sys.stdout.flush()
        return
    if out.is_terminal:
        sys.stdout.write(CLEAR)
    order = {"error": 0, "warning": 1, "info": 2}
    listed = sorted(seen.findings, key=lambda finding: (order.get(finding.level, 3), str(finding.where)))
    for finding in listed[:MOST_SHOWN]:
        out.print(str(finding), markup=False)
    if len(listed) > MOST_SHOWN:
        out.print(f"... and {len(listed) - MOST_SHOWN} more findings")
    if seen.files and len(seen.files) <= 3:
        out.print(f"saved: {', '.join(seen.files)}", markup=False)
    counts = f"{seen.rulesets} rule sets, {seen.rules} rules, {seen.cases} cases"
    errors = sum(finding.level == "error" for finding in seen.findings)
    verdict = "good" if seen.good else f"{errors} {'error' if errors == 1 else 'errors'}"
    if seen.failed:
        verdict += f", {seen.failed} of {seen.cases} cases fail"
    again = f"; {seen.asked} asked" if seen.asked != seen.cases else ""
    shown = f"{verdict}: {counts}{again}; {seconds:.2f} s" if seen.rulesets else f"{verdict}; {seconds:.2f} s"
    out.print(shown, style="bold green" if seen.good else "bold red", markup=False)
    sys.stdout.flush()
