"""``tollbook new-ruleset``: a rule file from a template of a common model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engine.cli.common import JsonOption, emit, open_app, out, table

FamilyArgument = Annotated[str, typer.Argument(help="The family, such as pricing.")]
NameArgument = Annotated[str, typer.Argument(help="The name of the rule set within the family, such as calls.")]
TemplateOption = Annotated[str, typer.Option("--template", help="The template; the family's first one where left out.")]
IntoOption = Annotated[
    Path | None, typer.Option("--into", help="The folder of rules that gets the file; else the last one of the config.")
]
ListOption = Annotated[bool, typer.Option("--list", help="List the templates, of one family where one is named.")]


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command("new-ruleset")
    def new(
        context: typer.Context,
        family: FamilyArgument = "",
        name: NameArgument = "",
        template: TemplateOption = "",
        into: IntoOption = None,
        listed: ListOption = False,
        as_json: JsonOption = False,
    ) -> None:
        """Write a rule file from a template of a common model, with cases that pass; --list shows the templates."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            desk = tollbook.authoring()
            if listed:
                found = [each for each in desk.templates() if family in ("", each.family)]
                rows = [{"family": each.family, "template": each.name, "title": each.title} for each in found]
                emit(
                    rows, as_json, lambda: table("", ("family", "template", "what"), [tuple(r.values()) for r in rows])
                )
                return
            if not name:
                family, _, name = family.partition("/")
            if not family or not name:
                raise typer.BadParameter("name a family and a name, such as pricing calls, or say --list")
            made = desk.new_ruleset(family, name, template, into)
        many = f"{made.rules} rule{'' if made.rules == 1 else 's'}, {made.cases} case{'' if made.cases == 1 else 's'}"
        text = f"{made.file}: {made.ruleset} from {made.template}, {many}"
        emit(made, as_json, lambda: out.print(text, markup=False))
