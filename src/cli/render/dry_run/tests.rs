//! Differences show what changes, and no secret.

use std::sync::Arc;

use camino::Utf8Path;
use kubewright_engine::{Capability, EffectLog, Events, Journal, Session, World};
use kubewright_host::{DryChange, DryKind, Overlay, Root};
use kubewright_node::dry_run::{DryCluster, Sent};
use kubewright_node::{Contents, Files, Mode, Node, ObjectRef, Owner};
use serde_json::json;

use super::{differences, redacted, whole};

const OLD: &str = "apiVersion: v1\nkind: Config\nclusters: []\nusers:\n- name: admin\n  user:\n    client-key-data: OLDKEY\n    token: SAME\n";
const NEW: &str = "apiVersion: v1\nkind: Config\nclusters: null\nusers:\n- name: admin\n  user:\n    client-key-data: NEWKEY\n    token: SAME\n";

fn change(path: &str, before: Option<Contents>, after: Option<Contents>) -> DryChange {
    let kind = match (&before, &after) {
        (None, _) => DryKind::Added,
        (_, None) => DryKind::Removed,
        _ => DryKind::Replaced,
    };
    DryChange {
        path: path.into(),
        kind,
        mode: Mode(0o600),
        contents: after,
        before: before.map(|contents| (contents, Mode(0o644))),
    }
}

fn said(change: DryChange) -> String {
    let mut out = String::new();
    differences(&mut out, &[change], &Sent::default()).unwrap();
    out
}

#[test]
fn a_changed_file_is_a_unified_difference_with_its_mode() {
    let lines =
        |changed: &str| (1..=9).map(|n| if n == 5 { changed.to_owned() } else { format!("{n}\n") }).collect::<String>();
    let said = said(change("/etc/x", Some(Contents::public(lines("old\n"))), Some(Contents::public(lines("new\n")))));
    let wanted = "[dryrun] /etc/x: mode 600, now 644\n--- /etc/x\n+++ /etc/x\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-old\n+new\n 6\n 7\n 8\n";
    assert_eq!(said, wanted);
}

#[test]
fn a_new_file_is_all_plus_and_a_removed_one_all_minus() {
    let new = said(change("/etc/x", None, Some(Contents::public("a\n"))));
    assert_eq!(new, "[dryrun] /etc/x: new, mode 600\n--- /dev/null\n+++ /etc/x\n@@ -0,0 +1 @@\n+a\n");
    let gone = said(change("/etc/x", Some(Contents::public("a\n")), None));
    assert_eq!(gone, "--- /etc/x\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n");
}

#[test]
fn a_kubeconfig_shows_everything_but_its_credentials() {
    let said = said(change("/etc/admin.conf", Some(Contents::secret(OLD)), Some(Contents::secret(NEW))));
    assert!(said.contains("-clusters: []\n+clusters: null\n"), "{said}");
    assert!(
        said.contains("-    client-key-data: <withheld>\n+    client-key-data: '<withheld: another one>'\n"),
        "{said}"
    );
    assert!(said.contains("     token: <withheld>\n"), "{said}");
    assert!(!["OLDKEY", "NEWKEY", "SAME"].iter().any(|secret| said.contains(secret)), "{said}");
}

#[test]
fn other_secrets_show_only_that_they_change() {
    let key = |text: &str| Some(Contents::secret(text));
    let replaced = said(change("/etc/ca.key", key("OLDKEY"), key("NEWKEY")));
    assert!(replaced.ends_with("@@ -1 +1 @@\n-<withheld>\n+<withheld: another one>\n"), "{replaced}");
    let new = said(change("/etc/ca.key", None, key("NEWKEY")));
    assert!(new.ends_with("@@ -0,0 +1 @@\n+<withheld>\n"), "{new}");
}

