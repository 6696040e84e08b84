"""Questions with words, and the worlds they are asked in.

Corpus: `geosearch synth`, Chinese and bilingual names, built with text. Words are drawn by the
share of merchants that hold them: pairs of characters, the more frequent ones from categories and
districts, the rarer ones from names and streets.
Question: nearest 20 of the shops open now with a deal of any of 8 cards, within 3 km. Words are
asked as typed; of a misspelt word only the first time counts, when nothing of it is kept: every
question is another mistake. Suggestions are for the first half of a shop's name, as written, as
pinyin or as initials.

Useful for: `suite`.
Not useful for: relevance; `benchmarks.relevance` measures that.
"""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray

from benchmarks.cache import kept
from benchmarks.families import TOP_K, AskedFamily, places, places_near, question_of
from benchmarks.table import PeerTable
from geosearch.indexing.pipeline import build
from geosearch.query.query import Query
from geosearch.search.searcher import Searcher
from geosearch.segment.segment import Segment
from geosearch.sources.synth.world import DEFAULT_CREATED_AT, synthesise
from geosearch.suggest.suggester import SuggestQuery
from geosearch.text.columns import SegmentText
from indexes.terms.keys import CODE_BITS, GRAM2, KIND_BITS, PAYLOAD
from indexes.text.analysis import read_query
from indexes.text.pinyin import full_pinyin

SEED = 1
CARDS = 8
SHARES = {"word_5": ("5 %", 0.05), "word_05": ("0.5 %", 0.005), "word_005": ("0.05 %", 0.0005)}
WORDS_OF_A_SHARE = 12
READ = ("火锅", "静安寺火锅", "海底捞火锅", "coffee", "starbucks coffee", "7-Eleven")
NAMES = (*SHARES, "two_words", "misspelt", "suggest")
"""Families that are asked in a world of texts."""

_SOURCES = (
    *("indexes/**/*.py", "geosearch/indexing/**/*.py", "geosearch/sources/synth/**/*.py"),
    *("geosearch/snapshot/**/*.py", "geosearch/hours/**/*.py", "geosearch/money/**/*.py"),
    *("geosearch/segment/**/*.py", "geosearch/text/**/*.py", "geosearch/suggest/**/*.py"),
)


def text_world(merchants: int, say: Callable[[str], None] = print) -> Path:
    """Index folder of a synthetic city with text, made first where the cache does not have it."""

    def write(folder: Path) -> None:
        say(f"Building a city of {merchants:,} with text in {folder}")
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix="snapshot-") as snapshot:
            synthesise(Path(snapshot), merchants=merchants, seed=SEED)
            build(Path(snapshot), folder, now=DEFAULT_CREATED_AT)

    return kept(f"texts-{merchants}-{SEED}", _SOURCES, write)


def cards_of(engine: Searcher) -> tuple[str, ...]:
    """The cards that most merchants are in."""
    most = sorted(engine.programs(), key=lambda program: -program["merchants"])
    return tuple(program["program_id"] for program in most[:CARDS])


class Term(NamedTuple):
    """A pair of characters and the documents that hold it."""

    text: str
    docs: NDArray[np.int64]


def terms_of_share(segment: Segment, share: float) -> list[Term]:
    """Pairs of characters whose share of the documents is nearest to this, no two of one list."""
    words = SegmentText(segment)
    rows = words.vocabulary.rows_between(GRAM2 << KIND_BITS, (GRAM2 + 1) << KIND_BITS)
    postings = words.postings
    freq = postings.doc_freq[rows.start : rows.stop] / len(segment)
    nearest = np.argsort(np.abs(np.log(freq / share)), kind="stable")
    terms: dict[int, Term] = {}
    for row in (nearest[: 20 * WORDS_OF_A_SHARE] + rows.start).tolist():
        begin, count = int(postings.begin[row]), int(postings.doc_freq[row])
        pair = words.vocabulary.key(row) & PAYLOAD
        text = chr(pair >> CODE_BITS) + chr(pair & ((1 << CODE_BITS) - 1))
        docs = postings.doc[begin : begin + count].astype(np.int64)
        terms.setdefault(begin, Term(text, docs))
    return list(terms.values())[:WORDS_OF_A_SHARE]


def misspelt(words: Sequence[str], rng: Random) -> Iterator[str]:
    """Words with one mistake each: a letter dropped, doubled, replaced or swapped; no two alike."""
    seen: set[str] = set(words)
    while True:
        word = rng.choice(words)
        at = rng.randrange(1, len(word) - 1)
        letter = rng.choice("etaoinshrdlu")
        wrong = rng.choice(
            (
                word[:at] + word[at + 1 :],
                word[:at] + word[at] + word[at:],
                word[:at] + letter + word[at + 1 :],
                word[: at - 1] + word[at] + word[at - 1] + word[at + 1 :],
                word[:at] + letter + word[at:],
            )
        )
        if wrong not in seen:
            seen.add(wrong)
            yield wrong


