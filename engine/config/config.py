"""The settings of an installation, checked and ready to use."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from engine.base.address import shown
from engine.base.document import Document
from engine.base.errors import Code, Finding, TollbookError, did_you_mean
from engine.config.acts import eligible
from engine.config.api import Api
from engine.config.schedule import Schedule, Scheduler
from engine.config.settings import VERBS

NOT_ALLOWED = Code("config.not-allowed", "A person who would change something that no role of theirs allows.")


class Tenant(msgspec.Struct, frozen=True):
    """Section ``tenant``."""

    key: str
    name: str


class Database(msgspec.Struct, frozen=True):
    """Section ``database``: the whole address, with what the environment gave.  Its text hides user and password."""

    url: str

    def __repr__(self) -> str:
        return f"Database(url={shown(self.url)!r})"


class Rules(msgspec.Struct, frozen=True):
    """Section ``rules``: absolute folders, later ones layered over earlier ones; which rules are used (development, approved)."""

    folders: tuple[Path, ...]
    releases: str = "development"


class Adapter(msgspec.Struct, frozen=True):
    """One of ``adapters``: ``settings`` as written, ``secrets`` as names of environment variables, ``timeout`` and
    ``breaker_seconds`` in seconds.  It stands at ``path`` in ``document``, where its plug-in's host finds the places of
    mistakes."""

    name: str
    port: str
    plugin: str
    settings: Mapping[str, Any]
    secrets: Mapping[str, str]
    timeout: int
    retries: int
    breaker_failures: int
    breaker_seconds: int
    document: Document
    path: tuple[str | int, ...]


class Runs(msgspec.Struct, frozen=True):
    """Section ``runs``: payers in a partition, worker processes."""

    partition_size: int
    workers: int


class Fx(msgspec.Struct, frozen=True):
    """Section ``fx``: oldest usable rate in days, source of rates."""

    max_age_days: int
    source: str


class Config(msgspec.Struct, frozen=True):
    """All settings.  ``folder`` is that of the file, in which relative paths start; ``roles`` maps a role to its verbs,
    ``people`` a person to their roles; ``bank_sources`` a bank
    account to the kind of file that it is booked from; ``books`` a further book to the legal entities that keep it (none: all);
    ``approvals`` an act to the roles of its second person (none: any that may
    approve), ``approvals_from`` to the amounts, by currency, below which one person is enough."""

    folder: Path
    tenant: Tenant
    database: Database
    rules: Rules
    adapters: tuple[Adapter, ...]
    runs: Runs
    fx: Fx
    bank_sources: Mapping[str, str]
    books: Mapping[str, tuple[str, ...]]
    roles: Mapping[str, frozenset[str]]
    people: Mapping[str, tuple[str, ...]]
    approvals: Mapping[str, tuple[str, ...]]
    approvals_from: Mapping[str, Mapping[str, Decimal]]
    approvals_off: bool
    schedule: tuple[Schedule, ...]
    scheduler: Scheduler
    api: Api
    document: Document

    def may(self, person: str, verb: str) -> bool:
        """Whether a role of the person allows the verb, one of :data:`engine.config.VERBS`."""
        return any(verb in self.roles[role] for role in self.people.get(person, ()))

    def has_role(self, person: str, roles: Collection[str]) -> bool:
        """Whether a person has one of the roles."""
        return not set(roles).isdisjoint(self.people.get(person, ()))

    def approvers(self, act: str) -> list[str]:
        """People who may approve an act, one of :data:`engine.config.ACTS`, if somebody else proposes it."""
        return eligible(self.people, self.roles, self.approvals.get(act, ()))

    def refusal(self, person: str, verb: str) -> Finding:
        """Why the person may not do it, and who may."""
        roles = self.people.get(person)
        if not person:
            what, mend = f"nobody is named who is to {verb}", "say who with --as"
        elif roles is None:
            what = f"{person!r} is not among the people of the configuration"
            mend = did_you_mean(person, self.people) or "add them under people"
        else:
            what = f"{person!r} may not {verb}; roles: {', '.join(roles) or 'none'}"
            able = [role for role, verbs in self.roles.items() if verb in verbs]
            mend = f"roles that may: {', '.join(able)}" if able else f"no role may: add {verb} to one under roles"
        why = f"{verb}: {VERBS[verb]}" if verb in VERBS else f"{verb!r} is no verb that a role can allow"
        return Finding(NOT_ALLOWED, self.document.where(("people", person)), what, why, mend)

    def check_may(self, person: str, verb: str) -> None:
        """Nothing, where the person may do it.

        Raises:
            TollbookError: ``config.not-allowed``.
        """
        if not self.may(person, verb):
            raise TollbookError(self.refusal(person, verb))
