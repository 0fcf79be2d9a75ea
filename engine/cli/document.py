"""``tollbook document``: an invoice as a file, such as an e-invoice."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from engine.cli.common import JsonOption, emit, open_app, table


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

    @documents.command("write")
    def write(
        context: typer.Context,
        number: Annotated[str, typer.Argument(help="The number of the invoice or credit note.")],
        kind: Annotated[str, typer.Option("--format", help="A kind of file; `tollbook document formats` lists them.")],
        out: Annotated[
            Path | None, typer.Option("--out", help="File or folder to write to; standard output if not given.")
        ] = None,
        as_json: JsonOption = False,
    ) -> None:
        """Write a document as a file.  Nothing is delivered, and nothing is written into the books."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            written = tollbook.documents.written(number, kind)
        if out is None:
            sys.stdout.buffer.write(written.content)
            return
        target = out / written.name if out.is_dir() else out
        target.write_bytes(written.content)
        told = {"file": str(target), "media_type": written.media_type, "bytes": len(written.content)}
        emit(told, as_json, lambda: typer.echo(target))
