"""A hit decodes what it holds when somebody looks, once."""

import msgspec

from geosearch.answer.model import Hit

TEXT = (
    '{"merchant":{"merchant_id":"m1","name":"店","lat":31.5,"lng":121.0},"distance_m":12.3,'
    '"open":{"state":"closed","closes_at":null,"opens_at":"2026-11-22T18:00:00+08:00"},'
    '"best_deal":%s,"deals":[%s],"score":-1.5,"reasons":["1 min walk"]}'
)
SAID = (
    '{"deal_id":"d1","offer_type":"bundle","title":"T",'
    '"saving":100,"pay":null,"currency":"CNY","usable_until":null}'
)


def decoded(best: str, others: str) -> Hit:
    return msgspec.json.decode(TEXT % (best, others), type=Hit)


def test_a_hit_says_what_its_text_says() -> None:
    hit = decoded("null", "")
    assert hit.merchant == {"merchant_id": "m1", "name": "店", "lat": 31.5, "lng": 121.0}
    assert hit.merchant is hit.merchant
    assert (hit.lat, hit.lng, hit.distance_m, hit.score) == (31.5, 121.0, 12.3, -1.5)
    assert (hit.open.state, hit.open.opens_at) == ("closed", "2026-11-22T18:00:00+08:00")
    assert (hit.best_deal, hit.deals, hit.explain) == (None, (), None)
    assert hit.reasons == ("1 min walk",)


def test_a_deal_has_its_record_and_what_it_saves() -> None:
    hit = decoded(SAID, f"{SAID},{SAID}")
    deal = hit.best_deal
    assert deal is not None
    assert deal is hit.best_deal
    assert hit.deals == (deal, deal)
    assert deal.record == {"deal_id": "d1", "offer_type": "bundle", "title": "T"}
    assert (deal.saving, deal.pay, deal.currency, deal.usable_until) == (100, None, "CNY", None)
    assert (deal.deal_id, deal.program_id, deal.offer_type) == ("d1", None, "bundle")
    assert (deal.title, deal.redemption) == ("T", None)
    assert bytes(deal.payload) == SAID.encode()
