"""What a merchant is found by, and how much it is worth, against a loop over its texts."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geosearch.indexing.pipeline import SEGMENT, build
from geosearch.segment.segment import Segment
from geosearch.segment.versions import current
from geosearch.text import rows as build_text
from geosearch.text.columns import SegmentText, TextRows, text_columns
from geosearch.text.fields import CATEGORIES, FIELDS, TextField
from geosearch.text.rows import field_texts, text_rows
from indexes.terms.keys import (
    BESIDE,
    GRAM1,
    GRAM2,
    INITIALS,
    KIND_BITS,
    PAYLOAD,
    PINYIN,
    WHOLE,
    text_key,
)
from indexes.text.analysis import analyse, read_query, whole_key, whole_keys
from indexes.text.folding import normalise
from indexes.text.sounds import analyse_sounds
from tests.geosearch.snapshot_files import Row, merchant, write_snapshot

LISTS = ("aliases", "tags")
SETS = [[], ["food.restaurant.hotpot"], ["food", "shop.tea_drinks"]]
TABLE = pl.DataFrame(
    {
        "category_id": ["food", "food.restaurant.hotpot", "shop"],
        "names": ['{"zh":"美食","en":"Food"}', '{"zh":"火锅","en":"Hot pot"}', None],
        "aliases": ['{"zh":["吃"]}', '{"zh":["涮锅","火锅店"],"en":["shabu shabu"]}', None],
    }
)
WORDS = {
    "food": ["美食", "Food", "吃"],
    "food.restaurant": ["restaurant"],
    "food.restaurant.hotpot": ["火锅", "Hot pot", "涮锅", "火锅店", "shabu shabu"],
    "shop": ["shop"],
    "shop.tea_drinks": ["tea drinks"],
}
PIECES = [
    "火锅",
    "海底捞",
    "吃",
    "重庆",
    "Hot Pots",
    "7-Eleven",
    "号",
    "33",
    "café",
    "銀行",
    "🍔",
    " ",
]


def frame(rows: Sequence[Row]) -> pl.DataFrame:
    """Merchants with every field that texts are taken from."""
    columns = {
        field.column: pl.Series(
            [row.get(field.column) for row in rows],
            dtype=pl.List(pl.String) if field.column in LISTS else pl.String,
        )
        for field in FIELDS
        if field.column != CATEGORIES
    }
    return pl.DataFrame(columns)


def rows_of(merchants: Sequence[Row]) -> TextRows:
    """What the build makes of merchants; `categories` is a row of `SETS`."""
    used = sorted({row.get(CATEGORIES, 0) for row in merchants})
    numbers = np.array([used.index(row.get(CATEGORIES, 0)) for row in merchants], np.uint32)
    sets = [SETS[number] for number in used]
    return text_rows(frame(merchants), TABLE, category_set=numbers, category_sets=sets)


def held(rows: TextRows, order: Sequence[int]) -> list[dict[int, int]]:
    """Impact by term of each document; fails unless a list holds a document once."""
    columns = text_columns(rows, np.array(order, np.int64))
    found: list[dict[int, int]] = [{} for _ in order]
    names = ("term_key", "term_begin", "term_doc_freq")
    for key, begin, freq in zip(*(columns[name].tolist() for name in names), strict=True):
        docs = columns["posting_doc"][begin : begin + freq].tolist()
        assert docs == sorted(set(docs))
        assert docs, "no term without a document"
        for doc, impact in zip(docs, columns["posting_impact"][begin : begin + freq], strict=True):
            found[doc][key] = int(impact)
    return found


def slow_terms(text: str, field: TextField) -> set[int]:
    """Terms of one text in a field."""
    exact = set(analyse([text]).key.tolist())
    pairs = [key & PAYLOAD for key in exact if key >> KIND_BITS == GRAM2]
    inner = {code >> 21 for code in pairs} | {code & (1 << 21) - 1 for code in pairs}
    if not field.by_character:
        exact -= {GRAM1 << KIND_BITS | code for code in inner}
    sounds = set(analyse_sounds([text]).key.tolist()) if field.by_sound else set()
    if not field.by_initials:
        sounds = {key for key in sounds if key >> KIND_BITS != INITIALS}
    said = field.whole_weight and read_query(text, lambda run: False)
    whole = {whole_key(text)} if said and analyse([text]).length[0] <= 6 else set()
    return exact | sounds | whole | (slow_beside(text) if field.by_number else set())


def slow_beside(text: str) -> set[int]:
    """A number and the word before or behind it, each between spaces or signs."""
    tokens = re.findall(r"\w+|[^\w ]+|(?<=\w) +(?=\w)", normalise(text))
    return {
        text_key(BESIDE, f"{one} {other}")
        for one, space, other in zip(tokens, tokens[1:], tokens[2:], strict=False)
        if not space.strip() and is_house(one, other)
    }


def is_house(one: str, other: str) -> bool:
    """Whether one of two words is a number and the other letters of a script with spaces."""
    return any(
        number.isdecimal() and word.isalpha() and not any(map(is_gram, word))
        for number, word in ((one, other), (other, one))
    )


def is_gram(char: str) -> bool:
    return bool(analyse([char]).key.size and analyse([char]).key[0] >> KIND_BITS == GRAM1)


def slow_impact(text: str, field: TextField, key: int, factor: float) -> int:
    if key >> KIND_BITS == WHOLE:
        return round(255 * field.whole_weight * factor)
    length = min(int(analyse([text]).length[0]) / (field.usual_length or 1), 4.0)
    norm = 1.0 if not field.usual_length else 1.3 / (1.0 + 1.2 * (0.25 + 0.75 * length))
    return max(1, round(255 * field.weight * factor * norm))


def slow_texts(row: Row) -> list[tuple[TextField, str, float]]:
    """Every text of a merchant with its field and what is taken off it."""
    found = []
    for field in FIELDS:
        if field.column != CATEGORIES:
            value = row.get(field.column) or []
            texts = value if isinstance(value, list) else [value]
            found += [(field, text, 1.0) for text in texts if text]
            continue
        for path in SETS[row.get(CATEGORIES, 0)]:
            parts = path.split(".")
            for size in range(1, len(parts) + 1):
                factor = 0.8 ** (len(parts) - size)
                found += [(field, word, factor) for word in WORDS[".".join(parts[:size])]]
    return found


def slow_held(row: Row) -> dict[int, int]:
    best: dict[int, int] = {}
    for field, text, factor in slow_texts(row):
        for key in slow_terms(text, field):
            best[key] = max(best.get(key, 0), slow_impact(text, field, key, factor))
    return best


@st.composite
def merchant_rows(draw: st.DrawFn) -> Row:
    text = st.lists(st.sampled_from(PIECES), max_size=4).map("".join)
    row: dict[str, Any] = {"name": draw(text), CATEGORIES: draw(st.integers(0, len(SETS) - 1))}
    for field in FIELDS[1:]:
        if field.column in LISTS:
            row[field.column] = draw(st.none() | st.lists(text, max_size=3))
        elif field.column != CATEGORIES:
            row[field.column] = draw(st.none() | text)
    return row


def test_terms_and_impacts_are_those_of_a_loop_over_texts() -> None:
    compared = 0

    @given(st.lists(merchant_rows(), max_size=5), st.randoms(use_true_random=False))
    @settings(max_examples=150)
    def compare(merchants: list[Row], random: Any) -> None:
        nonlocal compared
        order = random.sample(range(len(merchants)), len(merchants))
        found = held(rows_of(merchants), order)
        for doc, row in enumerate(order):
            expected = slow_held(merchants[row])
            assert found[doc].keys() == expected.keys()
            # A step apart where the two orders of multiplication round differently.
            assert all(abs(found[doc][key] - expected[key]) <= 1 for key in expected)
            compared += len(expected)

    compare()
    assert compared > 5_000


# --- what fields are worth -----------------------------------------------------------------------


def impact_of(column: str, text: str, word: str) -> int:
    """Impact of a word in a document with this text in a field."""
    value = [text] if column in LISTS else text
    (found,) = held(rows_of([{column: value}]), [0])
    return found[int(analyse([word]).key[0])]


def test_fields_are_worth_less_from_one_to_the_next() -> None:
    # At their usual lengths: so many words, of which one is looked for.
    found = [
        impact_of(field.column, " ".join(["wok", *"abcdefghijk"[: field.usual_length - 1]]), "wok")
        for field in FIELDS
        if field.usual_length
    ]
    assert found == sorted(found, reverse=True)
    assert len(found) == len(FIELDS) - 1, "all but the categories"


@pytest.mark.parametrize("words", [1, 3, 10, 40, 400])
def test_a_name_beats_an_address_at_any_length(words: int) -> None:
    name = " ".join(["wok", *(f"x{number}" for number in range(1, words))])
    assert impact_of("name", name, "wok") > impact_of("address", "wok", "wok")


def test_the_best_field_counts() -> None:
    name, brand = "海底捞火锅静安寺大悦城旗舰店", "海底捞"
    both, one, other = held(
        rows_of([{"name": name, "brand": brand}, {"name": name}, {"brand": brand}]), [0, 1, 2]
    )
    for key in both:
        assert both[key] == max(one.get(key, 0), other.get(key, 0))
    assert both.keys() == one.keys() | other.keys()


def test_a_category_matches_its_words_and_its_ancestors_less() -> None:
    (found,) = held(rows_of([{CATEGORIES: 1}]), [0])
    worth = {
        word: found[int(analyse([word]).key[-1])]
        for word in ("火锅", "涮锅", "hot", "shabu", "restaurant", "美食", "food")
    }
    own = round(255 * next(field.weight for field in FIELDS if field.column == CATEGORIES))
    assert worth["火锅"] == worth["涮锅"] == worth["hot"] == worth["shabu"] == own
    assert own > worth["restaurant"] > worth["美食"] == worth["food"] > 0
    wholes = [found[whole_key(text)] for text in ("涮锅", "hot pot", "shabushabu", "美食")]
    assert wholes == [255, 255, 255, round(255 * 0.64)]
    assert whole_key("hot") not in found


def test_the_whole_of_a_name_is_worth_what_the_field_is() -> None:
    row = {"name": "7-Eleven 便利店", "brand": "7-Eleven", "address": "巨鹿路", "tags": ["wifi"]}
    (found,) = held(rows_of([row]), [0])
    assert found[whole_key("7-eleven便利店")] == 255
    assert found[whole_key("7 eleven")] == round(255 * 0.95)
    assert not {whole_key(text) for text in ("便利店", "巨鹿路", "wifi", "")} & found.keys()


def test_a_long_text_is_not_looked_up_as_a_whole() -> None:
    six, seven = "一二三四五六", "一二三四五六七"
    (found,) = held(rows_of([{"name": six, "brand": seven}]), [0])
    assert whole_key(six) in found
    assert whole_key(seven) not in found


# --- what is looked at how often -----------------------------------------------------------------


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Texts that are analysed as written, those as they sound after a mark."""
    texts: list[str] = []

    def watched(analyser: Callable[[Sequence[str]], Any], mark: str) -> Any:
        def analysed(given: Sequence[str]) -> Any:
            texts.extend(mark + text for text in given)
            return analyser(given)

        return analysed

    monkeypatch.setattr(build_text, "analyse", watched(analyse, ""))
    monkeypatch.setattr(build_text, "analyse_sounds", watched(analyse_sounds, "~"))
    monkeypatch.setattr(build_text, "whole_keys", watched(whole_keys, "="))
    return texts


