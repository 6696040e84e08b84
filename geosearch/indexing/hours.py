"""Hours and deal windows of a snapshot to schedules of one timetable, each evaluated once.

The build stores the schedule numbers in two columns. This module also logs warnings about hours.
`geosearch.hours` evaluates expressions; `indexes.timetable` looks schedules up.
"""

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import orjson
import polars as pl
from numpy.typing import NDArray

from geosearch.hours.closures import Schedule, closed_where, closure_spans, open_except
from geosearch.hours.holidays import Guess, guessed_holidays, public_holidays
from geosearch.hours.schedules import (
    Horizon,
    UnreadableHours,
    evaluate,
    local_days,
    read_hours,
    uses_holidays,
    uses_sun,
    window,
)
from geosearch.hours.trap import Trap
from geosearch.indexing.countries import country_users
from geosearch.snapshot.rejects import RejectLog, shown
from indexes.timetable import ALWAYS, NEVER, UNKNOWN, Timetable, TimetableBuilder

ALWAYS_UNKNOWN: Schedule = (np.zeros(1, np.uint16), np.array([UNKNOWN], np.uint8))
"""Hours that nobody knows."""


class ScheduleBook:
    """Evaluates expressions and numbers their schedules.

    Parameters
    ----------
    horizon
        Horizon of the schedules.
    log
        Gets a warning for each row whose expression cannot be read, has the overnight trap or is
        doubtful, and the warnings of `guesses`.
    makeup
        Whether hours of `Mo-Fr` apply on make-up workdays.
    """

    def __init__(self, horizon: Horizon, log: RejectLog, *, makeup: bool = False) -> None:
        self._horizon = horizon
        self._log = log
        self._makeup = makeup
        self._builder = TimetableBuilder()
        self._zones: dict[str, set[str]] = {}
        self._public: set[str] = set()

    def build(self) -> Timetable:
        """Return the timetable of all schedules so far."""
        return self._builder.build()

    def guesses(self) -> list[Guess]:
        """Return the guessed holidays that the schedules so far depend on, by country.

        This also logs one warning for each country with guesses, and for each empty calendar.
        """
        guesses = []
        for country in sorted(self._zones):
            days = [local_days(zone, self._horizon) for zone in self._zones[country]]
            first, last = min(day for day, _ in days), max(day for _, day in days)
            # Whole years, because 45 days may have no holiday.
            whole = date(first.year, 1, 1), date(last.year, 12, 31)
            if country in self._public and not public_holidays(country, *whole):
                sentence = f"Expected `country` with public holidays, for `PH`, got {country}"
                self._log.warn("snapshot", 1, "no_holidays", f"{sentence}, whose calendar has none")
            guess = guessed_holidays(country, first, last)
            if guess is not None:
                guesses.append(guess)
                self._log.warn("snapshot", 1, "provisional_holidays", _of_guess(guess, last))
        return guesses

    def merchant_schedules(self, merchants: pl.DataFrame) -> NDArray[np.uint32]:
        """Return the schedule number of each merchant's hours, uint32[n].

        A merchant without hours gets `UNKNOWN_SCHEDULE`.
        """
        warn_of_hours(self._log, "merchants", "opening_hours", merchants)
        sunny = pl.col("opening_hours").is_in(_sun_users(merchants["opening_hours"]))
        keyed = merchants.select(
            "opening_hours",
            "time_zone",
            self._country_of("opening_hours", merchants),
            # Only sunrise and sunset depend on the position; a null position lets other rows share
            # their schedule.
            lat=pl.when(sunny).then("lat"),
            lng=pl.when(sunny).then("lng"),
            closed=pl.col("business_status") == "CLOSED_TEMPORARILY",
            closures="closures",
        )
        return _by_distinct(keyed, self._merchant_schedule)

    def offer_windows(self, offers: pl.DataFrame, deals: pl.DataFrame) -> NDArray[np.uint32]:
        """Return the number of the schedule in which each offer can be used, uint32[n].

        Parameters
        ----------
        offers
            One row for each offer: `use_hours`; `time_zone`, `calendar`, `lat`, `lng` of the shop;
            `first_day`, `last_day` (validity of deal and card together).
        deals
            Source of warnings about `use_hours`.
        """
        warn_of_hours(self._log, "deals", "use_hours", deals)
        return _by_distinct(self._within_horizon(offers), self._offer_window)

    def _within_horizon(self, offers: pl.DataFrame) -> pl.DataFrame:
        """Return the columns that decide a window, with validity cut to the horizon.

        `missed` marks offers that are not valid within the horizon. A first day before the horizon
        or a last day after it has no effect inside, so it becomes null. Otherwise nearly every deal
        would have its own window: 422,000 for 1.5 million deals, 180 s.
        """
        # No zone is more than a day from UTC, so these dates are outside the horizon everywhere.
        before = (self._horizon.start - timedelta(days=1)).date()
        after = (self._horizon.end + timedelta(days=1)).date()
        first, last = pl.col("first_day"), pl.col("last_day")
        missed = ((first > after) | (last < before) | (first > last)).fill_null(False)
        sunny = pl.col("use_hours").is_in(_sun_users(offers["use_hours"]))
        return offers.select(
            pl.when(~missed).then("use_hours"),
            pl.when(~missed).then("time_zone"),
            pl.when(~missed).then(self._country_of("use_hours", offers)),
            pl.when(~missed & sunny).then("lat"),
            pl.when(~missed & sunny).then("lng"),
            pl.when(~missed & (first > before)).then("first_day"),
            pl.when(~missed & (last < after)).then("last_day"),
            missed=missed,
        )

    def _country_of(self, field: str, frame: pl.DataFrame) -> pl.Expr:
        """Return `calendar`, null where the field does not depend on it, so that rows can share."""
        users = country_users(frame[field], makeup=self._makeup)
        return pl.when(pl.col(field).is_in(users)).then("calendar").alias("calendar")

    def _read(self, text: str, zone: str, country: str | None) -> str:
        """Return the expression of a text, and record its country for `guesses`."""
        expression = read_hours(text).expression
        if country is not None:
            self._zones.setdefault(country, set()).add(zone)
            if uses_holidays(expression):
                self._public.add(country)
        return expression

    def _merchant_schedule(
        self,
        text: str | None,
        zone: str,
        country: str | None,
        lat: float | None,
        lng: float | None,
        closed: bool,
        closures: str | None,
    ) -> int:
        if closed:
            return NEVER
        schedule = self._hours(text, zone, country, lat, lng)
        if closures is not None:
            spans = closure_spans(orjson.loads(closures), self._horizon)
            schedule = closed_where(schedule, open_except(spans))
        return self._builder.add(*schedule)

    def _hours(
        self,
        text: str | None,
        zone: str,
        country: str | None,
        lat: float | None,
        lng: float | None,
    ) -> Schedule:
        if text is None:
            return ALWAYS_UNKNOWN
        try:
            return evaluate(
                self._read(text, zone, country),
                zone=zone,
                country=country or "",
                horizon=self._horizon,
                position=_position(lat, lng),
                makeup=self._makeup,
            )
        except UnreadableHours:
            return ALWAYS_UNKNOWN

    def _offer_window(
        self,
        text: str | None,
        zone: str,
        country: str | None,
        lat: float | None,
        lng: float | None,
        first_day: date | None,
        last_day: date | None,
        missed: bool,
    ) -> int:
        if missed:
            return NEVER
        if text is None and first_day is None and last_day is None:
            return ALWAYS
        try:
            schedule = window(
                None if text is None else self._read(text, zone, country),
                zone=zone,
                country=country or "",
                horizon=self._horizon,
                valid_from=first_day,
                valid_through=last_day,
                makeup=self._makeup,
                position=_position(lat, lng),
            )
        except UnreadableHours:
            return NEVER
        return self._builder.add(*schedule)


