//! Keeps the processors from falling asleep while something is measured.
//!
//! An idle virtual processor takes milliseconds to come back when the disk has finished. Threads that look up every fifth
//! of a millisecond prevent that and take almost no time of their own.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

/// How often each thread looks up.
const EVERY: Duration = Duration::from_micros(200);

/// Processors are kept awake until this is dropped.
#[derive(Debug)]
pub(super) struct Awake {
    threads: Vec<(Sender<()>, JoinHandle<()>)>,
}

impl Awake {
    /// Starts one thread for each processor.
    ///
    /// # Errors
    /// When the system gives no threads.
    pub(super) fn start() -> std::io::Result<Self> {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let thread = |_| {
            // Nothing is ever sent: the wait ends when the other end is dropped.
            let (end, ended) = channel::<()>();
            let look_up =
                move || while ended.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {};
            Ok((end, Builder::new().name("awake".to_owned()).spawn(look_up)?))
        };
        Ok(Self { threads: (0..processors).map(thread).collect::<std::io::Result<_>>()? })
    }
}

impl Drop for Awake {
    fn drop(&mut self) {
        for (end, thread) in self.threads.drain(..) {
            drop(end);
            // A thread that only waits does not panic.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_threads_end_with_it() {
        let awake = Awake::start().unwrap();
        assert!(!awake.threads.is_empty());
        drop(awake);
    }
}
