//! *Unknown outcome*, over a store that fails where it hurts.

use std::fmt;
use std::sync::Mutex as StdMutex;

use async_trait::async_trait;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

use super::*;

/// What happens to one put of a log entry.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    /// It fails and nothing was written.
    Before,
    /// It fails although it was written.
    After,
    /// It is written, and then said to exist already.
    Exists,
}

/// A store in memory that takes its next faults from a list.
#[derive(Debug)]
struct Faulty {
    inner: InMemory,
    faults: StdMutex<Vec<Fault>>,
}

impl fmt::Display for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Faulty")
    }
}

fn broken() -> object_store::Error {
    object_store::Error::Generic { store: "Faulty", source: "timed out".into() }
}

#[async_trait]
impl ObjectStore for Faulty {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        let entry = location.as_ref().contains("_delta_log");
        let fault = if entry { self.faults.lock().unwrap().pop() } else { None };
        match fault {
            None => self.inner.put_opts(location, payload, options).await,
            Some(Fault::Before) => Err(broken()),
            Some(fault) => {
                self.inner.put_opts(location, payload, options).await?;
                let path = location.to_string();
                Err(if fault == Fault::After {
                    broken()
                } else {
                    object_store::Error::AlreadyExists { path, source: "ours".into() }
                })
            }
        }
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.inner.get_opts(location, options).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_outcomes_are_found_out() {
    for faults in [
        vec![Fault::After],
        vec![Fault::Exists],
        vec![Fault::Before, Fault::Before],
        vec![Fault::After, Fault::Before],
    ] {
        let faulty = Arc::new(Faulty { inner: InMemory::new(), faults: StdMutex::default() });
        let store: Arc<dyn ObjectStore> = Arc::<Faulty>::clone(&faulty);
        let ledger = open(&store).await;
        faulty.faults.lock().unwrap().extend(&faults);
        recorded(ledger.append(vec![submission("a", "1", 2)]).await.unwrap());
        recorded(ledger.append(vec![submission("a", "2", 2)]).await.unwrap());
        assert_eq!(count(&open(&store).await, OBSERVATION).await, 4, "{faults:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_may_exist_comes_before_all_others() {
    let faulty = Arc::new(Faulty { inner: InMemory::new(), faults: StdMutex::default() });
    let store: Arc<dyn ObjectStore> = Arc::<Faulty>::clone(&faulty);
    let ledger = open(&store).await;
    faulty.faults.lock().unwrap().extend([Fault::Before; 5]);
    let error = ledger.append(vec![submission("a", "1", 2)]).await.unwrap_err();
    assert!(matches!(error, LedgerError::Delta(DeltaError::Unknown { version: 1, .. })), "{error}");
    recorded(ledger.append(vec![submission("a", "2", 3)]).await.unwrap());
    let outcomes = ledger.append(vec![submission("a", "1", 2)]).await.unwrap();
    assert!(
        matches!(&outcomes[0], Outcome::Repeated(answer) if answer.position == 1),
        "{outcomes:?}"
    );
    assert_eq!(count(&open(&store).await, OBSERVATION).await, 5);
}
