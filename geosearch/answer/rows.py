"""Answers as rows of short texts, for tables that people read: a terminal's and a notebook's.

The functions take the JSON values of the service, so a table shows what an app gets.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from geosearch.money.amounts import money_text

Json = Mapping[str, Any]

HEADS = ("", "merchant", "distance", "open", "rating", "best deal", "saves")
"""Headings of the texts of a `Row`."""

NUMBERS = ("", "distance", "rating", "saves")
"""Headings of the columns that are numbers."""


class Row(NamedTuple):
    """One result; `""` where it has nothing to say."""

    rank: str
    merchant: str
    distance: str
    open: str
    rating: str
    best_deal: str
    saves: str


def answer_rows(answer: Json) -> Iterator[Row]:
    """Yield a row for each result of an answer of `/v1/nearby`."""
    for rank, hit in enumerate(answer["results"], start=1):
        merchant = hit["merchant"]
        deals, counted = _counted(hit)
        rating = merchant.get("rating")
        yield Row(
            str(rank),
            merchant_title(merchant),
            distance_text(hit["distance_m"]),
            open_words(hit["open"], answer["at"]),
            "" if rating is None else f"{rating:.1f}",
            " + ".join(map(_deal_title, deals)),
            saving_text(counted) if counted else "",
        )


def _counted(hit: Json) -> tuple[list[Json], Json | None]:
    """Return the deals that make the saving of a result, and what holds its figures."""
    best, combination = hit.get("best_deal"), hit.get("best_combination")
    if combination is None:
        return ([best] if best else []), best
    listed = {deal["deal_id"]: deal for deal in (best, *hit.get("deals", ())) if deal}
    return [listed[deal_id] for deal_id in combination["deals"]], combination


def distance_text(distance_m: float) -> str:
    """Return a distance in metres as text, in m or km.

    >>> distance_text(312.4), distance_text(2345.6)
    ('312 m', '2.3 km')
    """
    return f"{distance_m:.0f} m" if distance_m < 999.5 else f"{distance_m / 1000:.1f} km"


def open_words(state: Json, at: str) -> str:
    """Return when a shop closes or opens, with the day unless it is the day of `at`."""
    name = state["state"]
    if name == "unknown":
        return "hours unknown"
    if name == "open":
        closes = state.get("closes_at")
        return f"until {_clock(closes, at)}" if closes else "round the clock"
    opens = state.get("opens_at")
    return f"opens {_clock(opens, at)}" if opens else "closed"


def _clock(instant: str, at: str) -> str:
    then = datetime.fromisoformat(instant)
    asked = datetime.fromisoformat(at).astimezone(then.tzinfo)
    if then.date() == asked.date():
        return f"{then:%H:%M}"
    return f"{then:%a %H:%M}" if (then - asked).days < 6 else f"{then:%d %b %H:%M}"


def merchant_title(merchant: Json) -> str:
    """Return the name of a merchant, with its branch if it has one."""
    branch = merchant.get("branch_name")
    return f"{merchant['name']} ({branch})" if branch else str(merchant["name"])


def saving_text(deal: Json) -> str:
    """Return what a deal or a combination saves, as money; `?` if the bill is unknown."""
    saving = deal.get("saving")
    return "?" if saving is None else money_text(saving, deal.get("currency", ""))


def _deal_title(deal: Json) -> str:
    title = str(deal.get("title") or deal["offer_type"])
    program = deal.get("program_id")
    return f"{title} [{program}]" if program else title


def warnings_of(answer: Json) -> Iterator[str]:
    """Yield a sentence for each thing that was searched otherwise than it was asked."""
    for typed, meant in (answer.get("corrected") or {}).items():
        yield f"nothing near has “{typed}”; searched {', '.join(meant[:4])}"
    if answer.get("relaxed"):
        yield f"left out, as nothing near has it all: {', '.join(answer['relaxed'])}"
    for what in ("cards", "categories", "business_areas", "ids"):
        if unknown := answer.get(f"unknown_{what}"):
            yield f"{what.replace('_', ' ')} this index does not know: {', '.join(unknown)}"
    if "around" in answer:
        yield f"around {answer['around']['business_area']}, not the position"
    if "outside_coverage" in answer:
        yield str(answer["outside_coverage"]["detail"])


def counts_of(answer: Json) -> Iterator[str]:
    """Yield a line for the total and for each facet, where they were asked for."""
    if answer.get("total") is not None:
        yield f"{answer['total']:,} matches in all"
    for name, counts in (answer.get("facets") or {}).items():
        pairs = ", ".join(f"{value} {count:,}" for value, count in list(counts.items())[:8])
        yield f"{name}: {pairs}"


def source_of(answer: Json) -> str:
    """Return where and when an answer is from."""
    return f"at {answer['at']}, snapshot {answer['snapshot_id']}, {answer['took_us']} µs"
