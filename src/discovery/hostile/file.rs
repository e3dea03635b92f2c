//! Discovery with a kubeconfig: every form of credentials that one may have, and servers that do not fit it.

use kubewright_node::{KubeErrorKind, Trust};
use kubewright_testkit::FakeDiscovery;
use serde_json::Value as Json;

use super::*;

const SHORT: Duration = Duration::from_millis(600);

/// A good cluster, and a directory for the files that lead to it.
struct Site {
    ca: Ca,
    server: Server,
    directory: tempfile::TempDir,
}

impl Site {
    async fn new() -> Self {
        let ca = Ca::new("kubernetes");
        let info = cluster_info(&ca.kubeconfig("https://10.9.8.7:6443"), &[TOKEN]);
        Self::answering(ca, move |_| ok(info.clone())).await
    }

    async fn answering(ca: Ca, reply: impl Fn(usize) -> Reply + Send + Sync + 'static) -> Self {
        let server = Server::start(vec![ca.server()], reply).await;
        Self { ca, server, directory: tempfile::tempdir().unwrap() }
    }

    fn write(&self, name: &str, contents: &str) -> String {
        let path = self.directory.path().join(name);
        std::fs::write(&path, contents).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// A kubeconfig with this user, like an administrator's.
    fn document(&self, user: Json) -> Json {
        let ca = base64(&self.ca.certificate().to_pem());
        json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "me@mine",
            "clusters": [{"name": "mine", "cluster": {"server": self.server.url(), "certificate-authority-data": ca}}],
            "contexts": [{"name": "me@mine", "context": {"cluster": "mine", "user": "me"}}],
            "users": [{"name": "me", "user": user}],
        })
    }

    fn file(&self, document: &Json) -> Join {
        Join::by_file(self.write("discovery.conf", &kubewright_config::yaml::to_string(document)))
    }
}

fn base64(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}

/// The user of what was found, as JSON.
fn user(found: &Discovered) -> Json {
    serde_json::to_value(&found.kubeconfig().users[0].user).unwrap()
}

#[tokio::test]
async fn an_empty_user_has_no_credentials_and_the_token_is_used() {
    let site = Site::new().await;
    // kinder's first variant, and other ways to say nothing.
    let empty = json!({"client-certificate-data": "", "client-key-data": ""});
    for user in [empty, json!({}), Json::Null, json!({"token": ""}), json!({"username": "only"})] {
        let mut join = site.file(&site.document(user));
        let error = join.run().await.unwrap_err();
        assert!(matches!(error, DiscoveryError::NoCredentials { .. }), "{error:?}");
        join.tls_token = Some(token());
        let found = join.run().await.unwrap();
        let yaml = found.to_yaml();
        assert!(yaml.contains(&format!("token: {TOKEN}")) && yaml.contains("tls-bootstrap-token-user@kubernetes"));
        // The file's own server, not the one that cluster-info names.
        assert_eq!(found.server(), site.server.url());
    }
    assert!(site.server.requests().iter().all(|head| !head.to_lowercase().contains("authorization")));
}

#[tokio::test]
async fn a_token_in_the_file_or_beside_it_is_sent_and_kept() {
    let site = Site::new().await;
    let path = site.write("token", &format!("{TOKEN}\n"));
    let expected = json!({ "token": TOKEN });
    for credentials in [json!({"token": TOKEN}), json!({"tokenFile": path}), json!({"tokenFile": "token"})] {
        let found = site.file(&site.document(credentials)).run().await.unwrap();
        assert_eq!(user(&found), expected);
        assert_eq!(found.kubeconfig().current_context, "me@mine");
    }
    let requests = site.server.requests();
    assert_eq!(requests.len(), 3);
    for head in requests {
        assert!(head.contains(&format!("uthorization: Bearer {TOKEN}\r\n")), "{head}");
    }
}

