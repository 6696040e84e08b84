"""Language of an answer, as `Accept-Language` asks (RFC 9110, section 12.5.4).

Ranges are matched by lookup (RFC 4647, section 3.4): `zh-Hans-CN` asks for Chinese too.
"""

import re
from functools import lru_cache
from typing import TypeVar

import msgspec

from geosearch.query.parameters import DEFAULT_LANGUAGE, LANGUAGES
from geosearch.query.query import Query
from geosearch.suggest.suggester import SuggestQuery

AnyQuery = TypeVar("AnyQuery", Query, SuggestQuery)

_LONGEST = 512
"""Longest `Accept-Language` in characters that is read; browsers send 30 to 100."""

_RANGE = re.compile(r"\s*(\*|[a-z]{1,8}(?:-[a-z0-9]{1,8})*)\s*(?:;\s*q\s*=\s*([0-9.]+)\s*)?")
_QUALITY = re.compile(r"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?")


def language_for(accepted: str) -> str:
    """Return the language of `LANGUAGES` that a client likes best, else the default.

    Parameters
    ----------
    accepted
        `Accept-Language`, several joined by commas; empty without one. Of two languages that are
        liked as much, the one named first is chosen. An invalid item is ignored.

    Examples
    --------
    >>> [language_for(text) for text in ("zh-CN,zh;q=0.9,en;q=0.8", "en-GB, zh;q=0.9", "fr", "")]
    ['zh', 'en', 'en', 'en']
    """
    if not accepted or len(accepted) > _LONGEST:
        return DEFAULT_LANGUAGE
    return _language_for(accepted.lower())


@lru_cache(maxsize=256)
def _language_for(accepted: str) -> str:
    qualities: dict[str, float] = {}
    for item in accepted.split(","):
        found = _RANGE.fullmatch(item)
        if found is None or not _QUALITY.fullmatch(found[2] or "1"):
            continue
        language = found[1].partition("-")[0]
        qualities[language] = max(qualities.get(language, 0.0), float(found[2] or "1"))
    rest = qualities.get("*", 0.0)
    # The order of the header, then that of the service.
    known = dict.fromkeys([*(each for each in qualities if each in LANGUAGES), *LANGUAGES])
    best = max(known, key=lambda language: qualities.get(language, rest))
    return best if qualities.get(best, rest) > 0.0 else DEFAULT_LANGUAGE


def spoken(query: AnyQuery, language: str) -> AnyQuery:
    """Return a new query with the language of its request, unless it names one."""
    if query.lang is None:
        msgspec.structs.force_setattr(query, "lang", language)
    return query
