"""`indexes.terms.vocabulary` against a scan of all words that shares no code with it."""

import random
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import config
from numpy.typing import NDArray

from indexes.storage import FolderWriter, open_folder
from indexes.terms import vocabulary
from indexes.terms.keys import INITIALS, KIND_BITS, PINYIN, WORD, initials_key, text_key
from indexes.terms.vocabulary import Similar, Vocabulary, build_vocabulary, warm
from tests.indexes.terms.test_deletions import osa

Columns = dict[str, NDArray[Any]]


class Scan:
    """Slow twin of a vocabulary: a list of its words, the most frequent first."""

    def __init__(self, words: Iterable[str], pinyins: Iterable[str], freq: dict[int, int]) -> None:
        self.rows = {key: row for row, key in enumerate(sorted(freq))}
        named = [(text, text_key(WORD, text)) for text in words]
        named += [(text, text_key(PINYIN, text)) for text in pinyins]
        named.sort(key=lambda item: (-freq[item[1]], item[0], item[1]))
        self.ranked = [(text, self.rows[key]) for text, key in named]

    def with_prefix(self, prefix: str, limit: int) -> list[int]:
        return [row for text, row in self.ranked if text.startswith(prefix)][:limit]

    def similar(self, word: str, limit: int) -> list[tuple[int, str, int]]:
        most = 2 if len(word) >= 8 else 1
        if not 4 <= len(word) <= 64:
            return []
        scored = [
            (osa(word, text), row, text)
            for text, row in self.ranked
            if 3 <= len(text) <= 64 and abs(len(text) - len(word)) <= most
        ]
        near = sorted((entry for entry in scored if entry[0] <= most), key=lambda entry: entry[0])
        return [(row, text, distance) for distance, row, text in near][:limit]


def counts(words: Iterable[str], pinyins: Iterable[str]) -> dict[int, int]:
    """Frequencies with many ties, by key; and of some terms that are no words."""
    keys = [text_key(WORD, text) for text in words] + [text_key(PINYIN, text) for text in pinyins]
    keys += [1 << KIND_BITS | ord("火"), initials_key("hdl"), initials_key("hdlhg")]
    return {key: key % 4 for key in keys}


def built(words: list[str], pinyins: list[str], freq: dict[int, int]) -> Columns:
    keys = sorted(freq)
    doc_freq = np.array([freq[key] for key in keys], np.uint32)
    return build_vocabulary(np.array(keys, np.uint64), words, pinyins, doc_freq=doc_freq)


def both(words: Iterable[str], pinyins: Iterable[str] = ()) -> tuple[Vocabulary, Scan]:
    words, pinyins = list(words), list(pinyins)
    freq = counts(words, pinyins)
    return Vocabulary(built(words, pinyins, freq)), Scan(words, pinyins, freq)


def edited(draw: random.Random, word: str, letters: str, edits: int) -> str:
    for _ in range(edits):
        at = draw.randrange(len(word) + 1)
        head, tail = word[:at], word[at:]
        letter = draw.choice(letters)
        tail = draw.choice((tail[1:], tail[1:2] + tail[:1] + tail[2:], letter + tail))
        word = head + draw.choice((tail, letter + tail[1:]))
    return word


# Words around every length where the rules change, and families of words that are like each other.
alphabets = st.sampled_from(["ab", "abcdefghijklmnopqrstuvwxyz", "aeé", "0123456789", "aß七߿"])
edges = st.sampled_from([3, 4, 7, 8, 9, 13, 14, 62, 63, 64, 65, 66])
lengths = st.one_of(st.integers(1, 20), edges)


@st.composite
def worlds(draw: st.DrawFn) -> tuple[list[str], list[str], list[str]]:
    """Words, pinyins and words to ask for."""
    chance = draw(st.randoms(use_true_random=False))
    words: set[str] = set()
    pinyins: set[str] = set()
    asked = {"", "haidilao"}
    for _ in range(draw(st.integers(0, 4))):
        letters = draw(alphabets)
        word = "".join(chance.choices(letters, k=draw(lengths)))
        asked.add(word)
        for _ in range(draw(st.integers(1, 8))):
            like = edited(chance, word, letters, chance.randrange(4))
            kinds = chance.choice(([words], [pinyins], [words, pinyins]))
            for kind in kinds if like else []:
                kind.add(like)
            asked.add(edited(chance, like, letters, chance.randrange(3)))
    return sorted(words), sorted(pinyins, reverse=True), sorted(asked)


