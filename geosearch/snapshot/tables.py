"""Fields of a snapshot's tables: names, kinds, limits, costs of a bad value, and help texts.

Readers, checks, answers and docs/snapshot.md all use these tables. Rules over several fields are in
the modules of their tables (`merchants`, `deals`).
"""

from dataclasses import replace
from typing import Any

from geosearch.snapshot.fields import Cost, Field, Kind, Table
from indexes.geo.datums import DATUMS

MAX_MONEY = 2_000_000_000
"""Largest number in any whole-number field: it fits 32 bits, and sums fit 64."""

OFFER_TYPES = ("percent_off", "amount_off", "voucher", "bundle", "cashback", "free_item")
REDEMPTION_CHANNELS = ("qr", "barcode", "phone_number", "show_card", "online")

_INSTANT = '"2026-11-22T00:00:00+08:00"'


def _id(name: str, text: str, example: str, *, required: bool = True, **more: Any) -> Field:
    more |= {"kind": Kind.ID, "required": required, "cost": Cost.ROW}
    return _text(name, text, example, **more)


def _text(name: str, text: str, example: str, *, kind: Kind = Kind.TEXT, **more: Any) -> Field:
    return Field(name, kind, help=text, example=f'"{example}"', **more)


def _texts(name: str, text: str, example: str, **more: Any) -> Field:
    return Field(name, Kind.TEXTS, help=text, example=example, **more)


def _whole(name: str, text: str, example: str, *, low: int = 0, **more: Any) -> Field:
    number = Field(name, Kind.INTEGER, low=low, high=MAX_MONEY, help=text, example=example)
    return replace(number, **more)


def _money(name: str, text: str, example: str, **more: Any) -> Field:
    return _whole(name, text, example, money=True, **more)


def _choice(name: str, text: str, choices: tuple[str, ...], **more: Any) -> Field:
    return _text(name, text, choices[0], choices=choices, **more)


def _validity(cost: Cost = Cost.DOUBT) -> tuple[Field, ...]:
    words = ("first", "last")
    return tuple(
        Field(
            name,
            Kind.DATE,
            cost=cost,
            help=f"{word} day it is valid, a local date, inclusive",
            absent="no bound",
            example=f'"2026-{day}"',
        )
        for name, word, day in zip(
            ("valid_from", "valid_through"), words, ("01-01", "12-31"), strict=True
        )
    )


PROGRAMS = Table(
    "programs",
    "program_id",
    (
        _id("program_id", "unique; deals name it, and users put it in their wallet", "red"),
        _text("name", "what people call the card", "小红卡", required=True),
        _choice(
            "kind",
            "what kind of card it is",
            ("membership", "bank_card", "government_voucher", "platform"),
        ),
        _choice(
            "status",
            "whether it is in force; deals of a card that is not `ACTIVE` are not usable",
            ("ACTIVE", "SUSPENDED", "ENDED"),
            cost=Cost.DOUBT,
            absent="`ACTIVE`",
        ),
        _money("fee", "what a year costs", "16800", absent="0, which is free"),
        *_validity(),
        _text("how_to_redeem", "what to do at the counter", "结账前出示会员码"),
        _text("url", "page of the card", "https://example.com/red"),
    ),
    "Cards, memberships and coupon schemes: one row each.",
)

