//! Which unit a text names at a period, and whether the sender may write it.
//!
//! A bare code is read as of the period's last day. An id, or a code at a day, says the unit outright, so it may also name
//! one that ended within the period: a district that was abolished in July can still report its half of the year.
//!
//! Invariant: between two days on which any unit begins or ends, every text names the same unit in the same subtrees. So
//! what was found is remembered by text and such an *epoch*, not by period: a long daily series costs no more than one day.

use std::collections::HashMap;

use chrono::NaiveDate;
use dinh_lake::unit::{UnitError, UnitId, UnitVersion, Units};

use super::finding::Finding;
use super::intern::Intern;
use super::messages;
use super::{Context, Span};

/// What may be spent on units that are looked up in vain in one submission, so that one of nothing else does not keep a
/// processor busy: finding the nearest codes takes half a millisecond, the nearest names ten.
const BUDGET: usize = 200;
const COST_OF_CODE: usize = 1;
const COST_OF_NAME: usize = 20;

/// What a text names.
#[derive(Clone, Debug)]
pub(super) struct Place<'a> {
    /// The unit's number in this submission.
    pub(super) number: usize,
    /// The unit.
    pub(super) unit: &'a UnitVersion,
    /// What is wrong with it.
    pub(super) findings: Vec<Finding>,
}

/// The units of one submission.
#[derive(Debug)]
pub(super) struct Places<'a> {
    context: Context<'a>,
    /// The first days of epochs.
    epochs: Vec<NaiveDate>,
    texts: Intern<'a, ()>,
    /// What was found, by text and epoch.
    by_epoch: HashMap<(usize, usize), Place<'a>>,
    /// What holds for one span only, by text and span: units that ended within it, and texts that name none.
    by_span: HashMap<(usize, usize), Result<Place<'a>, Finding>>,
    numbers: HashMap<&'a UnitId, usize>,
    budget: usize,
}

impl<'a> Places<'a> {
    pub(super) fn new(context: Context<'a>) -> Self {
        let versions = context.catalogue.units.versions().iter();
        let bounds = versions.flat_map(|version| {
            [Some(version.valid_from), version.valid_to.and_then(|day| day.succ_opt())]
        });
        let mut epochs: Vec<NaiveDate> = bounds.flatten().collect();
        epochs.sort_unstable();
        epochs.dedup();
        Self {
            context,
            epochs,
            texts: Intern::default(),
            by_epoch: HashMap::new(),
            by_span: HashMap::new(),
            numbers: HashMap::new(),
            budget: BUDGET,
        }
    }

    /// The epoch that a day is in.
    pub(super) fn epoch(&self, on: NaiveDate) -> usize {
        self.epochs.partition_point(|first| *first <= on)
    }

    /// What a text names at a span.
    pub(super) fn find(&mut self, text: &'a str, span: Span) -> Result<&Place<'a>, &Finding> {
        let number = self.texts.number(text, || ());
        let (at_epoch, at_span) = ((number, span.epoch), (number, span.id));
        if !self.by_epoch.contains_key(&at_epoch) && !self.by_span.contains_key(&at_span) {
            let place = self.unit(text, span).map(|unit| self.place(text, unit, span.end));
            match place {
                Ok(place) if place.unit.valid_on(span.end) => {
                    self.by_epoch.insert(at_epoch, place);
                }
                found => {
                    self.by_span.insert(at_span, found);
                }
            }
        }
        match self.by_epoch.get(&at_epoch) {
            Some(place) => Ok(place),
            None => self.by_span[&at_span].as_ref(),
        }
    }

    fn place(&mut self, text: &str, unit: &'a UnitVersion, end: NaiveDate) -> Place<'a> {
        let next = self.numbers.len();
        let number = *self.numbers.entry(&unit.unit).or_insert(next);
        Place { number, unit, findings: self.scope(text, unit, end.min(unit.last_day())) }
    }

    fn unit(&mut self, text: &str, span: Span) -> Result<&'a UnitVersion, Finding> {
        let units = &self.context.catalogue.units;
        if let Some(unit) = units.by_code(text, span.end).or_else(|| outright(units, text, span)) {
            return Ok(unit);
        }
        let is_name =
            !text.chars().all(|letter| letter.is_ascii_digit() || letter == '.' || letter == '@');
        let cost = if is_name { COST_OF_NAME } else { COST_OF_CODE };
        if self.budget < cost {
            return Err(messages::unit_not_looked_up(text));
        }
        let error = match units.resolve(text, Some(span.end)) {
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
