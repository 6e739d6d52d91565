//! The catalogue to records and back, and the plan between two catalogues.

use std::sync::Arc;

use object_store::memory::InMemory;

use crate::caller::Refusal;
use crate::catalogue::files::{self, SourceFile};
use crate::catalogue::plan::plan;
use crate::catalogue::{Catalogue, CatalogueError, CatalogueTable, Record, RecordKind};
use crate::clock::Clock;
use crate::feed::Feed;
use crate::grant::{Action, Credential, Grant};
use crate::indicator::Indicator;
use crate::store::Place;
use crate::unit::UnitId;

use super::files::samples;

fn wanted() -> Vec<Record> {
    files::read(&samples::files()).unwrap()
}

fn catalogue() -> Catalogue {
    Catalogue::from_records(3, wanted()).unwrap()
}

fn grant() -> Grant {
    Grant {
        grant: "g-1".to_owned(),
        principal: "dan-phuong-office".to_owned(),
        credential: Credential::Token("00".repeat(32)),
        actions: [Action::Push].into(),
        feeds: ["dan-phuong".to_owned()].into(),
        within: Some(UnitId("273.1".to_owned())),
        issued_at: chrono::DateTime::UNIX_EPOCH,
        expires_at: None,
        revoked_at: None,
    }
}

/// The sample files with one text of one of them replaced.
fn edited(file: &str, from: &str, to: &str) -> Vec<Record> {
    let edit = |source: SourceFile| {
        assert!(source.name != file || source.text.contains(from), "{from}");
        let text =
            if source.name == file { source.text.replacen(from, to, 1) } else { source.text };
        SourceFile { text, ..source }
    };
    files::read(&samples::files().into_iter().map(edit).collect::<Vec<_>>()).unwrap()
}

#[test]
fn records_make_the_catalogue_and_the_catalogue_makes_them() {
    let catalogue = catalogue();
    assert_eq!(catalogue.version, 3);
    assert_eq!(catalogue.records(), wanted());
    let again = Catalogue::from_records(4, catalogue.records()).unwrap();
    assert_eq!(again.indicators, catalogue.indicators);
    assert_eq!(again.units.versions(), catalogue.units.versions());
}

