"""The reader of the books: everything that may be asked of them."""

from __future__ import annotations

from engine.store.outbox import OutboxReader
from engine.store.payers import PayersReader
from engine.store.reading.approvals import ApprovalsReader
from engine.store.reading.cash import CashReader
from engine.store.reading.conditions import ConditionsReader
from engine.store.reading.cursors import CursorsReader
from engine.store.reading.deliveries import DeliveriesReader
from engine.store.reading.disputes import DisputesReader
from engine.store.reading.drafts import DraftsReader
from engine.store.reading.dunning import DunningReader
from engine.store.reading.erp import ErpReader
from engine.store.reading.exchange import ExchangeReader
from engine.store.reading.further_books import FurtherBooksReader
from engine.store.reading.lateness import LatenessReader
from engine.store.reading.mandates import MandatesReader
from engine.store.reading.numbering import NumberingReader
from engine.store.reading.orders import OrdersReader
from engine.store.reading.oss import OssReader
from engine.store.reading.payments import PaymentsReader
from engine.store.reading.queue import QueueReader
from engine.store.reading.releases import ReleasesReader
from engine.store.reading.requests import RequestsReader
from engine.store.reading.revenue import RevenueReader
from engine.store.reading.revenue_contracts import RevenueContractsReader
from engine.store.reading.runs import RunsReader
from engine.store.reading.settlements import SettlementsReader
from engine.store.reading.stewardship import StewardshipReader
from engine.store.reading.tax import TaxReader
from engine.store.reading.taxes import TaxesReader
from engine.store.reading.triggers import TriggersReader
from engine.store.reading.wallets import WalletsReader


class Reader(
    PayersReader,
    ErpReader,
    RunsReader,
    OutboxReader,
    RequestsReader,
    ApprovalsReader,
    QueueReader,
    TriggersReader,
    LatenessReader,
    WalletsReader,
    SettlementsReader,
    CursorsReader,
    NumberingReader,
    TaxesReader,
    OssReader,
    TaxReader,
    ConditionsReader,
    DraftsReader,
    OrdersReader,
    DunningReader,
    DeliveriesReader,
    PaymentsReader,
    MandatesReader,
    CashReader,
    DisputesReader,
    RevenueReader,
    RevenueContractsReader,
    ReleasesReader,
    StewardshipReader,
    ExchangeReader,
    FurtherBooksReader,
):
    """One state of the books, read in one transaction; made by :meth:`engine.store.books.Books.reader`."""
