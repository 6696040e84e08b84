"""Spellings of names: the strings that people type for them, as arrays.

Useful for: keys of completions; a kernel spells a million names in seconds. A spelling is as
written, by sound or by initials, and begins at the text or at a later word.
Not useful for: what somebody typed; see `spellings`.

A text is typed as written, and by sound if it has a run of Chinese. The typed part by sound ends
with the last word that has a run, because nobody types on into the English name. It begins at a
word with a run. Ambiguous readings give two ways by sound, all usual ones and all others, and no
combinations.
"""

from collections.abc import Sequence
from functools import cache
from typing import Final, NamedTuple

import numpy as np

from indexes.arrays import I64, U8, U32, Bools, I16Matrix
from indexes.jit import inline_njit, inner_njit, int64, njit
from indexes.names.spellings import INITIALS, MAX_LETTERS, MAX_STARTS, SOUND, WRITTEN
from indexes.text.folding import fold_all
from indexes.text.readings import NONE, ReadingTable, read, reading_table
from indexes.text.syllables import SPELLED
from indexes.text.tokens import JOINERS, PART, gram_table

_CHUNK: Final = 1 << 16
"""Texts per batch; the buffers of a batch take some 20 MB."""

_SIGN, _SPACE, _JOINER, _RUN, _DIGIT, _LETTER = range(6)
"""Class of a folded character as in `indexes.text.tokens`; people type `_RUN` and above."""

_APOSTROPHE: Final = ord("'")
_SYLLABLE_SIZE = np.array([len(one) for one in SPELLED], np.uint8)
_SYLLABLE = np.array([list(one.ljust(int(_SYLLABLE_SIZE.max())).encode()) for one in SPELLED], "u1")

# Most bytes of one character in all sources of a text. As written and in two sources of initials
# it takes four bytes of UTF-8 each. In two sources of sounds it takes a syllable of six letters.
_BYTES_A_LETTER: Final = 3 * 4 + 2 * 6
_SOURCES: Final = 5
_WAY_BITS: Final = 2


class SpelledTexts(NamedTuple):
    """Spellings of n texts, text by text: as written, then by sound and by initials in each way."""

    text: U8
    """UTF-8 of all sources; a zero ends each."""
    source: I64
    """[n + 1] where the sources of each text begin in `text`; the first is as written."""
    spelling: I64
    """[n + 1] where the spellings of each text begin among all s."""
    start: I64
    """[s] where each spelling begins in `text`; the next zero ends it."""
    way: U8
    """[s] WRITTEN, SOUND or INITIALS; bit 2 is set if it begins with a later word."""
    is_cut: Bools
    """[n] whether a text has more than `MAX_LETTERS` characters."""

    def how(self) -> U8:
        """WRITTEN, SOUND or INITIALS of each spelling."""
        return self.way & np.uint8((1 << _WAY_BITS) - 1)

    def inside(self) -> U8:
        """1 for a spelling that begins with a later word than the first, else 0."""
        return self.way >> np.uint8(_WAY_BITS)


def spell(texts: Sequence[str]) -> SpelledTexts:
    r"""Spellings of many texts.

    Examples
    --------
    >>> spelled = spell(["海底捞", "!", "Hot Pot"])
    >>> spelled.text.tobytes().decode().split("\0")
    ['海底捞', 'haidilao', 'hdl', 'hotpot', '']
    >>> spelled.spelling.tolist(), spelled.start.tolist()
    ([0, 3, 3, 5], [0, 10, 19, 23, 26])
    """
    parts = [_spell(texts[begin : begin + _CHUNK]) for begin in range(0, len(texts), _CHUNK)]
    none = np.zeros(0, np.int64)
    before = np.cumsum([0, *(len(part.text) for part in parts)])
    return SpelledTexts(
        np.concatenate([none.astype(np.uint8), *(part.text for part in parts)]),
        _joined([part.source for part in parts]),
        _joined([part.spelling for part in parts]),
        np.concatenate([none, *(part.start + at for part, at in zip(parts, before, strict=False))]),
        np.concatenate([none.astype(np.uint8), *(part.way for part in parts)]),
        np.concatenate([none.astype(np.bool_), *(part.is_cut for part in parts)]),
    )


