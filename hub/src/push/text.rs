//! Bytes of a file to text, as Vietnamese offices save it.
//!
//! | bytes | read as |
//! |---|---|
//! | mark EF BB BF, or valid UTF-8 | UTF-8 (Excel "CSV UTF-8") |
//! | mark FF FE or FE FF, or zero bytes at every other place | UTF-16 (Excel "Unicode text") |
//! | anything else | windows-1258 (Excel "CSV" on a Vietnamese machine) |
//!
//! Invariant: the text is NFC, whatever the encoding; windows-1258 writes tones as combining marks. Text typed in the
//! old fonts TCVN3 and VNI is refused: read as letters it would be another text.

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1258};
use unicode_normalization::UnicodeNormalization as _;

use crate::wording::Wording;

/// How many bytes tell UTF-16 without a mark from the rest.
const SNIFFED_BYTES: usize = 4096;

/// Why bytes are no text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextError {
    /// Not valid in the encoding that it claims or looks like.
    Damaged(&'static str),
    /// Vietnamese in an encoding made of a font.
    OldFont(&'static str),
}

impl TextError {
    /// What is wrong and what to do.
    #[must_use]
    pub fn wording(self) -> Wording {
        match self {
            Self::Damaged(encoding) => Wording::new(
                format!("tệp có vẻ là {encoding} nhưng bị hỏng: hãy lưu lại dạng `CSV UTF-8`"),
                format!(
                    "the file looks like {encoding} but is damaged: save it again as `CSV UTF-8`"
                ),
            ),
            Self::OldFont(font) => Wording::new(
                format!(
                    "văn bản dùng bảng mã cũ {font}, không phải Unicode: hãy chuyển mã (UniKey, Ctrl+Shift+F6) rồi lưu lại dạng `CSV UTF-8`"
                ),
                format!(
                    "the text is in the old font encoding {font}, not in Unicode: convert it (UniKey, Ctrl+Shift+F6) and save it again as `CSV UTF-8`"
                ),
            ),
        }
    }
}

/// Reads a file's bytes as NFC text without a byte order mark.
///
/// # Errors
/// [`TextError`] when the bytes are damaged or hold a font encoding.
pub fn read(bytes: &[u8]) -> Result<String, TextError> {
    let encoding = encoding_of(bytes);
    let (text, _, damaged) = encoding.decode(bytes);
    if damaged || text.contains('\u{FFFD}') || text.contains('\0') {
        return Err(TextError::Damaged(encoding.name()));
    }
    let text: String = text.nfc().collect();
    match old_font(&text) {
        Some(font) => Err(TextError::OldFont(font)),
        None => Ok(text),
    }
}

fn encoding_of(bytes: &[u8]) -> &'static Encoding {
    if let Some((encoding, _)) = Encoding::for_bom(bytes) {
        return encoding;
    }
    // No text has zero bytes but UTF-16, where each ASCII letter brings one: behind it if little-endian.
    let zeroes_at = |parity: usize| {
        bytes.iter().take(SNIFFED_BYTES).skip(parity).step_by(2).filter(|&&b| b == 0).count()
    };
    let (even, odd) = (zeroes_at(0), zeroes_at(1));
    if odd > even {
        UTF_16LE
    } else if even > odd {
        UTF_16BE
    } else if std::str::from_utf8(bytes).is_ok() {
        UTF_8
    } else {
        WINDOWS_1258
    }
}

/// The letters of Latin-1 beyond ASCII that Vietnamese has; any other one is foreign to it (VNI writes đ as ñ, ư as ö).
const VIETNAMESE_LATIN_1: &str = "ÀÁÂÃÈÉÊÌÍÒÓÔÕÙÚÝàáâãèéêìíòóôõùúý";
/// Signs of Latin-1 that are letters in TCVN3 (® is đ, ¬ is ơ); in an honest text they do not touch letters. Those of
/// `km²`, `m³` and `1º` are left out.
const TCVN3_SIGNS: &str = "¡¢£¤¥¦§¨©ª«¬®¯´µ¶·¸¹»¼½¾";

