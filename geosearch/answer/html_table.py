"""An answer as an HTML table, for notebooks (`Answer._repr_html_`).

Not useful for: pages of apps. It has no style but the notebook's.
"""

from collections.abc import Iterable, Iterator, Mapping
from html import escape
from typing import Any

from geosearch.answer.rows import HEADS, NUMBERS, answer_rows, counts_of, source_of, warnings_of
from geosearch.answer.why_text import miss_lines

_RIGHT = ' style="text-align:right"'


def html_table(answer: Mapping[str, Any]) -> str:
    """Return the JSON values of an answer as a table and lines below it; no text is markup."""
    return "".join(_parts(answer))


def _parts(answer: Mapping[str, Any]) -> Iterator[str]:
    rows = list(answer_rows(answer))
    if rows:
        yield f"<table><thead>{_row('th', HEADS)}</thead><tbody>"
        yield from (_row("td", row) for row in rows)
        yield "</tbody></table>"
    else:
        yield "<p>No merchant matches.</p>"
    misses = (f"nearly: {line}" for line in miss_lines(answer))
    for line in (*misses, *counts_of(answer), *warnings_of(answer)):
        yield f"<p>{escape(line)}</p>"
    yield f"<p><small>{escape(source_of(answer))}</small></p>"


def _row(tag: str, texts: Iterable[str]) -> str:
    cells = (
        f"<{tag}{_RIGHT if head in NUMBERS else ''}>{escape(text)}</{tag}>"
        for head, text in zip(HEADS, texts, strict=True)
    )
    return f"<tr>{''.join(cells)}</tr>"
