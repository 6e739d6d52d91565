//! What can be wrong with a figure as it is written, and what to do about it.

use crate::wording::Wording;

/// Why a figure is rejected or to be looked at again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// `hàng nghìn`: words that give no number.
    Vague,
    /// `một`: a number in words.
    NumberWord,
    /// `toàn bộ`: 100 % for a share, no number elsewhere.
    All,
    /// `NaN`, `abc`, `12 (tạm)`.
    NotANumber,
    /// `1e3`.
    Scientific,
    /// More digits than are kept.
    TooManyDigits,
    /// `12.34` among Vietnamese figures, `12,34` among English ones.
    OtherLocale,
    /// `1,015` among Vietnamese figures, `1.015` among English ones.
    MaybeThousands,
    /// Full-width digits.
    FullWidth,
    /// `100,5%`.
    ShareOver100,
    /// `3/0`.
    ZeroDenominator,
    /// `7-7,5%`: an indicator keeps one figure.
    Range,
    /// `1,2 triệu người`: part of the number is in words.
    ScaleWord,
    /// `1,2 tỷ đồng`: money is kept in million VND.
    MillionVnd,
    /// A value that says `khoảng` beside a qualifier that says `gt`.
    QualifierTwice,
    /// A fraction beside a numerator or denominator that differ.
    FractionTwice,
}

/// First words of texts that name an amount without giving it.
const VAGUE: [&str; 6] = ["hàng", "nhiều", "vài", "một số", "hầu hết", "đa số"];
/// First words of numbers in words.
const NUMBER_WORDS: [&str; 16] = [
    "không", "một", "hai", "ba", "bốn", "năm", "sáu", "bảy", "tám", "chín", "mười", "trăm", "one",
    "two", "three", "ten",
];

impl Problem {
    /// The problem with a lower-case text that has no digits at its head.
    pub(super) fn of_words(lower: &str) -> Self {
        let first = lower.split_whitespace().next().unwrap_or_default();
        if VAGUE.iter().any(|vague| lower.starts_with(vague)) {
            Self::Vague
        } else if NUMBER_WORDS.contains(&first) {
            Self::NumberWord
        } else {
            Self::NotANumber
        }
    }

    /// The rule's name in verdicts.
    #[must_use]
    pub fn rule(self) -> &'static str {
        match self {
            Self::Vague => "number.vague",
            Self::NumberWord => "number.in_words",
            Self::All => "number.all",
            Self::NotANumber => "number.syntax",
            Self::Scientific => "number.scientific",
            Self::TooManyDigits => "number.digits",
            Self::OtherLocale => "number.other_locale",
            Self::MaybeThousands => "number.maybe_thousands",
            Self::FullWidth => "number.full_width",
            Self::ShareOver100 => "number.share_over_100",
            Self::ZeroDenominator => "number.zero_denominator",
            Self::Range => "number.range",
            Self::ScaleWord => "number.scale_word",
            Self::MillionVnd => "number.million_vnd",
            Self::QualifierTwice => "number.qualifier_twice",
            Self::FractionTwice => "number.fraction_twice",
        }
    }

    /// What is wrong with `raw` and what to do.
    #[must_use]
    pub fn wording(self, raw: &str) -> Wording {
        let (vi, en) = self.texts();
        Wording::new(format!("`{raw}` {vi}"), format!("`{raw}` {en}"))
    }

    fn texts(self) -> (&'static str, &'static str) {
        match self {
            Self::Vague => (
                "không nêu con số: hãy ghi một số",
                "names an amount without giving it: write a number",
            ),
            Self::NumberWord => {
                ("là số viết bằng chữ: hãy ghi bằng chữ số", "is a number in words: write digits")
            }
            Self::All => (
                "chỉ có nghĩa là 100 % với chỉ tiêu tỷ lệ phần trăm: hãy ghi con số",
                "means 100 % for a percentage only: write the number",
            ),
            Self::NotANumber => (
                "không phải là số: hãy ghi như `1015` hoặc `93,86`",
                "is not a number: write it as `1015` or `93.86`",
            ),
            Self::Scientific => (
                "là ký hiệu khoa học: hãy ghi đủ các chữ số",
                "is in scientific notation: write all the digits",
            ),
            Self::TooManyDigits => (
                "có quá nhiều chữ số: tối đa 12 trước và 6 sau dấu thập phân",
                "has too many digits: at most 12 before the point and 6 after it",
            ),
            Self::OtherLocale => (
                "có dấu phân cách không đúng kiểu số đã chọn: hãy sửa, hoặc đẩy với `--locale` khác",
                "has separators that make no number in this locale: correct it, or push with the other `--locale`",
            ),
            Self::MaybeThousands => (
                "có đúng ba chữ số sau dấu thập phân: hãy kiểm tra, có thể đó là dấu phân cách hàng nghìn của kiểu số kia",
                "has three digits after the decimal separator: check that it is not a thousands separator of the other locale",
            ),
            Self::FullWidth => (
                "viết bằng chữ số rộng: đã đọc như chữ số thường",
                "has full-width digits: read as plain ones",
            ),
            Self::ShareOver100 => (
                "là tỷ lệ trên 100 %: hãy sửa; với mức tăng, ghi số không kèm dấu %",
                "is a share over 100 %: correct it; for a growth write the number without the sign",
            ),
            Self::ZeroDenominator => ("có mẫu số bằng 0", "has a denominator of 0"),
            Self::Range => (
                "là một khoảng: hãy ghi hai dòng, cho hai chỉ tiêu cận dưới `…_low` và cận trên `…_high`",
                "is a range: write two rows, for the two indicators of its bounds, `…_low` and `…_high`",
            ),
            Self::ScaleWord => (
                "có phần số viết bằng chữ (nghìn, triệu, tỷ): hãy ghi đủ các chữ số",
                "has a part of the number in words (thousand, million, billion): write all the digits",
            ),
            Self::MillionVnd => ("được gửi theo đơn vị triệu đồng", "is sent in million VND"),
            Self::QualifierTwice => (
                "có từ chỉ mức khác với cột `qualifier`: hãy để một trong hai",
                "hedges the figure otherwise than the column `qualifier`: keep one of the two",
            ),
            Self::FractionTwice => (
                "khác với các cột `numerator`, `denominator`: hãy để một trong hai",
                "differs from the columns `numerator` and `denominator`: keep one of the two",
            ),
        }
    }
}
