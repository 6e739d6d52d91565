//! The summary of a push: counts, and the verdicts by rule with the lines of the file.

use std::io::{self, Write as _};

use dinh_lake::submission::Mode;
use dinh_proto::v1;
use serde::Serialize;

use crate::config::Lang;
use crate::config::Output;
use crate::exit::Exit;
use crate::push::report::{self, Finding, Group};
use crate::wording::Wording;

/// How many runs of lines a group shows.
const SPANS_SHOWN_MAX: usize = 12;

/// What became of a submission.
#[derive(Debug, Serialize)]
pub(super) struct Summary {
    feed: String,
    /// None after a dry run.
    submission: Option<String>,
    position: Option<u64>,
    recorded_at: Option<String>,
    /// Whether the answer is that of an earlier push of the same submission; none if the hub would not say.
    repeated: Option<bool>,
    rows: u64,
    accepted: u64,
    warned: u64,
    refused: u64,
    digest: String,
    /// Whether a dry run found that in atomic mode, which was asked for, nothing would land.
    #[serde(skip)]
    atomic_would_fail: bool,
    #[serde(skip)]
    verdicts_total: u64,
    #[serde(skip)]
    pub(super) verdicts: Vec<v1::Verdict>,
}

/// The summary as JSON.
#[derive(Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    summary: &'a Summary,
    dry_run: bool,
    missing_lines: &'a [u64],
    verdicts: Vec<Group>,
}

