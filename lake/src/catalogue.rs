//! The catalogue: units, indicators, feeds and grants as they stand at one version.

use std::collections::BTreeMap;

use crate::feed::Feed;
use crate::grant::Grant;
use crate::indicator::Indicator;
use crate::unit::Units;

/// Everything that the catalogue says at one version; immutable.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    /// The version of the catalogue table that it was read from.
    pub version: u64,
    /// The units and their versions.
    pub units: Units,
    /// By code.
    pub indicators: BTreeMap<String, Indicator>,
    /// By name.
    pub feeds: BTreeMap<String, Feed>,
    /// By grant id.
    pub grants: BTreeMap<String, Grant>,
}
