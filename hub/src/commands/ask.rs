//! A question of the HTTP interface, asked over gRPC.

use std::collections::BTreeMap;

use crate::commands::push::delivery::Hub;
use crate::config::Global;

/// Asks a question.
///
/// # Errors
/// When the hub refuses it or cannot be reached.
pub async fn ask(
    global: &Global,
    question: String,
    parameters: BTreeMap<String, String>,
) -> anyhow::Result<String> {
    let failed = |failure: super::push::delivery::Failure| {
        anyhow::anyhow!(failure.wording.text(global.lang).to_owned())
    };
    let hub = Hub::at(global.to.as_deref(), global.token()?.as_deref()).map_err(failed)?;
    hub.ask(question, parameters).await.map_err(failed)
}
