"""Worker process of `geosearch bench ab` for one commit: opens an index and times queries.

It runs as a script with that commit's packages on its path. It uses only public names of
`geosearch`, so it also measures commits older than this file. Each line of its input is a request,
each line of its output the answer:

- `{"queries": [...], "count": n}` opens the index anew, so that no answer to another family is
  kept, stores the queries of a family (arguments of `Query`) and asks each of the first n once:
  `{"ids": [[...], ...], "work": {...}}`, medians of the work counters and the merchants of the
  first `COMPARED` answers;
- `{"first": i, "count": n}` asks n of them from number i on and times each: `{"p50_us": ...}`.
"""

import gc
import json
import sys
import time
from collections.abc import Sequence
from datetime import datetime
from statistics import median
from typing import Any

from msgspec.structs import replace

import geosearch

COMPARED = 50


def main(index: str) -> None:
    """Answer requests about an index until the input ends."""
    engine = geosearch.open_index(index)
    queries: Sequence[geosearch.Query] = ()
    for line in sys.stdin:
        request = json.loads(line)
        if "queries" in request:
            queries = [_query(fields) for fields in request["queries"]]
            engine = geosearch.open_index(index)
            first = queries[: request["count"]]
            # Work comes first: an answer that was given may save work.
            answer: dict[str, Any] = {"work": _work(engine, first)}
            answer["ids"] = [_ids(engine, query) for query in first[:COMPARED]]
        else:
            part = slice(request["first"], request["first"] + request["count"])
            answer = {"p50_us": _round(engine, queries[part])}
        print(json.dumps(answer), flush=True)


def _query(fields: dict[str, Any]) -> geosearch.Query:
    lists = {name: tuple(value) for name, value in fields.items() if isinstance(value, list)}
    return geosearch.Query(**{**fields, **lists, "at": datetime.fromisoformat(fields["at"])})


def _ids(engine: geosearch.Searcher, query: geosearch.Query) -> list[str]:
    return [hit.merchant["merchant_id"] for hit in engine.search(query).hits]


def _work(engine: geosearch.Searcher, queries: Sequence[geosearch.Query]) -> dict[str, float]:
    counted = [engine.rank(replace(query, explain=True)).explain or {} for query in queries]
    work = [one.get("work", {}) for one in counted]
    return {name: median(one[name] for one in work) for name in work[0]}


def _round(engine: geosearch.Searcher, queries: Sequence[geosearch.Query]) -> float:
    """Return the median microseconds of a query."""
    spent = []
    gc.collect()
    gc.disable()
    for query in queries:
        begin = time.perf_counter_ns()
        engine.rank(query)
        spent.append(time.perf_counter_ns() - begin)
    gc.enable()
    return median(spent) / 1_000


if __name__ == "__main__":
    main(sys.argv[1])
