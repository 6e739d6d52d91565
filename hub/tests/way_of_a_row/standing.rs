//! Whether pushes should be sent to a hub, as it says itself: while its store fails, and when it is back.

use std::fs;

use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_types::StatusExt as _;

use crate::house::{Hub, PATIENCE, row, submission};

async fn health(hub: &Hub) -> ServingStatus {
    let request = HealthCheckRequest { service: "dinh.v1.Ingest".into() };
    let response = HealthClient::new(hub.channel().await).check(request).await.unwrap();
    response.into_inner().status()
}

/// Waits until the hub says of itself what is wanted, at both doors.
pub(crate) async fn says(hub: &Hub, serving: ServingStatus, ready: u16, why: &str) {
    let told = async {
        loop {
            let reply = hub.get("/readyz").await;
            if (health(hub).await, reply.status) == (serving, ready) && reply.body.contains(why) {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, told).await.expect("the hub says so");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_whose_store_fails_says_so_and_comes_back_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::with_catalogue(folder.path()).await;
    let publisher = hub.publisher(&hub.token("long-bien", None).await).await;
    let one = |id: &str| {
        submission("long-bien", id, vec![row("community_digital_teams", "004", "2023", "7")])
    };
    publisher.push(one("1")).await.unwrap();
    says(&hub, ServingStatus::Serving, 200, "ready at position").await;

    // A plain file where the folder was: every write fails, as on a disk that is gone.
    let (ledger, away) = (folder.path().join("ledger"), folder.path().join("away"));
    fs::rename(&ledger, &away).unwrap();
    fs::write(&ledger, "").unwrap();
    let status = publisher.push(one("2")).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    let details = status.get_error_details();
    let reason = &details.error_info().unwrap().reason;
    assert!(["STORE_UNAVAILABLE", "OUTCOME_UNKNOWN"].contains(&reason.as_str()), "{reason}");
    assert!(details.retry_info().is_some());
    says(&hub, ServingStatus::NotServing, 503, "not ready: the store fails").await;
    let vietnamese = hub.http("GET", "/readyz", &[("accept-language", "vi")], "").await.body;
    assert_eq!(vietnamese, "chưa sẵn sàng: kho lưu trữ đang lỗi; hub thử lại mỗi giây\n");

    fs::remove_file(&ledger).unwrap();
    fs::rename(&away, &ledger).unwrap();
    says(&hub, ServingStatus::Serving, 200, "ready at position").await;
    let second = publisher.push(one("2")).await.unwrap();
    assert_eq!(publisher.push(one("2")).await.unwrap(), second);
    assert_eq!(hub.sql("SELECT count(*) FROM observations").await, ["2"]);
}
