//! What was measured, as a table for people or as JSON for programs, with all that is needed to judge it.

use std::io::Write;
use std::time::Duration;

use serde::Serialize;

use super::crowd::Crowd;
use super::history::Point;
use super::latency::{Latency, Turns};
use super::payload::Form;
use super::spread::Spread;
use super::throughput::Throughput;
use crate::config::Output;
use crate::output::Grid;

/// The percentiles that are told.
const PERCENTS: [usize; 3] = [50, 90, 99];

/// One figure.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figure {
    /// What was done.
    pub work: &'static str,
    /// What was measured of it.
    pub figure: String,
    /// The figure.
    pub value: f64,
    /// What it is counted in.
    pub unit: &'static str,
}

/// One run.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// What it was run on and with: name and value.
    pub run: Vec<(&'static str, String)>,
    /// What one should know to read the figures.
    pub notes: Vec<String>,
    /// The figures.
    pub figures: Vec<Figure>,
}

impl Report {
    /// Adds the figures of durable ingest.
    pub(super) fn throughput(&mut self, form: Form, measured: &Throughput) {
        let work = form.name();
        let (rows, seconds) = (measured.rows as f64, measured.took.as_secs_f64());
        let mut add = |figure: &str, value: f64, unit| self.add(work, figure, value, unit);
        add("rows acked", rows, "rows");
        add("of which revisions", (measured.rows - measured.keys) as f64, "rows");
        add("bytes of a batch", measured.batch_bytes as f64, "bytes");
        add("time to the last ack", seconds, "s");
        add("rows acked a second", rows / seconds, "rows/s");
        if let Ok(current) = measured.current_counted {
            add("count(*) of current, right", current.as_secs_f64() * 1e3, "ms");
            let until = seconds + current.as_secs_f64();
            add("time until current is counted, right", until, "s");
            add("rows a second until current is counted", rows / until, "rows/s");
        }
        let counted = measured.observations_counted;
        add("count(*) of observations, right", counted.as_secs_f64() * 1e3, "ms");
        if let Some(merged) = measured.merged_after {
            add("merging and counting after the last ack", merged.as_secs_f64(), "s");
        }
        if let Some(cpu) = measured.hub_cpu_after {
            add("processor time of the hub after the last ack", cpu.as_secs_f64(), "s");
        }
        for (who, cpu) in [("hub", measured.hub_cpu), ("client", measured.client_cpu)] {
            let Some(cpu) = cpu else { continue };
            add(&format!("processor time of the {who}"), cpu.as_secs_f64(), "s");
            add(
                &format!("processor time of the {who}, a row"),
                cpu.as_secs_f64() * 1e6 / rows,
                "us",
            );
        }
        if let Some(bytes) = measured.memory_peak_bytes {
            add("peak memory of the hub", (bytes >> 20) as f64, "MiB");
        }
        add("rows of a ledger entry", rows / measured.entries as f64, "rows");
        self.spread(work, "ack of a batch", &measured.acks);
        if let Err(error) = &measured.current_counted {
            self.notes.push(format!("{work}: `current` could not be counted: {error}"));
        }
    }

    /// Adds the figures of many clients at a time.
    pub(super) fn crowd(&mut self, measured: &Crowd) {
        let Crowd { clients, rows, took, entries, .. } = *measured;
        let pushes = measured.acks.count() as f64;
        self.add("crowd", "clients", clients as f64, "clients");
        self.add("crowd", "rows of a push", rows as f64, "rows");
        self.add("crowd", "pushes acked a second", pushes / took.as_secs_f64(), "pushes/s");
        self.add("crowd", "pushes of a ledger entry", pushes / entries as f64, "pushes");
        self.spread("crowd", "ack", &measured.acks);
        self.cpu("crowd", pushes, measured.hub_cpu, measured.client_cpu);
    }

    /// Adds the figures of a short and of a long history.
    pub(super) fn history(&mut self, [early, late]: &[Point; 2]) {
        for (work, point) in [("early", early), ("late", late)] {
            self.add(work, "ledger entries", point.entries as f64, "entries");
            self.add(work, "live files", point.files as f64, "files");
            self.spread(work, "ack in this process", &point.acks);
            self.add(work, "opening the lake", milliseconds(point.opened), "ms");
        }
        for percent in PERCENTS {
            let [late, early] =
                [late, early].map(|point| milliseconds(point.acks.percentile(percent)));
            self.add("ratio", &format!("ack late to early, p{percent}"), late / early, "x");
        }
        let opened = late.opened.as_secs_f64() / early.opened.as_secs_f64();
        self.add("ratio", "opening late to early", opened, "x");
    }