def _joined(starts: list[I64]) -> I64:
    """Starts of several parts, joined to those of the whole."""
    sizes = [np.zeros(1, np.int64), *(np.diff(part) for part in starts)]
    return np.cumsum(np.concatenate(sizes))


def _spell(texts: Sequence[str]) -> SpelledTexts:
    code = np.frombuffer(fold_all(texts).encode("utf-32-le"), np.uint32)
    ends = np.flatnonzero(code == 0)
    letters = np.minimum(np.diff(ends, prepend=-1) - 1, MAX_LETTERS)
    words = np.minimum(letters, MAX_STARTS)
    room = int(_BYTES_A_LETTER * letters.sum() + _SOURCES * len(texts))
    out = SpelledTexts(
        np.empty(room, np.uint8),
        np.zeros(len(texts) + 1, np.int64),
        np.zeros(len(texts) + 1, np.int64),
        np.empty(_SOURCES * int(words.sum()), np.int64),
        np.empty(_SOURCES * int(words.sum()), np.uint8),
        np.zeros(len(texts), np.bool_),
    )
    numbers = np.zeros((len(_NameLine._fields) - 1, MAX_LETTERS), np.int64)
    line = _NameLine(np.zeros((2, MAX_LETTERS), np.int16), *numbers)
    _spell_all(code, _kinds(code), reading_table().value, line, out)
    return out._replace(
        text=out.text[: out.source[-1]].copy(),
        start=out.start[: out.spelling[-1]].copy(),
        way=out.way[: out.spelling[-1]].copy(),
    )


@cache
def _known_kinds() -> tuple[Bools, U8]:
    """Cache by code point: whether its class is known, and the class."""
    return np.zeros(0x110000, np.bool_), np.zeros(0x110000, np.uint8)


def _kinds(code: U32) -> U8:
    """Class of each code point, uint8[0x110000]; filled for those in `code`."""
    seen, kind = _known_kinds()
    present = np.zeros(0x110000, np.bool_)
    present[code] = True
    for new in np.flatnonzero(present & ~seen).tolist():
        kind[new] = _kind(chr(new))
    seen |= present
    return kind


def _kind(char: str) -> int:
    if char == " ":
        return _SPACE
    if char in JOINERS:
        return _JOINER
    if gram_table()[ord(char)]:
        return _RUN
    if not PART.match(char):
        return _SIGN
    return _DIGIT if char.isdecimal() else _LETTER


class _NameLine(NamedTuple):
    """Working memory: one text of at most `MAX_LETTERS` characters, and its pieces.

    A piece is neighbouring typed characters of one class. P marks fields of pieces; the other
    fields are by character.
    """

    readings: I16Matrix  # [2, MAX_LETTERS] usual and second syllables of runs, or NONE
    code: I64
    kind: I64
    begin: I64  # P
    end: I64  # P
    starts: I64  # P whether a spelling begins here; `_heard` narrows it for sounds
    word: I64  # P number of its word


@njit
def _spell_all(
    code: U32,
    kinds: U8,
    table: ReadingTable,
    line: _NameLine,
    out: SpelledTexts,
) -> None:
    at = 0
    for text in range(out.is_cut.shape[0]):
        size = 0
        space = False
        while code[at] != 0:
            kind = int64(kinds[code[at]])
            if kind == _SPACE:
                space = size > 0
            else:
                # Keep one space between words, and none at the ends.
                if space and size < MAX_LETTERS:
                    line.code[size] = 32
                    line.kind[size] = _SPACE
                    size += 1
                    space = False
                if size == MAX_LETTERS:
                    out.is_cut[text] = True
                else:
                    line.code[size] = code[at]
                    line.kind[size] = kind
                    size += 1
            at += 1
        at += 1
        out.source[text + 1] = out.source[text]
        out.spelling[text + 1] = out.spelling[text]
        pieces = _cut(line, size)
        if pieces == 0:
            continue
        _write(line, pieces, WRITTEN, False, text, out)
        heard = _heard(line, pieces)
        if heard == 0:
            continue
        is_open = False
        for piece in range(heard):
            if line.kind[line.begin[piece]] == _RUN:
                is_open |= _read(line, line.begin[piece], line.end[piece], table)
        for way in range(1 + is_open):
            _write(line, heard, SOUND, way == 1, text, out)
            _write(line, heard, INITIALS, way == 1, text, out)


