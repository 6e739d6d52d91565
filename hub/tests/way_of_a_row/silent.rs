//! Connections whose client says nothing, or not all of it: they are closed in time, and until then count as any other.

use std::io::{ErrorKind, Read as _};
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::house::{Hub, PATIENCE};

const SOON: [&str; 2] = ["--handshake-seconds-max", "1"];

/// A connection on which so much was sent, and nothing more.
pub(crate) async fn said(door: SocketAddr, sent: &str) -> TcpStream {
    let mut stream = TcpStream::connect(door).await.unwrap();
    stream.write_all(sent.as_bytes()).await.unwrap();
    stream
}

/// Waits until the other end has closed a connection.
pub(crate) async fn closed(mut stream: impl tokio::io::AsyncRead + Unpin, what: &str) {
    let mut rest = Vec::new();
    let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut rest)).await;
    let read = read.unwrap_or_else(|_| panic!("{what} is not closed"));
    // Over TLS the end comes without a word.
    let ended = [ErrorKind::UnexpectedEof, ErrorKind::ConnectionReset];
    assert!(read.as_ref().map_or_else(|error| ended.contains(&error.kind()), |_| true), "{read:?}");
}

/// Asks on a connection that stays open.
async fn is_alive(stream: &mut TcpStream) {
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\nok\n") {
        let read = tokio::time::timeout(PATIENCE, stream.read_buf(&mut answer)).await;
        assert_ne!(read.expect("it answers").unwrap(), 0, "{}", String::from_utf8_lossy(&answer));
    }
}

#[tokio::test]
async fn a_client_that_does_not_say_what_it_wants_is_closed_and_one_that_did_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::start_with(folder.path(), &SOON).await;
    let mut polling = said(hub.http, "").await;
    is_alive(&mut polling).await;
    let mut silent = Vec::new();
    for door in [hub.grpc, hub.http] {
        for sent in ["", "PRI * HTTP/2.0\r\n", "GET /healthz HTTP/1.1\r\nhost:"] {
            silent.push((said(door, sent).await, format!("{sent:?} at {door}")));
        }
    }
    for (stream, what) in silent {
        closed(stream, &what).await;
    }
    is_alive(&mut polling).await;
}

#[tokio::test]
async fn a_silent_client_counts_among_the_connections_of_its_door_until_it_is_closed() {
    let folder = tempfile::tempdir().unwrap();
    let hub =
        Hub::start_with(folder.path(), &[&SOON[..], &["--connections-max", "2"]].concat()).await;
    let silent = [said(hub.http, "").await, said(hub.http, "").await];
    let mut third = said(hub.http, "").await;
    is_alive(&mut third).await;
    let is_closed = |stream: TcpStream| match stream.into_std().unwrap().read(&mut [0]) {
        Ok(read) => read == 0,
        Err(error) => error.kind() != ErrorKind::WouldBlock,
    };
    assert!(silent.map(is_closed).contains(&true), "the third was let in beside two others");
}
