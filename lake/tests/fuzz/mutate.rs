//! Inputs out of other inputs: cut, spliced, repeated, and wrong in the places that decoders trust.
//!
//! Whatever the shape, bytes are flipped, lengths lie and parts of other inputs are pasted in. Text is also taken apart at
//! its separators and Protobuf at its fields, since a random byte rarely gets past the first bracket or the first length.

/// Random numbers, the same again for the same seed (SplitMix64).
#[derive(Debug)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    /// Any number.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below a bound, 0 where there is none.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound.max(1)).expect("a length fits");
        usize::try_from(self.next() % bound).expect("less than a length")
    }

    /// One of several.
    fn one_of<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}

/// What inputs are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(dead_code, reason = "not every crate that is fuzzed has decoders of every shape")]
pub(crate) enum Shape {
    /// Anything.
    Bytes,
    /// Lines, fields, words.
    Text,
    /// A Protobuf message.
    Protobuf,
}

/// Longer inputs are cut: what breaks a decoder breaks it in little space.
const BYTES_MAX: usize = 64 << 10;
/// How often one part is repeated at most.
const REPEATS_MAX: usize = 300;
/// Numbers at which lengths, signs and widths turn over.
const TURNS: [u64; 18] = [
    0,
    1,
    2,
    7,
    8,
    0x7f,
    0x80,
    0xff,
    0x100,
    0x7fff,
    0x8000,
    0xffff,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0x1_0000_0000,
    0x7fff_ffff_ffff_ffff,
    0xffff_ffff_ffff_ffff,
];
const SEPARATORS: &[u8] = b"\n,;\t\" .:-/?&={}[]()'";

/// An input made of one of a corpus, by one change or a few.
pub(crate) fn mutate(
    random: &mut Random,
    corpus: &[Vec<u8>],
    shape: Shape,
    words: &[&str],
) -> Vec<u8> {
    let mut input = random.one_of(corpus).clone();
    for _ in 0..=random.below(5) {
        let other = random.one_of(corpus);
        input = match shape {
            Shape::Text if random.below(4) > 0 => text(random, &input, other, words),
            Shape::Protobuf if random.below(4) > 0 => message(random, &input, other, 0),
            _ => bytes(random, input, other),
        };
        input.truncate(BYTES_MAX);
    }
    input
}

/// One change of bytes as such.
fn bytes(random: &mut Random, mut input: Vec<u8>, other: &[u8]) -> Vec<u8> {
    let at = random.below(input.len());
    let to = at + random.below(input.len() - at + 1);
    match random.below(9) {
        0 if !input.is_empty() => input[at] ^= 1 << random.below(8),
        1 if !input.is_empty() => input[at] = random.one_of(&TURNS).to_le_bytes()[0],
        2 => input.truncate(at),
        3 => drop(input.drain(at..to)),
        4 => {
            let part = input[at..to.min(at + 64)].to_vec();
            let many = part.repeat(1 + random.below(REPEATS_MAX));
            input.splice(at..at, many);
        }
        5 => {
            let from = random.below(other.len());
            let end = from + random.below(other.len() - from + 1);
            input.splice(at..to, other[from..end].iter().copied());
        }
        6 => drop(input.splice(at..at, random.next().to_le_bytes().into_iter().take(4))),
        // A length that lies: of any width, often where a word of four bytes stands.
        _ => {
            let width = *random.one_of(&[1, 2, 4, 4, 4, 8]);
            let aligned = at / width * width;
            let mut lie = random.one_of(&TURNS).to_le_bytes();
            if random.below(4) == 0 {
                lie.reverse();
            }
            let end = input.len().min(aligned + width);
            let lie = &lie[..end.saturating_sub(aligned)];
            input[aligned.min(end)..end].copy_from_slice(lie);
        }
    }
    input
}

