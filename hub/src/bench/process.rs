//! What Linux says of a process: the processor time that it took and the memory that it held.

use std::time::Duration;

/// Clock ticks of `/proc/<pid>/stat`: fixed at 100 a second for programs, whatever the kernel's own clock does.
const TICK: Duration = Duration::from_millis(10);

/// Processor time of all threads of a process, user and system; none where there is no `/proc`.
#[must_use]
pub(super) fn cpu(process: u32) -> Option<Duration> {
    cpu_of(&std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?)
}

/// The most memory that a process held, in bytes; none where there is no `/proc`.
#[must_use]
pub(super) fn memory_peak_bytes(process: u32) -> Option<u64> {
    memory_of(&std::fs::read_to_string(format!("/proc/{process}/status")).ok()?)
}

/// The processor time that went by between two looks; none where one of them saw nothing.
#[must_use]
pub(super) fn spent(before: Option<Duration>, after: Option<Duration>) -> Option<Duration> {
    Some(after?.saturating_sub(before?))
}

fn cpu_of(stat: &str) -> Option<Duration> {
    // The second field is the name in parentheses, which may hold anything; the third follows its last `)`.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |field: usize| fields.get(field - 3)?.parse::<u32>().ok();
    Some(TICK * (ticks(14)? + ticks(15)?))
}

fn memory_of(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_are_the_right_ones() {
        let stat = "7 (dinh) (x) S 1 7 7 0 -1 4194560 6043 0 0 0 123 45 0 0 20 0 5 0 99 1000 200 18446744073709551615";
        assert_eq!(cpu_of(stat), Some(Duration::from_millis(1_680)));
        assert_eq!(memory_of("Name:\tdinh\nVmHWM:\t    2048 kB\nVmRSS:\t 1 kB\n"), Some(2 << 20));
        assert_eq!((cpu_of(""), memory_of("")), (None, None));
    }

    #[test]
    fn this_process_is_known() {
        assert!(memory_peak_bytes(std::process::id()).is_some_and(|bytes| bytes > 1 << 20));
        assert!(cpu(std::process::id()).is_some());
    }
}
