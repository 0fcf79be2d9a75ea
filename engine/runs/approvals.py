"""Two persons for one act: one proposes it, another one approves it, and it is done as it was proposed, or not at all."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from engine.base.errors import Code, Finding, TollbookError, Where, did_you_mean, refuse
from engine.base.person import same_person
from engine.model.approval import APPROVED, LAPSED, REJECTED, Approval
from engine.model.journal import Change
from engine.runs.acts import ACTS, Arguments
from engine.runs.run import Parts
from engine.store.books import Books
from engine.store.reader import Reader
from engine.store.writer import Writer
from engine.store.writing.approvals import UNKNOWN_APPROVAL, digest

SAME_PERSON = Code("approval.same-person", "A person who decides on what they have proposed themselves.")
NOT_ALLOWED = Code("approval.not-allowed", "A person without a role that may approve that act.")
CHANGED = Code("approval.changed", "A proposal whose stored content is not what was proposed.")
STALE = Code("approval.stale", "A proposal that relies on a state of the world that is no more.")
UNKNOWN_ACT = Code("approval.unknown-act", "A proposal of an act that this version does not know.")
SWITCHED_OFF = Code("approval.switched-off", "An act that was done by one person because approvals are switched off.")


class Policy(msgspec.Struct, frozen=True):
    """What the configuration says about two persons.

    ``wanted`` are the acts that need two; ``limits`` the amounts by act and currency below which one is enough; ``off``
    switches all of it off; ``approvers`` names the people who may approve an act, ``may_make`` says whether a person may
    make it, ``has_role`` whether they have one of some roles.
    """

    wanted: Collection[str]
    limits: Mapping[str, Mapping[str, Decimal]]
    off: bool
    approvers: Callable[[str], Sequence[str]]
    may_make: Callable[[str, str], bool]
    has_role: Callable[[str, Collection[str]], bool] = lambda person, roles: True


class Outcome(msgspec.Struct, frozen=True):
    """What became of an act: ``done``, or proposed as ``approval``.  ``text`` says in words what it does."""

    act: str
    subject: str
    text: str
    done: bool
    approval: Approval | None = None
    findings: tuple[Finding, ...] = ()


class Approvals:
    """The desk at which acts are proposed, approved and rejected."""

    def __init__(self, books: Books, tenant: str, policy: Policy, parts: Callable[[], Parts]) -> None:
        self._books, self._tenant, self._policy, self._parts = books, tenant, policy, parts

    def act(self, name: str, given: Arguments, change: Change) -> Outcome:
        """Do an act, or propose it where it needs a second person.

        Raises:
            TollbookError: ``approval.needless``, and what the act itself refuses.
        """
        with self._books.writer(change, tenant=self._tenant) as writer:
            return self.act_in(writer, name, given)

    def act_in(self, writer: Writer, name: str, given: Arguments) -> Outcome:
        """As :meth:`act`, in a transaction that does more than that.

        Raises:
            TollbookError: as :meth:`act`.
        """
        doing = ACTS[name]
        outcome = Outcome(name, doing.subject(given), doing.text(given), done=True)
        needed = self._needs_two(writer.reader, name, given)
        if needed and not self._policy.off:
            approval = self._propose(writer, name, given)
            return msgspec.structs.replace(outcome, done=False, approval=approval)
        doing.relies(writer.reader, self._tenant, given)  # what two persons are refused, one is refused, too
        doing.do(self._parts, writer, self._tenant, given)
        if needed:
            writer.audit("act alone", f"{name}/{outcome.subject}", None, {"why": "approvals are switched off"})
            return msgspec.structs.replace(outcome, findings=(_switched_off(outcome),))
        return outcome

    def needs_two(self, name: str, given: Arguments) -> bool:
        """Whether an act needs a second person, and approvals are not switched off."""
        with self._books.reader() as reader:
            return not self._policy.off and self._needs_two(reader, name, given)

    def approve(self, number: int, change: Change) -> Outcome:
        """Approve what somebody else has proposed, and do it, in one transaction.

        A proposal that cannot be done any more as it was proposed lapses, for good.

        Raises:
            TollbookError: ``approval.unknown``, ``approval.decided``, ``approval.same-person``,
                ``approval.not-allowed``, ``approval.unknown-act``; ``approval.changed`` and ``approval.stale``, after
                which it has lapsed.
        """
        with self._books.writer(change, tenant=self._tenant) as writer:
            approval = self._locked(writer, number, change)
            outcome, lapse = self._done(writer, approval)
            if lapse is None:
                decided = writer.decide_approval(approval, APPROVED)
                return msgspec.structs.replace(outcome, approval=decided)
            writer.decide_approval(approval, LAPSED, lapse.what)
        raise TollbookError(lapse)

    def reject(self, number: int, change: Change) -> Approval:
        """Reject what somebody else has proposed.

        Raises:
            TollbookError: ``approval.unknown``, ``approval.decided``, ``approval.same-person``,
                ``approval.not-allowed``.
        """
        with self._books.writer(change, tenant=self._tenant) as writer:
            return writer.decide_approval(self._locked(writer, number, change), REJECTED)

    def listed(self, state: str = "") -> list[Approval]:
        """The newest approvals, newest first: those of one state, or all."""
        with self._books.reader() as reader:
            return reader.approvals(self._tenant, state)

    def one(self, number: int) -> Approval:
        """An approval by number.

        Raises:
            TollbookError: ``approval.unknown``.
        """
        with self._books.reader() as reader:
            found = reader.approval(self._tenant, number)
        if found is None:
            raise refuse(
                UNKNOWN_APPROVAL, f"there is no approval {number}", mend="`tollbook approvals list` shows them"
            )
        return found

    def approvers(self, approval: Approval) -> list[str]:
        """Who may decide on an approval."""
        able = [p for p in self._policy.approvers(approval.act) if not same_person(p, approval.maker)]
        if approval.act not in ACTS or not _intact(approval):
            return able
        roles = ACTS[approval.act].second(msgspec.json.decode(approval.content)["do"])
        return [p for p in able if not roles or self._policy.has_role(p, roles)]

    def _needs_two(self, reader: Reader, name: str, given: Arguments) -> bool:
        if ACTS[name].asks(given):
            return True
        if name not in self._policy.wanted:
            return False
        limits = self._policy.limits.get(name)
        if limits is None:
            return True
        amounts = ACTS[name].amounts(reader, self._tenant, given)
        return any(abs(amount) >= limits.get(currency, Decimal(0)) for currency, amount in amounts.items())

    def _propose(self, writer: Writer, name: str, given: Arguments) -> Approval:
        doing = ACTS[name]
        relies = doing.relies(writer.reader, self._tenant, given)
        content = msgspec.json.encode({"do": dict(given), "relies": dict(relies)}, order="sorted").decode()
        approval = writer.propose(self._tenant, name, doing.subject(given), content)
        if approval.content == content and _intact(approval):
            return approval
        stale = writer.lock_approval(self._tenant, approval.id)
        writer.decide_approval(stale, LAPSED, "proposed anew, because what it relied on has changed")
        return writer.propose(self._tenant, name, doing.subject(given), content)

    def _locked(self, writer: Writer, number: int, change: Change) -> Approval:
        """A pending approval that this person may decide."""
        approval = writer.lock_approval(self._tenant, number)
        able = self.approvers(approval)
        mend = f"may decide it: {', '.join(able)}" if able else "nobody may decide it: look at roles and people"
        subject = f"approval/{approval.key}"
        if same_person(change.who, approval.maker):
            what = f"{change.who!r} has proposed approval {number} as {approval.maker!r}"
            raise refuse(SAME_PERSON, what, why="maker and checker are two persons", mend=mend, subject=subject)
        if change.who not in able:
            what = f"{change.who!r} may not decide on {approval.act}"
            raise refuse(NOT_ALLOWED, what, why="no role of theirs may approve it", mend=mend, subject=subject)
        return approval

    def _done(self, writer: Writer, approval: Approval) -> tuple[Outcome, Finding | None]:
        """Do what was proposed; what it was, and why it has lapsed instead where it has."""
        if approval.act not in ACTS:
            what, mend = f"this version knows no act {approval.act!r}", did_you_mean(approval.act, ACTS)
            raise refuse(UNKNOWN_ACT, what, mend=mend, subject=f"approval/{approval.key}")
        outcome = Outcome(approval.act, approval.subject, "", done=False, approval=approval)
        if not _intact(approval):
            what = f"approval {approval.id} is not what {approval.maker} has proposed"
            why = "its content has another SHA-256 than when it was made"
            return outcome, _lapsed(CHANGED, approval, what, why, "look who has changed it, and propose it again")
        doing, content = ACTS[approval.act], msgspec.json.decode(approval.content)
        given = content["do"]
        stale = self._stale(writer.reader, approval, given, content["relies"])
        if stale is None and not doing.do(self._parts, writer, self._tenant, given):
            stale = "somebody else has done it meanwhile"
        if stale is None:
            return msgspec.structs.replace(outcome, text=doing.text(given), done=True), None
        what = f"approval {approval.id} has lapsed: {stale}"
        why = "what is approved relies on the state in which it was proposed"
        return outcome, _lapsed(STALE, approval, what, why, "propose it again if it is still wanted")

    def _stale(self, reader: Reader, approval: Approval, given: Arguments, before: Mapping[str, Any]) -> str | None:
        """What has changed since it was proposed; None where nothing has."""
        if not self._policy.may_make(approval.maker, approval.act):
            return f"{approval.maker} may not propose {approval.act} any more"
        try:
            now = ACTS[approval.act].relies(reader, self._tenant, given)
        except TollbookError as error:
            return error.findings[0].what
        moved = [f"{name} was {value}, is {now.get(name)}" for name, value in before.items() if now.get(name) != value]
        return ", ".join(moved) or None


def _intact(approval: Approval) -> bool:
    """Whether an approval is what was proposed."""
    made = digest(approval.tenant, approval.act, approval.subject, approval.maker, approval.content)
    return made == approval.sha256


def _lapsed(code: Code, approval: Approval, what: str, why: str, mend: str) -> Finding:
    place = f"approval/{approval.key}"
    return Finding(code, Where(place), what, why, mend, subject=place)


def _switched_off(outcome: Outcome) -> Finding:
    return Finding(
        SWITCHED_OFF,
        Where(f"{outcome.act}/{outcome.subject}"),
        f"one person alone did what needs two: {outcome.text}",
        "approvals_off is true in the configuration",
        "remove approvals_off where this is no development",
        level="warning",
        subject=f"{outcome.act}/{outcome.subject}",
    )
