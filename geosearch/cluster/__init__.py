"""One product on several machines: replicas and regions.

Useful for: more requests, more shops or more safety than one machine gives.
Not useful for: one machine, which answers for tens of millions of shops.
"""
