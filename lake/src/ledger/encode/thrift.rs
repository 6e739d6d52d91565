//! Thrift's compact protocol, as far as Parquet's headers and footers need it.

/// The type of a field or of the elements of a list.
#[derive(Clone, Copy, Debug)]
pub(super) enum Type {
    True = 1,
    Int = 5,
    Long = 6,
    Bytes = 8,
    List = 9,
    Struct = 12,
}

/// A struct that is being written; its fields come in order of their numbers.
pub(super) struct Fields<'a> {
    out: &'a mut Vec<u8>,
    last: u8,
}

impl<'a> Fields<'a> {
    pub(super) fn begin(out: &'a mut Vec<u8>) -> Self {
        Self { out, last: 0 }
    }

    pub(super) fn end(self) {
        self.out.push(0);
    }

    /// A whole number of 32 bits, or a value of an enumeration.
    pub(super) fn int(&mut self, field: u8, value: i32) {
        self.head(field, Type::Int);
        zigzag(self.out, i64::from(value));
    }

    pub(super) fn long(&mut self, field: u8, value: i64) {
        self.head(field, Type::Long);
        zigzag(self.out, value);
    }

    pub(super) fn bytes(&mut self, field: u8, value: &[u8]) {
        self.head(field, Type::Bytes);
        bytes(self.out, value);
    }

    pub(super) fn truth(&mut self, field: u8) {
        self.head(field, Type::True);
    }

    /// Begins a list, whose elements are to be written behind it.
    pub(super) fn list(&mut self, field: u8, element: Type, len: usize) -> &mut Vec<u8> {
        self.head(field, Type::List);
        match len {
            0..15 => self.out.push((len as u8) << 4 | element as u8),
            _ => {
                self.out.push(0xf0 | element as u8);
                varint(self.out, len as u64);
            }
        }
        self.out
    }

    /// Begins a struct within this one.
    pub(super) fn within(&mut self, field: u8) -> Fields<'_> {
        self.head(field, Type::Struct);
        Fields::begin(self.out)
    }

    fn head(&mut self, field: u8, kind: Type) {
        debug_assert!(field > self.last && field - self.last < 16, "fields come in order");
        self.out.push((field - self.last) << 4 | kind as u8);
        self.last = field;
    }
}

/// An element of a list of texts.
pub(super) fn bytes(out: &mut Vec<u8>, value: &[u8]) {
    varint(out, value.len() as u64);
    out.extend_from_slice(value);
}

/// An element of a list of numbers.
pub(super) fn zigzag(out: &mut Vec<u8>, value: i64) {
    varint(out, ((value << 1) ^ (value >> 63)).cast_unsigned());
}

/// Seven bits a byte, the lowest first.
pub(super) fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
