"""Conversion of OpenStreetMap tags to fields of a merchant: names, categories, address, contact.

Every function takes the tags of one place.

Source of the meaning of tags: the OpenStreetMap wiki, "Map features".
"""

import re
from collections.abc import Iterator, Mapping

from geosearch.sources.osm.lifecycle import DEAD_VALUES

Tags = Mapping[str, str]

_LANGUAGE = re.compile(r"name:[a-z]{2,3}(?:[-_][A-Za-z0-9]+)*")
_OTHER_NAMES = ("int_name", "alt_name", "official_name", "short_name", "loc_name", "old_name")
_BRAND_NAMES = re.compile(r"brand:[a-z]{2,3}(?:[-_][A-Za-z0-9]+)*")
_WORD = re.compile(r"[^\W_]+(?:[_-][^\W_]+)*")
_SEPARATORS = re.compile("[;,]")
MOST_CUISINES = 6

_FOOD = frozenset(
    "restaurant cafe fast_food bar pub biergarten food_court ice_cream juice_bar tea".split()
)
_AMENITIES: dict[str, str] = {
    **dict.fromkeys(
        "school kindergarten university college library driving_school language_school "
        "music_school prep_school childcare research_institute driver_training".split(),
        "education",
    ),
    **dict.fromkeys(
        "pharmacy hospital clinic doctors dentist veterinary nursing_home".split(), "health"
    ),
    **dict.fromkeys("bank atm bureau_de_change money_transfer payment_terminal".split(), "money"),
    **dict.fromkeys(
        "cinema theatre nightclub casino arts_centre karaoke_box internet_cafe public_bath "
        "gambling events_venue stripclub studio planetarium".split(),
        "leisure",
    ),
    **dict.fromkeys(
        "fuel parking parking_entrance parking_space charging_station car_wash car_rental "
        "car_sharing bicycle_rental bicycle_parking bus_station ferry_terminal taxi boat_rental "
        "motorcycle_parking vehicle_inspection bicycle_repair_station".split(),
        "transport",
    ),
}
_LODGING = frozenset(
    "hotel hostel guest_house motel apartment chalet alpine_hut camp_site caravan_site "
    "wilderness_hut".split()
)
# The keys with the most specific categories come first.
KEYS = ("amenity", "shop", "tourism", "leisure", "healthcare", "craft", "office")
"""Keys that say what a business is."""

ROOTS = {
    "shop": "shop",
    "tourism": "sight",
    "leisure": "leisure",
    "healthcare": "health",
    "craft": "craft",
    "office": "office",
}
"""Roots of paths by key; the root of `amenity`, and of lodging in `tourism`, depends on the value.
"""

# Roots and paths of businesses, even if a place has no name.
_TRADES = frozenset("food shop hotel health craft office".split())
_BUSINESSES = frozenset(
    "money.bank money.bureau_de_change transport.fuel transport.car_wash transport.car_rental "
    "leisure.cinema leisure.theatre leisure.nightclub leisure.casino leisure.karaoke_box "
    "leisure.internet_cafe leisure.public_bath leisure.fitness_centre leisure.sports_centre "
    "leisure.bowling_alley leisure.escape_game leisure.amusement_arcade".split()
)

# Paths of facilities that people look for by kind: any near one will do.
_SOUGHT_BY_KIND = frozenset(
    "amenity.toilets amenity.drinking_water amenity.shower amenity.post_box amenity.parcel_locker "
    "money.atm transport.fuel transport.charging_station transport.parking "
    "transport.bicycle_rental transport.taxi".split()
)
_NOT_PUBLIC = frozenset(
    "private no customers permit residents employees members staff students".split()
)

_TAG_WORDS: dict[str, str] = {
    "takeaway": "takeaway",
    "delivery": "delivery",
    "outdoor_seating": "outdoor_seating",
    "drive_through": "drive_through",
    "wheelchair": "wheelchair",
    "smoking": "smoking",
    "air_conditioning": "air_conditioning",
    "diet:vegan": "vegan",
    "diet:vegetarian": "vegetarian",
    "diet:halal": "halal",
    "diet:kosher": "kosher",
    "diet:gluten_free": "gluten_free",
}
_ONLINE = frozenset({"yes", "wlan", "wifi"})


def display_name(tags: Tags) -> str | None:
    """Return `name`, else a name in some language, another name or the brand, else None."""
    if tags.get("name", "").strip():
        return tags["name"]
    return next((name for name in _names(tags)), tags.get("brand"))


def aliases(tags: Tags, name: str | None) -> list[str]:
    """Return every other name, in all languages and of the brand, each once, sorted by key."""
    brands = (tags[key] for key in sorted(tags) if _BRAND_NAMES.fullmatch(key))
    found = dict.fromkeys([*_names(tags), *brands])
    return [alias for alias in found if alias != name]


def _names(tags: Tags) -> Iterator[str]:
    keys = [key for key in sorted(tags) if _LANGUAGE.fullmatch(key)]
    for key in (*keys, *_OTHER_NAMES):
        for part in tags.get(key, "").split(";"):
            if part.strip():
                yield part.strip()


