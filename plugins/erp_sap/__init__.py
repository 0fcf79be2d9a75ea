"""SAP S/4HANA's general ledger."""