#[tokio::test]
async fn certificates_stay_inline_and_come_in_from_files() {
    let site = Site::new().await;
    let (certificate, key) = site.ca.client();
    let inline = json!({"client-certificate-data": base64(&certificate), "client-key-data": base64(&key)});
    let found = site.file(&site.document(inline.clone())).run().await.unwrap();
    assert_eq!(user(&found), inline);

    let paths = (site.write("client-cert.pem", &certificate), site.write("client-key.pem", &key));
    let mut document = site.document(json!({"client-certificate": paths.0, "client-key": "client-key.pem"}));
    site.write("ca.crt", &site.ca.certificate().to_pem());
    document["clusters"][0]["cluster"] = json!({"server": site.server.url(), "certificate-authority": "ca.crt"});
    let found = site.file(&document).run().await.unwrap();
    assert_eq!(user(&found), inline);
    assert_eq!(found.authority_pem(), site.ca.certificate().to_pem().as_bytes());
    assert!(!found.to_yaml().contains(site.directory.path().to_str().unwrap()));

    let gone = site.document(json!({"client-certificate": "gone.pem", "client-key": paths.1}));
    let error = site.file(&gone).run().await.unwrap_err();
    assert!(matches!(&error, DiscoveryError::Absent { path } if path.ends_with("gone.pem")), "{error:?}");
}

#[tokio::test]
async fn a_credential_plugin_is_run_and_kept_as_it_is() {
    let site = Site::new().await;
    let credential = json!({"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
                            "status": {"token": "from-the-plugin"}});
    let plugin = json!({"exec": {
        "apiVersion": "client.authentication.k8s.io/v1", "command": "/bin/sh", "interactiveMode": "Never",
        "args": ["-c", "echo \"$CREDENTIAL\""], "env": [{"name": "CREDENTIAL", "value": credential.to_string()}],
    }});
    let found = site.file(&site.document(plugin.clone())).run().await.unwrap();
    assert_eq!(user(&found), plugin);
    assert!(site.server.requests()[0].contains("uthorization: Bearer from-the-plugin\r\n"));
}

#[tokio::test]
async fn passwords_are_kept_and_never_shown() {
    let site = Site::new().await;
    let credentials = json!({"username": "me", "password": "hunter2"});
    let found = site.file(&site.document(credentials.clone())).run().await.unwrap();
    assert_eq!(user(&found), credentials);
    assert!(!format!("{found:?}").contains("hunter2"));
}

#[tokio::test]
async fn nothing_of_other_users_gets_onto_the_node() {
    let site = Site::new().await;
    let mut document = site.document(json!({"token": TOKEN}));
    document["users"].as_array_mut().unwrap().push(json!({"name": "root", "user": {"token": "hunter2"}}));
    let second = json!({"name": "theirs", "cluster": {"server": "https://10.0.0.9:6443"}});
    document["clusters"].as_array_mut().unwrap().push(second);
    let mut found = site.file(&document).run().await.unwrap();
    let yaml = found.to_yaml();
    assert!(!yaml.contains("hunter2") && !yaml.contains("10.0.0.9"), "{}", *yaml);
    found.rename_cluster("production");
    found.set_server("https://10.1.1.1:6443");
    let kubeconfig = found.kubeconfig();
    assert_eq!((kubeconfig.server(), kubeconfig.cluster_name()), (Some("https://10.1.1.1:6443"), Some("production")));
    assert_eq!(kubeconfig.current_context, "me@mine");
}

#[tokio::test]
async fn the_kubeconfig_of_cluster_info_is_a_discovery_file() {
    let site = Site::new().await;
    let mut join = Join::by_file(site.write("cluster-info.conf", &site.ca.kubeconfig(&site.server.url())));
    join.tls_token = Some(token());
    assert_eq!(join.run().await.unwrap().server(), site.server.url());
}

#[tokio::test]
async fn a_cluster_that_lets_nobody_read_is_believed_as_the_file_says() {
    let site = Site::answering(Ca::new("kubernetes"), |_| status(403, "Forbidden")).await;
    site.file(&site.document(json!({"token": TOKEN}))).run().await.unwrap();
    assert_eq!(site.server.requests().len(), 1);
}

