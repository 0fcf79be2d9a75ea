"""``tollbook payments``: what is collected through payment providers, given back, heard of, paid out, and whether it ties."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.cli.acting import show_outcome
from engine.cli.common import (
    Bars,
    JsonOption,
    PersonOption,
    ReasonOption,
    coins,
    emit,
    open_app,
    out,
    plain,
    show_findings,
    table,
)
from engine.cli.options import AmountOption

KeyArgument = Annotated[str, typer.Argument(help="Key of the payment, as `tollbook payments list` shows it.")]
EntityOption = Annotated[str, typer.Option("--entity", help="The legal entity, where several have such a payment.")]
AccountOption = Annotated[str, typer.Option("--account", help="Only this account.")]
AdapterOption = Annotated[str, typer.Option("--adapter", help="The adapter of the port psp; default: the only one.")]


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    group = typer.Typer(
        help="Collect what is due through payment providers, and see that it ties.", no_args_is_help=True
    )
    app.add_typer(group, name="payments")
    _register_looking(group)
    _register_show(group)
    _register_report(group)
    _register_collect(group)
    _register_changing(group)
    _register_hearing(group)
    _register_payouts(group)


def _register_looking(group: typer.Typer) -> None:
    @group.command("methods")
    def methods(context: typer.Context, account: AccountOption = "", as_json: JsonOption = False) -> None:
        """List what accounts pay with, in the order in which it is used; payment_methods files bring it."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            found = tollbook.payments.methods(account)
        names = ("entity", "account", "key", "kind", "provider", "brand", "last4", "expires", "currency", "state")
        rows = [[one[name] or "" for name in names] for one in found]
        emit(found, as_json, lambda: table("", names, rows))

    @group.command("list")
    def listing(
        context: typer.Context,
        state: Annotated[str, typer.Option("--state", help="Those of this state, such as requires_action.")] = "",
        account: AccountOption = "",
        limit: Annotated[int, typer.Option("--limit", min=1, max=100_000, help="How many, the newest first.")] = 100,
        as_json: JsonOption = False,
    ) -> None:
        """List payments and refunds, the newest first."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            found = tollbook.payments.listed(state, account, limit)
        rows = [
            (p.key, p.kind, p.account, coins(p.amount, p.currency), p.currency, p.provider, p.state, p.code, _next(p))
            for p in found
        ]
        columns = ("key", "kind", "account", "amount", "", "provider", "state", "code", "next")
        emit([_told(one) for one in found], as_json, lambda: table("", columns, rows, right=(3,)))


def _register_show(group: typer.Typer) -> None:
    @group.command("show")
    def show(context: typer.Context, key: KeyArgument, entity: EntityOption = "", as_json: JsonOption = False) -> None:
        """Show a payment: what it is for, every step that it took, and what its provider told."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            found = tollbook.payments.shown(key, entity)
        payment = found["payment"]

        def render() -> None:
            _say(payment)
            documents = [(number, amount) for _, number, amount in payment.items]
            table("documents", ("number", "amount"), documents, right=(1,))
            steps = [
                (
                    s["step"],
                    f"{s['at']:%Y-%m-%d %H:%M:%S}",
                    s["state"],
                    s["attempt"],
                    s["code"],
                    s["reason"],
                    s["event"],
                )
                for s in found["steps"]
            ]
            table("steps", ("step", "at", "state", "attempt", "code", "reason", "event"), steps, right=(0, 3))
            events = [(f"{e['at']:%Y-%m-%d %H:%M:%S}", e["kind"], e["event"], e["note"]) for e in found["events"]]
            table("told by the provider", ("at", "kind", "event", "what it changed"), events)
            if found["refunds"]:
                out.print(f"given back by: {', '.join(found['refunds'])}", markup=False)

        emit({**found, "payment": _told(payment)}, as_json, render)


