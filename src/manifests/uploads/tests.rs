//! Uploaded objects of every version, read back as their types.

#![allow(clippy::unwrap_used)]

use std::str::FromStr;

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use serde::de::DeserializeOwned;
use time::macros::datetime;

use super::*;
use crate::fixture::{defaults, versions, with_cluster};

fn typed<T: DeserializeOwned>(value: &Value) -> T {
    serde_json::from_value(value.clone()).unwrap()
}

fn token() -> BootstrapToken {
    BootstrapToken::from_str("abcdef.0123456789abcdef").unwrap()
}

fn entry() -> BootstrapTokenEntry {
    defaults("v1.36.2").init.bootstrap_tokens[0].clone()
}

fn data(secret: &SecretObject) -> BTreeMap<String, String> {
    let secret: Secret = typed(secret.object());
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    secret.data.unwrap().into_iter().map(|(key, value)| (key, text(value.0))).collect()
}

#[test]
fn every_version_gives_objects_of_their_types() {
    for version in versions() {
        let init = defaults(&version);
        let endpoints = BTreeMap::from([("cp1".to_owned(), init.init.local_api_endpoint)]);
        let objects = kubeadm_config(&init.cluster, &init.facts, Duration::from_secs(240), &endpoints).unwrap();
        let data = typed::<ConfigMap>(&objects[0]).data.unwrap();
        assert!(data["ClusterConfiguration"].contains(init.facts.api.write.group_version()), "{version}");
        assert_eq!(data.contains_key("ClusterStatus"), init.facts.api.cluster_status, "{version}");
        let objects = kubelet_config(&init.kubelet, &init.facts).unwrap();
        let config_map: ConfigMap = typed(&objects[0]);
        assert_eq!(config_map.metadata.name.as_ref(), Some(&init.facts.kubelet.config_map));
        assert!(config_map.data.unwrap()["kubelet"].ends_with('\n'));
    }
}

#[test]
fn the_kubelets_config_map_is_kubeadms_to_the_byte() {
    let init = defaults("v1.36.2");
    let object = &kubelet_config(&init.kubelet, &init.facts).unwrap()[0];
    assert_eq!(object["metadata"]["name"], "kubelet-config");
    assert_eq!(object["data"]["kubelet"].as_str().unwrap().len(), 1078);
    assert_eq!(
        object["metadata"]["annotations"][HASH_ANNOTATION],
        "sha256:26488e9fc7c5cb5fdda9996cda2e6651a9af5febce07ea02de11bd3ef3f49e9c"
    );
}

#[test]
fn the_kubelets_config_map_is_named_after_old_versions() {
    let init = defaults("v1.20.2");
    let objects = kubelet_config(&init.kubelet, &init.facts).unwrap();
    let names: Vec<&Value> = objects.iter().map(|object| &object["metadata"]["name"]).collect();
    assert_eq!(names, ["kubelet-config-1.20", "kubeadm:kubelet-config-1.20", "kubeadm:kubelet-config-1.20"]);
    assert_eq!(objects[1]["rules"][0]["resourceNames"], json!(["kubelet-config-1.20"]));
}

#[test]
fn a_token_expires_when_its_lifetime_is_over() {
    let made = bootstrap_token(&entry(), datetime!(2026-01-01 12:00:00.75 +2)).unwrap();
    assert_eq!(made.object()["metadata"]["name"], "bootstrap-token-abcdef");
    assert_eq!(made.object()["type"], "bootstrap.kubernetes.io/token");
    let expected = [
        ("auth-extra-groups", "system:bootstrappers:kubeadm:default-node-token"),
        ("expiration", "2026-01-02T10:00:00Z"),
        ("token-id", "abcdef"),
        ("token-secret", "0123456789abcdef"),
        ("usage-bootstrap-authentication", "true"),
        ("usage-bootstrap-signing", "true"),
    ];
    assert_eq!(data(&made), expected.map(|(key, value)| (key.to_owned(), value.to_owned())).into());
}

#[test]
fn a_token_may_live_forever_or_until_a_moment() {
    let now = datetime!(2026-01-01 0:00 UTC);
    let forever = BootstrapTokenEntry { ttl: Some(Duration::ZERO), ..entry() };
    assert!(!data(&bootstrap_token(&forever, now).unwrap()).contains_key("expiration"));
    let until = BootstrapTokenEntry { ttl: None, expires: Some("2026-05-05T02:00:00+02:00".into()), ..entry() };
    assert_eq!(data(&bootstrap_token(&until, now).unwrap())["expiration"], "2026-05-05T00:00:00Z");
}

