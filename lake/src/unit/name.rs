//! The keys that a unit's name is found by: with and without its kind word, spelled exactly and without accents.

use std::collections::HashMap;
use std::ops::Range;

use super::UnitVersion;
use crate::fold::{plain, spelling};

/// Kind words that open a name, and how they are shortened in writing; the longer of two comes first.
const KIND_WORDS: &[(&str, &[&str])] = &[
    ("tổ dân phố", &["tdp"]),
    ("thành phố", &["tp"]),
    ("thị trấn", &["tt"]),
    ("đặc khu", &["đk"]),
    ("khu phố", &["kp"]),
    ("thị xã", &["tx"]),
    ("phường", &["p"]),
    ("huyện", &["h"]),
    ("quận", &["q"]),
    ("tỉnh", &["t"]),
    ("xã", &["x"]),
    ("thôn", &[]),
    ("xóm", &[]),
    ("bản", &[]),
    ("buôn", &[]),
    ("làng", &[]),
    ("khóm", &[]),
    ("khối", &[]),
    ("ấp", &[]),
    ("tổ", &[]),
];

/// The keys of one name.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    /// Spelling of the whole name: `xã song phượng`.
    pub(super) full: String,
    /// Spelling without the kind word: `song phượng`.
    pub(super) bare: String,
    /// The whole name without accents: `xa song phuong`.
    pub(super) plain_full: String,
    /// The name without kind word and accents: `song phuong`.
    pub(super) plain_bare: String,
    /// The English name without accents, empty without one.
    pub(super) plain_en: String,
    /// The unit's other names without accents: those of its other versions, and its synonyms.
    pub(super) plain_others: Vec<String>,
}

/// The keys of every version, and the versions of every spelling.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    keys: Vec<Keys>,
    spellings: HashMap<String, Vec<usize>>,
}

impl Names {
    /// The keys of versions that stand in order of unit, each unit's in one range.
    pub(super) fn new<'a>(
        versions: &[UnitVersion],
        units: impl Iterator<Item = &'a Range<usize>>,
    ) -> Self {
        let kinds: Vec<String> =
            KIND_WORDS.iter().map(|(word, _)| format!("{} ", spelling(word))).collect();
        let keys: Vec<Keys> = versions.iter().map(|version| keys(version, &kinds)).collect();
        let mut spellings: HashMap<String, Vec<usize>> = HashMap::new();
        for (index, keys) in keys.iter().enumerate() {
            spellings.entry(keys.full.clone()).or_default().push(index);
            if keys.bare != keys.full {
                spellings.entry(keys.bare.clone()).or_default().push(index);
            }
        }
        let mut names = Self { keys, spellings };
        for unit in units.filter(|unit| unit.len() > 1) {
            let all: Vec<String> = versions[unit.clone()].iter().map(|v| v.name.clone()).collect();
            all.iter().for_each(|name| names.add(unit.clone(), name));
        }
        names
    }

    /// Another name of a unit, whose versions stand in a range.
    pub(super) fn add(&mut self, versions: Range<usize>, name: &str) {
        let name = plain(name);
        for keys in &mut self.keys[versions] {
            if keys.plain_full != name && !keys.plain_others.contains(&name) {
                keys.plain_others.push(name.clone());
            }
        }
    }

    /// The keys of a version.
    pub(super) fn keys(&self, index: usize) -> &Keys {
        &self.keys[index]
    }

    /// The versions with this spelling, with or without the kind word.
    pub(super) fn spelled(&self, spelling: &str) -> &[usize] {
        self.spellings.get(spelling).map_or(&[], Vec::as_slice)
    }
}

/// The ways to read a name as somebody writes it: as it stands, and with a shortened kind word (`P.`, `TT`) written out.
pub(super) fn readings(text: &str) -> Vec<String> {
    let as_written = spelling(text);
    let written_out = as_written.split_once(['.', ' ']).and_then(|(word, rest)| {
        let (kind, _) = KIND_WORDS.iter().find(|(_, short)| short.contains(&word))?;
        Some(spelling(&format!("{kind} {}", rest.trim())))
    });
    std::iter::once(as_written).chain(written_out).collect()
}

fn keys(version: &UnitVersion, kinds: &[String]) -> Keys {
    let full = spelling(&version.name);
    let bare = kinds.iter().find_map(|kind| full.strip_prefix(kind.as_str()));
    let bare = bare.unwrap_or(&full).to_owned();
    let (plain_full, plain_bare) = (plain(&full), plain(&bare));
    let plain_en = version.name_en.as_deref().map(plain).unwrap_or_default();
    Keys { full, bare, plain_full, plain_bare, plain_en, plain_others: Vec::new() }
}
