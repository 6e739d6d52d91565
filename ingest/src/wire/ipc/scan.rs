//! Measures an Arrow IPC stream without decoding it, so that what is decoded afterwards is whole and bounded.
//!
//! The reader of the arrow crate trusts what a message says of itself in three ways that a hostile message can use: it
//! slices the body by the offsets it is told, it allocates the lengths it is told, and it inflates LZ4 bodies to whatever
//! they hold. So every offset and length is checked here first, and the inflated size is bounded without inflating.
//!
//! A stream must end with its end-of-stream mark: one that was cut between two messages would look whole without it.

use arrow::ipc::convert::fb_to_schema;
use arrow::ipc::{self, CompressionType, MessageHeader, root_as_message};

use super::{broken, check};
use crate::error::IngestError;
use crate::limits::Limits;

const CONTINUATION: [u8; 4] = [0xff; 4];

/// Walks over all messages of a stream.
///
/// # Errors
/// When it is broken, too large, or has a column that it may not have.
pub(super) fn scan(mut bytes: &[u8], limits: &Limits) -> Result<(), IngestError> {
    let mut seen = Seen { rows: 0, decoded_bytes: 0, has_schema: false, limits };
    loop {
        let mut length = take(&mut bytes, 4)?;
        if length == CONTINUATION {
            length = take(&mut bytes, 4)?;
        }
        let length = u32::from_le_bytes([length[0], length[1], length[2], length[3]]) as usize;
        if length == 0 {
            break;
        }
        let message = root_as_message(take(&mut bytes, length)?).map_err(broken)?;
        let body = usize::try_from(message.bodyLength())
            .map_err(|_| broken("a body has a negative length"))?;
        seen.message(message, take(&mut bytes, body)?)?;
    }
    match (seen.has_schema, bytes.is_empty()) {
        (true, true) => Ok(()),
        (false, _) => Err(broken("it has no schema")),
        (_, false) => Err(broken("there are bytes after its end")),
    }
}

/// More is held than the limits allow.
pub(super) fn too_large() -> IngestError {
    IngestError::payload(
        "the Arrow IPC stream unfolds to more than the hub takes: send it in several submissions",
        "luồng Arrow IPC sau khi giải nén lớn hơn mức hệ thống nhận: hãy chia thành nhiều lần gửi",
    )
}

fn too_many_rows(rows_max: usize) -> IngestError {
    IngestError::payload(
        format!("there are too many rows: send at most {rows_max} in one submission"),
        format!("quá nhiều dòng: hãy gửi tối đa {rows_max} dòng trong một lần"),
    )
}

fn take<'a>(bytes: &mut &'a [u8], length: usize) -> Result<&'a [u8], IngestError> {
    let split = bytes.split_at_checked(length);
    let (taken, rest) = split.ok_or_else(|| broken("it ends before its end mark"))?;
    *bytes = rest;
    Ok(taken)
}

struct Seen<'a> {
    rows: usize,
    decoded_bytes: usize,
    has_schema: bool,
    limits: &'a Limits,
}