#[test]
fn an_expiry_out_of_the_calendar_is_an_error() {
    let endless = BootstrapTokenEntry { ttl: Some(Duration::MAX), ..entry() };
    let error = bootstrap_token(&endless, datetime!(2026-01-01 0:00 UTC)).unwrap_err().to_string();
    assert!(error.contains("`abcdef`") && !error.contains("0123456789"), "{error}");
    let wrong = BootstrapTokenEntry { expires: Some("tomorrow".into()), ..entry() };
    assert!(bootstrap_token(&wrong, datetime!(2026-01-01 0:00 UTC)).is_err());
}

#[test]
fn secrets_do_not_show() {
    let made = bootstrap_token(&entry(), datetime!(2026-01-01 0:00 UTC)).unwrap();
    assert_eq!(format!("{made:?}"), "SecretObject(bootstrap-token-abcdef)");
}

#[test]
fn uploaded_certificates_can_be_read_with_the_key_and_go_with_their_token() {
    let key = CertificateKey::from_str(&"ab".repeat(32)).unwrap();
    let files = [
        ("ca.crt".to_owned(), Some(Zeroizing::new(b"one".to_vec()))),
        ("ca.key".to_owned(), Some(Zeroizing::new(b"two".to_vec()))),
        ("sa.key".to_owned(), None),
    ];
    let owner = TokenOwner { name: token().secret_name(), uid: "1-2".into() };
    let mut next = 0;
    let mut fill = |bytes: &mut [u8]| {
        next += 1;
        bytes.fill(next);
    };
    let upload = kubeadm_certs(&key, &files, &owner, &mut fill).unwrap();
    let secret: Secret = typed(upload.secret.object());
    let data = secret.data.unwrap();
    assert_eq!(certificate_key::decrypt(&key, &data["ca.crt"].0).unwrap().as_slice(), b"one");
    assert_eq!(certificate_key::decrypt(&key, &data["ca.key"].0).unwrap().as_slice(), b"two");
    assert_ne!(data["ca.crt"].0[..NONCE_LENGTH], data["ca.key"].0[..NONCE_LENGTH], "a nonce never repeats");
    assert!(data["sa.key"].0.is_empty());
    let owner = &secret.metadata.owner_references.unwrap()[0];
    assert_eq!((owner.name.as_str(), owner.uid.as_str()), ("bootstrap-token-abcdef", "1-2"));
    assert_eq!((owner.controller, owner.block_owner_deletion), (Some(true), Some(true)));
    assert_eq!(upload.access.len(), 2);
}

#[test]
fn an_external_etcds_files_are_uploaded_under_their_own_names() {
    let lines =
        "etcd: {external: {endpoints: ['https://192.0.2.9:2379'], caFile: /a/ca, certFile: /a/crt, keyFile: /a/key}}\n";
    let files = |init: &kubewright_config::Init| -> Vec<String> {
        let files = certificate_files(&init.cluster);
        files.iter().map(|(key, path)| format!("{key} {}", path.as_deref().map_or("", |path| path.as_str()))).collect()
    };
    let external = files(&with_cluster("v1.36.2", lines));
    assert!(external.contains(&"external-etcd-ca.crt /a/ca".to_owned()) && external.len() == 9, "{external:?}");
    // `join` looks for all three, and does without what they do not hold.
    let plain = files(&with_cluster("v1.36.2", "etcd: {external: {endpoints: ['http://192.0.2.9:2379']}}\n"));
    assert_eq!(plain[6..], ["external-etcd-ca.crt ", "external-etcd.crt ", "external-etcd.key "]);
    let local = files(&defaults("v1.36.2"));
    assert!(local.contains(&"etcd-ca.key /etc/kubernetes/pki/etcd/ca.key".to_owned()) && local.len() == 8);
}

#[test]
fn the_clusters_address_is_a_kubeconfig_without_users() {
    let text = |version| {
        let objects = cluster_info("https://lb.example.com:6443", b"PEM", &defaults(version).facts).unwrap();
        assert_eq!(objects[0]["metadata"]["namespace"], "kube-public");
        objects[0]["data"]["kubeconfig"].as_str().unwrap().to_owned()
    };
    let expected = "apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: UEVN
    server: https://lb.example.com:6443
  name: \"\"
contexts: null
current-context: \"\"
kind: Config
users: null
";
    assert_eq!(text("v1.36.2"), expected);
    assert_eq!(text("v1.20.2"), expected.replace("kind: Config\n", "kind: Config\npreferences: {}\n"));
}
