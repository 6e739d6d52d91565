//! What `dinh rank` and `dinh total` share: a question of the HTTP interface, asked over gRPC, its answer written out.

use std::collections::BTreeMap;
use std::io::Write;

use anyhow::Context;
use dinh_proto::v1::AskRequest;
use serde_json::value::RawValue;

use crate::config::{Global, Output};
use crate::operator::Operator;
use crate::output::Grid;

/// The members of an answer, each in its exact text.
pub type Answer = BTreeMap<String, Box<RawValue>>;

/// The parameters of a question that were given.
pub fn parameters<const N: usize>(given: [(&str, Option<String>); N]) -> BTreeMap<String, String> {
    given.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

/// Asks a question.
///
/// # Errors
/// When the hub refuses it or cannot be reached.
pub async fn ask(
    global: &Global,
    question: String,
    parameters: BTreeMap<String, String>,
) -> anyhow::Result<String> {
    let mut operator = Operator::connect(global).await?;
    Ok(operator.admin.ask(AskRequest { question, parameters }).await?.into_inner().json)
}

/// Writes an answer: a heading and its rows as a table, or its rows as CSV, or the document itself.
///
/// # Errors
/// When the answer is no document of that kind.
pub fn write(
    to: &mut impl Write,
    output: Output,
    json: &str,
    columns: &[&str],
    heading: impl Fn(&Answer) -> String,
) -> anyhow::Result<()> {
    if output == Output::Json {
        return Ok(writeln!(to, "{json}")?);
    }
    let answer: Answer = serde_json::from_str(json).context("the answer is no JSON object")?;
    let rows = answer.get("rows").context("the answer has no rows")?;
    if output == Output::Table {
        writeln!(to, "{}", heading(&answer))?;
    }
    Grid::from_json(rows, columns)?.write(to, output)
}

/// A member of an answer as text, `-` where it has no value.
#[must_use]
pub fn text(answer: &Answer, member: &str) -> String {
    match answer.get(member).map(|value| value.get()) {
        None | Some("null") => "-".to_owned(),
        Some(json) => serde_json::from_str::<String>(json).unwrap_or_else(|_| json.to_owned()),
    }
}

/// When an answer was known, in words; nothing where it is known now.
#[must_use]
pub fn as_of(answer: &Answer) -> String {
    match text(answer, "as_of").as_str() {
        "-" => String::new(),
        as_of => format!(" · as of {as_of}"),
    }
}

/// The coverage of an answer in words.
#[must_use]
pub fn coverage(answer: &Answer) -> String {
    let Some(parts) =
        answer.get("coverage").and_then(|c| serde_json::from_str::<Answer>(c.get()).ok())
    else {
        return "coverage unknown".to_owned();
    };
    let declared = parts.get("declared").and_then(|d| serde_json::from_str::<Answer>(d.get()).ok());
    let declared = declared.map(|d| {
        format!("; declared to cover {} of {}", text(&d, "reported"), text(&d, "expected"))
    });
    let late = parts.get("late").and_then(|l| serde_json::from_str::<Vec<Answer>>(l.get()).ok());
    let late = late.map(|late| format!(", {} late", late.len()));
    format!(
        "{} of {} reported{}{}",
        text(&parts, "reported"),
        text(&parts, "expected"),
        late.unwrap_or_default(),
        declared.unwrap_or_default()
    )
}
