"""Text analyser: text to terms as written, for documents and for queries.

Useful for: the terms to store for a name or an address, and to look up for a query.
Not useful for: terms by sound; `pinyin` makes those, and search uses them if no exact match exists.

In scripts without spaces a query looks up pairs of neighbouring characters, or a single character.
In other scripts it looks up words. A query may be any part of a document's text that begins and
ends at spaces or between a run and a compound; the document then has all terms of the query.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import islice, pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from indexes.terms.keys import (
    BESIDE,
    CHUNK,
    CODE_BITS,
    GRAM1,
    GRAM2,
    TABLE,
    WHOLE,
    WORD,
    Strings,
    Terms,
    Word,
    distinct,
    gram_keys,
    joined_terms,
    pack,
    ranges,
    text_key,
)
from indexes.text.folding import BREAK, fold_all, normalise, otherwise
from indexes.text.short_names import short_names
from indexes.text.syllables import SYLLABLES
from indexes.text.tokens import (
    COMPOUND,
    LETTER,
    MAX_TERMS,
    MAX_WORD,
    TOKEN,
    UNTYPED,
    compound_parts,
    document_words,
    gram_table,
    query_words,
)

MAX_WORDS: Final = 8
"""Most words of a query; `read_words` names the words that it leaves out."""
MAX_PHRASE: Final = 8
"""Most characters of a phrase at which a run of a query is cut."""
_MAX_TOKENS: Final = 64
"""Most tokens of a query that are read; tokens after them are mostly repetitions."""
_MAX_CUT: Final = 32
"""A longer run is not cut; nobody types one."""


_BESIDE: Final = re.compile(
    rf"(?<!\w)(?:(?=(\d+) +({LETTER}+)(?!\w))|(?=({LETTER}+) +(\d+)(?!\w)))"
)


class _Compounds(dict[str, int]):
    """Numbers of distinct compounds, with the words and the token count of each."""

    def __init__(self) -> None:
        super().__init__()
        self.words = Strings(WORD)
        self.rows: list[tuple[int, ...]] = []
        self.tokens: list[int] = []

    def __missing__(self, compound: str) -> int:
        self.rows.append(tuple(self.words[word] for word in document_words(compound)))
        self.tokens.append(max(1, len(compound_parts(compound)) - 1))
        number = self[compound] = len(self)
        return number


def analyse(texts: Sequence[str]) -> Terms:
    """Distinct terms of each of n texts as written.

    Parameters
    ----------
    texts
        Any text, folded or not; the first `folding.MAX_TEXT` characters of each count.

    Returns
    -------
    Terms
        Of kind GRAM1 and GRAM2 for scripts without spaces, and WORD for others: a word, its
        singular, a compound without joiners, and its parts. The terms include those of the ASCII
        respelling (`folding.otherwise`) and of short names. A text without letters and digits has
        none.
    """
    compounds = _Compounds()
    keys, counts, lengths = [], [], []
    for begin in range(0, len(texts), CHUNK):
        chunk = texts[begin : begin + CHUNK]
        packed, length = _cut(fold_all(chunk), np.arange(len(chunk) + 1), compounds)
        instead = [(at, other) for at, text in enumerate(chunk) for other in _otherwise(text)]
        if instead:
            owner = np.array([at for at, _ in instead] + [len(chunk)])
            more, _ = _cut(fold_all([other for _, other in instead]), owner, compounds)
            packed = np.concatenate((packed, more))
        table = compounds.words.term_keys()
        key, count = distinct(packed, (GRAM1, GRAM2), table, len(chunk))
        keys.append(key)
        counts.append(count)
        lengths.append(length)
    return joined_terms(keys, counts, lengths, words=compounds.words)


def _otherwise(text: str) -> list[str]:
    """The ASCII respelling and the short names of a text."""
    instead = otherwise(text)
    return [instead, *short_names(text)] if instead else short_names(text)


def _cut(
    folded: str, owner: NDArray[np.int64], compounds: _Compounds
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Packed terms of the texts that `folded` joins, and the tokens of each.

    Parameters
    ----------
    owner
        Number of the text that each folded text belongs to, ascending; last the number of texts.
    """
    code = np.frombuffer(folded.encode("utf-32-le"), dtype=np.uint32)
    text = owner[np.cumsum(code == ord(BREAK))]
    texts = int(owner[-1])
    is_gram = gram_table()[code]
    at = np.flatnonzero(is_gram)
    packed = [pack(text[at], 0, code[at].astype(np.int64))]
    length = np.bincount(text[at], minlength=texts)
    at = np.flatnonzero(is_gram[:-1] & is_gram[1:])
    first, second = code[at].astype(np.int64), code[at + 1].astype(np.int64)
    packed.append(pack(text[at], 1, first << CODE_BITS | second))

    starts, found = [], []
    for match in COMPOUND.finditer(folded):
        starts.append(match.start())
        found.append(compounds[match.group()])
    if found:
        number = np.array(found)
        place = text[np.array(starts)]
        length += np.bincount(
            place, weights=np.array(compounds.tokens)[number], minlength=texts
        ).astype(np.int64)
        sizes = np.array([len(row) for row in compounds.rows])
        words = np.array([word for row in compounds.rows for word in row])
        size = sizes[number]
        entry = ranges((np.cumsum(sizes) - sizes)[number], size)
        packed.append(pack(np.repeat(place, size), TABLE, words[entry]))
    return np.concatenate(packed), length.astype(np.int32)


