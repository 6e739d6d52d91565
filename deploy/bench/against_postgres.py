#!/usr/bin/env python3
"""Measures durable ingest of Dinh beside PostgreSQL, in one run, on one disk, on one machine.

The two take turns: Dinh, plain COPY, Dinh again, COPY and upsert, then three rounds of single rows each; of several turns
the median counts. Both sides get rows of the same shape in acked batches over the same number of connections, and one row in twenty revises
an earlier cell. PostgreSQL keeps the newest value of each cell (COPY into a temporary table, then INSERT ... ON CONFLICT
on the cell's key), or, as its quickest way in, just takes rows (COPY into a table without an index). Its clients are psql
processes that read prepared files, and pgbench; it runs with synchronous_commit=on and fsync=on.

    apt-get install postgresql
    cargo build --release
    python3 deploy/bench/against_postgres.py --dinh target/release/dinh --rows 20000000

Prints a table for the README. Needs initdb, postgres, psql and pgbench; as root the server runs as the user `postgres`.
"""

import argparse
import glob
import json
import os
import pathlib
import pwd
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROUNDS, REST_SECONDS = 3, 40
INDICATORS, COMMUNES, REVISED_AFTER, REVISED_ONE_IN = 10, 600, 4, 20
SETTINGS = {
    "listen_addresses": "''", "shared_buffers": "1GB", "max_wal_size": "8GB", "checkpoint_timeout": "15min",
    "synchronous_commit": "on", "fsync": "on", "full_page_writes": "on", "max_connections": "100", "autovacuum": "on",
}
CELL = "indicator text, unit text, period_start date, period_end date, stage text, feed text"
TABLES = f"""
create table cells ({CELL}, value numeric(18, 6), recorded_at timestamptz not null default now(),
  primary key (indicator, unit, period_start, period_end, stage, feed));
create table plain ({CELL}, value numeric(18, 6), recorded_at timestamptz not null default now());
create table single (client int, value numeric(18, 6), recorded_at timestamptz not null default now());
"""
UPSERT = """insert into cells (indicator, unit, period_start, period_end, stage, feed, value)
select indicator, unit, period, period, 'self', 'bench', value from batch
on conflict (indicator, unit, period_start, period_end, stage, feed)
do update set value = excluded.value, recorded_at = excluded.recorded_at;
"""


