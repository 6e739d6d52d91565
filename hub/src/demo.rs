//! The demonstration: a hub on an embedded lake, the catalogue of Hà Nội, the published figures pushed through the real
//! gRPC door by their feeds, and the answers to what a city asks.
//!
//! Everything it needs is in the binary. A second run on the same folder pushes the same submissions under the same ids, so
//! they get their first answers and nothing changes.

mod facts;
mod scenes;
pub mod synthetic;

use std::collections::BTreeMap;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, ensure};
use dinh_lake::LakeUrl;
use dinh_proto::v1::ingest_client::IngestClient;
use dinh_proto::v1::{
    Action, ApplyCatalogueRequest, CatalogueFile, IssueTokenRequest, PushRequest, Row, Rows,
    Submission, submission,
};
use serde::{Deserialize, Serialize};

use crate::commands::catalog::refuse;
use crate::config::{Lang, Serve};
use crate::dial::Dial;
use crate::operator::{Admin, Bearer, Operator};
use crate::serve::{Doors, Serving};

/// The catalogue of Hà Nội, as `deploy/hanoi` has it.
const CATALOGUE: [(&str, &str); 9] = [
    ("units.csv", include_str!("../../deploy/hanoi/units.csv")),
    ("succession.csv", include_str!("../../deploy/hanoi/succession.csv")),
    ("synonyms.csv", include_str!("../../deploy/hanoi/synonyms.csv")),
    ("indicators.csv", include_str!("../../deploy/hanoi/indicators.csv")),
    ("feeds.csv", include_str!("../../deploy/hanoi/feeds.csv")),
    ("holidays.csv", include_str!("../../deploy/hanoi/holidays.csv")),
    ("composites.csv", include_str!("../../deploy/hanoi/composites.csv")),
    ("component_groups.csv", include_str!("../../deploy/hanoi/component_groups.csv")),
    ("components.csv", include_str!("../../deploy/hanoi/components.csv")),
];
/// Where the tokens of the demonstration are written once all its figures are acked.
const TOKENS_FILE: &str = "demo-tokens.json";
/// Bytes of an answer to a push.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// The tokens of the demonstration.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Tokens {
    /// May read everything and run SQL.
    analyst: String,
    /// By feed, each may push to it.
    feeds: BTreeMap<String, String>,
}

/// Runs it in a folder.
///
/// # Errors
/// When a port is taken, the folder cannot be used, or a figure is refused.
pub async fn run(folder: &Path, settings: &Serve, lang: Lang, once: bool) -> anyhow::Result<()> {
    let doors = Doors::bind(settings).await?;
    let serving = Serving::start(doors, &LakeUrl::from(folder), settings).await?;
    eprintln!("lake {} · gRPC {} · HTTP http://{}", folder.display(), serving.grpc, serving.http);
    let door = format!("http://{}", serving.grpc);
    let mut operator =
        Operator::remote(&Dial::default(), &door, Some(&serving.operator_token)).await?;
    apply_catalogue(&mut operator.admin).await?;
    let tokens = tokens(folder, &mut operator.admin).await?;
    push_all(&door, &tokens, lang).await?;
    keep(folder, &tokens).context("the tokens of the demonstration")?;
    let mut analyst = Operator::remote(&Dial::default(), &door, Some(&tokens.analyst)).await?;
    scenes::show(&mut analyst.admin).await?;
    drop((operator, analyst));
    if once {
        return serving.stop().await;
    }
    eprintln!("\n{}", scenes::next_steps(&serving, folder, TOKENS_FILE));
    serving.until_interrupted().await
}

async fn apply_catalogue(admin: &mut Admin) -> anyhow::Result<()> {
    let file =
        |(name, text): (&str, &str)| CatalogueFile { name: name.to_owned(), text: text.to_owned() };
    let request = ApplyCatalogueRequest {
        files: CATALOGUE.into_iter().map(file).collect(),
        planned_version: None,
    };
    let applied = admin.apply_catalogue(request).await?.into_inner();
    refuse(&applied.faults)?;
    let changes = applied.changes.unwrap_or_default();
    let (added, changed, removed) = (changes.added, changes.changed, changes.removed);
    eprintln!(
        "catalogue version {}: {added} added, {changed} changed, {removed} removed",
        applied.version
    );
    Ok(())
}

/// The tokens of an earlier run, or new ones.
async fn tokens(folder: &Path, admin: &mut Admin) -> anyhow::Result<Tokens> {
    if let Ok(text) = std::fs::read_to_string(folder.join(TOKENS_FILE)) {
        return serde_json::from_str(&text)
            .with_context(|| format!("`{TOKENS_FILE}` of an earlier run"));
    }
    let mut issue = async |principal: &str, action: Action, feeds: Vec<String>| {
        let actions = vec![action.into()];
        let request = IssueTokenRequest {
            principal: principal.to_owned(),
            actions,
            feeds,
            ..Default::default()
        };
        anyhow::Ok(admin.issue_token(request).await?.into_inner().token)
    };
    let mut tokens = Tokens {
        analyst: issue("demo-analyst", Action::Read, Vec::new()).await?,
        ..Tokens::default()
    };
    for feed in facts::feeds()?.into_iter().chain([synthetic::FEED.to_owned()]) {
        let token = issue(&format!("demo-{feed}"), Action::Push, vec![feed.clone()]).await?;
        tokens.feeds.insert(feed, token);
    }
    Ok(tokens)
}

/// Writes the tokens for others to use: whole or not at all, for the owner only.
fn keep(folder: &Path, tokens: &Tokens) -> std::io::Result<()> {
    let staged = folder.join(format!("{TOKENS_FILE}.new"));
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&staged)?;
    file.write_all(serde_json::to_string_pretty(tokens)?.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(staged, folder.join(TOKENS_FILE))
}

async fn push_all(door: &str, tokens: &Tokens, lang: Lang) -> anyhow::Result<()> {
    for (feed, rows) in facts::rows()? {
        push(door, tokens, &feed, "published-figures", rows, lang).await?;
    }
    push(door, tokens, synthetic::FEED, "made-up-figures", synthetic::rows()?, lang).await
}

async fn push(
    door: &str,
    tokens: &Tokens,
    feed: &str,
    id: &str,
    rows: Vec<Row>,
    lang: Lang,
) -> anyhow::Result<()> {
    let token = tokens
        .feeds
        .get(feed)
        .with_context(|| format!("`{TOKENS_FILE}` has no token for the feed `{feed}`"))?;
    let channel = tonic::transport::Endpoint::from_shared(door.to_owned())?.connect().await?;
    let mut client = IngestClient::with_interceptor(channel, Bearer::new(Some(token))?)
        .max_decoding_message_size(ANSWER_BYTES_MAX);
    let payload = submission::Payload::Rows(Rows { rows });
    let submission = Submission {
        feed: feed.to_owned(),
        id: id.to_owned(),
        payload: Some(payload),
        ..Submission::default()
    };
    let answer =
        client.push(PushRequest { submission: Some(submission) }).await?.into_inner().answer;
    let answer = answer.context("the hub gave no answer")?;
    let report = answer.report.unwrap_or_default();
    eprintln!("pushed {feed}: {} rows accepted, position {}", report.accepted, answer.position);
    for verdict in &report.verdicts {
        let message = if lang == Lang::Vi { &verdict.message_vi } else { &verdict.message_en };
        eprintln!("  row {}: {message}", verdict.row);
    }
    ensure!(report.refused == 0, "{} rows of the feed `{feed}` were refused", report.refused);
    Ok(())
}
