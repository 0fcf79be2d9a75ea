"""Documents at tax providers: what the books told, compared with what the provider has; what is missing told again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Final, Literal

import msgspec

from engine.base.errors import Code, Finding, Where, did_you_mean, refuse
from engine.model.effect import Effect
from engine.model.journal import Change
from engine.model.tax import Address
from engine.ports.hookspecs.tax import AddressRequest, ProviderDocument, ResolvedAddress, TaxListRequest
from engine.runs.delivering.run import run_deliver
from engine.runs.run import Parts, Report

CANNOT_LIST = Code(
    "tax.cannot-list", "A tax provider that does not say which documents it has; only the outbox is known."
)
IN_THE_BOOKS = Code("tax.in-the-books", "A document to be voided at a tax provider that the books have.")
NO_ADAPTER = Code("tax.no-adapter", "A tax adapter that does not exist, or cannot do what is asked of it.")
UNKNOWN_ENTITY = Code(
    "tax.unknown-entity", "A legal entity of a document at a tax provider that the books do not have."
)

State = Literal["committed", "waiting", "rejected", "missing", "differs", "orphaned"]

BATCH: Final = 500
"""Numbers that the books are asked for at once."""


class TaxState(msgspec.Struct, frozen=True):
    """How a document stands at a tax provider.

    ``committed``: as in the books.  ``waiting``: the outbox still has to tell it.  ``rejected``: the provider does not take
    it as it is.  ``missing``: it was told, and the provider does not have it, or would not report it.  ``differs``: in day, currency,
    net or tax.  ``orphaned``: the books do not have it.  Amounts that one side does not have are None; ``key`` is that of the
    effect, empty where there is none.
    """

    adapter: str
    entity: str
    number: str
    state: State
    day: date
    currency: str
    net: Decimal | None = None
    tax: Decimal | None = None
    net_there: Decimal | None = None
    tax_there: Decimal | None = None
    reason: str = ""
    key: str = ""


class Reconciled(msgspec.Struct, frozen=True):
    """The documents of some days, how many there are of each state, what was told again, and what went wrong."""

    since: date
    until: date
    counts: Mapping[str, int]
    documents: tuple[TaxState, ...]
    told_again: int = 0
    findings: tuple[Finding, ...] = ()


class TaxProviders:
    """What people do with documents at tax providers."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def documents(self, since: date, until: date, adapter: str = "") -> Reconciled:
        """Compare the documents dated in [``since``, ``until``) with those of the providers.  Nothing is changed.

        Raises:
            AdapterFailed: a provider gave no list.
            TollbookError: ``tax.no-adapter``.
        """
        found: list[TaxState] = []
        findings: list[Finding] = []
        for name in self._adapters(adapter, "tax_commit"):
            if self._parts.host.has(name, "tax_documents"):
                found += self._compared(name, since, until)
            else:
                found += [_as_told(name, one) for one in self._told(name, since, until)]
                findings.append(_cannot_list(name))
        counts: dict[str, int] = {}
        for one in found:
            counts[one.state] = counts.get(one.state, 0) + 1
        return Reconciled(since, until, counts, tuple(found), 0, tuple(findings))

    def repair(self, since: date, until: date, change: Change, adapter: str = "") -> Reconciled:
        """Tell the providers again what they miss or have rejected; how everything stands afterwards.

        Raises:
            AdapterFailed: a provider gave no list.
            TollbookError: ``tax.no-adapter``.
        """
        found = self.documents(since, until, adapter).documents
        missing = [one.key for one in found if one.state in ("missing", "rejected")]
        again, findings = 0, tuple[Finding, ...]()
        if missing:
            with self._parts.books.writer(change, tenant=self._parts.tenant) as writer:
                again = writer.reopen(self._parts.tenant, "tax", missing)
            findings = self._tell(change).findings
        after = self.documents(since, until, adapter)
        return msgspec.structs.replace(after, told_again=again, findings=(*findings, *after.findings))

    def void(self, adapter: str, entity: str, number: str, change: Change) -> Report:
        """Take a document that the books do not have out of a provider's returns.  The same again changes nothing.

        Raises:
            TollbookError: ``tax.no-adapter``, ``tax.unknown-entity``, ``tax.in-the-books``.
        """
        (name,) = self._adapters(adapter, "tax_void", one=True)
        tenant, key = self._parts.tenant, f"void/{name}/{entity}/{number}"
        with self._parts.books.writer(change, tenant=tenant) as writer:
            known = writer.reader.entities(tenant)
            if entity not in known:
                mend = did_you_mean(entity, known)
                raise refuse(UNKNOWN_ENTITY, f"there is no legal entity {entity!r}", mend=mend)
            if (entity, number) in writer.reader.numbers_of(tenant, [number]):
                raise refuse(
                    IN_THE_BOOKS,
                    f"{number} is a document of {entity}",
                    why="what was issued is given back by a credit note, which the provider is told of",
                    mend=f"`tollbook void {number}`",
                )
            if not any(effect.port == "tax" for effect in writer.reader.effects(tenant, [key])):
                effect = Effect(key, "tax", "tax-void", {"number": number, "entity": entity})
                writer.add_effects(tenant, entity, [(effect, name)])
        return self._tell(change)

    def address(self, adapter: str, address: Address) -> ResolvedAddress:
        """What a provider makes of an address.

        Raises:
            AdapterFailed: it gave no answer.
            TollbookError: ``tax.no-adapter``.
        """
        (name,) = self._adapters(adapter, "tax_addresses", one=True)
        return self._parts.host.resolve(name, [AddressRequest("address", address)])[0]

    def _tell(self, change: Change) -> Report:
        return run_deliver(self._parts, change, ports=("tax",))

    def _adapters(self, wanted: str, hook: str, one: bool = False) -> list[str]:
        """The adapters that have a hook: the one that is wanted, or all; ``one`` says that it has to be a single one."""
        host = self._parts.host
        able = [name for name in host.adapters("tax") if host.has(name, hook)]
        if wanted and wanted not in able:
            what = f"there is no tax adapter {wanted!r} that has {hook}"
            raise refuse(NO_ADAPTER, what, mend=did_you_mean(wanted, able) or "name one under adapters in config.yaml")
        if one and not wanted and len(able) != 1:
            what = f"{len(able)} tax adapters have {hook}"
            raise refuse(
                NO_ADAPTER, what, mend="name one with --adapter: " + ", ".join(able) if able else "configure one"
            )
        return [wanted] if wanted else able

    def _told(self, adapter: str, since: date, until: date) -> list[dict[str, Any]]:
        with self._parts.books.reader() as reader:
            return list(reader.tax_told(self._parts.tenant, adapter, since, until))

    def _compared(self, adapter: str, since: date, until: date) -> Iterator[TaxState]:
        """The documents of both sides, those of the books first."""
        with self._parts.books.reader() as reader:
            entities = sorted(reader.entities(self._parts.tenant))
        there = {entity: self._listed(adapter, entity, since, until) for entity in entities}
        told = self._told(adapter, since, until)
        for one in told:
            yield _state(adapter, one, there[one["entity"]].get(one["number"]))
        mine = {one["number"] for one in told}
        others: dict[str, tuple[str, ProviderDocument]] = {}
        for entity, documents in there.items():
            for number, document in documents.items():
                if number not in mine and document.state != "void":
                    others.setdefault(number, (entity, document))  # entities may share a company
        yield from self._orphans(adapter, others)

    def _orphans(self, adapter: str, others: Mapping[str, tuple[str, ProviderDocument]]) -> Iterator[TaxState]:
        known: dict[str, str] = {}
        for numbers in _parts_of(others, BATCH):
            with self._parts.books.reader() as reader:
                known |= {number: entity for entity, number in reader.numbers_of(self._parts.tenant, numbers)}
        for number, (entity, d) in sorted(others.items()):
            state: State = "differs" if number in known else "orphaned"
            reason = "the books have it on another day, or did not tell it" if number in known else ""
            yield TaxState(
                adapter,
                known.get(number, entity),
                number,
                state,
                d.day,
                d.currency,
                None,
                None,
                d.net,
                d.tax,
                reason or "the books have no such document",
            )

    def _listed(self, adapter: str, entity: str, since: date, until: date) -> dict[str, ProviderDocument]:
        found: dict[str, ProviderDocument] = {}
        request = TaxListRequest(f"{entity} {since}", entity, since, until)
        while True:
            page = self._parts.host.list_tax(adapter, request)
            found.update((document.number, document) for document in page.documents)
            if not page.cursor:
                return found
            request = msgspec.structs.replace(request, cursor=page.cursor)


