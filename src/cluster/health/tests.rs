//! Health endpoints: any certificate will do, and an answer is never followed or read without end.

#![allow(clippy::unwrap_used)]

use zeroize::Zeroizing;

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

fn question(url: String) -> Question {
    Question { url, authorities: None, identity: None, limit: Duration::from_secs(5) }
}

#[tokio::test]
async fn asks_a_server_with_our_certificate_and_believes_its_authority_only() {
    let ca = Ca::new("etcd-ca");
    let server = Server::tls(ca.strict_server("127.0.0.1"), |_| {
        Reply::WithHeader(200, "date: Fri, 02 Jan 2026 03:04:06 GMT", "{\"etcdserver\":\"3.6.1\"}".into())
    })
    .await;
    let url = format!("https://127.0.0.1:{}/version", server.port);
    let (certificate, key) = ca.client();
    let identity = Some(Zeroizing::new(format!("{certificate}\n{key}").into_bytes()));
    let health = LocalHealth::new();

    let known = Question { authorities: Some(ca.pem().into()), identity: identity.clone(), ..question(url.clone()) };
    let answer = health.ask(known).await.unwrap();
    assert_eq!((answer.status, answer.body.as_str()), (200, "{\"etcdserver\":\"3.6.1\"}"));
    assert_eq!(answer.date.unwrap(), "Fri, 02 Jan 2026 03:04:06 GMT");

    let other = Some(Ca::new("another").pem().into());
    let error = health.ask(Question { authorities: other, identity, ..question(url.clone()) }).await.unwrap_err();
    assert!(error.contains("certificate"), "{error}");
    let anonymous = Question { authorities: Some(ca.pem().into()), ..question(url.clone()) };
    health.ask(anonymous).await.unwrap_err();
    assert_eq!(server.received().len(), 1, "only the first one got through");

    let nonsense =
        Question { authorities: Some(ca.pem().into()), identity: Some(Zeroizing::new(b"PEM".into())), ..question(url) };
    health.ask(nonsense).await.unwrap_err();
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up() {
    let server = Server::plain(|_| Reply::Silence).await;
    let url = format!("http://127.0.0.1:{}/version", server.port);
    let short = Question { limit: Duration::from_millis(200), ..question(url) };
    assert_eq!(LocalHealth::new().ask(short).await.unwrap_err(), "no answer within 0.2 s");
}
