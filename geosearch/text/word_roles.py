"""Roles of query words: function words, words of kind, names of areas, content words.

`rewording` leaves words out in this order if not all are found together.

The tables are data, short lines by language: articles, conjunctions and prepositions, after the
stop words of Snowball (Porter 2001); words that people add to a search on a map (`near me`,
附近的); and words for a place of business that people add to a name or leave out (肯德基餐厅).
"""

from typing import Final

from indexes.text.folding import normalise

FUNCTION, KIND, AREA, CONTENT = range(4)
"""Roles, in the order in which rewording leaves them out; `AREA` is a place known to the index."""

_FUNCTION: Final = """
zh: 附近的 附近 附近有 这附近 我附近的 我附近 最近的 最近 离我最近的 离我最近 离我近的 周边的
zh: 周边 旁边的 旁边 周围的
zh: 周围 这里 哪里有 哪里 哪有 哪儿有 有没有 好吃的 好喝的 推荐 便宜的 最好的 营业中 小时 的
zh: 和 与 及 在 有 吃 找 去 喝
ja: 近くの 近く 近所の 周辺の 周辺 おすすめ 美味しい の と で に は
ko: 근처 근처의 주변 가까운 추천 맛있는
en: a an the and or of in at on by to for from with near nearby around close closest nearest
en: here me my
en: best good great top cheap open now where find is are any some 24 24h 247 hours
de: der die das den dem des ein eine einen und oder in im am an auf bei beim mit von vom zu
de: zum zur fur
de: nahe naehe hier umgebung beste bester bestes besten gute guter gutes offen geoffnet jetzt
de: stunden
fr: le la les l un une des de du d et ou a au aux en dans pres proche ici avec sur pour
fr: meilleur
es: el la los las un una de del y o e en al con para cerca aqui mi mejor abierto
it: il lo la i gli le un una di del della e o in a al con per vicino qui migliore
pt: o a os as um uma de do da e ou em no na com para perto aqui melhor
nl: de het een en of in op bij met van voor dichtbij beste
vi: gan day va o tai
"""

_KIND: Final = """
zh: 店 馆 屋 坊 铺 厅 餐厅 餐馆 饭店 饭馆 酒楼 酒家 商店 门店 分店 总店 专卖店 旗舰店 连锁店
zh: 小店 菜馆 美食 公司
ja: 店 屋 お店 専門店 レストラン 食堂
ko: 식당 맛집 가게 점 집 매장
en: restaurant restaurants cafe cafes shop shops store stores place places food house eatery
en: bistro diner
en: takeaway outlet
de: restaurant restaurants gaststatte lokal laden geschaft imbiss haus essen
fr: restaurant restaurants resto magasin boutique bistrot
es: restaurante restaurantes tienda comida local
it: ristorante ristoranti negozio locale cibo
pt: restaurante loja comida
nl: winkel eten eetcafe
vi: quan tiem nha hang
"""


def _words(table: str) -> frozenset[str]:
    lines = (line.partition(":")[2] for line in table.strip().splitlines())
    return frozenset(normalise(word) for line in lines for word in line.split())


FUNCTION_WORDS: Final = _words(_FUNCTION)
KIND_WORDS: Final = _words(_KIND)

_LONGEST: Final = max(map(len, KIND_WORDS))


def role(word: str) -> int:
    """Role of a normalised word in every index: never `AREA`, which depends on the index.

    Examples
    --------
    >>> [role(word) for word in ("附近的", "near", "餐厅", "kfc")]
    [0, 0, 1, 3]
    """
    if word in FUNCTION_WORDS:
        return FUNCTION
    return KIND if word in KIND_WORDS else CONTENT


def is_phrase(run: str) -> bool:
    """Whether a part of a run is surely a function word, as in 附近的火锅."""
    return len(run) > 1 and run in FUNCTION_WORDS


def without_kind(run: str) -> tuple[str, str]:
    """Split a run of characters before the word of kind it ends with.

    Returns the rest, at least two characters, and the word of kind. If the run ends with none, the
    word is empty.

    Examples
    --------
    >>> without_kind("老灶餐厅"), without_kind("餐厅"), without_kind("火锅")
    (('老灶', '餐厅'), ('餐厅', ''), ('火锅', ''))
    """
    for size in range(min(_LONGEST, len(run) - 2), 0, -1):
        if run[-size:] in KIND_WORDS:
            return run[:-size], run[-size:]
    return run, ""
