"""Readings of Chinese characters: pinyin syllables alone, in words, and where they are ambiguous.

Useful for: the syllables of characters, with a second one where names use both.
Not useful for: whole texts; `pinyin` reads those of queries, `sounds` those of documents.

pypinyin gives the reading of a character, and of two characters in a word (重庆, 银行). The tables
here add what it lacks for names of shops and places. Its dictionaries load at the first use.

Words match from left to right, and no character belongs to two words. `read` is this rule for
kernels, `read_all` for the characters of many texts, and `resolve` for one run.
"""

import functools
from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np

from indexes.arrays import I64, U32, Bools, I16Matrix, ReadOnly
from indexes.bisection import first_at_least
from indexes.jit import entry_point, inner_njit, int64, njit
from indexes.prepared import Prepared
from indexes.terms.keys import CODE_BITS
from indexes.text.folding import normalise
from indexes.text.syllables import NUMBER
from indexes.text.tokens import gram_table

NONE: Final = -1
"""Syllable number that means: no syllable."""

# Characters that names use in two readings, the more usual one in names first.
_OPEN: Final = """
行xing,hang 长chang,zhang 重zhong,chong 乐le,yue 朝chao,zhao 调tiao,diao 都du,dou 会hui,kuai
单dan,shan 曾zeng,ceng 藏cang,zang 参shen,can 传chuan,zhuan 弹dan,tan 差cha,chai 降jiang,xiang
校xiao,jiao 还hai,huan 便bian,pian 薄bo,bao 柏bai,bo 堡bao,pu 贾jia,gu 解jie,xie 粘zhan,nian
爪zhua,zhao 嚼jiao,jue 扎zha,za 卡ka,qia 露lu,lou 塞sai,se 阿a,e 佛fo,fu 仔zai,zi 勒le,lei 扒ba,pa
盛sheng,cheng 似si,shi 蛤ge,ha 厦sha,xia 茄qie,jia 靓liang,jing 卜bu,bo 什shi,shen 咖ka,ga
呷xia,ga 嗲dia,die 幢zhuang,chuang 匙chi,shi 囤tun,dun 秘mi,bi 尉wei,yu 埔pu,bu 蚌bang,beng
仇chou,qiu 查cha,zha 削xiao,xue 泊bo,po 伽jia,ga 缪miao,mou 莞guan,wan 喔wo,o 着zhe,zhu 朴pu,piao
轧zha,ya 喳zha,cha 栅zha,shan 刨bao,pao 拓tuo,ta 澄cheng,deng 刹cha,sha 禅chan,shan 栖qi,xi
了le,liao 血xue,xie 和he,huo 炮pao,bao 角jiao,jue 壳ke,qiao 熟shu,shou 剥bo,bao 折zhe,she
沓da,ta 铛cheng,dang 磅bang,pang 偻lou,lv 咯ge,luo 钥yao,yue 桔ju,jie 枸gou,ju 呱gua,gu
"""

# Words that pypinyin lacks, or has in a sense that names of shops and places do not use.
_WORDS: Final = """
朝阳chao,yang 闵行min,hang 茶行cha,hang 药行yao,hang 琴行qin,hang 车行che,hang 器行qi,hang
材行cai,hang 布行bu,hang 金行jin,hang 米行mi,hang 鱼行yu,hang 果行guo,hang 酒行jiu,hang
镜行jing,hang 表行biao,hang 卖行mai,hang 中行zhong,hang 支行zhi,hang 总行zong,hang 货行huo,hang
招行zhao,hang 六合liu,he 浚县xun,xian 繁峙fan,shi 涡阳guo,yang 刹海cha,hai 什刹shi,cha 会稽kuai,ji
参鸡shen,ji 洪洞hong,tong 解州xie,zhou 筠连jun,lian 郫都pi,du 丰都feng,du 大夫dai,fu 宕昌tan,chang
藏餐zang,can 差旅chai,lv 粘豆nian,dou 咖喱ga,li 东阿dong,e 单县shan,xian 名着ming,zhu 着名zhu,ming
原着yuan,zhu 土着tu,zhu 顾着gu,zhu 人行ren,xing 凤爪feng,zhua 里堡li,pu 呱呱gua,gua
了不liao,bu 便宜pian,yi 和面he,mian 血旺xue,wang 和平he,ping 炮制pao,zhi
"""

