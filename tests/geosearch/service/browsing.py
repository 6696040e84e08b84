"""A browser on the map page, for tests: one service and one browser for all of them.

They need Chromium (Debian's package) and skip without; `.ci/run` installs it and lets nothing skip.
Every test also proves that the console has no error, and that nothing was asked of another host.
"""

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from shutil import which
from typing import Any
from zoneinfo import ZoneInfo

import pytest

import geosearch
from geosearch.indexing.pipeline import build
from geosearch.sources.synth.world import synthesise
from geosearch.studies.coverage import coverage
from geosearch.studies.coverage_files import write_coverage
from tests.geosearch.service.test_app_process import Server, serving

CHROMIUM = which("chromium")
MUST_RUN = bool(os.environ.get("NEEDS_BROWSER"))
SHANGHAI = ZoneInfo("Asia/Shanghai")
TOMORROW = datetime.now(SHANGHAI).date() + timedelta(days=1)
PLACE = f"lat=31.232&lng=121.472&at={TOMORROW}T19:30"
WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 360, "height": 740}
SLOTS = {"weekday_lunch": "Mo-Fr 12:15", "after_work": "Mo-Fr 18:00"}

# A software renderer, so that the map is drawn where there is no graphics card.
OPTIONS = (
    "--no-sandbox",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
)

Open = Callable[..., Any]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("page")
    synthesise(folder / "snapshot", merchants=2_000, seed=1, created_at=datetime.now(UTC))
    build(folder / "snapshot", folder / "index")
    engine = geosearch.open_index(folder / "index")
    covered = coverage(engine, programs=("cloud-pay", "red"), cells="h3:8", slots=SLOTS)
    write_coverage(covered, folder / "coverage.geojson")
    with serving(folder / "index", "--coverage", str(folder / "coverage.geojson")) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Not for longer: while it is open, no other test can run an event loop."""
    if CHROMIUM is None and not MUST_RUN:
        pytest.skip("no Chromium here: apt-get install chromium")
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield opened
        opened.close()


@pytest.fixture
def open_page(browser: Any, server: Server) -> Iterator[Open]:
    """Opens the page with a fragment; afterwards nothing was wrong, and nothing left the host."""
    base = f"http://127.0.0.1:{server.port}/"
    contexts, wrong, foreign = [], [], []

    def opened(
        fragment: str = PLACE, *, ready: bool = True, has_map: bool = False, **options: Any
    ) -> Any:
        """Without the map, which takes a software renderer seconds, the list is the whole page."""
        chosen = {"viewport": WIDE, "locale": "en-GB", "reduced_motion": "reduce"} | options
        context = browser.new_context(**chosen)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        if not has_map:
            page.add_init_script("HTMLCanvasElement.prototype.getContext = () => null")
        page.on("console", lambda one: wrong.append(one.text) if one.type == "error" else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on(
            "request", lambda one: None if one.url.startswith(base) else foreign.append(one.url)
        )
        page.goto(f"{base}#{fragment}")
        if ready:
            page.wait_for_selector(".hit, #empty:not([hidden])")
        page.wrong = wrong
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not wrong
    assert not foreign


def settled(page: Any) -> None:
    """Every question that the page asked is answered."""
    page.locator("body:not(:has([aria-busy=true]))").wait_for()


def fragment(page: Any) -> dict[str, str]:
    return dict(pair.split("=") for pair in page.url.partition("#")[2].split("&") if pair)
