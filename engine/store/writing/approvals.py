"""Writes of approvals: proposed, then decided once."""

from __future__ import annotations

import hashlib

import msgspec
import sqlalchemy as sa

from engine.base.errors import Code, refuse
from engine.model.approval import PENDING, Approval, State
from engine.store import types
from engine.store.tables import APPROVAL
from engine.store.writing.base import WriterBase

UNKNOWN_APPROVAL = Code("approval.unknown", "An approval that the books do not have.")
DECIDED = Code("approval.decided", "An approval that was decided already; it is decided once.")


def digest(tenant: str, act: str, subject: str, maker: str, content: str) -> str:
    """The SHA-256 of a proposal, in hexadecimal digits: of its content and of all that says what it means."""
    return hashlib.sha256(types.to_json([tenant, act, subject, maker, content]).encode()).hexdigest()


class ApprovalsWriter(WriterBase):
    """Writes what one person proposes and another one decides."""

    def propose(self, tenant: str, act: str, subject: str, content: str) -> Approval:
        """A new approval, pending, made by the person of this change; or the one that is pending already.

        ``content`` is canonical JSON.  Two that propose the same at once get the same approval.
        """
        column = APPROVAL.c
        mine = (column.tenant == tenant, column.act == act, column.subject == subject)
        with self._spoiling():
            before = self.connection.execute(sa.select(sa.func.count()).where(*mine)).scalar_one()
            made = Approval(
                id=self.take_ids(APPROVAL.name, 1),
                tenant=tenant,
                key=f"{act}/{subject}/{before + 1}",
                act=act,
                subject=subject,
                content=content,
                sha256=digest(tenant, act, subject, self.change.who, content),
                maker=self.change.who,
                made_at=self.change.at,
                reason=self.change.reason,
            )
            while not self._insert_or_ignore(APPROVAL, [msgspec.structs.asdict(made)]):
                pending = self.reader.pending_approval(tenant, act, subject)
                if pending is not None:
                    return pending
                before += 1  # the key is taken: by one that was made meanwhile, or whose row was changed by hand
                made = msgspec.structs.replace(made, key=f"{act}/{subject}/{before + 1}")
        after = {"act": act, "content": content, "sha256": made.sha256}
        self.audit("propose", f"approval/{made.key}", None, after, tenant=tenant)
        return made

    def lock_approval(self, tenant: str, number: int) -> Approval:
        """A pending approval, locked until this transaction ends.

        Raises:
            TollbookError: ``approval.unknown``, ``approval.decided``.
        """
        column = APPROVAL.c
        statement = sa.select(APPROVAL).where(column.tenant == tenant, column.id == number).with_for_update()
        row = self.connection.execute(statement).one_or_none()
        if row is None:
            raise refuse(
                UNKNOWN_APPROVAL, f"there is no approval {number}", mend="`tollbook approvals list` shows them"
            )
        found = Approval(*row)
        if found.state != PENDING:
            raise refuse(
                DECIDED,
                f"approval {number} was {found.state} by {found.checker} at {found.checked_at:%Y-%m-%d %H:%M} UTC",
                why="an approval is decided once, and what it allows is done once",
                mend="propose it again if it is still wanted",
                subject=f"approval/{found.key}",
            )
        return found

    def decide_approval(self, approval: Approval, state: State, reason: str = "") -> Approval:
        """End a pending approval, which this transaction has locked; ``reason`` is that of the change by default.

        Raises:
            TollbookError: ``approval.decided``.
        """
        why = reason or self.change.reason
        column = APPROVAL.c
        mine = (column.tenant == approval.tenant, column.id == approval.id, column.state == PENDING)
        values = {"state": state, "checker": self.change.who, "checked_at": self.change.at, "check_reason": why}
        with self._spoiling():
            if self.connection.execute(sa.update(APPROVAL).where(*mine).values(values)).rowcount != 1:
                raise refuse(DECIDED, f"approval {approval.id} was decided meanwhile", mend="look at it again")
        before = {"state": PENDING, "maker": approval.maker, "sha256": approval.sha256}
        verb = {"approved": "approve", "rejected": "reject", "lapsed": "lapse"}[state]
        after = {"state": state, "reason": why}
        self.audit(verb, f"approval/{approval.key}", before, after, tenant=approval.tenant)
        decided = self.reader.approval(approval.tenant, approval.id)
        assert decided is not None
        return decided
