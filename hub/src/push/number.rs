//! Figures as people write them: `1.015`, `93,86%`, `khoảng 23.726`, `trên 130`, `26/35`, `7-7,5%/năm`.
//!
//! Pure: a text and a locale give a [`Figure`], whose [`Verdict`] says how far it can be trusted. Nothing is guessed: a
//! text that is a figure only in the other locale is rejected, and [`differs`] finds the texts that two locales read as
//! two figures. `tests/data/numbers_vi.csv` is the table of cases, kept case by case.
//!
//! # Decisions
//! - A fraction is a numerator and a denominator; its value is their quotient, rounded half up to 6 digits. Where the
//!   indicator is a rank, `21/30` is the 21st place among 30: only the indicator can tell, so the reader is told what
//!   figure to expect, and says [`Verdict::RankOrFraction`] where nobody knows.
//! - `gần 100%` (just below) is `lt`.
//! - A share over 100 % is rejected; a growth of 120 % is written without the sign.

use dinh_lake::decimal::{Decimal, DecimalError};
use dinh_lake::observation::Qualifier;
use unicode_normalization::UnicodeNormalization as _;

pub use self::problem::Problem;

mod numeral;
mod problem;
#[cfg(test)]
mod tests;

/// How separators are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Locale {
    /// Vietnamese: `1.015` is one thousand and fifteen, `93,86` has a decimal comma.
    Vi,
    /// English: `1,015` is one thousand and fifteen, `93.86` has a decimal point.
    En,
}

/// What is known of the indicator that a figure belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Expected {
    /// Nothing.
    #[default]
    Unknown,
    /// It is a place in an order.
    Rank,
    /// It is a percentage.
    Percentage,
    /// It is anything else.
    Quantity,
}

/// How a text is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A whole number.
    Integer,
    /// A number with decimals, or a percentage.
    Decimal,
    /// Two numbers with a stroke between.
    Fraction,
    /// Two bounds.
    Range,
    /// Separators that mean something else in the other locale.
    Ambiguous,
    /// Words.
    Text,
    /// Nothing, or a dash.
    Missing,
}

/// How far a figure can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It reads one way.
    Ok,
    /// It reads, but look at it again.
    Warn,
    /// It does not read.
    Reject,
    /// There is none; never 0.
    Missing,
    /// `21/30`: the indicator decides which.
    RankOrFraction,
}

/// A text as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figure {
    /// How it is built.
    pub kind: Kind,
    /// How far to trust it.
    pub verdict: Verdict,
    /// The figure.
    pub value: Option<Decimal>,
    /// The numerator and the denominator of a fraction.
    pub fraction: Option<(Decimal, Decimal)>,
    /// The bounds of a range.
    pub range: Option<(Decimal, Decimal)>,
    /// How the text hedges it.
    pub qualifier: Option<Qualifier>,
    /// The words behind it in lower case, such as `%` or `triệu đồng`.
    pub unit: Option<String>,
    /// What is wrong, or to be looked at again.
    pub problem: Option<Problem>,
}

impl Figure {
    fn nothing(kind: Kind, verdict: Verdict, problem: Option<Problem>) -> Self {
        let (value, fraction, range) = (None, None, None);
        Self { kind, verdict, value, fraction, range, qualifier: None, unit: None, problem }
    }

    fn rejected(kind: Kind, problem: Problem) -> Self {
        Self::nothing(kind, Verdict::Reject, Some(problem))
    }

    fn warned(self, problem: Problem) -> Self {
        let verdict = if self.verdict == Verdict::Reject { Verdict::Reject } else { Verdict::Warn };
        Self { verdict, problem: self.problem.or(Some(problem)), ..self }
    }

    /// The numbers in it, if it reads at all.
    fn numbers(&self) -> Option<[Option<Decimal>; 5]> {
        let (numerator, denominator) = self.fraction.unzip();
        let (low, high) = self.range.unzip();
        (self.verdict != Verdict::Reject).then_some([self.value, numerator, denominator, low, high])
    }
}

