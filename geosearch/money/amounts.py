"""Money as a person reads it; inside, it is an integer of minor units everywhere.

Useful for: reasons of a hit, tables of the command line.
Not useful for: computing savings; that is `offers`.
"""

_SIGN = {
    "CNY": "¥",
    "EUR": "€",
    "GBP": "£",
    "HKD": "HK$",
    "JPY": "¥",
    "KRW": "₩",
    "TWD": "NT$",
    "USD": "$",
}
# Digits after the point where ISO 4217 does not say two.
_DIGITS = dict.fromkeys(
    "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split(), 0
) | dict.fromkeys("BHD IQD JOD KWD LYD OMR TND".split(), 3)


def money_text(minor: int, currency: str) -> str:
    """Amount with its sign, without a fraction where that is zero.

    Parameters
    ----------
    minor
        Minor units: fen, cents; yen where there is nothing smaller.
    currency
        ISO 4217 code. One without a sign of its own is written before the amount.

    Examples
    --------
    >>> money_text(1200, "CNY"), money_text(1250, "CNY"), money_text(-500, "JPY")
    ('¥12', '¥12.50', '-¥500')
    >>> money_text(1_234_567, "CHF")
    'CHF 12,345.67'
    """
    digits = fraction_digits(currency)
    whole, part = divmod(abs(minor), 10**digits)
    amount = f"{whole:,}.{part:0{digits}d}" if part else f"{whole:,}"
    return f"{'-' if minor < 0 else ''}{money_sign(currency)}{amount}"


def money_sign(currency: str) -> str:
    """What stands before an amount: `¥`, or `CHF ` for a currency without a sign of its own."""
    return _SIGN.get(currency, currency + " ")


def fraction_digits(currency: str) -> int:
    """Digits of a minor unit behind the point: 2, but 0 for yen and 3 for some dinars."""
    return _DIGITS.get(currency, 2)
