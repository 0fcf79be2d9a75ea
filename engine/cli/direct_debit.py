"""``tollbook direct-debit``: what is collected under mandates, and what banks say of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from engine.cli.common import (
    JsonOption,
    PersonOption,
    ReasonOption,
    coins,
    emit,
    open_app,
    out,
    show_findings,
    table,
)
from engine.cli.options import OnOption, day_or_today

EntityOption = Annotated[str, typer.Option("--entity", help="This legal entity only.")]
KeyArgument = Annotated[str, typer.Argument(help="Key of the collection.")]
_ROW = ("key", "account", "mandate", "document", "amount", "due", "sequence")


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    group = typer.Typer(help="Collect by SEPA direct debit.", no_args_is_help=True)
    app.add_typer(group, name="direct-debit")
    _register_run(group)
    _register_news(group)
    _register_looks(group)


def _register_run(group: typer.Typer) -> None:
    @group.command("run")
    def run(
        context: typer.Context,
        on: OnOption = None,
        entity: EntityOption = "",
        dry: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")] = False,
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Plan what is to be collected, and hand over what is near; the same day again does nothing new."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            if dry:
                report = tollbook.direct_debits.preview(day_or_today(on), entity=entity)
            else:
                change = tollbook.change(person, "run", reason)
                report = tollbook.direct_debits.run(change, day_or_today(on), entity=entity)
        show_findings(report.findings)

        def render() -> None:
            for title, rows in (("planned", report.planned), ("sent", report.sent)):
                shown = [
                    (r.key, r.account, r.mandate, r.number, coins(r.amount, "EUR"), r.due, r.sequence) for r in rows
                ]
                if shown:
                    table(title, _ROW, shown, right=(4,))
            told = {name: count for name, count in report.counts.items() if count}
            if not (report.planned or report.sent):
                out.print("nothing to collect", markup=False)
            if told:
                out.print(", ".join(f"{count} {name}" for name, count in told.items()), markup=False)

        emit(report, as_json, render)


def _register_news(group: typer.Typer) -> None:
    @group.command("hear")
    def hear(
        context: typer.Context,
        file: Annotated[Path, typer.Argument(help="A file of the bank: pain.002, camt.053 or camt.054.")],
        adapter: Annotated[str, typer.Option("--adapter", help="Who reads it, where several could.")] = "",
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Book what a file of a bank says of collections; the same file again books nothing."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            change = tollbook.change(person, "run", reason)
            heard = tollbook.direct_debits.hear(change, file, day_or_today(None), adapter=adapter)
        show_findings(heard.findings, limit=200)
        words = f"{heard.settled} settled, {heard.rejected} rejected, {heard.returned} taken back, {heard.known} known before"
        emit(heard, as_json, lambda: out.print(words, markup=False))

    @group.command("notify")
    def notify(
        context: typer.Context,
        key: KeyArgument,
        evidence: Annotated[
            str, typer.Option("--evidence", help="What shows it: number of the letter, id of the mail.")
        ],
        on: OnOption = None,
        entity: EntityOption = "",
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Record that the debtor was told of a collection."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            change = tollbook.change(person, "run", reason)
            view = tollbook.direct_debits.notify(key, evidence, change, day_or_today(on), entity)
        last = view.steps[-1]
        words = f"{key} was told on {last.day}, and is due on {last.due} at the earliest"
        emit(view, as_json, lambda: out.print(words, markup=False))


def _register_looks(group: typer.Typer) -> None:
    @group.command("list")
    def listing(
        context: typer.Context,
        account: Annotated[str, typer.Option("--account", help="Those of this account only.")] = "",
        state: Annotated[
            str, typer.Option("--state", help="planned, notified, sent, settled, rejected, returned or dropped.")
        ] = "",
        entity: EntityOption = "",
        limit: Annotated[int, typer.Option("--limit", min=1, help="At most this many.")] = 1000,
        as_json: JsonOption = False,
    ) -> None:
        """List collections, the oldest first."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            listed = tollbook.direct_debits.listed(entity, account, state, limit)
        rows = [(d.key, d.account, d.mandate, d.number, coins(d.amount, "EUR"), d.due, d.state) for d in listed]
        emit(listed, as_json, lambda: table("", (*_ROW[:-1], "state"), rows, right=(4,)))

    @group.command("show")
    def show(context: typer.Context, key: KeyArgument, entity: EntityOption = "", as_json: JsonOption = False) -> None:
        """Show a collection step by step."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            view = tollbook.direct_debits.shown(key, entity)

        def render() -> None:
            one = view.debit
            words = f"{one.key}: {coins(one.amount, 'EUR')} EUR of {one.number}, account {one.account}, mandate {one.mandate}"
            out.print(words, markup=False)
            columns = ("day", "state", "amount", "due", "sequence", "code", "class", "fee", "evidence")
            table("steps", columns, map(_step, view.steps), right=(2, 7))
            if view.answer:
                file = view.answer.get("evidence", {}).get("file", "")
                out.print(f"the provider: {view.answer['state']} {file} {view.answer['reason']}".rstrip(), markup=False)

        emit(view, as_json, render)


def _step(step: Any) -> tuple[Any, ...]:
    fee = coins(step.fee, "EUR") if step.fee else ""
    head = (step.day, step.state, coins(step.amount, "EUR"), step.due, step.sequence, step.code, step.kind, fee)
    return (*head, step.evidence or step.effect)
