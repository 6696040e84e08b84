"""Fixtures of the tests that look at the map page in a browser."""

from tests.geosearch.service.browsing import browser, open_page, server

__all__ = ["browser", "open_page", "server"]
