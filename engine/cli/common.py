"""What all verbs share: options, output, exit codes.

Results go to stdout and everything else to stderr.  Exit 0: done, findings allowed; 1: the input is wrong; 2: it could not run.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from engine.base.errors import Finding
from engine.base.money import round_to

if TYPE_CHECKING:
    from engine.app import App

DONE, WRONG_INPUT, COULD_NOT_RUN = 0, 1, 2

JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
PersonOption = Annotated[
    str, typer.Option("--as", help="Who makes the change: a person of config.yaml.", envvar="TOLLBOOK_PERSON")
]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why the change is made; kept with it.")]

out = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 240)
err = Console(stderr=True, highlight=False, soft_wrap=True)


@contextmanager
def open_app(config: Path, overrides: Mapping[str, str] | None = None) -> Iterator[App]:
    """As :func:`engine.app.open_app`, which is imported only when a verb needs it: it stands on everything else.

    What ran by rules that nobody had to approve says so in the end, on stderr.
    """
    from engine.app import open_app as opened

    with opened(config, overrides) as app:
        yield app
    if app.notice:
        err.print(app.notice, markup=False)


class Session(msgspec.Struct):
    """What was said before the verb: the config file and the settings that replace its own."""

    config: Path
    overrides: Mapping[str, str]


def plain(value: Any) -> Any:
    """``value`` as JSON can hold it: structs as objects, Decimals and dates as text."""
    return msgspec.to_builtins(value, enc_hook=str, builtin_types=())


def emit(value: Any, as_json: bool, render: Callable[[], None] | None = None) -> None:
    """Print a result on stdout, as JSON or as ``render`` shows it."""
    if as_json:
        typer.echo(json.dumps(plain(value), indent=2, ensure_ascii=False))
    elif render is not None:
        render()


def show_findings(findings: Iterable[Finding], limit: int = 20) -> None:
    """Print findings on stderr, the worst first, those of a file as it is read, others by code; the rest as a count."""
    order = {"error": 0, "warning": 1, "info": 2}
    listed = sorted(findings, key=lambda f: (order.get(f.level, 3), "" if f.where.line else f.code, f.where))
    for finding in listed[:limit]:
        err.print(str(finding), markup=False)
    if len(listed) > limit:
        err.print(f"... and {len(listed) - limit} more findings")


def coins(amount: Decimal, currency: str) -> str:
    """An amount with the digits of its currency."""
    return f"{round_to(amount, currency):f}"


def exact(text: str) -> Decimal:
    """A number of the command line."""
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite():
        raise typer.BadParameter(f"{text!r} is no number")
    return amount


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]], right: Iterable[int] = ()) -> None:
    """Print a table on stdout; ``right`` are the columns that hold numbers."""
    numeric = set(right)
    shown = Table(title=title or None, title_justify="left", show_edge=False, pad_edge=False, header_style="bold")
    for index, name in enumerate(columns):
        shown.add_column(name, justify="right" if index in numeric else "left", no_wrap=index in numeric)
    for row in rows:
        shown.add_row(*(str(cell) for cell in row))
    out.print(shown)


def money(amount: Decimal, digits: int = 2) -> str:
    """An amount with thousands separated, for people."""
    return f"{amount:,.{digits}f}"


class Bars:
    """Progress of a run on stderr; silent where stderr is no terminal."""

    def __init__(self) -> None:
        self._bars = Progress(
            TextColumn("{task.description:<12}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=err,
            disable=not err.is_terminal,
        )
        self._tasks: dict[str, Any] = {}

    def __enter__(self) -> Bars:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def __call__(self, step: str, done: int, total: int) -> None:
        """Show that ``done`` of ``total`` of a step are done."""
        if step not in self._tasks:
            self._tasks[step] = self._bars.add_task(step, total=total)
        self._bars.update(self._tasks[step], completed=done, total=total)
