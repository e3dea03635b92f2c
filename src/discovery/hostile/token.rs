//! Discovery with a token: one test for each thing that a server in the cluster's place could try.

use kubewright_node::dry_run::DryCluster;
use kubewright_node::{KubeErrorKind, StandIn, Trust};
use serde_json::Value as Json;

use super::*;

const SHORT: Duration = Duration::from_millis(600);

/// A good cluster: server and authority.
async fn good() -> (Server, Ca) {
    let ca = Ca::new("kubernetes");
    let info = cluster_info(&ca.kubeconfig("https://10.9.8.7:6443"), &[TOKEN]);
    (Server::start(vec![ca.server()], move |_| ok(info.clone())).await, ca)
}

/// A server with one certificate that shows these bodies, in the end the last again and again.
async fn showing(identities: Vec<ServerConfig>, bodies: Vec<String>) -> Server {
    Server::start(identities, move |number| ok(bodies[number.min(bodies.len() - 1)].clone())).await
}

fn cause(error: &DiscoveryError) -> String {
    std::error::Error::source(error).map(ToString::to_string).unwrap_or_default()
}

#[tokio::test]
async fn a_good_cluster_is_found() {
    let (server, ca) = good().await;
    let found = Join::by_token(server.port, &[ca.pin()]).run().await.unwrap();
    // The server that counts is the one in cluster-info, not the one that was asked.
    assert_eq!(found.server(), "https://10.9.8.7:6443");
    assert_eq!(found.authority_pem(), ca.certificate().to_pem().as_bytes());
    assert_eq!(found.authorities(), [ca.certificate().clone()]);
    let expected = Kubeconfig::with_token(
        "kubernetes",
        "https://10.9.8.7:6443",
        ca.certificate(),
        TLS_BOOTSTRAP_USER,
        &kubewright_pki::SecretText::new(TOKEN),
    );
    assert_eq!(*found.kubeconfig(), expected);
    assert_eq!(*found.to_yaml(), yaml_of(&expected));
    assert!(!format!("{found:?}").contains("0123456789abcdef"));
    let requests = server.requests();
    assert_eq!(requests.len(), 2);
    for head in requests {
        assert!(head.starts_with("GET /api/v1/namespaces/kube-public/configmaps/cluster-info HTTP/1.1"), "{head}");
        assert!(!head.to_lowercase().contains("authorization") && !head.contains("abc123"), "{head}");
    }
}

#[tokio::test]
async fn any_of_several_pins_will_do_in_any_case() {
    let (server, ca) = good().await;
    let pins = [Ca::new("other").pin(), ca.pin().to_uppercase()];
    Join::by_token(server.port, &pins).run().await.unwrap();
}