    fn cpu(
        &mut self,
        work: &'static str,
        pushes: f64,
        hub: Option<Duration>,
        client: Option<Duration>,
    ) {
        for (who, cpu) in [("hub", hub), ("client", client)] {
            let Some(cpu) = cpu else { continue };
            let figure = format!("processor time of the {who}");
            self.add(work, &figure, cpu.as_secs_f64(), "s");
            self.add(work, &format!("{figure}, a push"), cpu.as_secs_f64() * 1e6 / pushes, "us");
        }
    }

    /// Adds the figures of one small push.
    pub(super) fn latency(&mut self, measured: &Latency) {
        let pushes = (measured.as_it_is.pushes.len() + measured.awake.pushes.len()) as f64;
        self.cpu("push", pushes, Some(measured.hub_cpu), Some(measured.client_cpu));
        self.add("push", "bytes of the data file", measured.data_bytes as f64, "bytes");
        self.add("push", "bytes of the log entry", measured.entry_bytes as f64, "bytes");
        self.turns(["push", "bare", "ratio"], &measured.as_it_is);
        self.turns(["push, awake", "bare, awake", "ratio, awake"], &measured.awake);
    }

    fn turns(&mut self, [push, bare, ratio]: [&'static str; 3], turns: &Turns) {
        let times = [&turns.pushes, &turns.create_twice, &turns.overwrite];
        let [acks, create_twice, overwrite] = times.map(|times| Spread::of(times.clone()));
        self.spread(push, "ack", &acks);
        self.spread(bare, "new file, fsync, link, fsync of the folder, twice", &create_twice);
        self.spread(bare, "write and fdatasync of an open file", &overwrite);
        for (to, bare) in [("a new file twice", &create_twice), ("fdatasync", &overwrite)] {
            for percent in PERCENTS {
                let [ack, bare] =
                    [&acks, bare].map(|spread| spread.percentile(percent).as_secs_f64());
                self.add(ratio, &format!("ack to {to}, p{percent}"), ack / bare, "x");
            }
        }
    }

    fn spread(&mut self, work: &'static str, figure: &str, spread: &Spread) {
        for percent in PERCENTS {
            let value = milliseconds(spread.percentile(percent));
            self.add(work, &format!("{figure}, p{percent} of {}", spread.count()), value, "ms");
        }
    }

    fn add(&mut self, work: &'static str, figure: &str, value: f64, unit: &'static str) {
        self.figures.push(Figure { work, figure: figure.to_owned(), value: rounded(value), unit });
    }

    /// Writes it.
    ///
    /// # Errors
    /// When the output is closed.
    pub fn write(&self, to: &mut impl Write, output: Output) -> anyhow::Result<()> {
        match output {
            Output::Json => writeln!(to, "{}", self.json()?)?,
            Output::Csv => self.grid().write(to, output)?,
            Output::Table => {
                for (name, value) in &self.run {
                    writeln!(to, "{name:<12} {value}")?;
                }
                for note in &self.notes {
                    writeln!(to, "note         {note}")?;
                }
                writeln!(to)?;
                self.grid().write(to, output)?;
            }
        }
        Ok(())
    }

    fn json(&self) -> serde_json::Result<String> {
        let run: serde_json::Map<_, _> = self
            .run
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone().into()))
            .collect();
        serde_json::to_string_pretty(
            &serde_json::json!({ "run": run, "notes": self.notes, "figures": self.figures }),
        )
    }

    fn grid(&self) -> Grid {
        let row = |figure: &Figure| {
            let cells = [figure.work, &figure.figure, &figure.value.to_string(), figure.unit];
            cells.map(|cell| Some(cell.to_owned())).into()
        };
        let columns = ["work", "figure", "value", "unit"].map(str::to_owned).into();
        Grid { columns, rows: self.figures.iter().map(row).collect() }
    }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// Four digits that count, or all of a whole number: more would only be noise.