# Surnames with a reading of their own, and the characters that follow a surname in shop names.
_SURNAMES: Final = """
仇qiu 单shan 解xie 查zha 曾zeng 区ou 盖ge 朴piao 乐yue 缪miao 翟zhai 黑he 秘bi 员yun 种chong 折she
覃qin 冼xian 洗xian 召shao 祭zhai 幺yao 牟mu 卜bu 任ren 尹yin 晁chao 谌chen 郗xi 佴nai 葛ge 宁ning
"""
_BEHIND_SURNAMES: Final = "家记氏府姐哥嫂婆爷妈叔伯"

_TONES = str.maketrans(
    "āáǎàēéěèêếềīíǐìōóǒòūúǔùǖǘǚǜüńňǹḿ",
    "aaaaeeeeeeeiiiioooouuuuvvvvvnnnm",
    "\u0300\u0301\u0304\u030c",
)


@functools.cache
def _number(reading: str) -> int:
    """Number of a syllable with a tone, as a dictionary writes it; NONE if it has none."""
    return NUMBER.get(reading.translate(_TONES), NONE)


def _listed(text: str, size: int) -> dict[str, tuple[int, int]]:
    """Characters or words of a table above, each with its two syllables."""
    entries = ((entry[:size], entry[size:].split(",")) for entry in text.split())
    return {key: (NUMBER[first], NUMBER[second]) for key, (first, second) in entries}


class Reading(NamedTuple):
    """Usual syllable of a character, and a second one if names use both, else NONE."""

    first: int
    other: int


@functools.cache
def _alone() -> I16Matrix:
    """Usual and second syllable by code point outside of words, each plus one; 0 = none.

    Memory that stays zero costs nothing: all but the pages of Chinese characters.
    """
    from pypinyin.pinyin_dict import pinyin_dict  # slow to load

    alone = np.zeros((2, 0x110000), np.int16)
    is_gram = gram_table()
    for code, listed in pinyin_dict.items():
        if is_gram[code]:
            alone[0, code] = _number(listed.partition(",")[0]) + 1
    for char, syllables in _listed(_OPEN, 1).items():
        alone[:, ord(char)] = np.array(syllables) + 1
    return alone


class _Characters(dict[str, Reading]):
    """Character to its reading, looked up at first use; NONE twice without a reading."""

    def __missing__(self, char: str) -> Reading:
        found = self[char] = Reading(*(_alone()[:, ord(char)] - 1).tolist())
        return found


CHARACTERS: Final = _Characters()
"""The reading of each character outside of words."""


def words() -> dict[str, tuple[Reading, Reading]]:
    """Readings of two neighbours in a word, for words that change or decide a reading.

    A word of pypinyin is certain and has no second syllable. A word of the tables here, which names
    read differently from dictionaries, keeps the other syllable as the second.
    """
    from pypinyin.phrases_dict import phrases_dict  # slow to load

    found: dict[str, tuple[Reading, Reading]] = {}
    for word, readings in phrases_dict.items():
        if len(word) == 2 and normalise(word) == word:
            _add_word(found, word, [_number(one[0]) for one in readings])
    for word, syllables in _listed(_WORDS, 2).items():
        first, second = (
            Reading(syllable, _other(char, syllable))
            for char, syllable in zip(word, syllables, strict=True)
        )
        found[word] = first, second
    for entry in _SURNAMES.split():
        surname, syllable = entry[0], NUMBER[entry[1:]]
        if CHARACTERS[surname] != Reading(syllable, NONE):
            usual = CHARACTERS[surname].first
            first = Reading(syllable, usual if usual != syllable else _other(surname, syllable))
            found |= {surname + end: (first, CHARACTERS[end]) for end in _BEHIND_SURNAMES}
    return found


def _other(char: str, syllable: int) -> int:
    """The syllable of a character that is not `syllable`; may be NONE."""
    usual = CHARACTERS[char]
    return usual.other if syllable == usual.first else usual.first


