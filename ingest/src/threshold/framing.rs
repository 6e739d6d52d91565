//! Where in the messages of a call its bytes have come to: each message has a flag, its length in four bytes, then itself.

/// Flag and length.
const HEADER_BYTES: usize = 5;

/// The place after all bytes so far.
#[derive(Debug, Default)]
pub(super) struct Framing {
    header: [u8; HEADER_BYTES],
    header_bytes: usize,
    /// Bytes of the present message that have not come.
    left: usize,
}

impl Framing {
    /// Goes over some bytes; gives the length of the message that they end in, if its header is among them and all of it
    /// is not.
    pub(super) fn advance(&mut self, mut bytes: &[u8]) -> Option<usize> {
        let mut announced = None;
        while !bytes.is_empty() {
            if self.left > 0 {
                let taken = self.left.min(bytes.len());
                self.left -= taken;
                bytes = &bytes[taken..];
                if self.left == 0 {
                    announced = None;
                }
                continue;
            }
            let taken = (HEADER_BYTES - self.header_bytes).min(bytes.len());
            let (part, rest) = bytes.split_at(taken);
            self.header[self.header_bytes..][..taken].copy_from_slice(part);
            self.header_bytes += taken;
            bytes = rest;
            if self.header_bytes == HEADER_BYTES {
                let [_, a, b, c, d] = self.header;
                self.left = u32::from_be_bytes([a, b, c, d]) as usize;
                self.header_bytes = 0;
                announced = Some(self.left).filter(|length| *length > 0);
            }
        }
        announced
    }

    /// Whether all messages that began have come whole.
    pub(super) fn is_between(&self) -> bool {
        self.left == 0 && self.header_bytes == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(length: u8) -> Vec<u8> {
        let mut bytes = vec![0, 0, 0, 0, length];
        bytes.extend(vec![9; usize::from(length)]);
        bytes
    }

    #[test]
    fn messages_are_told_apart_however_they_are_cut() {
        let bytes = [message(3), message(0), message(200)].concat();
        for size in 1..=bytes.len() {
            let mut framing = Framing::default();
            let announced: Vec<_> =
                bytes.chunks(size).filter_map(|chunk| framing.advance(chunk)).collect();
            assert!(framing.is_between(), "{size}");
            // A message that comes whole in one piece is not announced.
            let whole = size == bytes.len();
            assert_eq!(announced.contains(&200), !whole, "{size}: {announced:?}");
        }
        let mut framing = Framing::default();
        assert_eq!(framing.advance(&[message(3), message(200)].concat()[..20]), Some(200));
        assert!(!framing.is_between());
    }
}
