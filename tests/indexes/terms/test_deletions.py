"""`indexes.terms.deletions`: every word within reach is a candidate, and the work is bounded."""

import itertools
import random
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from numba import config

from indexes.terms import deletions
from indexes.terms.deletions import (
    MAX_CANDIDATES,
    MAX_LETTERS,
    MAX_VISITS,
    Deletions,
    build_deletions,
    edits_allowed,
)

ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789éßñøæþð" * 2


def osa(first: str, second: str) -> int:
    """Slow twin of the distance: three rows of the table of Wagner and Fischer, with swaps."""
    before: list[int] = []
    above = list(range(len(second) + 1))
    for i, a in enumerate(first):
        row = [i + 1]
        for j, b in enumerate(second):
            row.append(min(above[j + 1] + 1, row[j] + 1, above[j] + (a != b)))
            if i and j and a == second[j - 1] and b == first[i - 1]:
                row[-1] = min(row[-1], before[j - 1] + 1)
        before, above = above, row
    return above[-1]


def one_edit(word: str, letters: str) -> Iterator[str]:
    """Every word that one edit with one of `letters` makes."""
    for at in range(len(word) + 1):
        head, tail = word[:at], word[at:]
        if tail:
            yield head + tail[1:]
        if len(tail) > 1:
            yield head + tail[1] + tail[0] + tail[2:]
        for letter in letters:
            yield head + letter + tail
            if tail:
                yield head + letter + tail[1:]


def deletions_of(words: Sequence[str]) -> Deletions:
    text = np.frombuffer("".join(words).encode("utf-32-le"), np.uint32)
    start = np.cumsum([0, *map(len, words)], dtype=np.int64)
    return Deletions(build_deletions(text, start))


@pytest.mark.parametrize(
    ("first", "second", "distance"),
    [
        ("", "", 0),
        ("kfc", "", 3),
        ("starbucks", "starbuks", 1),
        ("starbucks", "satrbucks", 1),
        ("starbucks", "starbukcs", 1),
        ("abcd", "badc", 2),
        ("ca", "abc", 3),  # a letter that was swapped is not edited again
    ],
)
def test_the_slow_distance_is_right(first: str, second: str, distance: int) -> None:
    assert osa(first, second) == osa(second, first) == distance


