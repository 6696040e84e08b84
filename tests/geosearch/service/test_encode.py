"""What `encode_answer` writes says the same as the typed answer."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geosearch.answer.model import Answer, BestDeal, Hit, OpenState
from geosearch.service.encode import encode_answer, encode_pages, page_of

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
payloads = st.dictionaries(texts, st.none() | texts | st.integers(-(2**53), 2**53), min_size=1)
money = st.none() | st.integers(0, 2_000_000_000)
times = st.none() | texts
deals = st.builds(
    BestDeal,
    payload=payloads.map(lambda record: json.dumps(record).encode()),
    saving=money,
    pay=money,
    currency=texts,
    usable_until=times,
)
hits = st.builds(
    Hit,
    payload=payloads.map(lambda record: json.dumps(record, ensure_ascii=False).encode()),
    lat=st.floats(-90, 90),
    lng=st.floats(-180, 180),
    distance_m=st.floats(0, 2.1e7),
    open=st.builds(OpenState, st.sampled_from(["open", "closed", "unknown"]), times, times),
    best_deal=st.none() | deals,
    deals=st.lists(deals, max_size=2).map(tuple),
    score=st.none() | st.floats(-1e9, 1e9),
    reasons=st.lists(texts, max_size=3).map(tuple),
    explain=st.none() | st.just({"walk": -3.5}),
)
answers = st.builds(
    Answer,
    snapshot_id=texts,
    at=texts,
    took_us=st.integers(0, 10**9),
    hits=st.lists(hits, max_size=3).map(tuple),
    next_cursor=st.none() | texts,
    total=st.none() | st.integers(0, 10**9),
    facets=st.none() | st.just({"category": {"food": 3}}),
    explain=st.none() | st.just({"plan": [{"driver": "tree"}]}),
    unknown_cards=st.lists(texts, max_size=2).map(tuple),
)


def said_of_deal(deal: BestDeal | None) -> dict[str, Any] | None:
    if deal is None:
        return None
    record: dict[str, Any] = json.loads(bytes(deal.payload))
    return record | {
        "saving": deal.saving,
        "pay": deal.pay,
        "currency": deal.currency,
        "usable_until": deal.usable_until,
    }


@given(answers)
def test_json_says_what_the_answer_says(answer: Answer) -> None:
    said = json.loads(encode_answer(answer))
    for name in ("snapshot_id", "at", "took_us", "next_cursor"):
        assert said[name] == getattr(answer, name)
    for name in ("total", "facets", "explain"):
        assert said.get(name) == getattr(answer, name)
        assert (name in said) == (getattr(answer, name) is not None)
    assert tuple(said.get("unknown_cards", ())) == answer.unknown_cards
    assert len(said["results"]) == len(answer.hits)
    for result, hit in zip(said["results"], answer.hits, strict=True):
        assert result["merchant"] == hit.merchant
        assert result["open"] == msgspec.to_builtins(hit.open)
        assert result["best_deal"] == said_of_deal(hit.best_deal)
        assert result["deals"] == [said_of_deal(deal) for deal in hit.deals]
        assert tuple(result["reasons"]) == hit.reasons
        assert result.get("explain") == hit.explain
        # Cut, never rounded up: a result is not reported beyond a radius that holds it.
        assert hit.distance_m - 0.1001 <= result["distance_m"] <= hit.distance_m + 1e-9
        if hit.score is None:
            assert result["score"] is None
        else:
            assert result["score"] == pytest.approx(hit.score, abs=0.0101)


def test_a_batch_holds_the_answers_in_order() -> None:
    answers = [Answer(snapshot_id=f"s{i}", at="t", took_us=i, hits=()) for i in range(3)]
    said = json.loads(encode_pages([page_of(answer) for answer in answers]))
    assert said == {"answers": [json.loads(encode_answer(answer)) for answer in answers]}


def test_members_not_asked_for_are_absent() -> None:
    said = json.loads(encode_answer(Answer(snapshot_id="s", at="t", took_us=1, hits=())))
    assert list(said) == ["snapshot_id", "at", "took_us", "results", "next_cursor"]
