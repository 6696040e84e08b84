"""Queries with words, and their worlds.

Corpus: `geosearch synth`, Chinese and bilingual names, built with text. Words are drawn by the
share of merchants that have them. They are pairs of characters: frequent ones from categories and
districts, rare ones from names and streets.
Query: nearest 20 of the shops open now with a deal of any of 8 cards, within 3 km. Every misspelt
query has another mistake, and only its first run is timed, before any caching. Suggestions complete
the first half of a shop's name, as written, in pinyin or as initials. Families of words have cold
twins, as in `families`.

`benchmarks.relevance` measures relevance.
"""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import NamedTuple
from zlib import crc32

import msgspec
import numpy as np
import orjson
from numpy.typing import NDArray

from benchmarks.cache import kept
from benchmarks.families import COLD, TOP_K, AskedFamily, another_minute, question_of, wallets_like
from benchmarks.places import places, places_near
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
_WORDS = (*SHARES, "two_words")
NAMES = (*_WORDS, *(name + COLD for name in _WORDS), "misspelt", "suggest")
"""Families of a world with texts."""

_SOURCES = (
    *("indexes/**/*.py", "geosearch/indexing/**/*.py", "geosearch/sources/synth/**/*.py"),
    *("geosearch/snapshot/**/*.py", "geosearch/hours/**/*.py", "geosearch/money/**/*.py"),
    *("geosearch/segment/**/*.py", "geosearch/text/**/*.py", "geosearch/suggest/**/*.py"),
)


def text_world(merchants: int, say: Callable[[str], None] = print) -> Path:
    """Return the index folder of a synthetic city with text; build it if the cache lacks it."""

    def write(folder: Path) -> None:
        say(f"Building a city of {merchants:,} with text in {folder}")
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix="snapshot-") as snapshot:
            synthesise(Path(snapshot), merchants=merchants, seed=SEED)
            build(Path(snapshot), folder, now=DEFAULT_CREATED_AT)

    return kept(f"texts-{merchants}-{SEED}", _SOURCES, write)


def cards_of(engine: Searcher) -> tuple[str, ...]:
    """Return the cards with the most merchants."""
    most = sorted(engine.programs(), key=lambda program: -program["merchants"])
    return tuple(program["program_id"] for program in most[:CARDS])


class Term(NamedTuple):
    """A pair of characters and the documents that have it."""

    text: str
    docs: NDArray[np.int64]


def terms_of_share(segment: Segment, share: float) -> list[Term]:
    """Return the pairs of characters with a document share nearest to `share`.

    No two pairs share a posting list.
    """
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
    """Yield distinct words with one mistake: a letter dropped, doubled, replaced or swapped."""
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
    """Queries for an index with text.

    Parameters
    ----------
    engine
        Engine over one segment, built by `geosearch build`.
    count
        Number of queries in a family.
    table
        Table of the peers; None asks no peers.
    """

    def __init__(self, engine: Searcher, count: int, table: PeerTable | None = None) -> None:
        (self.segment,) = engine.segments
        self._text = SegmentText(self.segment)
        self._spots = places(self.segment.columns, count, SEED)
        self._cards = cards_of(engine)
        self._start = engine.start
        shares = {
            one["program_id"]: one["merchants"] / len(self.segment) for one in engine.programs()
        }
        self._wallets = wallets_like(self._cards, shares)
        self._table = table
        self._rng = Random(SEED)
        # A Tuesday evening within the horizon.
        self.at = engine.start + timedelta(days=3, hours=11, minutes=30)

    def family(self, name: str) -> AskedFamily:
        """Return the queries of one of `NAMES`."""
        warm = name.removesuffix(COLD)
        cold_of = warm if warm != name else ""
        cold = ", cold" if cold_of else ""
        if warm in SHARES:
            label, share = SHARES[warm]
            texts = [(term,) for term in terms_of_share(self.segment, share)]
            label = f"one word that {label} of shops hold{cold}"
            return self.asked(name, label, texts, cold_of=cold_of)
        if warm == "two_words":
            # Near a shop with both words: elsewhere most pairs have no match.
            label = f"two words, 5 % and 0.5 %, near a shop with both{cold}"
            return self.asked(name, label, self._pairs(), near=True, cold_of=cold_of)
        return self._misspelt() if name == "misspelt" else self._suggest()

    def asked(
        self,
        name: str,
        label: str,
        texts: Sequence[tuple[Term, ...]],
        *,
        near: bool = False,
        cold_of: str = "",
    ) -> AskedFamily:
        """Return queries for `texts` in turn.

        With `near`, they are near a shop that has the words. With `cold_of`, each has another
        minute and another wallet.
        """
        chosen = [texts[number % len(texts)] for number in range(len(self._spots))]
        held = {_texts(terms): _in_all(terms) for terms in texts}
        among = [held[_texts(terms)] for terms in chosen]
        spots = self._spots
        if near:
            rng = np.random.default_rng(SEED)
            # If no shop has both, the first document replaces it.
            shops = np.array([rng.choice(docs) if len(docs) else 0 for docs in among])
            spots = places_near(self.segment.columns, shops, rng)
        queries = [
            self._query(" ".join(term.text for term in terms), spot)
            for terms, spot in zip(chosen, spots, strict=True)
        ]
        if cold_of:
            queries = self._cold(queries, name)
        table = self._table
        questions = (
            [
                question_of(query, table, _texts(terms), is_cold=bool(cold_of))
                for query, terms in zip(queries, chosen, strict=True)
            ]
            if table is not None
            else []
        )
        return AskedFamily(
            name, label, queries, questions, among, once=bool(cold_of), cold_of=cold_of
        )

    def _cold(self, queries: Sequence[Query], name: str) -> list[Query]:
        """Return queries at other minutes and with other wallets."""
        rng = np.random.default_rng((SEED, crc32(name.encode())))
        wishes = another_minute(rng, len(queries), self._start + timedelta(days=1))
        wallets = rng.integers(len(self._wallets), size=len(queries)).tolist()
        return [
            msgspec.structs.replace(query, cards=self._wallets[wallet], **wish)
            for query, wallet, wish in zip(queries, wallets, wishes, strict=True)
        ]

    def _query(self, q: str, spot: tuple[float, float]) -> Query:
        return Query(
            lat=spot[0], lng=spot[1], at=self.at, q=q, open="now", cards=self._cards,
            sort="distance", limit=TOP_K,
        )  # fmt: skip

    def _pairs(self) -> list[tuple[Term, ...]]:
        """Return the pairs of words that most shops share."""
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
        """Analyse a query text as the engine does."""
        return read_query(text, self._text.is_phrase)


def half_typed(name: str, rng: Random) -> str:
    """Return the first half of a name: as written, or with its Chinese in pinyin or initials."""
    half = name[: max(1, len(name) // 2)]
    way = rng.choice(("written", "written", "pinyin", "initials"))
    if way == "written":
        return half
    syllables = [full_pinyin(char) or char for char in half]
    return "".join(syllables if way == "pinyin" else [syllable[0] for syllable in syllables])


def _texts(terms: Sequence[Term]) -> tuple[str, ...]:
    return tuple(term.text for term in terms)


def _in_all(terms: Sequence[Term]) -> NDArray[np.int64]:
    """Return the documents that have every term."""
    docs = terms[0].docs
    for term in terms[1:]:
        docs = np.intersect1d(docs, term.docs, assume_unique=True)
    return docs
