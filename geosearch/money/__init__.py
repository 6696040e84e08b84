"""Money: savings of deals, amounts as text, and the weights of the net benefit.

Useful for: the saving of a deal, and the score of `sort=best`.
Not useful for: the order of results; `geosearch.kernel` ranks.
"""
