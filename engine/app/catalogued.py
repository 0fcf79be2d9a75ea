"""What ``check`` says of rules that cannot price a charge of the catalogue which they answer for; a run would refuse it as well."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import msgspec

from engine.base.document import Document
from engine.base.errors import Code, Finding, TollbookError
from engine.billing.unsummed import unsummed
from engine.model.catalog import Charge, Meter
from engine.rulebook.answering import Answering
from engine.rulebook.rulebook import RuleBook
from engine.store.books import Books

UNREAD = Code(
    "rule.catalogue-unread", "Rules that depend on what meters count, and a catalogue that could not be read."
)

_FAMILY = "pricing"
_FIELDS = ("pool", "rollover")


class Catalogued:
    """Looks at rules beside the catalogue of a tenant.

    Args:
        books: gives the books, or None where there are none yet; asked only for rules that depend on what meters count.
        tenant: key of the tenant.
    """

    def __init__(self, books: Callable[[], Books | None], tenant: str) -> None:
        self._books, self._tenant = books, tenant

    def __call__(self, book: RuleBook, documents: Mapping[str, Document]) -> Iterator[Finding]:
        """A finding for every rule that pools, or carries over, what daily sums do not tell, with the first charge of that kind."""
        some = [one for one in book.decisions() if one.family == _FAMILY and any(one.terms[name] for name in _FIELDS)]
        if not some:
            return
        try:
            charges, meters = self._catalogue()
        except TollbookError as error:
            mend = "check again where the database can be reached; the run refuses such rules as well"
            where, why = some[0].where, error.findings[0].what
            yield Finding(UNREAD, where, f"whether meters suit {some[0].rule!r} is not known", why, mend, "warning")
            return
        answering = Answering(book, _FAMILY)
        said: set[tuple[str, str]] = set()
        for charge in charges:
            facts = {f"charge.{name}": value for name, value in msgspec.structs.asdict(charge).items()}
            for ruleset, rule in answering.rules({**facts, "plan": charge.plan}):
                terms = rule.terms
                path = ("rules", ruleset.rules.index(rule), "then", "pool" if terms["pool"] else "rollover")
                found = unsummed(meters, charge, repr(rule.id), terms, documents[ruleset.file].where(path))
                if found is not None and (ruleset.name, rule.id) not in said:
                    said.add((ruleset.name, rule.id))
                    yield found

    def _catalogue(self) -> tuple[list[Charge], Mapping[str, Meter]]:
        """The charges of usage, and the meters; nothing where there are no books."""
        books = self._books()
        if books is None:
            return [], {}
        with books.reader() as reader:
            plans, meters = reader.catalogue(self._tenant), reader.meters(self._tenant)
        return [charge for plan in plans.values() for charge in plan.charges if charge.kind == "usage"], meters
