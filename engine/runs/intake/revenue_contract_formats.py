"""Import files of revenue contracts and of what happens to them; what they may say is what their YAML files may say."""

from __future__ import annotations

from typing import Final, get_args

from engine.model.revenue_contract import Kind
from engine.runs.intake.shapes import ENTITY, Column, Format, key_column

LONGEST: Final = 30_000
"""Most characters of a document in a cell."""

REVENUE_CONTRACTED: Final = (
    Format(
        "revenue_contracts",
        "revenue contract",
        "What was promised for a price, and what bills for it. `tollbook revenue contract add` reads the same as YAML files.",
        (
            ENTITY,
            key_column("contract", "identifies it in the legal entity"),
            key_column("account", "the customer", "accounts"),
            Column("currency", "currency", "currency of all its amounts", required=True),
            Column("signed", "date", "the day on which it was signed", required=True),
            Column("known", "date", "the day on which it became known; empty: the day of the import"),
            Column("purpose", "text", "contracts of one customer and purpose may be one, by rule", high=100),
            Column(
                "promises",
                "document",
                'list of what is promised, such as [{"promise": "licence", "product": "licence", "price": 1000, "ssp": 1200,'
                ' "bills": [{"subscription": "S1", "charge": "licence"}]}]',
                required=True,
                high=LONGEST,
            ),
            Column(
                "terms",
                "document",
                'all else that such a contract may say, such as {"criteria": {"approved": "2026-01-01"}}: criteria, term,'
                " combined_with, bundles, variable, payable, in_kind, financing, costs, bills",
                high=LONGEST,
            ),
        ),
        ("entity", "contract"),
        appended=True,
        correction="tell what changes it with revenue_contract_events",
    ),
    Format(
        "revenue_contract_events",
        "revenue contract event",
        "What happens to revenue contracts: changes, deliveries, criteria that are met.",
        (
            ENTITY,
            key_column("contract", "the revenue contract"),
            key_column("key", "identifies it in the contract; told twice it counts once"),
            Column("kind", "choice", "what happened", required=True, choices=get_args(Kind)),
            Column("on", "date", "the day that it belongs to", required=True),
            Column("known", "date", "the day on which it became known; empty: the day of the import"),
            Column("promise", "text", "the promise that it is about; empty: all", high=100),
            Column("quantity", "decimal", "units, cost, sales, or units added by a modification"),
            Column("expected", "decimal", "all that is now expected, in the same measure"),
            Column("material", "decimal", "part of a cost that is uninstalled material", low=0),
            Column("price", "decimal", "what it adds to the price; of a credit what it takes away"),
            Column("adds", "document", "list of promises that come with a modification", high=LONGEST),
            Column("at_ssp", "boolean", "whether what is added costs what it costs alone"),
            Column("rest", "decimal", "what the service still owed costs from now on"),
            Column("ends", "date", "day after the last day of service, or of a pause"),
            Column("cost", "decimal", "what is added to the expected cost"),
            Column("past", "decimal", "credit for what was delivered before", low=0),
            Column("refund", "decimal", "of a termination: what the customer need not pay, or has back", low=0),
            Column("extend", "boolean", "whether service ends as much later as a pause lasts"),
            Column(
                "variable",
                "text",
                "the variable amount that is estimated anew, or of which something was given back",
                high=100,
            ),
            Column(
                "outcomes",
                "document",
                'list of all that it may come to now, such as [{"amount": 100, "likely": 1}]',
                high=LONGEST,
            ),
            Column("certain", "decimal", "what of it is highly probable to stay; empty: the worst outcome"),
            Column("criterion", "text", "the criterion of a contract that is met", high=100),
            Column("met", "boolean", "false if it is no longer met"),
            Column("note", "text", "anything to be kept with it", high=500),
        ),
        ("entity", "contract", "key"),
        appended=True,
        correction="tell it under a key of its own, or tell what puts the first one right",
    ),
)
