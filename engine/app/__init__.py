"""The one place where parts meet.  The roof (command line, web, scheduler) takes what it needs of the floors below from here."""

from __future__ import annotations

from engine.app.application import App, open_app
from engine.app.match_desk import match_desk
from engine.ledger.export import Exported
from engine.runs.approvals import Outcome
from engine.runs.backfill import Backfilled
from engine.runs.bank_desk import BankDesk
from engine.runs.change_preview import ChangePreview
from engine.runs.control_desk import ControlDesk
from engine.runs.cutover import Comparison
from engine.runs.document_files import Written
from engine.runs.explain import Explanation
from engine.runs.import_run import ImportReport
from engine.runs.ingest import Ingested, Judged, UsageDoor
from engine.runs.intake.columns import Block
from engine.runs.matching.desk import Explained
from engine.runs.matching.desk import result as match_result
from engine.runs.matching.desk import write as write_matches
from engine.runs.oss_report import OssReport
from engine.runs.payments.collecting import Collection
from engine.runs.payments.desk import PaymentDesk
from engine.runs.queue import Enqueued
from engine.runs.requests import Replayed
from engine.runs.revaluation import Revaluation
from engine.runs.run import Report
from engine.runs.subscriptions.aligning import Alignment
from engine.runs.subscriptions.amending import Amended, Amendment
from engine.runs.subscriptions.contracts import ContractAmendment, Price, ShownContract
from engine.runs.subscriptions.renewals import Renewal, Renewals
from engine.runs.subscriptions.rerate import Rerating, Sums
from engine.runs.subscriptions.showing import Shown
from engine.runs.trigger_desk import Recorded, TriggerDesk
from engine.runs.unbilled import Unbilled
from engine.runs.wallet_desk import Asked, WalletDesk, WalletView
from engine.runs.wallet_moves import Moved
from engine.runs.work import Worked

__all__ = [
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
    "ContractAmendment",
    "ControlDesk",
    "Enqueued",
    "Explained",
    "Explanation",
    "Exported",
    "ImportReport",
    "Ingested",
    "Judged",
    "Moved",
    "OssReport",
    "Outcome",
    "PaymentDesk",
    "Price",
    "Recorded",
    "Renewal",
    "Renewals",
    "Replayed",
    "Report",
    "Rerating",
    "Revaluation",
    "Shown",
    "ShownContract",
    "Sums",
    "TriggerDesk",
    "Unbilled",
    "UsageDoor",
    "WalletDesk",
    "WalletView",
    "Worked",
    "Written",
    "open_app",
    "match_desk",
    "match_result",
    "write_matches",
]
