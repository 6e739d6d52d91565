//! The least that the disk must do for a durable append, done with nothing around it.
//!
//! What an entry of the ledger costs at the very least: a new file, its bytes, fsync, a hard link to its name, fsync of the
//! directory; once for the data file and once for the entry. Beside it, what a write-ahead log would cost: a write into a
//! file that is open and long enough, and fdatasync.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The bare loops, in a folder of their own.
#[derive(Debug)]
pub(super) struct Bare {
    data: PathBuf,
    log: PathBuf,
    open: File,
    data_bytes: Vec<u8>,
    entry_bytes: Vec<u8>,
    done: u64,
}

impl Bare {
    /// Makes the folders, and the file that stays open.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub(super) fn new(folder: &Path, data_bytes: usize, entry_bytes: usize) -> io::Result<Self> {
        let (data, log) = (folder.join("data"), folder.join("log"));
        fs::create_dir_all(&data)?;
        fs::create_dir_all(&log)?;
        let mut open = OpenOptions::new().write(true).create_new(true).open(folder.join("open"))?;
        let (data_bytes, entry_bytes) = (filled(data_bytes), filled(entry_bytes));
        open.write_all(&data_bytes)?;
        open.write_all(&entry_bytes)?;
        open.sync_all()?;
        File::open(folder)?.sync_all()?;
        Ok(Self { data, log, open, data_bytes, entry_bytes, done: 0 })
    }

    /// New file, fsync, link, fsync of the directory, twice; gives the time that it took.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub(super) fn create_twice(&mut self) -> io::Result<Duration> {
        self.done += 1;
        let name = format!("{:020}", self.done);
        let began = Instant::now();
        let staged = [
            create(&self.data, &name, &self.data_bytes)?,
            create(&self.log, &name, &self.entry_bytes)?,
        ];
        let took = began.elapsed();
        staged.iter().try_for_each(fs::remove_file)?;
        Ok(took)
    }

    /// The same bytes into the open file, and fdatasync; gives the time that it took.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn overwrite(&self) -> io::Result<Duration> {
        let began = Instant::now();
        self.open.write_all_at(&self.data_bytes, 0)?;
        self.open.write_all_at(&self.entry_bytes, self.data_bytes.len() as u64)?;
        self.open.sync_data()?;
        Ok(began.elapsed())
    }
}

/// Gives the name that the file was written under before it was linked.
fn create(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<PathBuf> {
    let staging = folder.join(format!("{name}#0"));
    let mut file = OpenOptions::new().write(true).create_new(true).open(&staging)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::hard_link(&staging, folder.join(name))?;
    File::open(folder)?.sync_all()?;
    Ok(staging)
}

/// Bytes that no file system can leave out.
fn filled(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|n| u8::try_from(n % 251 + 1).unwrap_or(1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_have_their_bytes_and_nothing_stays_staged() {
        let folder = tempfile::tempdir().unwrap();
        let mut bare = Bare::new(folder.path(), 8_000, 900).unwrap();
        for _ in 0..3 {
            assert!(bare.create_twice().unwrap() > Duration::ZERO);
            assert!(bare.overwrite().unwrap() > Duration::ZERO);
        }
        let files = |name: &str| {
            let entries = fs::read_dir(folder.path().join(name)).unwrap();
            entries.map(|entry| entry.unwrap().metadata().unwrap().len()).collect::<Vec<_>>()
        };
        assert_eq!((files("data"), files("log")), (vec![8_000; 3], vec![900; 3]));
        assert_eq!(fs::metadata(folder.path().join("open")).unwrap().len(), 8_900);
    }
}
