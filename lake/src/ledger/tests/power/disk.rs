//! A disk that remembers every call, fails at one that is chosen, and tells what a power cut would leave.
//!
//! Harsher than any file system: bytes are durable only by a sync of their file, names only by one of their folder; the rest
//! is lost, cut short, zeroed, torn or kept, each by itself. After a sync that failed a second one succeeds and keeps nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::{fs, io};

use tokio::sync::Notify;

use super::super::chance::Chance;
use crate::store::disk::{Disk, DiskFile, RealDisk};

/// A call that changed the disk, or tried to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum Call {
    CreateFolder(PathBuf),
    CreateFile { path: PathBuf, file: usize },
    Write { file: usize, bytes: Vec<u8> },
    Sync { file: usize, held: bool },
    Link { path: PathBuf, file: usize },
    Rename { from: PathBuf, to: PathBuf, file: usize },
    Remove(PathBuf),
    SyncFolder { folder: PathBuf, held: bool },
}

/// Which calls fail, and how.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Trouble {
    /// The first call that fails, counted from 0.
    pub(in super::super) from: usize,
    /// How many fail from there on.
    pub(in super::super) calls: usize,
    pub(in super::super) errno: i32,
}

#[derive(Debug, Default)]
struct Recorded {
    /// The files that were there when recording began.
    found: BTreeMap<PathBuf, Option<usize>>,
    contents: Vec<Vec<u8>>,
    names: BTreeMap<PathBuf, usize>,
    calls: Vec<Call>,
    /// Calls that were made, failed ones among them.
    made: usize,
    trouble: Option<Trouble>,
    /// Calls that are still made; those after them are not, as if whoever makes them had been killed.
    left: Option<usize>,
    failed: BTreeSet<&'static str>,
}

/// A folder of the real file system whose changes are recorded; nothing is really synced.
#[derive(Clone, Debug)]
pub(in super::super) struct RecordingDisk {
    root: PathBuf,
    recorded: Arc<Mutex<Recorded>>,
    /// Whoever uses the disk was killed.
    pub(in super::super) killed: Arc<Notify>,
}

impl RecordingDisk {
    /// Records what happens to a folder from now on; what it holds already is durable.
    pub(in super::super) fn over(root: &Path) -> Self {
        let mut recorded = Recorded::default();
        find(root, &mut recorded);
        let (recorded, killed) = (Arc::new(Mutex::new(recorded)), Arc::default());
        Self { root: root.to_owned(), recorded, killed }
    }

    /// The calls so far.
    pub(in super::super) fn calls(&self) -> Vec<Call> {
        self.recorded.lock().unwrap().calls.clone()
    }

    pub(in super::super) fn call_count(&self) -> usize {
        self.recorded.lock().unwrap().calls.len()
    }

    /// How many calls were made, failed ones among them.
    pub(in super::super) fn made(&self) -> usize {
        self.recorded.lock().unwrap().made
    }

    pub(in super::super) fn trouble(&self, trouble: Option<Trouble>) {
        self.recorded.lock().unwrap().trouble = trouble;
    }

    /// Kills whoever uses the disk after so many more calls; none lets the next one live.
    pub(in super::super) fn kill_after(&self, calls: Option<usize>) {
        self.recorded.lock().unwrap().left = calls;
    }

    /// Whether every sync so far kept what it was asked to.
    pub(in super::super) fn lost_no_sync(&self) -> bool {
        let recorded = self.recorded.lock().unwrap();
        !recorded.failed.iter().any(|name| name.starts_with("sync"))
    }

    /// Begins to count failures anew, for a ledger that was opened anew.
    pub(in super::super) fn forget_failures(&self) {
        self.recorded.lock().unwrap().failed.clear();
    }