def test_a_text_is_analysed_once(seen: list[str]) -> None:
    chain = {"name": "海底捞", "brand": "海底捞", "aliases": ["海底捞", "HDL"], CATEGORIES: 1}
    rows_of([{**chain, "address": f"{number % 3}号"} for number in range(30)])
    assert len(seen) == len(set(seen))
    assert {"海底捞", "~海底捞", "HDL", "0号", "2号", "火锅", "~火锅"} <= set(seen)
    assert "~0号" not in seen, "nobody looks for how an address sounds"


def test_a_chain_shares_its_texts_and_synonyms_their_postings() -> None:
    rows = rows_of([{"name": "海底捞", "brand": "海底捞", CATEGORIES: 1} for _ in range(50)])
    once = rows_of([{"name": "海底捞", "brand": "海底捞", CATEGORIES: 1}])
    assert len(rows.texts.term_row) == len(once.texts.term_row)
    columns = text_columns(rows, np.arange(50))
    assert (columns["term_doc_freq"] == 50).all()
    # Parts of 海底捞 with its sounds, the whole of it; the same for the words of three categories.
    assert len(columns["posting_doc"]) == 50 * (2 + 2 * 3)


def test_texts_of_a_list_are_told_apart() -> None:
    merchants = frame(
        [{"tags": ["a", "b"]}, {"tags": None}, {"tags": []}, {"tags": ["b", "", None]}]
    )
    found = field_texts(merchants, "tags")
    assert found.texts == ["a", "b"]
    assert found.merchant.tolist() == [0, 0, 3]
    assert found.text.tolist() == [0, 1, 1]