class Postgres:
    """A server of its own, in a folder that goes with it."""

    def __init__(self, folder: pathlib.Path):
        bins = sorted(glob.glob("/usr/lib/postgresql/*/bin"))
        self.bin = pathlib.Path(bins[-1]) if bins else pathlib.Path(required("initdb")).parent
        self.data, self.socket = folder / "data", folder
        self.user = pwd.getpwnam("postgres") if os.geteuid() == 0 else None
        if self.user:
            os.chown(folder, self.user.pw_uid, self.user.pw_gid)
            folder.chmod(0o755)
        self.as_server([self.bin / "initdb", "-D", self.data, "-U", "bench", "-A", "trust", "-E", "UTF8", "--no-locale"])
        settings = [part for name, value in SETTINGS.items() for part in ("-c", f"{name}={value.strip(chr(39))}")]
        command = [self.bin / "postgres", "-D", self.data, "-k", self.socket, *settings]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **self.identity())
        deadline = time.monotonic() + 60
        while subprocess.run([self.bin / "pg_isready", "-q", "-h", self.socket]).returncode != 0:
            if time.monotonic() > deadline or self.process.poll() is not None:
                sys.exit("postgres did not start")
            time.sleep(0.1)
        self.sql("create database bench", database="postgres")
        self.sql(TABLES)

    def identity(self):
        return {"user": self.user.pw_uid, "group": self.user.pw_gid, "extra_groups": []} if self.user else {}

    def as_server(self, command):
        subprocess.run([str(part) for part in command], check=True, stdout=subprocess.DEVNULL, **self.identity())

    def psql(self, *arguments, database="bench"):
        return [str(self.bin / "psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", str(self.socket), "-U", "bench",
                "-d", database, *arguments]

    def sql(self, text, database="bench"):
        done = subprocess.run(self.psql("-At", "-c", text, database=database), check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def version(self):
        return self.sql("show server_version").split()[0]

    def cpu_seconds(self):
        """Of the server with its children, those that ended among them."""
        ticks, used = os.sysconf("SC_CLK_TCK"), 0
        for stat in glob.glob("/proc/[0-9]*/stat"):
            try:
                fields = pathlib.Path(stat).read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            pid, parent = int(stat.split("/")[2]), int(fields[1])
            if pid == self.process.pid:
                used += sum(int(n) for n in fields[11:15])
            elif parent == self.process.pid:
                used += int(fields[11]) + int(fields[12])
        return used / ticks

    def stop(self):
        self.process.terminate()
        self.process.wait(60)


def required(name):
    path = shutil.which(name)
    return os.path.realpath(path) if path else sys.exit(f"`{name}` is not installed: apt-get install postgresql")


def scatter(a, b):
    """A number that looks random and is always the same."""
    mask = (1 << 64) - 1
    x = (a * 0x9E3779B97F4A7C15 + b) & mask
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & mask
    return x ^ (x >> 31)


def batches(connection, connections, rows, batch_rows):
    """The rows of one connection as COPY text, batch by batch, each with its number of new cells: from the fifth batch on
    one row in twenty revises a cell of a batch that was acked before."""
    communes, known = COMMUNES // connections, [0]
    first = 90_000 + connection * communes
    days = [time.strftime("%Y-%m-%d", time.gmtime(946_684_800 + day * 86_400)) for day in range(9_000)]

    def line(key, batch):
        value = scatter(key, batch) % 10_000
        unit, day = first + key // INDICATORS % communes, days[key // (INDICATORS * communes)]
        return f"bench_score_{key % INDICATORS}\t{unit}\t{day}\t{value // 100}.{value % 100:02}\n"

    index = 0
    while rows > 0:
        size = min(batch_rows, rows)
        revised = size // REVISED_ONE_IN if index >= REVISED_AFTER else 0
        old = known[max(0, index - REVISED_AFTER + 1)]
        stride = max(1, old // revised) if revised else 1
        fresh = range(known[-1], known[-1] + size - revised)
        yield [line(n * stride + index % stride, index) for n in range(revised)] + [line(key, index) for key in fresh], len(fresh)
        known.append(fresh.stop)
        rows, index = rows - size, index + 1


def write_scripts(folder, connections, rows, batch_rows):
    """One psql script a connection and way in; gives the number of different cells."""
    cells = 0
    for connection in range(connections):
        share = rows // connections + (connection < rows % connections)
        with open(folder / f"upsert-{connection}.sql", "w") as upsert, open(folder / f"plain-{connection}.sql", "w") as plain:
            upsert.write("create temp table batch (indicator text, unit text, period date, value numeric(18, 6)) "
                         "on commit delete rows;\n")
            for lines, fresh in batches(connection, connections, share, batch_rows):
                cells += fresh
                upsert.write("begin;\ncopy batch from stdin;\n")
                upsert.writelines(lines)
                upsert.write("\\.\n" + UPSERT + "commit;\n")
                plain.write("copy plain (indicator, unit, period_start, value) from stdin;\n")
                plain.writelines(lines)
                plain.write("\\.\n")
    return cells


def timed(server, commands):
    """Runs the clients side by side; gives seconds, and CPU seconds of server and clients."""
    used = lambda: sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])
    server_before, client_before, began = server.cpu_seconds(), used(), time.monotonic()
    running = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for command in commands]
    if any(client.wait() != 0 for client in running):
        sys.exit("a client of PostgreSQL failed")
    return time.monotonic() - began, server.cpu_seconds() - server_before, used() - client_before


def ingest_postgres(server, folder, way, connections, expected):
    """Loads all batches and counts; the clock stops when the count is right."""
    scripts = [server.psql("-f", str(folder / f"{way}-{n}.sql")) for n in range(connections)]
    took, server_cpu, client_cpu = timed(server, scripts)
    began = time.monotonic()
    counted = int(server.sql(f"select count(*) from {'cells' if way == 'upsert' else 'plain'}"))
    if counted != expected:
        sys.exit(f"PostgreSQL counts {counted} rows where {expected} were sent")
    return {"seconds": took + time.monotonic() - began, "server_cpu": server_cpu, "client_cpu": client_cpu}


def single_commits(server, folder, clients, seconds):
    """p50 and p99, in milliseconds, of commits of one row each, all clients at once."""
    script = folder / "single.sql"
    script.write_text("insert into single (client, value) values (:client_id, 1.5);\n")
    command = [str(server.bin / "pgbench"), "-n", "-h", str(server.socket), "-U", "bench", "-c", str(clients), "-j", "2",
               "-T", str(seconds), "-M", "prepared", "-f", str(script), "-l", "--log-prefix", str(folder / "single"), "bench"]
    subprocess.run(command, check=True, capture_output=True)
    logs = [log for log in folder.glob("single.*") if log.suffix != ".sql"]
    times = sorted(int(line.split()[2]) / 1000 for log in logs for line in log.read_text().splitlines())
    for log in logs:
        log.unlink()
    return statistics.median(times), times[int(len(times) * 0.99)], len(times) / seconds


