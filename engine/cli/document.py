"""``tollbook document``: an invoice as a file, such as an e-invoice."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from engine.app import Written
from engine.base.files import whole
from engine.cli.common import JsonOption, emit, open_app, show_findings, table


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    documents = typer.Typer(help="Invoices as files: e-invoices and whatever else plug-ins write.")
    app.add_typer(documents, name="document")

    @documents.command("formats")
    def formats(context: typer.Context, as_json: JsonOption = False) -> None:
        """The kinds of files that documents can be written as."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            found = [(name, one.media_type, one.suffix, one.text) for name, one in tollbook.documents.formats().items()]
        rows = [dict(zip(("name", "media_type", "suffix", "text"), row, strict=True)) for row in found]
        emit(rows, as_json, lambda: table("Kinds of files", ("name", "media type", "suffix", "what it is"), found))

    @documents.command("show")
    def show(
        context: typer.Context,
        number: Annotated[str, typer.Argument(help="The number of the invoice or credit note.")],
        as_json: JsonOption = False,
    ) -> None:
        """What the rules say of a document: how it looks, which files are made of it, and what it is held for."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            look = tollbook.documents.looked_at(number)
        show_findings(look.findings)
        layout = look.document.get("layout", {})
        told = {"number": number, **layout, "formats": look.formats, "held": bool(look.held), "document": look.document}
        rows = [(name, ", ".join(told[name]) if name == "formats" else str(told[name])) for name in told][:-1]
        emit(told, as_json, lambda: table("Document", ("", ""), rows))

    @documents.command("write")
    def write(
        context: typer.Context,
        number: Annotated[str, typer.Argument(help="The number of the invoice or credit note.")],
        kinds: Annotated[
            list[str] | None,
            typer.Option(
                "--format",
                help="A kind of file, several with several options; `tollbook document formats` lists them. Those that the "
                "rules name if none is given.",
            ),
        ] = None,
        target: Annotated[
            Path | None,
            typer.Option(
                "--out", help="File to write to, or folder; a single file goes to standard output without it."
            ),
        ] = None,
        as_json: JsonOption = False,
    ) -> None:
        """Write a document as files.  Nothing is delivered, and nothing is written into the books."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            written = tollbook.documents.written(number, tuple(kinds or ()))
        _deliver(number, written, target, as_json)


def _deliver(number: str, written: Sequence[Written], target: Path | None, as_json: bool) -> None:
    """Write files into a folder, or one of them to a file or to standard output."""
    folder = target is not None and target.is_dir()
    if not folder and len(written) != 1:
        names = ", ".join(one.name for one in written) or "no file at all"
        raise typer.BadParameter(f"the rules make {names} of {number}: name a folder with --out, or one --format")
    if target is None:
        sys.stdout.buffer.write(written[0].content)
        return
    told = []
    for one in written:
        path = target / one.name if folder else target
        with whole(path) as part:
            part.write_bytes(one.content)
        told.append({"file": str(path), "media_type": one.media_type, "bytes": len(one.content)})
    emit(told if folder else told[0], as_json, lambda: typer.echo("\n".join(str(one["file"]) for one in told)))
