//! One run of digits and separators, and the unit words behind it.

use dinh_lake::decimal::Decimal;

use super::{Kind, Locale, Problem};

/// A numeral that reads.
pub(super) struct Numeral {
    pub(super) value: Decimal,
    pub(super) kind: Kind,
    /// What to look at again.
    pub(super) problem: Option<Problem>,
}

/// Splits a text that begins with a minus or a digit after its numeral. A space belongs to the numeral where exactly
/// three digits follow it.
pub(super) fn split(text: &str) -> (&str, &str) {
    let bytes = text.as_bytes();
    let mut end = usize::from(bytes.first() == Some(&b'-'));
    while let Some(byte) = bytes.get(end) {
        let goes_on = match byte {
            b'0'..=b'9' => true,
            b'.' | b',' => bytes.get(end + 1).is_some_and(u8::is_ascii_digit),
            b' ' => digits(&bytes[end + 1..]) == 3,
            _ => false,
        };
        if !goes_on {
            break;
        }
        end += 1;
    }
    text.split_at(end)
}

fn digits(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|b| b.is_ascii_digit()).count()
}

/// Reads a numeral in a locale.
pub(super) fn read(numeral: &str, locale: Locale) -> Result<Numeral, (Kind, Problem)> {
    let (group, point) = match locale {
        Locale::Vi => ('.', ','),
        Locale::En => (',', '.'),
    };
    let (sign, magnitude) = match numeral.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", numeral),
    };
    let spaced = magnitude.contains(' ');
    let group = if spaced && !magnitude.contains(group) { ' ' } else { group };
    let (whole, fraction) = match magnitude.split_once(point) {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (magnitude, None),
    };
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !fraction.is_none_or(plain) || !(plain(whole) || grouped(whole, group)) {
        return Err(foreign(magnitude));
    }
    let whole_digits: String = whole.chars().filter(char::is_ascii_digit).collect();
    let text = match fraction {
        Some(fraction) => format!("{sign}{whole_digits}.{fraction}"),
        None => format!("{sign}{whole_digits}"),
    };
    let value = text.parse().map_err(|e| (Kind::Decimal, Problem::from(e)))?;
    // `1,015`: three decimals behind a whole part that could be the first group of thousands.
    let doubtful = fraction.is_some_and(|f| f.len() == 3)
        && whole.len() <= 3
        && plain(whole)
        && !whole.starts_with('0');
    let kind = match fraction {
        _ if doubtful => Kind::Ambiguous,
        Some(_) => Kind::Decimal,
        None => Kind::Integer,
    };
    let problem = doubtful.then_some(Problem::MaybeThousands);
    Ok(Numeral { value, kind, problem })
}

/// Whether a whole part is groups of thousands: one to three digits, the first not 0, then groups of three.
fn grouped(whole: &str, separator: char) -> bool {
    let mut groups = whole.split(separator);
    let digits = |group: &str| group.bytes().all(|b| b.is_ascii_digit());
    let first = groups.next().is_some_and(|first| {
        (1..=3).contains(&first.len()) && digits(first) && !first.starts_with('0')
    });
    first && groups.all(|group| group.len() == 3 && digits(group))
}

/// Separators that make no number here: those of the other locale, or none at all.
fn foreign(magnitude: &str) -> (Kind, Problem) {
    if magnitude.is_empty() {
        (Kind::Text, Problem::NotANumber)
    } else {
        (Kind::Ambiguous, Problem::OtherLocale)
    }
}

/// The unit words behind a numeral: letters, `%`, strokes, and digits right behind a letter (`km2`).
pub(super) fn unit(rest: &str) -> Result<Option<String>, (Kind, Problem)> {
    let unit = rest.trim();
    let exponent = unit.strip_prefix(['e', 'E']).is_some_and(|rest| {
        let rest = rest.strip_prefix(['-', '+']).unwrap_or(rest);
        rest.starts_with(|c: char| c.is_ascii_digit())
    });
    if exponent {
        return Err((Kind::Text, Problem::Scientific));
    }
    let mut before = ' ';
    for (index, c) in unit.char_indices() {
        let fits = match c {
            '%' => true,
            '/' | ' ' | '.' | '²' | '³' => index > 0,
            c if c.is_ascii_digit() => before.is_alphabetic(),
            c => c.is_alphabetic(),
        };
        if !fits {
            return Err((Kind::Text, Problem::NotANumber));
        }
        before = c;
    }
    Ok((!unit.is_empty()).then(|| unit.to_owned()))
}