def categories(tags: Tags) -> list[str]:
    """Return dotted paths, most specific first; empty if no key says what the place is.

    Cuisines are below `food.restaurant`, `food.fast_food` and `food.cafe`:
    `food.restaurant.noodles`.

    Examples
    --------
    >>> categories({"amenity": "restaurant", "cuisine": "noodles;chinese"})
    ['food.restaurant.noodles', 'food.restaurant.chinese', 'food.restaurant']
    >>> categories({"shop": "bakery", "amenity": "cafe"})
    ['food.cafe', 'shop.bakery']
    """
    found: dict[str, None] = {}
    for key in KEYS:
        for value in _words(tags[key]) if key in tags else ():
            path = _path(key, value)
            if path in {"food.restaurant", "food.fast_food", "food.cafe"}:
                cuisines = _words(tags.get("cuisine", ""))[:MOST_CUISINES]
                found.update(dict.fromkeys(f"{path}.{cuisine}" for cuisine in cuisines))
            if path:
                found[path] = None
    return list(found)


def _words(text: str) -> list[str]:
    """Return the values of a tag in lower case, with `_` for spaces, without odd values."""
    words = ("_".join(part.lower().split()) for part in _SEPARATORS.split(text))
    return [word for word in words if _WORD.fullmatch(word)]


def _path(key: str, value: str) -> str | None:
    if value in DEAD_VALUES:
        return None
    if value == "yes":
        return "shop" if key == "shop" else None
    if key == "amenity":
        return f"{'food' if value in _FOOD else _AMENITIES.get(value, 'amenity')}.{value}"
    if key == "tourism":
        return f"{'hotel' if value in _LODGING else ROOTS[key]}.{value}"
    return f"{ROOTS[key]}.{value}"


def tag_list(tags: Tags) -> list[str]:
    """Return the tags of a merchant: `takeaway`, `vegan`, `wifi` and the like."""
    found = [word for key, word in _TAG_WORDS.items() if tags.get(key) in {"yes", "only"}]
    if tags.get("internet_access") in _ONLINE:
        found.append("wifi")
    diet = tags.get("category", "")  # veggiekarte has `vegan_only` and the like
    return [*found, diet] if diet.startswith(("vegan", "vegetarian")) else found


def address(tags: Tags) -> str | None:
    """Return `addr:full`, else street and number, else the place, then postcode and city."""
    if tags.get("addr:full"):
        return tags["addr:full"]
    street = tags.get("addr:street") or tags.get("addr:place") or tags.get("addr:housename")
    first = " ".join(filter(None, (street, tags.get("addr:housenumber"))))
    second = " ".join(filter(None, (tags.get("addr:postcode"), tags.get("addr:city"))))
    return ", ".join(filter(None, (first, second))) or None


def fields(tags: Tags) -> dict[str, object]:
    """Return the fields of a merchant that come from tags, without empty ones."""
    name = display_name(tags)
    district = next(
        (
            tags[f"addr:{key}"]
            for key in ("district", "suburb", "subdistrict")
            if tags.get(f"addr:{key}")
        ),
        None,
    )
    paths = categories(tags)
    values: dict[str, object] = {
        "name": name,
        "branch_name": tags.get("branch"),
        "aliases": aliases(tags, name),
        "brand": tags.get("brand"),
        "categories": paths,
        "address": address(tags),
        "city": tags.get("addr:city"),
        "district": district,
        "opening_hours": tags.get("opening_hours"),
        "tags": tag_list(tags),
        "phone": tags.get("phone") or tags.get("contact:phone"),
        "url": tags.get("website") or tags.get("contact:website") or tags.get("url"),
        "image_url": tags.get("image"),
    }
    return {key: value for key, value in values.items() if value}


def kind_to_name(tags: Tags) -> str | None:
    """Return the category that may name a place without a name, else None.

    People look for a toilet, a cash machine or a car park by kind: any near one will do. The
    category must be the first of the place, and the place must be open to all: `access` is not
    `private`, `customers` or similar.

    Examples
    --------
    >>> kind_to_name({"amenity": "toilets"}), kind_to_name({"amenity": "bench"})
    ('amenity.toilets', None)
    >>> kind_to_name({"amenity": "parking", "access": "private"})
    """
    path = next(iter(categories(tags)), None)
    if path not in _SOUGHT_BY_KIND or tags.get("access", "").lower() in _NOT_PUBLIC:
        return None
    return path


def is_facility(paths: object) -> bool:
    """Return whether all of these categories, at least one, are facilities, not businesses.

    Examples
    --------
    >>> is_facility(["transport.parking"]), is_facility(["food.cafe"]), is_facility([])
    (True, False, False)
    """
    if not isinstance(paths, list) or not paths:
        return False
    return not any(path.partition(".")[0] in _TRADES or path in _BUSINESSES for path in paths)