# merchants of each of three names, how many pinyins are kept at most, how many are
FREQUENT = [
    ([3, 2, 1], 3, 3),
    ([3, 2, 1], 2, 2),
    ([3, 1, 1], 2, 1),
    ([1, 1, 1], 2, 0),
    ([2, 3, 2], 1, 1),
]


@pytest.mark.parametrize(("freqs", "limit", "kept"), FREQUENT)
def test_the_pinyins_of_most_merchants_are_kept(
    monkeypatch: pytest.MonkeyPatch, freqs: list[int], limit: int, kept: int
) -> None:
    monkeypatch.setattr(build_text, "FEWEST_PINYINS", limit)
    monkeypatch.setattr(build_text, "PINYINS_A_MERCHANT", 0.0)
    names = {"海底捞": "haidilao", "蜀味": "shuwei", "老街": "laojie"}
    merchants = [
        {"name": name} for name, freq in zip(names, freqs, strict=True) for _ in range(freq)
    ]
    rows = rows_of(merchants)
    found = held(rows, range(len(merchants)))
    with_pinyin = {
        name: sum(text_key(PINYIN, pinyin) in terms for terms in found)
        for name, pinyin in names.items()
    }
    assert sum(freq > 0 for freq in with_pinyin.values()) == len(rows.pinyins) == kept
    for (name, freq), borne in zip(with_pinyin.items(), freqs, strict=True):
        assert freq in (0, borne)
        assert sum(set(analyse([name]).key.tolist()) <= terms.keys() for terms in found) == borne
    out = [borne for freq, borne in zip(with_pinyin.values(), freqs, strict=True) if not freq]
    assert all(freq > max(out, default=0) for freq in with_pinyin.values() if freq)


