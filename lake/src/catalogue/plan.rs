//! What it takes to make the catalogue as the files say: a difference that a person reads before it is made.
//!
//! Invariant: grants are not part of the files, so a plan never touches them.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::value::RawValue;

use super::Catalogue;
use super::record::{Record, RecordKind};

/// One field that changes, with its JSON texts; an absent one is `null`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldChange {
    /// The field.
    pub field: String,
    /// What it was.
    pub before: String,
    /// What it becomes.
    pub after: String,
}

/// One record that a plan adds, changes or removes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What it is of.
    pub kind: RecordKind,
    /// Which one.
    pub key: String,
    /// Its name in Vietnamese, empty where the kind has none.
    pub name: String,
    /// The new content; none when it is removed.
    pub content: Option<String>,
    /// The fields that change, for a change.
    pub fields: Vec<FieldChange>,
}

/// What it takes to go from one catalogue to another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// What is new.
    pub added: Vec<Change>,
    /// What is there and becomes different.
    pub changed: Vec<Change>,
    /// What goes. Observations that refer to it stay in the ledger.
    pub removed: Vec<Change>,
}

/// The plan that makes `current` as the files say; each list is in order of kind and key.
#[must_use]
pub fn plan(current: &Catalogue, wanted: Vec<Record>) -> Plan {
    let keyed = |records: Vec<Record>| -> BTreeMap<(RecordKind, String), String> {
        let records = records.into_iter().filter(|record| in_files(record.kind));
        records.filter_map(|r| Some(((r.kind, r.key), r.content?))).collect()
    };
    let mut before = keyed(current.records());
    let mut plan = Plan::default();
    for ((kind, key), content) in keyed(wanted) {
        let name = name(&content);
        let Some(old) = before.remove(&(kind, key.clone())) else {
            plan.added.push(Change { kind, key, name, content: Some(content), fields: Vec::new() });
            continue;
        };
        let fields = changes(&old, &content);
        if !fields.is_empty() {
            plan.changed.push(Change { kind, key, name, content: Some(content), fields });
        }
    }
    for ((kind, key), old) in before {
        let name = name(&old);
        plan.removed.push(Change { kind, key, name, content: None, fields: Vec::new() });
    }
    plan
}

impl Plan {
    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.changed.is_empty() && self.removed.is_empty()
    }

    /// The records to append to the catalogue table.
    #[must_use]
    pub fn records(&self) -> Vec<Record> {
        let changes = self.added.iter().chain(&self.changed).chain(&self.removed);
        let record = |change: &Change| Record {
            kind: change.kind,
            key: change.key.clone(),
            content: change.content.clone(),
        };
        changes.map(record).collect()
    }

    /// The plan for people to read, in English.
    #[must_use]
    pub fn text_en(&self) -> String {
        if self.is_empty() {
            return "no changes: the catalogue is as the files say".to_owned();
        }
        let (added, changed, removed) = self.counts();
        let mut lines = self.lines();
        if removed > 0 {
            lines.push("removed records stay in the catalogue's history, and observations that name them in the ledger".to_owned());
        }
        lines.push(format!("{added} to add, {changed} to change, {removed} to remove"));
        lines.join("\n")
    }

    /// The plan for people to read, in Vietnamese.
    #[must_use]
    pub fn text_vi(&self) -> String {
        if self.is_empty() {
            return "không có thay đổi: danh mục đúng như các tệp".to_owned();
        }
        let (added, changed, removed) = self.counts();
        let mut lines = self.lines();
        if removed > 0 {
            lines.push("mục bị bỏ vẫn còn trong lịch sử danh mục, số liệu đã ghi theo mục đó vẫn còn trong sổ".to_owned());
        }
        lines.push(format!("thêm {added}, sửa {changed}, bỏ {removed}"));
        lines.join("\n")
    }

    fn counts(&self) -> (usize, usize, usize) {
        (self.added.len(), self.changed.len(), self.removed.len())
    }

    fn lines(&self) -> Vec<String> {
        let signed = |sign, changes: &[Change]| -> Vec<String> {
            changes.iter().map(|change| change.line(sign)).collect()
        };
        [signed('+', &self.added), signed('~', &self.changed), signed('-', &self.removed)].concat()
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text_en())
    }
}

