//! Which unit a text names at a period, and whether the sender may write it.
//!
//! A bare code is read as of the period's last day; where its unit is no more, those that came after it are suggested. An id, or a code at a day, says the unit outright, so it may also name
//! one that ended within the period: a district that was abolished in July can still report its half of the year.
//!
//! Invariant: between two days on which any unit begins or ends, every text names the same unit in the same subtrees. So
//! what was found is remembered by text and such an *epoch*, not by period: a long daily series costs no more than one day.

use std::collections::HashMap;

use chrono::NaiveDate;
use dinh_lake::intern::Seed;
use dinh_lake::unit::{UnitError, UnitId, UnitVersion, Units};

use super::finding::Finding;
use super::messages;
use super::{Context, Span};
use crate::columns::Texts;

/// What may be spent on units that are looked up in vain in one submission, so that one of nothing else does not keep a
/// processor busy: finding the nearest codes takes half a millisecond, the nearest names ten.
const BUDGET: usize = 200;
const COST_OF_CODE: usize = 1;
const COST_OF_NAME: usize = 20;

/// What a text names.
#[derive(Clone, Debug)]
pub(super) struct Place<'a> {
    /// The unit's number in this submission.
    pub(super) number: u32,
    /// The unit.
    pub(super) unit: &'a UnitVersion,
    /// The number of the unit's level in this submission.
    pub(super) level: usize,
    /// What is wrong with it.
    pub(super) findings: Vec<Finding>,
}

/// What a text names, or why it names nothing.
pub(super) type Found<'a> = Result<Place<'a>, Finding>;

/// The units of one submission.
#[derive(Debug)]
pub(super) struct Places<'a> {
    context: Context<'a>,
    column: &'a Texts,
    found: Vec<Found<'a>>,
    /// What each text named last: the epoch, and where it stands in `found`. Most texts are in one epoch only.
    last: Vec<Option<(u32, u32)>>,
    /// Where what was found stands, by text and epoch.
    by_epoch: HashMap<(u32, u32), u32, Seed>,
    /// The same for what holds for one span only: units that ended within it, and texts that name none.
    by_span: HashMap<(u32, u32), u32, Seed>,
    units: Vec<&'a UnitId>,
    /// One version of each unit that was named.
    versions: Vec<&'a UnitVersion>,
    numbers: HashMap<&'a UnitId, u32>,
    levels: Vec<&'a str>,
    budget: usize,
}

impl<'a> Places<'a> {
    pub(super) fn new(context: Context<'a>, column: &'a Texts) -> Self {
        Self {
            context,
            column,
            found: Vec::new(),
            last: vec![None; column.words_count()],
            by_epoch: HashMap::default(),
            by_span: HashMap::default(),
            units: Vec::new(),
            versions: Vec::new(),
            numbers: HashMap::new(),
            levels: Vec::new(),
            budget: BUDGET,
        }
    }

    /// The units that were named, by number.
    pub(super) fn units(&self) -> &[&'a UnitId] {
        &self.units
    }

    /// The number of a unit, if it was named.
    pub(super) fn number_of(&self, unit: &UnitId) -> Option<u32> {
        self.numbers.get(unit).copied()
    }