def test_look_ups_equal_a_scan() -> None:
    compared: Counter[str] = Counter()

    @settings(max_examples=300)
    @given(worlds(), st.integers(1, 12))
    def compare(world: tuple[list[str], list[str], list[str]], limit: int) -> None:
        words, pinyins, asked = world
        found, scan = both(words, pinyins)
        for word in asked:
            expected = scan.similar(word, limit)
            assert found.similar(word, limit=limit) == expected
            compared.update(asked=1, similar=len(expected), distant=sum(e[2] for e in expected))
            for prefix in {word, word[:1], word[: len(word) // 2], word + "a"}:
                completed = scan.with_prefix(prefix, limit)
                assert found.with_prefix(prefix, limit=limit) == completed
                compared.update(prefix=1, completed=len(completed))
        for text, row in scan.ranked:
            assert found.text(row) == text
        for key, row in scan.rows.items():
            assert found.term(key) == row
            assert found.key(row) == key

    compare()
    # Of some 2,500 words asked for; how many exactly depends on what is drawn.
    assert compared["asked"] > 1_000
    assert compared["similar"] > 1_000
    assert compared["distant"] > 1_000
    assert compared["prefix"] > 3_000
    assert compared["completed"] > 3_000


def test_a_large_vocabulary_equals_a_scan() -> None:
    draw = random.Random(5)
    size, asked = 2_000, 80
    syllables = "hai di lao huo guo chong qing xiao mian bei jing kao ya cha shi long".split()
    pinyins = {"".join(draw.choices(syllables, k=draw.randint(1, 6))) for _ in range(size)}
    words = {"".join(draw.choices("aeinorst", k=draw.randint(2, 9))) for _ in range(size)}
    found, scan = both(sorted(words), sorted(pinyins))
    hits = 0
    for word in draw.sample(sorted(words | pinyins), asked):
        query = edited(draw, word, "abdhiox", draw.randrange(3))
        expected = scan.similar(query, 50)
        assert found.similar(query, limit=50) == expected
        assert found.with_prefix(word[:2], limit=20) == scan.with_prefix(word[:2], 20)
        hits += len(expected)
    assert hits > asked


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("starbuks", [("starbucks", 1), ("starburst", 2)]),
        ("satrbucks", [("starbucks", 1)]),
        ("starbucks", [("starbucks", 0)]),
        ("stabuks", []),  # two edits are one too many for seven letters
        ("haidlao", [("haidilao", 1)]),
        ("hadilaoo", [("haidilao", 2)]),
        ("caffe", [("caffé", 1), ("cafe", 1)]),
        ("café", [("cafe", 1), ("caffé", 1)]),
        ("strase", [("straße", 1)]),
        ("kfc", []),  # three letters are never corrected
        ("kffc", [("kfc", 1)]),
        ("85dd", [("85d", 1)]),
        ("st\ud800rbucks", [("starbucks", 1)]),
    ],
)
def test_corrections(asked: str, expected: list[tuple[str, int]]) -> None:
    words = ["starbucks", "starburst", "kfc", "85d", "cafe", "caffé", "straße"]
    freq = counts(words, ["haidilao"])
    freq.update({text_key(WORD, word): 9 - place for place, word in enumerate(words)})
    found = Vocabulary(built(words, ["haidilao"], freq)).similar(asked, limit=10)
    assert sorted((like.text, like.distance) for like in found) == sorted(expected)
    assert [like.distance for like in found] == sorted(like.distance for like in found)


def test_a_text_may_be_a_word_and_a_pinyin() -> None:
    found, scan = both(["haidilao"], ["haidilao"])
    rows = [text_key(WORD, "haidilao"), text_key(PINYIN, "haidilao")]
    assert sorted(found.with_prefix("hai", limit=9)) == [found.term(key) for key in rows]
    assert len(found.similar("haidiloa", limit=9)) == 2
    assert found.similar("haidiloa", limit=1) == scan.similar("haidiloa", 1)


def test_words_with_one_key_share_a_row_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vocabulary, "text_key", lambda kind, text: kind << KIND_BITS | len(text))
    keys = np.array([WORD << KIND_BITS | size for size in (4, 8)], np.uint64)
    words = ["cafe", "kiwi", "starbuck", "haidilao"]
    found = Vocabulary(build_vocabulary(keys, words, [], doc_freq=np.array([1, 2], np.uint32)))
    assert found.similar("kiwwi", limit=9) == [Similar(0, "kiwi", 1)]
    assert found.similar("starbuk", limit=9) == [Similar(1, "starbuck", 1)]
    assert found.similar("haidilap", limit=9) == [Similar(1, "haidilao", 1)]
    assert found.with_prefix("kiw", limit=9) == [0]
    assert found.with_prefix("", limit=9) == [1, 0]
    assert [found.text(row) for row in range(2)] == ["cafe", "haidilao"]


def test_initials_that_begin_alike_are_one_range() -> None:
    names = ["g", "h", "hd", "hdl", "hdlhg", "he", "z" * 12]
    found = Vocabulary(built([], [], {7: 1} | {initials_key(name): 1 for name in names}))
    first = initials_key("hd")
    assert list(found.rows_between(first, first + (1 << 50))) == [3, 4, 5]
    assert found.rows_between(INITIALS << KIND_BITS, (INITIALS + 1) << KIND_BITS) == range(1, 8)
    assert not found.rows_between(0, 7)
    assert list(found.rows_between(7, 8)) == [0]


