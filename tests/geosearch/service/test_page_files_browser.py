"""The map page in a browser: what people do on it, in both languages and widths."""

import json
import re
import shlex
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.geosearch.service.browsing import (
    MUST_RUN,
    NARROW,
    PLACE,
    SHANGHAI,
    TOMORROW,
    WIDE,
    Open,
    fragment,
    settled,
)
from tests.geosearch.service.test_app_process import Server

ROOT = Path(__file__).resolve().parents[3]
AXE = ROOT / "tests" / "node" / "node_modules" / "axe-core" / "axe.min.js"
FIRST_VIEW_BYTES = 1_500_000
SEVERE = ("serious", "critical")

NOTHING = {"at": "2026-11-22T19:30:00+08:00", "results": [], "total": 0}

LAYOUT_SHIFTS = """() => new Promise(done => {
  const add = (sum, shift) => sum + (shift.hadRecentInput ? 0 : shift.value);
  const seen = new PerformanceObserver(list => done(list.getEntries().reduce(add, 0)));
  seen.observe({type: 'layout-shift', buffered: true});
  setTimeout(() => done(0), 300);
})"""


def names(page: Any) -> list[str]:
    found: list[str] = page.locator("#hits .name").all_text_contents()
    return found


def test_typing_suggests_and_finds(open_page: Open) -> None:
    page = open_page(locale="zh-CN")
    box, options = page.locator("#q"), page.locator("#suggestions [role=option]")
    page.keyboard.press("Tab")
    box.focus()
    page.keyboard.type("火锅", delay=20)
    options.first.wait_for()
    settled(page)
    assert box.get_attribute("aria-expanded") == "true"
    assert names(page), "the list answers as one types"
    page.keyboard.press("ArrowDown")
    chosen = box.get_attribute("aria-activedescendant")
    assert page.locator(f"#{chosen}").get_attribute("aria-selected") == "true"
    page.keyboard.press("Escape")
    assert box.get_attribute("aria-expanded") == "false"
    assert box.input_value() == "火锅"
    page.keyboard.type(" ")
    options.first.wait_for()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    settled(page)
    assert page.locator("#suggestions").is_hidden()
    assert fragment(page).keys() & {"categories", "q"}
    page.locator("#q").press("Escape")
    assert box.input_value() == ""


def test_the_clock_moves_the_answer(open_page: Open) -> None:
    page = open_page()
    day = datetime.now(SHANGHAI) + timedelta(days=(4 - datetime.now(SHANGHAI).weekday()) % 7 or 7)
    with page.expect_request("**/v1/nearby") as asked:
        page.locator("#when summary").click()
        if page.locator(f"#day-{day:%Y-%m-%d}").count():
            page.locator(f"#day-{day:%Y-%m-%d} + span").click()
    page.locator("#time").fill("1350")
    settled(page)
    shown = fragment(page)["at"]
    assert shown.endswith("T22:30")
    assert page.locator("#when summary").inner_text().endswith("22:30")
    assert "lat" in asked.value.post_data
    states = page.locator("#hits .hit").evaluate_all("nodes => nodes.map(n => n.dataset.state)")
    assert set(states) == {"open"}
    page.locator("#open").uncheck()
    settled(page)
    states = page.locator("#hits .hit").evaluate_all("nodes => nodes.map(n => n.dataset.state)")
    assert "closed" in states, "most shops are closed at 22:30"
    page.locator("#now").click()
    settled(page)
    assert "at" not in fragment(page)
    assert page.locator("#when summary").inner_text() == "Any hours"


def test_the_wallet_changes_prices_and_stays_out_of_urls(open_page: Open) -> None:
    page = open_page(PLACE + "&open=any&radius=5000")
    urls: list[str] = []
    bodies: list[str] = []
    page.on("request", lambda one: urls.append(one.url))
    page.on("request", lambda one: bodies.append(one.post_data or ""))
    page.locator("#wallet summary").click()
    page.locator("#card-red").check()
    settled(page)
    page.keyboard.press("Escape")
    assert page.locator("#wallet summary").inner_text() == "小红卡"
    assert fragment(page)["cards"] == "red"
    assert any('"cards":["red"]' in body for body in bodies)
    page.locator("#others summary").click()
    page.locator("#deals").select_option("card")
    settled(page)
    assert page.locator("#hits .deal").count() == page.locator("#hits .hit").count() > 0
    assert "小红卡" in page.locator("#hits .deal").first.text_content()
    page.keyboard.press("Escape")
    page.locator("#hits .name").first.click()
    page.locator("#shop-name").wait_for()
    settled(page)
    assert not [url for url in urls if "red" in url], "no wallet in a URL"