/// One change of a text between its separators.
fn text(random: &mut Random, input: &[u8], other: &[u8], words: &[&str]) -> Vec<u8> {
    let separator = *random.one_of(SEPARATORS);
    let mut parts: Vec<&[u8]> = input.split(|byte| *byte == separator).collect();
    let others: Vec<&[u8]> = other.split(|byte| *byte == separator).collect();
    let (at, to) = (random.below(parts.len()), random.below(parts.len()));
    let word = if words.is_empty() { "" } else { *random.one_of(words) };
    let grown;
    match random.below(7) {
        0 => {
            parts.remove(at);
        }
        1 => parts.swap(at, to),
        2 => parts.insert(at, *random.one_of(&others)),
        3 => parts[at] = *random.one_of(&others),
        4 => {
            let part = parts[at];
            parts.splice(at..at, std::iter::repeat_n(part, random.below(REPEATS_MAX)));
        }
        5 => parts[at] = word.as_bytes(),
        _ => {
            let place = random.below(parts[at].len() + 1);
            let (before, after) = parts[at].split_at(place);
            grown = [before, word.as_bytes(), after].concat();
            parts[at] = &grown;
        }
    }
    parts.join(&separator)
}

/// One field of a Protobuf message: its key, and its value as it stands.
#[derive(Clone, Debug)]
struct Field {
    key: u64,
    value: Vec<u8>,
}

/// One change of a Protobuf message, down to some depth within it.
fn message(random: &mut Random, input: &[u8], other: &[u8], depth: usize) -> Vec<u8> {
    let (Some(mut fields), Some(others)) = (fields(input), fields(other)) else {
        return bytes(random, input.to_vec(), other);
    };
    if fields.is_empty() {
        return bytes(random, input.to_vec(), other);
    }
    let (at, to) = (random.below(fields.len()), random.below(fields.len()));
    match random.below(10) {
        0 => drop(fields.remove(at)),
        1 => fields.swap(at, to),
        2 => {
            let field = fields[at].clone();
            fields.splice(at..at, std::iter::repeat_n(field, random.below(REPEATS_MAX)));
        }
        3 if !others.is_empty() => fields.insert(at, random.one_of(&others).clone()),
        4 => fields[at].key = random.next() >> random.below(64),
        5 => fields[at].value = varint(*random.one_of(&TURNS)),
        6 => {
            // The length lies.
            let mut value = varint(*random.one_of(&TURNS));
            value.extend(content(&fields[at]).unwrap_or_default());
            fields[at].value = value;
        }
        _ => {
            let field = &fields[at];
            let Some(within) = content(field) else {
                return bytes(random, input.to_vec(), other);
            };
            let pasted = others.iter().find(|other| other.key == field.key).and_then(content);
            let pasted = pasted.unwrap_or_default();
            let deeper = depth < 4 && random.below(3) > 0;
            let changed = if deeper {
                message(random, &within, &pasted, depth + 1)
            } else {
                bytes(random, within, &pasted)
            };
            fields[at].value = [varint(changed.len() as u64), changed].concat();
        }
    }
    fields.into_iter().flat_map(|field| [varint(field.key), field.value].concat()).collect()
}

/// The fields of a message; none where it is no message.
fn fields(mut rest: &[u8]) -> Option<Vec<Field>> {
    let mut fields = Vec::new();
    while !rest.is_empty() {
        let (key, after) = read_varint(rest)?;
        let length = match key & 7 {
            0 => after.len() - read_varint(after)?.1.len(),
            1 => 8,
            2 => {
                let (length, body) = read_varint(after)?;
                (after.len() - body.len()).checked_add(usize::try_from(length).ok()?)?
            }
            5 => 4,
            _ => return None,
        };
        let (value, next) = after.split_at_checked(length)?;
        fields.push(Field { key, value: value.to_vec() });
        rest = next;
    }
    Some(fields)
}

/// What a field of bytes holds.
fn content(field: &Field) -> Option<Vec<u8>> {
    if field.key & 7 != 2 {
        return None;
    }
    Some(read_varint(&field.value)?.1.to_vec())
}

fn read_varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut number = 0;
    for (index, byte) in bytes.iter().enumerate().take(10) {
        number |= u64::from(byte & 0x7f).checked_shl(7 * u32::try_from(index).ok()?)?;
        if byte & 0x80 == 0 {
            return Some((number, &bytes[index + 1..]));
        }
    }
    None
}

fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(u8::try_from(number & 0x7f).expect("seven bits") | 0x80);
        number >>= 7;
    }
    bytes.push(u8::try_from(number).expect("seven bits"));
    bytes
}
