//! Folding of Vietnamese text, so that one name written in several ways is found as one.
//!
//! `spelling` keeps every letter and tone but not where the tone sits: `Hoà` and `Hòa`, `Thuỵ` and `Thụy` are one
//! spelling, composed or decomposed, in any case. `plain` drops the accents too: `Đan Phượng` and `dan phuong` are one.
//!
//! Invariants: both are idempotent, and texts of one spelling are of one plain form.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// The key of a text that names share exactly when they are spelled alike: lower case, single spaces, each tone mark
/// at the end of its word. A key is for comparing, not for showing.
#[must_use]
pub fn spelling(text: &str) -> String {
    let mut folded = String::with_capacity(text.len() + 8);
    let mut tones = String::new();
    for letter in text.nfd().flat_map(char::to_lowercase) {
        match letter {
            // The five tones: huyền, sắc, ngã, hỏi, nặng. A Vietnamese word has one at most.
            '\u{300}' | '\u{301}' | '\u{303}' | '\u{309}' | '\u{323}' => tones.push(letter),
            _ if letter.is_alphanumeric() || is_combining_mark(letter) => {
                folded.push(same_letter(letter));
            }
            _ => {
                folded.push_str(&tones);
                tones.clear();
                folded.push(same_letter(letter));
            }
        }
    }
    folded.push_str(&tones);
    words(&folded).nfc().collect()
}

/// The key of a text without its accents: `spelling`, then no marks, `đ` as `d`, no apostrophes, and nothing but
/// single spaces between words.
#[must_use]
pub fn plain(text: &str) -> String {
    let letters = spelling(text);
    let letters = letters.nfd().filter(|letter| !is_combining_mark(*letter) && *letter != '\'');
    let letters = letters.map(|letter| match letter {
        'đ' => 'd',
        _ if letter.is_alphanumeric() => letter,
        _ => ' ',
    });
    words(&letters.collect::<String>())
}

/// Look-alikes that keyboards, fonts and old encodings put in each other's place.
fn same_letter(letter: char) -> char {
    match letter {
        // Icelandic eth and African d: capital forms that look the same as Đ.
        'ð' | 'ɖ' => 'đ',
        '’' | '‘' | 'ʼ' | '`' | '´' => '\'',
        '–' | '—' | '‑' => '-',
        _ => letter,
    }
}

fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: &[&str] = &[
        "Thành phố Hà Nội",
        "Xã Song Phượng",
        "Phường Trung Hoà",
        "Xã Thuỵ Lâm",
        "Thị trấn D'Ran",
        "Xã Đạ Ròn",
        "Phường Cổ Nhuế 1",
        "Xã  Đức\u{a0}Hoà ",
        "Ấp Ô Mịch, ở Quới",
        "",
    ];

    #[test]
    fn one_spelling_written_in_several_ways() {
        for (left, right) in [
            ("Hoà", "Hòa"),
            ("Thuỵ Khuê", "Thụy khuê"),
            ("Xã Khoẻ", "xã  khỏe"),
            ("Quý", "Qúy"),
            ("ĐAN PHƯỢNG", "đan phượng"),
            ("Ðông Anh", "Đông Anh"),
            ("D’Ran", "D'Ran"),
            ("\u{c0}", "A\u{300}"),
        ] {
            assert_eq!(spelling(left), spelling(right), "{left} {right}");
        }
    }

    #[test]
    fn accents_are_part_of_a_spelling() {
        for (left, right) in [("Song Phượng", "Song Phương"), ("Hoà", "Hoa"), ("Đông", "Dông")]
        {
            assert_ne!(spelling(left), spelling(right), "{left} {right}");
            assert_eq!(plain(left), plain(right), "{left} {right}");
        }
        assert_eq!(plain("Thị trấn D'Ran"), "thi tran dran");
        assert_eq!(plain("Đà Nẵng – Ngũ Hành Sơn"), "da nang ngu hanh son");
    }

    #[test]
    fn folding_twice_is_folding_once_and_decomposed_equals_composed() {
        for name in NAMES {
            let decomposed: String = name.nfd().collect();
            for fold in [spelling, plain] {
                assert_eq!(fold(&fold(name)), fold(name), "{name}");
                assert_eq!(fold(&decomposed), fold(name), "{name}");
                assert_eq!(fold(&name.to_uppercase()), fold(name), "{name}");
            }
            assert_eq!(plain(&spelling(name)), plain(name), "{name}");
        }
    }
}
