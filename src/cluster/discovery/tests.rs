//! Requests to servers that stall, redirect, send without end or show the wrong certificate.

use std::time::Instant;

use super::*;
use crate::ApiServer;
use crate::fixture::{Ca, Received, Reply, Server};

/// The client with a short limit, trusting this authority for documents.
fn client(ca: &Ca, limit: Duration) -> HttpsDiscovery {
    let authorities = Some(vec![Certificate::from_pem(ca.pem().as_bytes()).unwrap()]);
    HttpsDiscovery { request_limit: limit, authorities, ..HttpsDiscovery::new(Arc::new(ApiServer::new())) }
}

const LIMIT: Duration = Duration::from_millis(400);

async fn serving(ca: &Ca, reply: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Server {
    Server::tls(ca.server("127.0.0.1", 2100), reply).await
}

fn url(server: &Server) -> String {
    format!("https://127.0.0.1:{}", server.port)
}

#[tokio::test]
async fn every_request_ends_at_its_limit() {
    let ca = Ca::new("ca");
    for reply in [Reply::Silence, Reply::Drip(Duration::from_millis(10)), Reply::BreakOff] {
        let server = serving(&ca, move |_| reply.clone()).await;
        let start = Instant::now();
        let error = client(&ca, LIMIT).cluster_info(&url(&server), &Trust::Anybody).await.unwrap_err();
        assert_eq!(error.kind, KubeErrorKind::Unreachable, "{error}");
        let error = client(&ca, LIMIT).document(&url(&server)).await.unwrap_err();
        assert_eq!(error.kind, KubeErrorKind::Unreachable, "{error}");
        assert!(start.elapsed() < 25 * LIMIT, "{:?}", start.elapsed());
    }
}

#[tokio::test]
async fn no_answer_is_larger_than_the_bound() {
    let ca = Ca::new("ca");
    for (size, fits) in [(MAX_DISCOVERY_BYTES, true), (MAX_DISCOVERY_BYTES + 1, false)] {
        let server = serving(&ca, move |_| Reply::Answer(200, " ".repeat(size))).await;
        let answer = client(&ca, REQUEST_LIMIT).document(&url(&server)).await;
        assert_eq!(answer.is_ok_and(|body| body.len() == size), fits);
    }
}

#[tokio::test]
async fn a_refusal_is_no_document() {
    let ca = Ca::new("ca");
    for (status, kind) in [
        (404, KubeErrorKind::NotFound),
        (403, KubeErrorKind::Forbidden),
        (503, KubeErrorKind::Busy),
        (204, KubeErrorKind::Other),
        (206, KubeErrorKind::Other),
    ] {
        let server = serving(&ca, move |_| Reply::Answer(status, String::new())).await;
        let error = client(&ca, REQUEST_LIMIT).document(&url(&server)).await.unwrap_err();
        assert_eq!(error.kind, kind, "{error}");
    }
}

#[tokio::test]
async fn a_document_may_redirect_but_only_over_tls() {
    let ca = Ca::new("ca");
    let target = serving(&ca, |_| Reply::Answer(200, "here".into())).await;
    let to = format!("location: {}/there", url(&target));
    let server = serving(&ca, {
        let to: &'static str = Box::leak(to.into_boxed_str());
        move |_| Reply::WithHeader(302, to, String::new())
    })
    .await;
    let document = client(&ca, REQUEST_LIMIT).document(&format!("{}/a", url(&server))).await.unwrap();
    assert_eq!((document.as_slice(), target.first().line.as_str()), (&b"here"[..], "GET /there"));
    // cluster-info may not: the host that was asked is the host that must prove itself.
    let error = client(&ca, REQUEST_LIMIT).cluster_info(&url(&server), &Trust::Anybody).await.unwrap_err();
    assert!(error.to_string().contains("which is not followed"), "{error}");
    assert_eq!(target.received().len(), 1);

    let plain = Server::plain(|_| Reply::Answer(200, "anybody can read this".into())).await;
    let to: &'static str = Box::leak(format!("location: http://127.0.0.1:{}/", plain.port).into_boxed_str());
    let server = serving(&ca, move |_| Reply::WithHeader(302, to, String::new())).await;
    let error = client(&ca, REQUEST_LIMIT).document(&url(&server)).await.unwrap_err();
    assert!(error.to_string().contains("which is not followed"), "{error}");
    assert!(plain.received().is_empty());

    let around: &'static str = "location: /again";
    let server = serving(&ca, move |_| Reply::WithHeader(302, around, String::new())).await;
    assert!(client(&ca, REQUEST_LIMIT).document(&url(&server)).await.is_err());
    assert_eq!(server.received().len(), 1 + MOST_REDIRECTS);
}

#[tokio::test]
async fn trust_is_in_whom_it_names_and_in_nobody_else() {
    let (ca, other) = (Ca::new("ca"), Ca::new("ca"));
    let server = serving(&ca, |_| Reply::Answer(200, "{}".into())).await;
    let trust = |ca: &Ca| {
        let pem = ca.pem();
        let der = rustls_pem(&pem);
        Trust::Authorities(vec![der])
    };
    let client = client(&ca, REQUEST_LIMIT);
    client.cluster_info(&url(&server), &trust(&ca)).await.unwrap();
    client.cluster_info(&url(&server), &Trust::Anybody).await.unwrap();
    let nobody = Trust::Authorities(Vec::new());
    for refused in [trust(&other), nobody, Trust::Authorities(vec![b"no certificate".to_vec()])] {
        let error = client.cluster_info(&url(&server), &refused).await.unwrap_err();
        assert_eq!(error.kind, KubeErrorKind::Access, "{error}");
    }
    // By name it is another server.
    let named = format!("https://localhost:{}", server.port);
    let error = client.cluster_info(&named, &trust(&ca)).await.unwrap_err();
    assert!(error.to_string().contains("is for another name or address"), "{error}");
}

#[tokio::test]
async fn errors_show_no_secret_of_a_url() {
    let ca = Ca::new("ca");
    let client = client(&ca, LIMIT);
    for url in ["https://user:hunter2@127.0.0.1:1/a?key=hunter2", "http://127.0.0.1:1/?key=hunter2", "hunter2"] {
        let error = client.document(url).await.unwrap_err();
        assert!(!format!("{error:?} {error}").contains("hunter2"), "{error:?}");
    }
}

fn rustls_pem(pem: &str) -> Vec<u8> {
    use rustls::pki_types::pem::PemObject as _;
    rustls::pki_types::CertificateDer::from_pem_slice(pem.as_bytes()).unwrap().to_vec()
}

const URL: &str = "KUBEWRIGHT_TEST_URL";

/// In a process of its own, since the machine's authorities are looked up once, where the environment says.
#[tokio::test]
async fn the_machines_own_authorities_vouch_for_documents() {
    if let Ok(url) = std::env::var(URL) {
        let document = HttpsDiscovery::new(Arc::new(ApiServer::new())).document(&url).await.unwrap();
        assert_eq!(document.as_slice(), b"here");
        return;
    }
    let ca = Ca::new("ca");
    let server = serving(&ca, |_| Reply::Answer(200, "here".into())).await;
    let (theirs, others) = (tempfile::NamedTempFile::new().unwrap(), tempfile::NamedTempFile::new().unwrap());
    std::fs::write(&theirs, ca.pem()).unwrap();
    std::fs::write(&others, Ca::new("ca").pem()).unwrap();
    for (authorities, trusted) in [(&theirs, true), (&others, false)] {
        let mut again = tokio::process::Command::new(std::env::current_exe().unwrap());
        again.args(["--exact", "discovery::tests::the_machines_own_authorities_vouch_for_documents"]);
        again.env(URL, url(&server)).env("SSL_CERT_FILE", authorities.path()).env_remove("SSL_CERT_DIR");
        assert_eq!(again.output().await.unwrap().status.success(), trusted);
    }
    assert_eq!(server.received().len(), 1);
}