def _register_report(group: typer.Typer) -> None:
    @group.command("report")
    def report(
        context: typer.Context,
        adapter: Annotated[str, typer.Option("--adapter", help="Only this adapter.")] = "",
        on: Annotated[
            datetime | None, typer.Option("--date", formats=["%Y-%m-%d"], help="As of this day; default: today.")
        ] = None,
        grace: Annotated[int, typer.Option("--grace", min=0, help="Days that a payout may be late.")] = 5,
        as_json: JsonOption = False,
    ) -> None:
        """Compare what the books and the providers say; every difference is named, and where all ties there is none."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            found = tollbook.payments.report(on.date() if on else None, grace, adapter)

        def render() -> None:
            names = ("collected", "refunded", "paid_out", "fees", "clearing", "in_transit")
            rows = [
                (r.provider, r.entity, r.currency, *(coins(getattr(r, n), r.currency) for n in names), r.differences)
                for r in found.rows
            ]
            columns = ("provider", "entity", "", *(name.replace("_", " ") for name in names), "differences")
            table("", columns, rows, right=range(3, 10))
            gaps = [(g.provider, g.subject, f"{g.amount:f} {g.currency}", g.what, g.mend) for g in found.differences]
            if gaps:
                table("differences", ("provider", "what", "amount", "why", "what to do"), gaps, right=(2,))
            out.print(f"{len(gaps)} differences", markup=False)

        emit(found, as_json, render)


def _register_collect(group: typer.Typer) -> None:
    @group.command("collect")
    def collect(
        context: typer.Context,
        on: Annotated[
            datetime | None, typer.Option("--on", formats=["%Y-%m-%d"], help="What is due by then; default: today.")
        ] = None,
        account: AccountOption = "",
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be collected.")] = False,
        reserve: Annotated[bool, typer.Option("--reserve", help="Only reserve it; capture takes it.")] = False,
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Collect what accounts owe and is due, by their methods; try again what was declined and whose day has come."""
        from engine.app import Collection

        with open_app(context.obj.config, context.obj.overrides) as tollbook, Bars() as bars:
            change = tollbook.change(person, "run", reason)
            asked = Collection((on or datetime.now(UTC)).date(), account, dry_run, reserve)
            done = tollbook.payments.collect(asked, change, bars)
        show_findings(done.findings)

        def render() -> None:
            if dry_run:
                names = ("entity", "account", "amount", "currency", "method", "provider")
                rows = [[row.get(name, "") for name in names] for row in done.details if "retry" not in row]
                table("would be collected", names, rows, right=(2,))
                again = [(row["payment"], row["amount"], row["currency"]) for row in done.details if "retry" in row]
                if again:
                    table("would be tried again", ("payment", "amount", ""), again, right=(1,))
                return
            _counted(done.counts)

        emit(done, as_json, render)


