"""``tollbook facts``: what rules of a family may see and decide."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from engine.cli.common import JsonOption, emit, open_app, out, table

FamilyArgument = Annotated[str, typer.Argument(help="The family; all families are listed where it is left out.")]


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command("facts")
    def facts(context: typer.Context, family: FamilyArgument = "", as_json: JsonOption = False) -> None:
        """Show the facts, fields and methods of a family of rules, or list the families."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            if not family:
                listed = {name: each.doc for name, each in tollbook.families.items()}
                emit(listed, as_json, lambda: table("", ("family", "what it decides"), listed.items()))
                return
            sheet = tollbook.rule_desk().facts(family)
        emit(sheet, as_json, lambda: _show(sheet))


def _show(sheet: Any) -> None:
    out.print(f"{sheet.name}: {sheet.doc}", markup=False)
    out.print(f"The rule in force is selected by: {sheet.selected_by}.\n", markup=False)
    table("facts that 'when' and 'scope' may see", ("fact", "type", "meaning"), _rows(sheet.facts))
    if sheet.outcome:
        out.print()
        table("fields of 'then'", ("field", "expected", "meaning"), _rows(sheet.outcome, required=True))
    for method in sheet.methods:
        out.print(f"\nmethod: {method.name}\n{method.doc}", markup=False)
        if method.fields:
            table("", ("field", "expected", "meaning"), _rows(method.fields, required=True))


def _rows(fields: Any, required: bool = False) -> list[tuple[str, str, str]]:
    return [
        (field.name, f"{field.type}{'; required' if required and field.required else ''}", field.doc)
        for field in fields
    ]