# --- phrases -------------------------------------------------------------------------------------


def test_names_that_a_query_is_cut_at() -> None:
    rows = rows_of(
        [
            {"name": "不算", "brand": "海底撈", "business_area": "静安寺", "city": "上海市"},
            {"district": "浦东新区", "tags": ["可刷卡"], "address": "不算", "aliases": ["不算"]},
            {"district": "达县", "city": "HK", CATEGORIES: 1},
        ]
    )
    names = "海底捞 静安寺 上海市 上海 浦东新区 浦东 可刷卡 达县 hk 火锅 火锅店 涮锅 美食 吃 food"
    assert set(names.split()) <= set(rows.phrases)
    assert not {"不算", "达", "新区", ""} & set(rows.phrases)
    assert rows.phrases == sorted({normalise(phrase) for phrase in rows.phrases})


# --- the whole way -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def segment(tmp_path_factory: pytest.TempPathFactory) -> Segment:
    folder = tmp_path_factory.mktemp("text")
    shops = [
        merchant(0, name="海底捞火锅", branch_name="静安寺店", categories=["food.hotpot"]),
        merchant(1, name="KFC肯德基", address="南京西路33号", business_area="静安寺"),
        merchant(2, name="Closed", business_status="CLOSED_PERMANENTLY"),
        merchant(3, name="蜀味", aliases=["Sichuan Taste"], tags=["wifi"], categories=["food"]),
    ]
    words = [
        {"category_id": "food.hotpot", "names": {"en": "Hot pot"}, "aliases": {"zh": ["涮锅"]}}
    ]
    write_snapshot(folder / "snapshot", {"merchants": shops, "categories": words})
    build(folder / "snapshot", folder / "index")
    return Segment(current(folder / "index") / SEGMENT)


FINDS: list[tuple[str, set[str]]] = [
    ("海底捞", {"m0"}),
    ("涮锅", {"m0"}),
    ("hot", {"m0"}),
    ("food", {"m0", "m3"}),
    ("静安寺", {"m0", "m1"}),
    ("kfc", {"m1"}),
    ("33", {"m1"}),
    ("号", {"m1"}),
    ("wifi", {"m3"}),
    ("taste", {"m3"}),
    ("closed", set()),
    ("hotpot", {"m0"}),
]


@pytest.mark.parametrize(("text", "ids"), FINDS, ids=[text for text, _ in FINDS])
def test_a_segment_finds(segment: Segment, text: str, ids: set[str]) -> None:
    words = SegmentText(segment)
    (word,) = read_query(text, words.is_phrase)
    found: set[str] = set()
    for reading in word.readings:
        docs = []
        for row in map(words.vocabulary.term, reading):
            begin, freq = (int(words.postings.begin[row]), int(words.postings.doc_freq[row]))
            docs.append(
                set(words.postings.doc[begin : begin + freq].tolist()) if row >= 0 else set()
            )
        found |= {segment.merchant_id(doc) for doc in set.intersection(*docs)}
    assert found == ids


def test_a_segment_knows_phrases(segment: Segment) -> None:
    words = SegmentText(segment)
    assert words.is_phrase("静安寺")
    assert words.is_phrase("涮锅")
    assert not words.is_phrase("静安")
    assert [word.text for word in read_query("静安寺涮锅", words.is_phrase)] == ["静安寺", "涮锅"]
