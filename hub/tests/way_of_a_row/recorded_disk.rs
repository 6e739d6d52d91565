//! A disk that remembers every write and every flush, so that any power cut can be played again.
//!
//! ```text
//! hub ──> ext4 ──> loop device ──> file `disk` of a FUSE file system ──> this process: bytes and record
//! ```
//!
//! The kernel's side of FUSE is a file, `/dev/fuse`, that gives requests and takes replies (`linux/fuse.h`); `mount` is
//! handed it as its standard input. One thread serves one request after the other, so the record is the order in which
//! things happened: a write that was answered before a flush began stands before it. A flush that is answered makes all
//! that stands before it durable; what stands after the last one may be there, or not, or in part.
//!
//! It takes root, `/dev/fuse` and loop devices.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use crate::chance::is_long;

/// One thing that happened to the disk.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    Write { offset: usize, data: Vec<u8> },
    Flush,
}

#[derive(Debug)]
struct State {
    bytes: Mutex<Vec<u8>>,
    record: Mutex<Vec<Event>>,
    /// How much is in the record; told before the kernel gets its reply.
    mark: Arc<AtomicUsize>,
    broken: AtomicBool,
}

/// The disk, mounted as a file; gone when it is dropped.
#[derive(Debug)]
pub(crate) struct RecordedDisk {
    folder: tempfile::TempDir,
    state: Arc<State>,
    server: Option<JoinHandle<()>>,
}

/// Whether there is not what it takes; a short run says so and does not run, a long one fails.
#[expect(clippy::print_stdout, reason = "who reads that all is well must see what did not run")]
pub(crate) fn cannot_run() -> bool {
    let usable = |path: &&str| OpenOptions::new().read(true).write(true).open(path).is_ok();
    let can = ["/dev/fuse", "/dev/loop-control"].iter().all(usable);
    if !can {
        assert!(!is_long(), "this takes root, /dev/fuse and loop devices");
        println!("did not run: it takes root, /dev/fuse and loop devices");
    }
    !can
}

impl RecordedDisk {
    pub(crate) fn new(bytes: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let device = OpenOptions::new().read(true).write(true).open("/dev/fuse").unwrap();
        let options = "fd=0,rootmode=40000,user_id=0,group_id=0";
        let mut mount = Command::new("mount");
        mount.args(["-i", "-t", "fuse", "-o", options, "dinh-disk"]).arg(folder.path());
        done(mount.stdin(Stdio::from(device.try_clone().unwrap())));
        let state = Arc::new(State {
            bytes: Mutex::new(vec![0; bytes]),
            record: Mutex::default(),
            mark: Arc::default(),
            broken: AtomicBool::new(false),
        });
        let served = Arc::clone(&state);
        let server = Some(std::thread::spawn(move || served.serve(device)));
        Self { folder, state, server }
    }

    /// The file that is the disk.
    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join("disk")
    }

    /// How many things have happened to it, as it goes on.
    pub(crate) fn mark(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.state.mark)
    }

    /// From now on every write and every flush fails, or none does.
    pub(crate) fn breaks(&self, breaks: bool) {
        self.state.broken.store(breaks, Ordering::SeqCst);
    }

    /// Takes the disk away, and gives all that happened to it.
    pub(crate) fn into_record(self) -> Vec<Event> {
        let state = Arc::clone(&self.state);
        drop(self);
        std::mem::take(&mut *state.record.lock().unwrap())
    }
}

impl Drop for RecordedDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.folder.path()).status();
        if let Some(server) = self.server.take()
            && !std::thread::panicking()
        {
            server.join().unwrap();
        }
    }
}

/// An ext4 on a disk or on an image of one, mounted; gone when it is dropped.
#[derive(Debug)]
pub(crate) struct Mounted(tempfile::TempDir);

impl Mounted {
    /// Mounts what is on it; what a power cut left undone is done by the file system first.
    pub(crate) fn of(file: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        done(Command::new("mount").args(["-t", "ext4", "-o", "loop"]).arg(file).arg(folder.path()));
        Self(folder)
    }

    /// Makes a file system on it first.
    pub(crate) fn fresh(file: &Path) -> Self {
        let options = "lazy_itable_init=0,lazy_journal_init=0,nodiscard";
        done(Command::new("mkfs.ext4").args(["-q", "-F", "-E", options]).arg(file));
        Self::of(file)
    }

    pub(crate) fn folder(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let folder = self.0.path();
        let unmounted = Command::new("umount").arg(folder).status();
        if !unmounted.is_ok_and(|status| status.success()) {
            // Whoever still has it open loses it when it ends.
            let _ = Command::new("umount").arg("-l").arg(folder).status();
        }
    }
}

fn done(command: &mut Command) {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
}

const ROOT: u64 = 1;
const DISK: u64 = 2;
const WRITE_BYTES_MAX: u32 = 128 << 10;
const HEADER_BYTES: usize = 40;
const NO_ENTRY: i32 = 2;
const INPUT_OUTPUT: i32 = 5;
const NO_SUCH_CALL: i32 = 38;