class Dinh:
    """What `dinh bench` measured in one turn or several, by work and figure."""

    def __init__(self, *command):
        self.command, self.turns = [str(part) for part in command], []

    def turn(self):
        done = subprocess.run(self.command, check=True, capture_output=True, text=True)
        self.turns.append({(one["work"], one["figure"]): one["value"] for one in json.loads(done.stdout)["figures"]})

    def __call__(self, work, figure):
        """The median of a figure by its name, which may go on with the number of tries."""
        return statistics.median(value for turn in self.turns for (of, name), value in turn.items()
                                 if of == work and (name == figure or name.startswith(f"{figure} of ")))


def rest(*turns):
    """Lets the disk forget what was deleted last, then takes the turns: ext4 does not give out an inode that was freed in
    the last half minute, and looks for another for long."""
    os.sync()
    time.sleep(REST_SECONDS)
    for turn in turns:
        turn()


def table(rows, postgres, ingest, ack):
    """The lines of a table: a measure, both sides, and how many times better Dinh is."""
    yield f"| {rows:,} rows, one machine, one disk, one run | Dinh | PostgreSQL | ratio |"
    yield "|---|---|---|---|"
    for form, name in (("arrow", "Arrow IPC"), ("typed", "typed rows")):
        speed = ingest(form, "rows a second until current is counted")
        for way, what in (("upsert", "COPY and upsert"), ("plain", "plain COPY, no index")):
            peer = rows / postgres[way]["seconds"]
            yield f"| rows a second until counted right, {name}, beside {what} | {speed:,.0f} | {peer:,.0f} | {speed / peer:.2f}x |"
        yield (f"| processor time a row of server and client, {name}, beside COPY and upsert | "
               f"{ingest(form, 'processor time of the hub, a row'):.1f} + {ingest(form, 'processor time of the client, a row'):.1f} us | "
               f"{postgres['upsert']['server_cpu'] / rows * 1e6:.1f} + {postgres['upsert']['client_cpu'] / rows * 1e6:.1f} us | |")
        yield f"| peak memory of the hub, {name} | {ingest(form, 'peak memory of the hub'):,.0f} MiB | | |"
    for percent in (50, 99):
        ours, peer = ack("crowd", f"ack, p{percent}"), postgres["single"][f"p{percent}_ms"]
        yield f"| ack of one row among 64 clients, p{percent} | {ours:.1f} ms | {peer:.1f} ms | {ours / peer:.2f}x |"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dinh", required=True, help="the binary of a release build")
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--batch-rows", type=int, default=1_000)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--seconds", type=int, default=20, help="of single-row commits")
    parser.add_argument("--dir", default=None, help="a folder on the disk to measure")
    parser.add_argument("--only", choices=["postgres"], help="leave Dinh out")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="dinh-peers-", dir=options.dir) as name:
        folder = pathlib.Path(name)
        (folder / "server").mkdir()
        os.chmod(folder, 0o755)
        cells = write_scripts(folder, options.connections, options.rows, options.batch_rows)
        os.sync()
        bench = [options.dinh, "--output", "json", "bench"]
        shape = ["--rows", options.rows, "--connections", options.connections, "--batch-rows", options.batch_rows]
        ingest = Dinh(*bench, "ingest", *shape, "--dir", folder)
        ack = Dinh(*bench, "ack", "--pushes", 0, "--clients", options.clients, "--client-pushes", 1_000, "--dir", folder)
        ours = [] if options.only else [ingest.turn]
        server = Postgres(folder / "server")
        try:
            postgres = {"version": server.version()}
            rest(*ours)
            postgres["plain"] = ingest_postgres(server, folder, "plain", options.connections, options.rows)
            server.sql("truncate plain; checkpoint")
            rest(*ours)
            postgres["upsert"] = ingest_postgres(server, folder, "upsert", options.connections, cells)
            server.sql("truncate cells; checkpoint")
            rounds = []
            for _ in range(ROUNDS):
                rest(*([] if options.only else [ack.turn]))
                rounds.append(single_commits(server, folder, options.clients, options.seconds))
            p50, p99, rate = (statistics.median(figures) for figures in zip(*rounds))
            postgres["single"] = {"p50_ms": p50, "p99_ms": p99, "commits_per_second": rate}
        finally:
            server.stop()
        if options.only:
            print(json.dumps(postgres, indent=2))
            return
        print("\n".join(table(options.rows, postgres, ingest, ack)))


if __name__ == "__main__":
    main()
