//! From a statement to the figures of an answer: cells of one feed each, judged for lateness, those that follow from an
//! indicator's parts among them, on the structure that was asked for.

use dinh_lake::indicator::Indicator;
use dinh_lake::observation::Stage;
use dinh_lake::unit::UnitVersion;

use super::cell::{Cell, one_feed_per_cell};
use super::figures::Figures;
use super::question::{Asked, Ranked};
use super::read::{self, Wanted};
use super::rebase::{self, Rebased};
use super::scope::Sources;
use super::structure::Structure;
use super::windows::Window;
use super::{indicator, ratio, seen, timeliness};
use crate::error::QueryError;
use crate::sql::Statement;

/// The figures of an indicator: of one unit at all stages, or of all units at the stage of the answer.
///
/// # Errors
/// When a parameter names nothing, or the ledger cannot be read.
pub(super) async fn figures<'a>(
    statement: &'a Statement,
    asked: &'a Asked,
    unit: Option<&'a UnitVersion>,
) -> Result<Figures<'a>, QueryError> {
    let stage = match unit {
        Some(_) => asked.stage,
        None => Some(asked.stage.unwrap_or(indicator(statement, asked)?.default_stage)),
    };
    figures_at(statement, asked, unit, stage, Window::default()).await
}

/// The figures of an indicator at one stage, or at all, of the periods of a window.
///
/// # Errors
/// When a parameter names nothing, or the ledger cannot be read.
pub(super) async fn figures_at<'a>(
    statement: &'a Statement,
    asked: &'a Asked,
    unit: Option<&'a UnitVersion>,
    stage: Option<Stage>,
    window: Window,
) -> Result<Figures<'a>, QueryError> {
    let catalogue = statement.catalogue();
    let indicator = indicator(statement, asked)?;
    let sources = Sources::of(catalogue, asked.feed.as_deref())?;
    let timely = asked.period.as_ref().map(|label| sources.spans(label)).transpose()?;
    // A series on another structure is made of the cells of every unit that its own came from.
    let of_unit = unit.map(|unit| match asked.on {
        Some(_) => {
            Structure::asked(catalogue, indicator, asked, None).map(|s| s.readable(&unit.unit))
        }
        None => Ok([unit.unit.clone()].into()),
    });
    let of_unit = of_unit.transpose()?;
    let wanted = Wanted {
        indicators: Some(vec![&indicator.indicator]),
        units: of_unit.as_ref().map(|units| units.iter().collect()),
        stage,
        feed: asked.feed.as_deref(),
        timely,
        window,
        ..Wanted::default()
    };
    let cells = cells_or_ratios(statement, indicator, &wanted).await?;
    let named =
        asked.period.as_ref().map(|label| sources.span(label, &cells.iter())).transpose()?;
    let structure = Structure::asked(catalogue, indicator, asked, named)?;
    let (cells, as_reported, together) = match structure.rebases() {
        true => {
            let Rebased { cells: rebased, together } =
                rebase::rebase(&structure, indicator, &cells);
            (rebased, cells, together)
        }
        false => (cells, Vec::new(), Vec::new()),
    };
    Ok(Figures {
        catalogue,
        seen: seen(statement),
        indicator,
        sources,
        structure,
        window,
        cells,
        as_reported,
        together,
        reported_ranks: Vec::new(),
        targets: Vec::new(),
        against: None,
    })
}

/// The targets of an indicator.
///
/// # Errors
/// When a parameter names nothing, or the ledger cannot be read.
pub(super) async fn targets(
    statement: &Statement,
    indicator: &Indicator,
    asked: &Asked,
) -> Result<Vec<Cell>, QueryError> {
    let wanted = Wanted {
        indicators: Some(vec![&indicator.indicator]),
        stage: Some(Stage::Target),
        feed: asked.feed.as_deref(),
        ..Wanted::default()
    };
    cells_or_ratios(statement, indicator, &wanted).await
}

/// The same figures as they were known at an earlier moment; none where the indicator was not.
///
/// # Errors
/// When a parameter names nothing, or the ledger cannot be read.
pub(super) async fn known_at<'a>(
    earlier: &'a Statement,
    now: &Figures<'a>,
    asked: &'a Asked,
) -> Result<Figures<'a>, QueryError> {
    if earlier.catalogue().indicators.contains_key(&now.indicator.indicator) {
        let mut figures = figures(earlier, asked, None).await?;
        if asked.by == Ranked::Distance {
            figures.targets = targets(earlier, figures.indicator, asked).await?;
        }
        return Ok(figures);
    }
    let catalogue = earlier.catalogue().as_ref();
    let none = Vec::new();
    Ok(Figures { catalogue, seen: seen(earlier), cells: none, ..now.clone() })
}

/// The cells of an indicator, those that follow from its parts among them.
///
/// # Errors
/// When the ledger cannot be read.
pub(super) async fn cells_or_ratios(
    statement: &Statement,
    indicator: &Indicator,
    wanted: &Wanted<'_>,
) -> Result<Vec<Cell>, QueryError> {
    let known = |code: &Option<String>| statement.catalogue().indicators.get(code.as_ref()?);
    let pushed = cells(statement, indicator, wanted).await?;
    let (Some(above), Some(below)) = (known(&indicator.numerator), known(&indicator.denominator))
    else {
        return Ok(pushed);
    };
    let of_above = Wanted { indicators: Some(vec![&above.indicator]), ..wanted.clone() };
    let of_below = Wanted { indicators: Some(vec![&below.indicator]), ..wanted.clone() };
    let numerators = cells(statement, above, &of_above).await?;
    let denominators = cells(statement, below, &of_below).await?;
    Ok(ratio::with_derived(indicator, pushed, &numerators, &denominators))
}

/// The cells of an indicator as they were pushed.
///
/// # Errors
/// When the ledger cannot be read.
pub(super) async fn cells(
    statement: &Statement,
    indicator: &Indicator,
    wanted: &Wanted<'_>,
) -> Result<Vec<Cell>, QueryError> {
    let mut cells = read::current(statement, wanted).await?;
    let of_answer = cells.iter_mut().filter(|(_, cell)| wanted.is_timely(cell.span()));
    let of_answer = of_answer.map(|(indicator, cell)| (indicator.as_str(), cell));
    timeliness::judge(statement, wanted, of_answer).await?;
    let cells = cells.into_iter().map(|(_, cell)| cell).collect();
    Ok(one_feed_per_cell(cells, indicator, statement.catalogue()))
}
