"""``tollbook release``: rules proposed, agreed to by others, put in force from a day on, compared, rolled back."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.acting import opened, show_outcome
from engine.cli.common import JsonOption, PersonOption, ReasonOption, emit, open_app, out, plain, show_findings, table

if TYPE_CHECKING:
    from engine.app import Difference, Impact, Proposal, ShownRelease, Status

ReleaseArgument = Annotated[
    str,
    typer.Argument(metavar="RELEASE", help="A release or the beginning of its name; or: in-force, approved, proposed."),
]
DayOption = Annotated[
    datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="The first day on which it is in force.")
]


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    group = typer.Typer(help="Propose rules, agree to them, put them in force, go back.", no_args_is_help=True)
    app.add_typer(group, name="release")
    _register_proposing(group)
    _register_deciding(group)
    _register_days(group)
    _register_looking(group)
    _register_comparing(group)


def _register_proposing(group: typer.Typer) -> None:
    @group.command("propose")
    def propose(
        context: typer.Context,
        start: DayOption = None,
        parameter: Annotated[
            list[str] | None,
            typer.Option("--parameter", help="RULESET.NAME=VALUE sets a value; without a VALUE it is taken back."),
        ] = None,
        changes: Annotated[
            str,
            typer.Option(
                "--changes", help="past: prices in force may change in place, so that billed days are billed again."
            ),
        ] = "",
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Propose the rules of the folders: checked, with every case passed; others agree before they are in force."""
        from engine.app import parameters

        try:
            values = parameters(parameter or ())
        except ValueError as error:
            raise typer.BadParameter(f"{str(error)!r} is not of the form RULESET.NAME=VALUE") from None
        if changes not in ("", "past"):
            raise typer.BadParameter(f"--changes is past or left out, not {changes!r}")
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            change = tollbook.change(person, "release", reason)
            made = tollbook.releases.propose(change, start.date() if start else None, values, changes)
        show_findings(made.findings)
        emit(_proposed(made), as_json, lambda: _show_proposal(made))


