"""Sections and tables of the generated pages docs/reference.md and docs/snapshot.md."""

from collections.abc import Iterable, Sequence


def section(title: str, words: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    r"""Return a heading, `words` if there are any, and a table; it ends with a blank line.

    Examples
    --------
    >>> print(section("Codes", "", ("code", "meaning"), [("`a|b`", "either")]))
    ## Codes
    <BLANKLINE>
    | code | meaning |
    | --- | --- |
    | `a\|b` | either |
    <BLANKLINE>
    """
    lines = [f"## {title}", ""]
    if words:
        lines += [words, ""]
    lines += [_row(head), _row(["---"] * len(head)), *map(_row, rows), ""]
    return "\n".join(lines)


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
