"""``tollbook plugins``: what is installed, what is wrong with it, and how it keeps its contracts."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.cli.common import DONE, WRONG_INPUT, JsonOption, emit, open_app, out, show_findings, table

NameArgument = Annotated[str, typer.Argument(help="Name of a plug-in, or of an adapter in config.yaml.")]


def register(app: typer.Typer) -> None:
    """Add the verb."""
    group = typer.Typer(help="Look at plug-ins, and run their contracts.", no_args_is_help=True)
    app.add_typer(group, name="plugins")
    _register_looking(group)
    _register_doctor(group)
    _register_contracts(group)
    _register_fake(group)


def _register_looking(group: typer.Typer) -> None:
    @group.command("list")
    def listing(context: typer.Context, as_json: JsonOption = False) -> None:
        """List the plug-ins that are installed: ports, settings, secrets, and the adapters that they serve."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            found = tollbook.plugins.listed()
        columns = ("plug-in", "version", "contracts", "hooks", "settings", "secrets", "calls out", "adapters", "wrong")
        emit(found, as_json, lambda: table("", columns, map(_row, found), right=(3, 4, 8)))

    @group.command("show")
    def show(context: typer.Context, name: NameArgument, as_json: JsonOption = False) -> None:
        """Show a plug-in: its hooks, settings and secrets, and what is wrong with it."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            found = tollbook.plugins.one(name)
        emit(found, as_json, lambda: _show(found))
        show_findings(found.findings)


def _row(row: Any) -> tuple[object, ...]:
    contracts = ", ".join(f"{port} {version}" for port, version in row.ports.items())
    missing = [secret.variable for secret in row.secrets if not secret.present and not secret.optional]
    ready = sum(secret.present for secret in row.secrets)
    secrets = (
        f"missing: {', '.join(missing)}" if missing else f"{ready} of {len(row.secrets)} set" if row.secrets else ""
    )
    calls = "yes" if row.outbound else "no"
    counts = (len(row.hooks), len(row.settings), secrets, calls, ", ".join(row.adapters), len(row.findings) or "")
    return row.name, row.version, contracts, *counts


def _show(row: Any) -> None:
    """A plug-in, for people."""
    out.print(f"{row.name} {row.version}: {row.summary}", markup=False)
    facts = {
        "folder": row.folder,
        "contracts": ", ".join(f"{port} {version}" for port, version in row.ports.items()),
        "hooks": ", ".join(row.hooks),
        "lacks": ", ".join(row.lacks),
        "calls out": "yes" if row.outbound else "no",
        "batch": str(row.batch),
        "adapters": ", ".join(row.adapters),
    }
    for name, value in facts.items():
        if value:
            out.print(f"    {name}: {value}", markup=False)
    if row.settings:
        rows = [(s.name, s.kind, "required" if s.required else s.default, s.description) for s in row.settings]
        table("settings", ("setting", "type", "default", "meaning"), rows)
    if row.secrets:
        states = [(s.name, s.variable, _state(s.present, s.optional), s.description) for s in row.secrets]
        table("secrets", ("secret", "variable", "state", "meaning"), states)


def _state(present: bool, optional: bool) -> str:
    return "set" if present else "not set, and not needed" if optional else "missing"


def _register_doctor(group: typer.Typer) -> None:
    @group.command("doctor")
    def doctor(
        context: typer.Context,
        names: Annotated[list[str] | None, typer.Argument(help="Adapters of config.yaml; all by default.")] = None,
        seconds: Annotated[
            float, typer.Option("--timeout", min=0.1, max=60, help="Seconds that a connection may take.")
        ] = 3.0,
        as_json: JsonOption = False,
    ) -> None:
        """Look at adapters: whether they load, have their secrets, reach their systems, and were answered lately."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            found = tollbook.plugins.examined(names or [], seconds)
        rows = [(one.adapter, one.port, one.plugin, s.name, s.outcome, s.said) for one in found for s in one.steps]
        columns = ("adapter", "port", "plug-in", "looked at", "outcome", "seen")
        none = "config.yaml names no adapter under `adapters`, so there is nothing to look at; `tollbook plugins list` shows the plug-ins"
        emit(found, as_json, lambda: table("", columns, rows) if found else out.print(none, markup=False))
        show_findings([finding for one in found for finding in one.findings])
        raise typer.Exit(DONE if all(one.healthy for one in found) else WRONG_INPUT)


def _register_contracts(group: typer.Typer) -> None:
    @group.command("test")
    def test(
        context: typer.Context,
        name: Annotated[str, typer.Argument(help="Name of a plug-in or adapter, or the folder of one.")],
        fail: Annotated[
            str, typer.Option("--fail", help="Trouble on the way: timeout,dup,partial,late,garbage, or all.")
        ] = "",
        replay: Annotated[str, typer.Option("--replay", help="Cassette whose calls are answered offline.")] = "",
        tests: Annotated[str, typer.Option("--tests", help="Its tests, as pytest takes them.")] = "",
        everything: Annotated[bool, typer.Option("--all", help="Show the clauses that are kept, too.")] = False,
        as_json: JsonOption = False,
    ) -> None:
        """Run the contract of a plug-in, clause by clause; exit code 1 where one is broken."""
        from engine.app.kit import plugin_desk

        with plugin_desk(context.obj.config, context.obj.overrides, name) as desk:
            found = desk.tested(name, tests, fail, replay)
        counts = Counter(one.outcome for one in found)

        def render() -> None:
            rows = [
                (one.contract, one.clause, one.outcome, one.said[:160])
                for one in found
                if everything or one.outcome == "broken" or (fail and "trouble" in one.clause) or replay
            ]
            if rows:
                table("", ("contract", "clause", "outcome", "why"), rows)
            out.print(", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items())))

        emit({"clauses": found, "counts": dict(counts)}, as_json, render)
        raise typer.Exit(WRONG_INPUT if counts["broken"] else DONE)

    @group.command("record")
    def record(
        context: typer.Context,
        name: Annotated[str, typer.Argument(help="Adapter of config.yaml.")],
        to: Annotated[Path, typer.Option("--out", help="File that is written.")],
        limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many calls, the newest.")] = 100,
        run: Annotated[int | None, typer.Option("--run", help="Calls of this run only.")] = None,
        as_json: JsonOption = False,
    ) -> None:
        """Write calls of an adapter out of the request log as a cassette, masked; the plug-in `cassette` plays it."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            made = tollbook.plugins.taped(name, limit, run, to)
        result: dict[str, Any] = {"file": str(to), "adapter": name, "port": made.port, "calls": len(made.calls)}
        result["masked"] = sum(one.masked for one in made.calls)
        text = f"{result['calls']} calls of {name} are in {to}, {result['masked']} with something masked"
        emit(result, as_json, lambda: out.print(text, markup=False))


def _register_fake(group: typer.Typer) -> None:
    @group.command("fake")
    def fake(
        port: Annotated[
            str, typer.Argument(help="Port: tax, psp, erp, clearance, tax_id, fx, consent, delivery, exchange.")
        ],
        vendor: Annotated[str, typer.Option("--vendor", help="Whose system: avatax, vertex, stripe, ...")] = "",
        number: Annotated[
            int, typer.Option("--port", min=0, max=65535, help="TCP port; any that is free by default.")
        ] = 0,
        fault: Annotated[str, typer.Option("--fault", help="How it fails from the beginning: busy, denied, ...")] = "",
        as_json: JsonOption = False,
    ) -> None:
        """Run a fake of a vendor's system on a loopback address, until it is interrupted."""
        from engine.app.kit import run_fake

        run_fake(port, vendor, number, fault, as_json)
