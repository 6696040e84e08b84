"""Readings of Chinese characters: pinyin syllables alone, in words, and where they are ambiguous.

Useful for: the syllables of a run of characters, with a second one where names use both.
Not useful for: text with other characters; `pinyin` finds the runs.

pypinyin gives the reading of a character, and of two characters in a word (重庆, 银行). The tables
here add what it lacks for names of shops and places. Its dictionaries load at the first use.
"""

import functools
from typing import Final, NamedTuple

from indexes.text.folding import normalise
from indexes.text.syllables import NUMBER

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


class _Characters(dict[str, Reading]):
    """Character to its reading, computed at first use; NONE twice without a reading."""

    def __missing__(self, char: str) -> Reading:
        from pypinyin.pinyin_dict import pinyin_dict  # slow to load

        listed = pinyin_dict.get(ord(char), "").partition(",")[0]
        found = self[char] = Reading(_number(listed), NONE)
        return found


CHARACTERS: Final = _Characters(
    {char: Reading(*syllables) for char, syllables in _listed(_OPEN, 1).items()}
)
"""The reading of each character outside of words."""


@functools.cache
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


def resolve(run: str) -> list[Reading]:
    """The reading of each character of a run, with words matched from left to right.

    Parameters
    ----------
    run
        Normalised characters, each with a reading.

    Examples
    --------
    >>> from indexes.text.syllables import SPELLED
    >>> [SPELLED[reading.first] for reading in resolve("重庆银行")]
    ['chong', 'qing', 'yin', 'hang']
    """
    readings = [CHARACTERS[char] for char in run]
    known = words()
    at = 0
    while at < len(run) - 1:
        pair = known.get(run[at : at + 2])
        if pair is None:
            at += 1
        else:
            readings[at : at + 2] = pair
            at += 2
    return readings
