//! Fuzzing of the decoders that take bytes from outside, without nightly tools: inputs made from a committed corpus by
//! seeded changes (`mutate.rs`) go into a decoder, which must neither panic, nor stall, nor take memory out of proportion.
//!
//! ```text
//! cargo test fuzz                                                  # some thousand inputs for each decoder
//! DINH_FUZZ_SECONDS=600 cargo test -- --ignored fuzz               # ten minutes for each, from a seed of its own
//! DINH_TEST_SEED=7 cargo test -- fuzz::catalogue_files             # the same inputs again
//! ```
//!
//! Each decoder runs in a process of its own, which this test starts from its own binary. So a stack overflow, an abort and
//! an allocation that fails end that process and not the tests, and its memory can be measured: after each input the peak
//! of resident memory (`VmHWM`, reset through `clear_refs`) may have grown by [`GROWTH_FIXED`] and [`GROWTH_PER_BYTE`] for
//! each byte of the input. Memory that is asked for and never touched does not count there; an address space limit of
//! [`ADDRESS_SPACE_KIB`] catches requests that are absurd.
//!
//! An input that breaks a decoder is left in a file that the failure names: put it into the corpus, then mend the decoder.

mod mutate;

use std::hash::{BuildHasher as _, RandomState};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use mutate::{Random, mutate};

pub(crate) use mutate::Shape;

/// Where the file with the present input stands, for the process that runs a decoder.
const CHILD: &str = "DINH_FUZZ_CHILD";
/// Inputs after the corpus, in the ordinary tests, if there is time for them.
const INPUTS: u64 = 3_000;
const INPUTS_TIME: Duration = Duration::from_secs(20);
const SEED: u64 = 20_241_231;
/// Longer than any input takes, on a machine that is busy with something else.
const INPUT_TIME: Duration = Duration::from_secs(60);
/// What any input may take: buffers that are made once, and the allocator's own steps.
const GROWTH_FIXED: u64 = 48 << 20;
/// A column of texts, its offsets and the verdicts of its rows are some hundred bytes for a byte of a short row.
const GROWTH_PER_BYTE: u64 = 1_024;
const ADDRESS_SPACE_KIB: u64 = 8 << 20;

/// A decoder to be fuzzed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target {
    /// The path of the test that runs it, as `cargo test` lists it.
    pub(crate) test: &'static str,
    /// The folder of its corpus.
    pub(crate) corpus: &'static str,
    /// What its inputs are made of.
    pub(crate) shape: Shape,
    /// Words that mean something to it.
    pub(crate) words: &'static [&'static str],
}

/// How long a run goes on.
#[derive(Clone, Copy, Debug)]
enum Until {
    Inputs(u64),
    Elapsed(Duration),
}

impl Target {
    /// Runs some thousand inputs, or as long as `DINH_FUZZ_SECONDS` says.
    ///
    /// `decoder` makes the decoder, in the process where it runs.
    pub(crate) fn run<D: FnMut(&[u8])>(self, decoder: impl FnOnce() -> D + Send + 'static) {
        let seconds = setting("DINH_FUZZ_SECONDS").and_then(|text| text.parse().ok());
        let until =
            seconds.map_or(Until::Inputs(INPUTS), |s| Until::Elapsed(Duration::from_secs(s)));
        match setting(CHILD) {
            Some(file) => self.decode(until, &PathBuf::from(file), decoder),
            None => self.start(until),
        }
    }

    /// Starts the process that runs the decoder, and tells what became of it.
    fn start(self, until: Until) {
        let given = setting("DINH_TEST_SEED").and_then(|seed| seed.parse().ok());
        let seed = given.unwrap_or_else(|| match until {
            Until::Inputs(_) => SEED,
            Until::Elapsed(_) => RandomState::new().hash_one(self.test),
        });
        let folder = tempfile::tempdir().expect("a folder can be made");
        let file = folder.path().join("input");
        let program = std::env::current_exe().expect("a test knows its binary");
        let limited = format!("ulimit -c 0; ulimit -v {ADDRESS_SPACE_KIB}; exec \"$0\" \"$@\"");
        let mut command = Command::new("sh");
        command.args(["-c", &limited]).arg(program);
        command.args([
            self.test,
            "--exact",
            "--include-ignored",
            "--nocapture",
            "--test-threads=1",
        ]);
        command.env(CHILD, &file).env("DINH_TEST_SEED", seed.to_string());
        // Each thread of the allocator reserves address space of its own.
        command.env("MALLOC_ARENA_MAX", "2").env("RUST_BACKTRACE", "0");
        let output = command.output().expect("a test starts its own binary");
        let said = String::from_utf8_lossy(&output.stderr);
        eprintln!(
            "{}",
            said.lines().filter(|line| line.contains("fuzz")).collect::<Vec<_>>().join("\n")
        );
        if !output.status.success() {
            self.failed(seed, output.status, &said, &file);
        }
    }

