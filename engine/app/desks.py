"""The desks of an application: what people ask of one department, and do there."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from functools import cached_property
from pathlib import Path

import msgspec

from engine.app.shelf import Shelf
from engine.app.tuning import sheets
from engine.app.whatif import Other, both_of
from engine.app.workshop import Workshop
from engine.config import Config
from engine.model.decision import Family
from engine.ports.host import Host
from engine.rulebook.desk import RuleDesk
from engine.rulebook.rulebook import RuleBook
from engine.runs.accounts.advance_desk import AdvanceDesk
from engine.runs.accounts.desk import AccountDesk
from engine.runs.accruals.desk import AccrualDesk
from engine.runs.approvals import Approvals
from engine.runs.bank_desk import BankDesk
from engine.runs.cash.desk import CashDesk
from engine.runs.clearing import ClearanceDesk
from engine.runs.close.desk import CloseDesk
from engine.runs.debits.desk import DebitDesk
from engine.runs.debits.mandates import MandateDesk
from engine.runs.delivering.desk import DeliveryDesk
from engine.runs.delivering.inbox_desk import InboxDesk
from engine.runs.disputes.desk import DisputeDesk
from engine.runs.documents.desk import DocumentDesk
from engine.runs.dunning.desk import DunningDesk
from engine.runs.erp.desk import ErpDesk
from engine.runs.exchange.desk import ExchangeDesk
from engine.runs.explaining.again import Again
from engine.runs.forecasts.desk import ForecastDesk
from engine.runs.further_books.desk import BookDesk
from engine.runs.ledger_desk import LedgerDesk
from engine.runs.payments.desk import PaymentDesk
from engine.runs.plugins.desk import PluginDesk
from engine.runs.releases import acts
from engine.runs.releases.desk import ReleaseDesk
from engine.runs.reports.desk import ReportDesk
from engine.runs.requests import RequestDesk
from engine.runs.revenue.contract_desk import ContractDesk
from engine.runs.revenue.desk import RevenueDesk
from engine.runs.reviewing.review_desk import ReviewDesk
from engine.runs.run import Parts
from engine.runs.scheduling.work import utc_now
from engine.runs.simulate.desk import SimulationDesk
from engine.runs.simulate.quotes import OfflineHost
from engine.runs.stewardship.desk import StewardshipDesk
from engine.runs.subscriptions.desk import SubscriptionDesk
from engine.runs.tax.desk import TaxDesk
from engine.runs.tax.providers import TaxProviders
from engine.runs.trigger_desk import TriggerDesk
from engine.runs.tune.desk import TuneDesk
from engine.runs.usage.desk import UsageDesk
from engine.runs.wallets.desk import WalletDesk
from engine.runs.worklist import Worklist
from engine.store.anonymous import export
from engine.store.books import Books


class Desks(ABC):
    """Hands out desks; each is made of parts of the application when somebody goes there."""

    @property
    @abstractmethod
    def tenant(self) -> str:
        """Key of the tenant."""

    @property
    @abstractmethod
    def books(self) -> Books:
        """The books."""

    @property
    @abstractmethod
    def host(self) -> Host:
        """The plug-ins."""

    @property
    @abstractmethod
    def families(self) -> Mapping[str, Family]:
        """Every family, with the methods that plug-ins provide."""

    @property
    @abstractmethod
    def rulebook(self) -> RuleBook:
        """The rules in force."""

    @property
    @abstractmethod
    def rule_roots(self) -> tuple[Path, ...]:
        """The folders of rules, later ones layered over earlier ones."""

    @property
    @abstractmethod
    def approvals(self) -> Approvals:
        """The desk at which acts are done by one person, or proposed by one and approved by another."""

    @property
    @abstractmethod
    def rate_source(self) -> str:
        """The source of exchange rates that counts."""

    config: Config
    """The settings."""

    @abstractmethod
    def parts(self, rules: RuleBook | None = None, on: date | None = None) -> Parts:
        """What a run of a day is made of; of today, where it has none."""

    @property
    @abstractmethod
    def shelf(self) -> Shelf:
        """Which rules are used on a day."""

    @abstractmethod
    def rule_desk(self, folders: Sequence[Path] = ()) -> RuleDesk:
        """What people do with the rule files in ``folders``, else in those of the config."""

    @abstractmethod
    def bank_desk(self) -> BankDesk:
        """The desk of bank files."""

    @abstractmethod
    def stored_rulebook(self, release: str) -> RuleBook:
        """The rules of a release, as the books keep them."""

    def seen_parts(self, *, on: date | None = None) -> Parts:
        """Parts to look at what a run of a day would do; see :meth:`engine.app.shelf.Shelf.seen`."""
        return self.parts(self.shelf.seen(on or utc_now().date()), on)

    @property
    def usage(self) -> UsageDesk:
        """The desk of usage that is fetched from adapters."""
        return UsageDesk(self.parts, self.books, self.tenant, self.host)

    @cached_property
    def ledger(self) -> LedgerDesk:
        """The desk of the ledger: trial balance, journal, export, accounting periods, currencies."""
        return LedgerDesk(self.books, self.tenant, self.approvals, self.parts, lambda: self.host, self.rate_source)

    @property
    def further_books(self) -> BookDesk:
        """The desk of further books: adjustments beside the leading book, and what a book comes to with them."""
        further = self.config.books
        return BookDesk(self.books, self.tenant, self.approvals, self.parts, further, self.ledger.entities)

    @cached_property
    def wallets(self) -> WalletDesk:
        """The desk of the wallets: what is in them, grants, draws, expiry."""
        return WalletDesk(self.books, self.parts, self.approvals)

    @cached_property
    def tax(self) -> TaxDesk:
        """The desk of tax: truing up, what waits for the next bill, the report."""
        return TaxDesk(self.books, self.parts)

    @property
    def advances(self) -> AdvanceDesk:
        """The desk of advances: invoices over money that came before its supply."""
        return AdvanceDesk(self.parts, self.approvals)

    @property
    def accounts(self) -> AccountDesk:
        """The desk of accounts: what is open, what settles it, credit and debit notes."""
        return AccountDesk(self.books, self.parts, self.approvals)

    @property
    def accruals(self) -> AccrualDesk:
        """The desk of accruals: the run of a month, and what stands accrued."""
        return AccrualDesk(self.parts)

    @property
    def dunning(self) -> DunningDesk:
        """The desk of dunning: the run, how customers stand, holds, promises, instalments, hand-over."""
        return DunningDesk(self.books, self.parts)

    @property
    def mandates(self) -> MandateDesk:
        """The desk of mandates to collect from bank accounts."""
        return MandateDesk(self.parts)

    @property
    def direct_debits(self) -> DebitDesk:
        """The desk of direct debits: collected, told, heard of, and what is on its way."""
        return DebitDesk(self.parts)

    @property
    def cash(self) -> CashDesk:
        """The desk of cash: bank files, what their money is used for, exceptions."""
        files, config = BankDesk(self.config.adapters, self.config.folder), self.config
        return CashDesk(
            self.books, self.parts, self.approvals, files, config.bank_sources, lambda who: config.people.get(who, ())
        )

    @property
    def disputes(self) -> DisputeDesk:
        """The desk of disputes: what is told of them, who works them, what is decided."""
        return DisputeDesk(self.parts, self.accounts)

    @property
    def review(self) -> ReviewDesk:
        """The desk of what comes between a bill run and its invoices: conditions, drafts, purchase orders."""
        return ReviewDesk(self.parts, self.approvals)

    @property
    def triggers(self) -> TriggerDesk:
        """The desk of triggers: what came, what it occasions, what waits and is unbilled."""
        return TriggerDesk(self.books, self.tenant, self.parts, self.seen_parts)

    @property
    def subscriptions(self) -> SubscriptionDesk:
        """The desk of subscriptions: looked at, amended, aligned, renewed, rated again."""
        return SubscriptionDesk(self.parts, self.approvals, lambda name: self.parts(self.stored_rulebook(name)))

    @property
    def closing(self) -> CloseDesk:
        """The desk of the close: checks of a month, its steps, what is let go, the evidence."""
        return CloseDesk(self.parts, self.approvals)

    @property
    def clearance(self) -> ClearanceDesk:
        """The desk of documents that an authority clears."""
        return ClearanceDesk(self.parts())

    @property
    def documents(self) -> DocumentDesk:
        """The desk of documents: invoices as files."""
        return DocumentDesk(self.parts, self.host)

    @property
    def deliveries(self) -> DeliveryDesk:
        """The desk of deliveries."""
        return DeliveryDesk(self.books, self.tenant)

    @property
    def inboxes(self) -> InboxDesk:
        """The desk of inboxes."""
        return InboxDesk(self.books, self.tenant)

    @property
    def erp(self) -> ErpDesk:
        """The desk of the general ledger of another system."""
        return ErpDesk(self.parts)

    @property
    def revenue(self) -> RevenueDesk:
        """The desk of revenue: the run of a month, schedules, what remains."""
        return RevenueDesk(self.parts, self.approvals)

    @property
    def revenue_contracts(self) -> ContractDesk:
        """The desk of revenue contracts: added, changed, told of, looked at as known on any day."""
        return ContractDesk(self.parts)

    @property
    def forecasts(self) -> ForecastDesk:
        """The desk of forecasts: deferred revenue ahead, and what was conceded of it."""
        return ForecastDesk(self.parts)

    @property
    def reports(self) -> ReportDesk:
        """The desk of reports over the ledger: ageing, balances, ties, expected losses, shares of legal entities."""
        return ReportDesk(self.parts)

    @property
    def exchange(self) -> ExchangeDesk:
        """The desk of exchange: messages of other systems."""
        return ExchangeDesk(self.books, self.parts, lambda: self.accounts)

    @property
    def requests(self) -> RequestDesk:
        """The desk of the request log: calls of adapters listed, looked at, made again, erased."""
        return RequestDesk(self.parts())

    @property
    def plugins(self) -> PluginDesk:
        """The desk of plug-ins: what is installed, what is wrong with it, its contracts and cassettes."""
        config = self.config
        return PluginDesk(config.adapters, config.folder, lambda: self.books, self.tenant)

    @property
    def tax_providers(self) -> TaxProviders:
        """The desk of documents at tax providers."""
        return TaxProviders(self.parts())

    @property
    def payments(self) -> PaymentDesk:
        """The desk of payments: collected, given back, heard of, paid out, compared."""
        return PaymentDesk(self.parts, self.bank_desk, self.approvals, self.disputes.hear)

    def simulation(
        self, folders: Sequence[Path] = (), sets: Mapping[str, str] = {}, only: Collection[str] = ()
    ) -> SimulationDesk:
        """The desk of simulation by other rules: those of folders, and values of parameters; else the rules on disk."""
        config = self.config
        on_disk = not folders and not sets
        other = Other(self.families, self.rule_roots if on_disk else folders, sets, only, whole=on_disk)
        both = both_of(self.stored_rulebook, other)
        return SimulationDesk(config.database.url, self._offline, both, str(other))

    def _offline(self) -> Parts:
        """Parts whose adapters call no other system."""
        return msgspec.structs.replace(self.parts(), host=OfflineHost(self.config.adapters, self.config.folder))

    @property
    def again(self) -> Again:
        """Does parts of runs again, for those who explain."""

        def parts_of(release: str) -> Parts:
            return msgspec.structs.replace(self._offline(), rules=self.stored_rulebook(release))

        return Again(self.config.database.url, parts_of)

    def export_anonymous(self, folder: Path, key: bytes) -> Path:
        """A copy of the books without anybody in it; see :func:`engine.store.anonymous.export`."""
        return export(self.books, folder, key)

    @property
    def tuning(self) -> TuneDesk:
        """The desk of parameters: listed, tried, proposed, watched."""
        config = self.config
        roles = (lambda person: config.people.get(person, ()), tuple(config.roles))
        given = (
            self.books,
            self.tenant,
            lambda: sheets(self.shelf.seen(utc_now().date())),
            lambda sets: self.simulation((), sets),
        )
        return TuneDesk(*given, self.approvals, roles)

    @property
    def releases(self) -> ReleaseDesk:
        """The desk of releases of rules: proposed, agreed to, put in force, rolled back, compared."""
        config = self.config

        def able(roles: Collection[str]) -> list[str]:
            who = config.approvers(acts.AGREE)
            return [person for person in who if not roles or config.has_role(person, roles)]

        workshop, mode = Workshop(self.rule_desk()), config.rules.releases
        return ReleaseDesk(self.books, self.tenant, self.approvals, workshop, mode, able)

    @property
    def stewardship(self) -> StewardshipDesk:
        """The desk of changes of master data that wait for their steward."""
        return StewardshipDesk(self.books, self.tenant, lambda who: self.config.people.get(who, ()))

    @property
    def worklist(self) -> Worklist:
        """The desk of the worklist, and of late usage."""
        return Worklist(self.books, self.tenant)