def test_a_shop_shows_its_week_and_its_deals(open_page: Open) -> None:
    page = open_page()
    first = names(page)[0]
    page.locator("#hits .name").first.click()
    page.locator("#shop-name:focus").wait_for()
    assert page.locator("#shop-name").inner_text().startswith(first)
    assert page.locator(".week tr").count() == 7
    assert page.locator(".week .today").count() == 1
    assert re.search(r"\d\d:\d\d–\d\d:\d\d", page.locator(".week .today").inner_text())
    assert page.locator("#results").is_hidden()
    page.go_back()
    page.locator("#hits .name").first.wait_for()
    assert page.locator("#shop").is_hidden()
    assert names(page)[0] == first
    page.go_forward()
    page.locator("#shop-name").wait_for()
    page.locator("#back").click()
    page.locator("#hits .name").first.wait_for()


def test_hours_of_the_week_are_written_as_people_do(open_page: Open) -> None:
    """The small hours belong to the day before; a span of days has whole days in it."""
    begin = datetime(TOMORROW.year, TOMORROW.month, TOMORROW.day, tzinfo=SHANGHAI)
    spans = [(-14.5, 2), (9.5, 12), (14, 26), (34, 74), (80, 96), (100, None)]
    instants = [
        [end if end is None else (begin + timedelta(hours=end)).isoformat() for end in span]
        for span in spans
    ]

    def answer(route: Any) -> None:
        hours = [{"state": "open", "from": first, "to": last} for first, last in instants]
        route.fulfill(json={**route.fetch().json(), "hours": hours})

    page = open_page(f"lat=31.232&lng=121.472&at={TOMORROW}T00:30&open=any")
    page.route("**/v1/merchants/*?*", answer)
    page.locator("#hits .name").first.click()
    page.locator(".week tr").first.wait_for()
    assert page.locator(".week td:last-child").all_text_contents() == [
        "00:00–02:00, 09:30–12:00, 14:00–02:00",
        "10:00–24:00",
        "00:00–24:00",
        "00:00–02:00, 08:00–24:00",
        "04:00–24:00",
        *["00:00–24:00"] * 2,
    ]


def test_filters_budget_and_pages(open_page: Open) -> None:
    page = open_page(PLACE + "&open=any&radius=20000")
    food = page.locator("#categories button", has_text="Food").first
    before = page.locator("#status").inner_text()
    food.click()
    settled(page)
    assert page.locator("#status").inner_text() != before
    page.locator("#party summary").click()
    page.locator("#more").click()
    page.locator("#budget").fill("20")
    settled(page)
    assert fragment(page)["party_size"] == "2"
    assert fragment(page)["max_pay"] == "10000"
    page.keyboard.press("Escape")
    page.locator("#others summary").click()
    page.locator("#sort").select_option("distance")
    page.keyboard.press("Escape")
    settled(page)
    assert page.locator("#party summary").inner_text() == "2 people, ≤ ¥100"
    shown = len(names(page))
    assert shown == 30
    page.locator("#next").click()
    page.locator(f"#hits > :nth-child({shown + 1})").wait_for()
    ids = page.locator("#hits .hit").evaluate_all("nodes => nodes.map(n => n.dataset.id)")
    assert len(ids) == len(set(ids))
    page.locator("#categories [aria-pressed=true]").click()
    settled(page)
    assert "categories" not in fragment(page)