def warn_of_hours(log: RejectLog, table: str, field: str, frame: pl.DataFrame) -> None:
    """Log a warning for every row whose hours cannot be read, have the trap or are doubtful."""
    for text, lines in _lines_by_text(frame, field):
        try:
            read = read_hours(text)
        except UnreadableHours as error:
            sentence = f"{_sentence(error)} in `{field}`"
            log.warn_many(table, lines, "unreadable_hours", [sentence] * len(lines))
            continue
        if read.trap is not None:
            sentence = _trap_sentence(field, text, read.trap)
            log.warn_many(table, lines, "overnight_trap", [sentence] * len(lines))
        if read.doubt is not None:
            sentence = f"Expected `{field}` with one reading, got {shown(text)}: {read.doubt}"
            log.warn_many(table, lines, "doubtful_hours", [sentence] * len(lines))


def _of_guess(guess: Guess, last: date) -> str:
    named = ", ".join(day.isoformat() for day in guess.days) or "no day"
    if guess.since is None:
        return f"Expected the announced holidays of {guess.country}, got estimates of {named}"
    return (
        f"Expected the announced holidays of {guess.country} up to {last}, got none from "
        f"{guess.since} on: {named} is guessed, other days off and make-up workdays are not known"
    )


def _position(lat: float | None, lng: float | None) -> tuple[float, float] | None:
    return None if lat is None or lng is None else (lat, lng)


def _sentence(error: UnreadableHours) -> str:
    """Return the message without ` - at `, after which the log puts the place of the row."""
    return str(error).rstrip(".").replace(" - at ", ", at ")


def _trap_sentence(field: str, text: str, trap: Trap) -> str:
    wanted = "with a rule less" if trap.meant is None else shown(trap.meant)
    return (
        f"Expected `{field}` {wanted}, if the hours past midnight are meant to stay, got "
        f"{shown(text)}, where `{trap.rule}` closes the night before"
    )


def _lines_by_text(frame: pl.DataFrame, field: str) -> list[tuple[str, Sequence[int]]]:
    grouped = (
        frame.select(field, "line")
        .drop_nulls(field)
        .group_by(field, maintain_order=True)
        .agg("line")
    )
    return list(zip(grouped[field].to_list(), grouped["line"].to_list(), strict=True))


def _sun_users(texts: pl.Series) -> list[str]:
    """Return the distinct texts whose meaning depends on sunrise or sunset."""
    found = []
    for text in texts.drop_nulls().unique().to_list():
        try:
            if uses_sun(read_hours(text).expression):
                found.append(text)
        except UnreadableHours:
            continue
    return found


def _by_distinct(keyed: pl.DataFrame, number: object) -> NDArray[np.uint32]:
    """Call `number` once for each distinct row, and return its result for every row."""
    distinct = keyed.unique(maintain_order=True)
    numbers = [number(*row) for row in distinct.iter_rows()]  # type: ignore[operator]
    numbered = distinct.with_columns(number=pl.Series(numbers, dtype=pl.UInt32))
    joined = keyed.join(
        numbered, on=keyed.columns, how="left", nulls_equal=True, maintain_order="left"
    )
    return joined["number"].to_numpy().astype(np.uint32)
