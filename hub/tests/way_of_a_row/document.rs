//! JSON answers, read in their exact text: a figure must not pass through a float on its way to an assertion.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

/// A JSON document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Document(String);

impl Document {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text at a path such as `rows/4/value`: exact for a number, without its quotes for a text.
    pub(crate) fn at(&self, path: &str) -> String {
        let steps = path.split('/').filter(|step| !step.is_empty());
        let value = steps.fold(self.0.clone(), |json, step| below(&json, step));
        serde_json::from_str::<String>(&value).unwrap_or(value)
    }

    /// One member of each object of a list, or the items themselves where `member` is empty.
    pub(crate) fn each(&self, list: &str, member: &str) -> Vec<String> {
        let items = items(&self.at(list)).into_iter();
        items.map(|item| Self::new(item.get()).at(member)).collect()
    }

    /// The number of items of a list.
    pub(crate) fn len(&self, list: &str) -> usize {
        items(&self.at(list)).len()
    }

    /// The names of an object's members; of the document itself where `object` is empty.
    pub(crate) fn names(&self, object: &str) -> Vec<String> {
        members(&self.at(object)).into_keys().collect()
    }
}

impl std::fmt::Display for Document {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

fn below(json: &str, step: &str) -> String {
    let found = if json.starts_with('[') {
        step.parse::<usize>().ok().and_then(|index| items(json).into_iter().nth(index))
    } else {
        members(json).remove(step)
    };
    found.unwrap_or_else(|| panic!("there is no `{step}` in {json}")).get().to_owned()
}

fn items(json: &str) -> Vec<Box<RawValue>> {
    serde_json::from_str(json).unwrap_or_else(|error| panic!("{error}: no list is {json}"))
}

fn members(json: &str) -> BTreeMap<String, Box<RawValue>> {
    serde_json::from_str(json).unwrap_or_else(|error| panic!("{error}: no object is {json}"))
}
