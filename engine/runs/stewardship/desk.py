"""The desk of stewardship: changes of master data that wait, confirmed or rejected by those who answer for them."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import date

from engine.base.errors import Code, refuse
from engine.base.person import same_person
from engine.model.journal import Change
from engine.model.stewardship import ATTRIBUTE, CONFIRMED, REJECTED, MasterChange
from engine.store.attributes import newest
from engine.store.books import Books
from engine.store.lookups import find
from engine.store.writer import Writer

NOT_STEWARD = Code("stewardship.not-steward", "A person who decides on a change without the role of its steward.")
SAME_PERSON = Code("stewardship.same-person", "A person who decides on a change that they have brought themselves.")


class StewardshipDesk:
    """What people do with changes that wait.  ``roles_of`` gives the roles of a person."""

    def __init__(self, books: Books, tenant: str, roles_of: Callable[[str], Collection[str]]) -> None:
        self._books, self._tenant, self._roles_of = books, tenant, roles_of

    def listed(self, state: str = "pending", record: str = "", steward: str = "") -> list[MasterChange]:
        """Changes, the oldest first; all of them where the state is empty."""
        with self._books.reader() as reader:
            return reader.master_changes(self._tenant, state, record, steward)

    def confirm(self, number: int, change: Change) -> MasterChange:
        """Let a change count: from its day on, or from now on where it has none.

        Raises:
            TollbookError: ``stewardship.unknown``, ``stewardship.decided``, ``stewardship.not-steward``, ``stewardship.same-person``.
        """
        with self._books.writer(change, tenant=self._tenant) as writer:
            held = self._mine(writer, number, change)
            writer.decide_change(held, CONFIRMED, _applied(writer, held))
            decided = writer.reader.master_change(self._tenant, number)
        assert decided is not None
        return decided

    def reject(self, number: int, change: Change) -> MasterChange:
        """Say no to a change: what the books have stays, and the same value that comes again is not asked about again.

        Raises:
            TollbookError: as :meth:`confirm`.
        """
        with self._books.writer(change, tenant=self._tenant) as writer:
            writer.decide_change(self._mine(writer, number, change), REJECTED)
            decided = writer.reader.master_change(self._tenant, number)
        assert decided is not None
        return decided

    def _mine(self, writer: Writer, number: int, change: Change) -> MasterChange:
        held = writer.lock_change(self._tenant, number)
        if held.steward not in self._roles_of(change.who):
            raise refuse(
                NOT_STEWARD,
                f"{change.who!r} does not have the role {held.steward!r}",
                why=f"change {number} waits for {held.steward}",
                mend="somebody with that role decides it; people and roles are in config.yaml",
                subject=held.subject,
            )
        if same_person(change.who, writer.reader.who_ran(held.run_id)):
            raise refuse(
                SAME_PERSON,
                f"{change.who!r} has brought change {number}",
                why="who brings a change and who confirms it are two persons",
                mend="another person of that role decides it",
                subject=held.subject,
            )
        return held


def _applied(writer: Writer, held: MasterChange) -> int:
    """Write what was confirmed; the id of the attribute value, 0 where it is none."""
    if held.field.startswith(ATTRIBUTE):
        row = (held.tenant, held.entity, held.object, held.record, held.field.removeprefix(ATTRIBUTE))
        written = writer.put_attributes([(*row, held.day or date.min, held.after)])
        return newest(writer.reader) if written.inserted or written.changed else 0
    (record,) = find(writer.reader, "accounts", held.tenant, [(held.entity, held.record)]).values()
    value = held.after if held.after is not None or record[held.field] is None else ""
    writer.put("accounts", [{**record, held.field: value}], tenant=held.tenant)
    return 0