def read_query(text: str, is_phrase: Callable[[str], bool]) -> list[Word]:
    """The words of a query, in order; see `read_words`."""
    return read_words(text, is_phrase)[0]


def read_words(text: str, is_phrase: Callable[[str], bool]) -> tuple[list[Word], list[str]]:
    """The words of a query, in order, and the words beyond the limits.

    Parameters
    ----------
    text
        The typed text.
    is_phrase
        Whether a run of characters is a known name: a category, a brand, an area.

    Returns
    -------
    words : list of Word
        A match should have all of them. At most `MAX_WORDS`, with at most `MAX_TERMS` terms per
        reading; empty for a text without letters and digits. Known phrases cut a run, so that the
        parts of `人民广场火锅` can match in different fields. Neighbouring words that are one
        syllable of pinyin each become one word.
    left_out : list of str
        Words after the limit, and the end of a run with more terms; each once, in order.
    """
    words: dict[str, Word] = {}
    left_out: dict[str, None] = {}
    syllables: list[str] = []
    seen: set[str] = set()
    end = -1
    for number, (match, instead) in enumerate(_tokens(text)):
        token, is_glued = match.group(), match.start() == end
        end = match.end()
        if len(words) >= MAX_WORDS or number >= _MAX_TOKENS:
            if token not in seen and token not in words:
                left_out[token] = None
            continue
        parts = token.split("'")
        if len(syllables) + len(parts) <= MAX_TERMS and all(part in SYLLABLES for part in parts):
            # `xi'an` is two syllables. Directly after characters they are a word of their own.
            if is_glued:
                _add_spaced(words, syllables)
            syllables += parts
            if is_glued:
                _add_spaced(words, syllables, is_glued=True)
            continue
        _add_spaced(words, syllables)
        if token in seen:
            continue
        seen.add(token)
        if match.lastindex:
            for word in _run_words(token[:MAX_WORD], is_phrase, is_glued=is_glued):
                words.setdefault(word.text, word)
                left_out |= dict.fromkeys(filter(None, [word.text[MAX_TERMS + 1 :]]))
            left_out |= dict.fromkeys(filter(None, [token[MAX_WORD:]]))
        else:
            word = _latin(token, is_glued=is_glued, instead=instead)
            words.setdefault(word.text, word)
    _add_spaced(words, syllables)
    taken = list(words.values())
    after = dict.fromkeys(word.text for word in taken[MAX_WORDS:])
    return taken[:MAX_WORDS], list(after | left_out)


def _tokens(text: str) -> Iterator[tuple[re.Match[str], str]]:
    """Tokens of a query, each with its ASCII respelling, empty if that is the same."""
    found = list(TOKEN.finditer(normalise(text)))
    others = [match.group() for match in TOKEN.finditer(normalise(otherwise(text)))]
    if len(others) != len(found):
        others = [""] * len(found)
    for match, other in zip(found, others, strict=True):
        yield match, "" if other == match.group() else other


def whole_key(text: str) -> int:
    """Key of kind WHOLE of a text: all its letters and digits, folded.

    A name and a query for exactly this name have equal keys, with any spaces and signs between the
    words. A text without letters and digits has the key of the empty text.

    Examples
    --------
    >>> whole_key("7-Eleven（便利店）") == whole_key("7 ELEVEN 便利店") != whole_key("7-Eleven")
    True
    """
    return text_key(WHOLE, _letters(normalise(text)))


