"""Ids found by the compiled bisection are those that a dictionary of them finds."""

from pathlib import Path
from random import Random

import numpy as np
import pytest

from geosearch.segment.id_search import MerchantIds, docs_of
from indexes.prepared import Prepared
from tests.geosearch.number_worlds import Shape, open_world

LETTERS = ("a", "b", "aa", "é", "店", "\x00", "\U0001f35c", "~")


def packed(ids: list[str]) -> Prepared[MerchantIds]:
    """Ids as a segment has them: texts by document, documents by id."""
    texts = [one.encode() for one in ids]
    start = np.cumsum([0, *map(len, texts)]).astype(np.uint64)
    by_id = np.array(sorted(range(len(ids)), key=texts.__getitem__), np.uint32)
    blob = np.frombuffer(b"".join(texts), np.uint8)
    arrays = (start, blob, by_id)
    for array in arrays:
        array.flags.writeable = False
    return Prepared(MerchantIds(*arrays))


@pytest.mark.parametrize("count", [0, 1, 2, 3, 16, 300])
def test_every_id_finds_its_document_and_no_other_finds_one(count: int) -> None:
    rng = Random(count)
    found = missed = 0
    for _ in range(40):
        drawn = {"".join(rng.choices(LETTERS, k=rng.randint(1, 4))) for _ in range(count)}
        ids = sorted(drawn, key=lambda _: rng.random())
        number = {one: doc for doc, one in enumerate(ids)}
        others = ["".join(rng.choices(LETTERS, k=rng.randint(1, 5))) for _ in range(50)]
        wanted = [*ids, *others, *ids[:2]]
        expected = [number.get(one, -1) for one in wanted]
        assert docs_of(packed(ids), wanted).tolist() == expected
        found += sum(doc >= 0 for doc in expected)
        missed += -1 in expected
    assert missed == 40
    assert found >= 40 * min(count, 1)


def test_a_list_is_found_as_one_by_one(tmp_path: Path) -> None:
    segment = open_world(tmp_path / "segment-0000", Shape(docs=300))
    ids = [segment.merchant_id(doc) for doc in range(300)]
    wanted = (*ids[::-7], "nobody")
    listed = segment.listed(wanted)
    assert listed.docs.tolist() == sorted(range(299, -1, -7))
    assert listed.unknown == ("nobody",)
    assert segment.listed(wanted) is listed