    fn failed(self, seed: u64, status: ExitStatus, said: &str, input: &Path) {
        let kept =
            std::env::temp_dir().join(format!("fuzz-{}-{seed}", self.test.replace(':', "-")));
        let bytes = std::fs::read(input).unwrap_or_default();
        std::fs::write(&kept, &bytes).expect("the input can be kept");
        let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(400)]);
        panic!(
            "DINH_TEST_SEED={seed} `{}` ended with {status} on an input of {} bytes, kept in `{}`; put it into `{}`\n\
             it begins `{shown}`\n{said}",
            self.test,
            bytes.len(),
            kept.display(),
            self.corpus
        );
    }

    /// Runs the decoder in this process.
    fn decode<D: FnMut(&[u8])>(
        self,
        until: Until,
        file: &Path,
        decoder: impl FnOnce() -> D + Send + 'static,
    ) {
        let mut random =
            Random(setting("DINH_TEST_SEED").and_then(|s| s.parse().ok()).unwrap_or(SEED));
        let corpus = self.corpus();
        let began = Instant::now();
        let (to_decoder, inputs) = sync_channel::<Vec<u8>>(0);
        let (from_decoder, ends) = sync_channel(0);
        let running = std::thread::spawn(move || {
            let mut decode = decoder();
            let mut most = 0;
            for input in inputs {
                let before = Memory::begin();
                decode(&input);
                most = most.max(before.grown(input.len()));
                if from_decoder.send(most).is_err() {
                    break;
                }
            }
        });
        let (mut count, mut most) = (0, 0);
        loop {
            let input = corpus.get(usize::try_from(count).unwrap_or(usize::MAX)).cloned();
            let more = match until {
                Until::Inputs(inputs) => {
                    count < inputs + corpus.len() as u64 && began.elapsed() < INPUTS_TIME
                }
                Until::Elapsed(time) => began.elapsed() < time,
            };
            if input.is_none() && !more {
                break;
            }
            let input =
                input.unwrap_or_else(|| mutate(&mut random, &corpus, self.shape, self.words));
            std::fs::write(file, &input).expect("the input can be written");
            let sent = to_decoder.send(input);
            match ends.recv_timeout(INPUT_TIME) {
                Ok(grown) if sent.is_ok() => most = grown,
                Err(RecvTimeoutError::Timeout) => panic!("an input takes over {INPUT_TIME:?}"),
                _ => std::panic::resume_unwind(running.join().expect_err("the decoder panicked")),
            }
            count += 1;
        }
        eprintln!(
            "fuzz {}: {count} inputs in {:.0?}, at most {most} KiB for one",
            self.test,
            began.elapsed()
        );
    }

    fn corpus(self) -> Vec<Vec<u8>> {
        let folder = std::fs::read_dir(self.corpus).expect("the corpus is there");
        let mut files: Vec<_> =
            folder.map(|entry| entry.expect("the corpus can be listed").path()).collect();
        files.sort();
        assert!(!files.is_empty(), "`{}` has no inputs", self.corpus);
        files.iter().map(|file| std::fs::read(file).expect("an input can be read")).collect()
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "how long and from which seed a test runs is told by the environment"
)]
fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Resident memory before an input.
struct Memory {
    before: u64,
}

impl Memory {
    fn begin() -> Self {
        std::fs::write("/proc/self/clear_refs", "5").expect("the peak of memory can be reset");
        Self { before: status_kib("VmRSS:") }
    }

    /// By how many KiB it grew at the most; panics where that is out of proportion to the input.
    fn grown(&self, input_bytes: usize) -> u64 {
        let grown = status_kib("VmHWM:").saturating_sub(self.before);
        let allowed = (GROWTH_FIXED + GROWTH_PER_BYTE * input_bytes as u64) >> 10;
        assert!(grown <= allowed, "{grown} KiB for {input_bytes} bytes, {allowed} KiB are allowed");
        grown
    }
}

fn status_kib(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("a process has a status");
    let line =
        status.lines().find_map(|line| line.strip_prefix(name)).expect("it tells its memory");
    line.split_whitespace().next().and_then(|number| number.parse().ok()).expect("it is a number")
}
