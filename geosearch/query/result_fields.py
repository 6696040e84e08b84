"""Members of a result, and the choice of them that a query makes with `fields`.

`answer.selection` plans the choice for the kernel that writes results. `only` makes the same choice
of a result that is there already.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from geosearch.snapshot.stored import DEAL_FIELDS, MERCHANT_FIELDS

WORTH_FIELDS = ("saving", "pay", "currency", "usable_until")
"""Members of a deal that depend on the query."""

COMBINATION_FIELDS = ("deals", "steps", "saving", "pay", "currency")
"""Members of a combination of deals."""

_DEAL = (*DEAL_FIELDS, *WORTH_FIELDS)

RESULT_FIELDS: dict[str, tuple[str, ...]] = {
    "merchant": (*MERCHANT_FIELDS, "lat", "lng"),
    "distance_m": (),
    "open": ("state", "closes_at", "opens_at"),
    "best_deal": _DEAL,
    "better_public": _DEAL,
    "deals": _DEAL,
    "best_combination": COMBINATION_FIELDS,
    "better_public_combination": COMBINATION_FIELDS,
    "score": (),
    "reasons": (),
    "explain": (),
}
"""Members of a result in their order, each with the members of it that `fields` may name."""

FIELD_NAMES = tuple(
    name
    for member, inner in RESULT_FIELDS.items()
    for name in (member, *(f"{member}.{each}" for each in inner))
)
"""Every text that `fields` may have."""

FEATURE_FIELDS = ("merchant.merchant_id", "merchant.lat", "merchant.lng")
"""Members of a result that a GeoJSON Feature is made of."""

Chosen = dict[str, frozenset[str] | None]
"""Chosen members of a result, each with its chosen members; None for all of them."""


def chosen_of(fields: Iterable[str]) -> Chosen:
    """The members that `fields` choose, all without any.

    >>> chosen = chosen_of(("open.state", "score", "open.closes_at"))
    >>> list(chosen), sorted(chosen["open"] or ())
    (['open', 'score'], ['closes_at', 'state'])
    >>> chosen_of(("open.state", "open"))
    {'open': None}
    """
    chosen: Chosen = {}
    for field in fields:
        member, _, inner = field.partition(".")
        known = chosen.get(member, frozenset())
        chosen[member] = None if known is None or not inner else known | {inner}
    return chosen or dict.fromkeys(RESULT_FIELDS)


def only(result: Mapping[str, Any], fields: tuple[str, ...]) -> dict[str, Any]:
    """The members of a result that `fields` choose, in the order of the result.

    >>> only({"open": {"state": "open", "closes_at": None}, "score": 1.0}, ("open.state",))
    {'open': {'state': 'open'}}
    """
    chosen = chosen_of(fields)
    return {name: _within(value, chosen[name]) for name, value in result.items() if name in chosen}


def _within(value: Any, inner: frozenset[str] | None) -> Any:
    if inner is None or value is None:
        return value
    if isinstance(value, list):
        return [_within(one, inner) for one in value]
    return {name: member for name, member in value.items() if name in inner}


def expected_fields(field: str) -> str:
    """What may stand where `field` names no member of a result, for an error sentence.

    >>> expected_fields("open.until"), expected_fields("score.walk")
    ('open, open.state, open.closes_at or open.opens_at', 'score, which has no members to choose')
    """
    member = field.partition(".")[0]
    if member not in RESULT_FIELDS:
        return f"members of a result: {', '.join(RESULT_FIELDS)}"
    inner = [f"{member}.{name}" for name in RESULT_FIELDS[member]]
    if not inner:
        return f"{member}, which has no members to choose"
    return f"{', '.join([member, *inner[:-1]])} or {inner[-1]}"
