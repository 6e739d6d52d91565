//! The files of composite indices: what reads, every fault at its line, and what a plan says of a change.

use super::super::{Fault, SourceFile, read, samples};
use crate::catalogue::plan::plan;
use crate::catalogue::{Catalogue, Record, RecordKind};
use crate::composite::{MissingRule, Normalisation};

const VERSIONS: &str = "\
composite,version,name_vi,name_en,valid_from,valid_to,legal_basis,level,normalisation,within_groups,over_groups,missing,\
threshold,weights_total,full_score,floor,weight_spread,draws,seed,example,note
par,2023,Chỉ số CCHC,,2023-01-01,2023-12-31,,district,share_of_maximum,arithmetic,arithmetic,refuse,,100,,,,,,true,
par,2024,Chỉ số CCHC,,2024-01-01,,QĐ 1,district,share_of_maximum,arithmetic,arithmetic,zero,0.5,100,1000,0,0.1,50,7,,ghi chú
";

const GROUPS: &str = "\
composite,version,group,name_vi,name_en,weight
par,2023,all,Tất cả,All,100
par,2024,score,Điểm,Points,70
par,2024,rest,Còn lại,,30
";

const COMPONENTS: &str = "\
composite,version,group,component,name_vi,name_en,indicator,stage,weight,max_points,direction,normalisation,lower,upper,evidence
par,2023,all,score,,,par_index_pct,,100,,,,,,
par,2024,score,score,Điểm,Points,par_index_pct,self,70,100,higher,goalposts,50,100,biên bản
par,2024,rest,cover,,,coverage_pct,,30,,lower,,,,
";

fn with(files: [&str; 3]) -> Vec<SourceFile> {
    let mut all = samples::files();
    let names = ["composites.csv", "component_groups.csv", "components.csv"];
    all.extend(
        names
            .into_iter()
            .zip(files)
            .map(|(name, text)| SourceFile { name: name.to_owned(), text: text.to_owned() }),
    );
    all
}

fn sound() -> Vec<Record> {
    read(&with([VERSIONS, GROUPS, COMPONENTS])).unwrap()
}

/// The sound files with some texts replaced in one of them, by number.
fn edited(file: usize, edits: &[(&str, &str)]) -> Vec<SourceFile> {
    let mut files = [VERSIONS, GROUPS, COMPONENTS].map(str::to_owned);
    for (from, to) in edits {
        assert!(files[file].contains(from), "{from}");
        files[file] = files[file].replacen(from, to, 1);
    }
    with([&files[0], &files[1], &files[2]])
}

fn faults(files: &[SourceFile]) -> Vec<String> {
    let faults = read(files).err().unwrap_or_default();
    assert!(faults.iter().all(|fault| fault.text_vi() != fault.to_string()));
    faults.iter().map(Fault::to_string).collect()
}

#[test]
fn definitions_are_read_with_their_defaults() {
    let catalogue = Catalogue::from_records(1, sound()).unwrap();
    assert_eq!(catalogue.composites.keys().collect::<Vec<_>>(), ["par/2023", "par/2024"]);
    let earlier = &catalogue.composites["par/2023"];
    let numbers = [earlier.threshold, earlier.full_score, earlier.floor, earlier.weight_spread];
    assert_eq!(numbers.map(|number| number.to_string()), ["0.66", "100", "0", "0.25"]);
    assert_eq!((earlier.draws, earlier.seed, earlier.example), (1_000, 1, true));
    let later = &catalogue.composites["par/2024"];
    assert_eq!((later.missing, later.draws, later.seed), (MissingRule::Zero, 50, 7));
    assert_eq!(later.groups.len(), 2);
    let component = &later.groups[0].components[0];
    assert_eq!(component.normalisation, Some(Normalisation::Goalposts));
    assert_eq!(component.evidence.as_deref(), Some("biên bản"));
    assert_eq!(
        Catalogue::from_records(2, catalogue.records()).unwrap().composites,
        catalogue.composites
    );
}

#[test]
fn a_catalogue_may_lack_the_files() {
    let catalogue = Catalogue::from_records(1, read(&samples::files()).unwrap()).unwrap();
    assert!(catalogue.composites.is_empty());
}

#[test]
fn a_component_that_is_missing_is_named_with_its_line() {
    assert_eq!(
        faults(&edited(2, &[("par_index_pct,,100", "par_index_pc,,100")])),
        [
            "components.csv:2: column `indicator`: `par_index_pc` is not in `indicators.csv`; is `par_index_pct` meant?"
        ]
    );
    let removed = "par,2024,rest,cover,,,coverage_pct,,30,,lower,,,,\n";
    assert_eq!(
        faults(&edited(2, &[(removed, "")])),
        ["component_groups.csv:4: column `group`: the group `rest` has no component"]
    );
}