MERCHANTS = Table(
    "merchants",
    "merchant_id",
    (
        _id("merchant_id", "unique and stable from snapshot to snapshot", "m1001"),
        _text("name", "name to show", "老上海面馆", required=True),
        _text("branch_name", "which branch of a chain", "南京西路店"),
        _texts("aliases", "other names people search for", '["Old Shanghai Noodles"]'),
        _text(
            "brand",
            "chain it belongs to, the same text in each branch; deals may name it",
            "老上海",
        ),
        Field(
            "lat",
            Kind.NUMBER,
            required=True,
            low=-90,
            high=90,
            help="latitude, degrees, in the datum of `crs`",
            example="31.2304",
        ),
        Field(
            "lng",
            Kind.NUMBER,
            required=True,
            low=-180,
            high=180,
            help="longitude, degrees, in the datum of `crs`",
            example="121.4737",
        ),
        # The position, a required field, may be 500 m off in another datum.
        Field(
            "crs",
            Kind.TEXT,
            choices=DATUMS,
            choice_code="bad_crs",
            cost=Cost.ROW,
            help="datum of this position: `GCJ02` from Amap and Tencent, `BD09` from Baidu",
            absent="that of `snapshot.json`",
            example='"GCJ02"',
        ),
        _texts("categories", "dotted paths, the most specific first", '["food.noodles", "food"]'),
        _text("address", "street and number", "南京西路 1 号"),
        _text("city", "city", "上海"),
        _text("district", "district", "黄浦区"),
        _text("business_area", "business area (商圈)", "人民广场"),
        Field(
            "time_zone",
            Kind.TEXT,
            cost=Cost.DOUBT,
            help="IANA time zone",
            absent="that of `snapshot.json`",
            example='"Asia/Shanghai"',
        ),
        _text(
            "country",
            "ISO 3166-1 alpha-2 or ISO 3166-2 code: whose holidays hold",
            "CN",
            absent="that of `snapshot.json`, or the part of it that the position is in",
        ),
        _text(
            "opening_hours",
            "opening hours as OpenStreetMap writes them",
            "Mo-Su 10:00-22:00",
            absent="unknown, not closed",
        ),
        Field(
            "opening_periods",
            Kind.JSON,
            help="instead of `opening_hours`: periods as Google writes them, day 0 = Sunday; one "
            "period without `close` = always open",
            example='[{"open": {"day": 1, "hour": 9, "minute": 0}, '
            '"close": {"day": 1, "hour": 18, "minute": 30}}]',
        ),
        _choice(
            "business_status",
            "whether it does business; a `CLOSED_PERMANENTLY` shop is never returned",
            ("OPERATIONAL", "CLOSED_TEMPORARILY", "CLOSED_PERMANENTLY"),
            cost=Cost.DOUBT,
            absent="`OPERATIONAL`",
        ),
        Field(
            "closures",
            Kind.JSON,
            cost=Cost.DOUBT,
            help="when it is closed whatever its hours say: a list of objects with the instants "
            "`from` and `until`, and a `reason`",
            example='[{"from": "2026-11-22T00:00:00+08:00", "until": "2026-11-23T00:00:00+08:00", '
            '"reason": "private party"}]',
        ),
        Field("rating", Kind.NUMBER, low=0, high=5, help="mean rating, stars", example="4.5"),
        _whole("rating_count", "number of ratings", "312"),
        _money("avg_price", "usual spend per person", "3800"),
        _whole("redemptions_ok", "number of times that a deal was redeemed here", "57"),
        _whole(
            "redemptions_failed", "number of times that staff could not redeem a deal here", "2"
        ),
        _texts("tags", "words to find it by", '["wifi", "安静"]'),
        _text("phone", "as people dial it", "021-6253 0000"),
        _text("url", "page of the shop", "https://example.com/m1001"),
        _text("image_url", "picture of the shop", "https://example.com/m1001.jpg"),
        Field("updated_at", Kind.INSTANT, help="when the row was last changed", example=_INSTANT),
    ),
    "Shops: one row each.",
)