    /// What a unit is on the last day of a span, or the version of it that was named.
    pub(super) fn version(&self, number: u32, span: Span) -> &'a UnitVersion {
        let named = self.versions[number as usize];
        if named.valid_on(span.end) {
            return named;
        }
        self.context.catalogue.units.version_at(&named.unit, span.end).unwrap_or(named)
    }

    /// Where [`Self::at`] has what the text of a row names at a span.
    pub(super) fn find(&mut self, row: usize, span: Span) -> usize {
        let text = self.column.key(row);
        let at = match self.last[text as usize] {
            Some((epoch, at)) if epoch == span.epoch => at,
            _ => self.look_up(text, span),
        };
        at as usize
    }

    /// What was found.
    pub(super) fn at(&self, at: usize) -> &Found<'a> {
        &self.found[at]
    }

    /// Where stands what a text names at a span.
    fn look_up(&mut self, number: u32, span: Span) -> u32 {
        let (at_epoch, at_span) = ((number, span.epoch), (number, span.id));
        if let Some(at) = self.by_epoch.get(&at_epoch) {
            self.last[number as usize] = Some((span.epoch, *at));
            return *at;
        }
        if let Some(at) = self.by_span.get(&at_span) {
            return *at;
        }
        let text = self.column.word(number);
        let found = self.unit(text, span).map(|unit| self.place(text, unit, span));
        let at = u32::try_from(self.found.len()).expect("there are fewer than rows");
        if found.as_ref().is_ok_and(|place| place.unit.valid_on(span.end)) {
            self.by_epoch.insert(at_epoch, at);
            self.last[number as usize] = Some((span.epoch, at));
        } else {
            self.by_span.insert(at_span, at);
        }
        self.found.push(found);
        at
    }

    fn place(&mut self, text: &str, unit: &'a UnitVersion, span: Span) -> Place<'a> {
        let next = self.units.len() as u32;
        let number = *self.numbers.entry(&unit.unit).or_insert(next);
        if number == next {
            self.units.push(&unit.unit);
            self.versions.push(unit);
        }
        let known = self.levels.iter().position(|level| *level == unit.level);
        let level = known.unwrap_or_else(|| {
            self.levels.push(&unit.level);
            self.levels.len() - 1
        });
        let findings = self.scope(text, unit, span.end.min(unit.last_day()));
        Place { number, unit, level, findings }
    }

    fn unit(&mut self, text: &str, span: Span) -> Result<&'a UnitVersion, Finding> {
        let catalogue = self.context.catalogue;
        let units = &catalogue.units;
        if let Some(unit) = units.by_code(text, span.end).or_else(|| outright(units, text, span)) {
            return Ok(unit);
        }
        let is_name =
            !text.chars().all(|letter| letter.is_ascii_digit() || letter == '.' || letter == '@');
        let cost = if is_name { COST_OF_NAME } else { COST_OF_CODE };
        if self.budget < cost {
            return Err(messages::unit_not_looked_up(text));
        }
        let error = match catalogue.resolve(text, Some(span.end)) {
            Ok(unit) => return Ok(unit),
            Err(error) => error,
        };
        self.budget -= cost;
        let rule = match error {
            UnitError::Unknown { .. } | UnitError::NotValid { .. } => "unit.unknown",
            UnitError::Ambiguous { .. } => "unit.ambiguous",
        };
        Err(messages::unit(rule, &error))
    }

    /// Whether the sender may write the unit and the feed reports on it.
    fn scope(&self, text: &str, unit: &UnitVersion, on: NaiveDate) -> Vec<Finding> {
        let units = &self.context.catalogue.units;
        let mut findings = Vec::new();
        if let Some(granted) = self.context.within
            && !units.is_within(&unit.unit, granted, on)
        {
            let name = units.latest(granted).map_or(granted.as_str(), |granted| &granted.name);
            findings.push(messages::outside_grant(text, unit, name));
        }
        let feed = self.context.feed;
        let whole = feed.within.is_empty();
        let subtree = units.by_code(&feed.within, on);
        if !whole && !subtree.is_some_and(|subtree| units.is_within(&unit.unit, &subtree.unit, on))
        {
            let name = subtree.map_or(&feed.within, |subtree| &subtree.name);
            findings.push(messages::outside_feed(text, unit, feed, name));
        }
        findings
    }
}

/// The unit of an id, `00004.1`, or of a code at a day, `00004@2024-12-31`: its version at the end of the span, or the one
/// that ended within it.
fn outright<'a>(units: &'a Units, text: &str, span: Span) -> Option<&'a UnitVersion> {
    let unit = match text.split_once('@') {
        Some((code, day)) => units.by_code(code, day.parse().ok()?)?.unit.clone(),
        None if text.contains('.') => UnitId(text.to_owned()),
        None => return None,
    };
    let at_end = units.version_at(&unit, span.end);
    at_end.or_else(|| {
        units
            .latest(&unit)
            .filter(|last| span.start <= last.last_day() && last.last_day() <= span.end)
    })
}
