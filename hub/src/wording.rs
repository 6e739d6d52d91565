//! Texts for people, in Vietnamese and English.
//!
//! Every message that a district's clerk can meet exists in both languages; `--lang` picks one at the moment of
//! printing, so nothing below the command line knows which it is.

use std::fmt;

use crate::config::Lang;

/// One message in both languages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wording {
    /// In Vietnamese.
    pub vi: String,
    /// In English.
    pub en: String,
}

impl Wording {
    /// The message in both languages.
    pub fn new(vi: impl Into<String>, en: impl Into<String>) -> Self {
        Self { vi: vi.into(), en: en.into() }
    }

    /// The text in one language.
    #[must_use]
    pub fn text(&self, lang: Lang) -> &str {
        match lang {
            Lang::Vi => &self.vi,
            Lang::En => &self.en,
        }
    }
}

impl fmt::Display for Wording {
    /// English, for logs and developers.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.en)
    }
}