def whole_keys(texts: Sequence[str]) -> NDArray[np.uint64]:
    """`whole_key` of each of n texts, uint64[n]."""
    folded = fold_all(texts)
    # A text up to `MAX_WORD` has no overlong word to cut, so removing the signs is enough.
    keys = (
        text_key(WHOLE, letters if len(text) <= MAX_WORD else _letters(text))
        for text, letters in zip(
            folded.split(BREAK), UNTYPED.sub("", folded).split(BREAK), strict=True
        )
    )
    return np.fromiter(islice(keys, len(texts)), np.uint64, len(texts))


def beside_keys(texts: Sequence[str]) -> list[list[int]]:
    """Keys of kind BESIDE of each text: a number with the word before or after it.

    Examples
    --------
    >>> [[hex(key)[:3] for key in keys] for keys in beside_keys(["201 Mission St", "静安寺", "7"])]
    [['0x9'], [], []]
    """
    return [
        [text_key(BESIDE, " ".join(filter(None, found))) for found in _BESIDE.findall(text)]
        for text in fold_all(texts).split(BREAK)[: len(texts)]
    ]


def beside(words: Sequence[Word]) -> Iterator[tuple[int, int]]:
    """Position and BESIDE key of each pair of neighbouring words of which one is a number."""
    for at, (one, other) in enumerate(pairwise(words)):
        if one.kind == other.kind == "latin" and one.text.isdigit() != other.text.isdigit():
            yield at, text_key(BESIDE, f"{one.text} {other.text}")


def _letters(folded: str) -> str:
    """Letters and digits of a folded text."""
    return "".join(
        [
            match.group() if match.lastindex else compound_parts(match.group())[0]
            for match in TOKEN.finditer(folded)
        ]
    )


def _run_words(run: str, is_phrase: Callable[[str], bool], *, is_glued: bool) -> Iterator[Word]:
    """The pieces of a run as words.

    A piece of one character also gets readings of the pair with each neighbour, because documents
    have single characters as terms for some fields only.
    """
    pieces = _cut_run(run, is_phrase)
    begin = 0
    for piece in pieces:
        end = begin + len(piece)
        readings = [gram_keys(piece[: MAX_TERMS + 1])]
        if len(piece) == 1 and begin:
            readings.append(gram_keys(run[begin - 1 : end]))
        if len(piece) == 1 and end < len(run):
            readings.append(gram_keys(run[begin : end + 1]))
        yield Word(piece, "cjk", tuple(readings), is_glued or begin > 0)
        begin = end


def _latin(compound: str, *, is_glued: bool = False, instead: str = "") -> Word:
    readings = query_words(compound)
    keys = tuple(tuple(text_key(WORD, word) for word in reading) for reading in readings)
    return Word(readings[0][0], "latin", keys, is_glued, instead)


def _add_spaced(words: dict[str, Word], syllables: list[str], *, is_glued: bool = False) -> None:
    """Add `hai di lao` as one word, since it may be the name 海底捞; clear the syllables."""
    if len(syllables) == 1:
        words.setdefault(syllables[0], _latin(syllables[0], is_glued=is_glued))
    elif syllables:
        joined = "".join(syllables)
        apart = tuple(text_key(WORD, syllable) for syllable in dict.fromkeys(syllables))
        readings = (apart, (text_key(WORD, joined),))
        words.setdefault(
            joined, Word(joined, "latin", readings, is_glued, syllables=tuple(syllables))
        )
    syllables.clear()


def _cut_run(run: str, is_phrase: Callable[[str], bool]) -> list[str]:
    """Cut a run at the known phrases that cover most characters, and at the fewest of these.

    Characters between two phrases stay together.
    """
    size = len(run)
    if size < 3 or size > _MAX_CUT or is_phrase(run):
        return [run]
    # best[i]: 16 points for each covered character before i, minus one for each phrase.
    best = [0] * (size + 1)
    begin = list(range(-1, size))
    known = [False] * (size + 1)
    for end in range(1, size + 1):
        best[end] = best[end - 1]
        for start in range(max(0, end - MAX_PHRASE), end - 1):
            value = best[start] + 16 * (end - start) - 1
            if value > best[end] and is_phrase(run[start:end]):
                best[end], begin[end], known[end] = value, start, True
    pieces: list[str] = []
    end, rest = size, size
    while end > 0:
        if known[end]:
            pieces += [run[end:rest]] * (rest > end) + [run[begin[end] : end]]
            rest = begin[end]
        end = begin[end]
    return [*[run[:rest]] * (rest > 0), *reversed(pieces)]
