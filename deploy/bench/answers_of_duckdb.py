#!/usr/bin/env python3
"""Asks DuckDB what `cargo bench -p dinh-query --bench answers` asks the hub's engine, in SQL over the same files.

    python3 -m venv /tmp/engines && /tmp/engines/bin/pip install -r deploy/engines/requirements.txt
    DINH_BENCH_LAKE=/tmp/lake cargo bench -p dinh-query --bench answers
    /tmp/engines/bin/python deploy/bench/answers_of_duckdb.py /tmp/lake --threads 2

Prints, for each level, the best time of some rounds of: reading the newest revision of each row of the latest period; ranking
them beside the period before; the total; and a GROUP BY over ten years of months. Every round is a new connection, so no footer
is known; the system's own cache of the disk stays as it is.
"""

import argparse
import importlib.util
import pathlib
import time

LEVELS = ("ward", "commune", "village")

NEWEST = """
    SELECT unit, value, period_start, period_end FROM delta_scan({ledger})
    WHERE kind = 'observation' AND indicator = '{level}_0' AND stage = 'self' AND feed = 'bench' AND {period}
    QUALIFY row_number() OVER (
        PARTITION BY indicator, unit, period_start, period_end, stage, feed ORDER BY recorded_at DESC
    ) = 1 AND status <> 'withdrawn'
"""
LATEST = """(
    SELECT max(period_end) FROM delta_scan({ledger})
    WHERE kind = 'observation' AND indicator = '{level}_0' AND stage = 'self' AND feed = 'bench'
)"""
RANKING = """
    WITH newest AS ({two_periods}), ranked AS (
        SELECT *, rank() OVER (PARTITION BY period_end ORDER BY value DESC) AS rank FROM newest
    )
    SELECT now.unit, now.rank, now.value, before.rank - now.rank AS movement, now.value - before.value AS change
    FROM ranked AS now LEFT JOIN ranked AS before ON before.unit = now.unit AND before.period_end < now.period_end
    WHERE now.period_end = {latest} ORDER BY now.rank, now.unit
"""


def connect(threads):
    import duckdb

    connection = duckdb.connect(config={"autoinstall_known_extensions": False, "threads": threads})
    for name in ("httpfs", "delta"):
        package = pathlib.Path(importlib.util.find_spec(f"duckdb_extension_{name}").origin).parent
        extension = package / "extensions" / f"v{duckdb.__version__}" / f"{name}.duckdb_extension"
        connection.execute(f"LOAD {quoted(extension)}")
    return connection


def quoted(text):
    return "'" + str(text).replace("'", "''") + "'"


def best(sql, threads, rounds):
    times = []
    for _ in range(rounds):
        connection = connect(threads)
        began = time.perf_counter()
        rows = connection.execute(sql).fetchall()
        times.append(time.perf_counter() - began)
        connection.close()
    return min(times) * 1000, len(rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lake", type=pathlib.Path, help="folder that the benchmark filled")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    ledger = quoted(arguments.lake.resolve() / "ledger")
    for level in LEVELS:
        latest = LATEST.format(ledger=ledger, level=level)
        of = lambda period: NEWEST.format(ledger=ledger, level=level, period=period)
        one = of(f"period_end = {latest}")
        two = of(f"period_end >= {latest} - 40")
        questions = {
            "rows of the latest period": one,
            "ranking": RANKING.format(two_periods=two, latest=latest),
            "total": f"SELECT sum(value), count(*) FROM ({one})",
            "GROUP BY over ten years": f"SELECT unit, period_end, sum(value) FROM ({of('true')}) GROUP BY unit, period_end",
        }
        for name, sql in questions.items():
            took, rows = best(sql, arguments.threads, arguments.rounds)
            print(f"{level:<8} {name:<28}{took:>10.1f} ms  {rows} rows")


if __name__ == "__main__":
    main()
