"""The coverage layer of the map page: which cells a card wins, at which hour."""

import re

from tests.geosearch.service.browsing import NARROW, Open, fragment


def test_a_card_and_an_hour_are_chosen(open_page: Open) -> None:
    """On the narrowest screen, where opening it turns to the map."""
    page = open_page(viewport=NARROW, locale="zh-CN", color_scheme="dark", has_map=True)
    page.wait_for_selector("canvas.maplibregl-canvas")
    with page.expect_request("**/v1/coverage?*") as asked:
        page.locator("#coverage-toggle").click()
    page.locator("#shares li").first.wait_for()
    assert asked.value.response().ok
    assert (fragment(page)["coverage"], fragment(page)["slot"]) == ("cloud-pay", "weekday_lunch")
    slots = page.locator("#coverage-slot option").all_text_contents()
    assert slots == ["工作日午餐", "after work"], "a name of one's own is shown as it is"
    city = page.locator("#cell").text_content()
    assert re.search(r"[1-9][\d.]*%", city), city
    page.locator("#coverage-card").select_option("red")
    page.locator("#coverage-slot").select_option("after_work")
    page.wait_for_function("city => document.querySelector('#cell').textContent !== city", arg=city)
    chosen = [page.locator(f"#coverage-{name}").input_value() for name in ("card", "slot")]
    assert [fragment(page)["coverage"], fragment(page)["slot"]] == chosen == ["red", "after_work"]
    panel = page.locator("#coverage").bounding_box()
    assert panel["x"] >= 0
    assert panel["x"] + panel["width"] <= NARROW["width"]
    page.evaluate("location.hash = location.hash.replace('coverage=red', 'coverage=pink')")
    page.locator("#cell", has_text="`program_id` among those of the coverage").wait_for()
    page.locator("#coverage-close").click()
    assert page.locator("#coverage").is_hidden()
    assert "coverage" not in fragment(page)
    page.wrong[:] = [text for text in page.wrong if "400" not in text]
