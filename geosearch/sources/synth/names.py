"""Names, aliases and brands of made-up shops and chains, in Chinese, English or both."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from geosearch.sources.synth.categories import CHAIN_KINDS, KINDS
from geosearch.sources.synth.lines import pick
from geosearch.sources.synth.words import CHAIN_TAILS, HEADS, KIN, PLACES, SURNAMES, TAILS

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

CHAIN_SHARE = 0.16
BRANCHES = 22
MOST_CHAINS = 1_200

_COINED, _SURNAME, _PLACE, _KIN, _BILINGUAL, _ENGLISH = range(6)
# Shares of the patterns above, by kind of deals; English-only names suit some businesses.
_PATTERNS = {
    "meal": (0.26, 0.30, 0.15, 0.13, 0.13, 0.03),
    "drink": (0.46, 0.08, 0.02, 0.04, 0.30, 0.10),
    "service": (0.55, 0.14, 0.0, 0.03, 0.22, 0.06),
    "goods": (0.52, 0.16, 0.0, 0.03, 0.22, 0.07),
    "none": (0.70, 0.22, 0.0, 0.0, 0.08, 0.0),
}


@dataclass(frozen=True)
class Chains:
    """Made-up chains, the largest first.

    `kind` is an index into `KINDS`. `share` sums to 1. `price` is a factor and `stars` an offset of
    all branches. `hours` in [0, 1) chooses the opening hours of most branches.
    """

    kind: Ints
    zh: tuple[str, ...]
    en: tuple[str, ...]
    aliases: tuple[str, ...]
    share: Floats
    price: Floats
    stars: Floats
    hours: Floats


def build_chains(rng: np.random.Generator, shops: int) -> Chains:
    """Return at least 6 chains for `shops` shops; sizes are proportional to rank ** -0.65."""
    count = int(np.clip(shops * CHAIN_SHARE / BRANCHES, 6, MOST_CHAINS))
    places = {kind.path: ordinal for ordinal, kind in enumerate(KINDS)}
    cycle = np.array([places[path] for path in CHAIN_KINDS])
    kind = cycle[np.arange(count) % len(cycle)]
    pairs = rng.permutation(len(HEADS) * len(TAILS))[:count]
    zh, en, aliases = [], [], []
    for ordinal, pair in enumerate(pairs.tolist()):
        head, tail = HEADS[pair // len(TAILS)], TAILS[pair % len(TAILS)]
        style = KINDS[kind[ordinal]]
        noun = style.nouns[0]
        short = head[0] + tail[0]
        if ordinal % 3 == 2:
            short += CHAIN_TAILS[ordinal % len(CHAIN_TAILS)]
        zh.append(short + noun)
        en.append(f"{head[1]} {tail[1]} {style.en_noun}")
        aliases.append(f'["{en[-1]}","{short}"]')
    share = 1.0 / np.arange(1, count + 1) ** 0.65
    return Chains(
        kind=kind,
        zh=tuple(zh),
        en=tuple(en),
        aliases=tuple(aliases),
        share=share / share.sum(),
        price=rng.lognormal(0.0, 0.25, count),
        stars=rng.normal(0.0, 0.2, count),
        hours=rng.random(count),
    )


def shop_names(rng: np.random.Generator, kind: Ints) -> pl.DataFrame:
    """Return `name` and `aliases` (JSON text or null) of independent shops of the given kinds."""
    count = len(kind)
    head, tail = rng.integers(0, len(HEADS), count), rng.integers(0, len(TAILS), count)
    nouns = pick(
        _NOUNS, _NOUN_START[kind] + (rng.random(count) * _NOUN_COUNT[kind]).astype(np.int64)
    )
    surname = pick(_SURNAMES, rng.integers(0, len(_SURNAMES), count))
    place = pick(PLACES, rng.integers(0, len(PLACES), count))
    kin = pick(KIN, rng.integers(0, len(KIN), count))
    pattern = (rng.random(count)[:, None] >= _PATTERN_LIMITS[kind]).sum(axis=1)
    frame = pl.DataFrame(
        {
            "pattern": pattern,
            "coined": pick(_COINED_ZH, head * len(TAILS) + tail) + nouns,
            "english": pick(_COINED_EN, head * len(TAILS) + tail) + pick(_EN_NOUNS, kind),
            "surname": surname + nouns,
            "place": place + nouns,
            "kin": kin + nouns,
            "alias": rng.random(count) < 0.12,
        }
    )
    pattern_is = pl.col("pattern").eq
    english, coined = pl.col("english"), pl.col("coined")
    return frame.select(
        name=pl.when(pattern_is(_SURNAME))
        .then(pl.col("surname"))
        .when(pattern_is(_PLACE))
        .then(pl.col("place"))
        .when(pattern_is(_KIN))
        .then(pl.col("kin"))
        .when(pattern_is(_BILINGUAL))
        .then(pl.concat_str(coined, pl.lit(" "), english))
        .when(pattern_is(_ENGLISH))
        .then(english)
        .otherwise(coined),
        aliases=pl.when(pattern_is(_BILINGUAL))
        .then(pl.format('["{}","{}"]', coined, english))
        .when(pattern_is(_ENGLISH))
        .then(pl.format('["{}"]', coined))
        .when(pattern_is(_COINED) & pl.col("alias"))
        .then(pl.format('["{}"]', english)),
    )


_NOUNS = tuple(noun for kind in KINDS for noun in kind.nouns)
_NOUN_COUNT = np.array([len(kind.nouns) for kind in KINDS])
_NOUN_START = np.cumsum(_NOUN_COUNT) - _NOUN_COUNT
_EN_NOUNS = tuple(f" {kind.en_noun}" for kind in KINDS)
_COINED_ZH = tuple(head[0] + tail[0] for head in HEADS for tail in TAILS)
_COINED_EN = tuple(f"{head[1]} {tail[1]}" for head in HEADS for tail in TAILS)
_SURNAMES = tuple(
    text for name in SURNAMES for text in (f"老{name}", f"{name}记", f"{name}家", f"小{name}")
)
_PATTERN_LIMITS = np.array([np.cumsum(_PATTERNS[kind.deals])[:-1] for kind in KINDS])
