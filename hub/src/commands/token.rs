//! `dinh token issue|rotate|list|revoke`: who may do what.

use anyhow::Context;
use chrono::{DateTime, NaiveDate, Utc};
use dinh_proto::v1::{
    Action as Allowed, Grant, IssueTokenRequest, ListTokensRequest, RevokeTokenRequest,
    RotateTokenRequest,
};
use prost_types::Timestamp;

use crate::config::{Global, Output};
use crate::operator::Operator;
use crate::output::Grid;

/// What to do with tokens.
#[derive(Debug, clap::Subcommand)]
pub enum Action {
    /// Make a token; it is shown once and only its SHA-256 is kept. Or let a client certificate carry the grant.
    Issue(Issue),
    /// Make a second token for what a grant allows; the first one ends a while later.
    Rotate(Rotate),
    /// List all grants.
    List,
    /// End a grant at once.
    Revoke {
        /// The grant's id, such as g-3f9a2c.
        grant: String,
    },
}

/// A token to be made.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example: dinh token issue --principal dan-phuong-office --feed dan-phuong --within 273"
)]
pub struct Issue {
    /// Who will hold it; without it the certificate's name, the first feed, or `analyst`.
    #[arg(long)]
    principal: Option<String>,
    /// A feed that it may push to; may be given several times.
    #[arg(long)]
    feed: Vec<String>,
    /// The unit whose subtree it covers: an id, a code or a path. Without it all.
    #[arg(long)]
    within: Option<String>,
    /// It may read what is not open, and run SQL.
    #[arg(long)]
    read: bool,
    /// It may change the catalogue and the grants.
    #[arg(long)]
    admin: bool,
    /// The last day on which it holds, such as 2026-12-31.
    #[arg(long)]
    expires: Option<NaiveDate>,
    /// No token: the client certificate of this name carries the grant. The name is what follows `dinh:principal/` in the
    /// certificate's URI name, or its common name where it has none.
    #[arg(long, value_name = "NAME")]
    certificate: Option<String>,
}

/// A token to be replaced.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example: dinh token rotate g-3f9a2c4b --overlap-hours 48; then give the new token out, and wait"
)]
pub struct Rotate {
    /// The grant's id, such as g-3f9a2c.
    grant: String,
    /// For how many hours the old token still holds; 0 ends it at once.
    #[arg(long, default_value_t = 24)]
    overlap_hours: u32,
    /// The last day on which the new one holds; without it that of the old one.
    #[arg(long)]
    expires: Option<NaiveDate>,
}

/// Does it.
///
/// # Errors
/// When the hub refuses it or cannot be reached.
#[expect(clippy::print_stdout, reason = "the grants are the product")]
pub async fn run(global: &Global, action: Action) -> anyhow::Result<()> {
    let mut operator = Operator::connect(global).await?;
    let grants = match action {
        Action::Issue(issue) => {
            let issued = operator.admin.issue_token(issue.request()?).await?.into_inner();
            match (issued.token, issued.grant) {
                (token, Some(grant)) if token.is_empty() => vec![grant],
                (token, _) => return show(&token),
            }
        }
        Action::Rotate(rotate) => {
            let rotated = operator.admin.rotate_token(rotate.request()?).await?.into_inner();
            return show(&rotated.token);
        }
        Action::List => operator.admin.list_tokens(ListTokensRequest {}).await?.into_inner().grants,
        Action::Revoke { grant } => {
            let revoked =
                operator.admin.revoke_token(RevokeTokenRequest { grant }).await?.into_inner();
            revoked.grant.into_iter().collect()
        }
    };
    let grid = grid(&grants);
    match global.output {
        Output::Json => println!("{}", grid.to_json()?),
        output => grid.write(&mut std::io::stdout().lock(), output)?,
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the token is the product")]
fn show(token: &str) -> anyhow::Result<()> {
    eprintln!("the token is shown this once; keep it safe");
    println!("{token}");
    Ok(())
}

impl Rotate {
    fn request(self) -> anyhow::Result<RotateTokenRequest> {
        Ok(RotateTokenRequest {
            grant: self.grant,
            overlap_seconds: u64::from(self.overlap_hours) * 3600,
            expires_at: self.expires.map(end_of).transpose()?,
        })
    }
}

impl Issue {
    fn request(self) -> anyhow::Result<IssueTokenRequest> {
        let allowed = [
            (Allowed::Push, !self.feed.is_empty()),
            (Allowed::Read, self.read),
            (Allowed::Admin, self.admin),
        ];
        let actions: Vec<i32> =
            allowed.into_iter().filter(|(_, on)| *on).map(|(action, _)| action.into()).collect();
        anyhow::ensure!(
            !actions.is_empty(),
            "say what the token allows: --feed, --read or --admin"
        );
        let principal = self
            .principal
            .or_else(|| self.certificate.clone())
            .or_else(|| self.feed.first().cloned())
            .unwrap_or_else(|| "analyst".to_owned());
        let expires_at = self.expires.map(end_of).transpose()?;
        Ok(IssueTokenRequest {
            principal,
            actions,
            feeds: self.feed,
            within: self.within.unwrap_or_default(),
            expires_at,
            certificate: self.certificate.unwrap_or_default(),
        })
    }
}

/// The end of a day in Vietnam (UTC+7).
fn end_of(day: NaiveDate) -> anyhow::Result<Timestamp> {
    let end = day
        .succ_opt()
        .and_then(|next| next.and_hms_opt(0, 0, 0))
        .context("that day is too far away")?;
    Ok(Timestamp { seconds: end.and_utc().timestamp() - 7 * 3600, nanos: 0 })
}

fn grid(grants: &[Grant]) -> Grid {
    let columns = [
        "grant",
        "principal",
        "actions",
        "feeds",
        "within",
        "issued_at",
        "expires_at",
        "revoked_at",
        "certificate",
    ];
    let time = |stamp: &Option<Timestamp>| {
        stamp
            .as_ref()
            .and_then(|s| DateTime::<Utc>::from_timestamp(s.seconds, 0))
            .map(|t| t.to_rfc3339())
    };
    let row = |grant: &Grant| {
        let actions: Vec<&str> = grant.actions().map(|action| action.as_str_name()).collect();
        vec![
            Some(grant.grant.clone()),
            Some(grant.principal.clone()),
            Some(actions.join(" ").replace("ACTION_", "").to_lowercase()),
            Some(grant.feeds.join(" ")),
            Some(grant.within.clone()).filter(|within| !within.is_empty()),
            time(&grant.issued_at),
            time(&grant.expires_at),
            time(&grant.revoked_at),
            Some(grant.certificate.clone()).filter(|name| !name.is_empty()),
        ]
    };
    Grid { columns: columns.map(str::to_owned).to_vec(), rows: grants.iter().map(row).collect() }
}
