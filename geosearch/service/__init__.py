"""The HTTP service: it parses requests, calls the search engine and encodes answers.

Useful for: `geosearch serve`.
Not useful for: searching without HTTP; call `geosearch.open_index`.
"""
