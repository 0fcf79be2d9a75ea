"""The bill run: pin a release, add up usage, bill partitions of payers, each in one transaction; harmless to repeat."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Any

import msgspec

from engine.base.errors import Code, Finding, TollbookError, refuse
from engine.model.journal import Change
from engine.ports.compute import engine_of
from engine.runs.billing.late_step import moment
from engine.runs.billing.partition import MONEY, compute
from engine.runs.billing.pool import billed_by_engine, billed_by_workers
from engine.runs.billing.preview import preview
from engine.runs.billing.read import ALL, Pinned, ranges_of, read_partition, scope_of
from engine.runs.billing.unused_prices import PRICES, unused_prices
from engine.runs.billing.write import write_partition
from engine.runs.reviewing.conditions import Wanted, ahead, hold, waiting
from engine.runs.run import Clock, Parts, Progress, Report, add_up, collector_paused, silent
from engine.runs.usage.control import NOTED, arrive, keep, look
from engine.store import attributes, tracing
from engine.store.reader import Reader
from engine.store.records import Partition, Run
from engine.store.reversal import reversible
from engine.store.tables.ledger import OPEN, SOFT
from engine.store.writer import Writer

PERIOD_CLOSED = Code("period.closed", "A posting into an accounting period that is closed.")
NO_ENTITY = Code("run.no-entity", "There is no legal entity to bill for.")
UNKNOWN_RUN = Code("run.unknown-run", "A run that the books do not have.")
RELEASE_MOVED = Code(
    "run.release-moved", "A run cannot be resumed, because the rules that are used are no longer those that it pinned."
)
UNFINISHED = Code("run.unfinished", "A bill run while another one is not finished; two at once would bill twice.")
SUPERSEDED = Code("run.superseded", "A bill run that was abandoned, and that a later one has gone past.")
BEFORE_DOCUMENTS = Code("run.before-documents", "A bill run dated before documents that are issued already.")


def run_bill(
    parts: Parts,
    on: date,
    change: Change,
    *,
    account: str | None = None,
    dry_run: bool = False,
    progress: Progress = silent,
    occasion: str = "",
) -> Report:
    """Bill everything that is owed on ``on``, for one account or for all; ``occasion`` is what the run is made for, where
    that is not its date.

    The same run twice changes nothing: a finished run is reported again, an unfinished one is resumed with the release and
    the usage that it pinned.  A dry run computes the same and writes nothing but the daily sums of
    usage and the request log.

    Raises:
        TollbookError: ``period.closed``, ``run.before-documents``, ``run.no-entity``, ``run.unknown-account``,
            ``run.unfinished``, ``run.superseded``, ``run.release-moved``.  What stops a run that has begun, such as a
            database that is gone, names the run and how to go on with it.
    """
    clock = Clock()
    scope = scope_of(account, occasion)
    with parts.books.reader() as reader:
        refuse_the_impossible(parts, reader, on, change.who)
        wanted = ahead(parts, reader, on, scope) if not (dry_run and occasion) else ()
    if dry_run:
        with clock.step("meter"), parts.books.writer(change) as writer:
            seen = known_usage(parts, writer)
            control = look(parts, writer.reader, on)
            early = waiting(parts, writer.reader, wanted, on, scope, change.at, control)
        pins = {**seen, **control.parameters, **moment(parts, change.at)}
        pinned = Pinned(0, on, scope, parts.rules.release, pins, change)
        return preview(parts, pinned, clock, progress, (*early, *control.findings))
    progress("meter", 0, 1)
    parts.books.refresh_statistics()  # counting payers off as if a bulk load had not been takes minutes
    pinned, done = _start(parts, on, change, scope, clock, wanted)
    if done is not None:
        return done
    with _naming(pinned):
        parts.books.refresh_statistics()
        pending = _pending(parts, pinned)
        progress("bill", 0, len(pending))
        for number, summary in enumerate(_work(parts, pinned, pending), 1):
            progress("bill", number, len(pending))
            add_up(clock.seconds, summary["seconds"])
        return _finish(parts, pinned, clock)


@contextmanager
def _naming(pinned: Pinned) -> Iterator[None]:
    """A block in which whatever stops a run names the run, and how to go on with it."""
    try:
        yield
    except TollbookError as error:
        go_on = f"`tollbook runs resume {pinned.run_id}`"
        raise TollbookError(
            msgspec.structs.replace(
                finding,
                what=f"bill run {pinned.run_id} of {pinned.on} stopped: {finding.what}",
                mend=f"{finding.mend.removesuffix('; then do it again')}; then {go_on}" if finding.mend else go_on,
            )
            for finding in error.findings
        ) from error


def refuse_the_impossible(parts: Parts, reader: Reader, on: date, who: str) -> None:
    """Refuse to issue documents of a day on which none can be; a month that is closed softly takes those of who may adjust it.

    Raises:
        TollbookError: ``run.no-entity``, ``period.closed``, ``run.before-documents``.
    """
    entities = reader.entities(parts.tenant)
    if not entities:
        raise refuse(NO_ENTITY, f"tenant {parts.tenant} has no legal entity", mend="run `tollbook import` first")
    taken = (OPEN, SOFT) if parts.books.may_adjust(who) else (OPEN,)
    states = {entity: reader.period_state(parts.tenant, entity, on) for entity in sorted(entities)}
    closed = {entity: state for entity, state in states.items() if state not in taken}
    if closed:
        softly = set(closed.values()) == {SOFT}
        raise refuse(
            PERIOD_CLOSED,
            f"{on:%Y-%m} is closed {'softly ' if softly else ''}in {', '.join(closed)}",
            why=f"such a month takes adjustments alone, and {who!r} may not adjust it" if softly else "",
            mend="bill on a date in an open period, or open it again with `tollbook ledger open-period`",
        )
    late = tracing.documents_after(reader, parts.tenant, on)
    if late:
        raise refuse(
            BEFORE_DOCUMENTS,
            f"{late[0]} has documents of {late[1]}, after {on}",
            why="dates never decrease within a series of legal numbers",
            mend=f"bill on {late[1]} or later; what was owed before is on that bill",
        )


def known_usage(parts: Parts, writer: Writer) -> dict[str, int]:
    """Add up the usage that came since the last run; the highest ids of usage and subscription events that are known now."""
    usage, events = writer.roll_up_usage(parts.tenant), writer.reader.high_marks()[1]
    arrive(parts, writer, usage)
    return {
        "usage": usage,
        "events": events,
        "attributes": attributes.newest(writer.reader),
        "covers": writer.reader.newest_cover(),
    }


def _start(
    parts: Parts, on: date, change: Change, scope: str, clock: Clock, wanted: Sequence[Wanted]
) -> tuple[Pinned, Report | None]:
    """The run with its partitions, new or to be resumed, and its report if it is done.

    Starts are one after the other, because adding up usage locks: what is looked at here is as the start before has left it.

    Raises:
        TollbookError: ``run.condition-unmet``, after what the run waits for was written down; and what starting refuses.
    """
    with clock.step("meter"), parts.books.writer(change) as writer:
        started = _begin(parts, writer, on, change, scope, wanted)
    if isinstance(started, list):
        raise TollbookError(started)
    return started


def _begin(
    parts: Parts, writer: Writer, on: date, change: Change, scope: str, wanted: Sequence[Wanted]
) -> tuple[Pinned, Report | None] | list[Finding]:
    """As :func:`_start`, in its transaction; findings where conditions are unmet."""
    rules = parts.rules
    seen = known_usage(parts, writer)
    writer.store_release(parts.tenant, rules.release, rules.files, rules.overrides, rules.plugins)
    writer.store_decisions(rules.decisions())
    control = look(parts, writer.reader, on)
    pins = {**seen, **control.parameters, **moment(parts, change.at)}
    known = writer.reader.find_run(parts.tenant, "bill", on.isoformat(), scope)
    unmet = hold(parts, writer, wanted, on, scope, control) if known is None else []
    if unmet:
        return unmet
    started = writer.start_run(parts.tenant, "bill", on.isoformat(), scope, rules.release, pins)
    run = writer.lock_run(started.id)
    if run.state == "done":
        return _pinned(run, on, change), msgspec.structs.replace(report_of(parts, run.id), repeated=True)
    refuse_the_impossible(parts, writer.reader, on, writer.change.who)
    _refuse_beside(writer, run, parts.tenant)
    if run.release != rules.release:
        raise refuse(
            RELEASE_MOVED,
            f"run {run.id} pinned release {run.release}, the rules that are used now are {rules.release}",
            mend="`tollbook runs resume` takes the rules from the books",
        )
    if started.new:
        keep(parts, writer, run.id, control)
    else:
        writer.resume_run(run.id)
    pinned = _pinned(run, on, change)
    if not writer.reader.partitions(run.id):
        ranges = ranges_of(parts, writer.reader, pinned.account)
        writer.add_partitions(run.id, [(n, *one) for n, one in enumerate(ranges, 1)])
    return pinned, None


def _pinned(run: Run, on: date, change: Change) -> Pinned:
    return Pinned(run.id, on, run.scope, run.release, dict(run.parameters), change)


def _refuse_beside(writer: Writer, run: Run, tenant: str) -> None:
    """One bill run of a tenant at a time, and none after a later one: each relies on what the one before has written."""
    for other in writer.reader.runs(tenant, limit=1000):
        if other.kind not in ("bill", "void", "true-up") or other.id == run.id:
            continue
        if other.kind == "void" and other.state == "running":
            what = f"void run {other.id} of {other.period} ({other.scope}) is not finished"
            raise refuse(UNFINISHED, what, mend="void the invoice again: it goes on where it was left")
        if other.kind == "true-up" and other.state == "running":
            what = f"true-up run {other.id} of {other.period} ({other.scope}) is not finished"
            raise refuse(UNFINISHED, what, mend="true up the same days again: it goes on where it was left")
        if other.kind != "bill":
            continue
        if other.state == "running":
            raise refuse(
                UNFINISHED,
                f"bill run {other.id} of {other.period} ({other.scope}) is not finished",
                why="two bill runs at once would bill the same twice",
                mend=f"wait for it; if it stopped, `tollbook runs resume {other.id}` or `tollbook runs abandon {other.id}`",
            )
        if other.id > run.id and other.state == "done":
            raise refuse(
                SUPERSEDED,
                f"bill run {run.id} of {run.period} was left unfinished, and run {other.id} of {other.period} came after it",
                mend="what it left is on the bills of later dates",
            )


def unfinished(reader: Reader, run_id: int) -> Run:
    """A bill run that is not finished.

    Raises:
        TollbookError: ``run.unknown-run`` where there is no such unfinished bill run.
    """
    run = reader.run(run_id)
    if run is None or run.kind != "bill" or run.state != "running":
        raise refuse(UNKNOWN_RUN, f"{run_id} is no unfinished bill run", mend="`tollbook runs list` shows them")
    return run


def abandon(writer: Writer, run_id: int) -> None:
    """End an unfinished bill run as failed: what it has billed stays, the rest is on the bill of the next date.

    Waits for partitions that are being written; a process that is still at work on the run then stops by itself.

    Raises:
        TollbookError: ``run.unknown-run`` where there is no such unfinished bill run.
    """
    if writer.reader.run(run_id) is not None:
        writer.lock_run(run_id)
    unfinished(writer.reader, run_id)
    writer.finish_run(run_id, {"counts": _counts(writer.reader.partitions(run_id))}, state="failed")


def _pending(parts: Parts, pinned: Pinned) -> list[int]:
    """Numbers of the partitions that are still to be billed."""
    with parts.books.reader() as reader:
        return [p.number for p in reader.partitions(pinned.run_id) if p.state != "done"]


def _work(parts: Parts, pinned: Pinned, pending: Sequence[int]) -> Iterator[dict[str, Any]]:
    """Summaries of the partitions as they are done: by the engine of an adapter, by this process, or by workers."""
    if parts.recipe is not None and len(pending) > 1:
        engine = engine_of(parts.host)
        if engine is not None:
            return billed_by_engine(engine, partial(parts.recipe, pinned), pending)
    if parts.workers < 2 or parts.recipe is None:
        return (bill_partition(parts, pinned, number) for number in pending)
    return billed_by_workers(parts.workers, parts.recipe, pinned, pending)


def bill_partition(parts: Parts, pinned: Pinned, number: int) -> dict[str, Any]:
    """Bill one partition of a run; its done-mark is committed with its rows, so that a repeat is harmless."""
    with collector_paused():
        return _bill_partition(parts, pinned, number)


def _bill_partition(parts: Parts, pinned: Pinned, number: int) -> dict[str, Any]:
    clock = Clock()
    parts = msgspec.structs.replace(parts, host=parts.host.of_run(pinned.run_id))
    with parts.books.reader() as reader:
        with clock.step("read"):
            partition = reader.partition(pinned.run_id, number)
            if partition.state == "done":  # by another process that is at work on this run
                return {"counts": {}, "seconds": {}}
            read = read_partition(parts, reader, pinned, partition.entity, partition.low, partition.high)
        batch = compute(parts, read.job, read.dues, read.table, partial(reversible, reader), clock)
    batch = msgspec.structs.replace(batch, findings=(*batch.findings, *read.findings))
    with clock.step("write"):
        summary = write_partition(parts, pinned, number, read.job.entity, batch)
    summary["seconds"] = clock.seconds
    return summary


def _finish(parts: Parts, pinned: Pinned, clock: Clock) -> Report:
    """End the run, unless another process that was at work on it has done so."""
    with parts.books.writer(pinned.change, pinned.run_id) as writer:
        if writer.lock_run(pinned.run_id).state == "running":
            done = writer.reader.partitions(pinned.run_id)
            counts = _counts(done)
            used = {price for partition in done for price in partition.summary.get("prices", ())}
            unused = unused_prices(parts, writer.reader, pinned, used) if pinned.scope == ALL else []
            counts["findings"] = counts.get("findings", 0) + len(unused) + pinned.seen.get(NOTED, 0)
            writer.add_findings(parts.tenant, unused)
            seconds = {step: round(value, 3) for step, value in clock.seconds.items()}
            writer.finish_run(pinned.run_id, {"counts": counts, "seconds": seconds, PRICES: sorted(used)})
    return report_of(parts, pinned.run_id)


def _counts(partitions: Sequence[Partition]) -> dict[str, Any]:
    """What the partitions of a run that are done come to."""
    counts: dict[str, Any] = {}
    for partition in partitions:
        add_up(counts, partition.summary.get("counts", {}))
    return counts


def _money(partitions: Sequence[Partition]) -> dict[str, list[list[Any]]]:
    """What the partitions of a run invoiced, as :func:`engine.store.tracing.money`; empty where one that is done does not say."""
    done = [partition.summary for partition in partitions if partition.state == "done"]
    if not done or any(MONEY not in summary for summary in done):
        return {}
    told = (part for summary in done for part in summary[MONEY])
    return tracing.by_key([*keys, lines, Decimal(net), Decimal(tax)] for *keys, lines, net, tax in told)


def report_of(parts: Parts, run_id: int) -> Report:
    """What a run of the books did, with its findings."""
    with parts.books.reader() as reader:
        run, partitions = reader.run(run_id), reader.partitions(run_id)
        findings = reader.findings(parts.tenant, run_id)
        money = _money(partitions) or tracing.money(reader, run_id)
    if run is None:
        raise refuse(UNKNOWN_RUN, f"there is no run {run_id}", mend="`tollbook runs list` shows them")
    return Report(
        run.id,
        run.kind,
        run.period,
        run.release,
        run.state,
        run.summary.get("counts") or _counts(partitions),
        run.summary.get("seconds", {}),
        tuple(findings),
        money=money,
        rules=run.rules,
    )
