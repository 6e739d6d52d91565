//! TLS at the doors, with real certificates: who gets in, who does not, and new certificates without a restart.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use dinh_hub::dial::Dial;
use dinh_proto::v1 as proto;
use proto::push_stream_response::Outcome;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use crate::authority::{Authority, Identity};
use crate::bad_input::good;
use crate::house::{HANOI, Hub, Lake, Opening, PATIENCE, Publisher, run, submission};
use crate::silent;

/// A hub with certificates, and the files around it.
struct Town {
    hub: Hub,
    authority: Authority,
    served: Identity,
    files: PathBuf,
}

impl Town {
    async fn open(folder: &Path, more: &[&str]) -> Self {
        let (files, lake) = (folder.join("files"), folder.join("lake"));
        std::fs::create_dir(&files).unwrap();
        let authority = Authority::new(&files, "city");
        let served = authority.hub(&files, "hub");
        let name = |path: &Path| path.to_str().unwrap().to_owned();
        let (cert, key, ca) = (name(&served.certificate), name(&served.key), name(&authority.file));
        let tls = ["--tls-cert", &cert, "--tls-key", &key, "--tls-client-ca", &ca];
        let hub = Hub::start_with(&lake, &[&tls, more].concat()).await;
        hub.dinh(&["catalog", "apply", HANOI]).await.well();
        Self { hub, authority, served, files }
    }

    fn address(&self) -> String {
        format!("https://localhost:{}", self.hub.grpc.port())
    }

    fn client(&self, name: &str) -> Identity {
        self.authority.client(&self.files, name)
    }

    /// Pushes one row under an id, without a token.
    async fn push(&self, dial: &Dial, id: &str) -> Result<proto::Answer, Status> {
        let channel = dial.lazy(&dial.endpoint(&self.address()).unwrap());
        Publisher::over(channel, "").push(one(id)).await
    }

    fn dial(&self, identity: Option<&Identity>) -> Dial {
        trusting(&self.authority, identity)
    }

    async fn read_certificates_again(&self, until: &str) {
        let hang_up = format!("kill -HUP {}", self.hub.process());
        let sent = tokio::process::Command::new("sh").args(["-c", &hang_up]).status().await;
        assert!(sent.unwrap().success());
        self.hub.says(until).await;
    }

    /// A connection to the HTTP door, through its handshake.
    async fn connect(&self) -> TlsStream<TcpStream> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(&self.authority.file).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider);
        let config = config.with_safe_default_protocol_versions().unwrap();
        let config = config.with_root_certificates(roots).with_no_client_auth();
        let tcp = TcpStream::connect(self.hub.http).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, tcp).await.unwrap()
    }

    /// `GET` over TLS, as HTTP/1.1 is written by hand.
    async fn get(&self, path: &str) -> String {
        request(self.connect().await, path).await.unwrap()
    }
}

async fn request(
    mut stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
    path: &str,
) -> std::io::Result<String> {
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

fn trusting(authority: &Authority, identity: Option<&Identity>) -> Dial {
    let identity = identity.map(|of| (of.certificate.as_path(), of.key.as_path()));
    Dial::secure(&authority.file, identity).unwrap()
}

fn one(id: &str) -> proto::Submission {
    submission("dan-phuong", id, vec![good("09829")])
}

#[tokio::test]
async fn a_certificate_opens_the_door_to_its_principal_and_to_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let town = Town::open(folder.path(), &["--tls-client-certificates", "grpc"]).await;
    let issue = ["token", "issue", "--certificate", "office", "--feed", "dan-phuong"];
    town.hub.dinh(&[&issue[..], &["--within", "273"]].concat()).await.well();
    let office = town.dial(Some(&town.client("office")));
    let answer = town.push(&office, "1").await.unwrap();
    assert_eq!(answer.report.unwrap().accepted, 1);

    let stranger = town.dial(Some(&town.client("stranger")));
    let refused = town.push(&stranger, "2").await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::Unauthenticated, "{refused:?}");
    town.hub.says("credential_unknown").await;

    let elsewhere = Authority::new(&town.files, "elsewhere");
    let forged = elsewhere.client(&town.files, "office");
    let expired = town.authority.expired_client(&town.files, "office");
    for (what, identity, reason) in [
        ("another authority", Some(&forged), "certificate_untrusted"),
        ("an old certificate", Some(&expired), "certificate_expired"),
        ("no certificate", None, "certificate_missing"),
    ] {
        town.push(&town.dial(identity), "2").await.expect_err(what);
        town.hub.says(reason).await;
    }
    // A hub that the client's authority does not vouch for is not spoken to.
    let status = town.push(&trusting(&elsewhere, Some(&forged)), "2").await.unwrap_err();
    assert!(format!("{status:?}").contains("UnknownIssuer"), "{status:?}");

    let metrics = town.get("/metrics").await;
    for reason in ["credential_unknown", "certificate_untrusted", "certificate_missing"] {
        let sample = format!(r#"dinh_refused_attempts_total{{door="grpc",reason="{reason}"}} 1"#);
        assert!(metrics.contains(&sample), "{sample} is not in {metrics}");
    }
    let rows = town.hub.sql("SELECT submission, principal FROM submissions").await;
    assert_eq!(rows, ["1,office"]);
}

