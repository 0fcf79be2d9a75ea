"""``tollbook tax report --scheme``: the return of a special scheme, such as the one-stop shop."""

from __future__ import annotations

import csv
import re
import sys
from typing import TYPE_CHECKING, Final

import typer

from engine.cli.common import emit, open_app, out, table
from engine.model.entity import OSS

if TYPE_CHECKING:
    from engine.app import OssReport

SCHEMES: Final = (OSS,)
_QUARTER = re.compile(r"20\d\d-Q[1-4]")


def quarter(text: str) -> str:
    """A quarter such as ``2026-Q1``, checked."""
    if not _QUARTER.fullmatch(text):
        raise typer.BadParameter(f"{text!r} is no quarter: write it as 2026-Q1", param_hint="--quarter")
    return text


def show_scheme(
    context: typer.Context, scheme: str, asked: str, entity: str, others: bool, as_csv: bool, as_json: bool
) -> None:
    """Write the return of a scheme; ``others`` says that options were given which do not go with it."""
    if scheme not in SCHEMES:
        raise typer.BadParameter(f"{scheme!r} is no scheme: there is {', '.join(SCHEMES)}", param_hint="--scheme")
    if others:
        raise typer.BadParameter("--from, --to and --by do not go with --scheme: a return is of a --quarter")
    if not asked:
        raise typer.BadParameter("name the quarter of the return, such as 2026-Q1", param_hint="--quarter")
    with open_app(context.obj.config, context.obj.overrides) as tollbook:
        found = tollbook.tax.one_stop_shop(quarter(asked), entity)
    if as_csv:
        _write(found)
        return
    emit(found, as_json, lambda: _show(found))


def _write(found: OssReport) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    heads = ("part", "entity", "number", "country", "supply", "rate", "quarter", "net", "tax", "currency")
    writer.writerow(heads)
    for row in found.rows:
        of = ("supply", row.entity, row.number, row.country, row.supply, f"{row.rate:f}", found.quarter)
        writer.writerow((*of, row.net, row.tax, found.currency))
    parts = (("correction", found.corrections), ("late correction", found.late))
    for part, one in ((part, one) for part, some in parts for one in some):
        which = (part, one.entity, one.number, one.country, "", "", one.quarter)
        writer.writerow((*which, one.net, one.tax, found.currency))


def _show(found: OssReport) -> None:
    if not found.rows and not found.corrections:
        out.print(f"nothing is declared for {found.quarter}: hand in a return without amounts")
    rows = [(r.entity, r.number, r.country, r.supply, f"{r.rate:.2%}", r.net, r.tax) for r in found.rows]
    heads = ("entity", "number", "country", "supply", "rate", "net", "tax")
    if rows:
        table(f"one-stop shop, {found.quarter}, in {found.currency}", heads, rows, right=(4, 5, 6))
    late = "older than three years: no return takes them, tell the member state"
    for title, some in (("corrections of earlier quarters", found.corrections), (late, found.late)):
        if some:
            changed = [(c.entity, c.number, c.country, c.quarter, c.net, c.tax) for c in some]
            table(title, ("entity", "number", "country", "quarter", "net", "tax"), changed, right=(4, 5))
    if found.balances:
        due = [(b.entity, b.number, b.country, b.tax, b.corrections, b.due) for b in found.balances]
        table("due", ("entity", "number", "country", "tax", "corrections", "due"), due, right=(3, 4, 5))
    if found.rates:
        used = [(one.quarter, one.currency, f"{one.rate.normalize():f}", one.on) for one in found.rates]
        table("rates of the European Central Bank", ("quarter", "currency", "for one euro", "of"), used, right=(2,))
    if found.ties:
        tied = [
            (t.entity, t.account, t.currency, t.declared, t.elsewhere, t.posted, t.difference, t.lowered)
            for t in found.ties
        ]
        columns = ("entity", "GL account", "currency", "declared", "elsewhere", "posted", "difference", "lowered")
        table("GL accounts of tax", columns, tied, right=(3, 4, 5, 6, 7))
