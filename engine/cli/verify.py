"""``tollbook verify``: run the named checks over the books."""

from __future__ import annotations

from typing import Annotated

import typer

from engine.cli.common import WRONG_INPUT, JsonOption, emit, open_app, out, show_findings


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command("verify")
    def verify(
        context: typer.Context,
        names: Annotated[list[str] | None, typer.Argument(help="Checks to run; all of them if none is named.")] = None,
        as_json: JsonOption = False,
    ) -> None:
        """Check that the books are whole: entries balance, totals add up, numbers have no gap, no row was changed by hand.

        Exit 1 if they are not.  The head of the chain, kept elsewhere, shows later that the chain was not made anew.
        """
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            results = tollbook.verify(names or ())
            position, head = tollbook.chain_head()
        wrong = [finding for findings in results.values() for finding in findings]
        show_findings(wrong)

        def render() -> None:
            for name, findings in results.items():
                out.print(f"{'wrong' if findings else 'good ':<6} {name}" + (f": {len(findings)}" if findings else ""))
            if position and "chain" in results:
                out.print(f"head of the chain: {position} {head}")

        emit({name: list(findings) for name, findings in results.items()}, as_json, render)
        if wrong:
            raise typer.Exit(WRONG_INPUT)
