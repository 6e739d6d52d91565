//! Answers: rankings, totals, series, history, coverage, composites, units, indicators and feeds.
//!
//! [`Answers::ask`] is the one entry for every door: a question's name and its parameters in, JSON text out, so HTTP and
//! gRPC give the same bytes. Reading the cells (`read.rs`) and making the answer are apart: every answer is a plain
//! function over cells that are in memory already.
//!
//! # Decisions
//! - `silent` and `missing` are lists of `{unit, code, name}`.
//! - A unit whose figure is partial counts as silent: it has not reported all, and `reported + silent` stays `expected`.
//! - Feeds of the answer are those whose figures are in it; `contains_synthetic` follows the feed that was named.
//! - Figures that do not say their numerator and denominator are listed in `coverage.left_out` of a total of ratios.

pub mod address;
pub mod cell;
pub mod composite;
pub mod coverage;
pub mod figures;
#[cfg(test)]
pub(crate) mod fixture;
mod gather;
pub mod history;
pub mod lists;
mod newest;
pub mod outline;
pub mod over_time;
pub mod question;
pub mod ranking;
pub mod ratio;
pub mod read;
pub mod rebase;
pub(crate) mod rebased;
pub mod reconciliation;
pub mod scope;
pub mod series;
pub mod stages;
pub mod structure;
pub mod timeliness;
pub mod together;
pub mod totals;
pub mod tree;
pub mod units;
pub mod windows;

use std::collections::BTreeMap;
use std::sync::Arc;

use dinh_lake::catalogue::Catalogue;
use dinh_lake::indicator::Indicator;
use dinh_lake::observation::Stage;
use dinh_lake::unit::UnitVersion;
use serde::Serialize;

use coverage::Reports;
use figures::Figures;
use gather::{cells, figures, figures_at, known_at, targets};
use history::Revisions;
use outline::Seen;
use question::{Asked, Question, Ranked};
use read::Wanted;
use scope::Sources;
use structure::Structure;
use windows::Window;

use crate::access::Access;
use crate::error::{ErrorKind, Fault, QueryError, Text};
use crate::sql::{Engine, Statement};

/// An answer with the snapshot that it was made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// The answer in JSON.
    pub json: String,
    /// The newest ledger entry that it includes.
    pub position: u64,
    /// The catalogue version that it was made with.
    pub catalogue_version: u64,
}

/// Answers questions over a lake.
#[derive(Clone, Debug)]
pub struct Answers {
    engine: Arc<Engine>,
}

impl Answers {
    /// Answers from an engine.
    #[must_use]
    pub fn new(engine: Arc<Engine>) -> Self {
        Self { engine }
    }

    /// The engine.
    #[must_use]
    pub fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// Answers a question in JSON.
    ///
    /// # Errors
    /// When there is no such question, a parameter is wrong, or there is nothing to answer with.
    pub async fn ask(
        &self,
        question: &str,
        parameters: &BTreeMap<String, String>,
        access: &Access,
    ) -> Result<String, QueryError> {
        let question = Question::from_name(question).ok_or_else(|| unknown_question(question))?;
        Ok(self.answer(question, parameters, access).await?.json)
    }

    /// Answers a question, and says from which snapshot.
    ///
    /// # Errors
    /// As [`Answers::ask`].
    pub async fn answer(
        &self,
        question: Question,
        parameters: &BTreeMap<String, String>,
        access: &Access,
    ) -> Result<Answered, QueryError> {
        let asked = Asked::read(question, parameters)?;
        let statement = self.engine.begin(access, asked.as_of).await?;
        let json = answer_from(&statement, question, &asked).await?;
        let catalogue_version = statement.catalogue().version;
        Ok(Answered { json, position: statement.position(), catalogue_version })
    }
}

/// Answers a question in JSON within a statement, from what the statement sees; or, with `as_of`, from what was known then.
///
/// # Errors
/// As [`Answers::ask`].
pub(crate) async fn answer(
    statement: &Statement,
    question: Question,
    asked: &Asked,
) -> Result<String, QueryError> {
    match asked.as_of {
        Some(as_of) => answer_from(&statement.at(as_of).await?, question, asked).await,
        None => answer_from(statement, question, asked).await,
    }
}

