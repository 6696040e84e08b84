"""Text analysis: normalisation, tokens, and pinyin of Chinese.

Useful for: the terms of a text or a query, as written and by sound.
Not useful for: the documents of a term; see `indexes.terms`.
"""
