"""What searching for text costs inside the engine, against numpy postings in the same run.

Measured: `engine.rank` of a `Query` with `q`, one thread, and reading a query on its own. Words
"as typed" are asked as in `figures`; of a misspelt word only the first time counts, when nothing
of it is kept: every query is another mistake. "numpy postings" is the documents of each word
intersected with numpy, and then `brute.BruteForce` among those: what one would write without an
index; both answers are compared, and a difference ends the run.

Corpus: `geosearch synth`, Chinese and bilingual names, built with text. Words are drawn by the
share of merchants that hold them: pairs of characters, the more frequent ones from categories and
districts, the rarer ones from names and streets.
Question: nearest 20 of the shops open now with a deal of any of 8 cards, within 3 km.

Not shown: relevance (`benchmarks.relevance`), HTTP, several threads.

    python -m benchmarks.texts --merchants 1000000 --out benchmarks/results
"""

import argparse
import gc
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.brute import BruteForce
from benchmarks.builds import NOW, SEED, timed
from benchmarks.figures import compare, measure
from benchmarks.queries import TOP_K, places
from benchmarks.record import circumstances, module_command, save
from benchmarks.report import texts_table
from geosearch.kernels import warm
from geosearch.model import Query
from geosearch.searcher import Searcher, open_index
from geosearch.segment import Segment
from indexes.analysis import read_query
from indexes.terms import CODE_BITS, GRAM2, KIND_BITS, PAYLOAD

QUERIES = 2_000
ROUNDS = 3
COMPARED = 25
MERCHANTS = 1_000_000
CARDS = 8
SHARES = {"5 %": 0.05, "0.5 %": 0.005, "0.05 %": 0.0005}
WORDS_OF_A_SHARE = 12
READ = ("火锅", "静安寺火锅", "海底捞火锅", "coffee", "starbucks coffee", "7-Eleven")


class Term(NamedTuple):
    """A pair of characters and the documents that hold it."""

    text: str
    docs: NDArray[np.int64]


def terms_of_share(segment: Segment, share: float) -> list[Term]:
    """Pairs of characters whose share of the documents is nearest to this, no two of one list."""
    rows = segment.vocabulary.rows_between(GRAM2 << KIND_BITS, (GRAM2 + 1) << KIND_BITS)
    postings = segment.postings
    freq = postings.doc_freq[rows.start : rows.stop] / len(segment)
    nearest = np.argsort(np.abs(np.log(freq / share)), kind="stable")
    terms: dict[int, Term] = {}
    for row in (nearest[: 20 * WORDS_OF_A_SHARE] + rows.start).tolist():
        begin, count = int(postings.begin[row]), int(postings.doc_freq[row])
        pair = segment.vocabulary.key(row) & PAYLOAD
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


class Bench:
    """An index with text, and questions about it.

    Parameters
    ----------
    engine
        Over one segment, built by `geosearch build`.
    queries, rounds, compared
        Questions of a family, rounds over them, and how many are compared with numpy.
    """

    def __init__(self, engine: Searcher, *, queries: int, rounds: int, compared: int) -> None:
        (self.segment,) = engine.segments
        self.engine, self.rounds, self.compared = engine, rounds, compared
        self.spots = places(self.segment.columns, queries, SEED)
        self.brute = BruteForce(engine)
        most = sorted(engine.programs(), key=lambda program: -program["merchants"])
        self._cards = tuple(program["program_id"] for program in most[:CARDS])
        # A Tuesday evening within the horizon.
        self._at = engine.start + timedelta(days=3, hours=11, minutes=30)

    def query(self, q: str | None, spot: tuple[float, float]) -> Query:
        """The question for a text at a place."""
        return Query(
            lat=spot[0], lng=spot[1], at=self._at, q=q, open="now", cards=self._cards,
            sort="distance", limit=TOP_K,
        )  # fmt: skip

    def as_typed(self, label: str, texts: Sequence[tuple[Term, ...]]) -> dict[str, Any]:
        """Figures of words that are found as they are typed, after `texts` in turn."""
        asked = [texts[number % len(texts)] for number in range(len(self.spots))]
        queries = [
            self.query(" ".join(term.text for term in terms), spot)
            for terms, spot in zip(asked, self.spots, strict=True)
        ]
        by_text = {" ".join(term.text for term in terms): terms for terms in texts}

        def brute(query: Query) -> Any:
            first, *others = by_text[query.q or ""]
            docs = first.docs
            for other in others:
                docs = np.intersect1d(docs, other.docs, assume_unique=True)
            return self.brute.rank(query, among=docs)

        compared = 0
        for query in queries[: self.compared]:
            expected = brute(query)
            if len(expected.doc_ids):  # else the engine looks for what else may have been meant
                compare(query, self.engine.rank(query), expected)
                compared += 1
        sizes = [min(len(term.docs) for term in terms) for terms in texts]
        figures: dict[str, Any] = {
            "label": label,
            "words": len(texts),
            "share": round(float(np.median(sizes)) / len(self.segment), 5),
            "compared": compared,
            "rank": measure(self.engine.rank, queries, self.rounds),
            "brute": measure(brute, queries[: self.compared], 1),
            "work": self._work(queries),
        }
        figures["ratio"] = round(figures["brute"]["p50_us"] / figures["rank"]["p50_us"], 1)
        return figures

    def first_time(self, label: str, texts: Iterator[str]) -> dict[str, Any]:
        """Figures of texts nobody has asked for before, each once."""
        queries = [self.query(text, spot) for text, spot in zip(texts, self.spots, strict=False)]
        return {"label": label, "words": len(queries), "rank": once(self.engine.rank, queries)}

    def _work(self, queries: Sequence[Query]) -> dict[str, float]:
        """Median work counters."""
        counters: list[dict[str, int]] = []
        for query in queries[:200]:
            explain = self.engine.rank(Query(**{**_fields(query), "explain": True})).explain
            assert explain is not None
            counters.append(explain["work"])
        return {name: float(np.median([one[name] for one in counters])) for name in counters[0]}


