"""The writer of the books: everything that may change them."""

from __future__ import annotations

from engine.store.writing_approvals import ApprovalsWriter
from engine.store.writing_attributes import AttributesWriter
from engine.store.writing_cash import CashWriter
from engine.store.writing_clearance import ClearanceWriter
from engine.store.writing_close import CloseWriter
from engine.store.writing_conditions import ConditionsWriter
from engine.store.writing_cursors import CursorsWriter
from engine.store.writing_disputes import DisputesWriter
from engine.store.writing_drafts import DraftsWriter
from engine.store.writing_dunning import DunningWriter
from engine.store.writing_erp import ErpWriter
from engine.store.writing_exchange import ExchangeWriter
from engine.store.writing_ledger import LedgerWriter
from engine.store.writing_mandates import MandatesWriter
from engine.store.writing_masters import MastersWriter
from engine.store.writing_openings import OpeningsWriter
from engine.store.writing_orders import OrdersWriter
from engine.store.writing_payments import PaymentsWriter
from engine.store.writing_queue import QueueWriter
from engine.store.writing_releases import ReleasesWriter
from engine.store.writing_requests import RequestsWriter
from engine.store.writing_revenue import RevenueWriter
from engine.store.writing_revenue_contracts import RevenueContractsWriter
from engine.store.writing_runs import RunsWriter
from engine.store.writing_settlements import SettlementsWriter
from engine.store.writing_stewardship import StewardshipWriter
from engine.store.writing_tax import TaxWriter
from engine.store.writing_triggers import TriggersWriter
from engine.store.writing_wallets import WalletsWriter


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
):
    """One transaction of one change; made by :meth:`engine.store.books.Books.writer` alone."""
