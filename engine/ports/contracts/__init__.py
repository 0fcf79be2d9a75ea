"""What a port's contract means, as tests that every adapter of the port passes.

The author of an adapter subclasses the class of its port in a test file, says how the plug-in is set up, and runs pytest:

.. code-block:: python

    class TestAcme(TaxContract):
        setup = Setup(plugin=Path("plugins/tax_acme"), settings={"url": "..."}, secrets={"token": "s3cret"})

Each test is a clause of the contract.  It goes through the real host, and tampers with what the plug-in answers, so that a
clause holds of the plug-in and the host together.  An ``inject`` of the author's own breaks the vendor's system too.
Only tests import this package.
"""

import pytest

for _name in (
    "bank",
    "clauses",
    "clearance",
    "compute",
    "consent",
    "delivery",
    "einvoice",
    "erp",
    "exchange",
    "fx",
    "harness",
    "methods",
    "psp",
    "signing",
    "tax",
    "tax_documents",
    "tax_id",
    "trouble",
    "usage",
):  # so that a clause that fails shows the values
    pytest.register_assert_rewrite(f"{__name__}.{_name}")

from engine.ports.contracts.bank import BankContract  # noqa: E402
from engine.ports.contracts.clearance import ClearanceContract  # noqa: E402
from engine.ports.contracts.compute import ComputeContract  # noqa: E402
from engine.ports.contracts.consent import ConsentContract  # noqa: E402
from engine.ports.contracts.delivery import DeliveryContract  # noqa: E402
from engine.ports.contracts.einvoice import EinvoiceContract  # noqa: E402
from engine.ports.contracts.erp import ErpContract  # noqa: E402
from engine.ports.contracts.exchange import ExchangeContract  # noqa: E402
from engine.ports.contracts.faults import Fault  # noqa: E402
from engine.ports.contracts.fx import FxContract  # noqa: E402
from engine.ports.contracts.harness import Notebook, Setup, TestClock  # noqa: E402
from engine.ports.contracts.methods import MethodsContract  # noqa: E402
from engine.ports.contracts.psp import PspContract  # noqa: E402
from engine.ports.contracts.signing import SigningContract  # noqa: E402
from engine.ports.contracts.tax import TaxContract  # noqa: E402
from engine.ports.contracts.tax_documents import TaxDocumentsContract  # noqa: E402
from engine.ports.contracts.tax_id import TaxIdContract  # noqa: E402
from engine.ports.contracts.usage import UsageContract  # noqa: E402

__all__ = [
    "BankContract",
    "ClearanceContract",
    "ComputeContract",
    "ConsentContract",
    "DeliveryContract",
    "EinvoiceContract",
    "ErpContract",
    "ExchangeContract",
    "Fault",
    "FxContract",
    "MethodsContract",
    "Notebook",
    "PspContract",
    "Setup",
    "SigningContract",
    "TaxContract",
    "TaxDocumentsContract",
    "TaxIdContract",
    "TestClock",
    "UsageContract",
]