#[tokio::test]
async fn a_wrong_pin_ends_it_after_one_fetch() {
    let (server, ca) = good().await;
    let error = Join::by_token(server.port, &[Ca::new("other").pin()]).run().await.unwrap_err();
    assert!(matches!(&error, DiscoveryError::WrongPin { found, .. } if found[0].to_string() == ca.pin()), "{error:?}");
    assert!(error.to_string().contains(&server.port.to_string()));
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_wrong_pin_counts_even_where_none_is_needed() {
    let (server, _) = good().await;
    let mut join = Join::by_token(server.port, &[Ca::new("other").pin()]);
    let Discovery::Token(by) = &mut join.discovery else { unreachable!() };
    by.unsafe_skip_ca_verification = true;
    assert!(matches!(join.run().await, Err(DiscoveryError::WrongPin { .. })));
}

#[tokio::test]
async fn without_pins_the_signature_is_enough_if_that_is_wanted() {
    let (server, _) = good().await;
    let mut join = Join::by_token(server.port, &[]);
    join.run().await.unwrap();
    assert_eq!(server.requests().len(), 1);
    let Discovery::Token(by) = &mut join.discovery else { unreachable!() };
    by.unsafe_skip_ca_verification = false;
    assert!(matches!(join.run().await, Err(DiscoveryError::NoPins)));
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_signature_with_another_secret_is_refused_at_once() {
    let ca = Ca::new("kubernetes");
    let info = cluster_info(&ca.kubeconfig("https://10.9.8.7:6443"), &["abc123.fedcba9876543210"]);
    let server = showing(vec![ca.server()], vec![info]).await;
    for pins in [vec![ca.pin()], vec![]] {
        let error = Join::by_token(server.port, &pins).run().await.unwrap_err();
        assert!(matches!(&error, DiscoveryError::Signature { token_id, .. } if token_id == "abc123"), "{error:?}");
    }
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn a_changed_kubeconfig_does_not_fit_its_signature() {
    let ca = Ca::new("kubernetes");
    let kubeconfig = ca.kubeconfig("https://10.9.8.7:6443");
    let mut info: Json = serde_json::from_str(&cluster_info(&kubeconfig, &[TOKEN])).unwrap();
    info["data"]["kubeconfig"] = kubeconfig.replace("10.9.8.7", "10.6.6.6").into();
    let server = showing(vec![ca.server()], vec![info.to_string()]).await;
    let error = Join::by_token(server.port, &[ca.pin()]).run().await.unwrap_err();
    assert!(matches!(error, DiscoveryError::Signature { .. }), "{error:?}");
}

#[tokio::test]
async fn a_signature_that_comes_late_is_waited_for() {
    let ca = Ca::new("kubernetes");
    let kubeconfig = ca.kubeconfig("https://10.9.8.7:6443");
    let bodies = vec![
        cluster_info(&kubeconfig, &[]),
        cluster_info(&kubeconfig, &["zzzzzz.0123456789abcdef"]),
        cluster_info(&kubeconfig, &["zzzzzz.0123456789abcdef", TOKEN]),
    ];
    let server = showing(vec![ca.server()], bodies).await;
    Join::by_token(server.port, &[ca.pin()]).run().await.unwrap();
    assert_eq!(server.requests().len(), 4);
}

#[tokio::test]
async fn a_signature_that_never_comes_ends_with_how_to_make_a_token() {
    let ca = Ca::new("kubernetes");
    let server = showing(vec![ca.server()], vec![cluster_info(&ca.kubeconfig("https://10.9.8.7:6443"), &[])]).await;
    let start = std::time::Instant::now();
    let error = Join::by_token(server.port, &[ca.pin()]).within(SHORT).run().await.unwrap_err();
    assert!(start.elapsed() < 10 * SHORT, "{:?}", start.elapsed());
    assert_eq!(
        error.to_string(),
        format!(
            "timed out after 0.6 s waiting for https://127.0.0.1:{} to show cluster-info, signed with the token \
             `abc123`: cluster-info has no signature for the token `abc123`",
            server.port
        )
    );
    assert!(error.hint().contains("token create --print-join-command"));
    let failure = error.into_failure();
    assert_eq!(failure.get_kind(), kubewright_engine::FailureKind::Deadline);
    assert_eq!(failure.chain()[0], "couldn't validate the identity of the API Server");
}

#[tokio::test]
async fn other_bytes_on_the_second_fetch_are_refused() {
    let ca = Ca::new("kubernetes");
    let kubeconfig = ca.kubeconfig("https://10.9.8.7:6443");
    // Both are signed, and say the same: the bytes are what counts.
    let bodies = vec![cluster_info(&kubeconfig, &[TOKEN]), cluster_info(&format!("{kubeconfig}\n"), &[TOKEN])];
    let server = showing(vec![ca.server()], bodies).await;
    let error = Join::by_token(server.port, &[ca.pin()]).run().await.unwrap_err();
    assert!(matches!(error, DiscoveryError::SecondFetch { .. }), "{error:?}");
}

#[tokio::test]
async fn a_server_that_the_authority_did_not_sign_is_refused() {
    let (ca, impostor) = (Ca::new("kubernetes"), Ca::new("kubernetes"));
    let info = cluster_info(&ca.kubeconfig("https://10.9.8.7:6443"), &[TOKEN]);
    // From the start, and only on the second fetch.
    for identities in [vec![impostor.server()], vec![ca.server(), impostor.server()]] {
        let server = showing(identities, vec![info.clone()]).await;
        let error = Join::by_token(server.port, &[ca.pin()]).run().await.unwrap_err();
        assert!(matches!(error, DiscoveryError::Impostor { .. }), "{error:?}");
        assert!(cause(&error).contains("is not signed by the certificate authority"), "{}", cause(&error));
    }
}

#[tokio::test]
async fn another_authority_on_the_second_fetch_is_refused() {
    let (ca, other) = (Ca::new("kubernetes"), Ca::new("kubernetes"));
    let bodies = [&ca, &other].map(|ca| cluster_info(&ca.kubeconfig("https://10.9.8.7:6443"), &[TOKEN]));
    let server = showing(vec![ca.server()], bodies.to_vec()).await;
    let error = Join::by_token(server.port, &[ca.pin()]).run().await.unwrap_err();
    assert!(matches!(error, DiscoveryError::SecondFetch { .. }), "{error:?}");
}

#[tokio::test]
async fn a_server_certificate_out_of_its_time_or_for_another_host_is_refused() {
    let ca = Ca::new("kubernetes");
    let info = cluster_info(&ca.kubeconfig("https://10.9.8.7:6443"), &[TOKEN]);
    let loopback = || SanSet::new(Vec::<String>::new(), [IpAddr::from(Ipv4Addr::LOCALHOST)]);
    let elsewhere = SanSet::new(["kubernetes.example"], [IpAddr::from([10, 9, 8, 7])]);
    let cases = [
        (loopback(), Validity::lasting(now() - 20 * DAY, DAY, DAY), "has expired"),
        (loopback(), Validity::lasting(now() + 20 * DAY, DAY, DAY), "is not valid yet"),
        (elsewhere, Validity::lasting(now(), DAY, DAY), "is for another name or address"),
    ];
    for (names, validity, words) in cases {
        let server = showing(vec![ca.server_as(names, validity)], vec![info.clone()]).await;
        let error = Join::by_token(server.port, &[ca.pin()]).run().await.unwrap_err();
        assert!(matches!(error, DiscoveryError::Impostor { .. }), "{error:?}");
        assert!(cause(&error).contains(words), "{}", cause(&error));
    }
}

#[tokio::test]
async fn an_authority_out_of_its_time_is_refused() {
    let cases = [
        (Validity::lasting(now() - 20 * DAY, 2 * DAY, DAY), "expired at"),
        (Validity::lasting(now() + 20 * DAY, 2 * DAY, DAY), "is not valid before"),
    ];
    for (validity, words) in cases {
        let ca = Ca::valid("kubernetes", validity);
        let info = cluster_info(&ca.kubeconfig("https://10.9.8.7:6443"), &[TOKEN]);
        let server = showing(vec![ca.server()], vec![info]).await;
        let error = Join::by_token(server.port, &[ca.pin()]).run().await.unwrap_err();
        assert!(matches!(error, DiscoveryError::Authority { .. }), "{error:?}");
        assert!(cause(&error).contains(words), "{}", cause(&error));
        assert_eq!(server.requests().len(), 1);
    }
}

#[tokio::test]
async fn a_bundle_may_hold_several_authorities() {
    let (old, new) = (Ca::new("old"), Ca::new("new"));
    let kubeconfig = Kubeconfig::cluster_info("https://10.9.8.7:6443", new.certificate());
    let with = |authorities: &[&Ca]| {
        let mut kubeconfig = kubeconfig.clone();
        let pem: String = authorities.iter().map(|ca| ca.certificate().to_pem()).collect();
        use base64::Engine as _;
        let data = base64::engine::general_purpose::STANDARD.encode(&pem);
        kubeconfig.clusters[0].cluster.certificate_authority_data = Some(data);
        (pem, cluster_info(&yaml_of(&kubeconfig), &[TOKEN]))
    };
    // While authorities are replaced, the server may still show a certificate of the old one.
    let (pem, info) = with(&[&new, &old]);
    let server = showing(vec![old.server()], vec![info]).await;
    let found = Join::by_token(server.port, &[new.pin()]).run().await.unwrap();
    assert_eq!((found.authority_pem(), found.authorities().len()), (pem.as_bytes(), 2));
    // One whose time is over vouches for nobody, but does not spoil the others.
    let expired = Ca::valid("expired", Validity::lasting(now() - 20 * DAY, 2 * DAY, DAY));
    let (_, info) = with(&[&expired, &new]);
    let server = showing(vec![expired.server(), expired.server(), new.server()], vec![info]).await;
    let error = Join::by_token(server.port, &[new.pin()]).run().await.unwrap_err();
    assert!(matches!(error, DiscoveryError::Impostor { .. }), "{error:?}");
    Join::by_token(server.port, &[new.pin()]).run().await.unwrap();
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (good, ca) = good().await;
    let target = format!("{}/api/v1/namespaces/kube-public/configmaps/cluster-info?key=hunter2", good.url());
    let server = Server::start(vec![ca.server()], move |_| Reply::Redirect(target.clone())).await;
    let error = Join::by_token(server.port, &[ca.pin()]).run().await.unwrap_err();
    assert!(matches!(error, DiscoveryError::Fetch { .. }), "{error:?}");
    assert!(cause(&error).contains("answers with a redirect to https://127.0.0.1"), "{}", cause(&error));
    assert!(good.requests().is_empty());
}

#[tokio::test]
async fn a_body_without_end_or_larger_than_any_cluster_info_is_cut_off() {
    let ca = Ca::new("kubernetes");
    let huge = cluster_info(&"x".repeat(2 << 20), &[TOKEN]);
    for reply in [Reply::Endless, ok(huge)] {
        let server = Server::start(vec![ca.server()], move |_| reply.clone()).await;
        let error = Join::by_token(server.port, &[ca.pin()]).run().await.unwrap_err();
        assert!(cause(&error).contains("larger than 1048576 bytes"), "{error:?}");
        assert_eq!(server.requests().len(), 1);
    }
}

#[tokio::test]
async fn a_server_that_drips_says_nothing_or_breaks_off_is_given_up() {
    let ca = Ca::new("kubernetes");
    for reply in [Reply::Drip, Reply::Silence, Reply::BreakOff] {
        let server = Server::start(vec![ca.server()], move |_| reply.clone()).await;
        let start = std::time::Instant::now();
        let error = Join::by_token(server.port, &[ca.pin()]).within(SHORT).run().await.unwrap_err();
        assert!(matches!(error, DiscoveryError::Deadline { .. }), "{error:?}");
        assert!(start.elapsed() < 10 * SHORT, "{:?}", start.elapsed());
    }
}

#[tokio::test]
async fn an_answer_that_is_no_cluster_info_is_refused_at_once() {
    let ca = Ca::new("kubernetes");
    for body in ["<html>It works!</html>", "", "{}", "[1]", r#"{"kind":"Pod"}"#, r#"{"kind":"ConfigMap","data":[]}"#] {
        let server = showing(vec![ca.server()], vec![body.to_owned()]).await;
        let error = Join::by_token(server.port, &[ca.pin()]).run().await.unwrap_err();
        let expected = matches!(error, DiscoveryError::NotClusterInfo { .. } | DiscoveryError::Fetch { .. });
        assert!(expected, "{body}: {error:?}");
    }
}

#[tokio::test]
async fn a_signed_kubeconfig_that_cannot_be_used_is_refused() {
    let ca = Ca::new("kubernetes");
    let two = {
        let mut kubeconfig = Kubeconfig::cluster_info("https://10.9.8.7:6443", ca.certificate());
        let mut second = kubeconfig.clusters[0].clone();
        second.name = "second".into();
        kubeconfig.clusters.push(second);
        yaml_of(&kubeconfig)
    };
    let file = "apiVersion: v1\nkind: Config\nclusters:\n- name: ''\n  cluster: {server: 'https://a:1', certificate-authority: /etc/passwd}\n";
    let garbage =
        "clusters:\n- name: ''\n  cluster: {server: 'https://a:1', certificate-authority-data: aHVudGVyMg==}\n";
    let plain = ca.kubeconfig("http://10.9.8.7:6443");
    for text in ["key: [unclosed", "just text", "- 1", &two, file, garbage, &plain, "a: 1\n---\nb: 2\n"] {
        let server = showing(vec![ca.server()], vec![cluster_info(text, &[TOKEN])]).await;
        let error = Join::by_token(server.port, &[ca.pin()]).run().await.unwrap_err();
        let expected = matches!(
            error,
            DiscoveryError::Payload { .. } | DiscoveryError::NoAuthority { .. } | DiscoveryError::Authority { .. }
        );
        assert!(expected, "{text}: {error:?}");
        assert_eq!(server.requests().len(), 1, "{text}");
    }
}

#[tokio::test]
async fn nothing_but_server_and_authority_is_taken_from_a_cluster() {
    let ca = Ca::new("kubernetes");
    let mut kubeconfig = Kubeconfig::cluster_info("https://10.9.8.7:6443", ca.certificate());
    let others = json!({"proxy-url": "http://evil:3128", "insecure-skip-tls-verify": true});
    kubeconfig.clusters[0].cluster.others = others.as_object().unwrap().clone();
    let server = showing(vec![ca.server()], vec![cluster_info(&yaml_of(&kubeconfig), &[TOKEN])]).await;
    let found = Join::by_token(server.port, &[ca.pin()]).run().await.unwrap();
    assert!(found.kubeconfig().clusters[0].cluster.others.is_empty());
}

#[tokio::test]
async fn a_cluster_that_is_still_being_made_is_waited_for() {
    let ca = Ca::new("kubernetes");
    let info = cluster_info(&ca.kubeconfig("https://10.9.8.7:6443"), &[TOKEN]);
    let replies = [
        status(500, "InternalError"),
        status(404, "NotFound"),
        status(403, "Forbidden"),
        status(429, "TooManyRequests"),
        ok(info),
    ];
    let server = Server::start(vec![ca.server()], move |number| replies[number.min(4)].clone()).await;
    Join::by_token(server.port, &[ca.pin()]).run().await.unwrap();
    assert_eq!(server.requests().len(), 6);
}

#[tokio::test]
async fn an_endpoint_without_a_server_is_named_at_the_end() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let error = Join::by_token(port, &[Ca::new("x").pin()]).within(SHORT).run().await.unwrap_err();
    assert!(
        error.to_string().contains(&format!("127.0.0.1:{port}")) && error.to_string().contains("refused"),
        "{error}"
    );
}

#[tokio::test]
async fn who_takes_no_anonymous_requests_is_told_at_once() {
    let ca = Ca::new("kubernetes");
    let server = Server::start(vec![ca.server()], |_| status(401, "Unauthorized")).await;
    let error = Join::by_token(server.port, &[ca.pin()]).run().await.unwrap_err();
    assert!(error.hint().contains("anonymous"), "{error:?}");
}

/// A dry run without a cluster, as `kubewright-node` makes it.
async fn dry(join: &Join) -> Result<Discovered, DiscoveryError> {
    let directory = tempfile::tempdir().unwrap();
    let node = kubewright_testkit::node(directory.path().try_into().unwrap());
    let overlay = node.overlay();
    let (backends, _) = node.backends.into_dry_run(overlay, DryCluster::Existing(Box::new(Vec::new))).unwrap();
    join.run_with(&*backends.discovery).await
}

#[tokio::test]
async fn a_dry_run_without_a_cluster_takes_kubeadms_triple_and_every_other() {
    let mut join = Join::by_token(6443, &[]);
    let Discovery::Token(by) = &mut join.discovery else { unreachable!() };
    by.api_server_endpoint = HostPort::new("192.168.0.101", 6443);
    by.unsafe_skip_ca_verification = false;
    by.token = "abcdef.abcdef0123456789".parse().unwrap();
    by.ca_cert_hashes = vec!["sha256:3b793efefe27a19f93b0fbe6e637e9c41d0dde8a377d6ab1c0f656bf1136dd8a".into()];
    let found = dry(&join).await.unwrap();
    assert_eq!(found.server(), "https://192.168.0.101:6443");
    // Another token, which nobody signs with, and another pin.
    let Discovery::Token(by) = &mut join.discovery else { unreachable!() };
    by.token = token();
    by.ca_cert_hashes = vec![Ca::new("x").pin()];
    let found = dry(&join).await.unwrap();
    assert!(found.to_yaml().contains(TOKEN));
    // The right name with the wrong secret is a wrong token even here.
    let Discovery::Token(by) = &mut join.discovery else { unreachable!() };
    by.token = "abcdef.0123456789abcdef".parse().unwrap();
    assert!(matches!(dry(&join).await, Err(DiscoveryError::Signature { .. })));
}

/// A live backend that pretends to stand in for a cluster would be a hole: nothing but a dry run may.
#[tokio::test]
async fn no_live_backend_stands_in_for_a_cluster() {
    let backend = HttpsDiscovery::new(Arc::new(ApiServer::new()));
    let answer = backend.cluster_info("https://127.0.0.1:1", &Trust::Anybody).await;
    assert_eq!(answer.unwrap_err().kind, KubeErrorKind::Unreachable);
    assert_eq!(backend.stand_in(), None::<StandIn>);
}