def once(ask: Callable[[Any], Any], queries: Sequence[Any]) -> dict[str, float]:
    """Microseconds of queries that are asked once each: median and p99."""
    taken = np.empty(len(queries), np.int64)
    gc.collect()
    gc.disable()
    try:
        for number, query in enumerate(queries):
            begin = time.perf_counter_ns()
            ask(query)
            taken[number] = time.perf_counter_ns() - begin
    finally:
        gc.enable()
    return {
        "p50_us": round(float(np.median(taken)) / 1000, 2),
        "p99_us": round(float(np.percentile(taken, 99)) / 1000, 2),
    }


def _fields(query: Query) -> dict[str, Any]:
    return {name: getattr(query, name) for name in query.__struct_fields__}


def figures_of(engine: Searcher, *, queries: int, rounds: int, compared: int) -> dict[str, Any]:
    """Figures of every family over one index."""
    bench = Bench(engine, queries=queries, rounds=rounds, compared=compared)
    segment = bench.segment
    by_share = {name: terms_of_share(segment, share) for name, share in SHARES.items()}
    families = [
        bench.as_typed(f"one word that {name} of shops hold", [(term,) for term in terms])
        for name, terms in by_share.items()
    ]
    frequent, rarer = by_share["5 %"], by_share["0.5 %"]
    pairs = sorted(
        ((a, b) for a in frequent for b in rarer),
        key=lambda pair: -len(np.intersect1d(pair[0].docs, pair[1].docs)),
    )
    families.append(bench.as_typed("two words, 5 % and 0.5 %", pairs[:WORDS_OF_A_SHARE]))
    vocabulary = segment.vocabulary
    words = {
        vocabulary.text(row)
        for first in "abcdefghijklmnopqrstuvwxyz"
        for row in vocabulary.with_prefix(first, limit=20)
    }
    known = sorted(word for word in words if len(word) >= 5)
    families.append(bench.first_time("a misspelt word, first time", misspelt(known, Random(SEED))))
    texts = [READ[number % len(READ)] for number in range(queries)]
    read = measure(lambda text: read_query(text, segment.is_phrase), texts, rounds)  # type: ignore[arg-type]
    return {
        "merchants": len(segment),
        "terms": len(vocabulary),
        "postings": len(segment.postings.doc),
        "text_bytes_per_merchant": round(segment.text_bytes() / len(segment), 1),
        "families": families,
        "read_query": read,
    }


def run(merchants: int, **options: Any) -> dict[str, Any]:
    """Figures for a synthetic city of so many merchants; `options` are those of `figures_of`."""
    warm(_say)
    with tempfile.TemporaryDirectory(prefix="geosearch-texts-") as temporary:
        snapshot, index = Path(temporary) / "snapshot", Path(temporary) / "index"
        timed(["synth", str(snapshot), "--merchants", str(merchants), "--seed", str(SEED)])
        timed(["build", str(snapshot), "--out", str(index), "--now", NOW])
        return figures_of(open_index(index), **options)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    """Result of a run as the command line asks for, saved where it says so."""
    given = sys.argv[1:] if arguments is None else arguments
    parser = argparse.ArgumentParser(prog="python -m benchmarks.texts", description=__doc__)
    parser.add_argument("--merchants", type=int, default=MERCHANTS)
    parser.add_argument("--queries", type=int, default=QUERIES)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--compared", type=int, default=COMPARED, help="queries of numpy postings")
    parser.add_argument("--out", type=Path, help="folder for texts.json")
    options = parser.parse_args(given)
    around = circumstances(module_command("texts", given))
    figures = run(
        options.merchants,
        queries=options.queries,
        rounds=options.rounds,
        compared=options.compared,
    )
    result = {"circumstances": around, **figures}
    if options.out:
        _say(f"Wrote {save(options.out, 'texts', result)}")
    return result


if __name__ == "__main__":
    print(texts_table(main()))