impl Summary {
    /// Of a submission sent in a mode; `before` is the feed's last position before it was sent.
    pub(super) fn of_answer(answer: v1::Answer, mode: Mode, before: Option<u64>) -> Self {
        let stamp = answer.recorded_at.and_then(|at| {
            chrono::DateTime::from_timestamp(at.seconds, u32::try_from(at.nanos).ok()?)
        });
        let kept = !answer.dry_run;
        let report = answer.report.unwrap_or_default();
        Self {
            feed: answer.feed,
            submission: kept.then_some(answer.submission),
            position: kept.then_some(answer.position),
            recorded_at: stamp.map(|at| at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true)),
            repeated: before.map(|before| answer.position <= before),
            rows: report.rows,
            accepted: report.accepted,
            warned: report.warned,
            refused: report.refused,
            digest: report.digest,
            atomic_would_fail: !kept && mode == Mode::Atomic && report.refused > 0,
            verdicts_total: report.verdicts_total,
            verdicts: report.verdicts,
        }
    }

    /// How the command ends.
    pub(super) fn exit(&self) -> Exit {
        match (self.accepted, self.refused) {
            (0, _) => Exit::NothingLanded,
            _ if self.atomic_would_fail => Exit::NothingLanded,
            (_, 0) => Exit::Ok,
            _ => Exit::RowsRefused,
        }
    }

    /// What to know or to do next.
    pub(super) fn hints(&self, id_was_made: bool) -> Vec<Wording> {
        let mut hints = Vec::new();
        if self.repeated == Some(true) {
            let at = self.recorded_at.as_deref().unwrap_or_default();
            hints.push(Wording::new(
                format!("lần gửi này đã được ghi nhận trước đây ({at}); trên đây là câu trả lời đầu tiên và không có gì được ghi thêm; muốn ghi lại các số này, hãy đẩy với `--id` khác"),
                format!("this submission was recorded before ({at}); above is its first answer and nothing was added; to record its figures again push with another `--id`"),
            ));
        } else if self.refused > 0 && self.submission.is_some() && id_was_made {
            hints.push(Wording::new(
                "cùng tệp này đẩy lại sẽ nhận cùng câu trả lời: hãy sửa tệp, hoặc nếu lỗi ở danh mục của hub, đẩy lại với `--id` mới sau khi hub sửa",
                "the same file pushed again gets the same answer: correct it, or, where the hub's catalogue was wrong, push again with a new `--id` once it is right",
            ));
        }
        if self.atomic_would_fail {
            hints.push(Wording::new(
                "với `--mode atomic` sẽ không dòng nào được ghi, vì có dòng bị từ chối",
                "with `--mode atomic` nothing would land, since some rows are refused",
            ));
        }
        let unseen = self.verdicts_total.saturating_sub(self.verdicts.len() as u64);
        if unseen > 0 {
            hints.push(Wording::new(
                format!(
                    "còn {unseen} kết luận không có trong câu trả lời: xem trong `verdicts` của hub"
                ),
                format!("{unseen} more verdicts are not in the answer: see `verdicts` of the hub"),
            ));
        }
        hints
    }

    /// Writes the summary to standard output.
    pub(super) fn print(
        &self,
        output: Output,
        lang: Lang,
        findings: &[Finding],
        missing: &[u64],
    ) -> anyhow::Result<()> {
        let text = match output {
            Output::Table => self.table(lang, findings, missing),
            Output::Json => {
                let dry_run = self.submission.is_none();
                let verdicts = report::groups(findings);
                let document =
                    Document { summary: self, dry_run, missing_lines: missing, verdicts };
                serde_json::to_string_pretty(&document)? + "\n"
            }
            Output::Csv => {
                let mut writer = csv::Writer::from_writer(Vec::new());
                if findings.is_empty() {
                    writer.write_record(["line", "row", "severity", "field", "rule", "message"])?;
                }
                for finding in findings {
                    writer.serialize(finding)?;
                }
                String::from_utf8(writer.into_inner()?)?
            }
        };
        io::stdout().lock().write_all(text.as_bytes())?;
        Ok(())
    }

    fn table(&self, lang: Lang, findings: &[Finding], missing: &[u64]) -> String {
        let mut text = self.head().text(lang).to_owned();
        for group in report::groups(findings) {
            let lines = report::lines_text(&group.lines, SPANS_SHOWN_MAX);
            let (rule, field, rows, message) = (group.rule, group.field, group.rows, group.message);
            let part = Wording::new(
                format!(
                    "\n{} {rows} dòng, cột `{field}`, {rule}\n  dòng {lines}\n  {message}",
                    severity(group.severity).vi
                ),
                format!(
                    "\n{} {rows} rows, column `{field}`, {rule}\n  lines {lines}\n  {message}",
                    severity(group.severity).en
                ),
            );
            text.push_str(part.text(lang));
        }
        if !missing.is_empty() {
            let (rows, lines) = (missing.len(), report::lines_text(missing, SPANS_SHOWN_MAX));
            let part = Wording::new(
                format!("\nkhông gửi {rows} dòng không có giá trị\n  dòng {lines}"),
                format!("\nnot sent: {rows} rows without a value\n  lines {lines}"),
            );
            text.push_str(part.text(lang));
        }
        text.push('\n');
        text
    }

    fn head(&self) -> Wording {
        let Self { feed, rows, accepted, warned, refused, .. } = self;
        let counts_vi =
            format!("{rows} dòng: nhận {accepted} (cảnh báo {warned}), từ chối {refused}");
        let counts_en = format!(
            "{rows} rows: {accepted} accepted ({warned} with a warning), {refused} refused"
        );
        match (&self.submission, self.position) {
            (Some(submission), Some(position)) => {
                let at = self.recorded_at.as_deref().unwrap_or_default();
                Wording::new(
                    format!(
                        "nguồn `{feed}`, lần gửi `{submission}`, vị trí {position}, ghi lúc {at}\n{counts_vi}"
                    ),
                    format!(
                        "feed `{feed}`, submission `{submission}`, position {position}, recorded at {at}\n{counts_en}"
                    ),
                )
            }
            _ => Wording::new(
                format!("nguồn `{feed}`, chạy thử, không ghi gì; nếu đẩy thật:\n{counts_vi}"),
                format!("feed `{feed}`, dry run, nothing is kept; a push would give:\n{counts_en}"),
            ),
        }
    }
}

fn severity(code: &str) -> Wording {
    match code {
        "refused" => Wording::new("từ chối", "refused"),
        "warned" => Wording::new("cảnh báo", "warned"),
        _ => Wording::new("lưu ý", "noticed"),
    }
}
