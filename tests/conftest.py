"""Fixtures and Hypothesis profiles that every test shares."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# "fixed" draws the same examples in every run; "deep" draws new ones and prints how to repeat a
# failure. Choose with `pytest --hypothesis-profile=deep`.
settings.register_profile(
    "fixed",
    derandomize=True,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "deep", settings.get_profile("fixed"), derandomize=False, max_examples=1000
)
settings.load_profile("fixed")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start tests that take minutes first, so that at the end no core waits for another."""
    items.sort(key=lambda item: item.get_closest_marker("minutes") is None)


SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
SOURCES = ("made up", "real") if SHARED_DATA.is_dir() else ("made up",)
"""What tests that can do without the real data run over."""


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of the real data that some tests read; they skip where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip("real data is not beside this checkout")
    return SHARED_DATA