async fn answer_from(
    statement: &Statement,
    question: Question,
    asked: &Asked,
) -> Result<String, QueryError> {
    let catalogue = statement.catalogue();
    match question {
        Question::Rankings => rankings(statement, asked).await,
        Question::Totals => totals(statement, asked).await,
        Question::Series => series(statement, asked).await,
        Question::History => history(statement, asked).await,
        Question::Coverage => coverage(statement, asked).await,
        Question::Stages => stages(statement, asked).await,
        Question::Composites => json(&composite::composite(statement, asked).await?),
        Question::Units => json(&units::units(catalogue, seen(statement), asked)?),
        Question::Indicators => json(&lists::indicators(catalogue, seen(statement))),
        Question::Feeds => json(&lists::feeds(catalogue, seen(statement))),
    }
}

async fn rankings(statement: &Statement, asked: &Asked) -> Result<String, QueryError> {
    let catalogue = statement.catalogue();
    let is_enough = |figures: &Figures<'_>| ranking::is_enough(figures, asked);
    let mut figures = newest::figures(statement, asked, 2, is_enough).await?;
    let ranked = &figures.indicator.indicator;
    let reports = |other: &&Indicator| other.ranks.as_ref() == Some(ranked);
    let reporting = catalogue.indicators.values().filter(reports);
    for indicator in reporting {
        let wanted = Wanted {
            indicators: Some(vec![&indicator.indicator]),
            feed: asked.feed.as_deref(),
            window: figures.window,
            ..Wanted::default()
        };
        let cells = cells(statement, indicator, &wanted).await?;
        let cells = match figures.structure.rebases() {
            true => rebase::rebase(&figures.structure, indicator, &cells).cells,
            false => cells,
        };
        figures.reported_ranks.extend(cells);
    }
    if asked.by == Ranked::Distance {
        let targets = targets(statement, figures.indicator, asked).await?;
        figures.targets = match figures.structure.rebases() {
            true => rebase::rebase(&figures.structure, figures.indicator, &targets).cells,
            false => targets,
        };
    }
    let Some(moment) = asked.against else { return json(&ranking::ranking(&figures, asked)?) };
    let earlier = statement.at(moment).await?;
    let mut with = figures.clone();
    with.against = Some(Box::new(known_at(&earlier, &figures, asked).await?));
    json(&ranking::ranking(&with, asked)?)
}

async fn totals(statement: &Statement, asked: &Asked) -> Result<String, QueryError> {
    let is_enough = |figures: &Figures<'_>| totals::is_enough(figures, asked);
    let figures = newest::figures(statement, asked, 0, is_enough).await?;
    json(&totals::totals(&figures, asked)?)
}

async fn series(statement: &Statement, asked: &Asked) -> Result<String, QueryError> {
    let catalogue = statement.catalogue();
    let structure = Structure::asked(catalogue, indicator(statement, asked)?, asked, None)?;
    let unit = structure.unit(asked.unit.as_deref().unwrap_or_default())?;
    let figures = figures(statement, asked, Some(unit)).await?;
    json(&series::series(&figures, unit, asked))
}

async fn stages(statement: &Statement, asked: &Asked) -> Result<String, QueryError> {
    let mut figures = figures_at(statement, asked, None, None, Window::default()).await?;
    let all = std::mem::take(&mut figures.cells).into_iter();
    (figures.targets, figures.cells) = all.partition(|cell| cell.stage == Stage::Target);
    json(&stages::stages(&figures, asked)?)
}

