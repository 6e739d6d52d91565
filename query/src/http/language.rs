//! Which language a client prefers, by `Accept-Language`.

use axum::http::HeaderMap;
use axum::http::header::ACCEPT_LANGUAGE;

use crate::error::Language;

/// The preferred of our languages; English where the client names neither.
pub(super) fn preferred(headers: &HeaderMap) -> Language {
    let listed = headers.get_all(ACCEPT_LANGUAGE).iter().filter_map(|value| value.to_str().ok());
    let mut best = (0, Language::default());
    for (tag, weight) in listed.flat_map(|value| value.split(',').filter_map(weighted)) {
        let primary = tag.split('-').next().unwrap_or_default();
        let language = match primary.to_ascii_lowercase().as_str() {
            "vi" => Language::Vietnamese,
            "en" => Language::English,
            _ => continue,
        };
        if weight > best.0 {
            best = (weight, language);
        }
    }
    best.1
}

/// An item of a list with weights, such as `vi;q=0.8`, and its weight in thousandths.
pub(super) fn weighted(item: &str) -> Option<(&str, u32)> {
    let mut parts = item.split(';').map(str::trim);
    let name = parts.next().filter(|name| !name.is_empty())?;
    let weight = parts.find_map(|part| part.strip_prefix("q="));
    let thousandths = |weight: &str| {
        let weight: f32 = weight.parse().ok().filter(|w| (0.0..=1.0).contains(w))?;
        // In range by the filter above.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 1000")]
        Some((weight * 1000.0).round() as u32)
    };
    Some((name, weight.map_or(Some(1000), thousandths)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_heaviest_known_language_wins() {
        for (accept, language) in [
            ("vi", Language::Vietnamese),
            ("vi-VN,vi;q=0.9,en-US;q=0.8", Language::Vietnamese),
            ("en;q=0.5, vi;q=0.8", Language::Vietnamese),
            ("fr, en;q=0.3, vi;q=0.2", Language::English),
            ("fr", Language::English),
            ("vi;q=0", Language::English),
        ] {
            let headers = [(ACCEPT_LANGUAGE, accept.parse().unwrap())].into_iter().collect();
            assert_eq!(preferred(&headers), language, "{accept}");
        }
        assert_eq!(preferred(&HeaderMap::new()), Language::English);
    }
}