/// Reads one text.
#[must_use]
pub fn read(raw: &str, locale: Locale, expected: Expected) -> Figure {
    let (text, full_width) = folded(raw);
    let figure = read_folded(text.trim(), locale, expected);
    if full_width && figure.kind != Kind::Missing {
        figure.warned(Problem::FullWidth)
    } else {
        figure
    }
}

/// Whether the two locales read a text as two figures, or only one of them can read it.
#[must_use]
pub fn differs(raw: &str) -> bool {
    let numbers = |locale| read(raw, locale, Expected::Unknown).numbers();
    numbers(Locale::Vi) != numbers(Locale::En)
}

/// The text with one sort of space, minus and digit, and whether it had full-width ones.
fn folded(raw: &str) -> (String, bool) {
    let mut full_width = false;
    let fold = |c: char| match c {
        '\u{FF01}'..='\u{FF5E}' => {
            full_width = true;
            char::from_u32(u32::from(c) - 0xFEE0).unwrap_or(c)
        }
        '\u{A0}' | '\u{202F}' | '\u{2007}' | '\u{2009}' | '\u{3000}' => ' ',
        '\u{2212}' | '\u{2010}' | '\u{2011}' | '\u{2012}' | '\u{2013}' | '\u{2014}' => '-',
        c => c,
    };
    (raw.nfc().map(fold).collect(), full_width)
}

fn read_folded(text: &str, locale: Locale, expected: Expected) -> Figure {
    if matches!(text, "" | "-" | "…" | "...") {
        return Figure::nothing(Kind::Missing, Verdict::Missing, None);
    }
    let lower = text.to_lowercase();
    if matches!(lower.as_str(), "toàn bộ" | "tất cả" | "all") {
        return everything(expected);
    }
    let (qualifier, number) = hedge(&lower);
    if !number.starts_with(|c: char| c == '-' || c.is_ascii_digit()) {
        return Figure::rejected(Kind::Text, Problem::of_words(&lower));
    }
    match measure(number, locale, expected) {
        Ok(figure) => Figure { qualifier, ..figure },
        Err((kind, problem)) => Figure::rejected(kind, problem),
    }
}

/// "All of them" is 100 % where a share is asked for, and no number elsewhere.
fn everything(expected: Expected) -> Figure {
    match expected {
        Expected::Unknown | Expected::Percentage => Figure {
            value: Decimal::from_integer(100),
            unit: Some("%".to_owned()),
            ..Figure::nothing(Kind::Text, Verdict::Warn, Some(Problem::All))
        },
        Expected::Rank | Expected::Quantity => Figure::rejected(Kind::Text, Problem::All),
    }
}

/// Words in front of a figure that hedge it, longest first among those that begin alike.
const HEDGES: [(&str, Qualifier); 22] = [
    ("khoảng", Qualifier::Approximate),
    ("xấp xỉ", Qualifier::Approximate),
    ("about", Qualifier::Approximate),
    ("~", Qualifier::Approximate),
    ("≈", Qualifier::Approximate),
    ("gần", Qualifier::Less),
    ("nearly", Qualifier::Less),
    ("dưới", Qualifier::Less),
    ("below", Qualifier::Less),
    ("trên", Qualifier::Greater),
    ("hơn", Qualifier::Greater),
    ("over", Qualifier::Greater),
    ("tối thiểu", Qualifier::GreaterOrEqual),
    ("ít nhất", Qualifier::GreaterOrEqual),
    ("at least", Qualifier::GreaterOrEqual),
    ("≥", Qualifier::GreaterOrEqual),
    (">=", Qualifier::GreaterOrEqual),
    ("tối đa", Qualifier::LessOrEqual),
    ("không quá", Qualifier::LessOrEqual),
    ("at most", Qualifier::LessOrEqual),
    ("≤", Qualifier::LessOrEqual),
    ("<=", Qualifier::LessOrEqual),
];

