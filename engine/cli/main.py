"""The command line: ``tollbook VERB``.  Each verb is a module of this folder with a ``register(app)``."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Annotated

import typer
import typer.exceptions

from engine.base.errors import TollbookError
from engine.cli import failure
from engine.cli.common import COULD_NOT_RUN, DONE, WRONG_INPUT, Session, err
from engine.cli.verbs_help import WIDEST, whole

VERBS = (
    "init",
    "import_",
    "cutover",
    "run",
    "conditions",
    "drafts",
    "po",
    "runs",
    "void",
    "credit",
    "debit",
    "advance",
    "account",
    "payments",
    "mandate",
    "direct_debit",
    "dispute",
    "wallet",
    "dunning",
    "deliver",
    "clearance",
    "erp",
    "document",
    "bank",
    "match",
    "cash",
    "requests",
    "plugins",
    "new_plugin",
    "tax",
    "verify",
    "ledger",
    "revenue",
    "close",
    "rates",
    "approvals",
    "scheduler",
    "schedule",
    "work",
    "trigger",
    "unbilled",
    "serve",
    "usage",
    "worklist",
    "changes",
    "delivery",
    "inbox",
    "exchange",
    "explain",
    "preview",
    "subscription",
    "contract",
    "align",
    "renewals",
    "rerate",
    "release",
    "simulate",
    "tune",
    "rules_check",
    "rules_test",
    "rules_facts",
    "rules_fmt",
    "rules_schema",
    "watch",
    "table",
    "new_ruleset",
    "import_prices",
)
"""The modules that register verbs, in the order of ``--help``."""

UNAVAILABLE = frozenset({"store.cannot-open", "store.unavailable", "run.worker-lost"})
"""Codes of what is no fault of the input: the command could not run."""

INTERRUPTED = 130
"""What typer makes of an interrupt from the keyboard."""


def named(arguments: Sequence[str]) -> Sequence[str]:
    """The modules of the verbs that stand among some words; all of them where none does."""
    words = {word.replace("-", "_") for word in arguments}
    return [name for name in VERBS if name.removeprefix("rules_").rstrip("_") in words] or VERBS


def build(modules: Sequence[str] = VERBS) -> typer.Typer:
    """The command with the verbs of some modules, all by default."""
    app = typer.Typer(
        name="tollbook",
        help="A rules-driven billing engine.",
        no_args_is_help=True,
        invoke_without_command=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"max_content_width": WIDEST},
    )

    @app.callback()
    def options(
        context: typer.Context,
        config: Annotated[Path, typer.Option("--config", help="The config file.", envvar="TOLLBOOK_CONFIG")] = Path(
            "config.yaml"
        ),
        settings: Annotated[
            list[str] | None, typer.Option("--set", help="Replace a setting: --set database.url=sqlite:///x.db")
        ] = None,
        version: Annotated[bool, typer.Option("--version", help="Print the version and leave.", is_eager=True)] = False,
    ) -> None:
        if version:
            typer.echo(f"tollbook {metadata.version('tollbook')}")
            raise typer.Exit
        pairs = [text.partition("=") for text in settings or []]
        context.obj = Session(config, {key: value for key, _, value in pairs})

    for name in modules:
        importlib.import_module(f"engine.cli.{name}").register(app)
    return whole(app)


def main() -> None:
    """Run the command and leave with its exit code."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command; the exit code instead of an exception, whatever happens."""
    as_json = "--json" in arguments
    try:
        result = build(named(arguments))(arguments or ["--help"], standalone_mode=False)
    except TollbookError as error:
        failure.report(error.findings, as_json)
        return COULD_NOT_RUN if any(f.code in UNAVAILABLE for f in error.findings) else WRONG_INPUT
    except typer.Exit as stop:
        return int(stop.exit_code)
    except typer.exceptions.TyperException as error:
        failure.report([failure.wrong_use(error.format_message())], as_json)
        return WRONG_INPUT
    except (typer.Abort, KeyboardInterrupt):
        result = INTERRUPTED
    except Exception as error:
        failure.report([failure.fault(error)], as_json)
        return COULD_NOT_RUN
    if result == INTERRUPTED:
        err.print("stopped; what was committed stays, `tollbook runs resume` goes on")
        return COULD_NOT_RUN
    return result if isinstance(result, int) else DONE
