"""One answer of the parts of several regions, and the cursors of such answers.

The order is that of one index: by both sort keys, then by the id of the merchant.
"""

import math
from collections.abc import Container, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
import xxhash

from geosearch.answer.facets import most_first
from geosearch.answer.model import Answer, Page
from geosearch.errors import BadRequest
from geosearch.query.cursor import check_of, expired, fingerprint, read_written, written
from geosearch.query.query import Query, is_instant
from geosearch.search.owned import Key, RegionPart, WhyPart


class SpanningCursor(
    msgspec.Struct, frozen=True, array_like=True, kw_only=True, forbid_unknown_fields=True
):
    """The end of one page of several regions.

    It names them by bits, since a text of a cursor has at most `MAX_CURSOR` characters.

    Attributes
    ----------
    version
        Name of the version that all of them answered from.
    fleet
        `_hash_of` all regions of the gateway: other regions cannot read the bits.
    regions
        A bit for each region that has a part, the lowest for the first of all.
    at
        The instant of the page.
    question
        `query.cursor.fingerprint` of the query.
    after
        `Key` of the last result.
    is_moved
        Whether the page covers the business area that the text names.
    """

    version: str
    fleet: int
    regions: bytes
    at: datetime
    question: int
    after: Key
    is_moved: bool


def is_spanning(query: Query) -> bool:
    """Whether a query has a cursor of several regions."""
    try:
        read_written(query.cursor or "", _decode, _is_possible)
    except BadRequest:
        return False
    return True


def read_cursor(query: Query) -> SpanningCursor:
    """Cursor of a query that has one.

    Raises
    ------
    BadRequest
        Code `bad_cursor`: not a cursor of several regions, or one of another query or instant.
    """
    cursor = read_written(query.cursor or "", _decode, _is_possible)
    check_of(cursor, query)
    return cursor


def regions_of(cursor: SpanningCursor, every: Sequence[str]) -> list[str]:
    """The regions that have a part in the pages of a cursor, of all those of the gateway.

    Raises
    ------
    BadRequest
        Code `cursor_expired`: the gateway of the cursor had other regions.
    """
    bits = int.from_bytes(cursor.regions, "little")
    if cursor.fleet != _hash_of(every) or bits >> len(every):
        raise expired(cursor.version)
    return [name for number, name in enumerate(every) if bits >> number & 1]


def _bits_of(names: Container[str], every: Sequence[str]) -> bytes:
    bits = sum(1 << number for number, name in enumerate(every) if name in names)
    return bits.to_bytes((len(every) + 7) // 8, "little")


def _hash_of(every: Sequence[str]) -> int:
    return xxhash.xxh32_intdigest(" ".join(every).encode())


def _is_possible(cursor: SpanningCursor) -> bool:
    primary, secondary, _ = cursor.after
    return (
        any(cursor.regions)
        and is_instant(cursor.at)
        and (primary is None or math.isfinite(primary))
        and 0.0 <= secondary < math.inf
    )


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(SpanningCursor).decode


def merged_page(
    query: Query,
    at: datetime,
    parts: Mapping[str, RegionPart],
    every: Sequence[str],
    took_us: int,
) -> Page:
    """The answer of all regions that a question meets.

    Parameters
    ----------
    at
        The instant that all of them answered for.
    parts
        The part of each region, by region; all of one version.
    every
        All regions of the gateway.
    """
    rows = [
        (_infinite(key), region_id, place)
        for region_id, part in parts.items()
        for place, key in enumerate(part.keys)
    ]
    rows.sort()
    shown_rows = rows[: query.limit]
    texts = [bytes(parts[region_id].results[place]) for _, region_id, place in shown_rows]
    cursor = None
    if len(rows) > query.limit:
        _, region_id, place = shown_rows[-1]
        after = parts[region_id].keys[place]
        end = SpanningCursor(
            version=parts[region_id].version,
            fleet=_hash_of(every),
            regions=_bits_of(parts, every),
            at=at,
            question=fingerprint(query),
            after=after,
            is_moved=any(part.answer.around is not None for part in parts.values()),
        )
        cursor = written(_encode(end))
    answer = _answer(query, {name: part.answer for name, part in parts.items()}, bool(rows))
    near = _near_misses(query, list(parts.values()))
    answer = msgspec.structs.replace(answer, near_misses=near, next_cursor=cursor, took_us=took_us)
    return Page(answer=answer, results=b"[%b]" % b",".join(texts), count=len(texts))


def _infinite(key: Key) -> tuple[float, float, str]:
    return (math.inf if key[0] is None else key[0], key[1], key[2])


def _answer(query: Query, answers: Mapping[str, Answer], is_found: bool) -> Answer:
    """The members beside the results: counts add up, and what all regions know is the same."""
    told = list(answers.values())
    return msgspec.structs.replace(
        told[0],
        total=sum(each.total or 0 for each in told) if query.total else None,
        facets=_facets(query, told),
        unknown_ids=_unknown_ids(query, told),
        explain={"regions": {name: each.explain for name, each in answers.items()}}
        if query.explain
        else None,
        outside_coverage=None if is_found else told[0].outside_coverage,
        as_of_seq=lowest_seq([each.as_of_seq for each in told]),
    )


def lowest_seq(seqs: Sequence[int | None]) -> int | None:
    """The change up to which all regions answer; None if none has live changes."""
    known = [seq for seq in seqs if seq is not None]
    return min(seq or 0 for seq in seqs) if known else None


def _facets(query: Query, told: Sequence[Answer]) -> dict[str, dict[str, int]] | None:
    if not query.facets:
        return None
    counts: dict[str, dict[str, int]] = {name: {} for name in query.facets}
    for each in told:
        for facet, values in (each.facets or {}).items():
            for name, count in values.items():
                counts[facet][name] = counts[facet].get(name, 0) + count
    return {facet: most_first(values) for facet, values in counts.items()}


def _unknown_ids(query: Query, told: Sequence[Answer]) -> tuple[str, ...] | None:
    if query.ids is None:
        return None
    unknown = {one for each in told for one in each.unknown_ids or ()}
    return tuple(one for one in dict.fromkeys(query.ids) if one in unknown)


def _near_misses(query: Query, parts: Sequence[RegionPart]) -> Any:
    """The best near misses, with what `Answer.near_misses` needs to be written."""
    if not query.near_misses:
        return None
    found = [miss for part in parts for miss in part.near_misses]
    found.sort(key=lambda miss: (-miss.value, miss.distance_m, miss.merchant_id))
    return tuple(found[: query.near_misses])


def unanswered(parts: Mapping[str, RegionPart | WhyPart]) -> dict[str, tuple[str, ...]]:
    """What each region must be asked again: questions about words to which another one said yes."""
    yes = {key for part in parts.values() for key, is_found in part.words.items() if is_found}
    again = {}
    for name, part in parts.items():
        if any(not is_found and key in yes for key, is_found in part.words.items()):
            again[name] = tuple(sorted(yes))
    return again
