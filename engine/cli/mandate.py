"""``tollbook mandate``: who has given leave to collect from a bank account, and what changes of that."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import typer

from engine.cli.common import JsonOption, PersonOption, ReasonOption, emit, open_app, out, table
from engine.cli.options import OnOption, day_or_today

ReferenceArgument = Annotated[str, typer.Argument(help="Reference of the mandate.")]
EntityOption = Annotated[str, typer.Option("--entity", help="The legal entity, where several have such a mandate.")]
_COLUMNS = (
    "reference",
    "account",
    "scheme",
    "kind",
    "debtor",
    "IBAN",
    "signed",
    "last due",
    "lapses",
    "next",
    "stands",
)


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    group = typer.Typer(help="Mandates to collect by SEPA direct debit.", no_args_is_help=True)
    app.add_typer(group, name="mandate")
    _register_looks(group)
    _register_add(group)
    _register_amend(group)
    _register_standing(group)


def _register_looks(group: typer.Typer) -> None:
    @group.command("list")
    def listing(
        context: typer.Context,
        account: Annotated[str, typer.Option("--account", help="Those of this account only.")] = "",
        entity: EntityOption = "",
        on: OnOption = None,
        as_json: JsonOption = False,
    ) -> None:
        """List mandates, and how each stands on a day."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            listed = tollbook.mandates.listed(day_or_today(on), entity, account)
        emit(listed, as_json, lambda: table("", _COLUMNS, map(_row, listed)))

    @group.command("show")
    def show(
        context: typer.Context,
        reference: ReferenceArgument,
        entity: EntityOption = "",
        on: OnOption = None,
        as_json: JsonOption = False,
    ) -> None:
        """Show a mandate, how it stands on a day, and what was collected under it."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            view = tollbook.mandates.shown(reference, day_or_today(on), entity)

        def render() -> None:
            table("", _COLUMNS, [_row(view)])
            if view.standing.amended:
                changed = ", ".join(view.standing.amended)
                out.print(f"the debtor's bank is told with the next collection: {changed}", markup=False)
            uses = [(use.due, use.sequence, use.state, use.code, use.kind, use.back or "") for use in view.uses]
            table("collections", ("due", "sequence", "state", "code", "class", "came back"), uses)

        emit(view, as_json, render)


def _register_add(group: typer.Typer) -> None:
    @group.command("add")
    def add(
        context: typer.Context,
        account: Annotated[str, typer.Argument(help="Key of the account that pays.")],
        reference: ReferenceArgument,
        iban: Annotated[str, typer.Option("--iban", help="Account that is collected from.")],
        debtor: Annotated[str, typer.Option("--debtor", help="Who has signed it.")],
        signed: Annotated[datetime, typer.Option("--signed", formats=["%Y-%m-%d"], help="The day of signature.")],
        bic: Annotated[str, typer.Option("--bic", help="BIC of its bank; needed outside of the EEA.")] = "",
        scheme: Annotated[
            str, typer.Option("--scheme", help="CORE, or B2B for businesses that have signed that.")
        ] = "CORE",
        one_off: Annotated[bool, typer.Option("--one-off", help="It is for one collection.")] = False,
        creditor: Annotated[str, typer.Option("--creditor", help="Our creditor identifier that it names.")] = "",
        replaces: Annotated[str, typer.Option("--replaces", help="Reference that it had before.")] = "",
        entity: EntityOption = "",
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Add a mandate that was signed."""
        if scheme not in ("CORE", "B2B"):
            raise typer.BadParameter(f"{scheme!r} is none of CORE, B2B")
        given = {
            "account": account,
            "reference": reference,
            "iban": iban,
            "bic": bic,
            "debtor_name": debtor,
            "signed_on": signed.date(),
            "scheme": scheme,
            "kind": "one_off" if one_off else "recurrent",
            "creditor_id": creditor,
            "replaces": replaces,
        }
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            made = tollbook.mandates.add(given, tollbook.change(person, "import", reason), entity)
        emit(made, as_json, lambda: out.print(f"mandate {made.reference} of {made.account}", markup=False))


def _register_amend(group: typer.Typer) -> None:
    @group.command("amend")
    def amend(
        context: typer.Context,
        reference: ReferenceArgument,
        iban: Annotated[str | None, typer.Option("--iban", help="Another account of the debtor.")] = None,
        bic: Annotated[str | None, typer.Option("--bic", help="Its BIC.")] = None,
        debtor: Annotated[str | None, typer.Option("--debtor", help="Another name of the debtor.")] = None,
        creditor: Annotated[str | None, typer.Option("--creditor", help="Another identifier of ours.")] = None,
        final: Annotated[
            bool | None, typer.Option("--final/--not-final", help="The next collection is the last.")
        ] = None,
        entity: EntityOption = "",
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Change a mandate as its debtor has told us; its bank is told with the next collection."""
        asked = {"iban": iban, "bic": bic, "debtor_name": debtor, "creditor_id": creditor, "final": final}
        given = {name: value for name, value in asked.items() if value is not None}
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            change = tollbook.change(person, "import", reason)
            made = tollbook.mandates.amend(reference, given, change, day_or_today(None), entity)
        emit(made, as_json, lambda: out.print(f"mandate {made.reference} is amended", markup=False))


def _register_standing(group: typer.Typer) -> None:
    @group.command("confirm")
    def confirm(
        context: typer.Context,
        reference: ReferenceArgument,
        entity: EntityOption = "",
        on: OnOption = None,
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Say that a mandate is good all the same, after a collection under it came back."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            change = tollbook.change(person, "import", reason)
            made = tollbook.mandates.confirm(reference, change, day_or_today(on), entity)
        emit(made, as_json, lambda: out.print(f"mandate {made.reference} is confirmed", markup=False))

    @group.command("cancel")
    def cancel(
        context: typer.Context,
        reference: ReferenceArgument,
        on: OnOption = None,
        entity: EntityOption = "",
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Let a mandate end: nothing is collected that would be due on that day or after it."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            change = tollbook.change(person, "import", reason)
            made = tollbook.mandates.cancel(reference, change, day_or_today(on), entity)
        words = f"mandate {made.reference} ends on {made.cancelled_on}"
        emit(made, as_json, lambda: out.print(words, markup=False))


def _row(view: Any) -> tuple[Any, ...]:
    one, stands = view.mandate, view.standing
    hidden = f"{one.iban[:4]}…{one.iban[-4:]}"
    head = (one.reference, one.account, one.scheme, one.kind, one.debtor_name, hidden, one.signed_on)
    return (*head, stands.last_due or "", stands.lapses_on, stands.sequence, stands.fault or "good")
