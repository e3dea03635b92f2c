//! Tokens as the cluster keeps them and as kubeadm shows them.

use proptest::prelude::*;
use serde_json::json;
use time::macros::datetime;

use super::*;

const NOW: OffsetDateTime = datetime!(2026-11-22 00:52:21.5 UTC);
const DEFAULT_GROUP: &str = "system:bootstrappers:kubeadm:default-node-token";

fn secret(name: &str, fields: &[(&str, &str)]) -> Json {
    let data: serde_json::Map<String, Json> =
        fields.iter().map(|(key, value)| ((*key).to_owned(), STANDARD.encode(value).into())).collect();
    json!({"metadata": {"name": name, "namespace": "kube-system"}, "data": data, "type": "bootstrap.kubernetes.io/token"})
}

/// The Secrets that the recordings of kubeadm were made from.
fn recorded() -> Vec<Json> {
    let both = [("usage-bootstrap-signing", "true"), ("usage-bootstrap-authentication", "true")];
    let token = |id: &'static str, more: &[(&'static str, &'static str)]| {
        let fields = [&[("token-id", id), ("token-secret", "0123456789abcdef")], more].concat();
        secret(&format!("bootstrap-token-{id}"), &fields)
    };
    vec![
        token(
            "aaaaaa",
            &[&both[..], &[("description", "forever and <a>&b"), ("auth-extra-groups", DEFAULT_GROUP)]].concat(),
        ),
        token("bbbbbb", &[both[1], ("expiration", "2026-11-24T00:52:21Z"), ("auth-extra-groups", DEFAULT_GROUP)]),
        token(
            "cccccc",
            &[
                &both[..],
                &[
                    ("expiration", "2026-11-22T00:53:51Z"),
                    ("auth-extra-groups", "system:bootstrappers:a,system:bootstrappers:b"),
                ],
            ]
            .concat(),
        ),
        secret("bootstrap-token-dddddd", &[("token-id", "dddddd"), ("token-secret", "short")]),
        token("eeeeee", &[("expiration", "nonsense")]),
        token("ffffff", &[("usage-bootstrap-signing", "false")]),
        secret("bootstrap-token-gggggg", &[("token-id", "gggggh"), ("token-secret", "0123456789abcdef")]),
        secret("bootstrap-token-hhhhhh", &[("token-secret", "0123456789abcdef")]),
    ]
}

#[test]
fn lists_as_kubeadm_does() {
    let (tokens, faults) = read_all(&recorded());
    assert_eq!(*table(&tokens, NOW), include_str!("recorded/list.txt"));
    let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
    assert_eq!(
        faults,
        [
            "the token in the Secret `bootstrap-token-dddddd` is not of the form [a-z0-9]{6}.[a-z0-9]{16}",
            "the expiration in the Secret `bootstrap-token-eeeeee` is not a moment in RFC 3339",
            "the Secret `bootstrap-token-gggggg` must be named `bootstrap-token-gggggh` after its token",
            "the Secret `bootstrap-token-hhhhhh` has no `token-id`",
        ]
    );
    assert!(!format!("{tokens:?}").contains("0123456789abcdef"));
}

#[test]
fn no_tokens_are_no_text() {
    assert_eq!(&**table(&[], NOW), "");
}

#[test]
fn durations_have_one_unit() {
    for (seconds, text) in [
        (-2, "<invalid>"),
        (-1, "0s"),
        (0, "0s"),
        (59, "59s"),
        (60, "1m"),
        (3599, "59m"),
        (3600, "1h"),
        (86_399, "23h"),
        (86_400, "1d"),
        (364 * 86_400, "364d"),
        (365 * 86_400, "1y"),
        (800 * 86_400, "2y"),
    ] {
        assert_eq!(short_duration(time::Duration::seconds(seconds)), text, "{seconds}");
    }
    assert_eq!(short_duration(time::Duration::milliseconds(-1999)), "0s");
}

#[test]
fn a_description_cannot_tear_the_table() {
    let mut known = KnownToken::from_secret(&recorded()[0]).unwrap();
    known.description = "a\tb\nc\u{1b}[2J".into();
    assert_eq!(table(&[known], NOW).lines().count(), 2);
}

#[test]
fn only_a_living_token_with_both_usages_joins() {
    let (tokens, _) = read_all(&recorded());
    let joins = |now| tokens.iter().map(|known| known.can_join(now)).collect::<Vec<_>>();
    assert_eq!(joins(NOW), [true, false, true, false]);
    assert_eq!(joins(datetime!(2026-11-22 00:53:51 UTC)), [true, false, false, false]);
}

#[test]
fn a_token_is_named_by_id_or_as_a_whole() {
    assert_eq!(id_of("abc123").unwrap(), "abc123");
    assert_eq!(id_of("abc123.0123456789abcdef").unwrap(), "abc123");
    assert_eq!(secret_of("abc123").to_string(), "Secret kube-system/bootstrap-token-abc123");
    for wrong in ["", "abc12", "abc1234", "ABC123", "abc123.", "abc123.short", "abc.123", " abc123", "äbc12"] {
        assert_eq!(id_of(wrong), Err(TokenNameError), "{wrong}");
    }
}

fn new(
    ttl: Option<&str>,
    usages: &[&str],
    groups: &[&str],
) -> Result<kubewright_config::model::BootstrapTokenEntry, NewTokenFault> {
    let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
    let wishes =
        NewToken { ttl: ttl.map(str::to_owned), usages: texts(usages), groups: texts(groups), ..NewToken::default() };
    wishes.entry(&mut |bytes| bytes.fill(7))
}