#[test]
fn a_file_that_was_or_becomes_a_secret_is_withheld_whole() {
    let (public, secret) = (|| Some(Contents::public("OLDKEY")), || Some(Contents::secret("NEWKEY")));
    for (before, after) in [(public(), secret()), (secret(), public()), (secret(), None)] {
        let change = change("/srv/certs/some.key", before, after);
        let (mut full, diff) = (String::new(), said(change.clone()));
        whole(&mut full, &[change], &Sent::default()).unwrap();
        assert!(!full.contains("KEY") && full.contains("/srv/certs/some.key"), "{full}");
        assert!(!diff.contains("KEY") && diff.contains("-<withheld>\n"), "{diff}");
    }
}

#[expect(clippy::disallowed_methods, reason = "what stands there before is written as somebody else would write it")]
#[tokio::test]
async fn a_key_that_is_given_away_is_withheld_wherever_it_lies_and_whoever_may_read_it() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path().join("srv/certs");
    std::fs::create_dir_all(&at).unwrap();
    let (pem, opaque) = ("-----BEGIN RSA PRIVATE KEY-----\nPEMSECRET\n", "RAWSECRET\n");
    let files = [("sa.key", pem), ("other.key", opaque), ("gone.key", pem)];
    for (name, text) in files {
        std::fs::write(at.join(name), text).unwrap();
        std::fs::set_permissions(at.join(name), std::os::unix::fs::PermissionsExt::from_mode(0o640)).unwrap();
    }
    let root = Utf8Path::from_path(directory.path()).unwrap();
    let overlay = Overlay::new(Root::at(root));
    let (backends, _) = kubewright_testkit::node(root).backends.into_dry_run(overlay.clone(), DryCluster::New).unwrap();
    let (events, _heard) = Events::channel();
    let session = Node::new(backends).begin(EffectLog::new("p", Arc::new(Journal::discarding("r")), events));
    let given = Files::of(&session);
    for name in ["sa.key", "other.key"] {
        let path = Utf8Path::new("/srv/certs").join(name);
        given.give(&path, Mode(0o644), Owner { user: 1, group: 1 }).unwrap();
    }
    given.remove("/srv/certs/gone.key".into()).unwrap();
    session.commit().await.unwrap();

    let changes = overlay.changes().unwrap();
    let (mut full, mut diff) = (String::new(), String::new());
    whole(&mut full, &changes, &Sent::default()).unwrap();
    differences(&mut diff, &changes, &Sent::default()).unwrap();
    for said in [full, diff] {
        assert!(files.iter().all(|(name, _)| said.contains(name)) && !said.contains("SECRET"), "{said}");
    }
}

#[test]
fn a_tokens_secret_half_is_withheld_and_its_purpose_is_not() {
    let secret = json!({"kind": "Secret", "type": "bootstrap.kubernetes.io/token",
        "data": {"token-id": "YWJjZGVm", "token-secret": "MDEyMw==", "description": "ZmlvbmE=", "unheard-of": "eA=="}});
    let told = redacted(secret);
    assert_eq!(
        told["data"],
        json!({"token-id": "YWJjZGVm", "token-secret": "<withheld>", "description": "ZmlvbmE=", "unheard-of": "<withheld>"})
    );
}

#[test]
fn everything_in_other_secrets_is_withheld() {
    let secret = json!({"kind": "Secret", "type": "Opaque", "data": {"ca.key": "eA==", "description": "eA=="}});
    assert_eq!(redacted(secret)["data"], json!({"ca.key": "<withheld>", "description": "<withheld>"}));
}

#[test]
fn objects_are_additions_without_what_secrets_hide() {
    let sent = Sent::default();
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "n"}, "data": {"k": "c2VjcmV0"}});
    sent.put(&ObjectRef::of(&secret).unwrap(), secret);
    let node = ObjectRef { api_version: "v1".into(), kind: "Node".into(), namespace: None, name: "cp1".into() };
    sent.patch(&node, json!({"metadata": {"labels": {"a": "b"}}}));
    let mut out = String::new();
    differences(&mut out, &[], &sent).unwrap();
    assert!(out.starts_with("--- /dev/null\n+++ Secret n/s\n") && out.contains("\n+  k: <withheld>\n"), "{out}");
    assert!(out.contains("--- Node cp1\n+++ Node cp1 with this patch\n") && out.contains("+    a: b\n"), "{out}");
    assert!(!out.contains("c2VjcmV0"), "{out}");
}
