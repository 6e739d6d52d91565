//! A server that speaks S3 on this machine, and a door to it that can be shut.
//!
//! ```text
//! hub ──> door ──> moto
//! ```
//!
//! The server keeps its objects in memory and honours create-if-absent. It is never stopped itself, for a store keeps
//! what it has taken; what a hub sees of a store that fails is what the door makes of it.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tonic::Code;

use crate::book::Book;
use crate::content::{Form, made_up};
use crate::house::{Hub, Lake, PATIENCE};
use crate::python::python;

const REQUIREMENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/s3_server.txt");
const BUCKET: &str = "dinh";
/// What the server takes for a key.
const KEY: &str = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request";
/// Copies a bucket into a folder.
const COPY: &str = "
import boto3, pathlib, sys
endpoint, bucket, folder = sys.argv[1:]
s3 = boto3.client('s3', endpoint_url=endpoint, region_name='us-east-1', aws_access_key_id='test', aws_secret_access_key='test')
for page in s3.get_paginator('list_objects_v2').paginate(Bucket=bucket):
    for object in page.get('Contents', []):
        path = pathlib.Path(folder, object['Key'])
        path.parent.mkdir(parents=True, exist_ok=True)
        s3.download_file(bucket, object['Key'], str(path))
";

/// The server, with one bucket; gone when it is dropped.
pub(crate) struct S3 {
    port: u16,
    _server: Child,
    _log: JoinSet<()>,
}

impl S3 {
    pub(crate) async fn start() -> Self {
        let mut command = Command::new(python(REQUIREMENTS).await);
        command.args(["-u", "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut server = command.kill_on_drop(true).spawn().unwrap();
        let mut lines = BufReader::new(server.stderr.take().unwrap()).lines();
        let port = async {
            while let Some(line) = lines.next_line().await.unwrap() {
                if let Some((_, port)) = line.split_once("Running on http://127.0.0.1:") {
                    return port.trim().parse().unwrap();
                }
            }
            panic!("the server ended");
        };
        let port = tokio::time::timeout(PATIENCE, port).await.expect("it says where it listens");
        let mut log = JoinSet::new();
        // Nobody may have to wait because nobody reads.
        log.spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let made = client.put(format!("http://127.0.0.1:{port}/{BUCKET}"));
        assert!(made.header("authorization", KEY).send().await.unwrap().status().is_success());
        Self { port, _server: server, _log: log }
    }

    /// The lake in its bucket, reached straight.
    pub(crate) fn lake(&self) -> Lake {
        lake_at(self.port)
    }

    /// Copies all that is in the bucket into a folder.
    pub(crate) async fn copy_to(&self, folder: &Path) {
        let mut command = Command::new(python(REQUIREMENTS).await);
        let endpoint = format!("http://127.0.0.1:{}", self.port);
        command.args(["-c", COPY, &endpoint, BUCKET]).arg(folder).env("NO_PROXY", "*");
        assert!(command.kill_on_drop(true).status().await.unwrap().success());
    }
}

/// Waits until a hub knows a token that was issued elsewhere.
pub(crate) async fn knows(hub: &Hub, token: &str, book: &Book) {
    let publisher = hub.publisher(token).await;
    let mut tries = tokio::time::interval(Duration::from_millis(100));
    let known = async {
        loop {
            tries.tick().await;
            book.sent("known");
            match publisher.push(made_up("known", Form::Typed)).await {
                Ok(answer) => return book.answered("known", answer),
                Err(status) => assert_eq!(status.code(), Code::Unauthenticated, "{status:?}"),
            }
        }
    };
    tokio::time::timeout(PATIENCE, known).await.expect("a token is known elsewhere after a while");
}

fn lake_at(port: u16) -> Lake {
    let settings = [
        ("AWS_ENDPOINT", format!("http://127.0.0.1:{port}")),
        ("AWS_ALLOW_HTTP", "true".to_owned()),
        ("AWS_ACCESS_KEY_ID", "test".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
        ("AWS_REGION", "us-east-1".to_owned()),
        // Short, for an answer that never comes.
        ("AWS_TIMEOUT", "2s".to_owned()),
        ("NO_PROXY", "127.0.0.1".to_owned()),
    ];
    Lake::new(format!("s3://{BUCKET}/lake"), settings.into())
}

/// What a door does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weather {
    Fine,
    /// Every connection is cut, open ones too.
    Refused,
    /// Nothing goes through, and nobody is told.
    Silent,
    /// What is asked goes through; the answers are lost.
    Deaf,
}

/// A door to the server.
pub(crate) struct Door {
    port: u16,
    weather: watch::Sender<Weather>,
    _tasks: JoinSet<()>,
}

impl Door {
    pub(crate) async fn to(server: &S3) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (port, to) = (listener.local_addr().unwrap().port(), server.port);
        let weather = watch::Sender::new(Weather::Fine);
        let forecast = weather.clone();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut open = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                open.spawn(pass(client, to, forecast.subscribe()));
            }
        });
        Self { port, weather, _tasks: tasks }
    }

    pub(crate) fn weather(&self, weather: Weather) {
        self.weather.send_replace(weather);
    }

    /// The lake in the server's bucket, reached through this door.
    pub(crate) fn lake(&self) -> Lake {
        lake_at(self.port)
    }
}

/// Passes on what is said over a connection, until it is cut.
async fn pass(client: TcpStream, to: u16, weather: watch::Receiver<Weather>) {
    let mut cut = weather.clone();
    tokio::select! {
        _ = cut.wait_for(|weather| *weather == Weather::Refused) => {}
        () = both_ways(client, to, weather) => {}
    }
}

async fn both_ways(client: TcpStream, to: u16, weather: watch::Receiver<Weather>) {
    let Ok(server) = TcpStream::connect(("127.0.0.1", to)).await else { return };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let ((ask, tell), (hear, say)) = (client.into_split(), server.into_split());
    tokio::select! {
        () = one_way(ask, say, weather.clone(), false) => {}
        () = one_way(hear, tell, weather, true) => {}
    }
}

async fn one_way(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut weather: watch::Receiver<Weather>,
    answers: bool,
) {
    let mut buffer = vec![0; 64 << 10];
    loop {
        let Ok(bytes @ 1..) = from.read(&mut buffer).await else { return };
        if *weather.borrow() == Weather::Silent {
            // What was said into the silence is never heard.
            let _ = weather.wait_for(|weather| *weather != Weather::Silent).await;
            return;
        }
        if answers && *weather.borrow() == Weather::Deaf {
            return;
        }
        if to.write_all(&buffer[..bytes]).await.is_err() {
            return;
        }
    }
}
