//! What figures were measured on: without it they say nothing.

use std::fs;
use std::path::Path;

/// The machine and the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Machine {
    /// Processors that this process may use.
    pub(super) cores: usize,
    /// What the processor calls itself.
    pub(super) processor: String,
    /// The kernel's release.
    pub(super) kernel: String,
    /// The type of the folder's file system, and what it is on.
    pub(super) file_system: String,
}

impl Machine {
    /// Looks at the machine, and at the disk of a folder.
    #[must_use]
    pub(super) fn of(folder: &Path) -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let folder = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_path_buf());
        let unknown = || "unknown".to_owned();
        Self {
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            processor: processor(&read("/proc/cpuinfo")).unwrap_or_else(unknown),
            kernel: Some(read("/proc/sys/kernel/osrelease").trim().to_owned())
                .filter(|text| !text.is_empty())
                .unwrap_or_else(unknown),
            file_system: file_system(&read("/proc/self/mounts"), &folder).unwrap_or_else(unknown),
        }
    }
}

fn processor(cpuinfo: &str) -> Option<String> {
    let line = cpuinfo.lines().find(|line| line.starts_with("model name"))?;
    line.split_once(':').map(|(_, name)| name.trim().to_owned())
}

/// The last mount whose point is the folder or one above it, and the nearest of these.
fn file_system(mounts: &str, folder: &Path) -> Option<String> {
    let mut nearest: Option<(usize, String)> = None;
    for line in mounts.lines() {
        let mut fields = line.split(' ');
        let (Some(source), Some(point), Some(kind)) = (fields.next(), fields.next(), fields.next())
        else {
            continue;
        };
        // A space in a name is written `\040`.
        let point = point.replace("\\040", " ");
        let depth = Path::new(&point).components().count();
        if folder.starts_with(&point) && nearest.as_ref().is_none_or(|(known, _)| *known <= depth) {
            nearest = Some((depth, format!("{kind} on {source}")));
        }
    }
    nearest.map(|(_, found)| found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_mount_names_the_file_system() {
        let mounts = "/dev/vda / ext4 rw 0 0\nproc /proc proc rw 0 0\ntmpfs /tmp tmpfs rw 0 0\n\
                      /dev/vdb /srv/my\\040disk xfs rw 0 0\n";
        let of = |folder| file_system(mounts, Path::new(folder)).unwrap();
        assert_eq!(of("/var/lib"), "ext4 on /dev/vda");
        assert_eq!(of("/tmp/x"), "tmpfs on tmpfs");
        assert_eq!(of("/tmpx"), "ext4 on /dev/vda");
        assert_eq!(of("/srv/my disk/lake"), "xfs on /dev/vdb");
        assert_eq!(file_system("", Path::new("/")), None);
    }

    #[test]
    fn the_processor_is_named() {
        assert_eq!(processor("processor\t: 0\nmodel name\t: Some CPU\n").unwrap(), "Some CPU");
        assert_eq!(processor(""), None);
    }
}
