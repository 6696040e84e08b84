"""Amounts of money as text for people; all other modules hold integers of minor units.

Reasons of a hit and tables of the command line use it.
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
_SIGNS = {"en": _SIGN, "zh": _SIGN | {"JPY": "JP¥", "USD": "US$"}}
"""Signs by language: in Chinese, ¥ is the yuan. Source: CLDR, locale zh."""

# Digits after the point, if ISO 4217 has not two.
_DIGITS = dict.fromkeys(
    "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split(), 0
) | dict.fromkeys("BHD IQD JOD KWD LYD OMR TND".split(), 3)


def money_text(minor: int, currency: str, language: str = "en") -> str:
    """Amount with currency sign, without a fraction of zero.

    Parameters
    ----------
    minor
        Minor units such as fen or cents; yen have none, so they are yen.
    currency
        ISO 4217 code. The text has the code if the currency has no sign here.
    language
        `en` or `zh`.

    Examples
    --------
    >>> money_text(1200, "CNY"), money_text(1250, "CNY"), money_text(-500, "JPY")
    ('¥12', '¥12.50', '-¥500')
    >>> money_text(1200, "CNY", "zh"), money_text(500, "JPY", "zh")
    ('¥12', 'JP¥500')
    >>> money_text(1_234_567, "CHF")
    'CHF 12,345.67'
    """
    digits = fraction_digits(currency)
    whole, part = divmod(abs(minor), 10**digits)
    amount = f"{whole:,}.{part:0{digits}d}" if part else f"{whole:,}"
    return f"{'-' if minor < 0 else ''}{money_sign(currency, language)}{amount}"


def money_sign(currency: str, language: str = "en") -> str:
    """Prefix of an amount: `¥`, or `CHF ` for a currency without a sign here."""
    return _SIGNS[language].get(currency, currency + " ")


def fraction_digits(currency: str) -> int:
    """Number of digits after the point: 2, but 0 for yen and 3 for some dinars."""
    return _DIGITS.get(currency, 2)
