"""Settings: what there is (``settings``), how a file is read and checked (``reading``) and written (``writing``)."""

from engine.config.acts import ACTS, Act
from engine.config.config import NOT_ALLOWED, Adapter, Config
from engine.config.reading import load
from engine.config.schedule import VERB_OF, Schedule
from engine.config.settings import REQUIRED, SETTINGS, VERBS, Setting
from engine.config.writing import document

__all__ = [
    "ACTS", "NOT_ALLOWED", "REQUIRED", "SETTINGS", "VERBS", "VERB_OF",
    "Act", "Adapter", "Config", "Schedule", "Setting", "document", "load",
]  # fmt: skip