def _add_word(found: dict[str, tuple[Reading, Reading]], word: str, syllables: list[int]) -> None:
    """Add each pair of neighbours of a word whose reading may differ from that of them alone."""
    for at in range(len(word) - 1):
        pair = word[at : at + 2]
        readings = [CHARACTERS[char] for char in pair]
        said = syllables[at : at + 2]
        if NONE not in said and readings != [Reading(syllable, NONE) for syllable in said]:
            found[pair] = Reading(said[0], NONE), Reading(said[1], NONE)


class ReadingTable(NamedTuple):
    """Readings as arrays: of characters by code point, and of words of two characters."""

    alone: I16Matrix  # [2, 0x110000] usual and second syllable outside of words, plus one
    begins: Bools  # [0x110000] whether a word begins with the character
    ends: Bools  # [0x110000]
    pair: I64  # [w] first character << CODE_BITS | second, ascending
    usual: I16Matrix  # [w, 2] usual syllables of both characters in the word
    other: I16Matrix  # [w, 2] second ones, or NONE


@functools.cache
def reading_table() -> Prepared[ReadingTable]:
    """`CHARACTERS` and `words` as arrays."""
    known = sorted(
        (ord(word[0]) << CODE_BITS | ord(word[1]), *first, *second)
        for word, (first, second) in words().items()
    )
    table = np.array(known, np.int64)
    pair, syllables = table[:, 0].copy(), table[:, 1:].astype(np.int16)
    begins, ends = np.zeros((2, 0x110000), np.bool_)
    begins[pair >> CODE_BITS] = True
    ends[pair & ((1 << CODE_BITS) - 1)] = True
    usual, other = syllables[:, 0::2].copy(), syllables[:, 1::2].copy()
    return Prepared(ReadingTable(_alone(), begins, ends, pair, usual, other))


@inner_njit
def read(code: U32 | I64, begin: int, end: int, table: ReadingTable, readings: I16Matrix) -> None:
    """Write the usual and the second syllable of the characters `code[begin:end]`, NONE without.

    Parameters
    ----------
    code
        Code points of normalised characters.
    readings
        Row 0 has usual syllables, row 1 second ones; the kernel writes `readings[:, begin:end]`.
    """
    for at in range(begin, end):
        readings[0, at] = int64(table.alone[0, code[at]]) - 1
        readings[1, at] = int64(table.alone[1, code[at]]) - 1
    at = begin
    while at < end - 1:
        row = _word(table, int64(code[at]), int64(code[at + 1]))
        if row < 0:
            at += 1
            continue
        for step in range(2):
            readings[0, at + step] = table.usual[row, step]
            readings[1, at + step] = table.other[row, step]
        at += 2


@inner_njit
def _word(table: ReadingTable, left: int, right: int) -> int:
    """Row of a word of two characters, -1 if it is not in the table."""
    if not (table.begins[left] and table.ends[right]):
        return -1
    pair = left << CODE_BITS | right
    size = table.pair.shape[0]
    row = first_at_least(table.pair, 0, size, pair)
    return row if row < size and table.pair[row] == pair else -1


@njit
def _read_all(
    code: ReadOnly[U32], table: Prepared[ReadOnly[ReadingTable]], readings: I16Matrix
) -> None:
    read(code, 0, code.shape[0], table.value, readings)


def read_all(code: U32) -> I16Matrix:
    """Usual and second syllable of each code point, int16[2, n]; NONE without one."""
    readings = np.empty((2, code.size), np.int16)
    _compiled()(code, reading_table(), readings)
    return readings


@functools.cache
def _compiled() -> Callable[..., None]:
    return entry_point(_read_all)


def resolve(run: str) -> tuple[list[int], list[int]]:
    """Usual and second syllable of each character of a run; NONE without one.

    Parameters
    ----------
    run
        Normalised characters.

    Examples
    --------
    >>> from indexes.text.syllables import SPELLED
    >>> usual, other = resolve("重庆银行")
    >>> [SPELLED[syllable] for syllable in usual]
    ['chong', 'qing', 'yin', 'hang']
    """
    code = np.frombuffer(run.encode("utf-32-le", "surrogatepass"), np.uint32)
    usual, other = read_all(code).tolist()
    return usual, other
