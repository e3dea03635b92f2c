//! Kubeconfigs that can be read, and bytes that cannot.

use proptest::prelude::*;

use super::*;
use crate::in_force::InForce;

const GOOD: &str = "apiVersion: v1
kind: Config
current-context: me@mine
clusters:
- name: mine
  cluster: {server: 'https://10.0.0.1:6443', certificate-authority-data: aGVsbG8=, proxy-url: ''}
contexts:
- name: me@mine
  context: {cluster: mine, user: me}
users:
- name: me
  user: {token: hunter2}
";

#[test]
fn keeps_what_it_does_not_know_and_forgets_what_is_empty() {
    let text = GOOD.replace("token: hunter2", "token: hunter2, tokenFile: '', as: root, client-key-data: null");
    let document = parse(text.as_bytes()).unwrap();
    assert_eq!(document.users[0].user.others.len(), 1);
    assert!(document.users[0].user.client_key_data.is_none() && document.clusters[0].cluster.others.is_empty());
}

#[test]
fn lists_may_be_null_and_headers_absent() {
    let document =
        parse(b"clusters: null\ncontexts: null\nusers: null\ncurrent-context: null\npreferences: null\n").unwrap();
    assert_eq!((document.api_version.as_str(), document.kind.as_str()), ("v1", "Config"));
    assert!(document.clusters.is_empty());
    assert!(matches!(parse(b""), Err(DocumentFault::NotYaml { .. })));
}

#[test]
fn folded_base64_is_read() {
    let text = GOOD.replace("aGVsbG8=", "\"aGVs\\nbG8=\\n\"");
    let parts = InForce::of(&parse(text.as_bytes()).unwrap()).unwrap();
    parts.check().unwrap();
    assert_eq!(parts.authority().unwrap(), b"hello");
}

fn never_panics(bytes: &[u8]) {
    let Ok(document) = parse(bytes) else { return };
    let Ok(mut parts) = InForce::of(&document) else { return };
    let _ = (parts.check(), parts.has_credentials(), parts.authority());
    for reference in parts.references() {
        parts.embed(&reference, b"contents");
    }
    parts.to_client();
    // What was made of a document that can be used can be used again.
    if !parts.context_name.is_empty() {
        let yaml = yaml::to_string(&serde_json::to_value(parts.to_kubeconfig()).unwrap());
        InForce::of(&parse(yaml.as_bytes()).unwrap()).unwrap();
    }
}

proptest! {
    #![proptest_config(proptest::test_runner::Config { failure_persistence: None, ..Default::default() })]

    #[test]
    fn takes_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        never_panics(&bytes);
    }

    #[test]
    fn takes_a_good_document_with_any_damage(at in 0..GOOD.len(), gone in 0..20_usize, new in ".{0,10}") {
        let end = (at + gone).min(GOOD.len());
        never_panics(format!("{}{new}{}", &GOOD[..at], &GOOD[end..]).as_bytes());
    }

    #[test]
    fn takes_any_names(cluster in ".{0,8}", context in ".{0,8}", user in ".{0,8}", current in ".{0,8}", server in ".{0,20}") {
        let document = serde_json::json!({
            "clusters": [{"name": cluster, "cluster": {"server": format!("https://{server}")}}],
            "contexts": [{"name": context, "context": {"cluster": cluster, "user": user}}],
            "users": [{"name": user, "user": {"tokenFile": server}}],
            "current-context": current,
        });
        never_panics(document.to_string().as_bytes());
        never_panics(document.to_string().replace(&current, &context).as_bytes());
    }
}