#[tokio::test]
async fn a_server_that_cannot_be_trusted_or_refuses_the_credentials_ends_it_at_once() {
    let site = Site::new().await;
    let mut document = site.document(json!({"token": TOKEN}));
    let stranger = base64(&Ca::new("stranger").certificate().to_pem());
    document["clusters"][0]["cluster"]["certificate-authority-data"] = stranger.into();
    let error = site.file(&document).run().await.unwrap_err();
    assert!(matches!(error, DiscoveryError::Fetch { .. }), "{error:?}");
    assert!(site.server.requests().is_empty());

    let site = Site::answering(Ca::new("kubernetes"), |_| status(401, "Unauthorized")).await;
    let error = site.file(&site.document(json!({"token": TOKEN}))).within(SHORT).run().await.unwrap_err();
    assert!(error.hint().contains("credentials"), "{error:?}");
}

#[tokio::test]
async fn a_server_that_does_not_know_the_token_yet_is_waited_for() {
    let ca = Ca::new("kubernetes");
    let replies = [status(401, "Unauthorized"), ok(cluster_info(&ca.kubeconfig("https://10.9.8.7:6443"), &[]))];
    let site = Site::answering(ca, move |number| replies[number.min(1)].clone()).await;
    site.file(&site.document(json!({"token": TOKEN}))).run().await.unwrap();
}

#[tokio::test]
async fn a_server_that_is_not_there_yet_is_waited_for() {
    let ca = Ca::new("kubernetes");
    let info = cluster_info(&ca.kubeconfig("https://10.9.8.7:6443"), &[]);
    let replies = [status(503, "ServiceUnavailable"), status(404, "NotFound"), ok(info)];
    let site = Site::answering(ca, move |number| replies[number.min(2)].clone()).await;
    site.file(&site.document(json!({"token": TOKEN}))).run().await.unwrap();
    let site = Site::answering(Ca::new("kubernetes"), |_| Reply::Drip).await;
    let join = site.file(&site.document(json!({"token": TOKEN}))).within(SHORT);
    let error = join.run().await.unwrap_err();
    assert!(matches!(error, DiscoveryError::Deadline { .. }), "{error:?}");
}

/// A file without authorities whose server's certificate is not looked at: then only a signature proves anything.
#[tokio::test]
async fn authorities_come_from_cluster_info_only_if_something_proves_them() {
    let ca = Ca::new("kubernetes");
    let kubeconfig = ca.kubeconfig("https://10.9.8.7:6443");
    let other = "abc123.fedcba9876543210";
    for (signers, given, proven) in [
        (vec![TOKEN], Some(TOKEN), Ok(())),
        (vec![TOKEN], None, Err("unproven")),
        (vec![], Some(TOKEN), Err("unproven")),
        (vec![other], Some(TOKEN), Err("signature")),
    ] {
        let info = cluster_info(&kubeconfig, &signers);
        let site = Site::answering(Ca::new("kubernetes"), move |_| ok(info.clone())).await;
        let mut document = site.document(json!({"username": "me", "password": "hunter2"}));
        document["clusters"][0]["cluster"] = json!({"server": site.server.url(), "insecure-skip-tls-verify": true});
        let mut join = site.file(&document);
        join.tls_token = given.map(|text| text.parse().unwrap());
        match (join.run().await, proven) {
            (Ok(found), Ok(())) => {
                assert_eq!(found.authority_pem(), ca.certificate().to_pem().as_bytes());
                assert!(!found.to_yaml().contains("insecure"));
            }
            (Err(DiscoveryError::Unproven { .. }), Err("unproven")) => {}
            (Err(DiscoveryError::Signature { .. }), Err("signature")) => {}
            (result, _) => panic!("{signers:?} {given:?}: {result:?}"),
        }
    }
}

/// With a server that the host's authorities vouch for, cluster-info may add the cluster's own, as in kubeadm.
#[tokio::test]
async fn authorities_come_from_a_verified_cluster_info_without_a_signature() {
    let (backend, ca) = (FakeDiscovery::default(), Ca::new("kubernetes"));
    let info = cluster_info(&ca.kubeconfig("https://10.9.8.7:6443"), &[]);
    backend.answer(Ok(serde_json::from_str(&info).unwrap()));
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("discovery.conf");
    let text = "clusters:\n- name: ''\n  cluster:\n    server: https://api.example:6443\n";
    std::fs::write(&path, text).unwrap();
    let mut join = Join::by_file(path.to_str().unwrap());
    join.tls_token = Some(token());
    let found = join.run_with(&backend).await.unwrap();
    assert_eq!(found.authorities(), [ca.certificate().clone()]);
    assert_eq!(found.server(), "https://api.example:6443");
}

