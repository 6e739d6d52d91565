//! Made-up figures for a full screen: the feed `demo-synthetic`, the same at every run.
//!
//! For the 579 communes of Hà Nội as they were until 2024-12-31: community teams and their members at the end of 2024, and
//! for each month of 2024 the share of dossiers that came in online, with its parts.

use dinh_proto::v1::Row;

/// The feed that carries them; its class in the catalogue is synthetic.
pub const FEED: &str = "demo-synthetic";
/// The unit whose communes they are for.
const CITY: &str = "01.1";
/// The last day on which they were as they are told here.
const LAST_DAY: &str = "2024-12-31";

/// All its rows.
///
/// # Errors
/// When the catalogue in the binary cannot be read.
pub fn rows() -> anyhow::Result<Vec<Row>> {
    #[derive(serde::Deserialize)]
    struct Unit {
        code: String,
        level: String,
        parent: String,
        valid_from: String,
    }
    let units = csv::Reader::from_reader(super::CATALOGUE[0].1.as_bytes());
    let units = units.into_deserialize().collect::<Result<Vec<Unit>, _>>()?;
    let districts: Vec<&Unit> =
        units.iter().filter(|unit| unit.level == "district" && unit.parent == CITY).collect();
    let ours = |unit: &&Unit| {
        districts.iter().any(|district| unit.parent.split('.').next() == Some(&district.code))
    };
    // Days written this way are in the order of their texts.
    let known = |unit: &&Unit| unit.level == "commune" && unit.valid_from.as_str() <= LAST_DAY;
    let communes = units.iter().filter(known).filter(ours);
    Ok(communes.flat_map(|commune| of(&commune.code)).collect())
}

fn of(code: &str) -> Vec<Row> {
    let teams = 3 + scatter(code, 0) % 14;
    let members = teams * (5 + scatter(code, 1) % 5);
    let row = |indicator: &str, period: &str| Row {
        indicator: indicator.to_owned(),
        unit: code.to_owned(),
        period: period.to_owned(),
        ..Row::default()
    };
    let count = |indicator, n: u64| Row { value: n.to_string(), ..row(indicator, LAST_DAY) };
    let mut rows =
        vec![count("community_digital_teams", teams), count("community_team_members", members)];
    for month in 1..=12 {
        let received = 60 + scatter(code, 10 + month) % 400;
        // The share grows over the year, from about a half to about nine tenths.
        let online = received * (45 + 3 * month + scatter(code, 30 + month) % 15) / 100;
        rows.push(Row {
            numerator: online.to_string(),
            denominator: received.to_string(),
            ..row("online_dossiers_pct", &format!("2024-{month:02}"))
        });
    }
    rows
}

/// A number that looks random and is always the same for a code and a purpose (FNV-1a).
fn scatter(code: &str, purpose: u64) -> u64 {
    let bytes = code.bytes().chain(purpose.to_le_bytes());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    hash >> 20
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_the_same_every_time_and_can_be_true() {
        assert_eq!(of("09784"), of("09784"));
        assert_ne!(of("09784")[0].value, "");
        assert_eq!(rows().unwrap().len(), 579 * 14);
        for row in of("00001").iter().skip(2) {
            let (online, received): (u64, u64) =
                (row.numerator.parse().unwrap(), row.denominator.parse().unwrap());
            assert!(online <= received, "{row:?}");
        }
    }
}