impl State {
    /// Serves until the file system is unmounted.
    fn serve(&self, mut device: File) {
        let mut buffer = vec![0; WRITE_BYTES_MAX as usize + (64 << 10)];
        loop {
            let request = match device.read(&mut buffer) {
                Ok(0) => return,
                Ok(bytes) => &buffer[..bytes],
                // The caller of a request that was being read has gone.
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(_) => return,
            };
            let unique = &request[8..16];
            let Some(answer) = self.answer(request) else { continue };
            let (error, body) = match answer {
                Ok(body) => (0, body),
                Err(error) => (-error, Vec::new()),
            };
            let bytes = u32::try_from(16 + body.len()).unwrap();
            let reply = [&bytes.to_ne_bytes()[..], &error.to_ne_bytes(), unique, &body].concat();
            // One write is one reply; whoever asked may be gone by now.
            let _ = device.write(&reply);
        }
    }

    /// Answers a request; some want no answer.
    fn answer(&self, request: &[u8]) -> Option<Result<Vec<u8>, i32>> {
        let (node, body) = (u64_at(request, 16), &request[HEADER_BYTES..]);
        let (offset, size) = (|| u64_at(body, 8) as usize, || u32_at(body, 16) as usize);
        Some(match u32_at(request, 4) {
            // LOOKUP
            1 if body.starts_with(b"disk\0") => {
                Ok(fields(&[DISK, 0, 3600, 3600, 0], &self.attributes(DISK)))
            }
            1 => Err(NO_ENTRY),
            // FORGET, INTERRUPT, BATCH_FORGET
            2 | 36 | 42 => return None,
            // GETATTR, SETATTR
            3 | 4 => Ok(fields(&[3600, 0], &self.attributes(node))),
            // OPEN, OPENDIR
            14 | 27 => Ok(fields(&[0, 0], &[])),
            // READ
            15 => Ok(self.read(offset(), size())),
            // WRITE
            16 => self.write(offset(), &body[40..40 + size()]),
            // FSYNC
            20 => self.flush(),
            // INIT
            26 => Ok(introduction()),
            // STATFS
            17 => Ok(vec![0; 80]),
            // RELEASE, FLUSH (of a file handle, which is no flush of the disk), RELEASEDIR, DESTROY
            18 | 25 | 29 | 38 => Ok(Vec::new()),
            _ => Err(NO_SUCH_CALL),
        })
    }

    fn read(&self, offset: usize, size: usize) -> Vec<u8> {
        let bytes = self.bytes.lock().unwrap();
        bytes[offset.min(bytes.len())..(offset + size).min(bytes.len())].to_vec()
    }

    fn write(&self, offset: usize, data: &[u8]) -> Result<Vec<u8>, i32> {
        if self.broken.load(Ordering::SeqCst) {
            return Err(INPUT_OUTPUT);
        }
        self.bytes.lock().unwrap()[offset..offset + data.len()].copy_from_slice(data);
        self.note(Event::Write { offset, data: data.to_vec() });
        Ok(fields(&[data.len() as u64], &[]))
    }

    fn flush(&self) -> Result<Vec<u8>, i32> {
        if self.broken.load(Ordering::SeqCst) {
            return Err(INPUT_OUTPUT);
        }
        self.note(Event::Flush);
        Ok(Vec::new())
    }

    fn note(&self, event: Event) {
        let mut record = self.record.lock().unwrap();
        record.push(event);
        self.mark.store(record.len(), Ordering::SeqCst);
    }

    fn attributes(&self, node: u64) -> Vec<u8> {
        let bytes = self.bytes.lock().unwrap().len() as u64;
        let (size, mode) = if node == ROOT { (0, 0o040_700_u32) } else { (bytes, 0o100_600) };
        let counts = [node, size, size / 512, 0, 0, 0];
        // Parts of seconds, mode, links, owner, group, device, block size, flags.
        let rest = [0, 0, 0, mode, 1, 0, 0, 0, 4096, 0];
        fields(&counts, &rest.map(u32::to_ne_bytes).concat())
    }
}

/// The answer to INIT: version 7.31, large writes, no cache of writes, so that each is here before it is answered.
fn introduction() -> Vec<u8> {
    const BIG_WRITES: u32 = 1 << 5;
    let head = [7, 31, 128 << 10, BIG_WRITES, 0, WRITE_BYTES_MAX, 1];
    let mut body = head.map(u32::to_ne_bytes).concat();
    body.resize(64, 0);
    body
}

fn fields(numbers: &[u64], rest: &[u8]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_ne_bytes()).chain(rest.iter().copied()).collect()
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_ne_bytes(bytes[at..at + 4].try_into().unwrap())
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_ne_bytes(bytes[at..at + 8].try_into().unwrap())
}
