"""Exchange rates that are fetched: adapters of the port ``fx`` are asked for the pairs of currencies that the books need.

What is asked is what one unit of a functional currency costs in the other one, as central banks publish it; the rate that a
document is converted with is worked out from that (:class:`engine.ledger.fx.RateTable`).  A rate that is in the books stays.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Any, Final

import msgspec

from engine.base.errors import Code, Finding, Where, refuse
from engine.model.journal import Change
from engine.ports.hookspecs.fx import FxQuote, FxRequest
from engine.ports.host import AdapterFailed, Host
from engine.store.books import Books

NO_ADAPTER = Code("rates.no-adapter", "Rates were to be fetched where no adapter of the port fx is configured.")
WRONG_DAYS = Code("rates.wrong-days", "A span of days for rates that ends before it begins, or is too long.")
DIFFERS = Code("rates.differs", "A rate that is in the books and that its source gives otherwise now.")
OTHER_SOURCE = Code("rates.other-source", "Rates were fetched from a source that is not the one whose rates are used.")

MOST_DAYS: Final = 3_660
"""Days that are asked for at once."""


class Fetched(msgspec.Struct):
    """What came from one adapter: rates that are new, that were known, that contradict the books; what it did not give, and
    what is wrong, are ``findings``."""

    adapter: str
    taken: int = 0
    known: int = 0
    differing: int = 0
    asked: int = 0
    failed: bool = False
    findings: tuple[Finding, ...] = ()


def fetch_rates(
    books: Books,
    tenant: str,
    host: Host,
    pairs: Sequence[tuple[str, str]],
    days: tuple[date, date],
    change: Change,
    adapters: Sequence[str],
    used: str,
) -> list[Fetched]:
    """Ask for the rates of pairs (functional currency, other) on days, first and last included, and write what is new.

    ``adapters`` are those that are asked, all of the port where none is named; one that fails does not stop the others.
    ``used`` is the source whose rates runs take.

    Raises:
        TollbookError: ``rates.no-adapter``, ``rates.wrong-days``, ``adapter.unknown``.
    """
    names = adapters or host.adapters("fx")
    if not names:
        mend = "name one under adapters in config.yaml, with port: fx; or import a file of rates"
        raise refuse(NO_ADAPTER, "no adapter gives exchange rates", mend=mend)
    first, last = days
    if not timedelta(0) <= last - first <= timedelta(days=MOST_DAYS):
        mend = f"give days in order, and at most {MOST_DAYS} of them"
        raise refuse(WRONG_DAYS, f"the days {first} to {last}", mend=mend)
    requests = [
        FxRequest(f"{base}/{quote}/{day}", base, quote, day)
        for day in (first + timedelta(days=n) for n in range((last - first).days + 1))
        for base, quote in pairs
    ]
    return [_fetch(books, tenant, host, name, requests, change, used) for name in names]


def _fetch(
    books: Books, tenant: str, host: Host, name: str, requests: Sequence[FxRequest], change: Change, used: str
) -> Fetched:
    findings: list[Finding] = []
    failed = False
    try:
        quotes: Sequence[FxQuote] = host.ask_fx(name, requests)
    except AdapterFailed as error:
        findings += error.findings
        quotes, failed = error.answered, True
    asked = {request.key: request for request in requests}
    rows = list({_key(row): row for row in (_row(asked[quote.key], quote) for quote in quotes)}.values())
    told = Fetched(name, asked=len(requests), failed=failed)
    if rows:
        with books.writer(change, tenant=tenant) as writer:
            outcome = writer.put("rates", rows)
        told.taken, told.known, told.differing = outcome.inserted, outcome.same, len(outcome.conflicts)
        findings += (_differs(name, rows[position]) for position in outcome.conflicts)
    findings += _others(name, {row["source"] for row in rows}, used)
    told.findings = tuple(findings)
    return told


def _row(asked: FxRequest, quote: FxQuote) -> dict[str, Any]:
    return {"base": asked.base, "quote": asked.quote, "rate": quote.rate, "source": quote.source, "on": quote.on}


def _key(row: dict[str, Any]) -> tuple[Any, ...]:
    return row["source"], row["base"], row["quote"], row["on"]


def _differs(adapter: str, row: dict[str, Any]) -> Finding:
    what = f"{row['source']} now gives {row['rate']:f} for {row['base']} in {row['quote']} of {row['on']}, and gave another rate before"
    why = "documents may have been converted with the rate of the books, so it stays"
    mend = "ask the source which is right; where it is the new one, import it under a source of its own"
    return Finding(DIFFERS, Where(f"adapter {adapter}"), what, why, mend, level="warning", subject=f"adapter/{adapter}")


def _others(adapter: str, sources: set[str], used: str) -> Iterator[Finding]:
    for source in sorted(sources - {used}):
        what = f"the rates of {source!r} are kept and not used: fx.source is {used!r}"
        mend = f"set fx.source to {source}, or the source of the adapter to {used}"
        yield Finding(OTHER_SOURCE, Where(f"adapter {adapter}"), what, mend=mend, level="warning")
