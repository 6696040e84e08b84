"""Checks of a raw frame: the rules of a table's fields, and further rules as polars expressions.

`typed` turns a raw frame into a typed one. A bad value becomes null, or its row is rejected once,
with its first fault. Rules between tables are in `links`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from geosearch.hours.instants import LEAP_SECOND
from geosearch.snapshot.fields import Cost, Field, Kind, Table
from geosearch.snapshot.raw_types import raw_type
from geosearch.snapshot.rejects import RejectLog, shown

UNKNOWN_TIMES = (
    *(ValueError, KeyError, OverflowError, RuntimeError),
    pl.exceptions.PanicException,
)
"""Errors of a conversion to a day or instant whose year or zone Python does not know."""

_MAX_ID_LENGTH = 255
_RFC3339 = r"^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)$"


class RowFault(NamedTuple):
    """A fault of one value or row: stable code and sentence."""

    code: str
    sentence: str


class FieldRule(NamedTuple):
    """A rule about one field: rows where `broken` is true break it (null counts as false).

    The sentence is "Expected (`expected`), got (the value of column `field`)" and the `hint`.
    """

    broken: pl.Expr
    code: str
    field: str
    expected: str
    hint: str = ""


@dataclass(slots=True)
class Checker:
    """A frame that checks filter; `log` gets the rows and values that break a rule."""

    frame: pl.DataFrame
    table: Table
    log: RejectLog

    def reject(self, rules: Sequence[FieldRule]) -> None:
        """Drop rows that break a rule; the first broken rule of the list is the reason."""
        bad = np.zeros(self.frame.height, bool)
        for rule, rows in self._broken(rules):
            rows = rows[~bad[rows]]
            bad[rows] = True
            self._note(self.log.reject, rule, rows)
        if bad.any():
            self.frame = self.frame.filter(~bad)

    def lose(self, rules: Sequence[FieldRule]) -> None:
        """Make values that break a rule null; a field's first broken rule is the reason."""
        lost: dict[str, npt.NDArray[np.bool_]] = {}
        for rule, rows in self._broken(rules):
            mask = lost.setdefault(rule.field, np.zeros(self.frame.height, bool))
            rows = rows[~mask[rows]]
            mask[rows] = True
            self._note(partial(self.log.bad_value, cost=self._cost(rule.field)), rule, rows)
        self.frame = self.frame.with_columns(
            pl.when(pl.Series(~mask)).then(pl.col(name)).alias(name) for name, mask in lost.items()
        )

    def lose_rows(self, field: str, rows: list[int], faults: Sequence["RowFault"]) -> None:
        """Make the values of a field null in some rows (row numbers of the frame, ascending)."""
        if not rows:
            return
        for line, fault in zip(self.frame["line"].gather(rows), faults, strict=True):
            self.log.bad_value(self.table.name, line, *fault, cost=self._cost(field))
        keep = np.ones(self.frame.height, bool)
        keep[rows] = False
        kept = pl.when(pl.Series(keep)).then(pl.col(field)).alias(field)
        self.frame = self.frame.with_columns(kept)

    def mark_doubts(self) -> None:
        """Add the bool column `in_doubt`, which marks rows in doubt; see `fields.Cost`."""
        lines = sorted(self.log.doubtful.get(self.table.name, ()))
        doubt = pl.col("line").is_in(pl.Series(lines, dtype=pl.UInt32).implode())
        self.frame = self.frame.with_columns(doubt.alias("in_doubt"))

    def warn(self, rules: Sequence[FieldRule]) -> None:
        """Log a warning for each rule that a row breaks; the rows stay."""
        for rule, rows in self._broken(rules):
            self._note(self.log.warn, rule, rows)

    def reject_rows(
        self, rows: list[int], codes: str | Sequence[str], sentences: Sequence[str]
    ) -> None:
        """Drop rows (row numbers of the frame, ascending); `codes` is one for all or one each."""
        if not rows:
            return
        lines = self.frame["line"].gather(rows).to_list()
        self.log.reject_many(self.table.name, lines, codes, sentences)
        keep = np.ones(self.frame.height, bool)
        keep[rows] = False
        self.frame = self.frame.filter(keep)

    def reject_duplicates(self) -> None:
        """Drop rows whose id an earlier row has; call it after all other rejects."""
        key = self.table.key
        ids = self.frame[key]
        if ids.n_unique() == len(ids):
            return
        first = self.frame.select(pl.col("line").first().over(key)).to_series().to_numpy()
        rows = np.flatnonzero((~ids.is_first_distinct()).to_numpy()).tolist()
        sentences = [
            f"Expected a unique `{key}`, got {shown(ids[row])} again, first at line {first[row]}"
            f" - at {self.log.where(self.table.name, self.frame['line'][row])}"
            for row in rows
        ]
        self.reject_rows(rows, "duplicate_id", sentences)

    def _cost(self, name: str) -> Cost:
        return next(field.cost for field in self.table.fields if field.name == name)

    def _broken(self, rules: Sequence[FieldRule]) -> list[tuple[FieldRule, npt.NDArray[np.int64]]]:
        masks = self.frame.select(
            rule.broken.fill_null(False).alias(str(number)) for number, rule in enumerate(rules)
        )
        return [
            (rule, np.flatnonzero(mask.to_numpy()))
            for rule, mask in zip(rules, masks, strict=True)
            if mask.any()
        ]

    def _note(
        self,
        note: Callable[[str, int, str, str], None],
        rule: FieldRule,
        rows: npt.NDArray[np.int64],
    ) -> None:
        lines, values = self.frame["line"].gather(rows), self.frame[rule.field].gather(rows)
        whole = any(f.name == rule.field and f.kind is Kind.INTEGER for f in self.table.fields)
        for line, value in zip(lines.to_list(), values.to_list(), strict=True):
            got = shown(int(value) if whole and value is not None and value % 1 == 0 else value)
            sentence = f"Expected {rule.expected}, got {got}{rule.hint}"
            note(self.table.name, line, rule.code, sentence)