class TextQuestions:
    """Questions about an index with text.

    Parameters
    ----------
    engine
        Over one segment, built by `geosearch build`.
    count
        Questions of a family.
    table
        What peers are given; without it none is asked.
    """

    def __init__(self, engine: Searcher, count: int, table: PeerTable | None = None) -> None:
        (self.segment,) = engine.segments
        self._text = SegmentText(self.segment)
        self._spots = places(self.segment.columns, count, SEED)
        self._cards = cards_of(engine)
        self._table = table
        self._rng = Random(SEED)
        # A Tuesday evening within the horizon.
        self.at = engine.start + timedelta(days=3, hours=11, minutes=30)

    def family(self, name: str) -> AskedFamily:
        """Questions of one of `NAMES`."""
        if name in SHARES:
            label, share = SHARES[name]
            texts = [(term,) for term in terms_of_share(self.segment, share)]
            return self.asked(name, f"one word that {label} of shops hold", texts)
        if name == "two_words":
            # As people ask who know such a shop: anywhere else most pairs are not found together.
            label = "two words, 5 % and 0.5 %, near a shop with both"
            return self.asked(name, label, self._pairs(), near=True)
        return self._misspelt() if name == "misspelt" else self._suggest()

    def asked(
        self, name: str, label: str, texts: Sequence[tuple[Term, ...]], *, near: bool = False
    ) -> AskedFamily:
        """Words found as they are typed: `texts` in turn, perhaps near a shop with them."""
        chosen = [texts[number % len(texts)] for number in range(len(self._spots))]
        held = {_texts(terms): _in_all(terms) for terms in texts}
        among = [held[_texts(terms)] for terms in chosen]
        spots = self._spots
        if near:
            rng = np.random.default_rng(SEED)
            # Where no shop has both, the first stands for any.
            shops = np.array([rng.choice(docs) if len(docs) else 0 for docs in among])
            spots = places_near(self.segment.columns, shops, rng)
        queries = [
            self._query(" ".join(term.text for term in terms), spot)
            for terms, spot in zip(chosen, spots, strict=True)
        ]
        table = self._table
        questions = (
            [
                question_of(query, table, _texts(terms))
                for query, terms in zip(queries, chosen, strict=True)
            ]
            if table is not None
            else []
        )
        return AskedFamily(name, label, queries, questions, among)

    def _query(self, q: str, spot: tuple[float, float]) -> Query:
        return Query(
            lat=spot[0], lng=spot[1], at=self.at, q=q, open="now", cards=self._cards,
            sort="distance", limit=TOP_K,
        )  # fmt: skip

    def _pairs(self) -> list[tuple[Term, ...]]:
        """Pairs of words that most shops have both of."""
        frequent, rarer = (terms_of_share(self.segment, SHARES[name][1]) for name in NAMES[:2])
        pairs: list[tuple[Term, ...]] = [(a, b) for a in frequent for b in rarer]
        return sorted(pairs, key=lambda pair: -len(_in_all(pair)))[:WORDS_OF_A_SHARE]

    def _misspelt(self) -> AskedFamily:
        vocabulary = self._text.vocabulary
        words = {
            vocabulary.text(row)
            for first in "abcdefghijklmnopqrstuvwxyz"
            for row in vocabulary.with_prefix(first, limit=20)
        }
        known = sorted(word for word in words if len(word) >= 5)
        texts = misspelt(known, self._rng)
        queries = [self._query(text, spot) for text, spot in zip(texts, self._spots, strict=False)]
        return AskedFamily("misspelt", "a misspelt word, first time", queries, once=True)

    def _suggest(self) -> AskedFamily:
        queries = []
        for lat, lng in self._spots:
            doc = self._rng.randrange(len(self.segment))
            name = orjson.loads(bytes(self.segment.merchant_payload(doc)))["name"]
            queries.append(SuggestQuery(q=half_typed(name, self._rng), lat=lat, lng=lng))
        return AskedFamily("suggest", "suggest, half a name", queries)

    def read(self, text: str) -> object:
        """Read a query as the engine does."""
        return read_query(text, self._text.is_phrase)


def half_typed(name: str, rng: Random) -> str:
    """The first half of a name: as written, or what is Chinese in it as pinyin or initials."""
    half = name[: max(1, len(name) // 2)]
    way = rng.choice(("written", "written", "pinyin", "initials"))
    if way == "written":
        return half
    syllables = [full_pinyin(char) or char for char in half]
    return "".join(syllables if way == "pinyin" else [syllable[0] for syllable in syllables])


def _texts(terms: Sequence[Term]) -> tuple[str, ...]:
    return tuple(term.text for term in terms)


def _in_all(terms: Sequence[Term]) -> NDArray[np.int64]:
    """Documents that hold every term."""
    docs = terms[0].docs
    for term in terms[1:]:
        docs = np.intersect1d(docs, term.docs, assume_unique=True)
    return docs
