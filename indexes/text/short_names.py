"""Chinese short names of institutions: 建行 for 中国建设银行, 北师大 for 北京师范大学.

Only regular short names; the data has irregular ones (浦发) as aliases.

A short name is the first character of each word before the kind of institution, and one character
of the kind. Words have two characters. The words nearest to the kind suffice: 中国 is left out.
"""

import re
from typing import Final

MAX_WORDS: Final = 2
"""Most words before the kind that give a character."""

# The kind of an institution, and its character at the end of short names. Source: entries of
# 现代汉语词典 for the short names of banks, universities, hospitals and schools.
_KINDS: Final = dict(
    pair.split(":")
    for pair in """
    银行:行 銀行:行 大学:大 大學:大 医院:院 醫院:院 中学:中 中學:中 小学:小 小學:小
    """.split()
)
_INSTITUTION: Final = re.compile(rf"([\u4e00-\u9fff]+?)({'|'.join(_KINDS)})")


def short_names(text: str) -> list[str]:
    """Distinct short names of the institutions in a text.

    Examples
    --------
    >>> short_names("中国建设银行(武林支行)"), short_names("北京大学"), short_names("银行")
    (['建行', '中建行'], ['北大'], [])
    """
    if text.isascii():
        return []
    found: dict[str, None] = {}
    for match in _INSTITUTION.finditer(text):
        before, kind = match.groups()
        first = range(len(before) - 2, -1, -2)[:MAX_WORDS]
        # 第二医院 is 二院: skip 第.
        initials = [before[at + (before[at] == "第")] for at in first]
        found |= dict.fromkeys(
            "".join(reversed(initials[:size])) + _KINDS[kind]
            for size in range(1, len(initials) + 1)
        )
    return list(found)