def test_map_and_list_are_one(open_page: Open) -> None:
    page = open_page(PLACE + "&sort=distance", has_map=True)
    page.wait_for_selector("canvas.maplibregl-canvas")
    settled(page)
    box = page.locator("#map").bounding_box()
    page.wait_for_timeout(500)
    page.mouse.click(box["x"] + 40, box["y"] + 120)
    menu = page.locator("#ground-menu button")
    menu.first.wait_for()
    menu.first.click()
    settled(page)
    assert fragment(page)["lat"] != "31.23200"
    page.mouse.move(box["x"] + 300, box["y"] + 300)
    page.mouse.down()
    page.mouse.move(box["x"] + 500, box["y"] + 600, steps=4)
    page.mouse.up()
    page.locator("#search-area").click()
    settled(page)
    assert page.locator("#search-area").is_hidden()
    page.locator("#hits .hit").first.hover()
    assert "lit" in page.locator("#hits .hit").first.get_attribute("class")


def test_my_position_is_asked_for_only_when_pressed(open_page: Open) -> None:
    place = {"latitude": 31.20, "longitude": 121.44}
    page = open_page(geolocation=place, permissions=["geolocation"])
    assert fragment(page)["lat"] == "31.232"
    page.locator("#position").click()
    page.wait_for_url(re.compile("lat=31.20000"))
    settled(page)


def test_empty_and_outside_lead_back(open_page: Open) -> None:
    page = open_page(PLACE + "&min_rating=5&max_pay=1")
    assert page.locator("#empty").is_visible()
    page.locator("#empty button", has_text="Clear all filters").click()
    page.locator("#hits .hit").first.wait_for()
    page = open_page("lat=48.85&lng=2.35")
    assert "All shops lie within" in page.locator("#empty").inner_text()
    page.locator("#empty button", has_text="Back to the city").click()
    page.locator("#hits .hit").first.wait_for()


def test_errors_are_shown_as_they_came_and_late_answers_dropped(open_page: Open) -> None:
    page = open_page()
    held: list[Any] = []

    def answer(route: Any) -> None:
        body = json.loads(route.request.post_data)
        if body.get("q") == "a":
            held.append(route)
        elif body.get("q") == "ab":
            route.fulfill(status=200, json=NOTHING)
        else:
            route.continue_()

    page.route("**/v1/nearby", answer)
    page.locator("#q").focus()
    page.keyboard.type("a")
    page.wait_for_timeout(50)
    page.keyboard.type("b")
    page.locator("#empty").wait_for()
    for route in held:
        route.abort()
    page.wait_for_timeout(50)
    assert page.locator("#empty").is_visible(), "the late answer is dropped"
    page.unroute("**/v1/nearby")
    refusal = {"status": 400, "code": "bad_request", "detail": "Expected <b>this</b>, got that"}
    page.route("**/v1/nearby", lambda route: route.fulfill(status=400, json=refusal))
    page.keyboard.type("c")
    page.locator("#notice", has_text="<b>this</b>").wait_for()
    assert not names(page), "no answer to another question is left"
    page.unroute("**/v1/nearby")
    page.locator("#empty button", has_text="Clear all filters").click()
    page.locator("#hits .hit").first.wait_for()
    page.wrong[:] = [text for text in page.wrong if "400" not in text and "ERR_FAILED" not in text]


def test_the_fragment_is_the_whole_state(open_page: Open) -> None:
    asked = (
        f"at={TOMORROW}T19:30&lat=31.22000&lng=121.46000&radius=3000&q=咖啡&cards=red,harbor-bank"
    )
    asked += "&open=any&sort=distance"
    page = open_page(asked, locale="zh-CN")
    settled(page)
    shown = names(page)
    again = open_page(page.url.partition("#")[2], locale="zh-CN")
    settled(again)
    assert names(again) == shown
    assert again.locator("#q").input_value() == "咖啡"
    assert again.locator("#wallet summary").inner_text() == "2 张卡"
    wrong = open_page("lat=91&lng=x&radius=0&sort=no&at=now&party_size=-1&none=1")
    assert names(wrong), "what a fragment cannot mean is left out"
    wrong.evaluate("location.hash = 'cards=red,pink'")
    wrong.locator("#notice", has_text="unknown here: pink").wait_for()
    wrong.locator("#wallet summary").click()
    wrong.locator("#card-pink").click()
    wrong.locator("#notice").wait_for(state="hidden")
    assert fragment(wrong)["cards"] == "red"


