//! Which unit a parameter names: an id, a code on a day, a code or a path.
//!
//! A code or a path is read over the days that the question is about: those of its period, its structure date, or all there
//! are. What names two units in them is refused with both, because the hub cannot know which one is meant: `00004` was a
//! ward of thirty streets, and is another one of a hundred.

use dinh_lake::catalogue::Catalogue;
use dinh_lake::unit::{UnitError, UnitVersion};

use super::cell::Span;
use crate::error::{ErrorKind, Fault, QueryError, Text};

/// The unit that a parameter names over the days of a span; without one, over all time.
///
/// # Errors
/// When it names none, or several.
pub fn unit<'a>(
    catalogue: &'a Catalogue,
    parameter: &str,
    text: &str,
    span: Option<Span>,
) -> Result<&'a UnitVersion, QueryError> {
    let days = span.map(|span| (span.start, span.end));
    catalogue.resolve_over(text, days).map_err(|error| refused(parameter, &error))
}

fn refused(parameter: &str, error: &UnitError) -> QueryError {
    let (kind, code) = match error {
        UnitError::Ambiguous { .. } => (ErrorKind::Ambiguous, "unit.ambiguous"),
        UnitError::Unknown { .. } | UnitError::NotValid { .. } => {
            (ErrorKind::Invalid, "unit.unknown")
        }
    };
    let message = Text::new(error.message_vi(), error.message_en());
    let fault = Fault::of(parameter, code, message).suggest(error.suggestions());
    QueryError::from_fault(kind, fault)
}
