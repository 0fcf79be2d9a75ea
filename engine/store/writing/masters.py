"""Masters put in by natural key: what is new is inserted, what changed gets a new version, what is the same is left."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec
import sqlalchemy as sa

from engine.base.errors import Code, did_you_mean, refuse
from engine.store import query, tables, types
from engine.store.records import Outcome
from engine.store.tables.masters import BUYER_PARTICULARS, SELLER_PARTICULARS
from engine.store.writing.base import WriterBase

UNKNOWN_KIND = Code("store.unknown-kind", "A kind of master record that the books do not keep.")
INCOMPLETE = Code("store.incomplete", "A master record that lacks a field.")

BATCH: Final = 5000


class Kind(msgspec.Struct, frozen=True):
    """How one kind of master is kept.

    Attributes:
        table: where.
        key: its natural key; the column ``lookup`` of it is the one that a batch is looked up by.
        lookup: the column whose values are passed as a list.
        names: columns that structs and import files call otherwise.
        personal: columns whose values audit rows do not repeat.
        plain: columns that rows may leave out, and what they hold then.
        fixed: columns whose change contradicts what the books say already.
        many: the type of a list of lookup values.
    """

    table: sa.Table
    key: tuple[str, ...]
    lookup: str
    names: Mapping[str, str] = {}
    personal: frozenset[str] = frozenset()
    plain: Mapping[str, str] = {}
    fixed: frozenset[str] = frozenset()
    many: type[types.IdList] = types.TextList

    @property
    def versioned(self) -> bool:
        """Whether a change makes a new version; otherwise the row itself changes."""
        return "current" in self.table.c

    @property
    def fields(self) -> list[str]:
        """Its columns without id and ``current``."""
        return [column.name for column in self.table.columns if column.name not in ("id", "current")]


_PERSONAL: Final = frozenset({"name", "tax_id", "email", "address", *BUYER_PARTICULARS} - {"endpoint_scheme"})
_PLAIN: Final[Mapping[str, str]] = dict.fromkeys((*SELLER_PARTICULARS, *BUYER_PARTICULARS), "")
"""Fields of parties that rows may leave out, with what that means."""

KINDS: Final[Mapping[str, Kind]] = {
    "entities": Kind(tables.ENTITY, ("tenant", "key"), "key", plain=_PLAIN),
    "accounts": Kind(tables.ACCOUNT, ("tenant", "entity", "key"), "key", personal=_PERSONAL, plain=_PLAIN),
    "meters": Kind(tables.METER, ("tenant", "key"), "key"),
    "plans": Kind(tables.PLAN, ("tenant", "key"), "key"),
    "charges": Kind(tables.CHARGE, ("tenant", "plan", "key"), "plan"),
    "contracts": Kind(tables.CONTRACT, ("tenant", "entity", "key"), "key", plain={"type": ""}),
    "contract_lines": Kind(
        tables.CONTRACT_LINE, ("tenant", "entity", "contract", "plan", "charge", "valid_from"), "contract"
    ),
    "subscriptions": Kind(
        tables.SUBSCRIPTION,
        ("tenant", "entity", "key"),
        "key",
        fixed=frozenset({"account", "anchor_day", "anchor_time", "anchor_slips"}),
    ),
    "subscription_terms": Kind(
        tables.SUBSCRIPTION_TERM, ("tenant", "entity", "subscription", "starts"), "subscription"
    ),
    "rates": Kind(
        tables.FX_RATE,
        ("tenant", "source", "base", "quote", "on_day"),
        "on_day",
        names={"on_day": "on"},
        fixed=frozenset({"rate"}),
        many=types.DayList,
    ),
    "coupons": Kind(
        tables.COUPON,
        ("tenant", "key"),
        "key",
        fixed=frozenset(column.name for column in tables.COUPON.columns) - {"id", "tenant", "key"},
    ),
    "index_values": Kind(
        tables.INDEX_VALUE,
        ("tenant", "index_key", "month"),
        "month",
        names={"index_key": "index"},
        fixed=frozenset({"value"}),
        many=types.DayList,
    ),
    "cutovers": Kind(tables.CUTOVER, ("tenant", "entity", "key"), "key", fixed=frozenset({"first_day", "source"})),
    "milestones": Kind(tables.MILESTONE, ("tenant", "entity", "subscription", "key"), "subscription"),
    "usage_sources": Kind(tables.USAGE_SOURCE, ("tenant", "entity", "key"), "key"),
    "usage_totals": Kind(tables.USAGE_TOTAL, ("tenant", "entity", "source", "meter", "day"), "day", many=types.DayList),
    "exemptions": Kind(tables.EXEMPTION, ("tenant", "entity", "account", "certificate"), "account"),
    "tax_evidence": Kind(
        tables.TAX_EVIDENCE,
        ("tenant", "entity", "account", "key"),
        "account",
        personal=frozenset({"tax_id"}),
        fixed=frozenset({"kind", "country", "tax_id", "valid", "checked_on", "reference", "source"}),
    ),
    "remittances": Kind(
        tables.REMITTANCE_ADVICE,
        ("tenant", "entity", "key"),
        "key",
        fixed=frozenset({"end_to_end_id", "bank_ref", "text"}),
    ),
    "tax_codes": Kind(tables.TAX_CODE, ("tenant", "key"), "key", fixed=frozenset({"name", "reporting_code"})),
    "gl_accounts": Kind(tables.GL_ACCOUNT, ("tenant", "code"), "code"),
    "purchase_orders": Kind(
        tables.PURCHASE_ORDER,
        ("tenant", "entity", "account", "number"),
        "number",
        fixed=frozenset({"currency", "buyer_reference"}),
    ),
    "payment_methods": Kind(tables.PAYMENT_METHOD, ("tenant", "entity", "key"), "key", fixed=frozenset({"account"})),
    "mandates": Kind(
        tables.MANDATE,
        ("tenant", "entity", "reference"),
        "reference",
        personal=frozenset({"debtor_name", "iban", "bic"}),
        fixed=frozenset({"account", "scheme", "kind", "signed_on"}),
    ),
    "wallets": Kind(
        tables.WALLET, ("tenant", "entity", "key"), "key", fixed=frozenset({"account", "currency", "unit", "unit_rate"})
    ),
}
"""What :meth:`MastersWriter.put` takes, by the names of import files."""

Values = dict[str, Any]


class MastersWriter(WriterBase):
    """Writes masters."""

    def put(
        self, kind: str, rows: Iterable[msgspec.Struct | Mapping[str, Any]], *, tenant: str = "", entity: str = ""
    ) -> Outcome:
        """Insert what is new, make a new version of what changed, leave what is the same.

        Args:
            kind: a key of :data:`KINDS`.
            rows: structs of the model or dicts by column name; ids in them are ignored.
            tenant: the tenant of rows that do not name one (default: the writer's).
            entity: the entity of rows that do not name one.

        One audit row counts what was inserted; each changed record gets one with the fields before and after, in which
        personal data are named by record and version.  Conflicts (another rate for the same day, a subscription of
        another account or anchor day) change nothing.

        Raises:
            TollbookError: ``store.unknown-kind``, ``store.incomplete``, and what does not fit its column.
        """
        if kind not in KINDS:
            raise refuse(UNKNOWN_KIND, f"{kind!r} is no kind of master", mend=did_you_mean(kind, KINDS))
        how = KINDS[kind]
        defaults = {"tenant": tenant or self.tenant, "entity": entity}
        outcome, position = Outcome(), 0
        batch: list[Values] = []
        seen: set[tuple[Any, ...]] = set()
        for row in rows:
            values = _values(how, kind, row, defaults)
            key = _key(how, values)
            if key in seen or len(batch) >= BATCH:
                outcome += self._put_batch(kind, how, batch, position - len(batch))
                batch, seen = [], set()
            batch.append(values)
            seen.add(key)
            position += 1
        if batch:
            outcome += self._put_batch(kind, how, batch, position - len(batch))
        return outcome

    def _put_batch(self, kind: str, how: Kind, batch: Sequence[Values], offset: int) -> Outcome:
        known = self._known(how, batch)
        fresh: list[Values] = []
        changed: list[tuple[int, Values, Values]] = []
        conflicts: list[int] = []
        for position, values in enumerate(batch, offset):
            old = known.get(_key(how, values))
            if old is None:
                fresh.append(values)
                continue
            different = [name for name in how.fields if old[name] != values[name]]
            if how.fixed.intersection(different):
                conflicts.append(position)
            elif different:
                changed.append((old["id"], {name: old[name] for name in different}, values))
        with self._spoiling():
            self._insert_fresh(kind, how, fresh)
            self._change(kind, how, changed)
        same = len(batch) - len(fresh) - len(changed) - len(conflicts)
        return Outcome(len(fresh), len(changed), same, tuple(conflicts))

    def _known(self, how: Kind, batch: Sequence[Values]) -> dict[tuple[Any, ...], Values]:
        """The newest versions of the records of a batch, by natural key."""
        prefix = [
            name
            for name in how.key
            if name != how.lookup and (how.lookup == how.key[-1] or how.key.index(name) < how.key.index(how.lookup))
        ]
        groups: dict[tuple[Any, ...], set[Any]] = defaultdict(set)
        for values in batch:
            groups[tuple(values[name] for name in prefix)].add(values[how.lookup])
        condition = query.among(self.dialect, how.table.c[how.lookup], "wanted", how.many)
        statement = sa.select(how.table).where(
            condition, *(how.table.c[name] == sa.bindparam(f"p_{name}") for name in prefix)
        )
        if how.versioned:
            statement = statement.where(how.table.c.current)
        known: dict[tuple[Any, ...], Values] = {}
        for group, wanted in groups.items():
            parameters = {f"p_{name}": value for name, value in zip(prefix, group, strict=True)}
            for row in self.connection.execute(statement, {**parameters, "wanted": sorted(wanted)}).mappings():
                found = dict(row)
                known[_key(how, found)] = found
        return known

    def _insert_fresh(self, kind: str, how: Kind, fresh: Sequence[Values]) -> None:
        if not fresh:
            return
        first = self.take_ids(how.table.name, len(fresh))
        self._insert(how.table, (_row(how, first + i, values) for i, values in enumerate(fresh)))
        after = {"inserted": len(fresh), "from": first, "to": first + len(fresh) - 1}
        self.audit(f"put {kind}", kind, None, after, tenant=fresh[0]["tenant"])

    def _change(self, kind: str, how: Kind, changed: Sequence[tuple[int, Values, Values]]) -> None:
        if not changed:
            return
        if how.versioned:
            first = self.take_ids(how.table.name, len(changed))
            gone = query.among(self.dialect, how.table.c.id, "old")
            self.connection.execute(
                sa.update(how.table).where(gone).values(current=False), {"old": [old for old, _, _ in changed]}
            )
            rows = (_row(how, first + i, values) for i, (_, _, values) in enumerate(changed))
            self._insert(how.table, rows)
        for i, (old_id, before, values) in enumerate(changed):
            new_id = first + i if how.versioned else old_id
            if not how.versioned:
                update = sa.update(how.table).where(how.table.c.id == old_id)
                self.connection.execute(update.values({name: values[name] for name in before}))
            self.audit(
                f"put {kind}",
                "/".join([how.table.name, *(str(values[name]) for name in how.key if name != "tenant")]),
                _told(how, old_id, before),
                _told(how, new_id, {name: values[name] for name in before}),
                tenant=values["tenant"],
            )


def _values(how: Kind, kind: str, row: msgspec.Struct | Mapping[str, Any], defaults: Mapping[str, str]) -> Values:
    values: Values = {}
    given = row if isinstance(row, Mapping) else msgspec.structs.asdict(row)
    for name in how.fields:
        called = how.names.get(name, name)
        if name in given:
            value = given[name]
        elif called in given:
            value = given[called]
        elif defaults.get(name):
            value = defaults[name]
        elif how.table.c[name].nullable:
            value = None
        elif name in how.plain:
            value = how.plain[name]
        else:
            raise refuse(INCOMPLETE, f"a row of {kind} has no {called}", mend="give all fields of the record")
        if isinstance(how.table.c[name].type, types.Document):
            value = types.from_json(types.to_json(value))
        values[name] = value
    return values


def _key(how: Kind, values: Values) -> tuple[Any, ...]:
    return tuple(values[name] for name in how.key)


def _row(how: Kind, ident: int, values: Values) -> tuple[Any, ...]:
    known = {**values, "id": ident, "current": True}
    return tuple(known[column.name] for column in how.table.columns)


def _told(how: Kind, version: int, values: Values) -> Values:
    """Values for an audit row: the version's id, and the fields, personal ones only by the place where they stand."""
    place = f"{how.table.name}#{version}"
    return {"id": version} | {name: place if name in how.personal else value for name, value in values.items()}
