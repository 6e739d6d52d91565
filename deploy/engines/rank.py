"""Ranks every indicator of a lake with DuckDB, in plain SQL over the same files, as a check of the hub's own rankings.

    python rank.py LAKE_FOLDER

It prints CSV lines without a heading, one for each place in a ranking of the units of one level in one period:

    indicator,period_start,period_end,level,rank,tied,unit,value,previous_value,previous_rank

Empty fields are null. What is ranked: of each cell the newest revision unless it is withdrawn, at the indicator's default stage,
official feeds only, one of them by precedence; units by what they were on the period's last day. The previous period is the latest
one with a figure at that level that ended before and is of the same make: as many whole months from the same day of the month, or a
single day, or any window.

It only reads, and fetches nothing. Exit codes: 0 ranked, 1 the engine failed, 2 the command line is wrong.
"""

import argparse
import csv
import importlib.util
import pathlib
import sys

CATALOGUE = """
    CREATE TEMP TABLE records AS
        SELECT kind, content::JSON AS content FROM delta_scan({catalogue})
        QUALIFY row_number() OVER (PARTITION BY kind, key ORDER BY position DESC, row DESC) = 1;
    CREATE TEMP TABLE units AS
        SELECT content->>'unit' AS unit, content->>'code' AS code, content->>'level' AS level,
               CAST(content->>'valid_from' AS DATE) AS valid_from, CAST(content->>'valid_to' AS DATE) AS valid_to
        FROM records WHERE kind = 'unit' AND content IS NOT NULL;
    CREATE TEMP TABLE indicators AS
        SELECT content->>'indicator' AS indicator, content->>'direction' AS direction,
               content->>'default_stage' AS default_stage
        FROM records WHERE kind = 'indicator' AND content IS NOT NULL;
    CREATE TEMP TABLE feeds AS
        SELECT content->>'feed' AS feed, content->>'class' AS class, CAST(content->>'precedence' AS BIGINT) AS precedence
        FROM records WHERE kind = 'feed' AND content IS NOT NULL;
"""

RANKINGS = """
    WITH newest AS (
        SELECT * FROM delta_scan({ledger}) WHERE kind = 'observation'
        QUALIFY row_number() OVER (
            PARTITION BY indicator, unit, period_start, period_end, stage, feed ORDER BY recorded_at DESC
        ) = 1
    ), chosen AS (
        SELECT o.indicator, o.unit, o.period_start, o.period_end, o.value, i.direction
        FROM newest AS o JOIN indicators AS i ON i.indicator = o.indicator AND i.default_stage = o.stage
            JOIN feeds AS f ON f.feed = o.feed AND f.class = 'official'
        WHERE o.status <> 'withdrawn'
        QUALIFY row_number() OVER (
            PARTITION BY o.indicator, o.unit, o.period_start, o.period_end ORDER BY f.precedence, o.feed
        ) = 1
    ), placed AS (
        SELECT c.*, u.code, u.level, c.period_end + 1 AS after,
               datediff('month', date_trunc('month', c.period_start), date_trunc('month', c.period_end + 1)) AS months
        FROM chosen AS c
            JOIN units AS u ON u.unit = c.unit AND c.period_end BETWEEN u.valid_from AND coalesce(u.valid_to, '9999-12-31')
    ), made AS (
        SELECT *, CASE
            WHEN period_start = period_end THEN 'a day'
            WHEN months > 0 AND period_start + to_months(months::INT) = after THEN months || ' from ' || day(period_start)
            ELSE 'a window' END AS make
        FROM placed
    ), ranked AS (
        SELECT *,
            rank() OVER (
                PARTITION BY indicator, level, period_start, period_end
                ORDER BY CASE direction WHEN 'lower' THEN value ELSE -value END
            ) AS rank,
            count(*) OVER (PARTITION BY indicator, level, period_start, period_end, value) > 1 AS tied
        FROM made WHERE value IS NOT NULL
    ), spans AS (
        SELECT DISTINCT indicator, level, period_start, period_end, make FROM made
    ), before AS (
        SELECT s.indicator, s.level, s.period_start, s.period_end, p.period_start AS start_before, p.period_end AS end_before
        FROM spans AS s JOIN spans AS p
            ON p.indicator = s.indicator AND p.level = s.level AND p.make = s.make AND p.period_end < s.period_start
        QUALIFY row_number() OVER (
            PARTITION BY s.indicator, s.level, s.period_start, s.period_end ORDER BY p.period_end DESC, p.period_start DESC
        ) = 1
    )
    SELECT r.indicator, r.period_start, r.period_end, r.level, r.rank, r.tied, r.unit, r.value, p.value, p.rank
    FROM ranked AS r LEFT JOIN before AS b USING (indicator, level, period_start, period_end)
        LEFT JOIN ranked AS p ON p.indicator = r.indicator AND p.level = r.level AND p.unit = r.unit
            AND p.period_start = b.start_before AND p.period_end = b.end_before
    ORDER BY r.indicator, r.period_start, r.period_end, r.level, r.rank, r.code
"""


def connect():
    import duckdb

    connection = duckdb.connect(config={"autoinstall_known_extensions": False})
    # From the wheels, by path: nothing is fetched, nothing is written to the home folder.
    for name in ("httpfs", "delta"):
        package = pathlib.Path(importlib.util.find_spec(f"duckdb_extension_{name}").origin).parent
        extension = package / "extensions" / f"v{duckdb.__version__}" / f"{name}.duckdb_extension"
        connection.execute(f"LOAD {quoted(extension)}")
    return connection


def quoted(text):
    return "'" + str(text).replace("'", "''") + "'"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lake", type=pathlib.Path, help="folder that holds ledger and catalogue")
    folder = parser.parse_args().lake.resolve()
    if not (folder / "ledger" / "_delta_log").is_dir():
        parser.error(f"no lake in `{folder}`")
    try:
        connection = connect()
        connection.execute(CATALOGUE.format(catalogue=quoted(folder / "catalogue")))
        rows = connection.execute(RANKINGS.format(ledger=quoted(folder / "ledger"))).fetchall()
    except Exception as error:
        # Whatever the engine raises, the caller needs its first words and an exit code.
        print(f"duckdb cannot rank `{folder}`: {(str(error).splitlines() or [repr(error)])[0]}", file=sys.stderr)
        sys.exit(1)
    csv.writer(sys.stdout, lineterminator="\n").writerows(rows)


if __name__ == "__main__":
    main()
