"""The writer of the books: everything that may change them."""

from __future__ import annotations

from engine.store.writing.approvals import ApprovalsWriter
from engine.store.writing.attributes import AttributesWriter
from engine.store.writing.cash import CashWriter
from engine.store.writing.clearance import ClearanceWriter
from engine.store.writing.close import CloseWriter
from engine.store.writing.conditions import ConditionsWriter
from engine.store.writing.cursors import CursorsWriter
from engine.store.writing.deliveries import DeliveriesWriter
from engine.store.writing.disputes import DisputesWriter
from engine.store.writing.drafts import DraftsWriter
from engine.store.writing.dunning import DunningWriter
from engine.store.writing.erp import ErpWriter
from engine.store.writing.exchange import ExchangeWriter
from engine.store.writing.further_books import FurtherBooksWriter
from engine.store.writing.ledger import LedgerWriter
from engine.store.writing.mandates import MandatesWriter
from engine.store.writing.masters import MastersWriter
from engine.store.writing.openings import OpeningsWriter
from engine.store.writing.orders import OrdersWriter
from engine.store.writing.payments import PaymentsWriter
from engine.store.writing.queue import QueueWriter
from engine.store.writing.releases import ReleasesWriter
from engine.store.writing.requests import RequestsWriter
from engine.store.writing.revenue import RevenueWriter
from engine.store.writing.revenue_contracts import RevenueContractsWriter
from engine.store.writing.runs import RunsWriter
from engine.store.writing.settlements import SettlementsWriter
from engine.store.writing.stewardship import StewardshipWriter
from engine.store.writing.tax import TaxWriter
from engine.store.writing.triggers import TriggersWriter
from engine.store.writing.wallets import WalletsWriter


class Writer(
    OpeningsWriter,
    MastersWriter,
    DraftsWriter,
    LedgerWriter,
    RunsWriter,
    ErpWriter,
    RequestsWriter,
    ApprovalsWriter,
    QueueWriter,
    TriggersWriter,
    AttributesWriter,
    WalletsWriter,
    SettlementsWriter,
    CursorsWriter,
    ClearanceWriter,
    TaxWriter,
    ConditionsWriter,
    OrdersWriter,
    DunningWriter,
    PaymentsWriter,
    MandatesWriter,
    CashWriter,
    DisputesWriter,
    RevenueWriter,
    RevenueContractsWriter,
    CloseWriter,
    ReleasesWriter,
    StewardshipWriter,
    ExchangeWriter,
    DeliveriesWriter,
    FurtherBooksWriter,
):
    """One transaction of one change; made by :meth:`engine.store.books.Books.writer` alone."""
