//! The made-up catalogue that the benchmark pushes into: one city, 30 districts, 600 communes, 10 scores and one synthetic
//! feed. Everything in it is named by an ordinal, so a row of the benchmark is four numbers.

use std::fmt::Write;

use chrono::{NaiveDate, TimeDelta};
use dinh_proto::v1::CatalogueFile;

/// The feed; its class is synthetic.
pub(super) const FEED: &str = "bench";
/// How many communes there are.
pub(super) const COMMUNES: u64 = 600;
/// How many indicators there are.
pub(super) const INDICATORS: u64 = 10;
/// How many days there are to report on: from 2000-01-01 on, none of them in the future.
pub(super) const DAYS: u64 = 9_000;

const CITY: &str = "91";
const DISTRICTS: u64 = 30;

/// The text of a commune's code.
#[must_use]
pub(super) fn commune(ordinal: u64) -> String {
    format!("9{ordinal:04}")
}

/// The text of an indicator's code.
#[must_use]
pub(super) fn indicator(ordinal: u64) -> String {
    format!("bench_score_{ordinal}")
}

/// The label of a day.
#[must_use]
pub(super) fn day(ordinal: u64) -> String {
    let first = NaiveDate::from_ymd_opt(2000, 1, 1).expect("a day of the calendar");
    let days = i64::try_from(ordinal).expect("days are a few thousand");
    (first + TimeDelta::days(days)).to_string()
}

/// The files of the catalogue.
#[must_use]
pub(super) fn files() -> Vec<CatalogueFile> {
    [("units.csv", units()), ("indicators.csv", indicators()), ("feeds.csv", feeds())]
        .map(|(name, text)| CatalogueFile { name: name.to_owned(), text })
        .into()
}

fn units() -> String {
    let mut text =
        "unit,code,name,name_en,kind,level,parent,valid_from,valid_to,legal_basis\n".to_owned();
    let mut unit = |code: &str, name: &str, kind: &str, level: &str, parent: &str| {
        writeln!(text, "{code}.1,{code},{name},,{kind},{level},{parent},1999-01-01,,")
            .expect("writing to a string does not fail");
    };
    unit(CITY, "Thành phố đo thử", "thanh_pho", "city", "");
    let district = |ordinal: u64| format!("9{ordinal:02}");
    for ordinal in 0..DISTRICTS {
        let name = format!("Huyện đo thử {ordinal}");
        unit(&district(ordinal), &name, "huyen", "district", &format!("{CITY}.1"));
    }
    for ordinal in 0..COMMUNES {
        let parent = format!("{}.1", district(ordinal % DISTRICTS));
        unit(&commune(ordinal), &format!("Xã đo thử {ordinal}"), "xa", "commune", &parent);
    }
    text
}

fn indicators() -> String {
    let mut text = "indicator,name_vi,name_en,kind,unit_of_measure,pillar,behaviour,aggregation,aggregation_time,numerator,\
                    denominator,factor,direction,levels,stages,default_stage,min,max,integer,tier,rebase_weight,ranks,\
                    precedence\n"
        .to_owned();
    for ordinal in 0..INDICATORS {
        let code = indicator(ordinal);
        writeln!(
            text,
            "{code},Điểm đo thử {ordinal},,score,điểm,,intensive,mean,none,,,,higher,commune,self,self,0,100,,open,none,,"
        )
        .expect("writing to a string does not fail");
    }
    text
}

fn feeds() -> String {
    format!(
        "feed,name_vi,name_en,class,calendar,precedence,within,indicators\n\
         {FEED},Số liệu đo thử,,synthetic,gregorian,10,{CITY},\n"
    )
}

#[cfg(test)]
mod tests {
    use dinh_lake::catalogue::Catalogue;
    use dinh_lake::catalogue::files::{SourceFile, read};

    use super::*;

    #[test]
    fn the_catalogue_is_sound_and_has_every_ordinal() {
        let source = |file: CatalogueFile| SourceFile { name: file.name, text: file.text };
        let files: Vec<_> = files().into_iter().map(source).collect();
        let catalogue = Catalogue::from_records(1, read(&files).unwrap()).unwrap();
        assert_eq!(catalogue.units.versions().len() as u64, 1 + DISTRICTS + COMMUNES);
        for ordinal in [0, COMMUNES - 1] {
            let on = "2020-01-01".parse().unwrap();
            assert_eq!(catalogue.units.by_code(&commune(ordinal), on).unwrap().level, "commune");
        }
        assert!(catalogue.indicators.contains_key(&indicator(INDICATORS - 1)));
        assert!(catalogue.feeds.contains_key(FEED));
    }

    #[test]
    fn days_are_labels_in_the_past() {
        assert_eq!((day(0).as_str(), day(59).as_str()), ("2000-01-01", "2000-02-29"));
        assert_eq!(day(DAYS - 1), "2024-08-21");
    }
}