impl Change {
    /// `+ unit 09784.1/2020-03-01 Thị trấn Phùng`, `~ indicator par_index_pct: max 100 -> 120`.
    fn line(&self, sign: char) -> String {
        let Self { kind, key, name, fields, .. } = self;
        let space = if name.is_empty() || !fields.is_empty() { "" } else { " " };
        let name = if fields.is_empty() { name.as_str() } else { "" };
        let fields = fields.iter().map(|change| {
            format!("{} {} -> {}", change.field, shown(&change.before), shown(&change.after))
        });
        let fields = fields.collect::<Vec<_>>().join(", ");
        let colon = if fields.is_empty() { "" } else { ": " };
        format!("{sign} {kind} {key}{space}{name}{colon}{fields}")
    }
}

fn in_files(kind: RecordKind) -> bool {
    match kind {
        RecordKind::Unit
        | RecordKind::Succession
        | RecordKind::Indicator
        | RecordKind::Composite
        | RecordKind::Feed
        | RecordKind::Holiday
        | RecordKind::Synonym => true,
        RecordKind::Grant => false,
    }
}

/// Fields with their exact texts: numbers never pass through floats.
type Fields = BTreeMap<String, Box<RawValue>>;

/// The fields of a content. A content that is no JSON object has none; it is refused when the records are applied.
fn fields(content: &str) -> Fields {
    serde_json::from_str(content).unwrap_or_default()
}

/// The things of a list in its order, each under its own name, which is in the field that is called as the list without
/// its `s`: `groups` are known by `group`. None where the text is no such list.
fn things(list: &str, text: &str) -> Option<Vec<(String, Box<RawValue>)>> {
    let name_field = list.strip_suffix('s')?;
    let things: Vec<Box<RawValue>> = serde_json::from_str(text).ok()?;
    let named = things.into_iter().map(|thing| {
        let name = fields(thing.get()).remove(name_field)?;
        Some((serde_json::from_str(name.get()).ok()?, thing))
    });
    named.collect()
}

fn changes(before: &str, after: &str) -> Vec<FieldChange> {
    if before == after {
        return Vec::new();
    }
    differences("", &fields(before), &fields(after))
}

/// The fields in which two things differ; of a list of things the fields of each, as in `people.staff.weight`.
fn differences(prefix: &str, before: &Fields, after: &Fields) -> Vec<FieldChange> {
    let mut names: Vec<&String> = before.keys().chain(after.keys()).collect();
    names.sort_unstable();
    names.dedup();
    let mut changes = Vec::new();
    for name in names {
        let text =
            |fields: &Fields| fields.get(name).map_or("null", |value| value.get()).to_owned();
        let (old, new) = (text(before), text(after));
        let field = format!("{prefix}{name}");
        if old == new {
            continue;
        }
        match (things(name, &old), things(name, &new)) {
            (Some(old), Some(new)) => {
                let names = |things: &[(String, Box<RawValue>)]| {
                    serde_json::json!(things.iter().map(|(name, _)| name).collect::<Vec<_>>())
                };
                let (before, after) = (names(&old).to_string(), names(&new).to_string());
                let inside =
                    differences(prefix, &old.into_iter().collect(), &new.into_iter().collect());
                if inside.is_empty() {
                    changes.push(FieldChange { field, before, after });
                }
                changes.extend(inside);
            }
            _ => match (whole_thing(&old), whole_thing(&new)) {
                (Some(old), Some(new)) => {
                    changes.extend(differences(&format!("{field}."), &old, &new));
                }
                _ => changes.push(FieldChange { field, before: old, after: new }),
            },
        }
    }
    changes
}

/// The fields of a text that is a JSON object.
fn whole_thing(text: &str) -> Option<Fields> {
    serde_json::from_str(text).ok()
}

/// The name that people know a thing by.
fn name(content: &str) -> String {
    let fields = fields(content);
    let name = fields.get("name").or_else(|| fields.get("name_vi"));
    name.and_then(|name| serde_json::from_str(name.get()).ok()).unwrap_or_default()
}

/// A JSON text as a person reads it.
fn shown(json: &str) -> String {
    match json {
        "null" => "none".to_owned(),
        _ => serde_json::from_str::<String>(json).unwrap_or_else(|_| json.to_owned()),
    }
}
