"""Settings: what there is (``settings``), how a file is read and checked (``reading``) and written (``writing``)."""

from engine.config.config import NOT_ALLOWED, Adapter, Config
from engine.config.reading import load
from engine.config.settings import REQUIRED, SETTINGS, VERBS, Setting
from engine.config.writing import document

__all__ = ["NOT_ALLOWED", "REQUIRED", "SETTINGS", "VERBS", "Adapter", "Config", "Setting", "document", "load"]
