//! Health endpoints: any certificate will do, and an answer is never followed or read without end.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::fixture::{Ca, Reply, Server};

#[tokio::test]
async fn takes_any_certificate() {
    let tls = Ca::new("nobody").server("elsewhere", 2001);
    let server = Server::tls(tls, |_| Reply::Answer(200, "ok".into())).await;
    let answer = LocalHealth::new().get(&format!("https://127.0.0.1:{}/livez", server.port)).await.unwrap();
    assert_eq!((answer.status, answer.body.as_str()), (200, "ok"));
    assert_eq!(server.first().line, "GET /livez");
    assert_eq!(server.first().header("authorization"), None);
}

#[tokio::test]
async fn gives_a_bad_status_with_its_body() {
    let server = Server::plain(|_| Reply::Answer(500, "[-]etcd failed".into())).await;
    let answer = LocalHealth::new().get(&format!("http://127.0.0.1:{}/livez", server.port)).await.unwrap();
    assert_eq!((answer.status, answer.body.as_str()), (500, "[-]etcd failed"));
}

#[tokio::test]
async fn does_not_follow_a_redirect() {
    let server = Server::plain(|_| Reply::WithHeader(302, "location: /elsewhere", String::new())).await;
    let answer = LocalHealth::new().get(&format!("http://127.0.0.1:{}/livez", server.port)).await.unwrap();
    assert_eq!(answer.status, 302);
    assert_eq!(server.received().len(), 1);
}

#[tokio::test]
async fn reads_no_more_than_it_says() {
    let server = Server::plain(|_| Reply::Answer(200, "x".repeat(3 * LONGEST_BODY))).await;
    let answer = LocalHealth::new().get(&format!("http://127.0.0.1:{}/", server.port)).await.unwrap();
    assert_eq!(answer.body.len(), LONGEST_BODY);
}

#[tokio::test]
async fn says_why_nobody_answers() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let error = LocalHealth::new().get(&format!("https://127.0.0.1:{port}/livez")).await.unwrap_err();
    assert_eq!(error, "Connection refused");
}
