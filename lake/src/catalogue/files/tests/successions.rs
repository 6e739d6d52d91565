//! The lines of `succession.csv`, each by itself and together, and the units that they are about.

use super::{faults, with};
use crate::catalogue::files::{SourceFile, read};
use crate::catalogue::{Catalogue, RecordKind};
use crate::succession::{Confidence, Event, Extent};

/// The sample, and 90001 to 90003 until 2025-06-30, which 90001.2 and 90002.2 came after; 273 goes on.
const UNITS: &str = "90001.1,90001,Xã A,,xa,commune,273.1,2020-03-01,2025-06-30,
90002.1,90002,Xã B,,xa,commune,273.1,2020-03-01,2025-06-30,
90003.1,90003,Xã C,,xa,commune,273.1,2020-03-01,2025-06-30,
90001.2,90001,Xã A,,xa,commune,273.1,2025-07-01,,
90002.2,90002,Xã B,,xa,commune,273.1,2025-07-01,,";

fn files(lines: &str) -> Vec<SourceFile> {
    with(&[("units.csv", UNITS), ("succession.csv", lines)])
}

fn told(lines: &str) -> Vec<String> {
    faults(&files(lines))
}

#[test]
fn edges_are_read_with_what_is_known_of_them() {
    let catalogue = |lines| Catalogue::from_records(1, read(&files(lines)).unwrap()).unwrap();
    let catalogue = catalogue(
        "90001.1,90001.2,2025-07-01,merge,whole,,,,,NQ 1656,declared
90002.1,90001.2,2025-07-01,merge,part_area_all_population,1,0.75,,,,derived
90002.1,90002.2,2025-07-01,transfer,part_area_only,,0.25,,,,declared
90003.1,90001.2,2025-07-01,split,part,0.333333,,,,,declared
90003.1,90002.2,2025-07-01,split,part,0.666667,,,,,declared
09829.1,09784.1,2024-01-01,transfer,part_area_only,,0.1,,,,low",
    );
    let edge = &catalogue.successions["90002.1/90001.2/2025-07-01"];
    assert_eq!((edge.event, edge.extent), (Event::Merge, Extent::PartAreaAllPopulation));
    assert_eq!((edge.weights.area, edge.weights.households), ("0.75".parse().ok(), None));
    assert_eq!((edge.confidence, edge.source.as_deref()), (Confidence::Derived, None));
    let records = catalogue.records();
    assert_eq!(records.iter().filter(|r| r.kind == RecordKind::Succession).count(), 6);
    assert_eq!(Catalogue::from_records(1, records).unwrap().successions, catalogue.successions);
}

#[test]
fn lines_that_do_not_parse_or_name_nothing() {
    assert_eq!(
        told(
            "90001.1,90001.2,2025-07-01,halve,half,,,,,,sure
90002.1,9002.2,2025-07-01,merge,whole,,2,,,,declared
90003.1,90003.1,2025-07-01,close,whole,,,,,,low
90003.1,90003.1,2025-07-01,close,whole,,,,,,low"
        ),
        [
            "succession.csv:2: column `event`: `halve` is not one of `create`, `merge`, `split`, `transfer`, `rename`, `retype`, `recode`, `reparent`, `close`",
            "succession.csv:2: column `extent`: `half` is not one of `whole`, `part`, `part_area_only`, `part_area_all_population`",
            "succession.csv:2: column `confidence`: `sure` is not one of `declared`, `derived`, `low`",
            "succession.csv:3: column `to`: `9002.2` is not in `units.csv`; is `90002.2` meant?",
            "succession.csv:3: column `area`: a weight lies from 0 to 1",
            "succession.csv:3: column `area`: the weights out of `90002.1` sum to `2`, not to `1`",
            "succession.csv:5: `90003.1/90003.1/2025-07-01/close` stands in line 4 already",
        ]
    );
}

#[test]
fn units_stand_on_the_two_sides_of_the_day() {
    assert_eq!(
        told(
            "90001.1,90001.2,2025-07-01,merge,whole,,,,,,declared
90002.1,90002.2,2024-07-01,merge,whole,,,,,,declared
90002.1,09829.1,2025-07-01,merge,whole,,,,,,declared
273.1,90002.2,2025-07-01,merge,whole,,,,,,declared
90003.1,90003.1,2025-07-01,rename,whole,,,,,,declared
90003.1,90003.1,2025-07-01,close,whole,,,,,,declared
09829.1,09829.1,2025-07-01,create,whole,,,,,,declared
09829.1,09829.1,2025-07-01,rename,whole,,,,,,declared"
        ),
        [
            "succession.csv:3: column `to`: `90002.2` is not valid on 2024-07-01",
            "succession.csv:3: column `from`: `90002.1` goes on after people left it: end it, and let what goes on have the next ordinal",
            "succession.csv:4: column `to`: `09829.1` was there before people came to it: from that day it is the next ordinal",
            "succession.csv:5: column `from`: `273.1` goes on after people left it: end it, and let what goes on have the next ordinal",
            "succession.csv:6: column `to`: `90003.1` is not valid on 2025-07-01",
            "succession.csv:8: column `to`: `09829.1` was there before people came to it: from that day it is the next ordinal",
            "succession.csv:9: column `event`: `09829.1` is the same before and after 2025-07-01 in `units.csv`",
        ]
    );
}