@pytest.mark.parametrize("letters", [3, 4, 6, 7, 8, 9, 10, 11, 13, 14, 19, 63, 64])
@pytest.mark.parametrize("repeats", [False, True], ids=["distinct", "repeating"])
def test_no_edit_escapes(letters: int, repeats: bool) -> None:
    """Every word that two edits make, around every cut and every end."""
    word = ("abaab" * 20 if repeats else ALPHABET)[:letters]
    index = deletions_of([word])
    asked = {query for edit in one_edit(word, "xb") for query in one_edit(edit, "xa")}
    asked |= set(one_edit(word, "xyab")) | {word}
    # In plain Python, and for the longest words, a fair share of them is enough.
    queries = sorted(asked)[:: 1 + len(asked) // (500 if config.DISABLE_JIT else 10_000)]
    found = 0
    for query in queries:
        edits = edits_allowed(len(query))
        if index.candidates(query).words.size:
            found += 1
        else:
            assert edits == 0 or osa(word, query) > edits
    assert len(queries) >= 40
    # Two edits are too many for a short word, and most of these have two.
    assert found >= len(queries) // (2 if letters >= deletions.LONG else 15)


def test_words_out_of_reach_are_no_candidates() -> None:
    words = ["ab", "abc", "abcd", "x" * (MAX_LETTERS + 1)]
    index = deletions_of(words)
    assert index.candidates("abc").words.tolist() == []
    assert index.candidates("abcd").words.tolist() == [1, 2]
    assert index.candidates("x" * MAX_LETTERS).words.tolist() == []
    assert index.candidates("x" * (MAX_LETTERS + 1)).words.tolist() == []
    assert index.candidates("").words.tolist() == []


def test_no_words_have_no_candidates() -> None:
    found = deletions_of([]).candidates("haidilao")
    assert (found.words.tolist(), found.visits) == ([], 0)


def test_candidates_ascend_without_repeats() -> None:
    words = ["aaaaaaaa", *("a" * i + "b" + "a" * (7 - i) for i in range(8)), "aaaaaaa", "bbbbbbbb"]
    index = deletions_of(words)
    assert index.candidates("aaaaaaaa").words.tolist() == list(range(10))


def test_probes_are_fewer_than_eighty_whatever_the_word() -> None:
    index = deletions_of([ALPHABET[:size] for size in range(1, 70)])
    probes = [index.candidates(ALPHABET[:size]).probes for size in range(70)]
    assert probes[:4] == [0, 0, 0, 0]
    assert probes[MAX_LETTERS + 1 :] == [0] * (69 - MAX_LETTERS)
    assert min(probes[4 : MAX_LETTERS + 1]) >= 8
    assert max(probes) < 80


def test_a_vocabulary_is_not_scanned() -> None:
    draw = random.Random(1)
    size = 2_000 if config.DISABLE_JIT else 20_000
    words = sorted(
        {"".join(draw.choices("aeinorst", k=draw.randint(4, 12))) for _ in range(size)},
    )
    index = deletions_of(words)
    queries = draw.sample(words, 200)
    found = [index.candidates(query) for query in queries]
    assert all(words.index(query) in f.words for query, f in zip(queries, found, strict=True))
    assert sum(candidates.visits for candidates in found) < len(words) / 100 * len(queries)
    assert sum(candidates.words.size for candidates in found) < len(words) / 300 * len(queries)


def test_work_is_bounded_where_all_words_are_alike() -> None:
    """Same letters, same beginning, same end: nothing tells the words apart."""
    middles = itertools.permutations("bcdefghi")
    share = 3_000 if config.DISABLE_JIT else 40_320
    words = ["aaaaaaaa" + "".join(m) + "zzzz" for m in itertools.islice(middles, share)]
    index = deletions_of(words)
    found = index.candidates(words[-1])
    assert found.words.size == MAX_CANDIDATES
    assert found.visits < found.probes * MAX_VISITS
    # The rest of the word is looked up first, so that not even here a word is lost to its likes.
    assert len(words) - 1 in found.words


def test_a_hash_is_followed_only_so_far() -> None:
    """One beginning for all, letters that rule every word out: nothing fills the candidates."""
    size = MAX_VISITS + 500
    draw = random.Random(2)
    words = ["longname" + "".join(draw.choices("bcdf", k=8)) for _ in range(size)]
    found = deletions_of(words).candidates("longnamevwxyvwxy")
    assert found.words.size == 0
    # Of "longname" eight letters can be left out.
    assert found.visits == 8 * MAX_VISITS


def test_entries_stay_small() -> None:
    draw = random.Random(3)
    letters = "abcdefghijklmnopqrstuvwxyz"
    size = 20_000
    for length, most in ((4, 40), (8, 45), (16, 65)):
        words = ["".join(draw.choices(letters, k=length)) for _ in range(size)]
        text = np.frombuffer("".join(words).encode("utf-32-le"), np.uint32)
        columns = build_deletions(text, np.arange(size + 1) * length)
        assert sum(column.nbytes for column in columns.values()) <= most * size
        if config.DISABLE_JIT:
            break


@pytest.mark.parametrize(("name", "wrong"), [("word_bucket", "<i8"), ("word_deletion", "<u8")])
def test_wrong_columns_are_refused(name: str, wrong: str) -> None:
    columns = build_deletions(np.zeros(8, np.uint32), np.array([0, 8]))
    Deletions(columns)
    with pytest.raises(ValueError, match=rf"Expected 1-dimensional uint32.*`{name}`"):
        Deletions({**columns, name: columns[name].astype(wrong)})


def test_the_mask_of_letters_leaves_room_for_every_allowed_edit() -> None:
    assert max(edits_allowed(letters) for letters in range(100)) < deletions._MANY