def _register_deciding(group: typer.Typer) -> None:
    @group.command("approve")
    def approve(
        context: typer.Context,
        release: ReleaseArgument = "proposed",
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Agree to a release that somebody else has proposed."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            change = tollbook.change(person, "approve", reason)
            outcomes = tollbook.releases.approve(release, change)
            status = tollbook.releases.status(change.at.date())
        done = [{"act": one.act, "subject": one.subject, "approval": opened(one.approval)} for one in outcomes]

        def render() -> None:
            for one in outcomes:
                out.print(f"agreed: {one.text}", markup=False)
            out.print(_standing(status), markup=False)

        emit({"done": done, "status": status}, as_json, render)

    @group.command("reject")
    def reject(
        context: typer.Context,
        release: ReleaseArgument = "proposed",
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Say no to a release that somebody else has proposed."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            rejected = tollbook.releases.reject(release, tollbook.change(person, "approve", reason))
        text = ", ".join(one.subject for one in rejected)
        emit([opened(one) for one in rejected], as_json, lambda: out.print(f"rejected: {text}", markup=False))


def _register_days(group: typer.Typer) -> None:
    @group.command("schedule")
    def schedule(
        context: typer.Context,
        release: ReleaseArgument,
        start: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="The first day.")],
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Put an approved release in force from a day on."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            change = tollbook.change(person, "release", reason)
            outcome = tollbook.releases.schedule(release, start.date(), change)
            line = tollbook.releases.timeline()
        show_outcome(outcome, as_json, {"timeline": plain(line)}, lambda: _show_timeline(line))

    @group.command("rollback")
    def rollback(
        context: typer.Context,
        start: DayOption = None,
        release: Annotated[
            str, typer.Option("--release", help="The one to be taken back; that in force on the day by default.")
        ] = "",
        to: Annotated[str, typer.Option("--to", help="The one in its place; that before it by default.")] = "",
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Put an earlier release in the place of another one, from a day on (today by default)."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            change = tollbook.change(person, "release", reason)
            outcome = tollbook.releases.rollback(change, start.date() if start else _today(), release, to)
            line = tollbook.releases.timeline()

        def render() -> None:
            out.print(f"done: {outcome.text}", markup=False)
            _show_timeline(line)
            out.print("what it touched: tollbook release impact RELEASE")

        show_outcome(outcome, as_json, {"timeline": plain(line)}, render)


def _register_looking(group: typer.Typer) -> None:
    @group.command("log")
    def log(context: typer.Context, as_json: JsonOption = False) -> None:
        """List what happened to releases, the newest first, and which one is in force when."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            events, line = tollbook.releases.log(), tollbook.releases.timeline()

        def render() -> None:
            rows = [
                (f"{e.at:%Y-%m-%d %H:%M}", e.release, e.event, e.role, e.day or "", e.withdraws, e.who, e.reason)
                for e in events
            ]
            table("", ("at", "release", "what", "role", "from", "in the place of", "by", "reason"), rows)
            _show_timeline(line)

        emit({"events": events, "timeline": line}, as_json, render)

    @group.command("show")
    def show(context: typer.Context, release: ReleaseArgument = "in-force", as_json: JsonOption = False) -> None:
        """Show a release: how it stands, where it came from, what it is made of."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            shown = tollbook.releases.show(release)
        emit(shown, as_json, lambda: _show(shown))

    @group.command("status")
    def status(
        context: typer.Context,
        on: Annotated[
            datetime | None, typer.Option("--date", formats=["%Y-%m-%d"], help="Day of a run; default: today.")
        ] = None,
        as_json: JsonOption = False,
    ) -> None:
        """Show which rules a run of a day uses, what is proposed, and for whom it waits."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            found = tollbook.releases.status(on.date() if on else _today())
        emit(found, as_json, lambda: _show_status(found))


def _register_comparing(group: typer.Typer) -> None:
    @group.command("diff")
    def diff(
        context: typer.Context,
        before: Annotated[str, typer.Argument(metavar="A", help="A release; or: disk, in-force, approved, proposed.")],
        after: Annotated[str, typer.Argument(metavar="B", help="Another one.")],
        as_json: JsonOption = False,
    ) -> None:
        """Say in words, rule by rule, how B differs from A."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            found = tollbook.releases.diff(before, after)
        emit(found, as_json, lambda: _show_difference(found))

    @group.command("impact")
    def impact(
        context: typer.Context,
        release: ReleaseArgument,
        file: Annotated[
            Path | None, typer.Option("--csv", help="Write every item into this file.", dir_okay=False)
        ] = None,
        as_json: JsonOption = False,
    ) -> None:
        """List every run, document and record that a release touched, and the commands that take them back."""
        from engine.app import write_impact

        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            found = tollbook.releases.impact(release)
        if file is not None:
            write_impact(found, file)
        emit(found, as_json, lambda: _show_impact(found, file))


def _today() -> date:
    return datetime.now(UTC).date()


def _proposed(made: Proposal) -> dict[str, Any]:
    outcomes = [{"subject": one.subject, "done": one.done, "approval": one.approval} for one in made.outcomes]
    return {**plain(made), "outcomes": plain(outcomes)}


def _show_proposal(made: Proposal) -> None:
    """A proposal for people: what it changes, and what has to happen next."""
    again = " (it was proposed before, and waits)" if made.known else ""
    day = f", to be in force from {made.day}" if made.day else ""
    out.print(f"proposed: release {made.release}{day}, {made.cases} cases passed{again}", markup=False)
    for one in made.origins:
        if one.commit:
            state = "with files that are not committed" if one.dirty else "as committed" if one.dirty is False else ""
            out.print(f"from {one.folder} at commit {one.commit[:12]}, {state}".rstrip(", "), markup=False)
    _show_difference(made.difference)
    for outcome in made.outcomes:
        if outcome.approval is not None and not outcome.done:
            role = f" for {outcome.subject.partition('/')[2]}"
            out.print(f"approval {outcome.approval.id}{role}: waits for another person", markup=False)
        else:
            out.print(f"done: {outcome.text}", markup=False)
    if any(not outcome.done for outcome in made.outcomes):
        out.print(f"another person: tollbook release approve {made.release} --as NAME --reason TEXT", markup=False)


def _show_difference(found: Difference) -> None:
    """A difference for people."""
    if not found.changes:
        out.print(f"{found.after} is the same as {found.before}", markup=False)
        return
    if not found.before:
        out.print(f"the first release: {len(found.touched)} rule sets, tables and plug-ins", markup=False)
        return
    out.print(f"{found.after} against {found.before}:", markup=False)
    seen = ""
    for one in found.changes:
        if one.ruleset != seen:
            seen = one.ruleset
            out.print(f"  {seen}", markup=False)
        out.print(f"    {one.what}{f'  [{one.where}]' if one.where else ''}", markup=False)


def _standing(status: Status) -> str:
    if status.waits:
        return f"release {status.proposed} still waits: {_waits(status)}"
    ahead = [f"{one.release} from {one.start}" for one in status.ahead if one.release == status.proposed]
    if status.state == "approved":
        then = f"in force: {', '.join(ahead)}" if ahead else f"tollbook release schedule {status.proposed} --from DAY"
        return f"release {status.proposed} is approved; {then}"
    return f"release {status.proposed} is {status.state}"


def _waits(status: Status) -> str:
    return "; ".join(
        f"{subject.partition('/')[2]} ({', '.join(able) or 'nobody can'})" for subject, able in status.waits.items()
    )


def _show_status(found: Status) -> None:
    using = (
        "the rules in the folders, which nobody has to approve" if found.mode == "development" else "approved releases"
    )
    out.print(f"rules.releases is {found.mode}: runs use {using}", markup=False)
    out.print(f"in force on {found.day}: {found.in_force or 'nothing'}", markup=False)
    if found.proposed:
        out.print(_standing(found), markup=False)
    same = {found.proposed: "what is proposed", found.in_force: "what is in force"}.get(found.disk, "neither of them")
    out.print(f"in the folders: {found.disk}{f', {same}' if found.disk.startswith('r-') else ''}", markup=False)
    if found.ahead:
        _show_timeline(list(found.ahead))


def _show_timeline(line: Any) -> None:
    rows = [(one.release, one.start, one.end or "") for one in line]
    table("in force", ("release", "from", "until"), rows)


def _show(shown: ShownRelease) -> None:
    out.print(f"release {shown.release}: {shown.state}", markup=False)
    if not shown.whole:
        out.print("its files are not those that its name was drawn from: it can neither be used nor approved")
    for one in shown.origins:
        dirty = ", with files that were not committed" if one.dirty else ""
        out.print(
            f"from {one.folder}: {f'commit {one.commit}{dirty}' if one.commit else 'no commit known'}", markup=False
        )
    for role, who in shown.roles.items():
        out.print(f"{role or 'anybody who approves'}: {who or 'has not agreed'}", markup=False)
    for name, values in shown.overrides.items():
        for key, value in values.items():
            out.print(f"parameter {name}.{key} = {value}", markup=False)
    for name, version in shown.plugins.items():
        out.print(f"plug-in {name}: {version}", markup=False)
    table("files", ("file", "bytes"), list(shown.files.items()), right=(1,))
    if shown.stretches:
        _show_timeline(shown.stretches)
    rows = [(f"{e.at:%Y-%m-%d %H:%M}", e.event, e.role, e.day or "", e.who, e.reason) for e in shown.events]
    if rows:
        table("what happened", ("at", "what", "role", "from", "by", "reason"), rows)


def _show_impact(found: Impact, file: Path | None) -> None:
    if not found.items:
        out.print(f"release {found.release} touched nothing", markup=False)
        return
    rows = [(t.kind, t.what, t.count, t.currency, f"{t.amount:,.2f}" if t.currency else "") for t in found.totals]
    table(f"release {found.release}", ("kind", "what", "count", "currency", "amount"), rows, right=(2, 4))
    table("records", ("table", "rows"), list(found.records.items()), right=(1,))
    undo = list(dict.fromkeys((i.kind, i.key, i.account, i.undo) for i in found.items if i.undo))
    shown = undo if file is None and len(undo) <= 40 else undo[:10]
    table("taken back by", ("kind", "key", "account", "command"), shown)
    if len(undo) > len(shown):
        out.print(f"... and {len(undo) - len(shown)} more; --csv FILE writes all of them", markup=False)