#[test]
fn an_event_and_an_extent_go_together() {
    assert_eq!(
        told(
            "90001.1,90001.2,2025-07-01,merge,part,,,,,,low
90001.1,90002.2,2025-07-01,split,whole,,,,,,low
90002.1,90002.2,2025-07-01,close,whole,,,,,,low
90003.1,90003.1,2025-07-01,close,part,1,,,,,low
90003.1,90003.1,2025-07-01,merge,whole,,,,,,low"
        ),
        [
            "succession.csv:2: column `extent`: `part` does not go with the event `merge`",
            "succession.csv:2: column `extent`: all of `90001.1` went to one unit, so nothing is left for another",
            "succession.csv:3: column `extent`: `whole` does not go with the event `split`",
            "succession.csv:4: column `to`: `close` is of one unit: write `90002.1` in both columns",
            "succession.csv:5: column `extent`: `part` does not go with the event `close`",
            "succession.csv:5: column `population`: `close` moves nothing, so it has no weights",
            "succession.csv:6: column `to`: `merge` is between two units",
            "succession.csv:6: column `to`: `90003.1` is not valid on 2025-07-01",
            "succession.csv:6: column `to`: `90003.1` was there before people came to it: from that day it is the next ordinal",
        ]
    );
}

#[test]
fn all_that_left_a_unit_went_somewhere() {
    assert_eq!(
        told(
            "90001.1,90001.2,2025-07-01,transfer,part_area_only,,,,,,low
90001.1,90002.2,2025-07-01,transfer,part_area_only,,,,,,low
90002.1,90001.2,2025-07-01,split,part,,,,,,low
90002.1,90002.2,2025-07-01,transfer,part_area_only,,,,,,low
90003.1,90001.2,2025-07-01,merge,part_area_all_population,,,,,,low
90003.1,90002.2,2025-07-01,split,part,,,,,,low"
        ),
        [
            "succession.csv:2: column `extent`: only land of `90001.1` went over: no line says where its people went",
            "succession.csv:4: column `extent`: a part of `90002.1` went over: no line says where the other people went",
            "succession.csv:6: column `extent`: all people of `90003.1` went to one unit, so none are left for another",
        ]
    );
}

#[test]
fn the_weights_out_of_a_unit_sum_to_one_in_every_column() {
    assert_eq!(
        told(
            "90001.1,90001.2,2025-07-01,split,part,0.5,0.4,,,,declared
90001.1,90002.2,2025-07-01,split,part,0.4,0.6,1,,,declared
90002.1,90001.2,2025-07-01,merge,part_area_all_population,0.9,0.3,,,,declared
90002.1,90002.2,2025-07-01,transfer,part_area_only,,0.3,,0.1,,declared
90003.1,90001.2,2025-07-01,merge,whole,,0.5,,,,declared
09829.1,09784.1,2024-01-01,transfer,part_area_only,,0.6,,,,low
09829.1,273.1,2024-01-01,transfer,part_area_only,,0.6,,,,low"
        ),
        [
            "succession.csv:2: column `population`: the weights out of `90001.1` sum to `0.9`, not to `1`",
            "succession.csv:2: column `households`: another line out of `90001.1` has this weight: write it here too",
            "succession.csv:4: column `population`: `0.9` contradicts the extent `part_area_all_population`",
            "succession.csv:4: column `population`: the weights out of `90002.1` sum to `0.9`, not to `1`",
            "succession.csv:4: column `area`: the weights out of `90002.1` sum to `0.6`, not to `1`",
            "succession.csv:4: column `villages`: the weights out of `90002.1` sum to `1.1`, not to `1`",
            "succession.csv:5: column `villages`: `0.1` contradicts the extent `part_area_only`",
            "succession.csv:6: column `area`: `0.5` contradicts the extent `whole`",
            "succession.csv:6: column `area`: the weights out of `90003.1` sum to `0.5`, not to `1`",
            "succession.csv:7: column `area`: the weights out of `09829.1` sum to `1.2`, not to `1`",
        ]
    );
}

#[test]
fn no_unit_ends_without_a_word() {
    assert_eq!(
        told(
            "90001.1,90001.2,2025-07-01,merge,whole,,,,,,declared
90003.1,90003.1,2025-07-01,close,whole,,,,,,low"
        ),
        [
            "units.csv:7: column `valid_to`: `90002.1` ends, and no line of `succession.csv` says on 2025-07-01 what became \
          of it: write its successors, or the event `close`"
        ]
    );
    // A line that did not parse may have said it.
    let told = told(
        "90001.1,90001.2,2025-07-01,merge,whole,,,,,,declared
90003.1,90003.1,2025-07-01,close,whole,,,,,,low
90002.1,90002.2,2025-07-01,merge,,,,,,,low",
    );
    assert_eq!(told, ["succession.csv:4: column `extent`: must not be empty"]);
}