#[tokio::test]
async fn a_url_gives_the_same_as_a_file() {
    let (backend, ca) = (FakeDiscovery::default(), Ca::new("kubernetes"));
    backend.answer(Err(KubeErrorKind::Unreachable));
    backend.answer(Err(KubeErrorKind::Forbidden));
    let url = "https://user:hunter2@example.com/discovery.conf?key=hunter2";
    backend.serve(url, ca.kubeconfig("https://10.9.8.7:6443"));
    let mut join = Join::by_file(url);
    let error = join.run_with(&backend).await.unwrap_err();
    assert!(error.to_string().contains("https://example.com/discovery.conf has no credentials"), "{error}");
    join.tls_token = Some(token());
    let found = join.run_with(&backend).await.unwrap();
    assert_eq!(found.server(), "https://10.9.8.7:6443");
    assert_eq!(backend.asked(), [url, "kubeconfig", "kubeconfig", url, "kubeconfig"]);

    let elsewhere = Join::by_file("HTTPS://example.com/gone?key=hunter2");
    let error = elsewhere.run_with(&backend).await.unwrap_err();
    assert!(matches!(&error, DiscoveryError::Download { url, .. } if url == "HTTPS://example.com/gone"), "{error:?}");
    let relative = "clusters:\n- name: ''\n  cluster: {server: 'https://a:1', certificate-authority: ca.crt}\n";
    backend.serve("https://example.com/relative", relative);
    let error = Join::by_file("https://example.com/relative").run_with(&backend).await.unwrap_err();
    assert!(matches!(error, DiscoveryError::RelativePath { .. }), "{error:?}");
}

#[tokio::test]
async fn a_file_that_cannot_be_used_says_why_without_a_request() {
    let site = Site::new().await;
    let cases = [
        ("hunter2", "it is not of `apiVersion: v1` and `kind: Config`"),
        ("token: [hunter2", "it is not YAML with one document"),
        ("kind: Pod", "it is not of `apiVersion: v1` and `kind: Config`"),
        ("kind: Config", "it defines no cluster"),
        ("users: [{name: a, user: hunter2}]", "its `users` cannot be understood"),
        ("clusters: {}", "its `clusters` cannot be understood"),
        ("clusters: [{name: a, cluster: {server: 'https://a'}}]", "its current context `` is not there"),
        ("clusters: [{name: '', cluster: {server: 'http://a'}}]", "the server of its cluster `` is not a URL"),
        ("clusters: [{name: ''}, {name: ''}]", "its `clusters` have two entries named ``"),
    ];
    for (text, expected) in cases {
        let error = Join::by_file(site.write("bad.conf", text)).run().await.unwrap_err();
        let DiscoveryError::Document { origin, source } = &error else { panic!("{text}: {error:?}") };
        assert!(origin.ends_with("bad.conf") && source.to_string().starts_with(expected), "{text}: {source}");
    }
    let gone = Join::by_file("/nonexistent/discovery.conf").run().await.unwrap_err();
    assert!(gone.to_string().contains("/nonexistent/discovery.conf"), "{gone}");
    assert!(site.server.requests().is_empty());
}

/// The trust in the machine's own authorities is real: nobody there vouches for a server of a test.
#[tokio::test]
async fn a_url_of_a_server_that_the_machine_does_not_trust_is_refused() {
    let site = Site::new().await;
    let error = Join::by_file(format!("{}/discovery.conf", site.server.url())).run().await.unwrap_err();
    assert!(matches!(error, DiscoveryError::Download { .. }), "{error:?}");
    assert!(site.server.requests().is_empty());
}

#[test]
fn trust_shows_no_certificates() {
    assert_eq!(format!("{:?}", Trust::Authorities(vec![vec![1, 2, 3]])), "Authorities(1)");
}
