"""Oracle of spellings: those of one text, piece by piece, with strings."""

from typing import NamedTuple

from indexes.names.spellings import INITIALS, MAX_LETTERS, MAX_STARTS, SOUND, WRITTEN
from indexes.text.folding import normalise
from indexes.text.readings import NONE
from indexes.text.syllables import SPELLED
from indexes.text.tokens import PART, TOKEN
from tests.indexes.reading_oracle import slow_resolve


class Spelling(NamedTuple):
    """One string that people type: `source[start:]`.

    Spellings from different words of a text share one source. `how` is WRITTEN, SOUND or INITIALS.
    `inside` is whether the spelling begins with a later word than the first.
    """

    source: str
    start: int
    how: int
    inside: bool


class _Piece(NamedTuple):
    """A part of a folded text without signs: a run, or letters, or digits."""

    begin: int
    text: str
    is_run: bool
    starts: bool  # whether it begins a word


def slow_spellings(text: str) -> list[Spelling]:
    """All spellings of a text; none for a text without letters and digits."""
    folded = normalise(text)[:MAX_LETTERS]
    pieces = _pieces(folded)
    found = _from_starts(
        [piece.text for piece in pieces], [piece.starts for piece in pieces], WRITTEN
    )
    last_run = max([i for i, piece in enumerate(pieces) if piece.is_run], default=-1)
    if last_run < 0:
        return found
    pieces, starts = _heard(folded, pieces, last_run)
    ways = [
        _sounds_of_run(piece.text) if piece.is_run else [(piece.text, piece.text)]
        for piece in pieces
    ]
    # Ambiguous readings give two ways, all usual ones and all others, and no combinations.
    for way in range(max(map(len, ways))):
        heard = [of_piece[way % len(of_piece)] for of_piece in ways]
        found += _from_starts([syllables for syllables, _ in heard], starts, SOUND)
        found += _from_starts([letters for _, letters in heard], starts, INITIALS)
    return found


def _pieces(folded: str) -> list[_Piece]:
    pieces = []
    for match in TOKEN.finditer(folded):
        token, begin = match.group(), match.start()
        if match.lastindex or token.isalpha():
            pieces.append(_Piece(begin, token, bool(match.lastindex), True))
            continue
        for part in PART.finditer(token):
            at = part.start()
            # The s of McDonald's begins no word. The o of L'Oréal begins one.
            joined = at > 0 and token[at - 1] == "'" and len(token) - at <= 2
            pieces.append(_Piece(begin + at, part.group(), False, not joined))
    return pieces


def _heard(folded: str, pieces: list[_Piece], last_run: int) -> tuple[list[_Piece], list[bool]]:
    """The pieces that people type by sound, and whether a spelling begins at each.

    The pieces end with the last word that has a run, because nobody types on into the English
    name. A spelling begins at a piece that starts a word with a run in it.
    """
    if len(pieces) == 1:
        return pieces, [True]
    word = [folded.count(" ", 0, piece.begin) for piece in pieces]
    with_run = {number for number, piece in zip(word, pieces, strict=True) if piece.is_run}
    heard = [piece for piece, number in zip(pieces, word, strict=True) if number <= word[last_run]]
    starts = [
        piece.starts and i <= last_run and word[i] in with_run for i, piece in enumerate(heard)
    ]
    return heard, starts


def _from_starts(texts: list[str], starts: list[bool], how: int) -> list[Spelling]:
    """Spellings of the joined texts, one from each text whose `starts` is set."""
    if len(texts) == 1:
        return [Spelling(texts[0], 0, how, False)]
    source = "".join(texts)
    found: list[Spelling] = []
    at = 0
    for i, (text, start) in enumerate(zip(texts, starts, strict=True)):
        if start and len(found) < MAX_STARTS:
            found.append(Spelling(source, at, how, i > 0))
        at += len(text)
    return found


def _sounds_of_run(run: str) -> list[tuple[str, str]]:
    """Syllables and first letters of a run, in one or two ways.

    A character without a reading stays as written.
    """
    readings = slow_resolve(run)
    usual = [SPELLED[first] for first, _ in readings]
    if NONE in [first for first, _ in readings]:
        usual = [
            syllable if first != NONE else char
            for char, (first, _), syllable in zip(run, readings, usual, strict=True)
        ]
    ways = [usual]
    if any(other != NONE for _, other in readings):
        ways.append(
            [
                SPELLED[other] if other != NONE else syllable
                for syllable, (_, other) in zip(usual, readings, strict=True)
            ]
        )
    return [("".join(way), "".join([syllable[0] for syllable in way])) for way in ways]
