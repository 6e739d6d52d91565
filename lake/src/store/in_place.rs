//! Tasks that may wait for the disk where they are.
//!
//! A task must not keep its thread waiting, so what it asks of the disk goes to another thread, and the answer comes back:
//! two changes of threads, each of which takes about as long as a small sync. One task whose runtime has a thread to spare
//! for it need not do that.

use std::cell::Cell;
use std::future::{Future, poll_fn};

thread_local! {
    static IN_PLACE: Cell<bool> = const { Cell::new(false) };
}

/// The same future, which waits for the disk where it is, as long as what it writes is small. For one task of a runtime,
/// which needs a thread more for it.
pub fn waiting<F: Future>(future: F) -> impl Future<Output = F::Output> {
    let mut future = Box::pin(future);
    poll_fn(move |context| {
        let before = IN_PLACE.replace(true);
        let polled = future.as_mut().poll(context);
        IN_PLACE.set(before);
        polled
    })
}

/// Whether this thread may wait now.
pub(super) fn is_so() -> bool {
    IN_PLACE.get()
}
