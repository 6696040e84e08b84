"""Text of `geosearch why`: whether a merchant matches, the reasons, its deals, and the fixes."""

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.text import Text

from geosearch.answer.why_text import fix_text
from geosearch.cli.tables import Json


def why_text(record: Json) -> RenderableType:
    """Return the lines of an answer of `Searcher.why`."""
    return Group(*_lines(record))


def _lines(record: Json) -> Iterator[Text]:
    if record["matches"]:
        yield Text(f"matches, number {record['rank']}", "green")
    else:
        yield Text("does not match", "red")
    for reason in record["reasons"]:
        yield Text(f"  {reason['detail']}")
    for deal in record["deals"]:
        reasons = "; ".join(reason["detail"] for reason in deal["reasons"])
        yield Text(f"deal {deal['deal_id']}: {reasons or 'counts'}")
    for fix in record["fixes"]:
        yield Text(f"would match {fix_text(fix, record['at'], record['currency'])}", "yellow")
