"""What the old system billed of subscriptions: its lines, and dates where only those are known."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import date, timedelta
from functools import partial
from typing import Any, Final

import msgspec

from engine.base.errors import Code, Finding, TollbookError, Where, did_you_mean
from engine.base.period import Period, cycle_containing
from engine.billing.timeline import stints
from engine.model.catalog import Charge, Plan
from engine.model.subscription import SubscriptionEvent
from engine.runs.intake.cutting import Once, judged, put, rows_of
from engine.runs.intake.formats import Format
from engine.runs.intake.references import UNKNOWN_REFERENCE, Known
from engine.runs.intake.rows import subject_of
from engine.runs.intake.session import Good, Session, Source, Tally
from engine.store import lookups, openings
from engine.store.writer import Writer
from engine.store.writing.openings import Put

NOT_STARTED = Code("cutover.not-started", "An opening of a subscription whose start is not in the books.")
ALREADY_BILLED = Code("cutover.already-billed", "An opening of a subscription that was billed here already.")
TWO_CUTOVERS = Code("cutover.two-cutovers", "An opening of a subscription that came over by another cut-over.")
NO_CREDITED = Code(
    "cutover.no-line", "A credit of the old system on a line that is not there, or is none that can be given back."
)
NO_RATE = Code("cutover.no-rate", "A line in a foreign currency that does not say at what rate it was invoiced.")
NO_DATE = Code(
    "cutover.no-date",
    "A charge of which neither a line nor a date says how far the old system billed it; it is loaded.",
)
NOT_OPENED = Code(
    "cutover.not-opened", "Subscriptions that were there before the cut-over and of which nothing says what was billed."
)

_GIVEN: Final = (
    *("entity", "key", "subscription", "charge", "cutover", "document", "document_date", "service_from", "service_to"),
    *("currency", "quantity", "amount", "tax_rate", "tax_amount", "tax_category", "functional_currency"),
)
_FOUND: Final = frozenset({"subscription", "credits", "plan", "text", "tax_jurisdiction", "rate"})
"""Columns of which the books keep what was made of them."""
SHOWN: Final = 10
"""Most subscriptions that one finding names."""


class _Taken(msgspec.Struct, frozen=True):
    """A subscription as openings need it; ``origin`` is the day of its first event."""

    id: int
    record: Mapping[str, Any]
    account: Mapping[str, Any]
    events: Sequence[SubscriptionEvent]
    billed: bool

    @property
    def origin(self) -> date:
        return min(event.on for event in self.events)

    def plans(self) -> list[str]:
        """Its plans, the newest first."""
        ordered = sorted((e for e in self.events if e.plan), key=lambda e: (e.on, e.id), reverse=True)
        return list(dict.fromkeys(event.plan for event in ordered if event.plan))


def load(session: Session, form: Format, sources: Sequence[Source]) -> None:
    """Load all files of old lines, or of billed-through dates; lines before the credits on them."""
    loader = _Loader(session, form)
    passes: tuple[Callable[[Any], bool] | None, ...] = (None,)
    if form.kind == "opening_lines":
        passes = (lambda row: not _gives_back(row), lambda row: _gives_back(row))
    tallies = {source: session.tally(source) for source in sources}
    for wanted in passes:
        for source in sources:
            dated = "document_date" if form.kind == "opening_lines" else ""
            for chunk in rows_of(session, form, source, tallies[source], dated, wanted):
                loader.load(chunk, tallies[source])


def _gives_back(row: Mapping[str, str] | None) -> bool:
    return bool(row and (row.get("credits") or "").strip())


class _Loader:
    """Loads rows of one kind of file."""

    def __init__(self, session: Session, form: Format) -> None:
        self.session, self.form, self.once, self.known = session, form, Once(form), Known(session)
        with session.books.reader() as reader:
            self.catalogue = reader.catalogue(session.tenant)
        self.taken: dict[tuple[str, str], _Taken] = {}
        self.cutovers: dict[int, str] = {}
        self.credited: Mapping[tuple[str, str], Mapping[str, Any]] = {}
        self.there: Collection[tuple[str, str]] = ()
        self.dated: Collection[tuple[int, str]] = ()

    def load(self, chunk: Sequence[Good], tally: Tally) -> None:
        """Judge and write some rows, in one transaction."""
        self._find(chunk)
        rows = self.once.fresh(judged(chunk, self._flaw, tally), tally)
        if rows:
            put(self.session, self.form, rows, tally, partial(self._put, rows))

    def _find(self, rows: Sequence[Good]) -> None:
        """What the books know of the subscriptions of some rows, and of the lines that they give back."""
        keys = {(row.values["entity"], row.values["subscription"]) for row in rows}
        found = self.known.find("subscriptions", keys)
        ids = {found[key]["id"]: key for key in keys}
        accounts = self.known.find("accounts", {(key[0], found[key]["account"]) for key in keys})
        with self.session.books.reader() as reader:
            events = lookups.events_of(reader, list(ids))
            self.cutovers.update(openings.opened(reader, list(ids)))
            billed = openings.billed_here(reader, list(ids))
            credits = {(r.values["entity"], r.values["credits"]) for r in rows if r.values.get("credits")}
            own = {(r.values["entity"], r.values["key"]) for r in rows if "key" in r.values}
            self.credited = openings.lines(reader, self.session.tenant, credits)
            self.there = openings.lines(reader, self.session.tenant, own).keys()
            self.dated = openings.dated(reader, list(ids)) if "billed_to" in self.form.names else set()
        self.taken = {
            key: _Taken(
                ident,
                found[key],
                accounts[key[0], found[key]["account"]],
                events.get(ident, ()),
                ident in billed,
            )
            for ident, key in ids.items()
        }

    def _of(self, row: Good) -> _Taken:
        return self.taken[row.values["entity"], row.values["subscription"]]

    def _is_known(self, row: Good) -> bool:
        """Whether the books have a row with its key."""
        values = row.values
        if "key" in values:
            return (values["entity"], values["key"]) in self.there
        return (self._of(row).id, values["charge"]) in self.dated

    def _flaw(self, row: Good) -> Finding | None:
        values, taken = row.values, self._of(row)
        flaw = _flaw_of_subscription(
            values, taken, self._is_known(row), str(self.cutovers.get(taken.id, values["cutover"]))
        )
        if flaw is None and self._plan(row) is None:
            flaw = self._unknown_charge(row)
        if flaw is None and self.form.kind == "opening_lines":
            flaw = self._flaw_of_line(row)
        if flaw is None:
            self.cutovers.setdefault(taken.id, values["cutover"])
            return None
        code, what, why, mend = flaw
        return Finding(code, row.where, what, why, mend, subject=subject_of(self.form, values))

    def _flaw_of_line(self, row: Good) -> tuple[Code, str, str, str] | None:
        values = row.values
        foreign = values["currency"] != values["functional_currency"]
        if foreign and values["rate"] is None:
            mend = f"say how many {values['functional_currency']} one {values['currency']} was worth"
            return NO_RATE, f"a line in {values['currency']} has no rate", "credits take the rate of their line", mend
        if not values["credits"]:
            return None
        line = self.credited.get((values["entity"], values["credits"]))
        if line is None:
            return NO_CREDITED, f"credits {values['credits']!r} is no opening line", "", "import that line too"
        same = (line["subscription"], line["charge"], line["currency"], line["credits"])
        if same != (values["subscription"], values["charge"], values["currency"], 0):
            what = f"credits {values['credits']!r} is a line of another subscription, charge or currency, or a credit"
            return NO_CREDITED, what, "", "name the line that it gives back"
        if values["service_from"] < line["service_from"] or values["service_to"] > line["service_to"]:
            what = f"{values['service_from']} to {values['service_to']} reaches out of the line {values['credits']!r}"
            return NO_CREDITED, what, "a line gives back days of its own", "correct the service period"
        return None

    def _unknown_charge(self, row: Good) -> tuple[Code, str, str, str]:
        plans = [row.values["plan"]] if row.values.get("plan") else self._of(row).plans()
        words = {charge.key for plan in plans if plan in self.catalogue for charge in self.catalogue[plan].charges}
        what = f"charge {row.values['charge']!r} is in no plan of the subscription ({', '.join(plans)})"
        return UNKNOWN_REFERENCE, what, "", did_you_mean(row.values["charge"], words)

    def _plan(self, row: Good) -> Plan | None:
        """The plan that a row speaks of, which has its charge: its own, that of its first day, or the newest that has it."""
        values, taken = row.values, self._of(row)
        if values.get("plan"):
            candidates = [values["plan"]]
        else:
            candidates = taken.plans()
            if "service_from" in values:
                day = values["service_from"]
                served = stints(taken.events, "")
                candidates = [s.plan for s in served if day in s.days] + candidates
        plans = (self.catalogue[key] for key in candidates if key in self.catalogue)
        return next((plan for plan in plans if _charge(plan, values["charge"])), None)

    def _put(self, rows: Sequence[Good], writer: Writer) -> Put:
        make = self._line if self.form.kind == "opening_lines" else self._through
        table = [make(row) for row in rows]
        body = (
            self.form.names
            - set(self.form.key)
            - {"subscription", "credits", "plan", "text", "tax_jurisdiction", "rate"}
        )
        made = writer.put_openings(self.form.kind, table, body)
        marks = {
            table[place]["subscription_id"]: (row.values["entity"], row.values["cutover"], row.values["first_day"])
            for place, _ in made.fresh
            for row in (rows[place],)
        }
        if marks:
            writer.open_subscriptions(self.session.tenant, marks)
        return made

    def _through(self, row: Good) -> dict[str, Any]:
        plan = self._plan(row)
        assert plan is not None
        charge = _charge(plan, row.values["charge"])
        assert charge is not None
        return {
            **{name: row.values[name] for name in ("entity", "charge", "billed_to", "cutover")},
            "tenant": self.session.tenant,
            "subscription_id": self._of(row).id,
            "kind": charge.kind,
        }

    def _line(self, row: Good) -> dict[str, Any]:
        """A row of ``opening_line``: the old line as if it were ours.  It is its own whole: what it cost is its full price."""
        values, taken, plan = row.values, self._of(row), self._plan(row)
        assert plan is not None
        charge = _charge(plan, values["charge"])
        assert charge is not None
        cycle, credited = _cycle(values, taken, charge), values["credits"]
        line = self.credited[values["entity"], credited] if credited else None
        account = taken.account
        return {
            **{name: values[name] for name in _GIVEN},
            "tenant": self.session.tenant,
            "account": account["key"],
            "account_id": account["id"],
            "subscription_id": taken.id,
            "contract": taken.record["contract"] or "",
            "contract_line_id": 0,
            "plan": plan.key,
            "charge_id": charge.id,
            "kind": charge.kind,
            "text": values["text"] or charge.name,
            "product": charge.product,
            "tax_code": charge.tax_code,
            "cycle_from": cycle.start,
            "cycle_to": cycle.end,
            "full": line["full"] if line else values["amount"] + (values["tax_amount"] if charge.tax_included else 0),
            "share": "1",
            "decision": 0,
            "proration": 0,
            "credits": line["id"] if line else 0,
            "usage_after": 0,
            "usage_to": 0,
            "events": 0,
            "upon": 0,
            "exact": "",
            "grouped": "",
            "discounts": "",
            "basis": "",
            "tax_included": charge.tax_included,
            "tax_jurisdiction": values["tax_jurisdiction"] or account["country"],
            "tax_reason": values["tax_reason"],
            "rate": values["rate"] if values["rate"] is not None else 1,
        }


def _charge(plan: Plan, key: str) -> Charge | None:
    return next((charge for charge in plan.charges if charge.key == key), None)


def _cycle(values: Mapping[str, Any], taken: _Taken, charge: Charge) -> Period:
    """The cycle of ours that holds an old service period; the period itself where none does."""
    days = Period(values["service_from"], values["service_to"])
    if charge.kind == "one_time":
        return days
    cycle = cycle_containing(days.start, taken.record["anchor_day"], charge.months, taken.origin, charge.days)
    return cycle if days.end <= cycle.end else days


def _flaw_of_subscription(
    values: Mapping[str, Any], taken: _Taken, known: bool, cutover: str
) -> tuple[Code, str, str, str] | None:
    key = values["subscription"]
    if not any(event.kind == "start" for event in taken.events):
        what = f"subscription {key} has no start event"
        return NOT_STARTED, what, "nobody knows what the old system billed", "import its events first"
    if cutover != values["cutover"]:
        what = f"subscription {key} came over by cut-over {cutover!r}"
        return TWO_CUTOVERS, what, "a subscription comes over once", f"name the cut-over {cutover!r}"
    if taken.billed and not known:
        what = f"subscription {key} was billed here already"
        return (
            ALREADY_BILLED,
            what,
            "what was billed would be billed again, or not at all",
            "import openings before the first bill run",
        )
    return None


def left_out(session: Session) -> list[Finding]:
    """Of the subscriptions that this import opened: charges of which nothing says how far they are billed; and
    subscriptions beside them that have no opening at all.
    """
    if not any(tally.source.form.kind in ("opening_lines", "billed_through") for tally in session.tallies):
        return []
    with session.books.reader() as reader:
        catalogue, found = reader.catalogue(session.tenant), []
        for page in openings.pages(reader, session.tenant):
            events = lookups.events_of(reader, [one.subscription_id for one in page])
            known = openings.charges(reader, [one.subscription_id for one in page])
            for one in page:
                found.extend(_dateless(one, events.get(one.subscription_id, []), known, catalogue))
        return found + [_unopened(one) for one in openings.unopened(reader, session.tenant, SHOWN)]


def _dateless(
    one: openings.Marked,
    events: Sequence[SubscriptionEvent],
    known: Iterable[tuple[int, str]],
    catalogue: Mapping[str, Plan],
) -> list[Finding]:
    try:
        served = stints(events, "")
    except TollbookError:
        return []
    eve = one.first_day - timedelta(days=1)
    plans = [catalogue[stint.plan] for stint in served if eve in stint.days and stint.plan in catalogue]
    return [
        Finding(
            NO_DATE,
            Where(f"subscription/{one.key}"),
            f"nothing says how far charge {charge.key} of subscription {one.key} is billed",
            f"it counts as billed up to the cut-over of {one.first_day}",
            "import its billed_through date where the old system had billed less, or more",
            "warning",
            f"subscription/{one.key}",
        )
        for plan in plans
        for charge in plan.charges
        if charge.kind != "one_time" and (one.subscription_id, charge.key) not in known
    ]


def _unopened(one: openings.Unopened) -> Finding:
    more = f" and {one.count - len(one.keys)} more" if one.count > len(one.keys) else ""
    return Finding(
        NOT_OPENED,
        Where(f"cutover/{one.entity}/{one.cutover}"),
        f"{one.count} subscriptions of {one.entity} began before {one.first_day} and have no opening: "
        f"{', '.join(one.keys)}{more}",
        "the first run bills them from their beginning",
        "import what the old system billed of them, unless it never billed them",
        "warning",
        f"cutover/{one.entity}/{one.cutover}",
    )
