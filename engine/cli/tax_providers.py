"""``tollbook tax``: documents at tax providers, and addresses as they know them."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated

import typer

from engine.base.money import minor_digits
from engine.cli.common import JsonOption, PersonOption, ReasonOption, emit, money, open_app, out, show_findings, table
from engine.model.tax import Address

AdapterOption = Annotated[str, typer.Option("--adapter", help="Name of the tax adapter.")]


def register(group: typer.Typer) -> None:
    """Add the verbs about providers to those about tax."""
    _register_documents(group)
    _register_void(group)
    _register_address(group)


def _register_documents(group: typer.Typer) -> None:
    @group.command("documents")
    def documents(
        context: typer.Context,
        period: Annotated[datetime, typer.Option("--period", formats=["%Y-%m"], help="The month, such as 2026-01.")],
        adapter: AdapterOption = "",
        every: Annotated[bool, typer.Option("--all", help="Show also what is as it should be.")] = False,
        repair: Annotated[
            bool, typer.Option("--repair", help="Tell the provider again what it misses or has rejected.")
        ] = False,
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Show how the invoices of a month stand at the tax providers: missing, orphaned, differing."""
        since = period.date().replace(day=1)
        until = date(since.year + since.month // 12, since.month % 12 + 1, 1)
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            if repair:
                result = tollbook.tax_providers.repair(
                    since, until, tollbook.change(person, "deliver", reason), adapter
                )
            else:
                result = tollbook.tax_providers.documents(since, until, adapter)
        show_findings(result.findings)

        def render() -> None:
            columns = ("adapter", "entity", "number", "state", "day", "", "net", "tax", "net there", "tax there", "why")
            shown = [
                (
                    *(d.adapter, d.entity, d.number, d.state, d.day, d.currency),
                    *(_money(amount, d.currency) for amount in (d.net, d.tax, d.net_there, d.tax_there)),
                    d.reason,
                )
                for d in result.documents
                if every or d.state not in ("committed", "waiting")
            ]
            if shown:
                table("", columns, shown, right=(6, 7, 8, 9))
            counted = ", ".join(f"{count} {state}" for state, count in sorted(result.counts.items()))
            out.print(f"{since:%Y-%m}: {counted or 'no documents'}", markup=False)
            if repair:
                out.print(f"{result.told_again} told again")

        emit(result, as_json, render)


def _money(amount: Decimal | None, currency: str) -> str:
    return "" if amount is None else money(amount, minor_digits(currency) if currency else 2)


def _register_void(group: typer.Typer) -> None:
    @group.command("void")
    def void(
        context: typer.Context,
        number: Annotated[str, typer.Argument(help="Number of the document at the provider.")],
        entity: Annotated[str, typer.Option("--entity", help="Key of the legal entity.")],
        adapter: AdapterOption = "",
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Void a document at a tax provider that the books do not have."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            change = tollbook.change(person, "deliver", reason)
            report = tollbook.tax_providers.void(adapter, entity, number, change)
        show_findings(report.findings)
        counts = report.counts
        text = f"{counts['accepted']} done, {counts['retry']} to be tried again, {counts['rejected']} rejected"
        emit(report, as_json, lambda: out.print(text))


def _register_address(group: typer.Typer) -> None:
    @group.command("address")
    def address(
        context: typer.Context,
        lines: Annotated[list[str] | None, typer.Argument(help="Street and what else stands above the city.")] = None,
        country: Annotated[str, typer.Option("--country", help="ISO 3166-1 alpha-2 code.")] = "US",
        region: Annotated[str, typer.Option("--region", help="State or province, without the country.")] = "",
        city: Annotated[str, typer.Option("--city", help="City or town.")] = "",
        postcode: Annotated[str, typer.Option("--postcode", help="Postal code.")] = "",
        adapter: AdapterOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Ask a tax provider how it would write an address."""
        asked = Address(country, region, city, postcode, tuple(lines or ()))
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            found = tollbook.tax_providers.address(adapter, asked)

        def render() -> None:
            place = found.address
            if place is not None:
                words = (*place.lines, place.city, place.region, place.postcode, place.country)
                out.print(", ".join(word for word in words if word), markup=False)
            if found.message:
                out.print(found.message, markup=False)

        emit(found, as_json, render)
