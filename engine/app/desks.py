"""The desks of an application: what people ask of one department, and do there."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property

from engine.ports.host import Host
from engine.rulebook.rulebook import RuleBook
from engine.runs.account_desk import AccountDesk
from engine.runs.approvals import Approvals
from engine.runs.clearing import ClearanceDesk
from engine.runs.delivery_desk import DeliveryDesk
from engine.runs.document_desk import DocumentDesk
from engine.runs.erp.desk import ErpDesk
from engine.runs.ledger_desk import LedgerDesk
from engine.runs.requests import RequestDesk
from engine.runs.review_desk import ReviewDesk
from engine.runs.run import Parts
from engine.runs.subscriptions.desk import SubscriptionDesk
from engine.runs.tax_desk import TaxDesk
from engine.runs.tax_providers import TaxProviders
from engine.runs.trigger_desk import TriggerDesk
from engine.runs.usage_desk import UsageDesk
from engine.runs.wallet_desk import WalletDesk
from engine.runs.worklist import Worklist
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
    def approvals(self) -> Approvals:
        """The desk at which acts are done by one person, or proposed by one and approved by another."""

    @property
    @abstractmethod
    def rate_source(self) -> str:
        """The source of exchange rates that counts."""

    @abstractmethod
    def parts(self, rules: RuleBook | None = None) -> Parts:
        """What runs are made of."""

    @abstractmethod
    def stored_rulebook(self, release: str) -> RuleBook:
        """The rules of a release, as the books keep them."""

    @property
    def usage(self) -> UsageDesk:
        """The desk of usage that is fetched from adapters."""
        return UsageDesk(self.parts, self.books, self.tenant, self.host)

    @cached_property
    def ledger(self) -> LedgerDesk:
        """The desk of the ledger: trial balance, journal, export, accounting periods, currencies."""
        return LedgerDesk(self.books, self.tenant, self.approvals, self.parts, lambda: self.host, self.rate_source)

    @cached_property
    def wallets(self) -> WalletDesk:
        """The desk of the wallets: what is in them, grants, draws, expiry."""
        return WalletDesk(self.books, self.parts, self.approvals)

    @cached_property
    def tax(self) -> TaxDesk:
        """The desk of tax: truing up, what waits for the next bill, the report."""
        return TaxDesk(self.books, self.parts)

    @property
    def accounts(self) -> AccountDesk:
        """The desk of accounts: what is open, what settles it, credit and debit notes."""
        return AccountDesk(self.books, self.parts, self.approvals)

    @property
    def review(self) -> ReviewDesk:
        """The desk of what comes between a bill run and its invoices: conditions, drafts, purchase orders."""
        return ReviewDesk(self.parts, self.approvals)

    @property
    def triggers(self) -> TriggerDesk:
        """The desk of triggers: what came, what it occasions, what waits and is unbilled."""
        return TriggerDesk(self.books, self.tenant, self.parts)

    @property
    def subscriptions(self) -> SubscriptionDesk:
        """The desk of subscriptions: looked at, amended, aligned, renewed, rated again."""
        return SubscriptionDesk(self.parts(), self.approvals, lambda name: self.parts(self.stored_rulebook(name)))

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
    def erp(self) -> ErpDesk:
        """The desk of the general ledger of another system."""
        return ErpDesk(self.parts)

    @property
    def requests(self) -> RequestDesk:
        """The desk of the request log: calls of adapters listed, looked at, made again, erased."""
        return RequestDesk(self.parts())

    @property
    def tax_providers(self) -> TaxProviders:
        """The desk of documents at tax providers."""
        return TaxProviders(self.parts())

    @property
    def worklist(self) -> Worklist:
        """The desk of the worklist, and of late usage."""
        return Worklist(self.books, self.tenant)
