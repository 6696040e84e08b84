"""JSON schemas of near misses, fixes and reasons; `answers` has those of all other answers."""

from geosearch.answer.why_not import DEAL_CODES, SHOP_CODES
from geosearch.kernel.fixes import FIXES
from geosearch.service.schemas import (
    AT,
    COUNT,
    CURRENCY,
    FLAG,
    INSTANT,
    INTEGER,
    METRES,
    NUMBER,
    SNAPSHOT_ID,
    TEXT,
    Json,
    ref,
)
from geosearch.service.schemas import choice_schema as _choice
from geosearch.service.schemas import list_schema as _list
from geosearch.service.schemas import object_schema as _object
from geosearch.service.schemas import or_null_schema as _or_null
from geosearch.service.schemas import said_schema as _said


def near_schemas() -> dict[str, Json]:
    """Return the schemas by name."""
    return {
        "NearMiss": _object(
            {
                "merchant": _said(ref("Merchant"), "The shop."),
                "distance_m": _said(METRES, "Metres from the position, cut to decimetres."),
                "open": _said(ref("OpenState"), "Whether it is open at `at`, without the fix."),
                "fix": _said(ref("Fix"), "The one change with which it matches: the best one."),
                "best_deal": {
                    "oneOf": [ref("Deal"), {"type": "null"}],
                    "description": "Its best deal with the fix; null where none counts.",
                },
                "best_combination": {
                    "oneOf": [ref("Combination"), {"type": "null"}],
                    "description": "Its best combination of deals with the fix; null where none "
                    "counts. Absent unless `stacking=on`.",
                },
                "value": _said(
                    NUMBER,
                    "Net benefit with the fix less its cost, minor units: the order of near "
                    "misses. A wait costs `walk_cost_per_minute`, a larger bill what is more, a "
                    "card a twelfth of its yearly fee.",
                ),
            }
        ),
        "Fix": _fix(),
        "Why": _object(
            {
                "snapshot_id": SNAPSHOT_ID,
                "at": AT,
                "currency": CURRENCY,
                "matches": _said(FLAG, "Whether a search returns the shop."),
                "rank": _or_null(
                    {"type": "integer", "minimum": 1},
                    "Number of its place among the matches in their order; null unless it matches.",
                ),
                "reasons": _list(
                    ref("ShopReason"), "Every condition that the shop fails; empty if it matches."
                ),
                "deals": _list(ref("DealReasons"), "All deals of the shop."),
                "fixes": _list(
                    ref("Fix"), "Every change with which it matches, the best first, with `value`."
                ),
            }
        ),
        "ShopReason": _reason(SHOP_CODES, _of_shops()),
        "DealReasons": _object(
            {
                "deal_id": _said(TEXT, "Id of the deal."),
                "program_id": _or_null(TEXT, "The card it needs; null without one."),
                "reasons": _list(
                    ref("DealReason"), "Every condition that it fails; empty if it counts."
                ),
            }
        ),
        "DealReason": _reason(DEAL_CODES, _of_deals()),
    }


def _but(text: str, *codes: str) -> str:
    """Return a description of a member that only some codes have."""
    return f"{text} Absent but with {' and '.join(codes)}."


_BY = "What is too much or too little: metres, stars, minutes, persons or minor units."


def _of_shops() -> Json:
    unknown = "null where not within the horizon."
    return {
        "parameter": _said(TEXT, _but("Parameter of the area.", "OUTSIDE_AREA")),
        "opens_at": _or_null(INSTANT, _but(f"When it opens; {unknown}", "CLOSED")),
        "closes_at": _or_null(INSTANT, _but(f"When it closes; {unknown}", "CLOSES_TOO_SOON")),
        "by": _said(NUMBER, f"{_BY} Absent where it is not known, and of other conditions."),
        "missing": _list(TEXT, _but("Words that the shop lacks.", "TEXT_NOT_FOUND")),
        "unwanted": _list(TEXT, _but("Excluded words that it has.", "TEXT_NOT_FOUND")),
        "better_public": _said(
            TEXT, _but("Id of the public deal that saves as much.", "`deals=card_best`")
        ),
        "better_public_combination": _list(
            TEXT,
            "With `stacking=on`, ids of public deals that together save as much, in place of "
            "`better_public`. Absent but with `deals=card_best`.",
        ),
        "better_saving": _or_null(
            INTEGER,
            _but("What that saves, minor units; null where unknown.", "`deals=card_best`"),
        ),
    }


def _of_deals() -> Json:
    card = ("CARD_NOT_HELD", "conditions of cards")
    return {
        "program_id": _said(TEXT, _but("The card.", *card)),
        "fee": _said(COUNT, _but("What the card costs a year, minor units.", card[0])),
        "from": _said(TEXT, _but("First local day.", "NOT_YET_VALID")),
        "until": _said(TEXT, _but("Last local day.", "EXPIRED")),
        "opens_at": _or_null(
            INSTANT,
            _but("When it is usable next; null where not within the horizon.", "OUTSIDE_WINDOW"),
        ),
        "by": _said(NUMBER, f"{_BY} Absent where it is not known, and of other conditions."),
    }


def _reason(codes: tuple[str, ...], more: Json) -> Json:
    return _object(
        {
            "code": _choice(codes, "What fails, for programs; never renamed."),
            "expected": {"description": "What was asked for; its type depends on the code."},
            "got": {"description": "What is there; null where nothing is or it is not known."},
            "detail": _said(TEXT, "The same in words."),
            **more,
        },
        *more,
    )


def _fix() -> Json:
    of = {
        "minutes": _said(COUNT, "Number of minutes to wait. Absent but with `wait`."),
        "at": _said(INSTANT, "The instant then, for `at`. Absent but with `wait`."),
        "radius": _said(METRES, "Metres, for `radius`: rounded up. Absent but with `move`."),
        "party_size": _said(COUNT, "Number of people, for `party_size`. Absent but with `party`."),
        "spend": _said(
            COUNT, "The larger bill, minor units, for `spend`. Absent but with `spend`."
        ),
        "program_id": _said(TEXT, "The card to add to `cards`. Absent but with `card`."),
        "name": _said(TEXT, "Its name. Absent but with `card`."),
        "fee": _said(COUNT, "What it costs a year, minor units; 0 = free. Absent but with `card`."),
        "deals": _said(
            TEXT, "`deals` of the query, to be sent with the card. Absent but with `card`."
        ),
        "value": _said(
            NUMBER,
            "Net benefit with it less its cost, minor units. Absent but where all are listed.",
        ),
    }
    return _object({"code": _choice(FIXES, "What changes, for programs."), **of}, *of)
