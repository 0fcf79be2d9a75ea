"""``tollbook match``: which payments of a folder pay which of its open documents."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from engine.cli.common import JsonOption, emit, out, show_findings, table

if TYPE_CHECKING:
    from engine.app import Explained


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command("match")
    def match(
        folder: Annotated[
            Path,
            typer.Argument(
                metavar="DIR",
                help="The folder with customers.csv, invoices.csv, payments.csv, and where there are such fx.json and remittances.csv.",
            ),
        ],
        result: Annotated[Path | None, typer.Option("--out", help="Write the result as JSON to this file.")] = None,
        rules: Annotated[
            list[Path] | None,
            typer.Option(
                "--rules",
                help="Folders of rules instead of those that come with Tollbook; later ones over earlier ones.",
            ),
        ] = None,
        explain: Annotated[str, typer.Option("--explain", help="Say of one payment how it comes out as it does.")] = "",
        as_json: JsonOption = False,
    ) -> None:
        """Match payments to open documents.  The books are not needed, and nothing is booked."""
        from engine.app import match_desk, match_result, write_matches

        desk = match_desk(rules or ())
        if explain:
            told = desk.explain(folder, explain)
            emit(_named(told) if as_json else None, as_json, lambda: _explain(told))
            return
        found = desk.match(folder)
        show_findings(found.findings)
        if result is not None:
            write_matches(found.matches, result)
        emit(match_result(found.matches) if as_json else None, as_json, lambda: _summary(found))


def _named(value: Any) -> Any:
    """A value with the names of its fields, where structs that are kept as arrays in files have none."""
    if isinstance(value, msgspec.Struct):
        return {name: _named(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, Mapping):
        return {key: _named(one) for key, one in value.items()}
    if isinstance(value, (tuple, list)):
        return [_named(one) for one in value]
    return value.__name__ if callable(value) else value


def _summary(found: Any) -> None:
    rows = [(status, why, f"{count:,}") for status, why, count in found.counts()]
    table(f"{len(found.matches):,} payments", ("status", "rule or reason", "payments"), rows, right=(2,))


def _explain(told: Explained) -> None:
    payment, match = told.payment, told.match
    for line in (
        f"{payment.id}: {payment.amount:f} {payment.currency} booked on {payment.booked}",
        f"  payer      {payment.payer_name or '-'} {payment.payer_account}".rstrip(),
        f"  text       {payment.remittance or '-'}",
        f"  reference  {payment.structured_reference or '-'}   end to end {payment.end_to_end_id or '-'}",
        f"  {match.status}" + (f" by {match.rule}, score {match.score:f}" if match.rule else ""),
        *_applied(told),
        *(f"  {note}" for note in match.trace),
    ):
        out.print(line, markup=False)
    for number, fit in enumerate(told.fits, 1):
        names = ", ".join(told.documents[each].number for each in fit.documents)
        out.print(f"\nfit {number}: {names}: {fit.band}", markup=False)
        facts = fit.facts
        out.print(
            f"  named by {facts.reference}, payer {facts.payer}, {facts.remainder}"
            + (f" by {facts.difference:f}" if facts.difference else ""),
            markup=False,
        )
        for line in (*(f"  near miss: {each}" for each in fit.near), *_tried(fit)):
            out.print(line, markup=False)
    if not told.fits:
        out.print("no document fits", markup=False)


def _applied(told: Explained) -> Iterator[str]:
    match = told.match
    if match.of:
        yield f"  of         {match.of}"
    if match.reason:
        yield f"  because    {match.reason}"
    for each in match.applications:
        document = told.documents[each.candidate]
        rest = [
            f"{amount:f} {kind}" for kind, amount in (("discount", each.discount), ("bank_fee", each.fee)) if amount
        ]
        rest += [f"{one.amount:f} {one.kind}{'' if one.settled else ' stays open'}" for one in each.residuals]
        yield f"  pays       {each.amount:f} of {document.number}" + (f", {', '.join(rest)}" if rest else "")
    if match.unapplied:
        yield f"  on account {match.unapplied:f}"


def _tried(fit: Any) -> Iterator[str]:
    for one in fit.trace.tried:
        mark = "=" if one.matched else "-"
        yield f"  {mark} {one.rule}: {'answers' if one.matched else one.near or one.failed} ({one.where})"