/// The font encoding that a text seems to be typed in: at least three suspects, and as many as honest letters.
fn old_font(text: &str) -> Option<&'static str> {
    let (mut honest, mut signs, mut foreign) = (0_usize, 0_usize, 0_usize);
    let mut before = ' ';
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let touches_letter =
            before.is_alphabetic() || rest.peek().is_some_and(|next| next.is_alphabetic());
        if TCVN3_SIGNS.contains(c) {
            signs += usize::from(touches_letter);
        } else if !c.is_ascii() && c.is_alphabetic() {
            let vietnamese = c > '\u{FF}' || VIETNAMESE_LATIN_1.contains(c);
            *(if vietnamese { &mut honest } else { &mut foreign }) += 1;
        }
        before = c;
    }
    if signs + foreign < 3 || signs + foreign < honest {
        None
    } else if signs > 0 {
        Some("TCVN3")
    } else {
        Some("VNI")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "chỉ tiêu;đơn vị\r\nTổ công nghệ số;Xã Song Phượng\r\n";

    fn utf_16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(bytes).collect()
    }

    #[test]
    fn every_encoding_gives_the_same_text() {
        let decomposed: String = TEXT.nfd().collect();
        for (name, bytes) in [
            ("utf-8", TEXT.as_bytes().to_vec()),
            ("utf-8 with mark", format!("\u{FEFF}{TEXT}").into_bytes()),
            ("utf-8 decomposed", decomposed.into_bytes()),
            ("utf-16le", utf_16(TEXT, u16::to_le_bytes)),
            ("utf-16be", utf_16(TEXT, u16::to_be_bytes)),
            ("utf-16le with mark", utf_16(&format!("\u{FEFF}{TEXT}"), u16::to_le_bytes)),
            ("utf-16be with mark", utf_16(&format!("\u{FEFF}{TEXT}"), u16::to_be_bytes)),
            ("windows-1258", windows_1258(TEXT)),
        ] {
            assert_eq!(read(&bytes).as_deref(), Ok(TEXT), "{name}");
        }
    }

    /// Windows-1258 has the vowels â ê ô ă ơ ư whole and the tones as combining marks.
    fn windows_1258(text: &str) -> Vec<u8> {
        let split: String = text.nfd().collect();
        let mut joined = String::new();
        for c in split.chars() {
            let whole = joined.chars().last().and_then(|last| {
                let pair: String = [last, c].iter().collect();
                let whole: String = pair.nfc().collect();
                let kept = "âêôăơưÂÊÔĂƠƯ".contains(&whole);
                kept.then_some(whole)
            });
            match whole {
                Some(whole) => {
                    joined.pop();
                    joined.push_str(&whole);
                }
                // A dot below comes before the hat in NFD: ệ is e, dot, hat.
                None if c == '\u{302}' && joined.ends_with('\u{323}') => {
                    joined.pop();
                    let base = joined.pop().unwrap();
                    joined.extend([base, c].iter().collect::<String>().nfc());
                    joined.push('\u{323}');
                }
                None => joined.push(c),
            }
        }
        let (bytes, _, lossy) = WINDOWS_1258.encode(&joined);
        assert!(!lossy, "{joined}");
        bytes.into_owned()
    }

    #[test]
    fn text_of_old_fonts_is_refused_by_name() {
        assert_eq!(read("chØ tiªu;®¬n vÞ".as_bytes()), Err(TextError::OldFont("TCVN3")));
        assert_eq!(read("chæ tieâu;ñôn vò;Ñan Phöôïng".as_bytes()), Err(TextError::OldFont("VNI")));
    }

    #[test]
    fn honest_signs_are_no_old_font() {
        for text in
            ["2,55 km²; 3 m³; 4 m³", "São Paulo, Müller, Göteborg thăm Hà Nội và Đan Phượng"]
        {
            assert_eq!(read(text.as_bytes()).as_deref(), Ok(text));
        }
    }

    #[test]
    fn damaged_bytes_are_refused() {
        assert_eq!(read(b"\xFF\xFEa\0\0\xD8"), Err(TextError::Damaged("UTF-16LE")));
        assert_eq!(read(b"\xEF\xBB\xBFabc\xFF"), Err(TextError::Damaged("UTF-8")));
    }
}
