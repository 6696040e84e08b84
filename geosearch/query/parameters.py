"""Table of query parameters: names, kinds, limits and help, and the sentences of errors.

`Query`, the HTTP reader and `/openapi.json` read this table. So a wrong value gets the same
sentence in Python, in a URL and in a JSON body. `query` compiles the table to a fast check of valid
queries; `checks` is for values that fail it.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import msgspec

from geosearch.errors import Problem
from geosearch.query.result_fields import FIELD_NAMES
from indexes.geo.datums import DATUMS

Kind = Literal[
    "number",
    "integer",
    "flag",
    "text",
    "choice",
    "instant",
    "texts",
    "choices",
    "fields",
    "box",
    "geometry",
]
Where = tuple[str | int, ...]

MAX_CARDS = 1_000
MAX_CATEGORIES = 100
MAX_IDS = 1_000
MAX_TEXT = 200
MAX_CURSOR = 1_000
MAX_MONEY = 2_000_000_000
MAX_VERTICES = 10_000
SHOWN_CHARACTERS = 60
"""Most characters of a wrong value that an error sentence repeats."""

CRS: tuple[str, ...] = DATUMS
OPEN = ("any", "now")
HOURS_UNKNOWN = ("exclude", "include")
DEALS = ("card", "card_best", "any", "optional")
SORTS = ("best", "distance", "saving", "rating", "relevance")
OFFER_TYPES = ("percent_off", "amount_off", "voucher", "bundle", "cashback", "free_item")
LANGUAGES = ("en", "zh")
DEFAULT_LANGUAGE = "en"
STACKING = ("off", "on")
MAX_SEQ = 2**53
"""Greatest number of a live change: JSON numbers are exact up to it."""
FORMATS = ("json", "geojson")
FACETS = ("category", "program", "offer_type", "business_area")


@dataclass(frozen=True)
class Parameter:
    """One parameter: its HTTP name, its allowed values, and a line of help.

    `low` and `high` bound a number, or the number of items of a list. `longest` bounds the
    characters of a text or of each item. Null omits a parameter that is not `required`. A text of
    blanks omits a parameter that is `blankable`.
    """

    name: str
    kind: Kind
    help: str
    low: float = -math.inf
    high: float = math.inf
    longest: int = MAX_TEXT
    choices: tuple[str, ...] = ()
    required: bool = False
    blankable: bool = False
    in_url: bool = True


PARAMETERS: dict[str, Parameter] = {
    parameter.name: parameter
    for parameter in (
        Parameter("lat", "number", "Latitude in degrees.", low=-90, high=90, required=True),
        Parameter("lng", "number", "Longitude in degrees.", low=-180, high=180, required=True),
        Parameter(
            "crs",
            "choice",
            "Datum of all positions, boxes and polygons in the request and of positions in the "
            "answer.",
            choices=CRS,
        ),
        Parameter(
            "radius",
            "number",
            "Metres, a hard bound. 3000 where neither zone, bbox, polygon nor ids are given; "
            "with one of them and no radius there is no bound.",
            low=1,
            high=50_000,
        ),
        Parameter(
            "at",
            "instant",
            "RFC 3339 instant with offset; everything is evaluated for it. Now when left out. "
            "Outside the time horizon of the index it is an error that names the bounds.",
        ),
        Parameter("open", "choice", "`now`: only shops open at `at`.", choices=OPEN),
        Parameter(
            "hours_unknown",
            "choice",
            "Whether a shop with unknown hours counts as open.",
            choices=HOURS_UNKNOWN,
        ),
        Parameter(
            "min_minutes_left",
            "integer",
            "Only shops that stay open for at least this many minutes after `at`, as far as the "
            "time horizon of the index reaches.",
            low=0,
            high=10_080,
        ),
        Parameter(
            "cards", "texts", "The wallet: ids of cards (`program_id`).", low=0, high=MAX_CARDS
        ),
        Parameter(
            "deals",
            "choice",
            "`card`: a usable deal of a card in the wallet, and only the wallet's deals make "
            "`best_deal`, saving and order (`better_public` names a public deal that saves more); "
            "`card_best`: the same, only where the wallet saves more than every usable public "
            "deal; `any`: any usable deal the user is eligible for; `optional`: no filter, the "
            "best over all. Default: `card` with `cards`, else `optional`.",
            choices=DEALS,
        ),
        Parameter(
            "new_customer",
            "flag",
            "Deals for new customers only count. Else they are only listed among `deals`, last, "
            "as `new_customer_only`.",
        ),
        Parameter(
            "offer_type",
            "choices",
            "Only shops with a usable deal of one of these types that the user is eligible for; "
            "with `deals=card`, of a card in the wallet. Only deals of these types are shown.",
            low=0,
            high=len(OFFER_TYPES),
            choices=OFFER_TYPES,
        ),
        Parameter("party_size", "integer", "Number of people.", low=1, high=1_000),
        Parameter(
            "spend",
            "integer",
            "The bill the user expects, minor units; by default the average price × `party_size`.",
            low=0,
            high=MAX_MONEY,
        ),
        Parameter(
            "max_pay",
            "integer",
            "The most the user wants to pay, minor units, for the whole party. A shop matches if "
            "the least `pay` of its usable deals that the user is eligible for is not above it; "
            "without a deal of known `pay`, if the bill is not. So a shop whose only deal is a "
            "dear bundle does not match, and one of which neither is known does not either. Only "
            "deals within it count; the others come last in `deals`.",
            low=0,
            high=MAX_MONEY,
        ),
        Parameter(
            "stacking",
            "choice",
            "`on`: deals of different `stack_group`s combine, one of each group and at most one "
            "bundle, each on what the ones before it leave of the bill. Saving, order, filters, "
            "near misses and `max_pay` then go by the best combination, `best_combination` of each "
            "result. With `deals=card` it has a deal of a card in the wallet; "
            "`better_public_combination` saves more without one. Facets still count single deals.",
            choices=STACKING,
        ),
        Parameter(
            "q",
            "text",
            "Text: name, brand, alias, category, tag, area or address, in Chinese, pinyin or "
            "English. Every word must match, up to eight. A word that is not found nearby is "
            "replaced by what sounds or looks like it, or left out; the answer says so in "
            "`corrected` and `relaxed`. A minus before a word excludes it: `costa -bar`. A blank "
            "text counts as none; signs alone (`!!!`, an emoji) match nothing.",
            blankable=True,
        ),
        Parameter(
            "categories",
            "texts",
            "Dotted prefixes; a shop matches if any of them does.",
            low=0,
            high=MAX_CATEGORIES,
        ),
        Parameter(
            "business_area",
            "texts",
            "Names of business areas: only shops in one of them.",
            low=0,
            high=MAX_CATEGORIES,
        ),
        Parameter(
            "min_rating", "number", "Only shops of at least this rating, stars.", low=0, high=5
        ),
        Parameter(
            "ids",
            "texts",
            "Ids of shops (`merchant_id`), such as saved places: only these match, an empty list "
            "matches none. Those that the index does not have are in `unknown_ids`.",
            low=0,
            high=MAX_IDS,
        ),
        Parameter("zone", "text", "A `zone_id`: only shops inside it."),
        Parameter(
            "bbox",
            "box",
            "min_lng,min_lat,max_lng,max_lat: only shops that the answer shows inside or on the "
            "border; min_lng > max_lng crosses the antimeridian.",
        ),
        Parameter(
            "polygon",
            "geometry",
            "GeoJSON Polygon or MultiPolygon, of at most 10,000 positions and with few crossings "
            "of its edges: only shops that the answer shows inside or on the border; only in a "
            "POST body.",
            in_url=False,
        ),
        Parameter(
            "sort",
            "choice",
            "`best`: net benefit, in which a saving on a large bill counts in part; `distance`, "
            "`saving`, `rating`, `relevance` (with `q`): by that, then distance.",
            choices=SORTS,
        ),
        Parameter("limit", "integer", "Number of results.", low=1, high=100),
        Parameter(
            "cursor",
            "text",
            "`next_cursor` of the page before; pins index version and `at`.",
            longest=MAX_CURSOR,
            blankable=True,
        ),
        Parameter(
            "facets", "choices", "What to count by.", low=0, high=len(FACETS), choices=FACETS
        ),
        Parameter("total", "flag", "Return the exact number of matches."),
        Parameter("explain", "flag", "Return plan, work counters and score parts."),
        Parameter(
            "near_misses",
            "integer",
            "Number of shops to tell that do not match, but would after one change: `wait`, `move` "
            "(half as far again, at least 500 m), another `party` (up to 4 people more or less), a "
            "larger `spend` (up to twice the bill) or another `card`. Not with `cursor`.",
            low=0,
            high=20,
        ),
        Parameter(
            "near_minutes", "integer", "Longest wait of near misses, minutes.", low=1, high=180
        ),
        Parameter(
            "fields",
            "fields",
            "Members of a result to return, with dots for members of theirs: "
            "`merchant.name,distance_m,best_deal`. All when left out.",
            low=0,
            high=len(FIELD_NAMES),
        ),
        Parameter(
            "lang",
            "choice",
            "Language of `reasons` and of names of categories. Over HTTP by default what "
            "`Accept-Language` asks for, on the command line that of the locale; else `en`.",
            choices=LANGUAGES,
        ),
        Parameter(
            "format", "choice", "`geojson`: a FeatureCollection; not in a batch.", choices=FORMATS
        ),
        Parameter(
            "min_seq",
            "integer",
            "Read your writes: answer only with the live change of this number and all before it. "
            "Waits up to 1 s for it, then 503 `behind`.",
            low=0,
            high=MAX_SEQ,
        ),
    )
}


def problem(code: str, expected: str, got: str, where: Where) -> Problem:
    """One problem of a request: code, sentence, and JSON pointer.

    >>> problem("out_of_range", "`lat` in [-90, 90]", "91.0", ("lat",))["detail"]
    'Expected `lat` in [-90, 90], got 91.0 - at `$.lat`'
    """
    path = "$" + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in where)
    pointer = "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in where)
    return {
        "pointer": pointer,
        "code": code,
        "detail": f"Expected {expected}, got {got} - at `{path}`",
    }


def shown(value: object) -> str:
    """Short text of a value for an error sentence, in the words of JSON."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}"
    text = repr(value)
    return text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "…"


def is_blank(value: object) -> bool:
    """Whether a value is an empty text or one of blanks, as an empty search box sends it."""
    return isinstance(value, str) and not value.strip()


def fill_defaults(query: msgspec.Struct, table: Mapping[str, Parameter]) -> None:
    """Set the default of each omitted field of a query: null, or a blank text where allowed."""
    for field in msgspec.structs.fields(query):
        value = getattr(query, field.name)
        left_out = value is None or (table[field.name].blankable and is_blank(value))
        if left_out and field.default is not msgspec.NODEFAULT and value != field.default:
            msgspec.structs.force_setattr(query, field.name, field.default)
