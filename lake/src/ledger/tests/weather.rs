//! A store through bad weather: every call to it is counted, may be held up, and may go wrong in a chosen way.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Mutex as StdMutex;

use async_trait::async_trait;
use futures::stream::{BoxStream, StreamExt};
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload,
    ObjectMeta, ObjectStoreExt, PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult,
    Result, UploadPart,
};
use tokio::sync::Notify;

use super::chance::Chance;
use super::*;

/// What happens to one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It fails and did nothing.
    Refused,
    /// It fails although it did what was asked.
    Unheard,
    /// It creates an object, and then says that there was one already.
    Exists,
    /// A read breaks off in the middle; a write fails.
    Short,
    /// Nothing can be written; reads go well.
    Full,
    /// It takes so long that others go first.
    Slow,
}

impl Fault {
    pub(super) const ALL: [Self; 6] =
        [Self::Refused, Self::Unheard, Self::Exists, Self::Short, Self::Full, Self::Slow];
}

/// From which call on, and for how many, a fault holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Storm {
    pub(super) from: usize,
    pub(super) calls: usize,
    pub(super) fault: Fault,
    /// Only calls with this in their name are struck.
    pub(super) only: &'static str,
}

#[derive(Debug, Default)]
struct Sky {
    made: usize,
    storm: Option<Storm>,
    /// How long calls take, where that is left to chance.
    delays: Option<Chance>,
    trace: Vec<String>,
    struck: BTreeSet<String>,
    /// A call whose name holds this text waits at the gate.
    gate: Option<&'static str>,
}

/// A store that is reached through the weather.
#[derive(Debug)]
pub(super) struct Weather {
    inner: Arc<dyn ObjectStore>,
    sky: Arc<StdMutex<Sky>>,
    /// A call came to the gate.
    pub(super) waiting: Notify,
    /// It may pass.
    pub(super) pass: Notify,
}

impl fmt::Display for Weather {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Weather")
    }
}

impl Weather {
    pub(super) fn over(inner: Arc<dyn ObjectStore>) -> Arc<Self> {
        let (waiting, pass) = (Notify::new(), Notify::new());
        Arc::new(Self { inner, sky: Arc::default(), waiting, pass })
    }

    /// The same store under the same sky, for what outlives a call.
    fn reach(&self) -> Self {
        let (waiting, pass) = (Notify::new(), Notify::new());
        Self { inner: Arc::clone(&self.inner), sky: Arc::clone(&self.sky), waiting, pass }
    }

    fn sky(&self) -> std::sync::MutexGuard<'_, Sky> {
        self.sky.lock().unwrap()
    }

    pub(super) fn made(&self) -> usize {
        self.sky().made
    }

    pub(super) fn storm(&self, storm: Option<Storm>) {
        self.sky().storm = storm;
    }

    /// From now on the calls of this store take as long as chance wants.
    pub(super) fn delay(&self, chance: Chance) {
        self.sky().delays = Some(chance);
    }

    /// The next call whose name holds `text` waits at the gate, once.
    pub(super) fn close_gate(&self, text: &'static str) {
        self.sky().gate = Some(text);
    }

    /// The calls so far, without what is random in names.
    pub(super) fn trace(&self) -> Vec<String> {
        self.sky().trace.clone()
    }

    /// The calls that a fault struck.
    pub(super) fn struck(&self) -> BTreeSet<String> {
        self.sky().struck.clone()
    }

    /// Counts a call, holds it up, and gives the fault that is to strike it.
    async fn call(&self, name: &str, location: &str) -> Option<Fault> {
        let call = format!("{name} {}", without_random(location));
        let (fault, turns, gate) = {
            let mut sky = self.sky();
            let number = sky.made;
            sky.made += 1;
            sky.trace.push(call.clone());
            let strikes = |storm: &Storm| {
                (storm.from..storm.from.saturating_add(storm.calls)).contains(&number)
                    && call.contains(storm.only)
            };
            let fault = sky.storm.filter(strikes).map(|storm| storm.fault);
            if let Some(fault) = fault {
                sky.struck.insert(format!("{fault:?} {name}"));
            }
            let turns = sky.delays.as_mut().map_or(0, |chance| chance.below(4));
            let gate = sky.gate.take_if(|text| call.contains(*text)).is_some();
            (fault, turns, gate)
        };
        if gate {
            self.waiting.notify_one();
            self.pass.notified().await;
        }
        let turns = if fault == Some(Fault::Slow) { 50 } else { turns };
        for _ in 0..turns {
            tokio::task::yield_now().await;
        }
        fault
    }

    /// A write: what it would do, and what is said of it.
    async fn write<T>(
        &self,
        name: &str,
        location: &Path,
        creates: bool,
        done: impl Future<Output = Result<T>> + Send,
    ) -> Result<T> {
        match self.call(name, location.as_ref()).await {
            None | Some(Fault::Slow) => done.await,
            Some(Fault::Refused | Fault::Short) => Err(broken("refused")),
            Some(Fault::Full) => Err(broken("no space left on device")),
            Some(Fault::Exists) if creates => {
                done.await?;
                Err(Error::AlreadyExists { path: location.to_string(), source: "ours".into() })
            }
            Some(Fault::Unheard | Fault::Exists) => {
                done.await?;
                Err(broken("timed out"))
            }
        }
    }

    async fn read(&self, name: &str, location: &str) -> Result<bool> {
        match self.call(name, location).await {
            None | Some(Fault::Slow | Fault::Full | Fault::Exists) => Ok(true),
            Some(Fault::Short) => Ok(false),
            Some(Fault::Refused | Fault::Unheard) => Err(broken("refused")),
        }
    }
}

