"""Fields of merchants that texts are looked up in, and what a term in each is worth.

Useful for: why one shop is found before another; `rows` applies it.
Not useful for: what the words of a query are worth against each other (`text_query`).

The impact of a term is BM25's weight of one occurrence in one field: Robertson and Zaragoza (2009),
"The Probabilistic Relevance Framework: BM25 and Beyond", equation 3.15, scaled to be at most the
weight of the field. A term counts once a text, as a word said twice in a name means no more. Two
things differ. Of several fields the best one counts, not their sum, for name, brand and alias often
say the same. And the usual length of a field is a constant, not a mean over all merchants: so what
a merchant is found by depends on its own text alone, and is the same in every segment.
"""

from typing import NamedTuple

import numpy as np

from geosearch.segment.columns import F64, I32, U8

K1 = 1.2
B = 0.75
"""Saturation and weight of the length: usual values, Robertson and Zaragoza (2009), section 3.4."""

LONGEST = 4.0
"""Usual lengths beyond which a text counts as no longer: a term in the longest name, 0.26, is worth
more than one in the shortest address."""

LONGEST_WHOLE = 6
"""Tokens of a text that is looked up as a whole. Who types a longer one in full has said enough to
tell it from those that hold it, and most are names in two languages that nobody types in both."""

PINYINS_A_MERCHANT = 0.1
FEWEST_PINYINS = 50_000
"""Spelled names that a segment keeps, if it has more: those of most merchants. A name typed in full
is found by its syllables anyway; spelled names are for what is half-typed or misspelt. They take
some 90 bytes each, and most are of one shop."""

CATEGORIES = "categories"


class TextField(NamedTuple):
    """A field of merchants, and what its words are worth.

    Attributes
    ----------
    column
        Of the merchants; `categories` stands for names and aliases in the table of categories.
    weight
        Greatest impact of a term, 0 to 1.
    usual_length
        Tokens, as `Terms.length` counts them; 0 = the length does not matter.
    by_character
        Whether each character of a longer run is a term too. Where not, one that is cut off a run
        is not found alone; in an address it says nothing (`路`), and costs 60 bytes a merchant.
    by_sound
        Whether it is found by how it sounds. The terms are worth what they are as written: a
        query that is meant to sound like them is discounted when it is read, once for all fields.
    by_initials
        Whether initials count among its sounds.
    whole_weight
        Impact of being the whole text, 0 to 1, for a query that is this and nothing else; 0 = not
        looked up as a whole.
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
        """A field that says what a shop is called: looked up in every way."""
        return cls(column, weight, usual_length, True, True, True, weight)


FIELDS = (
    # What a shop is called is what people type, and what they mean when they do.
    TextField.called("name", 1.0, 6),
    # The name without what a branch adds to it.
    TextField.called("brand", 0.95, 5),
    # Often shorter, and shared by different shops.
    TextField.called("aliases", 0.9, 5),
    # All shops of a category match its words alike, however many words a synonym has. A name of
    # usual length that holds a word is worth a little more; but who types nothing else means the
    # category. Two initials are those of hundreds of names: `hg` does not stand for every hotpot.
    TextField("categories", 0.5, 0, by_sound=True, whole_weight=1.0),
    # Tells branches apart: `静安寺店`.
    TextField("branch_name", 0.45, 5),
    # True of the shop, but not what it is.
    TextField("tags", 0.4, 2),
    # Where it is: the words that name a place match all shops there.
    TextField("business_area", 0.4, 3, by_sound=True, by_initials=True),
    TextField("district", 0.25, 3),
    TextField("city", 0.2, 3),
    TextField("address", 0.2, 10, by_number=True),
)

FOUND_BY = tuple(field.column for field in FIELDS)
"""Columns of merchants that texts stand in."""

PHRASE_FIELDS = ("brand", "categories", "business_area", "tags", "city", "district")
"""Fields whose texts a query may hold in one run with other words: `静安寺火锅`."""


def length_factor(length: I32, usual_length: int) -> F64:
    """What a term is worth in a text of so many tokens: below 1, and less the longer it is."""
    if not usual_length:
        return np.ones(len(length))
    relative = np.minimum(length / usual_length, LONGEST)
    return (1.0 + K1 * (1.0 - B)) / (1.0 + K1 * (1.0 - B + B * relative))


def impacts(weight: F64) -> U8:
    """Weights from above 0 to 1 as steps from 1 to 255."""
    return np.clip(np.rint(weight * 255.0), 1.0, 255.0).astype(np.uint8)
