"""Short names of institutions, as their readers make them."""

import pytest

from indexes.text.short_names import short_names

SHORT = [
    ("中国建设银行", "建行 中建行"),
    ("中国银行", "中行"),
    ("招商银行(西湖支行)", "招行"),
    ("中國農業銀行", "農行 中農行"),
    ("北京大学", "北大"),
    ("北京师范大学", "师大 北师大"),
    ("浙江大学医学院附属儿童医院", "浙大 儿院 附儿院"),
    ("第一医院", "一院"),
    ("银行", ""),
    ("大学", ""),
    ("A银行", ""),
    ("Bank of China", ""),
    ("", ""),
]


@pytest.mark.parametrize(("text", "short"), SHORT)
def test_short_names(text: str, short: str) -> None:
    assert short_names(text) == short.split()
