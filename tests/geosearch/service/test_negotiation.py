"""The language that `Accept-Language` asks for: ranges, qualities, wildcards, what is invalid."""

import pytest

from geosearch.service.negotiation import language_for

CASES = [
    ("", "en"),
    ("zh", "zh"),
    ("en", "en"),
    ("zh-CN", "zh"),
    ("ZH-hans-cn", "zh"),
    ("zh-Hant-TW;q=0.1", "zh"),
    ("zh-CN,zh;q=0.9,en;q=0.8,en-GB;q=0.7", "zh"),  # a browser in Shanghai
    ("en-US,en;q=0.9,zh-CN;q=0.8,zh;q=0.7", "en"),  # a browser abroad
    ("en;q=0.5, zh;q=0.6", "zh"),
    ("en;q=0.6, zh;q=0.5", "en"),
    ("en-GB;q=0.1, zh;q=0.2, en-US;q=0.3", "en"),
    ("zh, en", "zh"),
    ("en, zh", "en"),
    ("zh;q=0.9, en;q=0.9", "zh"),
    ("fr, zh;q=0.2", "zh"),
    ("fr", "en"),
    ("fr, de;q=0.9", "en"),
    ("*", "en"),
    ("*;q=0.5, zh;q=0.4", "en"),
    ("*;q=0.5, zh;q=0.6", "zh"),
    ("zh;q=0.5, *;q=0.5", "zh"),
    ("en;q=0, *", "zh"),
    ("zh;q=0, *", "en"),
    ("zh;q=0", "en"),
    ("zh;q=0, en;q=0", "en"),
    ("zh;q=0.000, en;q=0.001", "en"),
    ("zh;q=1.000, en;q=0.999", "zh"),
    ("\tzh ; q=0.9 , en;q=0.8", "zh"),
    (",,zh,,", "zh"),
    # Invalid items are ignored.
    ("zh;q=1.1, en;q=0.1", "en"),
    ("zh;q=0.1234, en;q=0.1", "en"),
    ("zh;q=, en;q=0.1", "en"),
    ("zh;q=x, en;q=0.1", "en"),
    ("zh;level=1, en;q=0.1", "en"),
    ("zh_CN, en;q=0.1", "en"),
    ("zhx, en;q=0.1", "en"),
    ("chinesisch, en;q=0.1", "en"),
    ("z中", "en"),
    ("zh-", "en"),
    ("-zh", "en"),
    ("zh" + ", fr" * 500, "en"),  # too long to read
]


@pytest.mark.parametrize(("accepted", "language"), CASES)
def test_language(accepted: str, language: str) -> None:
    assert language_for(accepted) == language
