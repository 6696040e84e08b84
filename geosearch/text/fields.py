"""Searchable fields of merchants, and the impact of a term in each; `rows` applies them.

`rewriter` weighs the words of a query against each other.

The impact of a term is BM25's weight of one occurrence in one field: Robertson and Zaragoza (2009),
"The Probabilistic Relevance Framework: BM25 and Beyond", equation 3.15, scaled to be at most the
weight of the field. A term counts once a text, because a word that a name repeats means no more.
Two things differ from BM25. The best field counts, not the sum of fields, because name, brand and
alias often say the same. The usual length of a field is a constant, not a mean over all merchants:
the impacts of a merchant depend on its own text alone, and are the same in every segment.
"""

from typing import NamedTuple

import numpy as np

from indexes.arrays import F64, I32, U8

K1 = 1.2
B = 0.75
"""Saturation and length weight: usual values, Robertson and Zaragoza (2009), section 3.4."""

LONGEST = 4.0
"""Greatest length that counts, in usual lengths of the field: a term in the longest name still has
more impact, 0.26, than one in the shortest address."""

LONGEST_WHOLE = 6
"""Most tokens of a text that queries find as a whole. A query with more tokens is distinct without
that, and most longer texts are names in two languages that nobody types in both."""

PINYINS_A_MERCHANT = 0.1
FEWEST_PINYINS = 50_000
"""Most spelled names that a segment keeps: the greater of `PINYINS_A_MERCHANT` times its merchants
and `FEWEST_PINYINS`. It keeps the names that most merchants have. Syllables find a name typed in
full anyway; a spelled name finds a half-typed or misspelt one. It takes some 90 bytes, and most
spelled names belong to one shop."""

CATEGORIES = "categories"


class TextField(NamedTuple):
    """A searchable field of merchants, and the impacts of its terms.

    Attributes
    ----------
    column
        Column of the merchants; `categories` means the names and aliases in the table of
        categories.
    weight
        Greatest impact of a term, 0 to 1.
    usual_length
        Usual number of tokens, as `Terms.length` counts them; 0 = the length does not count.
    by_character
        Whether each character of a longer run is a term too. Without that, no query finds a single
        character inside a run. In an address it means nothing (`路`), and costs 60 bytes a
        merchant.
    by_sound
        Whether sounds of the text are terms too. They have the impact of the text as written: a
        query that searches by sound has its own discount, one for all fields.
    by_initials
        Whether initials count among the sounds.
    whole_weight
        Impact, 0 to 1, for a query that equals the whole text; 0 = the whole text is no term.
    by_number
        Whether a number and the word beside it are a term: `201 mission` is one house.
    """

    column: str
    weight: float
    usual_length: int
    by_character: bool = False
    by_sound: bool = False
    by_initials: bool = False
    whole_weight: float = 0.0
    by_number: bool = False

    @classmethod
    def called(cls, column: str, weight: float, usual_length: int) -> "TextField":
        """A field with a name of the shop: found by character, sound, initials and as a whole."""
        return cls(column, weight, usual_length, True, True, True, weight)


FIELDS = (
    # People who type a word mostly mean a shop with this name.
    TextField.called("name", 1.0, 6),
    # The name without what a branch adds to it.
    TextField.called("brand", 0.95, 5),
    # Often shorter, and shared by different shops.
    TextField.called("aliases", 0.9, 5),
    # All shops of a category match its words alike: a synonym's length does not count. A name of
    # usual length with the word has a little more impact; a query of the word alone means the
    # category. Two initials fit hundreds of names, so categories have none: `hg` is no hotpot.
    TextField("categories", 0.5, 0, by_sound=True, whole_weight=1.0),
    # Distinguishes branches: `静安寺店`.
    TextField("branch_name", 0.45, 5),
    # A property of the shop, not its kind.
    TextField("tags", 0.4, 2),
    # The location: the name of a place matches all shops there.
    TextField("business_area", 0.4, 3, by_sound=True, by_initials=True),
    TextField("district", 0.25, 3),
    TextField("city", 0.2, 3),
    TextField("address", 0.2, 10, by_number=True),
)

FOUND_BY = tuple(field.column for field in FIELDS)
"""Columns of merchants with searchable texts."""

PHRASE_FIELDS = ("brand", "categories", "business_area", "tags", "city", "district")
"""Fields whose texts a query may join to other words in one run: `静安寺火锅`."""


def length_factor(length: I32, usual_length: int) -> F64:
    """Impact factor by number of tokens: lower for longer texts, 1 if `usual_length` is 0."""
    if not usual_length:
        return np.ones(len(length))
    relative = np.minimum(length / usual_length, LONGEST)
    return (1.0 + K1 * (1.0 - B)) / (1.0 + K1 * (1.0 - B + B * relative))


def impacts(weight: F64) -> U8:
    """Weights above 0 and up to 1 as impacts, uint8 from 1 to 255."""
    return np.clip(np.rint(weight * 255.0), 1.0, 255.0).astype(np.uint8)