#[test]
fn what_belongs_to_nothing_is_told() {
    let files = edited(2, &[("2024,rest,cover", "2025,rest,cover"), ("par,2023", "pra,2023")]);
    let told = faults(&files);
    assert_eq!(
        told,
        [
            "component_groups.csv:2: column `group`: the group `all` has no component",
            "component_groups.csv:4: column `group`: the group `rest` has no component",
            "components.csv:2: column `composite`: `pra` is not in `composites.csv`; is `par` meant?",
            "components.csv:4: column `version`: `par` has no version `2025` in `composites.csv`; it has `2023`, `2024`",
        ]
    );
    let told = faults(&edited(2, &[("2024,rest,cover", "2024,rst,cover")]));
    assert_eq!(
        told[1],
        "components.csv:4: column `group`: `par/2024` has no group `rst` in `component_groups.csv`; it has `score`, `rest`"
    );
}

#[test]
fn sums_and_days_are_checked() {
    assert_eq!(
        faults(&edited(1, &[("Tất cả,All,100", "Tất cả,All,99")])),
        [
            "composites.csv:2: column `weights_total`: the weights of its groups sum to `99`, not to `100`",
            "component_groups.csv:2: column `weight`: the weights of its components sum to `100`, not to `99`",
        ]
    );
    assert_eq!(
        faults(&edited(0, &[("2023-12-31", "2024-01-01")])),
        [
            "composites.csv:3: column `valid_from`: the version `2023` in line 2 holds on 2024-01-01 too"
        ]
    );
    assert_eq!(
        faults(&edited(0, &[("par,2024", "par,2023")]))[0],
        "composites.csv:3: `par/2023` stands in line 2 already"
    );
    assert_eq!(
        faults(&edited(2, &[("goalposts,50,100", "goalposts,100,50")])),
        ["components.csv:3: column `lower`: `100` is not under the `upper` `50`"]
    );
}

#[test]
fn means_that_do_not_go_with_values_are_refused() {
    let first = "share_of_maximum,arithmetic,arithmetic,refuse";
    let told = faults(&edited(0, &[(first, "z_score,geometric,arithmetic,refuse")]));
    assert_eq!(
        told,
        [
            "composites.csv:2: column `within_groups`: a geometric mean needs values over 0, and `score` has a `z_score`, which may be below"
        ]
    );
    let told = faults(&edited(0, &[(first, "min_max,geometric,arithmetic,refuse")]));
    assert_eq!(
        told,
        [
            "composites.csv:2: column `floor`: a geometric mean needs values over 0, and 1 components may count 0, first `score`; write a floor such as `0.01`"
        ]
    );
}

#[test]
fn a_line_that_does_not_parse_is_told_once() {
    let told = faults(&edited(2, &[("par_index_pct,,100", "par_index_pct,best,much")]));
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told.iter().all(|fault| fault.starts_with("components.csv:2: column")), "{told:?}");
    let told = faults(&edited(0, &[(",50,7,", ",-50,9999999999,")]));
    assert_eq!(told.len(), 2, "{told:?}");
}

#[test]
fn a_plan_says_what_of_a_definition_changes() {
    let current = Catalogue::from_records(1, sound()).unwrap();
    let text = |files: &[SourceFile]| plan(&current, read(files).unwrap()).to_string();
    let weights = edited(2, &[("50,100,biên bản", "60,100,sổ họp")]);
    assert_eq!(
        text(&weights),
        "~ composite par/2024: score.score.evidence biên bản -> sổ họp, score.score.lower 50 -> 60\n\
         0 to add, 1 to change, 0 to remove"
    );
    let swapped = "par,2024,rest,Còn lại,,30\npar,2024,score,Điểm,Points,70\n";
    let groups = "par,2024,score,Điểm,Points,70\npar,2024,rest,Còn lại,,30\n";
    assert_eq!(
        text(&edited(1, &[(groups, swapped)])),
        "~ composite par/2024: groups [\"score\",\"rest\"] -> [\"rest\",\"score\"]\n\
         0 to add, 1 to change, 0 to remove"
    );
    let none = plan(&current, read(&samples::files()).unwrap());
    assert_eq!(none.removed.len(), 2);
    assert!(none.removed.iter().all(|change| change.kind == RecordKind::Composite));
    assert!(none.to_string().starts_with("- composite par/2023 Chỉ số CCHC\n"), "{none}");
}
