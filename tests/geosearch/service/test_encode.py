"""Bodies say what the answer says, with the results of the page as they are."""

import json

from hypothesis import given
from hypothesis import strategies as st

from geosearch.answer.model import Answer, Page
from geosearch.service.encode import encode_page, encode_pages

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
results = st.lists(st.dictionaries(texts, texts | st.integers(0, 9)), max_size=3)
answers = st.builds(
    Answer,
    snapshot_id=texts,
    at=texts,
    took_us=st.integers(0, 10**9),
    next_cursor=st.none() | texts,
    total=st.none() | st.integers(0, 10**9),
    facets=st.none() | st.just({"category": {"food": 3}}),
    explain=st.none() | st.just({"plan": [{"driver": "tree"}]}),
    unknown_cards=st.lists(texts, max_size=2).map(tuple),
)
EMPTY = Page(answer=Answer(snapshot_id="s", at="t", took_us=1), results=b"[]", count=0)


@given(answers, results)
def test_json_says_what_the_answer_says(answer: Answer, found: list[dict[str, str]]) -> None:
    text = json.dumps(found).encode()
    page = Page(answer=answer, results=memoryview(text), count=len(found))
    said = json.loads(b"".join(encode_page(page)))
    for name in ("snapshot_id", "at", "took_us", "next_cursor"):
        assert said[name] == getattr(answer, name)
    for name in ("total", "facets", "explain"):
        assert said.get(name) == getattr(answer, name)
        assert (name in said) == (getattr(answer, name) is not None)
    assert tuple(said.get("unknown_cards", ())) == answer.unknown_cards
    assert said["results"] == found


def test_a_batch_holds_the_answers_in_order() -> None:
    answers = [Answer(snapshot_id=f"s{i}", at="t", took_us=i) for i in range(3)]
    pages = [Page(answer=answer, results=b"[]", count=0) for answer in answers]
    said = json.loads(encode_pages(pages))
    assert said == {"answers": [json.loads(b"".join(encode_page(page))) for page in pages]}


def test_members_not_asked_for_are_absent() -> None:
    said = json.loads(b"".join(encode_page(EMPTY)))
    assert list(said) == ["snapshot_id", "at", "took_us", "results", "next_cursor"]