    /// The kinds of calls that failed.
    pub(in super::super) fn failed(&self) -> BTreeSet<&'static str> {
        self.recorded.lock().unwrap().failed.clone()
    }

    /// What a power cut after the first `count` calls may leave, written into an empty folder.
    pub(in super::super) fn cut(&self, count: usize, chance: &mut Chance, into: &Path) {
        let recorded = self.recorded.lock().unwrap();
        let mut disk = Platter::of(&recorded);
        for call in &recorded.calls[..count] {
            disk.apply(call);
        }
        disk.lose(chance, &self.root, into);
    }

    /// Makes a call and remembers it, in one step, so that the record has the order in which things happened.
    fn call<T>(
        &self,
        name: &'static str,
        make: impl FnOnce(&mut Recorded) -> io::Result<(T, Call)>,
    ) -> io::Result<T> {
        let mut recorded = self.recorded.lock().unwrap();
        match &mut recorded.left {
            Some(0) => {
                self.killed.notify_one();
                return Err(io::Error::other("killed"));
            }
            Some(left) => *left -= 1,
            None => {}
        }
        let number = recorded.made;
        recorded.made += 1;
        if let Some(Trouble { from, calls, errno }) = recorded.trouble
            && (from..from.saturating_add(calls)).contains(&number)
        {
            recorded.failed.insert(name);
            return Err(io::Error::from_raw_os_error(errno));
        }
        let (made, call) = make(&mut recorded)?;
        recorded.calls.push(call);
        Ok(made)
    }

    /// As [`Self::call`] for a sync, which is remembered as one that kept nothing where it fails.
    fn sync(&self, name: &'static str, call: impl Fn(bool) -> Call) -> io::Result<()> {
        let done = self.call(name, |_| Ok(((), call(true))));
        let mut recorded = self.recorded.lock().unwrap();
        if done.is_err() && recorded.left != Some(0) {
            recorded.calls.push(call(false));
        }
        done
    }
}

fn find(folder: &Path, recorded: &mut Recorded) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            recorded.found.insert(path.clone(), None);
            find(&path, recorded);
        } else {
            let file = recorded.contents.len();
            recorded.contents.push(fs::read(&path).unwrap());
            recorded.found.insert(path.clone(), Some(file));
            recorded.names.insert(path, file);
        }
    }
}

impl Disk for RecordingDisk {
    fn create_folder(&self, folder: &Path) -> io::Result<()> {
        self.call("create folder", |_| {
            RealDisk.create_folder(folder)?;
            Ok(((), Call::CreateFolder(folder.to_owned())))
        })
    }

    fn create_file(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let (inner, file) = self.call("create file", |recorded| {
            let inner = RealDisk.create_file(path)?;
            let file = recorded.contents.len();
            recorded.contents.push(Vec::new());
            recorded.names.insert(path.to_owned(), file);
            Ok(((inner, file), Call::CreateFile { path: path.to_owned(), file }))
        })?;
        Ok(Box::new(RecordingFile { disk: self.clone(), inner, file }))
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.call("link", |recorded| {
            RealDisk.link(from, to)?;
            let file = recorded.names[from];
            recorded.names.insert(to.to_owned(), file);
            Ok(((), Call::Link { path: to.to_owned(), file }))
        })
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.call("rename", |recorded| {
            RealDisk.rename(from, to)?;
            let file = recorded.names.remove(from).unwrap();
            recorded.names.insert(to.to_owned(), file);
            Ok(((), Call::Rename { from: from.to_owned(), to: to.to_owned(), file }))
        })
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.call("remove", |recorded| {
            RealDisk.remove_file(path)?;
            recorded.names.remove(path);
            Ok(((), Call::Remove(path.to_owned())))
        })
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.sync("sync folder", |held| Call::SyncFolder { folder: folder.to_owned(), held })
    }
}

struct RecordingFile {
    disk: RecordingDisk,
    inner: Box<dyn DiskFile>,
    file: usize,
}

impl DiskFile for RecordingFile {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        let (file, inner) = (self.file, &mut self.inner);
        self.disk.call("write", |_| {
            inner.write_all(bytes)?;
            Ok(((), Call::Write { file, bytes: bytes.to_vec() }))
        })
    }

    fn sync(&mut self) -> io::Result<()> {
        let file = self.file;
        self.disk.sync("sync", |held| Call::Sync { file, held })
    }
}

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Thing {
    Folder,
    File(usize),
}

/// A change of the names in one folder: these are gone, and these are there.
#[derive(Clone, Debug, Default)]
struct Change {
    gone: Vec<PathBuf>,
    there: Vec<(PathBuf, Thing)>,
    /// Whether a failed sync was to keep it; no later one keeps it.
    doomed: bool,
}

#[derive(Clone, Debug, Default)]
struct Contents {
    durable: Vec<u8>,
    written: Vec<u8>,
    /// What a failed sync was to keep; no later one keeps it.
    doomed: Range<usize>,
}

/// What is durable and what is not.
#[derive(Debug, Default)]
struct Platter {
    names: BTreeMap<PathBuf, Thing>,
    /// By folder, in their order.
    unsynced: BTreeMap<PathBuf, Vec<Change>>,
    files: Vec<Contents>,
}