#[tokio::test]
async fn plain_text_does_not_pass_a_door_with_tls() {
    let folder = tempfile::tempdir().unwrap();
    let town = Town::open(folder.path(), &[]).await;
    assert!(town.get("/healthz").await.starts_with("HTTP/1.1 200"));
    for door in [town.hub.http, town.hub.grpc] {
        let answer = request(TcpStream::connect(door).await.unwrap(), "/healthz").await;
        assert!(!answer.unwrap_or_default().contains("200"), "{door}");
    }
    town.hub.says("not_tls").await;
    let plain = Dial::default();
    let channel = plain.lazy(&plain.endpoint(&town.hub.door()).unwrap());
    Publisher::over(channel, "dinh_x").push(one("1")).await.unwrap_err();
    // Without a certificate a token is still good.
    let token = town.hub.token("dan-phuong", None).await;
    let dial = town.dial(None);
    let channel = dial.lazy(&dial.endpoint(&town.address()).unwrap());
    Publisher::over(channel, &token).push(one("1")).await.unwrap();
}

/// A handshake that stalls holds up nobody.
#[tokio::test]
async fn a_silent_connection_does_not_hold_up_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let town = Town::open(folder.path(), &[]).await;
    let mut silent = Vec::new();
    for _ in 0..50 {
        silent.push(TcpStream::connect(town.hub.http).await.unwrap());
    }
    assert!(town.get("/healthz").await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn new_certificates_are_taken_up_while_a_stream_is_open() {
    let folder = tempfile::tempdir().unwrap();
    let town = Town::open(folder.path(), &[]).await;
    let token = town.hub.token("dan-phuong", None).await;
    let old = town.dial(None);
    let channel = old.connect(&old.endpoint(&town.address()).unwrap()).await.unwrap();
    let (send, requests) = mpsc::channel(1);
    let publisher = Publisher::over(channel, &token);
    let mut answers = publisher.push_stream(ReceiverStream::new(requests)).await.unwrap();
    let mut stream = async |id: &str| {
        let request =
            proto::PushStreamRequest { correlation: id.into(), submission: Some(one(id)) };
        send.send(request).await.unwrap();
        let answer = tokio::time::timeout(PATIENCE, answers.message()).await.unwrap();
        matches!(answer.unwrap().unwrap().outcome, Some(Outcome::Answer(_)))
    };
    assert!(stream("1").await);

    let renewed = Authority::new(&town.files, "renewed");
    renewed.hub(&town.files, "new").replace(&town.served);
    town.read_certificates_again("certificates reloaded").await;
    assert!(stream("2").await, "an open stream goes on");
    town.push(&old, "3").await.unwrap_err();
    let new = trusting(&renewed, None);
    let reached = async || town.push(&new, "3").await.unwrap_err().code();
    assert_eq!(reached().await, tonic::Code::Unauthenticated, "it is reached, and wants a token");

    std::fs::write(&town.served.key, "no key").unwrap();
    town.read_certificates_again("the new certificates cannot be used").await;
    assert!(stream("4").await);
    assert_eq!(reached().await, tonic::Code::Unauthenticated);
}

#[tokio::test]
async fn commands_go_through_a_door_with_tls() {
    let folder = tempfile::tempdir().unwrap();
    let town = Town::open(folder.path(), &["--tls-client-certificates", "all"]).await;
    let city = town.client("city-office");
    let issue = ["token", "issue", "--certificate", "city-office", "--admin", "--read"];
    let issued = town.hub.dinh(&[&issue[..], &["--feed", "dan-phuong"]].concat()).await.well();
    assert!(issued.contains("city-office") && !issued.contains("dinh_"), "{issued}");
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let (to, ca) = (town.address(), text(&town.authority.file));
    let (certificate, key) = (text(&city.certificate), text(&city.key));
    let through = async |arguments: &[&str]| {
        let way = ["--to", &to, "--ca", &ca, "--client-cert", &certificate, "--client-key", &key];
        run(&[arguments, &way].concat()).await
    };
    let file = text(&town.files.join("rows.csv"));
    let rows = "indicator,unit,period,value\ncommunity_digital_teams,09829,2024-06-30,4\n";
    std::fs::write(&file, rows).unwrap();
    through(&["push", &file, "--feed", "dan-phuong"]).await.well();
    let counted = through(&["sql", "SELECT count(*) FROM current", "--output", "csv"]).await;
    assert_eq!(counted.well().lines().nth(1), Some("1"));
    through(&["catalog", "plan", HANOI]).await.well();
    let listed = through(&["token", "list", "--output", "csv"]).await.well();
    let grant = listed.lines().nth(1).and_then(|line| line.split(',').next()).unwrap().to_owned();
    through(&["token", "revoke", &grant]).await.well();
    assert_eq!(through(&["token", "list"]).await.code, 5, "its own grant has ended");
    let nobody = run(&["sql", "SELECT 1", "--to", &to]).await;
    assert!(nobody.stderr.contains("--ca"), "{nobody:?}");
}

#[tokio::test]
async fn a_door_that_others_can_reach_opens_with_tls_only() {
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().join("lake");
    let authority = Authority::new(folder.path(), "city");
    let served = authority.hub(folder.path(), "hub");
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let (cert, key, ca) = (text(&served.certificate), text(&served.key), text(&authority.file));
    let open = ["serve", "--lake", lake.to_str().unwrap(), "--http", "127.0.0.1:0"];
    for (what, more) in [
        ("TLS", &["--grpc", "0.0.0.0:0"][..]),
        ("--tls-key", &["--grpc", "127.0.0.1:0", "--tls-cert", &cert]),
        ("go together", &["--grpc", "127.0.0.1:0", "--tls-cert", &ca, "--tls-key", &key]),
        (
            "--tls-client-ca",
            &[
                "--grpc",
                "127.0.0.1:0",
                "--tls-cert",
                &cert,
                "--tls-key",
                &key,
                "--tls-client-certificates",
                "all",
            ],
        ),
    ] {
        let said = run(&[&open[..], more].concat()).await;
        assert!(said.code != 0 && said.stderr.contains(what), "{what}: {said:?}");
    }
    assert!(!lake.exists(), "the lake is not touched before the doors are bound");
    let more = ["--tls-cert", &cert, "--tls-key", &key];
    let hub = Opening::at("0.0.0.0:0", Lake::of(&lake), &more).ready().await;
    assert_eq!(hub.grpc.ip(), SocketAddr::from(([0, 0, 0, 0], 0)).ip());
    hub.dinh(&["catalog", "apply", HANOI]).await.well();
}

#[tokio::test]
async fn a_client_that_does_not_end_its_handshake_or_says_nothing_after_it_is_closed() {
    let folder = tempfile::tempdir().unwrap();
    let town = Town::open(folder.path(), &["--handshake-seconds-max", "1"]).await;
    let silent = silent::said(town.hub.grpc, "").await;
    // The first bytes of a hello, whose rest does not come.
    let halfway = silent::said(town.hub.http, "\x16\x03\x01").await;
    let greeted = town.connect().await;
    silent::closed(silent, "a connection without a handshake").await;
    silent::closed(halfway, "a connection that broke off its handshake").await;
    silent::closed(greeted, "a connection that said nothing after its handshake").await;
    town.hub.says("handshake_slow").await;
    assert!(town.get("/healthz").await.ends_with("ok\n"));
}
