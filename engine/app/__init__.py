"""The one place where parts meet.  The roof (command line, web, scheduler) takes what it needs of the floors below from here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.app.application import App, open_app
from engine.app.explained import Missed
from engine.app.match_desk import match_desk
from engine.app.workshop import parameters
from engine.ledger.export import Exported
from engine.model.release import Difference
from engine.runs.accruals.run import Accrual
from engine.runs.approvals import Outcome
from engine.runs.bank_desk import BankDesk
from engine.runs.billing.change_preview import ChangePreview
from engine.runs.billing.unbilled import Unbilled
from engine.runs.cutover import Comparison
from engine.runs.delivering.inbox_desk import InboxDesk
from engine.runs.documents.files import Written
from engine.runs.exchange.desk import ExchangeDesk, NotTaken
from engine.runs.exchange.schemas import schemas as message_schemas
from engine.runs.explaining.explain import Explanation
from engine.runs.forecasts.forecasting import Forecast
from engine.runs.further_books.adjusting import Adjusted as BookAdjusted
from engine.runs.further_books.desk import Compared as BookCompared
from engine.runs.import_run import ImportReport
from engine.runs.intake.columns import Block
from engine.runs.matching.desk import Explained
from engine.runs.matching.desk import result as match_result
from engine.runs.matching.desk import write as write_matches
from engine.runs.payments.collecting import Collection
from engine.runs.payments.desk import PaymentDesk
from engine.runs.releases.impact import Impact
from engine.runs.releases.impact import write_csv as write_impact
from engine.runs.releases.views import Proposal, Status
from engine.runs.releases.views import Shown as ShownRelease
from engine.runs.reports.ageing import Ageing
from engine.runs.reports.impairment import Impairment
from engine.runs.reports.intercompany import Shares
from engine.runs.reports.ties import Tie
from engine.runs.requests import Replayed
from engine.runs.revaluation import Revaluation
from engine.runs.revenue.contract_desk import ContractAdded
from engine.runs.revenue.contract_views import AccountShown, ContractShown
from engine.runs.revenue.facts import Asked as AskedEvent
from engine.runs.run import Report
from engine.runs.scheduling.queue import Enqueued
from engine.runs.scheduling.work import Worked
from engine.runs.simulate.difference import Decided
from engine.runs.simulate.difference import Row as SimulatedRow
from engine.runs.simulate.dunning import DunningReplayed
from engine.runs.simulate.page import page as simulation_page
from engine.runs.simulate.result import Simulated
from engine.runs.simulate.revenue import RevenueReplayed
from engine.runs.simulate.shares import Part as SimulatedPart
from engine.runs.subscriptions.aligning import Alignment
from engine.runs.subscriptions.amending import Amended, Amendment
from engine.runs.subscriptions.contracts import ContractAmendment, Price, ShownContract
from engine.runs.subscriptions.renewals import Renewal, Renewals
from engine.runs.subscriptions.rerate import Rerating, Sums
from engine.runs.subscriptions.showing import Shown
from engine.runs.tax.oss_report import OssReport
from engine.runs.trigger_desk import Recorded, TriggerDesk
from engine.runs.tune.desk import Curve, Watched
from engine.runs.tune.page import bars as curve_bars
from engine.runs.tune.page import cells as curve_cells
from engine.runs.tune.page import heads as curve_heads
from engine.runs.tune.page import page as curve_page
from engine.runs.tune.values import Sheet
from engine.runs.usage.backfill import Backfilled
from engine.runs.usage.control_desk import ControlDesk
from engine.runs.usage.ingest import Ingested, Judged, UsageDoor
from engine.runs.wallets.desk import Asked, WalletDesk, WalletView
from engine.runs.wallets.moves import Moved

if TYPE_CHECKING:  # it stands on libraries that nothing else needs
    from engine.runs.simulate.cash import MatchingReplayed
    from engine.runs.simulate.crediting import CreditingReplayed

__all__ = [
    "AccountShown",
    "Accrual",
    "Ageing",
    "Alignment",
    "Amended",
    "Amendment",
    "App",
    "Asked",
    "Backfilled",
    "BankDesk",
    "Block",
    "ChangePreview",
    "Collection",
    "Comparison",
    "ContractAdded",
    "ContractAmendment",
    "ContractShown",
    "ControlDesk",
    "CreditingReplayed",
    "Difference",
    "Curve",
    "Decided",
    "DunningReplayed",
    "Enqueued",
    "ExchangeDesk",
    "InboxDesk",
    "Explained",
    "Explanation",
    "Exported",
    "ImportReport",
    "Impact",
    "Ingested",
    "Forecast",
    "BookAdjusted",
    "BookCompared",
    "Impairment",
    "Judged",
    "Missed",
    "MatchingReplayed",
    "Moved",
    "NotTaken",
    "OssReport",
    "Outcome",
    "PaymentDesk",
    "Price",
    "Proposal",
    "Recorded",
    "Renewal",
    "Renewals",
    "Replayed",
    "Report",
    "Rerating",
    "AskedEvent",
    "Revaluation",
    "Shares",
    "Shown",
    "ShownContract",
    "ShownRelease",
    "Status",
    "Sheet",
    "Simulated",
    "RevenueReplayed",
    "SimulatedPart",
    "SimulatedRow",
    "Sums",
    "Tie",
    "TriggerDesk",
    "Unbilled",
    "UsageDoor",
    "WalletDesk",
    "WalletView",
    "Watched",
    "Worked",
    "Written",
    "open_app",
    "curve_bars",
    "curve_cells",
    "curve_heads",
    "curve_page",
    "match_desk",
    "message_schemas",
    "match_result",
    "parameters",
    "write_impact",
    "simulation_page",
    "write_matches",
]
