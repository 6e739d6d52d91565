//! Composite indices (chỉ số tổng hợp): the units of a level in order of a score that a definition makes of many figures.
//!
//! - Scores are made over all units of the level in the province that the figures are of, whatever `within` and `kind` say:
//!   the score of a unit does not depend on the question. Ranks, ties and rank intervals are among the units asked for.
//! - Only figures of exactly the chosen span count. The version is the one for the period's last day, unless one is named.
//! - A unit below the definition's threshold is listed with what it lacks, never ranked. What was filled in is said so, by
//!   component, by unit and for the whole answer.
//! - Movement and change are against the previous period under the same version.
//! - Where figures of both stages are there, the score that units give themselves stands beside the appraised one.
//!
//! Lower layers: `parts.rs` reads the definition and its figures, `field.rs` says which units compete, `run.rs` makes the
//! scores of one period and one stage, `rows.rs` writes the answer.
//!
//! # Decisions
//! - Each row says what every component contributed; what the components are is said once, in `groups`.
//! - Who may read an indicator only within a subtree gets no composite of it: scores and ranks compare all units.

mod field;
mod parts;
mod rows;
mod run;

use dinh_lake::Decimal;
use dinh_lake::composite::{Drawing, RankInterval};
use serde::Serialize;
use utoipa::ToSchema;

use super::outline::Coverage;
use super::question::Asked;
use crate::error::QueryError;
use crate::sql::Statement;

pub use rows::{ComponentShare, CompositeRow, GroupShare, Unranked};

/// Multiplications between two moments at which others may work: about a millisecond's worth.
const WORK_AT_ONCE: usize = 1_000_000;

/// Units by the score of a composite index.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CompositeScores {
    /// The code of the index.
    pub composite: String,
    /// The version of its definition.
    pub version: String,
    /// Its name in Vietnamese.
    pub name: String,
    /// The decision that the version rests on.
    pub legal_basis: Option<String>,
    /// Whether the definition is only an example, with weights that are made up.
    pub example: bool,
    /// The level of the units.
    pub level: String,
    /// The period's label.
    pub period: String,
    /// The stage that was asked for; null: each component at the stage that the definition says.
    pub stage: Option<&'static str>,
    /// The structure date; null: as reported.
    pub on: Option<String>,
    /// When it was known; null: now.
    pub as_of: Option<String>,
    /// The newest ledger entry that the answer includes.
    pub position: u64,
    /// The feeds that figures came from.
    pub feeds: Vec<String>,
    /// Whether the figures are made up.
    pub contains_synthetic: bool,
    /// The score of a unit that has everything.
    #[schema(value_type = f64)]
    pub full_score: Decimal,
    /// How figures are put on a common scale.
    pub normalisation: &'static str,
    /// How the components of a group make the group: `arithmetic` or `geometric`.
    pub within_groups: &'static str,
    /// How the groups make the index.
    pub over_groups: &'static str,
    /// What stands for what is missing.
    pub missing_rule: &'static str,
    /// The share of the weight that a unit must have figures for.
    #[schema(value_type = f64)]
    pub threshold: Decimal,
    /// Where the draws of weights begin.
    pub seed: u32,
    /// How many draws the rank intervals are made of.
    pub draws: u32,
    /// The groups with their components, in order.
    pub groups: Vec<rows::GroupOf>,
    /// Units that could have a rank.
    pub universe: usize,
    /// Units that have one.
    pub ranked: usize,
    /// Units that have none, and what they lack.
    pub missing: Vec<Unranked>,
    /// What the ranking covers.
    pub coverage: Coverage,
    /// The share of the figures behind the ranked scores that are estimated, from 0 to 1.
    #[schema(value_type = f64)]
    pub estimated_share: Decimal,
    /// The share of the weight behind the ranked scores that was filled in, from 0 to 1.
    #[schema(value_type = f64)]
    pub imputed_share: Decimal,
    /// The period that movement is against, as its first and last day.
    pub previous_period: Option<String>,
    /// The units in order.
    pub rows: Vec<CompositeRow>,
}

/// Scores.
///
/// # Errors
/// When a parameter names nothing, the definition cannot be used, or there is no figure in scope to take the period from.
pub(super) async fn composite(
    statement: &Statement,
    asked: &Asked,
) -> Result<CompositeScores, QueryError> {
    let (parts, span) = parts::of(statement, asked).await?;
    let field = field::Field::choose(&parts, asked, span)?;
    let runs = run::Runs::of(&parts, &field, asked.stage);
    let intervals = intervals(&runs).await;
    Ok(rows::answer(&parts, &field, &runs, &intervals, asked))
}

/// The rank intervals of the ranked units, in their order. Others work in between, and an asker who has gone is left.
async fn intervals(runs: &run::Runs<'_>) -> Vec<RankInterval> {
    let standings = &runs.now.standings;
    let mut drawing = Drawing::new(runs.method, standings.iter().map(|standing| &standing.score));
    let work_of_one = standings.len() * runs.method.parts.len();
    let mut work = 0;
    while drawing.draw() {
        work += work_of_one;
        if work >= WORK_AT_ONCE {
            work = 0;
            tokio::task::yield_now().await;
        }
    }
    drawing.intervals()
}