#[test]
fn a_new_token_has_kubeadms_defaults() {
    let entry = new(None, &[], &[""]).unwrap();
    assert_eq!(entry.ttl, Some(std::time::Duration::from_secs(86_400)));
    assert_eq!(
        (entry.usages.join(","), entry.groups.join(",")),
        ("signing,authentication".into(), DEFAULT_GROUP.into())
    );
    assert_eq!(entry.token.id(), "hhhhhh");
    assert_eq!(new(Some("1h30m"), &[], &[]).unwrap().ttl.unwrap().as_secs(), 5400);
    for never in ["0", "0s", "-1h"] {
        assert_eq!(new(Some(never), &[], &[]).unwrap().ttl.unwrap().as_secs(), 0, "{never}");
    }
}

#[test]
fn wishes_that_cannot_be_granted_are_refused() {
    let usage = |usage: &str| NewTokenFault::Usage { usage: usage.into() };
    assert_eq!(new(Some("soon"), &[], &[]).unwrap_err(), NewTokenFault::Ttl { text: "soon".into() });
    assert_eq!(new(None, &["authentication", "signin"], &[]).unwrap_err(), usage("signin"));
    assert_eq!(new(None, &["signing"], &[]).unwrap_err(), NewTokenFault::Groups);
    for group in ["system:masters", "system:bootstrappers:", "system:bootstrappers:A", "system:bootstrappers:a-"] {
        assert_eq!(new(None, &[], &[group]).unwrap_err(), NewTokenFault::Group { group: group.into() });
    }
    new(None, &[], &["system:bootstrappers:a:b-1"]).unwrap();
}

#[test]
fn a_join_command_pins_every_authority() {
    let pem = include_str!("../../pki/fixture/corporate-root.pem");
    let two = format!("{pem}{pem}");
    let kubeconfig =
        |authority: String| format!("clusters: [{{name: '', cluster: {{server: 'https://a:6443', {authority}}}}}]");
    let nothing: ReadFile<'_> = &|_| Ok(None);
    let inline = kubeconfig(format!("certificate-authority-data: {}", STANDARD.encode(&two)));
    let target = JoinTarget::of("/etc/admin.conf".into(), inline.as_bytes(), nothing).unwrap();
    assert_eq!((target.server.as_str(), target.pins.len()), ("https://a:6443", 2));
    let file = kubeconfig("certificate-authority: pki/ca.crt".into());
    let read: ReadFile<'_> =
        &|path| Ok((path == "/etc/pki/ca.crt").then(|| kubewright_node::Contents::public(two.as_bytes())));
    assert_eq!(JoinTarget::of("/etc/admin.conf".into(), file.as_bytes(), read).unwrap(), target);
    let error = JoinTarget::of("/etc/admin.conf".into(), file.as_bytes(), nothing).unwrap_err();
    assert_eq!(error.to_string(), "the file `/etc/pki/ca.crt` for discovery is not there");
    let none = kubeconfig("proxy-url: ''".into());
    let error = JoinTarget::of("/etc/admin.conf".into(), none.as_bytes(), nothing).unwrap_err();
    assert!(matches!(error, DiscoveryError::NoAuthority { .. }));
}

#[test]
fn a_client_finds_what_lies_beside_its_kubeconfig() {
    let kubeconfig = "clusters: [{name: c, cluster: {server: 'https://a:6443', certificate-authority: pki/ca.crt}}]\n\
         users: [{name: u, user: {client-certificate: /abs/u.crt, client-key: u.key, tokenFile: t, \
         exec: {command: ./plugin, apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never}}}, \
         {name: other, user: {token: secret-of-another}}]\n\
         contexts: [{name: x, context: {cluster: c, user: u}}]\ncurrent-context: x\n";
    let text = client_kubeconfig("/home/me/.kube/config".into(), kubeconfig.as_bytes()).unwrap();
    for path in
        ["/home/me/.kube/pki/ca.crt", "/abs/u.crt", "/home/me/.kube/u.key", "/home/me/.kube/t", ".kube/./plugin"]
    {
        assert!(text.contains(path), "{path}: {}", *text);
    }
    assert!(!text.contains("secret-of-another"));
    let error = client_kubeconfig("/x".into(), b"clusters: []").unwrap_err();
    assert_eq!(error, DocumentFault::NoCluster);
    let on_path = "{clusters: [{name: '', cluster: {server: 'https://a'}}], current-context: x, \
         contexts: [{name: x, context: {user: u}}], users: [{name: u, user: {exec: {command: aws, apiVersion: v1}}}]}";
    assert!(client_kubeconfig("/x".into(), on_path.as_bytes()).unwrap().contains("command: aws\n"));
}

use crate::{DiscoveryError, DocumentFault, ReadFile};

proptest! {
    #![proptest_config(proptest::test_runner::Config { failure_persistence: None, ..Default::default() })]

    #[test]
    fn takes_any_secret(name in "(bootstrap-token-)?.{0,8}", data in prop::collection::btree_map("(token-id|token-secret|expiration|.{0,5})", ".{0,20}", 0..5)) {
        let data: serde_json::Map<String, Json> = data.into_iter().map(|(key, value)| (key, STANDARD.encode(value).into())).collect();
        let secret = json!({"metadata": {"name": name}, "data": data});
        if let Ok(known) = KnownToken::from_secret(&secret) {
            table(&[known], NOW);
        }
    }

    #[test]
    fn takes_any_name(text in ".{0,30}") {
        id_of(&text).ok();
    }
}