def test_neighbouring_keys_are_told_apart() -> None:
    """Keys of 63 bits: as float64, which numpy would compare, a thousand of them are one."""
    base = INITIALS << KIND_BITS | 1 << 59
    freq = {base + step: 1 for step in (1, 3, 5)}
    found = Vocabulary(built([], [], freq))
    assert [found.term(base + step) for step in range(7)] == [-1, 0, -1, 1, -1, 2, -1]
    assert (found.term(0), found.term((1 << 64) - 1), len(found)) == (-1, -1, 3)
    assert found.rows_between(base + 2, base + 4) == range(1, 2)


@pytest.mark.parametrize("freq", [{}, {1 << KIND_BITS | 28779: 3}], ids=["empty", "no words"])
def test_a_vocabulary_without_words(freq: dict[int, int]) -> None:
    found = Vocabulary(built([], [], freq))
    assert found.term(text_key(WORD, "kfc")) == -1
    assert found.with_prefix("k", limit=5) == []
    assert found.similar("starbucks", limit=5) == []
    assert not found.rows_between(INITIALS << KIND_BITS, (INITIALS + 1) << KIND_BITS)
    with pytest.raises(IndexError, match="Expected the row of a word, got 0"):
        found.text(0)


def test_a_vocabulary_of_one_word() -> None:
    found, _ = both(["starbucks"])
    row = found.term(text_key(WORD, "starbucks"))
    assert found.with_prefix("starbucks", limit=1) == [row]
    assert found.with_prefix("starbucksy", limit=1) == []
    assert found.similar("sratbuckss", limit=1) == []
    assert found.similar("satrbuckss", limit=1) == [(row, "starbucks", 2)]


def test_answers_are_the_same_from_a_folder(tmp_path: Path) -> None:
    words, pinyins = ["starbucks", "cafe", "caffé"], ["haidilao", "haidilaohuoguo"]
    columns = built(words, pinyins, counts(words, pinyins))
    with FolderWriter(tmp_path / "words") as writer:
        for name, column in columns.items():
            writer.add(name, column)
        writer.finish({})
    mapped = Vocabulary(open_folder(tmp_path / "words")[0])
    fresh = Vocabulary(columns)
    for word in ("starbuks", "caffe", "haidilaohuogou"):
        assert mapped.similar(word, limit=5) == fresh.similar(word, limit=5) != []
        assert mapped.with_prefix(word[:2], limit=5) == fresh.with_prefix(word[:2], limit=5) != []


def test_a_word_of_eight_letters_takes_at_most_a_hundred_bytes() -> None:
    draw = random.Random(6)
    size = 500 if config.DISABLE_JIT else 20_000
    words = {"".join(draw.choices("abcdefghijklmnopqrst", k=8)) for _ in range(size)}
    columns = built(sorted(words), [], counts(words, []))
    assert sum(column.nbytes for column in columns.values()) <= 100 * len(words)


def test_candidates_scored_are_few() -> None:
    draw = random.Random(7)
    size = 2_000 if config.DISABLE_JIT else 30_000
    words = {"".join(draw.choices("aaeeinorstlhdu", k=draw.randint(4, 14))) for _ in range(size)}
    found, _ = both(sorted(words))
    asked = [edited(draw, word, "aeinorst", 1) for word in draw.sample(sorted(words), 200)]
    scored = sorted(found.deletions.candidates(word).words.size for word in asked)
    assert sum(scored) > 100
    assert scored[100] <= 20
    assert scored[-1] <= 200


def test_frequencies_decide_among_equals() -> None:
    words = ["barn", "bark", "barb"]
    freq = {text_key(WORD, word): count for word, count in zip(words, (2, 9, 2), strict=True)}
    found = Vocabulary(built(words, [], freq))
    assert [like.text for like in found.similar("bart", limit=9)] == ["bark", "barb", "barn"]
    texts = [found.text(row) for row in found.with_prefix("bar", limit=9)]
    assert texts == ["bark", "barb", "barn"]


@pytest.mark.parametrize(
    ("keys", "words", "doc_freq", "message"),
    [
        ([2, 1], [], [1, 1], "Expected ascending keys"),
        ([1, 1], [], [1, 1], "Expected ascending keys"),
        ([1, 2], [], [1], "Expected 2 counts, got 1 - at `doc_freq`"),
        ([1, 2], ["kfc"], [1, 1], "Expected the key of every word, got none of 1 - at `keys`"),
    ],
)
def test_wrong_input_is_refused(
    keys: list[int], words: list[str], doc_freq: list[int], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        build_vocabulary(
            np.array(keys, np.uint64), words, [], doc_freq=np.array(doc_freq, np.uint32)
        )


def test_wrong_columns_are_refused() -> None:
    columns = built(["kfc"], [], counts(["kfc"], []))
    with pytest.raises(ValueError, match="got 1-dimensional int64 - at `term_key`"):
        Vocabulary({**columns, "term_key": columns["term_key"].astype(np.int64)})


def test_warm_needs_no_words() -> None:
    warm()
