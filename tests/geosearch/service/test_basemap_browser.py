"""Streets of a PMTiles file under the map of the page: a real archive, drawn."""

import base64
import math
import re
import time
from pathlib import Path
from typing import Any

from geosearch.service.basemap import Basemap
from tests.geosearch.service.browsing import PLACE, Open
from tests.geosearch.service.street_tiles import Feature, archive
from tests.geosearch.waiting import PATIENCE_S

WEST, SOUTH, EAST, NORTH = BOX = (121.43, 31.19, 121.52, 31.27)
WATER = {"light": (207, 224, 234), "dark": (13, 26, 36)}
"""The page's own colours of water, `--sea`."""

COUNT_PIXELS = """([png, wanted]) => new Promise(done => {
  const picture = new Image();
  picture.onload = () => {
    const canvas = new OffscreenCanvas(picture.width, picture.height), paper = canvas.getContext('2d');
    paper.drawImage(picture, 0, 0);
    const bytes = paper.getImageData(0, 0, canvas.width, canvas.height).data;
    let found = 0;
    for (let at = 0; at < bytes.length; at += 4) found += wanted.every((part, one) => Math.abs(part - bytes[at + one]) < 3);
    done(found / (canvas.width * canvas.height));
  };
  picture.src = `data:image/png;base64,${png}`;
})"""  # noqa: E501


def city() -> list[Feature]:
    """Land, a lake around the middle, and roads."""
    turns = [turn / 12 * math.pi for turn in range(24)]
    lake = [(121.472 + 0.02 * math.cos(turn), 31.232 + 0.01 * math.sin(turn)) for turn in turns]
    corners = [(WEST, SOUTH), (WEST, NORTH), (EAST, NORTH), (EAST, SOUTH)]
    roads: list[Feature] = [
        ("roads", "line", [(WEST, lat), (EAST, lat)], {"kind": "major_road", "name": "Long Road"})
        for lat in (31.21, 31.22, 31.25)
    ]
    return [
        ("earth", "polygon", corners, {"kind": "earth"}),
        ("water", "polygon", lake, {"kind": "lake"}),
        *roads,
    ]


def test_streets_are_drawn_in_light_and_dark(open_page: Open, browser: Any, tmp_path: Path) -> None:
    (tmp_path / "city.pmtiles").write_bytes(archive(city(), BOX, range(10, 13)))
    basemap = Basemap(tmp_path / "city.pmtiles")

    def with_link(route: Any) -> None:
        answer = route.fetch()
        if "json" not in answer.headers["content-type"]:
            route.fulfill(response=answer)
            return
        links = {**answer.json()["links"], "basemap": "/basemap.pmtiles"}
        route.fulfill(json={**answer.json(), "links": links})

    def tiles(route: Any) -> None:
        part = basemap.part(route.request.headers["range"].encode())
        headers = {"content-range": part.place.decode(), "etag": basemap.etag.decode()}
        route.fulfill(status=206, body=part.body, headers=headers)

    page = open_page(PLACE, ready=False, has_map=True)
    page.route(re.compile(r"//[^/]+/(#.*)?$"), with_link)
    page.route("**/basemap.pmtiles", tiles)
    page.reload()
    page.locator("#credits", has_text="© Invented Streets").wait_for()
    picture = browser.new_page()
    for scheme, colour in WATER.items():
        page.emulate_media(color_scheme=scheme)
        water = 0.0
        until = time.monotonic() + PATIENCE_S
        while water < 0.02 and time.monotonic() < until:
            shot = base64.b64encode(page.locator("#map").screenshot()).decode()
            water = picture.evaluate(COUNT_PIXELS, [shot, colour])
        assert water >= 0.02, scheme
    picture.close()