def _as_told(adapter: str, one: Mapping[str, Any]) -> TaxState:
    """A document as the outbox knows it."""
    state: State = {"accepted": "committed", "pending": "waiting", "rejected": "rejected"}[one["state"]]  # type: ignore[assignment]
    reason = (one["answer"] or {}).get("reason", "") if state != "committed" else ""
    fields = (one["entity"], one["number"], state, one["invoice_date"], one["currency"], one["net"], one["tax"])
    return TaxState(adapter, *fields, reason=reason, key=one["key"])


def _state(adapter: str, one: Mapping[str, Any], there: ProviderDocument | None) -> TaxState:
    """A document of the books beside what the provider has under its number."""
    mine = _as_told(adapter, one)
    if there is not None:
        mine = msgspec.structs.replace(mine, net_there=there.net, tax_there=there.tax)
    if mine.state != "committed":
        return mine
    if there is None or there.state != "committed":
        said = {None: "the provider does not have it", "void": "it is void there", "open": "it is not committed there"}
        return msgspec.structs.replace(mine, state="missing", reason=said[there.state if there else None])
    wrong = [
        f"{name} is {theirs} there"
        for name, ours, theirs in (
            ("the day", mine.day, there.day),
            ("the currency", mine.currency, there.currency or mine.currency),
            ("net", mine.net, there.net),
            ("tax", mine.tax, there.tax),
        )
        if ours != theirs
    ]
    return msgspec.structs.replace(mine, state="differs", reason="; ".join(wrong)) if wrong else mine


def _parts_of(numbers: Iterable[str], size: int) -> Iterator[list[str]]:
    wanted = list(numbers)
    for start in range(0, len(wanted), size):
        yield wanted[start : start + size]


def _cannot_list(adapter: str) -> Finding:
    return Finding(
        CANNOT_LIST,
        Where(f"adapter/{adapter}"),
        f"{adapter} does not say which documents it has",
        why="its plug-in has no hook tax_documents",
        mend="compare with a report of the provider's; the states are those of the outbox",
        level="warning",
        subject=f"adapter/{adapter}",
    )