fn broken(reason: &'static str) -> Error {
    Error::Generic { store: "Weather", source: reason.into() }
}

/// A name with the 32 random hex digits of an attempt left out.
fn without_random(location: &str) -> String {
    let random = |part: &str| part.len() == 32 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let parts = location.split_inclusive(|c: char| !c.is_ascii_alphanumeric());
    let kept = parts.map(|part| {
        let word = part.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        if random(word) { &part[word.len()..] } else { part }
    });
    kept.collect()
}

#[async_trait]
impl ObjectStore for Weather {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        let creates = options.mode == PutMode::Create;
        let put = self.inner.put_opts(location, payload, options);
        self.write("put", location, creates, put).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let begun = self.inner.put_multipart_opts(location, options);
        let inner = self.write("begin parts", location, false, begun).await?;
        let weather = self.reach();
        Ok(Box::new(Parts { weather, location: location.clone(), inner }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let name = if options.head { "head" } else { "get" };
        let whole = self.read(name, location.as_ref()).await?;
        let got = self.inner.get_opts(location, options).await?;
        if whole || name == "head" {
            return Ok(got);
        }
        let (meta, range, attributes) =
            (got.meta.clone(), got.range.clone(), got.attributes.clone());
        let bytes = got.bytes().await?;
        let half = bytes.slice(..bytes.len() / 2);
        let parts = [Ok(half), Err(broken("connection reset"))];
        let payload = GetResultPayload::Stream(futures::stream::iter(parts).boxed());
        Ok(GetResult { payload, meta, range, attributes })
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        let weather = self.reach();
        let weather = Arc::new(weather);
        let deleted = locations.then(move |location| {
            let weather = Arc::clone(&weather);
            async move {
                let location = location?;
                let deleted = weather.inner.delete(&location);
                weather.write("delete", &location, false, deleted).await?;
                Ok(location)
            }
        });
        deleted.boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.listed(prefix, self.inner.list(prefix))
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        self.listed(prefix, self.inner.list_with_offset(prefix, offset))
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        if !self.read("list", prefix.map_or("", |prefix| prefix.as_ref())).await? {
            return Err(broken("cut short"));
        }
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

impl Weather {
    fn listed(
        &self,
        prefix: Option<&Path>,
        listed: BoxStream<'static, Result<ObjectMeta>>,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        let weather = self.reach();
        let prefix = prefix.map_or(String::new(), ToString::to_string);
        let begun = async move {
            match weather.read("list", &prefix).await {
                Ok(true) => listed,
                // A listing that breaks off says so.
                Ok(false) => {
                    let broken = futures::stream::iter([Err(broken("cut short"))]);
                    listed.take(1).chain(broken).boxed()
                }
                Err(error) => futures::stream::iter([Err(error)]).boxed(),
            }
        };
        futures::stream::once(begun).flatten().boxed()
    }
}

#[derive(Debug)]
struct Parts {
    weather: Weather,
    location: Path,
    inner: Box<dyn MultipartUpload>,
}

#[async_trait]
impl MultipartUpload for Parts {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        self.inner.put_part(data)
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let completed = self.inner.complete();
        self.weather.write("complete parts", &self.location, false, completed).await
    }

    async fn abort(&mut self) -> Result<()> {
        self.inner.abort().await
    }
}
