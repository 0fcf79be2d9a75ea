"""``tollbook inbox``: what is in the inboxes of customers, and the tokens that open them."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer

from engine.cli.common import JsonOption, PersonOption, ReasonOption, emit, open_app, out, plain, table
from engine.cli.options import AccountArgument, AccountEntityOption

NameArgument = Annotated[str, typer.Argument(help="Name of the token, such as the system that uses it.")]


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    group = typer.Typer(help="See what is in inboxes of customers, and let them read it.", no_args_is_help=True)
    app.add_typer(group, name="inbox")
    _register_looking(group)
    _register_tokens(group)


def _register_looking(group: typer.Typer) -> None:
    @group.command("list")
    def listing(
        context: typer.Context,
        account: AccountArgument,
        entity: AccountEntityOption = "",
        unread: Annotated[bool, typer.Option("--unread", help="Those that were not read yet.")] = False,
        limit: Annotated[int, typer.Option("--limit", min=1, max=100_000, help="How many, the newest first.")] = 100,
        as_json: JsonOption = False,
    ) -> None:
        """List what is in the inbox of an account, the newest first."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            found = tollbook.inboxes.listed(account, entity, unread=unread, limit=limit)
        columns = ("document", "kind", "date", "total", "", "files", "read")
        rows = [
            (d.number, d.kind, d.detail["date"], d.detail["total"], d.detail["currency"], len(d.files), d.read_at or "")
            for d in found
        ]
        said = [plain(msgspec.structs.asdict(one)) for one in found]
        emit(said, as_json, lambda: table("", columns, rows, right=(3, 5)))

    @group.command("tokens")
    def tokens(
        context: typer.Context,
        account: Annotated[str, typer.Option("--account", help="Those of this account only.")] = "",
        entity: AccountEntityOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """List the tokens that were made; what they are is told nowhere."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            found = tollbook.inboxes.tokens(account, entity)
        columns = ("entity", "account", "name", "made", "revoked")
        rows = [(one.entity, one.account, one.name, one.made_at, one.revoked_at or "") for one in found]
        emit([plain(msgspec.structs.asdict(one)) for one in found], as_json, lambda: table("", columns, rows))


def _register_tokens(group: typer.Typer) -> None:
    @group.command("token")
    def token(
        context: typer.Context,
        account: AccountArgument,
        name: NameArgument,
        entity: AccountEntityOption = "",
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Make a token that opens the inbox of an account over HTTP, and tell it once."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            made = tollbook.inboxes.hand_out(account, name, tollbook.change(person, "deliver", reason), entity)
        emit(plain(msgspec.structs.asdict(made)), as_json, lambda: out.print(made.token, markup=False, soft_wrap=True))

    @group.command("revoke")
    def revoke(
        context: typer.Context,
        account: AccountArgument,
        name: NameArgument,
        entity: AccountEntityOption = "",
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Let a token open nothing any more."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            done = tollbook.inboxes.revoke(account, name, tollbook.change(person, "deliver", reason), entity)
        words = f"the token {name} opens nothing any more" if done else f"the token {name} was revoked before"
        emit({"account": account, "name": name, "new": done}, as_json, lambda: out.print(words, markup=False))