/// The qualifier that a word stands for: `khoảng` is `approx`; a code stands for itself.
#[must_use]
pub fn qualifier_of(word: &str) -> Option<Qualifier> {
    let word = word.nfc().collect::<String>().to_lowercase();
    let by_word = || HEDGES.iter().find(|(hedge, _)| *hedge == word).map(|(_, found)| *found);
    Qualifier::from_code(&word).or_else(by_word)
}

/// Splits a hedge off a lower-case text: in front (`trên 130`, `>130`) or around (`từ 80% trở lên`).
fn hedge(lower: &str) -> (Option<Qualifier>, &str) {
    for (behind, qualifier) in
        [("trở lên", Qualifier::GreaterOrEqual), ("trở xuống", Qualifier::LessOrEqual)]
    {
        if let Some(rest) = lower.strip_suffix(behind) {
            let rest = rest.strip_prefix("từ ").unwrap_or(rest);
            return (Some(qualifier), rest.trim());
        }
    }
    let signs = [(">", Qualifier::Greater), ("<", Qualifier::Less)];
    for (before, qualifier) in HEDGES.into_iter().chain(signs) {
        if let Some(rest) = lower.strip_prefix(before) {
            return (Some(qualifier), rest.trim_start());
        }
    }
    (None, lower)
}

/// A number, a fraction or a range, and the unit behind it.
fn measure(text: &str, locale: Locale, expected: Expected) -> Result<Figure, (Kind, Problem)> {
    let (first, rest) = numeral::split(text);
    let one = numeral::read(first, locale)?;
    let joint = rest.trim_start();
    let second = |joint: &'static str| {
        let behind = rest.trim_start().strip_prefix(joint)?.trim_start();
        behind.starts_with(|c: char| c.is_ascii_digit()).then(|| numeral::split(behind))
    };
    if let Some((denominator, unit)) = second("/") {
        let two = numeral::read(denominator, locale)?;
        return fraction(one.value, two.value, numeral::unit(unit)?, expected);
    }
    if let Some((high, unit)) = second("-") {
        let two = numeral::read(high, locale)?;
        if one.value >= two.value {
            return Err((Kind::Text, Problem::NotANumber));
        }
        return Ok(Figure {
            range: Some((one.value, two.value)),
            unit: numeral::unit(unit)?,
            ..Figure::nothing(Kind::Range, Verdict::Ok, None)
        });
    }
    let unit = numeral::unit(joint)?;
    let percent = unit.as_deref().is_some_and(|unit| unit.starts_with('%'));
    let kind = match (one.kind, percent) {
        (Kind::Integer, true) => Kind::Decimal,
        (kind, _) => kind,
    };
    let over = unit.as_deref() == Some("%") && Decimal::from_integer(100) < Some(one.value);
    let (verdict, problem) = match (over, one.problem) {
        (true, _) => (Verdict::Reject, Some(Problem::ShareOver100)),
        (false, None) => (Verdict::Ok, None),
        (false, problem) => (Verdict::Warn, problem),
    };
    Ok(Figure { value: Some(one.value), unit, ..Figure::nothing(kind, verdict, problem) })
}

fn fraction(
    numerator: Decimal,
    denominator: Decimal,
    unit: Option<String>,
    expected: Expected,
) -> Result<Figure, (Kind, Problem)> {
    let quotient = Decimal::ratio(1, numerator, denominator)
        .ok_or((Kind::Fraction, Problem::ZeroDenominator))?;
    let (value, verdict) = match expected {
        Expected::Rank => (numerator, Verdict::Ok),
        Expected::Unknown => (quotient, Verdict::RankOrFraction),
        Expected::Percentage | Expected::Quantity => (quotient, Verdict::Ok),
    };
    Ok(Figure {
        value: Some(value),
        fraction: Some((numerator, denominator)),
        unit,
        ..Figure::nothing(Kind::Fraction, verdict, None)
    })
}

impl From<DecimalError> for Problem {
    fn from(error: DecimalError) -> Self {
        match error {
            DecimalError::Syntax => Self::NotANumber,
            DecimalError::TooManyDigits => Self::TooManyDigits,
        }
    }
}
