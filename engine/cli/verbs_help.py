"""Lists of verbs in ``--help`` with the whole first sentence of each, wrapped where the terminal ends instead of cut off."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import typer
from typer.core import TyperGroup

if TYPE_CHECKING:
    from typer._click import Context, HelpFormatter

WIDEST: Final = 120
"""Columns that the text of ``--help`` takes at most; narrower terminals have it wrapped."""
_WHOLE: Final = 10_000


class Verbs(TyperGroup):
    """A group whose list of verbs cuts nothing off."""

    def format_commands(self, ctx: Context, formatter: HelpFormatter) -> None:
        """Write each verb with its first sentence."""
        named = [(name, self.commands[name]) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl([(name, one.get_short_help_str(_WHOLE)) for name, one in named if not one.hidden])


def whole(app: typer.Typer) -> typer.Typer:
    """The command with all its groups listing their verbs whole."""
    app.info.cls = Verbs
    for group in app.registered_groups:
        group.cls = Verbs
        if group.typer_instance is not None:
            whole(group.typer_instance)
    return app