def typed(
    raw: pl.DataFrame, table: Table, log: RejectLog, *, before: Sequence[FieldRule] = ()
) -> Checker:
    """Return a checker whose frame has its final types; bad values are null or their rows rejected.

    Empty texts become null, missing lists empty lists, whole numbers int64, dates `Date`.
    `Kind.JSON` and `Kind.INSTANT` stay text. The rules of `before` precede those of the fields.
    """
    checker = Checker(raw.with_columns(_tidied(raw, table)), table, log)
    checked = [(rule, field) for field in table.fields for rule in _field_rules(field)]
    checker.reject([*before, *(needed for pair in checked for needed in as_reject(*pair))])
    checker.lose([rule for rule, field in checked if field.cost_for() is not Cost.ROW])
    dates = [f.name for f in table.fields if f.kind is Kind.DATE]
    wholes = [f.name for f in table.fields if f.kind is Kind.INTEGER]
    checker.frame = checker.frame.with_columns(
        *(pl.col(name).cast(pl.Int64) for name in wholes),
        *(pl.col(name).str.to_date("%Y-%m-%d", strict=False) for name in dates),
    )
    if dates:
        ordered = "`valid_from` <= `valid_through`"
        late = pl.col("valid_from") > pl.col("valid_through")
        checker.reject([FieldRule(late, "bad_order", "valid_from", ordered)])
    return checker


def as_reject(rule: FieldRule, field: Field) -> list[FieldRule]:
    """Return the rule limited to rows that a bad value of the field rejects; empty if none."""
    if field.cost_for() is Cost.ROW:
        return [rule]
    if not field.needed_by:
        return []
    return [rule._replace(broken=rule.broken & pl.col("offer_type").is_in(field.needed_by))]


def read_values(
    stored: pl.DataFrame, read: pl.DataFrame, table: Table, log: RejectLog
) -> pl.DataFrame:
    """Return the accepted rows of `read`; a value that `stored` has and `read` lacks is bad.

    Both frames have the table's fields and `line`. A value that could not be read is null in
    `read`.
    """
    bad = np.zeros(read.height, bool)
    offer_types = read["offer_type"] if "offer_type" in read.columns else None
    for field in table.fields:
        lost = (stored[field.name].is_not_null() & read[field.name].is_null()).to_numpy() & ~bad
        for row in np.flatnonzero(lost).tolist():
            cost = field.cost_for(None if offer_types is None else offer_types[row])
            bad[row] = cost is Cost.ROW
            got = _shown_value(stored[field.name], row)
            sentence = (
                f"Expected `{field.name}` to be {field.kind.described}, got {got}{field.hint}"
            )
            log.bad_value(table.name, read["line"][row], "wrong_type", sentence, cost=cost)
    return read.filter(~bad) if bad.any() else read


