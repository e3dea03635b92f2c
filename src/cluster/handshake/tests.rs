//! Against servers on loopback, with and without demands of their clients.

use tokio::net::TcpListener;

use super::certificate;
use crate::fixture::{Ca, Reply, Server};

fn subject(der: &[u8]) -> bool {
    // The common name of the fixture's leaves, as it stands in the DER.
    der.windows(4).any(|window| window == b"leaf")
}

#[tokio::test]
async fn takes_what_a_server_shows_whoever_signed_it_and_even_expired() {
    let server = Server::tls(Ca::new("nobody").server("10.0.0.1", 2001), |_| Reply::Silence).await;
    let shown = certificate(&format!("127.0.0.1:{}", server.port)).await.unwrap();
    assert!(subject(&shown));
    assert!(server.received().is_empty(), "it asks for nothing");
}

#[tokio::test]
async fn needs_no_credentials_where_the_server_demands_some() {
    let server = Server::tls(Ca::new("etcd").strict_server("127.0.0.1"), |_| Reply::Silence).await;
    assert!(subject(&certificate(&format!("127.0.0.1:{}", server.port)).await.unwrap()));
}

#[tokio::test]
async fn says_why_nothing_is_shown() {
    let plain = Server::plain(|_| Reply::Answer(200, "ok".into())).await;
    certificate(&format!("127.0.0.1:{}", plain.port)).await.unwrap_err();
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    assert_eq!(certificate(&nobody.to_string()).await.unwrap_err(), "Connection refused");
}
