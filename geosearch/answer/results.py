"""Operations on the JSON text of results: split, join, explain, decode to typed hits.

Only `result_text` writes the text of results. A hit has the values of the text, but distance and
score have the precision of the kernel.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np
import orjson

from geosearch.answer.model import Hit
from geosearch.errors import BadData
from geosearch.kernel.describe import BEST_SAVED, OFFERS_OF
from geosearch.money.offers import UNKNOWN_MONEY
from geosearch.money.ranking import BASIS_POINTS, Weights
from geosearch.segment.columns import DOC_QUALITY, DOC_REDEEM, Columns
from indexes.arrays import F64, I64

Text = bytes | memoryview


class ResultParts(msgspec.Struct, frozen=True, gc=False):
    """Members of a result as JSON text."""

    merchant: msgspec.Raw
    open: msgspec.Raw
    best_deal: msgspec.Raw
    best_combination: msgspec.Raw = msgspec.field(default_factory=msgspec.Raw)


_decode = msgspec.json.Decoder(tuple[Hit, ...]).decode
_decode_parts = msgspec.json.Decoder(tuple[ResultParts, ...]).decode


class Results(NamedTuple):
    """Ranked results as JSON text."""

    text: Text  # a JSON array, UTF-8
    ends: I64  # [n] end of each result in the text, before the comma or bracket
    scores: F64  # [n] net benefits in minor units; the text has them cut to hundredths

    def each(self) -> Iterator[Text]:
        """Text of each result."""
        begin = 1
        for end in self.ends.tolist():
            yield self.text[begin:end]
            begin = end + 1


def joined(texts: Sequence[Text], scores: F64) -> Results:
    """Results of these texts, in this order."""
    ends = np.cumsum([len(text) + 1 for text in texts], dtype=np.int64)
    return Results(b"[%b]" % b",".join(texts), ends, scores)


def explained(results: Results, parts: Sequence[dict[str, Any]]) -> Results:
    """The results with the parts of their scores as their last member."""
    tails = [b'"explain":%b}' % orjson.dumps(part) for part in parts]
    texts = [
        b"".join((text[:-1], b"," if len(text) > len(b"{}") else b"", tail))
        for text, tail in zip(results.each(), tails, strict=True)
    ]
    return joined(texts, results.scores)


class Described(NamedTuple):
    """Arguments and output of `describe.describe`."""

    docs: I64
    keys: F64
    detail: I64
    scores: F64
    counted: F64


def score_parts(columns: Columns, weights: Weights, described: Described) -> list[dict[str, Any]]:
    """Parts of the score of each document, in minor units except for the probability."""
    docs, keys, detail, scores, counted = described
    parts = []
    head = 0
    stored = columns.doc_record
    lists = docs.tolist(), keys[:, 1].tolist(), scores.tolist(), counted.tolist()
    for doc, distance_m, score, counts in zip(*lists, strict=True):
        offers, saving = detail.item(head, OFFERS_OF), detail.item(head, BEST_SAVED)
        head += 1 + offers
        probability = stored.item(doc, DOC_REDEEM) / BASIS_POINTS
        parts.append(
            {
                "saving": None if saving == UNKNOWN_MONEY else saving,
                "counted_saving": counts,
                "redeem_probability": probability,
                "expected_saving": probability * counts,
                "walk_cost": weights.walk_cost_per_m * distance_m,
                "quality": stored.item(doc, DOC_QUALITY),
                "score": score,
            }
        )
    return parts


def hits_of(results: Results, keys: F64) -> tuple[Hit, ...]:
    """Typed hits of results.

    Parameters
    ----------
    keys
        float64[n, 2], sort keys of the results; the second is the distance.

    Raises
    ------
    BadData
        If a stored text is altered; a fast check of an index may miss that.
    """
    try:
        str(results.text, "utf-8")  # The decoder leaves alone what it does not look at.
        hits = _decode(results.text)
        exact = list(zip(hits, keys[:, 1].tolist(), results.scores.tolist(), strict=True))
    except ValueError as error:
        raise _altered(error) from error
    for hit, distance_m, score in exact:
        # The text has both cut. The hit is new, so changing it is safe.
        msgspec.structs.force_setattr(hit, "distance_m", distance_m)
        msgspec.structs.force_setattr(hit, "score", score)
    return hits


def parts_of(results: Results) -> tuple[ResultParts, ...]:
    """Members of results as JSON text.

    Raises
    ------
    BadData
        As `hits_of`.
    """
    try:
        text = bytes(results.text)
        text.decode()  # The decoder leaves alone what it does not look at.
        return _decode_parts(text)
    except ValueError as error:
        raise _altered(error) from error


def _altered(error: ValueError) -> BadData:
    return BadData(
        "Expected stored texts of merchants and deals as they were built, got altered ones: "
        f"{error} - at `merchant_payload.npy` or `deal_payload.npy`"
    )
