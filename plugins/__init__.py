"""The plug-ins that come with the engine, each a folder ``<port>_<vendor>``.  Only tests import them by name."""
