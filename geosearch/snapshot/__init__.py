"""Reading and validation of snapshots: tables in, linked rows and rejects out.

Useful for: the build, and `geosearch check`.
Not useful for: the meaning of opening hours (`hours`), or the columns of the index (`indexing`).
"""