def test_copied_call_is_the_search(open_page: Open, server: Server) -> None:
    page = open_page(PLACE + "&cards=red&q=it's", permissions=["clipboard-read", "clipboard-write"])
    page.locator("#curl").click()
    page.locator("#curl", has_text="Copied").wait_for()
    words = shlex.split(page.evaluate("navigator.clipboard.readText()"))
    assert words[:2] == ["curl", f"http://127.0.0.1:{server.port}/v1/nearby"]
    body = json.loads(words[words.index("-d") + 1])
    assert (body["cards"], body["q"]) == (["red"], "it's")
    answer = page.request.post(words[1], data=body)
    assert answer.ok, answer.text()


@pytest.mark.parametrize("language", ["zh-CN", "en-GB"])
def test_every_word_is_of_one_language(open_page: Open, language: str) -> None:
    """Names of shops, cards and deals stay as they are; the page's own words follow."""
    page = open_page(PLACE + "&open=any", locale=language)
    chinese = language == "zh-CN"
    assert page.locator("html").get_attribute("lang") == language.replace("en-GB", "en")
    own = page.locator("[data-say]").evaluate_all("all => all.map(n => n.textContent)")
    own += page.locator("[data-label]").evaluate_all("all => all.map(n => n.ariaLabel)")
    own = [text for text in own if text and text not in ("中文", "English")]
    assert len(own) > 30
    assert not [text for text in own if text.isascii() == chinese and text != "geosearch"]
    assert page.locator("#map").inner_text(), "it says that there is no map"
    page.locator("#language").click()
    settled(page)
    assert ("places" in page.locator("#status").inner_text()) == chinese


@pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["wide", "narrow"])
def test_it_fits_and_nothing_jumps(open_page: Open, viewport: dict[str, int]) -> None:
    page = open_page(viewport=viewport, has_map=True)
    settled(page)
    assert page.evaluate("document.documentElement.scrollWidth") == viewport["width"]
    assert page.evaluate(LAYOUT_SHIFTS) < 0.1, "Cumulative Layout Shift that counts as good"
    if viewport is NARROW:
        page.locator("#toggle").click()
        assert page.locator("#results").is_hidden()
        assert page.locator("#map").bounding_box()["height"] > 400
        page.locator("#toggle").click()
        page.locator("#results").wait_for()
    for chip in ("when", "wallet", "party", "others"):
        page.locator(f"#{chip} summary").click()
        sheet = page.locator(f"#{chip} .sheet").bounding_box()
        assert sheet["x"] >= 0
        assert sheet["x"] + sheet["width"] <= viewport["width"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["wide", "narrow"])
def test_axe_finds_nothing_serious(open_page: Open, viewport: dict[str, int], scheme: str) -> None:
    if not AXE.is_file() and not MUST_RUN:
        pytest.skip("axe-core is not installed: make node")
    seen: dict[str, Any] = {"viewport": viewport, "color_scheme": scheme}
    page = open_page(PLACE + "&open=any&cards=red", has_map=scheme == "light", **seen)
    settled(page)
    page.evaluate(AXE.read_text("utf-8"))
    views = {"list": None, "wallet": "#wallet summary", "clock": "#when summary", "shop": ".name"}
    for view, selector in views.items():
        if selector:
            page.locator(selector).first.click()
            settled(page)
        found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        worst = [one for one in found["violations"] if one["impact"] in SEVERE]
        assert not worst, (view, worst)
        page.keyboard.press("Escape")


