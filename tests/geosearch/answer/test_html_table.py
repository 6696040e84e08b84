"""The table of a notebook: every text is there, and none is markup."""

from html.parser import HTMLParser

from geosearch.answer.html_table import html_table
from tests.geosearch.answer.test_rows import ANSWER, deal, result

ATTACK = "<script>alert(\"1\")</script><img src=x onerror='y'>&amp;"


class Cells(HTMLParser):
    """The texts of a page by tag, as a browser reads them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[tuple[str, str]] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.append(tag)
        self.tags.add(tag)
        self.attributes |= {f"{name}={value}" for name, value in attrs}

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append((self.open[-1], data))


def test_a_table_has_a_row_for_each_result() -> None:
    hits = [result(best_deal=deal(title="A", saving=100)), result()]
    cells = Cells(html_table(ANSWER | {"results": hits, "total": 2}))
    assert [text for tag, text in cells.texts if tag == "th"] == [
        "merchant", "distance", "open", "rating", "best deal", "saves",
    ]  # fmt: skip
    assert [text for tag, text in cells.texts if tag == "td"] == [
        "1", "店", "12 m", "hours unknown", "A", "¥1", "2", "店", "12 m", "hours unknown",
    ]  # fmt: skip
    assert ("p", "2 matches in all") in cells.texts


def test_no_result_is_a_sentence() -> None:
    cells = Cells(html_table(ANSWER))
    assert cells.texts[0] == ("p", "No merchant matches.")
    assert "table" not in cells.tags


def test_no_text_is_markup() -> None:
    shop = result()["merchant"] | {"name": ATTACK, "branch_name": ATTACK}
    hits = [result(merchant=shop, best_deal=deal(title=ATTACK, program_id=ATTACK))]
    said = {
        "snapshot_id": ATTACK,
        "results": hits,
        "facets": {"category": {ATTACK: 1}},
        "corrected": {ATTACK: [ATTACK]},
        "unknown_cards": [ATTACK],
    }
    cells = Cells(html_table(ANSWER | said))
    assert cells.tags == {"table", "thead", "tbody", "tr", "th", "td", "p", "small"}
    assert cells.attributes == {"style=text-align:right"}
    assert sum(text.count(ATTACK) for _, text in cells.texts) == 9
