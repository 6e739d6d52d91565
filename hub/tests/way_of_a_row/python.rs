//! Programs in Python that tests need: engines that are not ours, and a server that speaks S3.
//!
//! They come from PyPI into a virtual environment in the target folder, made once for each version of a list of
//! requirements. It takes python3 with its `venv` module, and the network the first time.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest as _, Sha256};

/// The Python that has what a list requires.
pub(crate) async fn python(requirements: &'static str) -> PathBuf {
    tokio::task::spawn_blocking(move || made(Path::new(requirements))).await.unwrap()
}

/// Makes it when it is not there, and again when its making was broken off.
fn made(requirements: &Path) -> PathBuf {
    let digest = Sha256::digest(fs::read(requirements).unwrap());
    let digest: String = digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    let target =
        Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("the target folder holds it");
    let (folder, lock) =
        (target.join(format!("python-{digest}")), target.join(format!("python-{digest}.lock")));
    let (python, complete) = (folder.join("bin/python"), folder.join("complete"));
    // Another run of the tests may be making the same.
    let lock = File::create(lock).unwrap();
    lock.lock().unwrap();
    if !complete.exists() {
        let _ = fs::remove_dir_all(&folder);
        let needed = "tests need python3 with its venv module (on Debian: python3-venv)";
        done(Command::new("python3").args(["-m", "venv"]).arg(&folder), needed);
        let mut install = Command::new(&python);
        install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"]);
        let why = format!("what `{}` requires comes from PyPI", requirements.display());
        done(install.arg(requirements), &why);
        File::create(complete).unwrap();
    }
    python
}

fn done(command: &mut Command, why: &str) {
    let output = command.output().unwrap_or_else(|error| panic!("{why}: {error}"));
    assert!(output.status.success(), "{why}: {}", String::from_utf8_lossy(&output.stderr));
}
