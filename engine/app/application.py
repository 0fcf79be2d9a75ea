"""Settings, rules, plug-ins and books become one application."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cached_property, lru_cache, partial
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import msgspec

from engine import families
from engine.app.authoring_desk import AuthoringDesk
from engine.app.catalogued import Catalogued
from engine.app.desks import Desks
from engine.app.explained import Missed, why_not
from engine.app.looking import looking
from engine.app.rule_history import History, rule_history
from engine.app.shelf import Shelf
from engine.app.tuning import known_values
from engine.base.errors import Code, Finding, TollbookError, refuse
from engine.base.money import exact_arithmetic
from engine.config import ACTS, Config, load
from engine.families.documents import KIND_OF_FILE, SHIPPED
from engine.model.decision import Family
from engine.model.delivering import INBOX
from engine.model.journal import Change
from engine.model.release import DEVELOPMENT, ReleaseEvent
from engine.ports.host import Host
from engine.rulebook import rulebook
from engine.rulebook.desk import RuleDesk
from engine.rulebook.rulebook import RuleBook
from engine.runs.approvals import Approvals, Outcome, Policy
from engine.runs.bank_desk import BankDesk
from engine.runs.billing.change_preview import ChangePreview, imagined, preview_change
from engine.runs.billing.read import Pinned, scope_parts
from engine.runs.billing.run import bill_partition, report_of, run_bill
from engine.runs.billing.void_run import run_void
from engine.runs.cutover import Comparison, compare
from engine.runs.delivering.run import run_deliver
from engine.runs.explaining.explain import Explanation, explain
from engine.runs.import_run import ImportReport, run_import
from engine.runs.releases.desk import UNKNOWN as UNKNOWN_RELEASE
from engine.runs.run import Parts, Progress, Report, Rules, silent
from engine.runs.scheduling.queue import SCHEDULER, Enqueued, Overview, enqueue_due, overview
from engine.runs.scheduling.work import Worked, utc_now, work_one
from engine.runs.usage.ingest import UsageDoor
from engine.runs.verify import run_checks
from engine.store.books import Books, may_be_there, open_books
from engine.store.checks import chain as checks_chain
from engine.store.records import Run
from engine.store.request_log import RequestLog
from engine.store.session import checked_change
from engine.store.tuned import overrides

NOT_RESUMABLE = Code(
    "run.not-resumable", "A run that does not exist, or of a kind that is repeated instead of resumed."
)


class App(Desks):
    """Tollbook put together from one ``config.yaml``; every part is made when it is first asked for."""

    def __init__(self, config_path: Path, overrides: Mapping[str, str]) -> None:
        exact_arithmetic()
        self.config_path, self.overrides = config_path, overrides
        self.config: Config = load(config_path, overrides)

    @cached_property
    def host(self) -> Host:
        """The plug-ins that the config names, loaded and checked."""
        return Host(self.config.adapters, self.config.folder, recorder=self.request_log)

    @cached_property
    def request_log(self) -> RequestLog:
        """Who keeps what adapters are called with; opens the books when the first call is made."""
        return RequestLog(lambda: self.books, self.tenant)

    @cached_property
    def families(self) -> Mapping[str, Family]:
        """Every family, with the methods that plug-ins provide."""
        return families.with_methods(self.host.methods())

    @property
    def rule_roots(self) -> tuple[Path, ...]:
        """The folders of rules, later ones layered over earlier ones."""
        return tuple(self.config.rules.folders)

    @property
    def rulebook(self) -> RuleBook:
        """The rules that are used today."""
        return self.shelf.on(utc_now().date())

    @cached_property
    def _on_disk(self) -> RuleBook:
        """The compiled rules on disk, with the values that were set for their parameters."""
        files, plugins = rulebook.read(self.rule_roots), self.host.versions()
        book = rulebook.compile_book(files, self.families, plugins=plugins)
        with self.books.reader() as reader:
            values = known_values(book, overrides(reader, self.tenant))
        return rulebook.compile_book(files, self.families, values, plugins) if values else book

    @cached_property
    def shelf(self) -> Shelf:
        """Which rules are used on a day."""
        mode, versions = self.config.rules.releases, self.host.versions
        return Shelf(mode, lambda: self._on_disk, self.stored_rulebook, self._release_events, versions)

    def _release_events(self) -> Sequence[ReleaseEvent]:
        with self.books.reader() as reader:
            return reader.release_events(self.tenant)

    def rule_desk(self, folders: Sequence[Path] = ()) -> RuleDesk:
        """What people do with the rule files in ``folders``, else in those of the config; opens books only to check pools and what is carried over."""
        known = {
            "adapter": [INBOX, *(adapter.name for adapter in self.config.adapters)],
            KIND_OF_FILE: [*SHIPPED, *self.host.formats()],
        }
        beside = Catalogued(lambda: self.books if may_be_there(self.config.database.url) else None, self.tenant)
        roots = tuple(folders) or self.rule_roots
        return RuleDesk(self.families, roots, plugins=self.host.versions(), known=known, beside=beside)

    def authoring(self, folders: Sequence[Path] = ()) -> AuthoringDesk:
        """What those who write rules do beside :meth:`rule_desk`; needs no books."""
        return AuthoringDesk(self.rule_desk(folders))

    def rule_history(self, folders: Sequence[Path], first: date | None, last: date | None) -> History:
        """How the books used the rules on disk; see :func:`engine.app.rule_history.rule_history`."""
        return rule_history(self.books, self.tenant, self.rule_desk(folders), first, last)

    def stored_rulebook(self, release: str) -> RuleBook:
        """The rules of a release, as the books keep them.

        Raises:
            TollbookError: ``release.unknown``.
        """
        with self.books.reader() as reader:
            stored = reader.release(self.config.tenant.key, release)
        if stored is None:
            raise refuse(
                UNKNOWN_RELEASE, f"the books have no release {release}", mend="`tollbook runs list` shows them"
            )
        files = {label: text.encode() for label, text in stored["contents"].items()}
        manifest = stored["manifest"]
        return rulebook.compile_book(files, self.families, manifest["overrides"], manifest["plugins"], lint=False)

    @cached_property
    def books(self) -> Books:
        """The books, brought to the newest schema."""
        books = open_books(self.config.database.url)
        books.may_adjust = partial(self.config.may, verb="adjust")
        books.standing = self.config.rules.releases
        books.migrate()
        return books

    @property
    def notice(self) -> str:
        """What is to be said of the rules of the runs that were begun here; empty where an approved release was used."""
        if "shelf" in self.__dict__ and self.shelf.notice:
            return self.shelf.notice
        begun = self.books.begun if "books" in self.__dict__ and self.config.rules.releases == DEVELOPMENT else ()
        return f"development rules: {', '.join(sorted(begun))}, which nobody had to approve" if begun else ""

    def change(self, person: str, verb: str, reason: str) -> Change:
        """A change that ``person`` makes now, if the config lets them use ``verb``.

        Raises:
            TollbookError: ``config.not-allowed``, ``change.no-reason``.
        """
        self.config.check_may(person, verb)
        return checked_change(Change(person, datetime.now(UTC), reason))

    def parts(self, rules: RuleBook | None = None, on: date | None = None) -> Parts:
        """What a run of a day is made of; of today, where it has none.

        Where no rules can be used that day, what the books have can still be looked at: whatever asks a rule, or writes, is refused.
        """
        settings, (used, books) = self.config.runs, self._used(rules, on)
        return Parts(
            books,
            used,
            self.host,
            self.config.tenant.key,
            settings.partition_size,
            self.config.fx.max_age_days,
            self.config.fx.source,
            settings.workers,
            Recipe(self.config_path, tuple(sorted(self.overrides.items()))),
            further=self.config.books,
        )

    def _used(self, rules: RuleBook | None, on: date | None) -> tuple[Rules, Books]:
        try:
            rules = rules or self.shelf.on(on or utc_now().date())
        except TollbookError as error:
            return looking(self.books, error)
        _COMPILED[rules.release] = rules
        return rules, self.books

    def bank_desk(self) -> BankDesk:
        """The desk of bank files."""
        return BankDesk(self.config.adapters, self.config.folder)

    @property
    def tenant(self) -> str:
        """Key of the tenant."""
        return self.config.tenant.key

    @property
    def rate_source(self) -> str:
        """The source of exchange rates that counts."""
        return self.config.fx.source

    def init(self, change: Change) -> Mapping[str, Any]:
        """Make the books; what they are in, and which adapters serve them."""
        with self.books.writer(change, tenant=self.tenant) as writer:
            writer.audit("init", f"tenant/{self.tenant}", None, {"name": self.config.tenant.name})
        return {"tenant": self.tenant, "database": self.books.dialect, "adapters": self.host.versions()}

    def import_folder(self, folder: Path, change: Change, today: date, progress: Progress = silent) -> ImportReport:
        """Load a folder of import files; see :func:`engine.runs.import_run.run_import`."""
        return run_import(self.books, self.tenant, folder, change, today, progress, lambda: self.shelf.on(today))

    def bill(
        self,
        on: date,
        change: Change,
        *,
        account: str | None = None,
        dry_run: bool = False,
        progress: Progress = silent,
        occasion: str = "",
    ) -> Report:
        """Bill what is owed on a date; see :func:`engine.runs.billing.run.run_bill`."""
        parts = self.parts(on=on)
        return run_bill(parts, on, change, account=account, dry_run=dry_run, progress=progress, occasion=occasion)

    def void(self, number: str, on: date, change: Change) -> Report:
        """Give back all that is left of an invoice; see :func:`engine.runs.billing.void_run.run_void`."""
        return run_void(self.parts(on=on), number, on, change)

    def usage_door(self) -> UsageDoor:
        """Where usage events come in while a server runs."""
        return UsageDoor(self.books, self.tenant)

    def compare_cutover(self, on: date, preview: Path, change: Change, progress: Progress = silent) -> Comparison:
        """Compare a dry run with the preview of the old system; see :func:`engine.runs.cutover.compare`."""
        return compare(self.parts(on=on), on, preview, change, progress)

    def resume(self, run_id: int, change: Change, progress: Progress = silent) -> Report:
        """Go on with an interrupted bill run, with the rules that it pinned, as the books keep them.

        Raises:
            TollbookError: ``run.not-resumable``, ``release.unknown``, ``release.plugins-moved``.
        """
        with self.books.reader() as reader:
            run = reader.run(run_id)
        if run is None or run.kind != "bill":
            raise refuse(
                NOT_RESUMABLE,
                f"{run_id} is no bill run",
                mend="`tollbook runs list` shows the runs; an import is repeated instead",
            )
        occasion, account = scope_parts(run.scope)
        rules = self.shelf.usable(self.stored_rulebook(run.release), f"run {run_id}")
        parts = self.parts(rules)
        on = date.fromisoformat(run.period)
        return run_bill(parts, on, change, account=account, progress=progress, occasion=occasion)

    @cached_property
    def approvals(self) -> Approvals:
        """The desk at which acts are done by one person, or proposed by one and approved by another."""
        config = self.config
        policy = Policy(
            config.approvals,
            config.approvals_from,
            config.approvals_off,
            config.approvers,
            lambda person, act: config.may(person, ACTS[act].verb),
            config.has_role,
        )
        return Approvals(self.books, self.tenant, policy, self.parts)

    def abandon(self, run_id: int, change: Change) -> Outcome:
        """End an unfinished bill run, or propose that; see :func:`engine.runs.billing.run.abandon`."""
        return self.approvals.act("abandon-run", {"run": run_id}, change)

    def report(self, run_id: int) -> Report:
        """What a run did and found."""
        return report_of(self.parts(), run_id)

    def runs(self) -> list[Run]:
        """All runs, the newest first."""
        with self.books.reader() as reader:
            return reader.runs(self.tenant)

    def deliver(self, change: Change, *, limit: int, progress: Progress = silent, run_id: int = 0) -> Report:
        """Tell the outbox to the delivery adapters; see :func:`engine.runs.delivering.run.run_deliver`."""
        return run_deliver(self.parts(), change, limit=limit, progress=progress, run_id=run_id)

    def verify(self, names: Sequence[str] = ()) -> Mapping[str, tuple[Finding, ...]]:
        """Run named checks over the books, all if none is named; what each finds wrong."""
        return run_checks(self.books, self.tenant, names, lambda: self.host.signers())

    def chain_head(self) -> tuple[int, str]:
        """Position and hash of the newest link of the chain that covers everything written; (0, "") before the first."""
        with self.books.reader() as reader:
            return checks_chain.head(reader, self.tenant)

    @property
    def _lease(self) -> timedelta:
        return timedelta(seconds=self.config.scheduler.lease)

    def enqueue(self, change: Change, holder: str) -> Enqueued:
        """Put into the queue what the schedules want by now; see :func:`engine.runs.scheduling.queue.enqueue_due`."""
        return enqueue_due(self.books, self.tenant, self.config.schedule, change, holder, self._lease)

    def leave_scheduler(self, change: Change, holder: str) -> None:
        """Give back the lease of the scheduler, if ``holder`` has it."""
        with self.books.writer(change, tenant=self.tenant) as writer:
            writer.drop_lease(self.tenant, SCHEDULER, holder)

    def work(self, change: Change, holder: str, clock: Callable[[], datetime] = utc_now) -> Worked | None:
        """Run the next request of the queue, with settings and rules as they are now; None where none waits."""
        opened = partial(open_app, self.config_path, self.overrides)
        return work_one(self.books, self.tenant, opened, change, holder, self._lease, clock)

    def schedules(self, now: datetime, limit: int) -> tuple[list[Overview], dict[str, Any]]:
        """Every schedule with its last requests, and how the queue stands."""
        return overview(self.books, self.tenant, self.config.schedule, now, limit)

    def explain(self, subject: str, everything: bool = False) -> Explanation:
        """Why an invoice, a line, a usage event or a posting is as it is; see :mod:`engine.runs.explaining.explain`."""
        return explain(self.books, self.tenant, self.stored_rulebook, subject, everything, self.again)

    def why_not(self, subject: str, rule: str) -> tuple[Explanation, Missed]:
        """An explanation, and why a rule had no part in it; see :func:`engine.app.explained.why_not`."""
        return why_not(self.books, self.tenant, self.stored_rulebook, subject, rule, self.again)

    def preview_change(self, account: str, change: Mapping[str, Any], subscription: str = "") -> ChangePreview:
        """What a change of a subscription would be billed as; see :func:`engine.runs.billing.change_preview.preview_change`."""
        made = Change("preview", datetime.now(UTC), "preview of a change")
        return preview_change(self.parts(), account, imagined(**change), made, subscription)

    def close(self) -> None:
        """Give back the database; other parts hold nothing."""
        if "books" in self.__dict__:
            try:
                self.request_log.flush()
            finally:
                self.books.close()


@contextlib.contextmanager
def open_app(config: Path, overrides: Mapping[str, str] | None = None) -> Iterator[App]:
    """An application for the length of a command.

    Raises:
        TollbookError: everything that is wrong with the settings, in one go.
    """
    app = App(config, overrides or {})
    try:
        yield app
    except BaseException:
        with contextlib.suppress(TollbookError):  # what stopped the command is said, not what that has as a consequence
            app.close()
        raise
    app.close()


_COMPILED: WeakValueDictionary[str, RuleBook] = WeakValueDictionary()
"""Rule books of this process by release: a worker that was forked takes the one that its parent has in use."""


class Recipe(msgspec.Struct, frozen=True):
    """How a worker process makes parts of its own and bills a partition with them."""

    config: Path
    overrides: tuple[tuple[str, str], ...]

    def __call__(self, pinned: Pinned, number: int) -> dict[str, Any]:
        """Bill one partition of a run, in this process, in whichever of its threads."""
        exact_arithmetic()
        return bill_partition(_worker_parts(self, pinned.release), pinned, number)


@lru_cache(maxsize=1)
def _worker_parts(recipe: Recipe, release: str) -> Parts:
    """The parts of this worker process, made once for each release; what they consist of is out of the collector's sight."""
    app = App(recipe.config, dict(recipe.overrides))
    rules = _COMPILED.get(release)
    parts = app.parts(rules or app.shelf.named(release))
    gc.collect()
    gc.freeze()
    return parts