#[test]
fn a_grant_is_kept_with_what_carries_it() {
    let token = grant();
    let text = serde_json::to_string(&token).unwrap();
    assert!(text.contains(&format!(r#""token_sha256":"{}""#, "00".repeat(32))), "{text}");
    assert_eq!(serde_json::from_str::<Grant>(&text).unwrap(), token);
    let certificate = Grant { credential: Credential::Certificate("office".into()), ..token };
    let text = serde_json::to_string(&certificate).unwrap();
    assert!(text.contains(r#""certificate":"office""#), "{text}");
    assert_eq!(serde_json::from_str::<Grant>(&text).unwrap(), certificate);
    assert!(serde_json::from_str::<Grant>(&text.replace("certificate", "nothing")).is_err());
}

#[test]
fn of_several_grants_of_one_certificate_the_newest_that_holds_counts() {
    let at = |seconds| chrono::DateTime::from_timestamp(seconds, 0).unwrap();
    let credential = Credential::Certificate("office".into());
    let named = |name: &str, issued, ended: Option<i64>| Grant {
        grant: name.to_owned(),
        credential: credential.clone(),
        issued_at: at(issued),
        revoked_at: ended.map(at),
        ..grant()
    };
    let grants = [named("a", 10, None), named("b", 20, Some(50)), named("c", 30, None)];
    let expired = Grant { expires_at: Some(at(40)), ..grants[2].clone() };
    let grants = [grants[0].clone(), grants[1].clone(), expired];
    let grants = grants.into_iter().map(|grant| (grant.grant.clone(), grant)).collect();
    let catalogue = Catalogue { grants, ..Catalogue::default() };
    let found = |now| catalogue.grant_of(&credential, at(now)).map(|grant| grant.grant.as_str());
    assert_eq!((found(39), found(40), found(50)), (Ok("c"), Ok("b"), Ok("a")));
    let stranger = Credential::Certificate("stranger".into());
    let none = catalogue.grant_of(&stranger, at(39)).unwrap_err();
    assert_eq!((none.refusal, none.grant), (Refusal::CredentialUnknown, None));
}

/// Another hub on the same store looks every two seconds, so this is what revocation within five of them stands on.
#[tokio::test]
async fn a_grant_that_is_revoked_elsewhere_ends_here_at_the_next_look() {
    let store = Arc::new(InMemory::new());
    let open = async || {
        let place = Place::at(Arc::<InMemory>::clone(&store), "memory:///".parse().unwrap());
        CatalogueTable::open(place, Clock::system()).await.unwrap()
    };
    let here = open().await;
    let mut granted = wanted();
    granted.push(Record::from(&grant()));
    here.apply(granted).await.unwrap();
    let elsewhere = open().await;
    let now = Clock::system().now();
    let held = |table: &CatalogueTable| {
        let catalogue = table.current();
        catalogue.grant_of(&grant().credential, now).map(drop).map_err(|none| none.refusal)
    };
    assert_eq!((held(&here), held(&elsewhere)), (Ok(()), Ok(())));
    let revoked = Grant { revoked_at: Some(now), ..grant() };
    elsewhere.apply(vec![Record::from(&revoked)]).await.unwrap();
    assert_eq!((held(&here), held(&elsewhere)), (Ok(()), Err(Refusal::GrantRevoked)));
    here.follow().await.unwrap();
    assert_eq!(held(&here), Err(Refusal::GrantRevoked));
}

/// The name of a unit as the catalogue knew it at a stamp.
fn name_at(table: &CatalogueTable, stamp: i64) -> Option<String> {
    let catalogue = table.at(stamp).unwrap();
    catalogue.units.latest(&UnitId("09829.1".to_owned())).map(|version| version.name.clone())
}

#[tokio::test]
async fn a_correction_is_remembered() {
    let store = Arc::new(InMemory::new());
    let open = async || {
        let place = Place::at(Arc::<InMemory>::clone(&store), "memory:///".parse().unwrap());
        CatalogueTable::open(place, Clock::system()).await.unwrap()
    };
    let (here, elsewhere) = (open().await, open().await);
    here.apply(wanted()).await.unwrap();
    let first = here.current();
    let corrected = edited("units.csv", "Xã Song Phượng", "Xã Song Phương");
    here.apply(plan(&first, corrected).records()).await.unwrap();
    let second = here.current();
    here.apply(vec![Record::from(&grant())]).await.unwrap();
    elsewhere.follow().await.unwrap();
    let (before, after) = (first.recorded_at, second.recorded_at);
    assert!(0 < before && before < after && after < here.current().recorded_at);
    for table in [here, elsewhere, open().await] {
        let known = |stamp| name_at(&table, stamp);
        assert_eq!(known(before - 1), None, "nothing was known yet");
        assert_eq!(known(before).as_deref(), Some("Xã Song Phượng"));
        assert_eq!(known(after - 1).as_deref(), Some("Xã Song Phượng"));
        assert_eq!(known(after).as_deref(), Some("Xã Song Phương"));
        assert_eq!(known(i64::MAX).as_deref(), Some("Xã Song Phương"));
        let past = table.at(after - 1).unwrap();
        assert_eq!((past.version, past.recorded_at), (first.version, before));
        assert_eq!(past.records(), first.records());
        assert!(Arc::ptr_eq(&past, &table.at(before).unwrap()), "made once");
    }
}

#[test]
fn decimals_keep_their_exact_text() {
    let catalogue = catalogue();
    let indicator = &catalogue.indicators["par_index_pct"];
    let text = serde_json::to_string(indicator).unwrap();
    assert!(text.contains(r#""min":0.000001,"max":100,"#), "{text}");
    assert_eq!(serde_json::from_str::<Indicator>(&text).unwrap(), *indicator);
    let unbounded = Indicator { min: None, max: None, ..indicator.clone() };
    let text = serde_json::to_string(&unbounded).unwrap();
    assert_eq!(serde_json::from_str::<Indicator>(&text).unwrap(), unbounded);
    let owned: Indicator = serde_json::from_reader(text.as_bytes()).unwrap();
    assert_eq!(owned, unbounded);
}

#[test]
fn the_last_record_of_a_key_counts() {
    let mut records = wanted();
    let mut feed: Feed = catalogue().feeds["dan-phuong"].clone();
    feed.precedence = 7;
    records.push(Record::from(&feed));
    records.push(Record::from(&grant()));
    records.push(Record::removed(RecordKind::Indicator, "par_index_rank".to_owned()));
    let catalogue = Catalogue::from_records(1, records).unwrap();
    assert_eq!(catalogue.feeds["dan-phuong"].precedence, 7);
    assert_eq!(catalogue.grants["g-1"], grant());
    assert!(!catalogue.indicators.contains_key("par_index_rank"));
}

#[test]
fn a_record_that_is_not_what_it_says_is_refused() {
    let record = |kind, key: &str, content: &str| Record {
        kind,
        key: key.to_owned(),
        content: Some(content.to_owned()),
    };
    let read = |record| Catalogue::from_records(1, [record]).map(|catalogue| catalogue.records());
    let error = read(record(RecordKind::Feed, "x", "{}")).unwrap_err();
    assert!(matches!(error, CatalogueError::Content { .. }), "{error}");
    let feed = wanted().into_iter().find(|record| record.kind == RecordKind::Feed).unwrap();
    let error = read(Record { key: "x".to_owned(), ..feed }).unwrap_err();
    assert_eq!(error.to_string(), "catalogue record `feed` `x` holds `dan-phuong`");
    assert!(read(record(RecordKind::Composite, "dti/2024", r#"{"weights":{"a":0.25}}"#)).is_err());
}

#[test]
fn a_plan_says_what_it_adds_changes_and_removes() {
    let current = catalogue();
    let before = "09784.1,09784,Thị trấn Phùng,,thi_tran,commune,273.1,2020-03-01,,\n";
    let after = "09785.1,09785,Xã Mới,,xa,commune,273.1,2020-03-01,,\n";
    let text = plan(&current, edited("units.csv", before, after)).to_string();
    assert_eq!(
        text,
        "+ unit 09785.1/2020-03-01 Xã Mới\n\
         - unit 09784.1/2020-03-01 Thị trấn Phùng\n\
         removed records stay in the catalogue's history, and observations that name them in the ledger\n\
         1 to add, 0 to change, 1 to remove"
    );
    let text = plan(&current, edited("indicators.csv", ",0.000001,100,", ",,120,")).to_string();
    assert_eq!(
        text,
        "~ indicator par_index_pct: max 100 -> 120, min 0.000001 -> none\n0 to add, 1 to change, 0 to remove"
    );
    let text = plan(&Catalogue::default(), wanted()).text_vi();
    assert!(text.ends_with("\n+ feed dan-phuong Huyện Đan Phượng\nthêm 9, sửa 0, bỏ 0"), "{text}");
}

#[test]
fn a_plan_that_is_made_leaves_nothing_to_do_and_grants_alone() {
    let mut records = wanted();
    records.push(Record::from(&grant()));
    let current = Catalogue::from_records(1, records.clone()).unwrap();
    let none = plan(&current, wanted());
    assert!(none.is_empty() && none.records().is_empty());
    assert_eq!(none.to_string(), "no changes: the catalogue is as the files say");

    let wanted = edited("feeds.csv", "dan-phuong,Huyện", "dan-phuong,huyện");
    records.extend(plan(&current, wanted.clone()).records());
    let made = Catalogue::from_records(2, records).unwrap();
    assert!(plan(&made, wanted).is_empty());
    assert_eq!(made.feeds["dan-phuong"].name_vi, "huyện Đan Phượng");
    assert_eq!(made.grants.len(), 1);
}
