"""Runs, their partitions and findings; releases and decisions, stored once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec
import sqlalchemy as sa

from engine.base.errors import Code, Finding, refuse
from engine.model.decision import Decision
from engine.store import types
from engine.store.records import Partition, Run
from engine.store.tables import DECISION, FINDING, INTAKE_FILE, PARTITION, RELEASE, RULE_FILE, RUN
from engine.store.writing.base import WriterBase

PARTITION_DONE = Code("store.partition-done", "A partition of a run that was worked off already, or does not exist.")
UNKNOWN_RUN = Code("store.unknown-run", "A run that the books do not know.")
RULES: Final = "rules"
"""In the parameters of a run: whether its release was approved, or is the rules of development."""
RUN_ENDED = Code("store.run-ended", "A partition of a run that was given up while a process was still at work on it.")


class RunsWriter(WriterBase):
    """Writes about runs."""

    def start_run(
        self, tenant: str, kind: str, period: str, scope: str, release: str, parameters: Mapping[str, Any] | None = None
    ) -> Run:
        """A run by its natural key (tenant, kind, period, scope): a new one, or the one that is there already.

        Its release and parameters are those of the first start; beside them stands which kind of rules it pins.
        """
        rules = {RULES: self.standing} if release and self.standing else {}
        key = {"tenant": tenant, "kind": kind, "period": period, "scope": scope}
        with self._spoiling():
            ident = self.take_ids(RUN.name, 1)
            inserted = self._insert_or_ignore(
                RUN,
                [
                    {
                        "id": ident,
                        **key,
                        "release": release,
                        "state": "running",
                        "started_at": self.change.at,
                        "finished_at": None,
                        "who": self.change.who,
                        "reason": self.change.reason,
                        "parameters": {**(parameters or {}), **rules},
                        "summary": {},
                    }
                ],
            )
        run = self.reader.find_run(tenant, kind, period, scope)
        assert run is not None
        self._books.begun.update({release} if rules else ())
        if not inserted:
            return run
        self.audit("start run", f"run/{run.id}", None, {**key, "release": release}, tenant=tenant)
        return msgspec.structs.replace(run, new=True)

    def add_partitions(self, run_id: int, partitions: Sequence[tuple[int, str, str, str]]) -> int:
        """Partitions (number, entity, low, high) of a run, those that it has already left as they are; how many are
        new.
        """
        rows = [
            {"run_id": run_id, "number": n, "entity": entity, "low": low, "high": high, "state": "open", "summary": {}}
            for n, entity, low, high in partitions
        ]
        with self._spoiling():
            added = self._insert_or_ignore(PARTITION, rows)
        if added:
            self.audit("add partitions", f"run/{run_id}", None, {"partitions": added})
        return added

    def lock_run(self, run_id: int) -> Run:
        """A run as it is now; nobody else ends or resumes it, or writes one of its partitions, until this transaction ends.

        Raises:
            TollbookError: ``store.unknown-run``.
        """
        row = self.connection.execute(sa.select(RUN).where(RUN.c.id == run_id).with_for_update()).one_or_none()
        if row is None:
            raise refuse(UNKNOWN_RUN, f"there is no run {run_id}", mend="tollbook runs list")
        return Run(*row)

    def claim_partition(self, run_id: int, number: int) -> Partition | None:
        """Lock a partition, and its run against being ended, until this transaction ends; None if it is done already.

        Raises:
            TollbookError: ``store.run-ended``: the run was given up.
        """
        state = sa.select(RUN.c.state).where(RUN.c.id == run_id).with_for_update(read=True)
        running = self.connection.execute(state).scalar() == "running"
        mine = (PARTITION.c.run_id == run_id, PARTITION.c.number == number, PARTITION.c.state != "done")
        row = self.connection.execute(sa.select(PARTITION).where(*mine).with_for_update()).one_or_none()
        if row is None:
            return None
        if not running:
            raise refuse(
                RUN_ENDED,
                f"run {run_id} was given up, or does not exist; its partition {number} is not written any more",
                why="another run may have gone past it",
                mend="what it left is on the bills of later dates",
                subject=f"run/{run_id}",
            )
        return Partition(*row)

    def finish_partition(self, run_id: int, number: int, summary: Mapping[str, Any]) -> None:
        """Mark a partition as done, in the transaction of its rows, so that work that is done twice is kept once.

        Raises:
            TollbookError: ``store.partition-done``: another transaction has done it; this one is rolled back.
        """
        mine = (PARTITION.c.run_id == run_id, PARTITION.c.number == number, PARTITION.c.state != "done")
        with self._spoiling():
            update = sa.update(PARTITION).where(*mine)
            done = update.values(state="done", summary=dict(summary), finished_at=self.change.at)
            if self.connection.execute(done).rowcount != 1:
                raise refuse(
                    PARTITION_DONE,
                    f"partition {number} of run {run_id} is done already, or does not exist",
                    why="its rows are in the books; they are not written twice",
                    mend="nothing is left to do for it",
                    subject=f"run/{run_id}",
                )
        self.audit("finish partition", f"run/{run_id}/{number}", {"state": "open"}, {"state": "done", **summary})

    def finish_run(self, run_id: int, summary: Mapping[str, Any], state: str = "done") -> None:
        """End a run as ``done`` or ``failed``.

        Raises:
            TollbookError: ``store.unknown-run``.
        """
        run = self.reader.run(run_id)
        if run is None:
            raise refuse(UNKNOWN_RUN, f"there is no run {run_id}", mend="tollbook runs list")
        with self._spoiling():
            update = sa.update(RUN).where(RUN.c.id == run_id)
            self.connection.execute(update.values(state=state, summary=dict(summary), finished_at=self.change.at))
        before, after = {"state": run.state}, {"state": state, **summary}
        self.audit("finish run", f"run/{run_id}", before, after, tenant=run.tenant)

    def resume_run(self, run_id: int) -> None:
        """Say that a run that ended, or stopped, is running again.

        Raises:
            TollbookError: ``store.unknown-run``.
        """
        run = self.reader.run(run_id)
        if run is None:
            raise refuse(UNKNOWN_RUN, f"there is no run {run_id}", mend="tollbook runs list")
        with self._spoiling():
            self.connection.execute(sa.update(RUN).where(RUN.c.id == run_id).values(state="running", finished_at=None))
        self.audit("resume run", f"run/{run_id}", {"state": run.state}, {"state": "running"}, tenant=run.tenant)

    def add_findings(self, tenant: str, findings: Iterable[Finding], run_id: int | None = None) -> int:
        """Keep findings of a run (default: the writer's); how many."""
        kept = list(findings)
        if not kept:
            return 0
        run = self.run_id if run_id is None else run_id
        first = self.take_ids(FINDING.name, len(kept))
        rows = [
            (
                first + i,
                tenant,
                run,
                str(f.code),
                f.level,
                f.subject,
                str(f.where),
                f.what,
                f.why,
                f.mend,
                self.change.at,
            )
            for i, f in enumerate(kept)
        ]
        with self._spoiling():
            self._insert(FINDING, rows)
        self.audit("add findings", f"run/{run}", None, {"findings": len(kept)}, tenant=tenant)
        return len(kept)

    def store_release(
        self,
        tenant: str,
        release: str,
        files: Mapping[str, bytes],
        overrides: Mapping[str, Any] | None = None,
        plugins: Mapping[str, str] | None = None,
    ) -> bool:
        """Keep a release with the content of its files, each content once; whether it is new."""
        if self.connection.scalar(
            sa.select(RELEASE.c.hash).where(RELEASE.c.hash == release, RELEASE.c.tenant == tenant)
        ):
            return False
        contents = {hashlib.sha256(content).hexdigest(): content.decode() for content in files.values()}
        manifest = {
            "files": {label: hashlib.sha256(content).hexdigest() for label, content in files.items()},
            "overrides": dict(overrides or {}),
            "plugins": dict(plugins or {}),
        }
        row = {
            "hash": release,
            "tenant": tenant,
            "created_at": self.change.at,
            "who": self.change.who,
            "reason": self.change.reason,
            "manifest": manifest,
        }
        with self._spoiling():
            self._insert_or_ignore(
                RULE_FILE, [{"sha256": sha, "content": text} for sha, text in sorted(contents.items())]
            )
            new = self._insert_or_ignore(RELEASE, [row]) == 1
        if new:
            self.audit("store release", f"release/{release}", None, {"files": len(files)}, tenant=tenant)
        return new

    def store_decisions(self, decisions: Iterable[Decision]) -> int:
        """Keep decisions that are not kept yet; how many are new.  Store those of a release before its run begins."""
        wanted = {d.id: d for d in decisions}
        releases = {d.release for d in wanted.values()}
        kept = set(self.connection.scalars(sa.select(DECISION.c.id).where(DECISION.c.release.in_(releases))))
        rows = [
            {
                "id": d.id,
                "release": d.release,
                "family": d.family,
                "ruleset": d.ruleset,
                "rule": d.rule,
                "file": d.where.file,
                "line": d.where.line,
                "parameters": _plain(d.parameters),
                "terms": _plain(d.terms),
            }
            for _, d in sorted(wanted.items())
            if d.id not in kept
        ]
        with self._spoiling():
            new = self._insert_or_ignore(DECISION, rows)
        if new:
            self.audit("store decisions", DECISION.name, None, {"decisions": new})
        return new

    def note_intake(self, tenant: str, name: str, sha256: str, loaded: int, quarantined: int) -> None:
        """Keep what became of an import file."""
        row = (self.take_ids(INTAKE_FILE.name, 1), tenant, name, sha256, loaded, quarantined, self.change.at)
        with self._spoiling():
            self._insert(INTAKE_FILE, [row])
        self.audit("import file", f"file/{name}", None, {"loaded": loaded, "quarantined": quarantined}, tenant=tenant)


def _plain(values: Mapping[str, Any]) -> Any:
    """Values as JSON can hold them; what is no value (a function, a set) by its text."""
    return types.from_json(msgspec.json.encode(dict(values), order="sorted", enc_hook=str))
