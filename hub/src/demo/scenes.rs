//! What a city asks first, and the hub's answers.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use dinh_proto::v1::AskRequest;

use crate::commands::{ask, rank, total};
use crate::config::Output;
use crate::operator::Admin;
use crate::serve::Serving;

/// How a scene is written out.
enum Form {
    Ranking,
    Total,
    Series,
}

/// A question with a heading in Vietnamese and English.
struct Scene {
    title: &'static str,
    question: &'static str,
    parameters: &'static [(&'static str, &'static str)],
    form: Form,
}

const SCENES: [Scene; 6] = [
    Scene {
        title: "Xếp hạng PAR INDEX 2023 của quận, huyện (ranking of districts)",
        question: "rankings/par_index_pct",
        parameters: &[("level", "district"), ("period", "2023"), ("within", "01")],
        form: Form::Ranking,
    },
    Scene {
        title: "Thôn, tổ dân phố có tổ công nghệ số của thành phố (villages with a community team)",
        question: "totals/villages_with_community_team",
        parameters: &[("within", "01")],
        form: Form::Total,
    },
    Scene {
        title: "Thành viên tổ công nghệ số cộng đồng của thành phố (team members)",
        question: "totals/community_team_members",
        parameters: &[("within", "01")],
        form: Form::Total,
    },
    Scene {
        title: "Huyện Đan Phượng: tổ công nghệ số cộng đồng (community teams)",
        question: "series/community_digital_teams",
        parameters: &[("unit", "273")],
        form: Form::Series,
    },
    Scene {
        title: "Xã Song Phượng: camera an ninh (security cameras)",
        question: "series/security_cameras_total",
        parameters: &[("unit", "Hà Nội/Đan Phượng/Song Phượng")],
        form: Form::Series,
    },
    Scene {
        title: "Số liệu giả lập: 5 xã, phường dẫn đầu về hồ sơ trực tuyến (made-up figures: leading communes)",
        question: "rankings/online_dossiers_pct",
        parameters: &[("level", "commune"), ("feed", "demo-synthetic"), ("limit", "5")],
        form: Form::Ranking,
    },
];

/// The columns of a series that a person reads.
const SERIES: [&str; 6] = ["period", "stage", "value", "qualifier", "status", "feed"];

/// Asks each question and writes its answer to standard output.
///
/// # Errors
/// When the hub does not answer.
pub(super) async fn show(admin: &mut Admin) -> anyhow::Result<()> {
    for scene in SCENES {
        let parameters: BTreeMap<_, _> = scene
            .parameters
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let request = AskRequest { question: scene.question.to_owned(), parameters };
        let json = admin.ask(request).await?.into_inner().json;
        let mut stdout = std::io::stdout().lock();
        writeln!(stdout, "\n{}", scene.title)?;
        match scene.form {
            Form::Ranking => {
                ask::write(&mut stdout, Output::Table, &json, &rank::COLUMNS, rank::heading)?
            }
            Form::Total => {
                ask::write(&mut stdout, Output::Table, &json, &total::COLUMNS, total::heading)?
            }
            Form::Series => ask::write(&mut stdout, Output::Table, &json, &SERIES, |answer| {
                ask::text(answer, "name")
            })?,
        }
    }
    Ok(())
}

/// What to try next, with this run's addresses.
pub(super) fn next_steps(serving: &Serving, folder: &Path, tokens: &str) -> String {
    let (http, lake) = (serving.http, folder.display());
    format!(
        "serving until Ctrl-C; in another terminal:\n\
         \x20 curl 'http://{http}/v1/rankings/par_index_pct?level=district&period=2023'\n\
         \x20 curl 'http://{http}/v1/units?q=song%20phuong'\n\
         \x20 dinh --lake {lake} sql \"select feed, count(*) from observations group by feed\"\n\
         tokens: {lake}/{tokens} · OpenAPI: http://{http}/openapi.json · metrics: http://{http}/metrics"
    )
}
