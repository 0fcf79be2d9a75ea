"""What a text says the money is for, where that is no open document: words of the languages in which payers write."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from engine.model.matching import Purpose
from engine.receivables.matching.writing import zeroed

_LEFT_OUT: Final = (
    r"(?:NOT|NICHT|NIET|KEINE?|EXCEPT|EXCL|EXCLUD(?:ED|ES|ING)|EXCLUSIVE|EXKL|EXKLUSIVE|WITHOUT|OHNE|AUSSER|AUSGENOMMEN|ZONDER|"
    r"BEHALVE|SAUF|HORS|EXCEPT[EÉ]|EXCEPTO|EXCETO|SALVO|TRANNE|ESCLUSO|UTOM|EJ|INTE|IKKE|UNDTAGEN|UNNTATT|OPR[OÓ]CZ|КРОМЕ|НЕ|STATT|ANSTATT|"
    r"ANSTELLE|INSTEAD\sOF|OTHER\sTHAN|(?:EVERYTHING|ALL)\sBUT|DON'?T|AU\sLIEU\sDE|PAS\s(?:POUR|DE|LA)|NON\s(?:PER|POUR|LA)|NO\s(?:ES|PARA))\b"
    r"(?!\W*(?:VAT|TAX|MWST|UST|STEUER|TVA|IVA|BTW|MOMS|ABZ|SKONTO|DISCOUNT|PROVIDED|FEE|CHARGE|GEB[UÜ]|SPESEN))"
)
"""A document is named as one that is not meant; of what may follow, taxes and charges say nothing of documents."""
_GIVEN_BACK: Final = (
    r"REFUND|R[ÜU]E?CKZAHLUNG|(?:R[ÜU]E?CK)?ERSTATTUNG|R[ÜU]E?CK[ÜU]E?BERWEISUNG|R[ÜU]E?CKVERG[ÜU]E?TUNG|STORN[OI]|REVERS(?:AL|ED)|CHARGEBACK|REIMBURSE|"
    r"REMBOURSEMENT|RIMBORSO|REEMBOLSO|TERUGBETALING|[ÅA]TERBETALNING|ZWROT|ВОЗВРАТ|CANCELL?(?:ED|ATION)|BY\sMISTAKE|IN\sERROR|IRRT[ÜU]E?MLICH|"
    r"IRRL[ÄA]E?UFER|ALREADY\sPAID|BEREITS\s(?:BE|GE)ZAHLT|DUPLICATE\sPAYMENT|DOPPELZAHLUNG"
)
"""Money that is given back or was sent by mistake."""
_OTHER: Final = (
    r"GEHALT|LOHN|L[ÖO]HNE|SALAR|WAGES?\b|PAYROLL|BONUS|LOAN|DARLEHEN|KREDIT|DIVIDEND|SPENDE|DONATION|KAUTION|ZINSEN|INTEREST|CASH.?POOL|"
    r"INTERCOMPANY|SWEEP|UMBUCHUNG|TEST|REBATE|KICK.?BACK|PROVISION|COMMISSION|STEUER|TAX|EXPENSE|AUSLAGEN|CLAIM|SCHADEN|CREDIT NOTE|AVOIR|"
    r"NOTA DI CREDITO|NOTA DE CR[EÉ]DITO|(?<!SEPA )(?<!-)GUTSCHRIFT"
)
_WORDS: Final = re.compile(rf"\b(?:(?P<against>{_LEFT_OUT}|{_GIVEN_BACK})|(?P<other>{_OTHER}))")
_SIGNS: Final = re.compile("不是|除外|除く|以外|ではな|返金|退款|환불")
"""What speaks against a document in writing without blanks."""
_ADVANCE: Final = re.compile(
    r"VORAUSZAHLUNG|VORKASSE|ANZAHLUNG|PRE-?\s?PAY|PREPAID|ADVANCE|DEPOSIT|ACOMPTE|ANTICIPO|ACCONTO|VOORUITBETALING|AANBETALING|"
    r"F[ÖO]RSKOTT|FORSKUD|FORSKUDD|ENNAKKO|ZALICZK|PRZEDP[ŁL]AT|Z[ÁA]LOHA|EL[ŐO]LEG|ADIANTAMENTO|АВАНС|ПРЕДОПЛАТ|预付|預付|前払|前金|선급|"
    r"선불|ΠΡΟΚΑΤΑΒΟΛ|AVANS|ON ACCOUNT|[AÀ] CONTO|AKONTO|[ÀA] VALOIR|PRO-?\s?FORMA|DOWN\s?PAYMENT|ABSCHLAG"
)


def purpose_of(text: str) -> Purpose:
    """What a text, which is in capitals, says the money is for; what speaks against a document counts before anything else."""
    return _purpose(zeroed(text)) if text else "document"


@lru_cache(20_000)  # payers write the same words from month to month, with other numbers in them
def _purpose(text: str) -> Purpose:
    found = {match.lastgroup for match in _WORDS.finditer(text)}
    if "against" in found or (not text.isascii() and _SIGNS.search(text)):
        return "against"
    return "advance" if _ADVANCE.search(text) else "other" if found else "document"
