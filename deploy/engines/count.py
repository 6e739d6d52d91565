"""Counts the rows of a ledger with an engine that is not ours, as a check that every Delta reader sees every acked row.

    python count.py ENGINE LEDGER_FOLDER [--submissions]

ENGINE is one of
    deltalake    delta-rs for the log (delta-kernel-rs), Arrow C++ for the Parquet files
    duckdb       DuckDB with its delta extension (delta-kernel-rs)
    chdb         ClickHouse in this process (delta-kernel-rs)
    chdb-legacy  ClickHouse with its own, older reader of the Delta log (no delta-kernel-rs)

It prints one line of JSON:

    {"engine": "duckdb", "observations": 2, "submissions": 1, "verdicts": 0, "sum_value": "93.860000", "ids": []}

`sum_value` is the exact sum of `value` over the observations, with 6 decimals. With --submissions, `ids` has one entry for each feed and
submission id that occurs in any row, in order: {"feed", "submission", "observations", "submissions", "verdicts"}, each a number of rows.

It only reads, and fetches nothing. Exit codes: 0 counted, 1 the engine failed, 2 the command line is wrong.
"""

import argparse
import collections
import decimal
import functools
import importlib.util
import json
import os
import pathlib
import sys
import tempfile

KINDS = ("observation", "submission", "verdict")

# The default context has 28 digits; a sum of decimal(18,6) has up to 38.
decimal.getcontext().prec = 60

GROUPS = """
    SELECT feed, submission, kind, count(*), {total} FROM {table} GROUP BY feed, submission, kind
"""


def deltalake(folder):
    """Yields (feed, submission, kind, number of rows, sum of values), batch by batch."""
    import deltalake
    import pyarrow
    import pyarrow.compute

    keys = ["feed", "submission", "kind"]
    rows = deltalake.DeltaTable(str(folder)).to_pyarrow_dataset()
    for batch in rows.to_batches(columns=[*keys, "value"]):
        # Wide enough for the sum of a batch.
        value = pyarrow.compute.cast(batch["value"], pyarrow.decimal128(38, 6))
        table = pyarrow.Table.from_batches([batch]).set_column(len(keys), "value", value)
        for group in table.group_by(keys).aggregate([([], "count_all"), ("value", "sum")]).to_pylist():
            yield (*(group[key] for key in keys), group["count_all"], group["value_sum"])


def duckdb(folder):
    """Yields the same groups, whole, asked for in SQL."""
    import duckdb

    connection = duckdb.connect(config={"autoinstall_known_extensions": False})
    # From the wheels, by path: nothing is fetched, nothing is written to the home folder.
    for name in ("httpfs", "delta"):
        package = pathlib.Path(importlib.util.find_spec(f"duckdb_extension_{name}").origin).parent
        extension = package / "extensions" / f"v{duckdb.__version__}" / f"{name}.duckdb_extension"
        connection.execute(f"LOAD {quoted(extension)}")
    total, table = "CAST(sum(value) AS VARCHAR)", f"delta_scan({quoted(folder)})"
    return connection.execute(GROUPS.format(total=total, table=table)).fetchall()


def chdb(folder, kernel=True):
    """Yields the same groups, whole, asked for in SQL."""
    import chdb.session

    # Within another process ClickHouse reads only files below the working directory.
    os.chdir(folder)
    total, table = "toString(sum(value))", f"deltaLakeLocal({quoted(folder)})"
    sql = GROUPS.format(total=total, table=table) + f"SETTINGS allow_delta_kernel_rs = {int(kernel)}"
    with tempfile.TemporaryDirectory(prefix="dinh-chdb-") as own:
        session = chdb.session.Session(own)
        try:
            lines = session.query(sql, "JSONCompactEachRow").bytes().decode().splitlines()
        finally:
            session.close()
    return [json.loads(line) for line in lines]


def quoted(text):
    return "'" + str(text).replace("'", "''") + "'"


ENGINES = {
    "deltalake": deltalake,
    "duckdb": duckdb,
    "chdb": chdb,
    "chdb-legacy": functools.partial(chdb, kernel=False),
}


def count(engine, folder):
    kinds = collections.Counter()
    value = decimal.Decimal(0)
    ids = collections.defaultdict(collections.Counter)
    for feed, submission, kind, rows, total in ENGINES[engine](folder):
        if kind not in KINDS:
            raise ValueError(f"a row of kind `{kind}`")
        kinds[kind] += int(rows)
        ids[feed, submission][kind] += int(rows)
        if kind == "observation" and total is not None:
            value += decimal.Decimal(total)
    return {
        "engine": engine,
        **by_kind(kinds),
        "sum_value": f"{value:.6f}",
        "ids": [{"feed": feed, "submission": id, **by_kind(rows)} for (feed, id), rows in sorted(ids.items())],
    }


def by_kind(rows):
    return {f"{kind}s": rows[kind] for kind in KINDS}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("engine", choices=sorted(ENGINES))
    parser.add_argument("ledger", type=pathlib.Path, help="folder that holds _delta_log")
    parser.add_argument("--submissions", action="store_true", help="list every submission with its numbers of rows")
    arguments = parser.parse_args()
    folder = arguments.ledger.resolve()
    if not (folder / "_delta_log").is_dir():
        parser.error(f"no Delta table in `{folder}`")
    try:
        result = count(arguments.engine, folder)
    except Exception as error:
        # Whatever an engine raises, the caller needs its first words (a backtrace follows) and an exit code.
        reason = (str(error).splitlines() or [repr(error)])[0]
        print(f"{arguments.engine} cannot read `{folder}`: {reason}", file=sys.stderr)
        sys.exit(1)
    if not arguments.submissions:
        result["ids"] = []
    print(json.dumps(result, ensure_ascii=False))


if __name__ == "__main__":
    main()