def test_near_misses_combinations_and_why(open_page: Open) -> None:
    """As the contract writes them; combinations only once `/openapi.json` has `stacking`."""
    page = open_page(PLACE, ready=False)
    asked: list[dict[str, Any]] = []

    def describe(route: Any) -> None:
        document = route.fetch().json()
        document["components"]["schemas"]["Query"]["properties"]["stacking"] = {}
        route.fulfill(json=document)

    def answer(route: Any) -> None:
        body = json.loads(route.request.post_data)
        asked.append(body)
        known = {name: body[name] for name in body.keys() - {"near_misses", "stacking"}}
        found = route.fetch(post_data=json.dumps(known)).json()
        fix = {"code": "wait", "minutes": 10, "at": found["at"]}
        miss = {**found["results"][-1], "fix": fix, "value": 1.0, "best_combination": unnamed}
        found["near_misses"] = [{name: miss[name] for name in miss if name != "deals"}]
        hit = next(one for one in found["results"] if len(one["deals"]))
        alone, first = hit["best_deal"], hit["deals"][0]
        alone |= {"program_id": None, "redemption": {"channel": "barcode"}}
        first |= {"program_id": "red", "redemption": None}
        second = {"deal_id": "second", "program_id": None, "redemption": {"channel": "qr"}}
        hit["deals"].append({**first, **second})
        ids = [first["deal_id"], "second"]
        worth = {"saving": 99_900, "bill": 100}
        steps = [{"deal_id": ids[0], **worth}, {"deal_id": ids[1], "saving": None, "bill": None}]
        hit["best_combination"] = {"deals": ids, "steps": steps, "saving": 99_900, "pay": 100}
        route.fulfill(json=found)

    unnamed = {"deals": ["d1", "d2"], "steps": [], "saving": 4_200, "pay": 100}
    closed = {"code": "CLOSED", "expected": "open", "got": "closed", "opens_at": None}
    short = {"code": "OVER_BUDGET", "expected": 3_000, "got": 4_550, "by": 1_550}
    card = {"code": "card", "program_id": "red", "fee": 16_800}
    why = {"matches": False, "rank": None, "reasons": [closed, short], "deals": [], "fixes": [card]}
    page.route("**/openapi.json", describe)
    page.route("**/v1/nearby", answer)
    page.route("**/why", lambda route: route.fulfill(json=why))
    page.reload()
    page.locator(".hit").first.wait_for()
    assert (asked[0]["near_misses"], asked[0]["lang"]) == (5, "en")
    assert "in 10 min" in page.locator("#misses .fix").text_content()
    assert "2 deals together" in page.locator("#misses .deal").text_content()
    page.locator("#others summary").click()
    page.locator("#stacking").check()
    settled(page)
    assert asked[-1]["stacking"] == "on"
    page.keyboard.press("Escape")
    combined = page.locator(".hit", has_text="−¥999")
    assert "小红卡" in combined.locator(".deal").text_content()
    combined.locator(".name").click()
    page.locator("#shop-name:focus").wait_for()
    told = page.locator("#shop-view").inner_text()
    assert "closed then" in told
    assert "over budget (¥45.50, at most ¥30)" in told
    assert "with 小红卡, ¥168 a year" in told
    assert page.locator(".steps li").count() == 2
    best = page.locator("#shop-view .best").inner_text()
    # How to use its deals, and not the best deal alone, which is none of them.
    assert "QR code" in best
    assert "barcode" not in best


def test_keyboard_alone_reaches_a_shop(open_page: Open) -> None:
    page = open_page()
    first = names(page)[0]
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == first:
            break
    assert page.evaluate("document.activeElement.textContent") == first
    page.keyboard.press("Enter")
    page.locator("#shop-name:focus").wait_for()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    page.locator(".name:focus", has_text=first).wait_for()


def test_first_view_is_small_and_policy_holds(open_page: Open) -> None:
    page = open_page("", ready=False, has_map=True)
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.setCacheDisabled", {"cacheDisabled": True})
    sizes: list[float] = []
    session.on("Network.loadingFinished", lambda one: sizes.append(one["encodedDataLength"]))
    page.reload()
    page.wait_for_selector(".hit")
    settled(page)
    assert 100_000 < sum(sizes) < FIRST_VIEW_BYTES
    script = (
        "document.body.append(Object.assign(document.createElement('script'), {text: 'x = 1'}))"
    )
    page.evaluate(script)
    assert page.evaluate("typeof x") == "undefined"
    assert any("Content Security Policy" in text for text in page.wrong)
    page.wrong.clear()
