//! A file on its way into the store, part by part, for a writer on a blocking thread.

use std::io::{self, Write};

use bytes::Bytes;
use object_store::{MultipartUpload, PutPayload};
use tokio::runtime::Handle;

/// Bytes of one part; cloud stores want 5 MiB at least.
const PART_BYTES: usize = 8 << 20;

/// An upload that takes bytes and sends parts. Nothing can be seen of it before it is complete.
pub(crate) struct Upload {
    runtime: Handle,
    upload: Box<dyn MultipartUpload>,
    buffer: Vec<u8>,
    bytes: usize,
}

impl Upload {
    pub(crate) fn new(runtime: &Handle, upload: Box<dyn MultipartUpload>) -> Self {
        Self { runtime: runtime.clone(), upload, buffer: Vec::new(), bytes: 0 }
    }

    /// Bytes that wait in memory.
    pub(crate) fn held(&self) -> usize {
        self.buffer.capacity()
    }

    /// Sends what waits and makes the file durable; gives its size.
    pub(crate) async fn complete(mut self) -> object_store::Result<usize> {
        if !self.buffer.is_empty() {
            self.upload.put_part(part(&mut self.buffer)).await?;
        }
        self.upload.complete().await?;
        Ok(self.bytes)
    }

    /// Gives the file up. What the store keeps of it all the same is for its own rules to clear.
    pub(crate) async fn abandon(&mut self) {
        let _ = self.upload.abort().await;
    }
}

impl Write for Upload {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        self.bytes += bytes.len();
        if self.buffer.len() >= PART_BYTES {
            let part = part(&mut self.buffer);
            self.runtime.block_on(self.upload.put_part(part)).map_err(io::Error::other)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn part(buffer: &mut Vec<u8>) -> PutPayload {
    PutPayload::from(Bytes::from(std::mem::take(buffer)))
}
