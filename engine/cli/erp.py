"""``tollbook erp``: the journal in the general ledger of another system."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from engine.cli.common import (
    Bars,
    JsonOption,
    PersonOption,
    ReasonOption,
    emit,
    open_app,
    out,
    plain,
    show_findings,
    table,
)
from engine.model.erp import MENDS, Compared, Shown, Stands

KeyArgument = Annotated[str, typer.Argument(help="Key of the document; `tollbook erp list` shows it.")]
SinceOption = Annotated[
    datetime | None, typer.Option("--since", formats=["%Y-%m-%d"], help="From this posting date on.")
]
UntilOption = Annotated[
    datetime | None,
    typer.Option("--until", formats=["%Y-%m-%d"], help="Up to and with this posting date; default: today."),
]


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    group = typer.Typer(
        help="Post the journal to another system's general ledger, and compare the two.", no_args_is_help=True
    )
    app.add_typer(group, name="erp")
    _register_post(group)
    _register_looking(group)
    _register_resend(group)


def _register_post(group: typer.Typer) -> None:
    @group.command("post")
    def post(
        context: typer.Context,
        until: UntilOption = None,
        dry_run: Annotated[
            bool, typer.Option("--dry-run", help="Show the documents; change and tell nothing.")
        ] = False,
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Make documents of the entries that are in none yet, by the rules of the family erp, and post them.  What was posted is
        not posted again."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook, Bars() as bars:
            change = tollbook.change(person, "run", reason)
            day = (until or datetime.now(UTC)).date()
            report = tollbook.erp.post(day, change, dry_run=dry_run, progress=bars)
        show_findings(report.findings)
        counts = report.counts

        def render() -> None:
            rows = [
                (
                    d["key"],
                    d["document_type"],
                    d["posting_date"],
                    d["currency"],
                    d["entries"],
                    len(d["lines"]),
                    d["text"],
                )
                for d in report.details
            ]
            if rows:
                table("", ("key", "type", "posting date", "currency", "entries", "lines", "text"), rows, right=(4, 5))
            made = f"{counts['documents']} documents of {counts['entries']} entries"
            told = f"{counts['accepted']} posted, {counts['retry']} to be tried again, {counts['rejected']} rejected"
            out.print(f"{made} would be made" if dry_run else f"{made}; {told}", markup=False)

        emit(report, as_json, render)


def _register_looking(group: typer.Typer) -> None:
    @group.command("list")
    def listing(
        context: typer.Context,
        state: Annotated[str, typer.Option("--state", help="Only pending, accepted or rejected ones.")] = "",
        since: SinceOption = None,
        until: UntilOption = None,
        limit: Annotated[int, typer.Option("--limit", min=1, max=100_000, help="How many, the oldest first.")] = 1000,
        as_json: JsonOption = False,
    ) -> None:
        """List documents by posting date, as the books know them, with their numbers in the other system."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            days = (since.date() if since else None, until.date() if until else None)
            found = tollbook.erp.listed(state, *days, limit)
        emit([plain(one) for one in found], as_json, lambda: _table(found))

    @group.command("show")
    def show(context: typer.Context, key: KeyArgument, as_json: JsonOption = False) -> None:
        """Show a document: its lines, and the entries that are in it."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            shown = tollbook.erp.shown(key)
        emit(plain(shown), as_json, lambda: _show(shown))

    @group.command("reconcile")
    def reconcile(
        context: typer.Context,
        since: SinceOption = None,
        until: UntilOption = None,
        as_json: JsonOption = False,
    ) -> None:
        """Compare what was posted with what the other system has, document by document; exit 1 where they differ."""
        last = (until or datetime.now(UTC)).date()
        first = since.date() if since else last.replace(day=1)
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            compared = tollbook.erp.compare(first, last)
        show_findings(compared.findings)
        emit(plain(compared), as_json, lambda: _compared(compared))
        if compared.findings or compared.unposted or set(compared.counts) - {"posted", "nothing"}:
            raise typer.Exit(1)


def _register_resend(group: typer.Typer) -> None:
    @group.command("resend")
    def resend(
        context: typer.Context,
        key: KeyArgument,
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Let a document that was refused, or that the other system lost, be posted again, under a new key."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            new = tollbook.erp.resend(key, tollbook.change(person, "run", reason))
        words = f"{key} is in the outbox as {new}; `tollbook erp post` tells it"
        emit({"key": new}, as_json, lambda: out.print(words, markup=False))


def _table(found: list[Stands]) -> None:
    columns = ("posting date", "entity", "key", "adapter", "debits", "currency", "state", "number", "there", "reason")
    rows = [
        (
            *(
                s.document.posting_date,
                s.document.entity,
                s.document.effect,
                s.document.adapter,
                f"{s.document.debit:,}",
            ),
            *(s.document.currency, s.state, " ".join(filter(None, (s.number, s.fiscal_year)))),
            *("" if s.there is None or s.there == s.document.debit else f"{s.there:,}", s.reason),
        )
        for s in found
    ]
    table("", columns, rows, right=(4, 8))


def _show(shown: Shown) -> None:
    _table([Stands(shown.document, "waiting")] if shown.document.state == "pending" else [])
    out.print(
        f"{shown.document.effect} of {shown.document.posting_date}: {shown.document.state or 'nothing to post'}",
        markup=False,
    )
    lines = shown.payload["lines"] if shown.payload else []
    functional = shown.document.functional_currency
    rows = [(line["account"], line["amount"], line["functional"], line["text"]) for line in lines]
    table("", ("account", shown.document.currency, f"in {functional}", "text"), rows, right=(1, 2))
    table("", ("entry", "kind", "day", "text"), list(shown.entries), right=(0,))


def _compared(compared: Compared) -> None:
    wrong = [one for one in compared.documents if one.state not in ("posted", "nothing")]
    if wrong:
        _table(wrong)
    for state in sorted({one.state for one in wrong}):
        out.print(f"{state}: {MENDS[state]}", markup=False)
    for entity, count, debit in compared.unposted:
        words = f"{entity}: {count} entries with debits of {debit:,} are in no document; `tollbook erp post` makes them"
        out.print(words, markup=False)
    good = compared.counts.get("posted", 0)
    out.print(f"{compared.since} to {compared.until}: {good} documents agree, {len(wrong)} do not", markup=False)
