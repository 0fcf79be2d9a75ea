"""The reader of the books: everything that may be asked of them."""

from __future__ import annotations

from engine.store.outbox import OutboxReader
from engine.store.payers import PayersReader
from engine.store.reading_approvals import ApprovalsReader
from engine.store.reading_cash import CashReader
from engine.store.reading_conditions import ConditionsReader
from engine.store.reading_cursors import CursorsReader
from engine.store.reading_disputes import DisputesReader
from engine.store.reading_drafts import DraftsReader
from engine.store.reading_dunning import DunningReader
from engine.store.reading_erp import ErpReader
from engine.store.reading_exchange import ExchangeReader
from engine.store.reading_lateness import LatenessReader
from engine.store.reading_mandates import MandatesReader
from engine.store.reading_numbering import NumberingReader
from engine.store.reading_orders import OrdersReader
from engine.store.reading_oss import OssReader
from engine.store.reading_payments import PaymentsReader
from engine.store.reading_queue import QueueReader
from engine.store.reading_releases import ReleasesReader
from engine.store.reading_requests import RequestsReader
from engine.store.reading_revenue import RevenueReader
from engine.store.reading_revenue_contracts import RevenueContractsReader
from engine.store.reading_runs import RunsReader
from engine.store.reading_settlements import SettlementsReader
from engine.store.reading_stewardship import StewardshipReader
from engine.store.reading_tax import TaxReader
from engine.store.reading_taxes import TaxesReader
from engine.store.reading_triggers import TriggersReader
from engine.store.reading_wallets import WalletsReader


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
    PaymentsReader,
    MandatesReader,
    CashReader,
    DisputesReader,
    RevenueReader,
    RevenueContractsReader,
    ReleasesReader,
    StewardshipReader,
    ExchangeReader,
):
    """One state of the books, read in one transaction; made by :meth:`engine.store.books.Books.reader`."""