DEALS = Table(
    "deals",
    "deal_id",
    (
        _id("deal_id", "unique; a changed offer is a new id", "d2001"),
        _texts(
            "merchant_ids",
            "shops where it is valid; or name a `brand`",
            '["m1001", "m1002"]',
            cost=Cost.ROW,
        ),
        Field(
            "brand",
            Kind.TEXT,
            cost=Cost.ROW,
            help="instead of `merchant_ids`: every merchant of this brand",
            example='"老上海"',
        ),
        _id("program_id", "card it needs", "red", required=False, absent="anyone may use it"),
        _text("source", "platform that sells it", "meituan"),
        _text("title", "what to call it", "红卡9折"),
        _text("terms", "conditions to show", "饮料除外"),
        _text("url", "page of the deal", "https://example.com/d2001"),
        Field(
            "offer_type",
            Kind.TEXT,
            required=True,
            choices=OFFER_TYPES,
            help="how it saves",
            example='"percent_off"',
        ),
        Field(
            "percent",
            Kind.NUMBER,
            low=0,
            high=100,
            needed_by=("percent_off", "cashback"),
            help="percent taken off, at most 4 decimals: 9折 is `10`, 8.5折 is `15`",
            example="10",
        ),
        _money("amount", "what is taken off (满减)", "2000", needed_by=("amount_off",)),
        _money("price", "what a voucher or bundle costs", "8800", needed_by=("voucher", "bundle")),
        _money(
            "list_price",
            "what a bundle would cost without the deal",
            "12800",
            needed_by=("bundle",),
        ),
        _money(
            "face_value",
            "what a voucher or gift is worth",
            "10000",
            needed_by=("voucher", "free_item"),
        ),
        _money("min_spend", "least bill", "10000", cost=Cost.DOUBT, absent="0"),
        _money("max_discount", "most it saves", "5000", cost=Cost.DOUBT, absent="no limit"),
        # Absent it is 1, and the saving the least that it can be.
        _whole("max_uses", "number of vouchers that a bill takes", "2", low=1, absent="1"),
        _whole("party_min", "least size of the party, persons", "2", low=1, cost=Cost.DOUBT),
        _whole("party_max", "greatest size of the party, persons", "4", low=1, cost=Cost.DOUBT),
        *_validity(),
        Field(
            "use_hours",
            Kind.TEXT,
            cost=Cost.DOUBT,
            help="when it can be used, written like `opening_hours`",
            absent="always",
            example='"Mo-Fr 11:00-14:00; PH off"',
        ),
        Field(
            "new_customer_only",
            Kind.FLAG,
            cost=Cost.DOUBT,
            help="whether only new customers may use it",
            absent="false",
            example="false",
        ),
        _text(
            "stack_group",
            "group that it combines across: with deals of other groups at the shop, one of each",
            "voucher",
            absent="used alone",
        ),
        _whole(
            "stock",
            "number of pieces left; 0 is sold out",
            "120",
            cost=Cost.DOUBT,
            absent="unlimited",
        ),
        Field(
            "redemption",
            Kind.JSON,
            help=f"`channel` is one of {', '.join(REDEMPTION_CHANNELS)}; `appointment` says "
            "whether one must book",
            example='{"channel": "qr", "appointment": false}',
        ),
        Field("verified_at", Kind.INSTANT, help="when somebody last checked it", example=_INSTANT),
    ),
    "Offers: one row each.",
)

CATEGORIES = Table(
    "categories",
    "category_id",
    (
        _id("category_id", "dotted path that merchants name", "food.noodles"),
        Field(
            "names",
            Kind.JSON,
            help="name to show, by language",
            example='{"zh": "面馆", "en": "Noodles"}',
        ),
        Field(
            "aliases",
            Kind.JSON,
            help="other words people search for, by language",
            example='{"zh": ["拉面"], "en": ["ramen"]}',
        ),
    ),
    "Names and synonyms of categories: one row each. The table is optional.",
)

TABLES = (PROGRAMS, MERCHANTS, DEALS, CATEGORIES)

ENVELOPE = (
    _text(
        "snapshot_id",
        "unique name of this snapshot, shown in every answer",
        "2026-11-22",
        required=True,
    ),
    Field("schema_version", Kind.INTEGER, required=True, help="always 1", example="1"),
    Field(
        "created_at", Kind.INSTANT, required=True, help="when the data was taken", example=_INSTANT
    ),
    Field(
        "crs",
        Kind.TEXT,
        choices=DATUMS,
        help="datum of all positions unless a row says otherwise",
        absent="`WGS84`",
        example='"GCJ02"',
    ),
    _text(
        "time_zone", "IANA time zone unless a row says otherwise", "Asia/Shanghai", required=True
    ),
    _text(
        "country",
        "ISO 3166-1 alpha-2 or ISO 3166-2 code: whose public holidays hold",
        "CN",
        required=True,
    ),
    _text("currency", "ISO 4217 code of all amounts", "CNY", required=True),
    Field(
        "makeup_workdays",
        Kind.FLAG,
        help="whether hours of `Mo-Fr` hold on make-up working weekend days (调休)",
        absent="false",
        example="true",
    ),
    Field(
        "changes_through",
        Kind.INTEGER,
        low=0,
        help="number of the last live change that this snapshot contains",
        absent="the last one accepted a minute before `created_at`",
        example="1042",
    ),
)
"""Fields of `snapshot.json`, which `envelope` reads; a bad one ends the build."""

ZONE = (
    _id("zone_id", "unique", "people-square"),
    _text("name", "name to show", "人民广场", absent="the `zone_id`"),
    _text(
        "kind", "what it is: `business_area`, `mall`, `campaign` or your own word", "business_area"
    ),
    *_validity(Cost.FIELD),
    Field(
        "crs",
        Kind.TEXT,
        choices=DATUMS,
        cost=Cost.ROW,
        help="datum of its polygons",
        absent="that of `snapshot.json`",
        example='"GCJ02"',
    ),
)
"""Properties of a feature of `zones.geojson`, which `zones` reads."""