def _shown_value(values: pl.Series, row: int) -> str:
    try:
        value = values[row]
        return shown(value.to_list() if isinstance(value, pl.Series) else value)
    except UNKNOWN_TIMES:
        return "a value out of range"


def _tidied(raw: pl.DataFrame, table: Table) -> list[pl.Expr]:
    """Return expressions that make empty texts null, and lists non-null without empty texts."""
    tidied = []
    for field in table.fields:
        column = pl.col(field.name)
        if field.kind is Kind.TEXTS:
            if (raw[field.name].explode() == "").any():
                column = column.list.eval(pl.element().filter(pl.element() != ""))
            tidied.append(column.fill_null(pl.lit([], pl.List(pl.String))))
        elif raw_type(field.kind) == pl.String and (~raw[field.name].str.contains(r"\S")).any():
            tidied.append(pl.when(column.str.contains(r"\S")).then(column).alias(field.name))
    return tidied


def _field_rules(field: Field) -> list[FieldRule]:
    name, column = field.name, pl.col(field.name)
    rules = []
    if field.required:
        rules.append(FieldRule(column.is_null(), "missing_field", name, f"`{name}`"))
    if field.kind is Kind.ID:
        rules += _id_rules(name)
    if field.kind in (Kind.NUMBER, Kind.INTEGER):
        rules += _number_rules(field)
    if field.choices:
        listed = ", ".join(field.choices)
        wrong = ~column.is_in(field.choices)
        rules.append(FieldRule(wrong, field.choice_code, name, f"`{name}` to be one of {listed}"))
    if field.kind is Kind.DATE:
        wrong = ~(
            column.str.contains(r"^\d{4}-\d\d-\d\d$")
            & column.str.to_date("%Y-%m-%d", strict=False).is_not_null()
        )
        rules.append(
            FieldRule(wrong & column.is_not_null(), "bad_date", name, f"`{name}` as YYYY-MM-DD")
        )
    if field.kind is Kind.INSTANT:
        rules.append(_instant_rule(name))
    return rules


def _id_rules(name: str) -> list[FieldRule]:
    column = pl.col(name)
    wrong = column.str.contains(r"[\x00-\x1f\x7f]") | (column.str.len_chars() > _MAX_ID_LENGTH)
    expected = f"`{name}` of at most {_MAX_ID_LENGTH} characters, none of them control characters"
    return [FieldRule(wrong, "bad_id", name, expected)]


def _number_rules(field: Field) -> list[FieldRule]:
    name, column = field.name, pl.col(field.name)
    rules = [FieldRule(~column.is_finite(), "not_finite", name, f"`{name}` to be finite")]
    if field.kind is Kind.INTEGER:
        rules.append(
            FieldRule(
                column != column.floor(),
                "wrong_type",
                name,
                f"`{name}` to be {field.kind.described}",
                field.hint,
            )
        )
    low, high = field.low, field.high
    outside = (column < low) | (column > high)
    return [*rules, FieldRule(outside, "out_of_range", name, f"`{name}` in [{low}, {high}]")]


def _instant_rule(name: str) -> FieldRule:
    column = pl.col(name)
    # RFC 3339 is a day of the calendar, a time of the clock and an offset; this checks the first
    # two.
    local = column.str.slice(0, 19).str.replace_all("[Tt ]", "T")
    local = local.str.replace(LEAP_SECOND + "$", "$1:59")
    exists = local.str.to_datetime("%Y-%m-%dT%H:%M:%S", strict=False).is_not_null()
    exists &= ~local.str.ends_with(":60")  # polars accepts second 60 in any minute
    wrong = column.is_not_null() & ~(column.str.contains(_RFC3339) & exists)
    return FieldRule(wrong, "bad_instant", name, f"`{name}` as an RFC 3339 instant")
