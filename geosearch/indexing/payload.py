"""JSON texts of merchants, deals and cards for answers, encoded a frame at a time.

The build stores the texts, and answers insert them undecoded. Members that depend on the query
(position, distance, savings) are not in them.

polars concatenates the texts column by column. That takes 2 s for a million merchants. The general
JSON encoder took 8 s, because its nulls had to be removed.
"""

from collections.abc import Collection, Sequence

import polars as pl

from geosearch.snapshot.stored import ALWAYS, AS_JSON, DEAL_FIELDS, MERCHANT_FIELDS, PROGRAM_FIELDS

_PIECES, _FEWEST = 8, 1_000
"""Slices of a frame that are encoded in parallel, and fewest rows of a slice; slices also save
memory."""

# Characters that JSON escapes inside a text: quote, backslash and control characters.
_ESCAPED = r'["\\\x00-\x1f]'
_SHORT = {"\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}
_ESCAPES = {'"': '\\"', "\\": "\\\\"} | {
    chr(code): _SHORT.get(chr(code), f"\\u{code:04x}") for code in range(0x20)
}


def merchant_payloads(frame: pl.DataFrame) -> pl.Series:
    """Return the JSON object of each merchant: `MERCHANT_FIELDS` in that order."""
    return json_rows(frame, MERCHANT_FIELDS, ALWAYS)


def deal_payloads(frame: pl.DataFrame) -> pl.Series:
    """Return the JSON object of each deal: `DEAL_FIELDS` in that order."""
    return json_rows(frame, DEAL_FIELDS, ALWAYS)


def program_payloads(frame: pl.DataFrame) -> pl.Series:
    """Return the JSON object of each card: `PROGRAM_FIELDS` in that order, without nulls."""
    return json_rows(frame, PROGRAM_FIELDS)


def json_rows(
    frame: pl.DataFrame, fields: Sequence[str], always: Collection[str] = ()
) -> pl.Series:
    r"""Return the JSON object of each row: `fields` in that order, without nulls and empty lists.

    Parameters
    ----------
    frame
        Columns of texts, lists of texts, finite numbers, flags, dates and structs of those.
    fields
        Columns to write; the first must not be null.
    always
        Fields that are also written if they are null or an empty list.

    Examples
    --------
    >>> frame = pl.DataFrame({"id": ["a", "b"], "tags": [["x", 'y"'], []], "fee": [None, 5]})
    >>> json_rows(frame, ("id", "tags", "fee")).to_list()
    ['{"id":"a","tags":["x","y\\""]}', '{"id":"b","fee":5}']
    """
    step = max(_FEWEST, -(-frame.height // _PIECES))
    slices = [frame.slice(begin, step) for begin in range(0, frame.height, step)]
    plans = [part.lazy().select(_object(part, fields, always).alias("payload")) for part in slices]
    done = [part.to_series() for part in pl.collect_all(plans)]
    return pl.concat(done, rechunk=True) if done else pl.Series("payload", [], pl.String)


def _object(frame: pl.DataFrame, fields: Sequence[str], always: Collection[str]) -> pl.Expr:
    members = []
    for place, name in enumerate(fields):
        column, key = frame[name], ("{" if place == 0 else ",") + f'"{name}":'
        nothing = ""
        if name in always:
            nothing = key + ("[]" if isinstance(column.dtype, pl.List) else "null")
        if column.null_count() < frame.height:
            members.append(_member(column, key).fill_null(nothing))
        elif nothing:
            members.append(pl.lit(nothing))
    return pl.concat_str(*members, pl.lit("}"))


def _member(column: pl.Series, key: str) -> pl.Expr:
    """Return `"key":value`, null without a value; `key` includes the characters before it."""
    value = pl.col(column.name)
    if column.name in AS_JSON:
        return pl.concat_str(pl.lit(key), value)
    if column.dtype == pl.String:
        text = _escaped(value) if _needs_escapes(column) else value
        return pl.concat_str(pl.lit(key + '"'), text, pl.lit('"'))
    if isinstance(column.dtype, pl.List):
        items = value.list.eval(_escaped(pl.element())) if _needs_escapes(column) else value
        joined = pl.when(value.list.len() > 0).then(items.list.join('","'))
        return pl.concat_str(pl.lit(key + '["'), joined, pl.lit('"]'))
    if isinstance(column.dtype, pl.Struct):
        return _struct_member(column, key)
    if column.dtype == pl.Date:
        return pl.concat_str(pl.lit(key + '"'), value.dt.to_string("%Y-%m-%d"), pl.lit('"'))
    return pl.concat_str(pl.lit(key), value.cast(pl.String))


def _struct_member(column: pl.Series, key: str) -> pl.Expr:
    """Return the member of a struct column, encoding each distinct value once: there are few."""
    distinct = column.drop_nulls().unique()
    rows = distinct.struct.unnest()
    texts = rows.select(_first_comma_dropped(rows)).to_series()
    mapped = pl.col(column.name).replace_strict(
        distinct, texts, default=None, return_dtype=pl.String
    )
    return pl.concat_str(pl.lit(key), mapped)


def _first_comma_dropped(rows: pl.DataFrame) -> pl.Expr:
    members = [
        _member(rows[name], f',"{name}":')
        for name in rows.columns
        if rows[name].null_count() < rows.height
    ]
    if not members:
        return pl.lit("{}")
    body = pl.concat_str(members, ignore_nulls=True).str.strip_prefix(",")
    return pl.concat_str(pl.lit("{"), body, pl.lit("}"))


def _needs_escapes(column: pl.Series) -> bool:
    texts = column.explode() if isinstance(column.dtype, pl.List) else column
    return bool(texts.str.contains(_ESCAPED).any())


def _escaped(text: pl.Expr) -> pl.Expr:
    return text.str.replace_many(list(_ESCAPES), list(_ESCAPES.values()))
