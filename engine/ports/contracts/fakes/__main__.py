"""``python -m engine.ports.contracts.fakes PORT``: a fake of a vendor's system that runs until it is interrupted."""

from __future__ import annotations

import argparse
import json
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from engine.ports.contracts.clauses import FAULTS
from engine.ports.contracts.fakes.authority import Authority
from engine.ports.contracts.fakes.avatax import ACCOUNT, LICENSE_KEY, AvaTax
from engine.ports.contracts.fakes.feeds import Feed
from engine.ports.contracts.fakes.printer import SECRET as PRINTER_SECRET
from engine.ports.contracts.fakes.printer import Printer
from engine.ports.contracts.fakes.provider import SECRET, TOKEN, Provider
from engine.ports.contracts.fakes.receiver import SECRET as RECEIVER_SECRET
from engine.ports.contracts.fakes.receiver import Receiver
from engine.ports.contracts.fakes.sap import PASSWORD, S4, USER
from engine.ports.contracts.fakes.serving import SWITCH, Service
from engine.ports.contracts.fakes.stripe import KEY, StripeFake
from engine.ports.contracts.fakes.stripe import SECRET as SIGNED
from engine.ports.contracts.fakes.vendor import Vendor
from engine.ports.contracts.fakes.vertex import CLIENT_ID, CLIENT_SECRET, VertexSeries
from engine.ports.contracts.fakes.vies import Vies


class Fake(NamedTuple):
    """A fake, the path that an adapter is pointed at, and what it wants to see."""

    made: Callable[[], Service]
    path: str = ""
    wants: Mapping[str, str] = {}


FAKES: Final[Mapping[str, Mapping[str, Fake]]] = {
    "clearance": {"authority": Fake(Authority, wants={"bearer": "any"})},
    "consent": {"feed": Fake(Feed, "/consents.csv")},
    "delivery": {
        "vendor": Fake(Vendor, wants={"password": "any"}),
        "printer": Fake(Printer, wants={"token": PRINTER_SECRET}),
    },
    "erp": {"sap": Fake(S4, wants={"user": USER, "password": PASSWORD})},
    "exchange": {"receiver": Fake(Receiver, wants={"signing": RECEIVER_SECRET})},
    "fx": {"feed": Fake(Feed, "/eurofxref-hist.csv")},
    "psp": {
        "provider": Fake(Provider, wants={"api_key": TOKEN, "signing": SECRET}),
        "stripe": Fake(StripeFake, wants={"api_key": KEY, "signing_secret": SIGNED}),
    },
    "tax": {
        "avatax": Fake(AvaTax, wants={"account": ACCOUNT, "license_key": LICENSE_KEY}),
        "vertex": Fake(VertexSeries, wants={"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}),
        "vendor": Fake(Vendor, wants={"token": "any"}),
    },
    "tax_id": {"vies": Fake(Vies)},
}
"""Port -> vendor -> its fake; the first vendor of a port is the one that is meant where none is named."""


def main() -> int:
    """Run a fake; 0 when it was interrupted, 1 where the words are wrong, 2 where it cannot listen."""
    parser = argparse.ArgumentParser(prog="tollbook plugins fake")
    parser.add_argument("name")
    parser.add_argument("--vendor", default="")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--fault", default="")
    parser.add_argument("--json", action="store_true")
    words = parser.parse_args()
    vendors = FAKES.get(words.name)
    if vendors is None:
        return _wrong(f"error: the port {words.name!r} has no fake; known: {', '.join(FAKES)}")
    if words.vendor and words.vendor not in vendors:
        return _wrong(f"error: {words.name} has no fake {words.vendor!r}; known: {', '.join(vendors)}")
    if words.fault and words.fault not in FAULTS:
        return _wrong(f"error: {words.fault!r} is no fault; known: {', '.join(FAULTS)}")
    vendor = words.vendor or next(iter(vendors))
    Service.listens = words.port
    try:
        service = vendors[vendor].made()
    except OSError as error:
        _wrong(f"error: port {words.port} cannot be listened on: {error.strerror}")
        return 2
    service.fault = words.fault
    if words.json:
        told = {"vendor": vendor, "port": words.name, "url": f"{service.url}{vendors[vendor].path}"}
        more = {"secrets": dict(vendors[vendor].wants), "switch": f"{service.url}{SWITCH}", "faults": list(FAULTS[1:])}
        return _serve(service, json.dumps({**told, **more}))
    lines = [f"{vendor}, a fake for the port {words.name}, listens on {service.url}{vendors[vendor].path}"]
    lines += [f"    secret {name}: {value}" for name, value in vendors[vendor].wants.items()]
    lines += [f"    POST {service.url}{SWITCH}?fault=busy makes it fail ({', '.join(FAULTS[1:])}); ?fault= mends it"]
    return _serve(service, "\n".join([*lines, "    Ctrl-C ends it"]))


def _serve(service: Service, text: str) -> int:
    """Say where it listens, and do so until it is interrupted."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        return 0
    finally:
        service.stop()
    return 0


def _wrong(text: str) -> int:
    sys.stderr.write(f"{text}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