@inline_njit
def _cut(line: _NameLine, size: int) -> int:
    """Cut a line into pieces; return their number."""
    pieces = 0
    word = 0
    at = 0
    while at < size:
        if line.kind[at] < _RUN:
            word += line.kind[at] == _SPACE
            at += 1
            continue
        # A token begins here: a run, or letters and digits with single joiners between them.
        begin = at
        is_run = line.kind[at] == _RUN
        while at < size and (
            line.kind[at] == _RUN
            if is_run
            else line.kind[at] > _RUN
            or (line.kind[at] == _JOINER and at + 1 < size and line.kind[at + 1] > _RUN)
        ):
            at += 1
        part = begin
        while part < at:
            if line.kind[part] == _JOINER:
                part += 1
                continue
            line.begin[pieces] = part
            # The s of McDonald's begins no word. The o of L'Oréal begins one.
            line.starts[pieces] = not (
                part > begin and line.code[part - 1] == _APOSTROPHE and at - part <= 2
            )
            line.word[pieces] = word
            kind = line.kind[part]
            while part < at and line.kind[part] == kind:
                part += 1
            line.end[pieces] = part
            pieces += 1
    return pieces


@inline_njit
def _heard(line: _NameLine, pieces: int) -> int:
    """Number of leading pieces that people type by sound; narrows `starts` to their beginnings.

    The pieces end with the last word that has a run, and a spelling begins at a word with a run.
    """
    last_run = pieces - 1
    while last_run >= 0 and line.kind[line.begin[last_run]] != _RUN:
        last_run -= 1
    if last_run < 0:
        return 0
    heard = last_run + 1
    while heard < pieces and line.word[heard] == line.word[last_run]:
        heard += 1
    piece = 0
    while piece < heard:
        end = piece
        has_run = False
        while end < heard and line.word[end] == line.word[piece]:
            has_run |= line.kind[line.begin[end]] == _RUN
            end += 1
        while piece < end:
            if not has_run or piece > last_run:
                line.starts[piece] = 0
            piece += 1
    return heard


@inner_njit
def _read(line: _NameLine, begin: int, end: int, table: ReadingTable) -> bool:
    """Read a run; return whether a reading is ambiguous."""
    read(line.code, begin, end, table, line.readings)
    is_open = False
    for at in range(begin, end):
        is_open |= line.readings[1, at] != NONE
    return is_open


@inner_njit
def _write(
    line: _NameLine, pieces: int, how: int, is_other: bool, text: int, out: SpelledTexts
) -> None:
    """Write one source and the spellings that begin in it."""
    end = out.source[text + 1]
    spelling = out.spelling[text + 1]
    found = 0
    for piece in range(pieces):
        if line.starts[piece] and found < MAX_STARTS:
            out.start[spelling] = end
            out.way[spelling] = how | (piece > 0) << _WAY_BITS
            spelling += 1
            found += 1
        for at in range(line.begin[piece], line.end[piece]):
            syllable = int64(NONE)
            if how != WRITTEN and line.kind[at] == _RUN:
                syllable = int64(line.readings[0, at])
                if is_other and line.readings[1, at] != NONE:
                    syllable = int64(line.readings[1, at])
            if syllable == NONE:
                end = _write_utf8(line.code[at], out.text, end)
                continue
            for i in range(1 if how == INITIALS else _SYLLABLE_SIZE[syllable]):
                out.text[end] = _SYLLABLE[syllable, i]
                end += 1
    out.text[end] = 0
    out.source[text + 1] = end + 1
    out.spelling[text + 1] = spelling


@inline_njit
def _write_utf8(code: int, out: U8, end: int) -> int:
    """Write a code point as UTF-8; return the position after it."""
    if code < 0x80:
        out[end] = code
        return end + 1
    size = 2 + (code >= 0x800) + (code >= 0x10000)
    for i in range(size - 1, 0, -1):
        out[end + i] = 0x80 | (code & 0x3F)
        code >>= 6
    out[end] = ((0xF00 >> size) & 0xFF) | code
    return end + size