def _register_changing(group: typer.Typer) -> None:
    @group.command("refund")
    def refund(
        context: typer.Context,
        key: KeyArgument,
        refund_key: Annotated[str, typer.Option("--key", help="Key of the refund; the same key is the same refund.")],
        amount: AmountOption = None,
        entity: EntityOption = "",
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Give a payment, or a part of it, back to what it was paid with; what it had paid is open again."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            change = tollbook.change(person, "credit", reason)
            done = tollbook.payments.refund(key, refund_key, change, amount, entity)
        _show_changed(done, as_json)

    @group.command("capture")
    def capture(
        context: typer.Context,
        key: KeyArgument,
        amount: AmountOption = None,
        entity: EntityOption = "",
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Take what was reserved, or a part of it; the rest is let go."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            change = tollbook.change(person, "credit", reason)
            done = tollbook.payments.capture(key, change, amount, entity)
        _show_changed(done, as_json)

    @group.command("cancel")
    def cancel(
        context: typer.Context,
        key: KeyArgument,
        entity: EntityOption = "",
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Let go what was reserved, or stop a payment that is not decided or is to be tried again."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            change = tollbook.change(person, "credit", reason)
            done = tollbook.payments.cancel(key, change, entity)
        _show_changed(done, as_json)


def _register_hearing(group: typer.Typer) -> None:
    @group.command("tell")
    def tell(
        context: typer.Context, person: PersonOption = "", reason: ReasonOption = "", as_json: JsonOption = False
    ) -> None:
        """Tell providers what they were not told yet, and ask by its key about what is in doubt."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            told = tollbook.payments.tell(tollbook.change(person, "run", reason))
        show_findings(told.findings)
        emit(told, as_json, lambda: _counted(told.counts))

    @group.command("ask")
    def ask(
        context: typer.Context, person: PersonOption = "", reason: ReasonOption = "", as_json: JsonOption = False
    ) -> None:
        """Ask providers how payments stand that are not decided, for events that were never heard."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            told = tollbook.payments.ask(tollbook.change(person, "run", reason))
        show_findings(told.findings)
        emit(told, as_json, lambda: _counted(told.counts))

    @group.command("event")
    def event(
        context: typer.Context,
        file: Annotated[Path, typer.Argument(help="The message, every byte as it came.")],
        headers: Annotated[
            list[str] | None, typer.Option("--header", help="A header that came with it: 'Name: value'.")
        ] = None,
        adapter: AdapterOption = "",
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Take in a message of a provider, such as a webhook or a file of returns; the same one again changes nothing."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            change = tollbook.change(person, "run", reason)
            named = adapter or _only(tollbook.host.adapters("psp"))
            heard = tollbook.payments.hear(named, _bytes(file), _headers(headers or ()), change)
        rows = [(one.id, one.kind, one.payment, one.note, "known before" if one.known else "") for one in heard]
        emit(heard, as_json, lambda: table("", ("event", "kind", "payment", "what it changed", ""), rows))


def _register_payouts(group: typer.Typer) -> None:
    @group.command("payouts")
    def payouts(
        context: typer.Context,
        adapter: AdapterOption = "",
        since: Annotated[
            datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First day; default: 30 days ago.")
        ] = None,
        until: Annotated[
            datetime | None,
            typer.Option("--to", formats=["%Y-%m-%d"], help="The day after the last; default: tomorrow."),
        ] = None,
        file: Annotated[
            Path | None,
            typer.Option("--file", help="Its payout report, instead of asking."),
        ] = None,
        entity: Annotated[
            str, typer.Option("--entity", help="Whose payouts they are, where payments do not say.")
        ] = "",
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Book what a provider has paid out: from its clearing account to cash, less its fees."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            change = tollbook.change(person, "run", reason)
            named = adapter or _only(tollbook.host.adapters("psp"))
            if file is not None:
                booked = tollbook.payments.read_payouts(named, file, change, entity)
            else:
                first, last = since.date() if since else _today(-30), until.date() if until else _today(1)
                booked = tollbook.payments.fetch_payouts(named, first, last, change)
        rows = [
            (
                *(
                    p.payout,
                    p.entity,
                    p.day,
                    coins(p.amount, p.currency),
                    coins(p.fees, p.currency),
                    p.currency,
                    p.lines,
                ),
                "known before" if p.known else "; ".join(p.unknown),
            )
            for p in booked
        ]
        columns = ("payout", "entity", "day", "amount", "fees", "", "lines", "lines that are no payments of ours")
        emit(booked, as_json, lambda: table("", columns, rows, right=(3, 4, 6)))


def _today(days: int) -> date:
    return datetime.now(UTC).date() + timedelta(days)


def _only(names: tuple[str, ...]) -> str:
    if len(names) != 1:
        raise typer.BadParameter(f"name the adapter with --adapter: {', '.join(names) or 'config.yaml has none'}")
    return names[0]


def _headers(given: Any) -> Mapping[str, str]:
    pairs = [text.partition(":") for text in given]
    if any(not mark for _, mark, _ in pairs):
        raise typer.BadParameter("write a header as 'Name: value'")
    return {name.strip(): value.strip() for name, _, value in pairs}


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise typer.BadParameter(f"{file} cannot be read: {error.strerror}") from None


def _counted(counts: Mapping[str, int]) -> None:
    table("", tuple(counts), [tuple(counts.values())], right=range(len(counts)))


def _next(payment: Any) -> str:
    if payment.retry_on is not None:
        return f"again on {payment.retry_on}"
    return str(payment.link)


def _told(payment: Any) -> dict[str, Any]:
    """A payment as JSON shows it; tokens stay where they are."""
    return {name: value for name, value in plain(payment).items() if name not in ("told", "token", "digest", "tenant")}


def _say(payment: Any) -> None:
    amount = f"{coins(payment.amount, payment.currency)} {payment.currency}"
    out.print(f"{payment.kind} {payment.key} of {payment.account} ({payment.entity}): {amount}", markup=False)
    said = [("state", payment.state), ("provider", f"{payment.provider} {payment.provider_id}")]
    said += [("method", payment.method), ("next", _next(payment)), ("code", payment.code)]
    for name, text in said:
        if text:
            out.print(f"{name:<10} {text}", markup=False)


def _show_changed(done: Any, as_json: bool) -> None:
    from engine.app import Outcome

    if isinstance(done, Outcome):
        show_outcome(done, as_json, {"subject": done.subject}, lambda: out.print(f"done: {done.text}", markup=False))
        return
    show_findings(done.told.findings)
    again = " (it was asked for before)" if done.known else ""

    def render() -> None:
        _say(done.payment)
        if again:
            out.print(again.strip(), markup=False)

    emit({"payment": _told(done.payment), "told": plain(done.told), "known": done.known}, as_json, render)