impl Platter {
    fn of(recorded: &Recorded) -> Self {
        let things = recorded.found.iter();
        let thing = |file: &Option<usize>| file.map_or(Thing::Folder, Thing::File);
        let contents = recorded.contents.iter();
        Self {
            names: things.map(|(path, file)| (path.clone(), thing(file))).collect(),
            unsynced: BTreeMap::new(),
            files: contents
                .map(|bytes| Contents {
                    durable: bytes.clone(),
                    written: bytes.clone(),
                    doomed: 0..0,
                })
                .collect(),
        }
    }

    fn apply(&mut self, call: &Call) {
        match call {
            Call::CreateFolder(path) => self.change(path, &[], &[(path, Thing::Folder)]),
            Call::CreateFile { path, file } | Call::Link { path, file } => {
                self.change(path, &[], &[(path, Thing::File(*file))]);
            }
            Call::Rename { from, to, file } => {
                self.change(to, &[from], &[(to, Thing::File(*file))]);
            }
            Call::Remove(path) => self.change(path, &[path], &[]),
            Call::Write { file, bytes } => self.files[*file].written.extend(bytes),
            Call::Sync { file, held } => self.files[*file].sync(*held),
            Call::SyncFolder { folder, held: true } => {
                let changes = self.unsynced.remove(folder).unwrap_or_default();
                let (doomed, kept) = changes.into_iter().partition(|change| change.doomed);
                let kept: Vec<Change> = kept;
                kept.into_iter().for_each(|change| take(&mut self.names, change));
                self.unsynced.insert(folder.clone(), doomed);
            }
            Call::SyncFolder { folder, held: false } => {
                for change in self.unsynced.get_mut(folder).into_iter().flatten() {
                    change.doomed = true;
                }
            }
        }
    }

    fn change(&mut self, path: &Path, gone: &[&PathBuf], there: &[(&PathBuf, Thing)]) {
        let gone = gone.iter().map(|path| (*path).clone()).collect();
        let there = there.iter().map(|(path, thing)| ((*path).clone(), *thing)).collect();
        let folder = path.parent().unwrap().to_owned();
        self.unsynced.entry(folder).or_default().push(Change { gone, there, doomed: false });
    }

    /// Drops what chance wants dropped and writes the rest to a folder.
    fn lose(mut self, chance: &mut Chance, root: &Path, into: &Path) {
        let mood = chance.below(4);
        for changes in std::mem::take(&mut self.unsynced).into_values() {
            let kept_first = chance.below(changes.len() + 1);
            for (index, change) in changes.into_iter().enumerate() {
                let kept = match mood {
                    0 => false,
                    1 => true,
                    2 => index < kept_first,
                    _ => chance.below(2) == 0,
                };
                if kept {
                    take(&mut self.names, change);
                }
            }
        }
        // One fate for each file, whatever names it has.
        let kept: Vec<_> = self.files.iter().map(|file| file.lose(chance)).collect();
        for (path, thing) in &self.names {
            let target = into.join(path.strip_prefix(root).unwrap());
            // A name in a folder whose own name was lost is lost with it.
            if !target.parent().unwrap().is_dir() {
                continue;
            }
            match thing {
                Thing::Folder => fs::create_dir(target).unwrap(),
                Thing::File(file) => fs::write(target, &kept[*file]).unwrap(),
            }
        }
    }
}

fn take(names: &mut BTreeMap<PathBuf, Thing>, change: Change) {
    for path in change.gone {
        names.remove(&path);
    }
    names.extend(change.there);
}

impl Contents {
    fn sync(&mut self, held: bool) {
        if held {
            self.durable.clone_from(&self.written);
            self.durable[self.doomed.clone()].fill(0);
        } else {
            self.doomed = self.durable.len()..self.written.len();
        }
    }

    /// The bytes after a power cut.
    fn lose(&self, chance: &mut Chance) -> Vec<u8> {
        let (durable, written) = (&self.durable, &self.written);
        if durable == written {
            return durable.clone();
        }
        let cut = durable.len() + chance.below(written.len() - durable.len() + 1);
        let mut left = written.clone();
        match chance.below(5) {
            0 => left.truncate(durable.len()),
            1 => left.truncate(cut),
            2 => left[durable.len()..].fill(0),
            3 => left[durable.len()..cut].fill(0),
            _ => {}
        }
        left[..durable.len()].copy_from_slice(durable);
        left
    }
}
