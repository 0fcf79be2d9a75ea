"""The desk of parameters: what may be tuned, what a value would have done, proposals, and whether rates stay in their bands."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final

import msgspec

from engine.base.errors import Code, Finding, TollbookError, Where, did_you_mean, refuse
from engine.base.money import ZERO
from engine.model.cash import RUN_MATCH
from engine.model.journal import Change
from engine.model.release import EMPTY, Content
from engine.model.revenue import KIND as RUN_REVENUE
from engine.model.worklist import Difference
from engine.runs.approvals import Approvals, Outcome
from engine.runs.dunning.run import KIND as RUN_DUNNING
from engine.runs.run import Progress, silent
from engine.runs.simulate.desk import MOST_RUNS, SimulationDesk
from engine.runs.simulate.result import Simulated
from engine.runs.simulate.revenue import RevenueReplayed
from engine.runs.simulate.shares import together
from engine.runs.tune.measures import BY_NAME, NOTHING, OF_FAMILY, Measure, Rates, counts_of, rate_in
from engine.runs.tune.values import Sheet, curve, same
from engine.store.books import Books
from engine.store.records import Run
from engine.store.tuned import ACT, Tuned, tuned

UNKNOWN: Final = Code("tune.unknown-parameter", "A parameter to tune that no rule set has.")
NOTHING_CLOSED: Final = Code("tune.no-run", "A parameter to tune before any run that it has a part in.")
NOT_THEIRS: Final = Code("tune.not-theirs", "A parameter proposed by a person without the role that may tune it.")
OUT_OF_BAND: Final = Code(
    "tune.out-of-band", "A rate that has left the band that was stored with the value of a parameter."
)

MARGIN: Final = Decimal("0.05")
"""How far a rate may go from what the curve foresaw, unless another margin is given."""
RUN_OF: Final[Mapping[str, str]] = {"allocation": RUN_MATCH, "interest": RUN_DUNNING, "revrec": RUN_REVENUE}
"""Family -> the kind of runs that a value of it is tried on, where no rate is watched; bill runs of all others."""
ITEM: Final = "tuning"
"""Kind of an item of the worklist about a rate that has left its band."""


class Point(msgspec.Struct, frozen=True):
    """What a value would have done: for matching the automatic rate, suggested entries, wrong matches to be expected and money given
    up; for all else the difference in money by currency, who pays more and less, and decisions that change.  ``steps`` are those of
    dunning.  ``refused`` says why a value within the bounds is wrong all the same; ``rates`` are what is watched of a parameter of
    this family once it is set, as far as the simulation has it: by part and currency."""

    value: str
    now: bool
    asked: bool
    automatic: Decimal | None = None
    suggested: int = 0
    expected_wrong: Decimal = ZERO
    money: Mapping[str, Decimal] = {}
    up: int = 0
    down: int = 0
    decisions: int = 0
    steps: int | None = None
    refused: str = ""
    rates: tuple[tuple[str, str, Decimal], ...] = ()


class Curve(msgspec.Struct, frozen=True):
    """A parameter with what each of some values would have done in some months."""

    sheet: Sheet
    asked: str
    first: str
    last: str
    points: tuple[Point, ...]

    @property
    def measure(self) -> str:
        """What the curve is about: ``matching``, ``dunning``, ``parts`` or ``money``."""
        if any(point.automatic is not None for point in self.points):
            return "matching"
        if any(point.steps is not None for point in self.points):
            return "dunning"
        return "parts" if any(part for point in self.points for part, _, _ in point.rates) else "money"

    @property
    def part(self) -> str:
        """The part whose share of all changes most over the values; empty where the curve is not about parts."""
        shares: dict[str, list[Decimal]] = {}
        drawn = [point for point in self.points if not point.refused]
        for place, point in enumerate(drawn):
            for part, currency, rate in point.rates:
                if part and not currency:
                    shares.setdefault(part, [ZERO] * len(drawn))[place] = rate
        return max(sorted(shares), key=lambda part: max(shares[part]) - min(shares[part]), default="")

    @property
    def chosen(self) -> Point:
        """The point of the value that was asked for."""
        return next(point for point in self.points if point.asked)


class Watched(msgspec.Struct, frozen=True):
    """A parameter that was set, one of its bands, and the rate of each run, or of the runs of each month, since then."""

    setting: Tuned
    band: Mapping[str, str]
    rates: tuple[tuple[int, str, Decimal], ...]
    outside: tuple[int, ...]


SimulationOf = Callable[[Mapping[str, str]], SimulationDesk]


class TuneDesk:
    """Parameters of one tenant."""

    def __init__(
        self,
        books: Books,
        tenant: str,
        sheets: Callable[[], Sequence[Sheet]],
        simulation: SimulationOf,
        approvals: Approvals,
        roles: tuple[Callable[[str], Sequence[str]], Sequence[str]],
    ) -> None:
        """``sheets`` gives the parameters of the rules in force, ``simulation`` the desk with values set; ``roles`` are those of a
        person, and all that there are."""
        self._books, self._tenant, self._sheets = books, tenant, sheets
        self._simulation, self._approvals, self._roles = simulation, approvals, roles

    def listed(self) -> Sequence[Sheet]:
        """Every parameter, by rule set and name."""
        return self._sheets()

    def sheet(self, ruleset: str, name: str) -> Sheet:
        """One parameter.

        Raises:
            TollbookError: ``tune.unknown-parameter``.
        """
        known = {one.key: one for one in self._sheets()}
        key = f"{ruleset}.{name}"
        if key not in known:
            mend = did_you_mean(key, known) or "`tollbook tune list` shows them"
            raise refuse(UNKNOWN, f"no rule set has a parameter {key}", mend=mend)
        return known[key]

    def curve(
        self, ruleset: str, name: str, value: str, *, months: tuple[date, date] | None, count: int,
        progress: Progress = silent,
    ) -> Curve:  # fmt: skip
        """What ``count`` values within the bounds, and ``value``, would have done in some months; the last one with a run, if none
        are named.

        Raises:
            TollbookError: ``tune.unknown-parameter``, ``rule.out-of-bounds``, ``rule.bad-parameter``, ``tune.no-run``.
        """
        sheet = self.sheet(ruleset, name)
        first, last = months or self._last_month(ruleset)
        asked = self._simulated(sheet, value, first, last)
        points = []
        values = curve(sheet, value, count)
        for number, one in enumerate(values, 1):
            points.append(self._point(sheet, one, value, asked, (first, last)))
            progress("curve", number, len(values))
        return Curve(sheet, value, f"{first:%Y-%m}", f"{last:%Y-%m}", tuple(points))

    def _simulated(self, sheet: Sheet, value: str, first: date, last: date) -> Simulated:
        return self._simulation({sheet.key: value}).simulate(first, last, 1)

    def _point(self, sheet: Sheet, value: str, asked: str, found: Simulated, months: tuple[date, date]) -> Point:
        mine = same(sheet, value, asked)
        if not mine:
            try:
                found = self._simulated(sheet, value, *months)
            except TollbookError as error:
                return Point(value, same(sheet, value, sheet.written), mine, refused=error.findings[0].what)
        head = (value, same(sheet, value, sheet.written), mine)
        measure = OF_FAMILY.get(sheet.family)
        foreseen = measure.foreseen(found) if measure is not None else NOTHING
        rates = tuple((*key, rate) for key, rate in foreseen.items())
        matching, dunning = found.matching, found.dunning
        if matching is not None:
            side = matching.after
            rate, money = side.automatic, dict(side.given_up)
            return Point(
                *head,
                rate,
                side.states.get("suggested", 0),
                side.expected_wrong,
                money,
                decisions=len(matching.changed),
                rates=rates,
            )
        if dunning is not None:
            steps = sum(dunning.after.steps.values())
            return Point(
                *head, money=dict(dunning.after.costs), decisions=len(dunning.changed), steps=steps, rates=rates
            )
        if found.revenue is not None and sheet.family == "revrec":
            return Point(*head, **_revenue(found.revenue))
        money = {one.currency: one.difference for one in found.totals}
        up, down = (sum(getattr(one, way) for one in found.movers) for way in ("up", "down"))
        changed = len(found.crediting.changed) if found.crediting is not None else 0
        return Point(*head, money=money, up=up, down=down, decisions=found.decisions + changed, rates=rates)

    def _last_month(self, ruleset: str) -> tuple[date, date]:
        """The month of the last run that a rule set has a part in."""
        family = ruleset.split("/")[0]
        kind = OF_FAMILY[family].kind if family in OF_FAMILY else RUN_OF.get(family, "bill")
        days = [date.fromisoformat(run.period) for run in self._runs() if run.kind == kind and run.state == "done"]
        if not days:
            what = f"there is no finished run of the kind {kind}"
            raise refuse(NOTHING_CLOSED, what, mend="nothing is there that the value could be tried on")
        month = max(days).replace(day=1)
        return month, month

    def _runs(self) -> list[Run]:
        with self._books.reader() as reader:
            return reader.runs(self._tenant, MOST_RUNS)

    def propose(self, found: Curve, change: Change, margin: Decimal = MARGIN) -> Outcome:
        """Propose the value that a curve was asked for, with bands of ``margin`` around the rates that it foresaw, where some are watched.

        Raises:
            TollbookError: ``tune.not-theirs``, ``tune.two-persons``.
        """
        sheet, of, every = found.sheet, *self._roles
        if sheet.tuned_by in every and sheet.tuned_by not in of(change.who):
            what = f"{change.who!r} may not tune {sheet.key}"
            raise refuse(
                NOT_THEIRS, what, why=f"it is tuned by {sheet.tuned_by}", mend="ask somebody who has that role"
            )
        measure = OF_FAMILY.get(sheet.family)
        rates = {(part, currency): rate for part, currency, rate in found.chosen.rates}
        given = {
            "ruleset": sheet.ruleset,
            "parameter": sheet.name,
            "value": found.asked,
            "now": sheet.written,
            "months": [found.first, found.last],
            "bands": measure.bands(rates, margin) if measure is not None else [],
        }
        return self._approvals.act(ACT, given, change)

    def watch(self, change: Change | None = None) -> tuple[list[Watched], list[Finding]]:
        """The rate of every run with the value since a parameter was set, and what has left its band: findings, and with a ``change``
        items of the worklist."""
        with self._books.reader() as reader:
            settings = [one for one in tuned(reader, self._tenant).values() if one.bands]
            since = min((one.at for one in settings), default=None)
            measures = {_measure(one).name: _measure(one) for one in settings}
            kinds = {measure.kind for measure in measures.values()}
            runs = [
                run for run in reversed(self._runs())
                if run.kind in kinds and run.state == "done" and since is not None and run.started_at >= since
            ]  # fmt: skip
            read = {
                name: measure.read(reader, self._tenant, [run.id for run in runs if run.kind == measure.kind])
                for name, measure in measures.items()
                if measure.read is not None
            }
            values = {
                name: reader.release_content(self._tenant, name) or EMPTY for name in {run.release for run in runs}
            }
        watched = [
            found
            for one in settings
            for found in watched_of(one, [run for run in runs if _has(values.get(run.release), one)], read)
        ]
        findings = [_left(one) for one in watched if one.outside]
        if change is not None and findings:
            with self._books.writer(change, tenant=self._tenant) as writer:
                for one in watched:
                    if one.outside:
                        writer.open_item(self._tenant, _item(one))
        return watched, findings


def _revenue(found: RevenueReplayed) -> dict[str, Any]:
    """What of a curve is about recognised revenue."""
    money: dict[str, Decimal] = {}
    for row in found.months:
        money[row.currency] = money.get(row.currency, ZERO) + row.difference
    up, down = (sum(getattr(one, way) for one in found.movers) for way in ("up", "down"))
    return {"money": money, "up": up, "down": down, "decisions": sum(one.count for one in found.decided)}


def _has(rules: Content | None, setting: Tuned) -> bool:
    """Whether a release has the value of a setting: in approved mode only one that was proposed later has."""
    given = rules.overrides.get(setting.ruleset, {}) if rules is not None else {}
    return given.get(setting.parameter) == setting.value


def _measure(setting: Tuned) -> Measure:
    """What is watched of a setting."""
    return BY_NAME[setting.bands[0]["measure"]]


def watched_of(setting: Tuned, runs: Sequence[Run], read: Mapping[str, Mapping[int, Any]] = {}) -> Sequence[Watched]:
    """Each band of a setting with the rates of those runs of its kind that began after it; ``read`` is what else was read of runs,
    by measure."""
    measure = _measure(setting)
    mine = [run for run in runs if run.kind == measure.kind and run.started_at >= setting.at]
    found = [(run, period, rates) for run, period, rates in _rates(measure, mine, read.get(measure.name, {})) if rates]
    made = []
    for band in setting.bands:
        low, high = Decimal(band["low"]), Decimal(band["high"])
        rates = tuple((run, period, rate) for run, period, all_ in found if (rate := rate_in(all_, band)) is not None)
        outside = tuple(run for run, _, rate in rates if not low <= rate <= high)
        made.append(Watched(setting, band, rates, outside))
    return made


def _rates(measure: Measure, runs: Sequence[Run], read: Mapping[int, Any]) -> Iterator[tuple[int, str, Rates]]:
    """The rates of each run, or of all of a month under the last of them."""
    if not measure.monthly:
        yield from ((run.id, run.period, measure.of(counts_of(run), read.get(run.id))) for run in runs)
        return
    months: dict[str, list[int]] = {}
    for run in runs:
        months.setdefault(run.period[:7], []).append(run.id)
    for month, ids in sorted(months.items()):
        yield max(ids), month, measure.of({}, together(read.get(run, {}) for run in ids))


def _told(one: Watched) -> str:
    rates = {run: (period, rate) for run, period, rate in one.rates}
    last, measure = one.outside[-1], _measure(one.setting)
    period, rate = rates[last]
    of, many = (period, "months") if measure.monthly else (f"run {last}", "runs")
    ends = f"{one.band['low']} to {one.band['high']}"
    outside = f"{len(one.outside)} of {len(rates)} {many} are"
    return f"{measure.told(one.band)} of {of} is {rate:f}, outside of {ends}; {outside}"


def _left(one: Watched) -> Finding:
    key = f"{one.setting.ruleset}.{one.setting.parameter}"
    why = f"the band was stored when approval {one.setting.approval} set it to {one.setting.value}"
    mend = f"`tollbook tune {one.setting.ruleset} {one.setting.parameter}=VALUE` shows what other values would do"
    return Finding(OUT_OF_BAND, Where(f"parameter/{key}"), _told(one), why, mend, "warning", f"parameter/{key}")


def _item(one: Watched) -> Difference:
    of = "".join(f"/{value}" for name in ("part", "currency") if (value := one.band.get(name)))
    key = f"{one.setting.ruleset}.{one.setting.parameter}{of}"
    detail = {"runs": list(one.outside), "band": dict(one.band), "approval": one.setting.approval}
    return Difference("", ITEM, key, _told(one), detail, one.setting.maker, 0)
