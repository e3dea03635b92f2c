//! Which parts of a kubeconfig count, and which make it useless.

use serde_json::json;

use super::*;
use crate::document::parse;

fn with(user: Json) -> Result<InForce, DocumentFault> {
    let document = json!({
        "current-context": "c",
        "clusters": [{"name": "k", "cluster": {"server": "https://10.0.0.1:6443"}}],
        "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
        "users": [{"name": "u", "user": user}],
    });
    let parts = InForce::of(&parse(document.to_string().as_bytes())?)?;
    parts.check().map(|()| parts)
}

#[test]
fn knows_what_credentials_are() {
    let plugin = |plugin| json!({ "exec": plugin });
    let old = "client.authentication.k8s.io/v1beta1";
    for (user, expected) in [
        (json!({"token": "t"}), true),
        (json!({"tokenFile": "/t"}), true),
        (json!({"username": "u", "password": "p"}), true),
        (json!({"username": "u"}), false),
        (json!({"client-certificate": "/c", "client-key-data": "aaaa"}), true),
        (json!({"client-key": "/k"}), false),
        (plugin(json!({"command": "c", "apiVersion": old})), true),
        (json!({"auth-provider": {"name": "oidc"}}), true),
        (json!({"auth-provider": {"config": {}}}), false),
        (json!({"as": "somebody"}), false),
        (json!({}), false),
    ] {
        assert_eq!(with(user.clone()).unwrap().has_credentials(), expected, "{user}");
    }
}

#[test]
fn refuses_what_kubectl_refuses() {
    let v1 = "client.authentication.k8s.io/v1";
    for (user, words) in [
        (json!({"client-certificate": "/c"}), "has a client certificate but no key"),
        (json!({"client-certificate": "/c", "client-certificate-data": "aaaa", "client-key": "/k"}), "gives both"),
        (json!({"client-key": "/c", "client-key-data": "aaaa"}), "both `client-key` and `client-key-data`"),
        (json!({"client-key-data": "%"}), "`client-key-data` is not base64"),
        (json!({"token": "t", "username": "u"}), "both a token and a user name"),
        (json!({"exec": {"apiVersion": v1, "interactiveMode": "Never"}}), "lacks a valid `command`"),
        (json!({"exec": {"command": "c", "interactiveMode": "Never"}}), "lacks a valid `apiVersion`"),
        (json!({"exec": {"command": "c", "apiVersion": v1}}), "lacks a valid `interactiveMode`"),
        (json!({"exec": {"command": "c", "apiVersion": v1, "interactiveMode": "Maybe"}}), "`interactiveMode`"),
        (json!({"exec": {"command": "c", "apiVersion": v1, "interactiveMode": "Never", "env": [{}]}}), "`env`"),
        (json!({"exec": {"command": "c"}, "auth-provider": {"name": "oidc"}}), "both `exec` and `auth-provider`"),
    ] {
        let fault = with(user.clone()).unwrap_err().to_string();
        assert!(fault.contains(words), "{user}: {fault}");
    }
}

#[test]
fn picks_the_nameless_cluster_first() {
    let text = "current-context: c\nclusters:\n- {name: k, cluster: {server: 'https://k'}}\n- {name: '', cluster: {server: 'https://nameless'}}\ncontexts:\n- {name: c, context: {cluster: k}}\n";
    let parts = InForce::of(&parse(text.as_bytes()).unwrap()).unwrap();
    assert_eq!(parts.cluster.server, "https://nameless");
    assert_eq!(parts.to_kubeconfig().server(), Some("https://nameless"));
}

#[test]
fn names_what_a_context_misses() {
    let text = "current-context: c\nclusters:\n- {name: k, cluster: {server: 'https://k'}}\ncontexts:\n- {name: c, context: {cluster: x, user: u}}\n";
    let fault = InForce::of(&parse(text.as_bytes()).unwrap()).unwrap_err();
    assert_eq!(fault.to_string(), "its context `c` refers to the cluster `x`, which is not there");
    let fault = InForce::of(&parse(text.replace("cluster: x", "cluster: k").as_bytes()).unwrap()).unwrap_err();
    assert_eq!(fault.to_string(), "its context `c` refers to the user `u`, which is not there");
    let fault = InForce::of(&parse(text.replace("text: c", "text: d").as_bytes()).unwrap()).unwrap_err();
    assert_eq!(fault.to_string(), "its current context `d` is not there");
}

#[test]
fn only_files_of_credentials_are_asked_for() {
    let parts = with(json!({"client-certificate": "/c", "client-key": "/k", "tokenFile": "/t"})).unwrap();
    let fields: Vec<_> = parts.references().iter().map(|one| format!("{}={}", one.field, one.path)).collect();
    assert_eq!(fields, ["client-certificate=/c", "client-key=/k", "tokenFile=/t"]);
    assert!(with(json!({"client-key": "/k"})).unwrap().references().is_empty());
    assert!(with(json!({"token": "t", "tokenFile": "/t"})).unwrap().references().is_empty());
}