fn rounded(value: f64) -> f64 {
    if value == 0.0 || !value.is_finite() || value.abs() >= 1_000.0 {
        return value.round();
    }
    let digits = 3 - value.abs().log10().floor() as i32;
    let scale = 10_f64.powi(digits);
    (value * scale).round() / scale
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let spread = |ms: u64| Spread::of(vec![Duration::from_millis(ms); 3]);
        let mut report = Report { run: vec![("cores", "2".to_owned())], ..Report::default() };
        report.throughput(
            Form::Arrow,
            &Throughput {
                rows: 1_000,
                keys: 950,
                batch_bytes: 20_000,
                took: Duration::from_millis(500),
                acks: spread(7),
                entries: 4,
                hub_cpu: Some(Duration::from_millis(100)),
                client_cpu: None,
                current_counted: Err("too large".to_owned()),
                observations_counted: Duration::from_millis(3),
                merged_after: Some(Duration::from_secs(2)),
                hub_cpu_after: Some(Duration::from_secs(1)),
                memory_peak_bytes: Some(64 << 20),
            },
        );
        let turns = |ack| Turns {
            pushes: vec![Duration::from_millis(ack); 3],
            create_twice: vec![Duration::from_millis(10); 3],
            overwrite: vec![Duration::from_millis(4); 3],
        };
        let (as_it_is, awake) = (turns(12), turns(11));
        let cpu = Duration::from_millis(60);
        let bytes = (8_000, 900);
        report.latency(&Latency {
            as_it_is,
            awake,
            data_bytes: bytes.0,
            entry_bytes: bytes.1,
            hub_cpu: cpu,
            client_cpu: cpu,
        });
        report.crowd(&Crowd {
            clients: 64,
            rows: 1,
            acks: spread(5),
            took: Duration::from_millis(30),
            entries: 2,
            hub_cpu: Some(cpu),
            client_cpu: None,
        });
        let point = |entries, ms| Point {
            entries,
            files: 7,
            acks: spread(ms),
            opened: Duration::from_millis(2 * ms),
        };
        report.history(&[point(100, 10), point(100_000, 12)]);
        report
    }

    #[test]
    fn figures_follow_from_what_was_measured() {
        let report = report();
        let value = |work: &str, figure: &str| {
            let found = report.figures.iter().find(|f| f.work == work && f.figure == figure);
            found.map(|figure| (figure.value, figure.unit))
        };
        assert_eq!(value("arrow", "rows acked a second"), Some((2_000.0, "rows/s")));
        assert_eq!(value("arrow", "processor time of the hub, a row"), Some((100.0, "us")));
        assert_eq!(value("arrow", "processor time of the client"), None);
        assert_eq!(value("ratio", "ack to a new file twice, p50"), Some((1.2, "x")));
        assert_eq!(value("ratio", "ack to fdatasync, p99"), Some((3.0, "x")));
        assert_eq!(value("ratio, awake", "ack to a new file twice, p90"), Some((1.1, "x")));
        assert_eq!(value("push", "processor time of the hub, a push"), Some((10_000.0, "us")));
        assert_eq!(value("crowd", "pushes acked a second"), Some((100.0, "pushes/s")));
        assert_eq!(value("crowd", "pushes of a ledger entry"), Some((1.5, "pushes")));
        assert_eq!(value("ratio", "ack late to early, p50"), Some((1.2, "x")));
        assert_eq!(value("ratio", "opening late to early"), Some((1.2, "x")));
        assert!(report.notes[0].contains("too large"));
    }

    #[test]
    fn it_is_written_for_people_and_for_programs() {
        let written = |output| {
            let mut text = Vec::new();
            report().write(&mut text, output).unwrap();
            String::from_utf8(text).unwrap()
        };
        assert!(written(Output::Table).starts_with("cores        2\n"));
        let json: serde_json::Value = serde_json::from_str(&written(Output::Json)).unwrap();
        assert_eq!(
            (&json["run"]["cores"], &json["figures"][0]["work"]),
            (&"2".into(), &"arrow".into())
        );
        assert!(
            written(Output::Csv)
                .starts_with("work,figure,value,unit\narrow,rows acked,1000,rows\n")
        );
    }

    #[test]
    fn figures_have_the_digits_that_count() {
        assert_eq!(
            [0.0, 1.234_56, 98_765.4, 0.000_123_456].map(rounded),
            [0.0, 1.235, 98_765.0, 0.000_123_5]
        );
    }
}
