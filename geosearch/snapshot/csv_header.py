"""Header of a CSV table: the names of its columns, or an error that says how to correct them.

It never guesses: a name counts as it is written. `csv_records` reads the records.
"""

from pathlib import Path

from geosearch.errors import BadData
from geosearch.snapshot.csv_records import (
    SAVE_AS_UTF8,
    Broken,
    CsvText,
    is_unnamed,
    read_header,
)
from geosearch.snapshot.field_names import missing_fields, warn_unknown_field
from geosearch.snapshot.fields import Table
from geosearch.snapshot.rejects import RejectLog, shown

_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars", "，": "full-width commas"}


def read_table_header(text: CsvText, path: Path, table: Table, log: RejectLog) -> list[str]:
    """Return the names of the columns; `log` gets a warning for each unknown one.

    Raises
    ------
    BadData
        The header is missing, is not in UTF-8, lacks required fields, or has a name twice.
    """
    names = read_header(text)
    if isinstance(names, Broken):
        raise BadData(f"Expected {_of_broken(names, table)} - at line 1 of `{path}`")
    wrong = _wrong(names, table)
    if wrong:
        raise BadData(f"Expected {wrong} - at line 1 of `{path}`")
    for name in names:
        if name not in table.names() and not is_unnamed(name):
            warn_unknown_field(log, table, 1, name)
    return names


def _of_broken(header: Broken, table: Table) -> str:
    if header.encoding == "UTF-8":
        return f"a header with {_required(table)}, got {shown(header.text)}"
    return f"a header in UTF-8, got {header.encoding} ({shown(header.text)}) - {SAVE_AS_UTF8}"


def _wrong(names: list[str], table: Table) -> str:
    """Return what was expected and what the header has; empty if nothing is wrong."""
    if not names:
        return f"a header with {_required(table)}, got nothing"
    got = shown(",".join(name for name in names if not is_unnamed(name)), longest=200)
    other = next((words for sign, words in _SEPARATORS.items() if sign in names[0]), None)
    if len(names) == 1 and other:
        return f"a header with commas between names, got {other}: {got}"
    if missing := missing_fields(names, table):
        fields, question = missing
        return f"a header with {fields}, got {got}{question}"
    twice = [name for name in names if names.count(name) > 1]
    return f"each name in the header once, got `{twice[0]}` again in {got}" if twice else ""


def _required(table: Table) -> str:
    return ", ".join(f"`{field.name}`" for field in table.fields if field.required)
