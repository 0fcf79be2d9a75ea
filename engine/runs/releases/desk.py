"""The desk of releases: rules proposed, agreed to, put in force, rolled back, compared."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, Final

import msgspec

from engine.base.errors import Code, TollbookError, did_you_mean, refuse
from engine.base.person import same_person
from engine.model.approval import LAPSED as APPROVAL_LAPSED
from engine.model.approval import PENDING, REJECTED, Approval
from engine.model.journal import Change
from engine.model.release import (
    EMPTY,
    LAPSED,
    PROPOSED,
    Content,
    Difference,
    Origin,
    ReleaseEvent,
    State,
    Stretch,
    agreed,
    in_force,
    is_approved,
    made_at,
    newest_approved,
    proposal,
    starts,
    stretches,
    withdrawn,
)
from engine.runs.approvals import Approvals, Outcome
from engine.runs.releases import acts
from engine.runs.releases.impact import Impact, impact_of
from engine.runs.releases.past import agreed_past, backdated
from engine.runs.releases.views import Drafted, Proposal, Shown, Status, Workshop
from engine.store.books import Books
from engine.store.reader import Reader
from engine.store.tuned import overrides
from engine.store.writer import Writer

UNKNOWN = Code("release.unknown", "A release of rules that the books do not have.")
NOTHING_NEW = Code("release.nothing-new", "A proposal of rules that are approved already.")
NOBODY_AGREES = Code("release.nobody-agrees", "A proposal to which nobody can agree who has to.")
NOTHING_EARLIER = Code("release.nothing-earlier", "A rollback where nothing else was in force before.")
NOT_IN_FORCE = Code("release.not-in-force", "A rollback of a release that is not in force, and will not be.")
NOTHING_WAITS = Code("release.nothing-waits", "A release that does not wait for the agreement of that person.")

DISK: Final = "disk"
IN_FORCE: Final = "in-force"
WORDS: Final = (DISK, IN_FORCE, "approved", "proposed")
"""Names that mean a release by what it is: the rules in the folders, the one of today, the newest approved, the newest proposed."""


class ReleaseDesk:
    """What people do with releases of rules.

    ``mode`` is what the configuration says of which rules are used; ``able`` gives the people who may approve, of some roles.
    """

    def __init__(
        self,
        books: Books,
        tenant: str,
        approvals: Approvals,
        workshop: Workshop,
        mode: str,
        able: Callable[[Collection[str]], Sequence[str]],
    ) -> None:
        self._books, self._tenant, self._approvals = books, tenant, approvals
        self._workshop, self._mode, self._able = workshop, mode, able

    def propose(
        self, change: Change, day: date | None = None, values: Mapping[str, Mapping[str, Any]] | None = None, changes: str = "",
    ) -> Proposal:  # fmt: skip
        """Propose the rules of the folders as a release, to be in force from ``day`` on once all have agreed.

        What is compiled is what is stored: content, parameters, versions of plug-ins, and where it came from.  ``values`` are set for
        parameters (rule set -> parameter -> value as a file would write it; null takes one back); those of the newest approved
        release stay, and those that were tuned since are taken in.  A proposal that still waits lapses.  One that decides days again
        which are billed says so: ``changes`` is ``past`` then, and those who agree read it.

        Raises:
            TollbookError: everything that is wrong with the rules, every case that fails, ``release.nothing-new``,
                ``release.changes-the-past``, ``release.nobody-agrees``, ``release.in-the-past``.
        """
        with self._books.reader() as reader:
            events = reader.release_events(self._tenant)
            base = self._content(reader, newest_approved(events)) or EMPTY
            judge = self._content(reader, in_force(events, change.at.date())) or base
            kept, billed = self._values(reader, events, base), reader.last_billed(self._tenant)
            if day is not None:
                acts.not_past(reader, self._tenant, day)
        drafted = self._workshop.drafted(merged(kept, values or {}))
        content = drafted.content
        if is_approved(events, content.release):
            raise refuse(
                NOTHING_NEW,
                f"release {content.release} is approved already",
                mend=f"`tollbook release schedule {content.release} --from DAY` puts it in force; nothing in the folders is new",
            )
        difference = self._workshop.compare(base, content)
        past = agreed_past([*backdated(difference, day or change.at.date())], changes, billed)
        roles = self._workshop.roles(judge if judge.release else content, difference, change.at.date())
        self._refuse_alone(roles, change)
        with self._books.writer(change, tenant=self._tenant) as writer:
            again = [str(one.where) for one in past if billed is not None]
            known, outcomes = self._kept(writer, drafted, base, roles, day, again)
        findings = (*drafted.warnings, *past, *(found for one in outcomes for found in one.findings))
        made = (difference, drafted.cases, drafted.origins, tuple(outcomes), findings, known)
        return Proposal(content.release, base.release, day, tuple(roles), *made)

    def _kept(
        self,
        writer: Writer,
        drafted: Drafted,
        base: Content,
        roles: Sequence[str],
        day: date | None,
        past: Sequence[str],
    ) -> tuple[bool, list[Outcome]]:
        """Store a proposal, and ask those who have to agree; whether it was there already."""
        tenant, content = self._tenant, drafted.content
        writer.store_release(tenant, content.release, content.files, content.overrides, content.plugins)
        writer.lock_release(tenant, content.release)
        before = proposal(writer.reader.release_events(tenant))
        more = {"past": list(past)} if past else {}
        told = {
            "base": base.release,
            "roles": list(roles),
            "cases": drafted.cases,
            "origins": [msgspec.to_builtins(one) for one in drafted.origins],
            **more,
        }
        same = (content.release, day, told)
        known = before is not None and (before.release, before.day, dict(before.content)) == same
        if known and before is not None and self._waiting(writer.reader, content.release):
            done = agreed(writer.reader.release_events(tenant), before)
            roles = [role for role in roles if role not in done]
        else:
            known = False
            self._lapse(writer, before)
            writer.note_release(tenant, content.release, PROPOSED, day=day, content=told)
        asked = str(day) if day else ""
        given = [{"release": content.release, "role": role, "day": asked, **more} for role in roles]
        return known, [self._approvals.act_in(writer, acts.AGREE, one) for one in given]

    def _lapse(self, writer: Writer, before: ReleaseEvent | None) -> None:
        """End what still waits of an earlier proposal: what was looked at is no longer what is asked for."""
        waiting = self._waiting(writer.reader, before.release) if before else []
        for one in waiting:
            locked = writer.lock_approval(self._tenant, one.id)
            writer.decide_approval(locked, APPROVAL_LAPSED, "the rules were proposed anew")
        if before is not None and not is_approved(writer.reader.release_events(self._tenant), before.release):
            writer.note_release(self._tenant, before.release, LAPSED)

    def _refuse_alone(self, roles: Sequence[str], change: Change) -> None:
        """Refuse a proposal to which nobody but its maker could agree.

        Raises:
            TollbookError: ``release.nobody-agrees``.
        """
        given = {"release": "", "role": "", "day": ""}
        if not self._approvals.needs_two(acts.AGREE, given):
            return
        for role in roles:
            able = [p for p in self._able([role] if role else []) if not same_person(p, change.who)]
            if not able:
                raise refuse(
                    NOBODY_AGREES,
                    f"nobody but {change.who} may agree for {role or 'anybody who approves'}",
                    why="rules of approval want somebody else of that role",
                    mend=f"give a person the role {role!r} and one that may approve, or change the rules of approval"
                    if role
                    else "give somebody else a role that may approve",
                )

    def approve(self, name: str, change: Change) -> list[Outcome]:
        """Agree to a release in every role that this person has and that still waits.

        Raises:
            TollbookError: ``release.unknown``, ``release.nothing-waits``, ``approval.same-person``, ``approval.not-allowed``, and
                what :meth:`engine.runs.approvals.Approvals.approve` refuses.
        """
        mine = self._mine(name, change)
        return [self._approvals.approve(one.id, change) for one in mine]

    def reject(self, name: str, change: Change) -> list[Approval]:
        """Say no to a release.

        Raises:
            TollbookError: as :meth:`approve`.
        """
        return [self._approvals.reject(one.id, change) for one in self._mine(name, change)]

    def _mine(self, name: str, change: Change) -> list[Approval]:
        """What waits of a release for this person; the first that waits at all, where nothing does, so that it is said why."""
        with self._books.reader() as reader:
            release = self._resolved(reader, name)
            waiting = self._waiting(reader, release)
        if not waiting:
            mend = "`tollbook release status` shows what waits"
            raise refuse(NOTHING_WAITS, f"release {release} waits for nobody", mend=mend)
        mine = [one for one in waiting if change.who in self._approvals.approvers(one)]
        return mine or waiting[:1]

    def schedule(self, name: str, day: date, change: Change) -> Outcome:
        """Put an approved release in force from a day on, or propose that.

        Raises:
            TollbookError: ``release.unknown``, ``release.not-approved``, ``release.in-the-past``, ``release.altered``.
        """
        with self._books.reader() as reader:
            release = self._resolved(reader, name)
            given = {"release": release, "day": str(day)}
            acts.start_relies(reader, self._tenant, given)
            again = self._again(reader, in_force(reader.release_events(self._tenant), day), release, day)
        return self._approvals.act(acts.START, given | again, change)

    def rollback(self, change: Change, day: date, name: str = "", to: str = "") -> Outcome:
        """Take a release (that in force on the day by default) out of force from a day on, and put in its place the one that would be
        in force without it, or ``to``.

        Raises:
            TollbookError: ``release.not-in-force``, ``release.nothing-earlier``, ``release.unknown``, ``release.not-approved``,
                ``release.in-the-past``.
        """
        with self._books.reader() as reader:
            events = reader.release_events(self._tenant)
            bad = self._resolved(reader, name) if name else in_force(events, day)
            running = bad and (
                bad == in_force(events, day) or any(e.release == bad and e.day >= day for e in _dated(events))
            )
            if not running:
                what = f"release {bad} is not in force on {day} or later" if bad else f"no release is in force on {day}"
                raise refuse(NOT_IN_FORCE, what, mend="`tollbook release log` shows which one is in force when")
            earlier = self._resolved(reader, to) if to else in_force(events, day, but={bad, *withdrawn(events)})
            if not earlier or earlier == bad:
                what = f"nothing that was not rolled back itself was in force before {bad}"
                raise refuse(NOTHING_EARLIER, what, mend="name one with --to, or propose the rules mended")
            given = {"release": earlier, "withdraws": bad, "day": str(day)}
            acts.start_relies(reader, self._tenant, given)
            again = self._again(reader, in_force(events, day), earlier, day)
        return self._approvals.act(acts.BACK, given | again, change)

    def _again(self, reader: Reader, before: str, after: str, day: date) -> dict[str, Any]:
        """The rule sets by which days before ``day`` that are billed are billed again, where a release takes the place of another."""
        old, new = self._content(reader, before), self._content(reader, after)
        if old is None or new is None or reader.last_billed(self._tenant) is None:
            return {}
        past = [str(one.where) for one in backdated(self._workshop.compare(old, new), day)]
        return {"past": past} if past else {}

    def log(self) -> list[ReleaseEvent]:
        """Everything that happened to releases, the newest first."""
        with self._books.reader() as reader:
            return reader.release_events(self._tenant)[::-1]

    def timeline(self) -> list[Stretch]:
        """Which release is in force from when to when."""
        with self._books.reader() as reader:
            return stretches(reader.release_events(self._tenant))

    def show(self, name: str) -> Shown:
        """A release as the books keep it.

        Raises:
            TollbookError: ``release.unknown``.
        """
        with self._books.reader() as reader:
            release = self._resolved(reader, name)
            content = self._content(reader, release)
            events = reader.release_events(self._tenant)
            state = self._state(reader, events, release)
        assert content is not None
        proposed = proposal(events, release)
        told = proposed.content if proposed else {}
        done = agreed(events, proposed) if proposed else {}
        return Shown(
            release,
            state,
            {label: len(text) for label, text in sorted(content.files.items())},
            content.overrides,
            content.plugins,
            tuple(msgspec.convert(one, Origin) for one in told.get("origins", ())),
            tuple(one for one in stretches(events) if one.release == release),
            {role: done.get(role, "") for role in told.get("roles", ())},
            tuple(event for event in events if release in (event.release, event.withdraws)),
            content.release == release,
        )

    def diff(self, before: str, after: str) -> Difference:
        """How two releases differ; either may be a word: disk, in-force, approved, proposed.

        Raises:
            TollbookError: ``release.unknown``, and what is wrong with folders that cannot be read.
        """
        with self._books.reader() as reader:
            contents = [self._named(reader, name) for name in (before, after)]
        return self._workshop.compare(*contents)

    def impact(self, name: str) -> Impact:
        """Everything that a release touched.

        Raises:
            TollbookError: ``release.unknown``.
        """
        with self._books.reader() as reader:
            return impact_of(reader, self._tenant, self._resolved(reader, name))

    def status(self, day: date) -> Status:
        """How things stand for runs of a day."""
        with self._books.reader() as reader:
            events = reader.release_events(self._tenant)
            now, newest = in_force(events, day), proposal(events)
            state = self._state(reader, events, newest.release) if newest else ""
            waiting = self._waiting(reader, newest.release) if newest else []
            base = self._content(reader, newest_approved(events)) or EMPTY
            kept = self._values(reader, events, base)
        waits = {one.subject: tuple(self._approvals.approvers(one)) for one in waiting}
        try:
            disk = self._workshop.on_disk(kept).release
        except TollbookError as error:
            disk = f"cannot be read: {error.findings[0].what}"
        ahead = tuple(one for one in stretches(events) if one.end is None or one.end > day)
        asked = newest.day if newest else None
        return Status(self._mode, day, now, ahead, newest.release if newest else "", asked, state, waits, disk)

    def _state(self, reader: Reader, events: Sequence[ReleaseEvent], release: str) -> State:
        if is_approved(events, release):
            return "approved"
        mine, newest = proposal(events, release), proposal(events)
        if mine is None or newest is None:
            return "stored"
        if mine.id != newest.id:
            return "lapsed"
        made = [one for one in reader.approvals_of(self._tenant, acts.AGREE, f"{release}/") if one.made_at >= mine.at]
        last = {one.subject: one.state for one in made}
        if REJECTED in last.values():
            return "rejected"
        return "lapsed" if APPROVAL_LAPSED in last.values() else "proposed"

    def _waiting(self, reader: Reader, release: str) -> list[Approval]:
        found = reader.approvals_of(self._tenant, acts.AGREE, f"{release}/")
        return [one for one in found if one.state == PENDING]

    def _values(self, reader: Reader, events: Sequence[ReleaseEvent], base: Content) -> dict[str, dict[str, Any]]:
        """Values of parameters for the next release: those of the newest approved one, and what was set since that was proposed."""
        return merged(base.overrides, overrides(reader, self._tenant, made_at(events)))

    def _content(self, reader: Reader, release: str) -> Content | None:
        return reader.release_content(self._tenant, release) if release else None

    def _named(self, reader: Reader, name: str) -> Content:
        if name == DISK:
            events = reader.release_events(self._tenant)
            base = self._content(reader, newest_approved(events)) or EMPTY
            return self._workshop.on_disk(self._values(reader, events, base))
        content = self._content(reader, self._resolved(reader, name))
        assert content is not None
        return content

    def _resolved(self, reader: Reader, name: str) -> str:
        events = reader.release_events(self._tenant)
        newest = proposal(events)
        meant = {
            IN_FORCE: in_force(events, datetime.now(UTC).date()),
            "approved": newest_approved(events),
            "proposed": newest.release if newest else "",
        }
        if name in meant:
            if meant[name]:
                return meant[name]
            raise refuse(UNKNOWN, f"no release is {name.replace('-', ' ')}", mend="`tollbook release log` shows them")
        found = reader.releases_like(self._tenant, name) if name else []
        if name in found:
            return name
        if len(found) == 1:
            return found[0]
        what = f"{name!r} is the beginning of {len(found)} releases" if found else f"the books have no release {name!r}"
        names = reader.names_of_releases(self._tenant)
        mend = did_you_mean(name, [*names, *WORDS]) or "`tollbook release log` shows them"
        raise refuse(UNKNOWN, what, mend="write more of it" if found else mend)


def merged(kept: Mapping[str, Mapping[str, Any]], given: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Values of parameters with others laid over them; null takes a value back."""
    whole = {name: dict(values) for name, values in kept.items()}
    for name, values in given.items():
        whole.setdefault(name, {}).update(values)
    cleaned = {name: {k: v for k, v in values.items() if v is not None} for name, values in whole.items()}
    return {name: values for name, values in cleaned.items() if values}


def _dated(events: Sequence[ReleaseEvent]) -> list[Any]:
    return [event for event in starts(events) if event.day is not None]