impl Seen<'_> {
    fn message(&mut self, message: ipc::Message<'_>, body: &[u8]) -> Result<(), IngestError> {
        match message.header_type() {
            MessageHeader::Schema => {
                let schema = message.header_as_schema();
                let schema = schema.ok_or_else(|| broken("its schema is missing"))?;
                if std::mem::replace(&mut self.has_schema, true) {
                    return Err(broken("it has two schemas"));
                }
                if schema.endianness() != ipc::Endianness::Little {
                    return Err(broken("it is big-endian"));
                }
                check(&fb_to_schema(schema))
            }
            _ if !self.has_schema => Err(broken("it does not begin with a schema")),
            MessageHeader::DictionaryBatch => {
                let batch = message.header_as_dictionary_batch().and_then(|batch| batch.data());
                self.batch(batch.ok_or_else(|| broken("a dictionary is missing"))?, body)
            }
            MessageHeader::RecordBatch => {
                let batch = message.header_as_record_batch();
                let batch = batch.ok_or_else(|| broken("a batch is missing"))?;
                let rows = usize::try_from(batch.length()).unwrap_or(usize::MAX);
                self.rows = self.rows.saturating_add(rows);
                if self.rows > self.limits.rows_max {
                    return Err(too_many_rows(self.limits.rows_max));
                }
                self.batch(batch, body)
            }
            _ => Err(broken("it has a message that is neither schema, dictionary nor batch")),
        }
    }

    fn batch(&mut self, batch: ipc::RecordBatch<'_>, body: &[u8]) -> Result<(), IngestError> {
        let buffers = batch.buffers().ok_or_else(|| broken("a batch has no buffers"))?;
        let nodes = batch.nodes().ok_or_else(|| broken("a batch has no nodes"))?;
        // A dictionary may have more words than there are rows, but not more than there are bytes.
        let length_max = self.limits.rows_max.max(self.limits.decoded_bytes_max);
        for node in nodes {
            let in_range = usize::try_from(node.length()).is_ok_and(|length| length <= length_max);
            if !in_range || !(0..=node.length()).contains(&node.null_count()) {
                return Err(broken("a column has an impossible length"));
            }
        }
        for count in batch.variadicBufferCounts().into_iter().flatten() {
            if usize::try_from(count).map_or(true, |count| count > buffers.len()) {
                return Err(broken("a column has an impossible number of buffers"));
            }
        }
        let codec = batch.compression().map(|compression| compression.codec());
        for buffer in buffers {
            let bytes = slice(body, buffer.offset(), buffer.length());
            let bytes = bytes.ok_or_else(|| broken("a buffer reaches beyond its body"))?;
            self.decoded_bytes = self.decoded_bytes.saturating_add(decoded_bytes(bytes, codec)?);
            if self.decoded_bytes > self.limits.decoded_bytes_max {
                return Err(too_large());
            }
        }
        Ok(())
    }
}

fn slice(body: &[u8], offset: i64, length: i64) -> Option<&[u8]> {
    let start = usize::try_from(offset).ok()?;
    body.get(start..start.checked_add(usize::try_from(length).ok()?)?)
}

/// How many bytes a buffer takes once it is inflated, at most.
fn decoded_bytes(buffer: &[u8], codec: Option<CompressionType>) -> Result<usize, IngestError> {
    let Some(codec) = codec.filter(|_| !buffer.is_empty()) else { return Ok(buffer.len()) };
    let split = buffer.split_first_chunk::<8>();
    let (length, compressed) = split.ok_or_else(|| broken("a compressed buffer is too short"))?;
    let length = i64::from_le_bytes(*length);
    if length == -1 {
        return Ok(compressed.len());
    }
    let declared = usize::try_from(length).map_err(|_| broken("a buffer has a negative length"))?;
    // The ZSTD reader stops at the declared length, the LZ4 reader does not.
    match codec {
        CompressionType::LZ4_FRAME if declared > 0 => Ok(declared.max(lz4_bytes_max(compressed)?)),
        _ => Ok(declared),
    }
}

/// How much an LZ4 frame can inflate to, at most: the sum over its blocks, whose sizes stand before them
/// (LZ4 Frame Format Description, "General Structure of LZ4 Frame format").
fn lz4_bytes_max(frame: &[u8]) -> Result<usize, IngestError> {
    // One byte of a block stands for 255 bytes at most.
    const RATIO_MAX: usize = 255;
    let cut = || broken("an LZ4 frame is cut");
    let (flags, descriptor) = frame.get(4).zip(frame.get(5)).ok_or_else(cut)?;
    let block_max: usize = match (descriptor >> 4) & 7 {
        4 => 64 << 10,
        5 => 256 << 10,
        6 => 1 << 20,
        7 => 4 << 20,
        _ => return Err(broken("an LZ4 frame has an unknown block size")),
    };
    let present = |bit: u8, bytes: usize| if flags & bit == 0 { 0 } else { bytes };
    let (content_size, dictionary, block_checksum) =
        (present(0x08, 8), present(0x01, 4), present(0x10, 4));
    let mut blocks = frame.get(7 + content_size + dictionary..).ok_or_else(cut)?;
    let mut total = 0_usize;
    loop {
        let (size, rest) = blocks.split_first_chunk::<4>().ok_or_else(cut)?;
        // The highest bit says that the block is stored as it is.
        let size = (u32::from_le_bytes(*size) & 0x7fff_ffff) as usize;
        if size == 0 {
            return Ok(total);
        }
        total = total.saturating_add(block_max.min(size.saturating_mul(RATIO_MAX)));
        blocks = rest.get(size + block_checksum..).ok_or_else(cut)?;
    }
}
