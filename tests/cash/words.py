"""What made-up customers are called, how they write, and what their banks add."""

from __future__ import annotations

FIRST = (
    "Linden Terra Orion Boreal Juniper Helix Acme Northwind Schmitt Jorgensen Müller O'Neil Kessler Vega Altair Copper Granit Marlow "
    "Sönmez Dubois Fjord Zephyr Basalt Cobalt Quarz Lumen Nimbus Ostrava Petrov Rossi Santos Tanaka Umbra Weiss Xenon Yıldız Ångström"
).split()
SECOND = (
    "Papier Motors Logistics Bau Systems Foods Software Metall Consulting Trading Energie Pharma Textil Chemie Verlag Optik Medien Glas "
    "Holz Transport Design Kaffee Wasser Solar Robotics Analytics"
).split()
LEGAL = (
    "GmbH",
    "AG",
    "Ltd",
    "Inc.",
    "LLC",
    "SARL",
    "B.V.",
    "Oy",
    "S.p.A.",
    "GmbH & Co. KG",
    "KK",
    "A/S",
    "Corporation",
    "Sp. z o.o.",
)
SCRIPTED = (
    ("Romashka", "ООО «Ромашка»"),
    ("Volna Trade", "ООО «Волна Трейд»"),
    ("Sakura Shoji", "株式会社さくら商事"),
    ("Yamato Denki", "大和電機株式会社"),
    ("Hualong Keji", "华龙科技有限公司"),
    ("Athina Emporiki", "ΑΘΗΝΑ ΕΜΠΟΡΙΚΗ ΑΕ"),
    ("Al Noor Trading", "شركة النور للتجارة"),
    ("Shalom Systems", 'שלום מערכות בע"מ'),
    ("Daehan Jeonja", "주식회사 대한전자"),
    ("Bangkok Kaset", "บริษัท กรุงเทพเกษตร จำกัด"),
)
BEFORE = (
    "",
    "",
    "",
    "",
    "Rechnung ",
    "Rg. ",
    "RE ",
    "Invoice ",
    "Facture ",
    "Payment for ",
    "our ref 99812 / your inv ",
    "Fattura n. ",
    "Factura ",
    "Rg.-Nr.: ",
    "Inv.#",
    "请求 ",
    "Счет № ",
    "請求書番号:",
    "vos réf ",
    "KdNr 4711 RgNr ",
    "/INV/",
    "SVWZ+",
)
AFTER = ("", "", "", "", " danke", " thank you", " 3/2026", " EUR", " SEPA", " vielen Dank")
NOTHING = (
    "services",
    "payment",
    "Rechnung",
    "monthly fee",
    "invoice",
    "",
    "account",
    "consulting services",
    "Zahlung",
    "合同款",
)
OFFICES = ("", "", "", "", " AP DEPT", " C/O SHARED SERVICES", ", Buchhaltung", " ACCOUNTS PAYABLE")
PREPAY = (
    "Vorauszahlung / prepayment order {}",
    "Anzahlung Auftrag {}",
    "deposit for order {}",
    "acompte commande {}",
    "预付款 {}",
)
PART = (" Teilzahlung", " 1/2", " part payment", " acompte 1", " 1. Rate")
LESS = (" abzgl. 2% Skonto", " less 2%", "", " -2% escompte", " 2 % sconto")