async fn history(statement: &Statement, asked: &Asked) -> Result<String, QueryError> {
    let catalogue = statement.catalogue();
    let indicator = indicator(statement, asked)?;
    let sources = Sources::of(catalogue, asked.feed.as_deref())?;
    let spans = asked.period.as_ref().map(|label| sources.spans(label)).transpose()?;
    let day = spans.as_ref().and_then(|spans| spans.first().copied());
    let unit = unit(catalogue, asked, day)?;
    let wanted = Wanted {
        indicators: Some(vec![&indicator.indicator]),
        units: Some(vec![&unit.unit]),
        stage: asked.stage,
        feed: asked.feed.as_deref(),
        spans,
        ..Wanted::default()
    };
    let revisions = read::revisions(statement, &wanted).await?;
    let code = indicator.indicator.as_str();
    let seen = seen(statement);
    let cells = revisions.iter().map(|revision| &revision.cell);
    let span = match &asked.period {
        Some(label) => sources.span(label, &cells)?,
        None => scope::latest_span(cells).ok_or_else(|| scope::no_figures(code))?,
    };
    let all = Revisions { indicator: code, seen, sources, revisions };
    json(&history::history(&all, unit, span, asked.period.as_deref()))
}

async fn coverage(statement: &Statement, asked: &Asked) -> Result<String, QueryError> {
    let catalogue = statement.catalogue();
    let sources = Sources::of(catalogue, asked.feed.as_deref())?;
    let spans = asked.period.as_ref().map(|label| sources.spans(label)).transpose()?;
    let wanted = Wanted { feed: asked.feed.as_deref(), spans, ..Wanted::default() };
    let cells = read::current(statement, &wanted).await?;
    let seen = seen(statement);
    let mut reports = Reports { catalogue, seen, sources, cells };
    let span = coverage::span(&reports, asked)?;
    let at_span = reports.cells.iter_mut().filter(|(_, cell)| cell.span() == span);
    let at_span = at_span.map(|(indicator, cell)| (indicator.as_str(), cell));
    timeliness::judge(statement, &wanted, at_span).await?;
    json(&coverage::coverage(&reports, asked)?)
}

/// What an answer says of when it was known.
fn seen(statement: &Statement) -> Seen {
    Seen { position: statement.position(), as_of: statement.as_of() }
}

fn indicator<'a>(statement: &'a Statement, asked: &Asked) -> Result<&'a Indicator, QueryError> {
    let indicators = &statement.catalogue().indicators;
    let code = asked.indicator.as_deref().unwrap_or_default();
    let Some(indicator) = indicators.get(code) else {
        let nearest = question::nearest(code, indicators.keys().map(String::as_str));
        let message = Text::new(
            format!("không có chỉ tiêu `{code}`; xem danh sách ở `/v1/indicators`"),
            format!("there is no indicator `{code}`; `/v1/indicators` lists them"),
        );
        let fault = Fault::of("indicator", "indicator.unknown", message).suggest(nearest);
        return Err(QueryError::from_fault(ErrorKind::NotFound, fault));
    };
    // The plan would give nothing anyway; this says why.
    if statement.may_read_some(indicator) { Ok(indicator) } else { Err(not_open(statement, code)) }
}

fn not_open(statement: &Statement, code: &str) -> QueryError {
    let message = Text::new(
        format!("chỉ tiêu `{code}` không công khai; cần mã truy cập có quyền đọc"),
        format!("the indicator `{code}` is not open; it takes a token with a grant to read"),
    );
    QueryError::new(statement.access().refusal(), "indicator.not_open", message)
}

fn unit<'a>(
    catalogue: &'a Catalogue,
    asked: &Asked,
    span: Option<cell::Span>,
) -> Result<&'a UnitVersion, QueryError> {
    address::unit(catalogue, "unit", asked.unit.as_deref().unwrap_or_default(), span)
}

fn unknown_question(name: &str) -> QueryError {
    let known = Question::ALL.into_iter().map(Question::name);
    let listed = known.clone().collect::<Vec<_>>().join(", ");
    let message = Text::new(
        format!("không có câu hỏi `{name}`; các câu hỏi: {listed}"),
        format!("there is no question `{name}`; there are: {listed}"),
    );
    let nearest = question::nearest(name, known);
    let fault = Fault::of("question", "question.unknown", message).suggest(nearest);
    QueryError::from_fault(ErrorKind::NotFound, fault)
}

fn json(answer: &impl Serialize) -> Result<String, QueryError> {
    serde_json::to_string(answer).map_err(|error| QueryError::internal("writing JSON", &error))
}
