//! Kubeconfigs we write, and those that users bring.

#![allow(clippy::unwrap_used)]

use serde_json::json;

use super::Kubeconfig;
use crate::fixture::{self, NOW, YEAR};
use crate::{Authority, Certificate, Conventions, KubeconfigKind, PkiError, PrivateKey, SecretText, Source};

const SERVER: &str = "https://192.0.2.2:6443";

fn base64(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}

fn admin() -> (Authority, Certificate, PrivateKey, Kubeconfig) {
    let authority = fixture::authority(fixture::P256_PKCS8);
    let key = fixture::key(fixture::P384);
    let spec = KubeconfigKind::Admin.leaf_spec(&Conventions::default(), "cp1");
    let certificate = authority.sign(&spec, &key, authority.client_validity(NOW, YEAR)).unwrap();
    let user = KubeconfigKind::Admin.user("cp1");
    let kubeconfig =
        Kubeconfig::with_client_cert("kubernetes", SERVER, authority.certificate(), &user, &certificate, &key).unwrap();
    (authority, certificate, key, kubeconfig)
}

#[test]
fn writes_the_fields_of_kubeadm_in_its_order() {
    let (authority, certificate, key, kubeconfig) = admin();
    let expected = format!(
        concat!(
            r#"{{"apiVersion":"v1","clusters":[{{"cluster":{{"certificate-authority-data":"{}","#,
            r#""server":"https://192.0.2.2:6443"}},"name":"kubernetes"}}],"#,
            r#""contexts":[{{"context":{{"cluster":"kubernetes","user":"kubernetes-admin"}},"#,
            r#""name":"kubernetes-admin@kubernetes"}}],"current-context":"kubernetes-admin@kubernetes","#,
            r#""kind":"Config","users":[{{"name":"kubernetes-admin","user":{{"#,
            r#""client-certificate-data":"{}","client-key-data":"{}"}}}}]}}"#
        ),
        base64(&authority.certificate().to_pem()),
        base64(&certificate.to_pem()),
        base64(&key.to_pem().unwrap()),
    );
    assert_eq!(serde_json::to_string(&kubeconfig).unwrap(), expected);
    let old = serde_json::to_string(&kubeconfig.with_preferences()).unwrap();
    assert_eq!(old, expected.replace(r#""users":"#, r#""preferences":{},"users":"#));
}

#[test]
fn writes_cluster_info_with_nulls() {
    let authority = fixture::authority(fixture::P256_PKCS8);
    let kubeconfig = Kubeconfig::cluster_info(SERVER, authority.certificate());
    let expected = json!({
        "apiVersion": "v1",
        "clusters": [{"cluster": {
            "certificate-authority-data": base64(&authority.certificate().to_pem()),
            "server": SERVER,
        }, "name": ""}],
        "contexts": null,
        "current-context": "",
        "kind": "Config",
        "users": null,
    });
    assert_eq!(serde_json::to_value(&kubeconfig).unwrap(), expected);
    let read: Kubeconfig = serde_json::from_value(expected).unwrap();
    assert_eq!(read, kubeconfig);
    assert_eq!(read.server(), Some(SERVER));
    assert_eq!(read.user_name(), None);
}

#[test]
fn reads_back_what_is_in_force() {
    let (authority, certificate, key, kubeconfig) = admin();
    assert_eq!(kubeconfig.server(), Some(SERVER));
    assert_eq!(kubeconfig.cluster_name(), Some("kubernetes"));
    assert_eq!(kubeconfig.user_name(), Some("kubernetes-admin"));
    let inline = |source: Option<Source>| match source {
        Some(Source::Inline(bytes)) => bytes,
        other => panic!("{other:?}"),
    };
    let read = Certificate::from_pem(&inline(kubeconfig.certificate_authority().unwrap())).unwrap();
    assert_eq!(&read, authority.certificate());
    let read = Certificate::from_pem(&inline(kubeconfig.client_certificate().unwrap())).unwrap();
    assert_eq!(read, certificate);
    let read = PrivateKey::from_pem(&inline(kubeconfig.client_key().unwrap())).unwrap();
    assert_eq!(read.public_key_spki_der(), key.public_key_spki_der());
}

#[test]
fn keeps_what_it_does_not_know() {
    let document = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "extensions": [1],
        "clusters": [
            {"name": "other", "cluster": {"server": "https://other"}},
            {"name": "mine", "cluster": {"server": "https://mine", "proxy-url": "http://p", "certificate-authority": "ca.crt"}},
        ],
        "contexts": [{"name": "c", "context": {"cluster": "mine", "user": "u", "namespace": "n"}}],
        "current-context": "c",
        "users": [{"name": "u", "user": {"client-certificate": "a", "client-key": "b", "exec": {"command": "x"}}}],
    });
    let mut kubeconfig: Kubeconfig = serde_json::from_value(document.clone()).unwrap();
    assert_eq!(serde_json::to_value(&kubeconfig).unwrap(), document);
    assert_eq!(kubeconfig.certificate_authority().unwrap(), Some(Source::File("ca.crt".to_owned())));
    assert_eq!(kubeconfig.client_key().unwrap(), Some(Source::File("b".to_owned())));

    let (authority, certificate, key, _) = admin();
    assert!(kubeconfig.set_server("https://new"));
    assert!(kubeconfig.set_certificate_authority(authority.certificate()));
    assert!(kubeconfig.set_client_cert(&certificate, &key).unwrap());
    let mut expected = document;
    let cluster = &mut expected["clusters"][1]["cluster"];
    cluster["server"] = json!("https://new");
    cluster.as_object_mut().unwrap().remove("certificate-authority");
    cluster["certificate-authority-data"] = json!(base64(&authority.certificate().to_pem()));
    expected["users"][0]["user"] = json!({
        "client-certificate-data": base64(&certificate.to_pem()),
        "client-key-data": base64(&key.to_pem().unwrap()),
        "exec": {"command": "x"},
    });
    assert_eq!(serde_json::to_value(&kubeconfig).unwrap(), expected);
}

#[test]
fn points_the_kubelet_to_its_rotating_file() {
    let (_, _, _, mut kubeconfig) = admin();
    let path = "/var/lib/kubelet/pki/kubelet-client-current.pem";
    assert!(kubeconfig.set_client_cert_file(path));
    let user = serde_json::to_value(&kubeconfig.users[0].user).unwrap();
    assert_eq!(user, json!({"client-certificate": path, "client-key": path}));
    assert_eq!(kubeconfig.server(), Some(SERVER));
}

#[test]
fn changes_nothing_without_a_context() {
    let (authority, certificate, key, mut kubeconfig) = admin();
    kubeconfig.current_context = "gone".to_owned();
    let before = kubeconfig.clone();
    assert_eq!((kubeconfig.server(), kubeconfig.user_name()), (None, None));
    assert!(!kubeconfig.set_server("x") && !kubeconfig.set_certificate_authority(authority.certificate()));
    assert!(!kubeconfig.set_client_cert(&certificate, &key).unwrap() && !kubeconfig.set_client_cert_file("x"));
    assert_eq!(kubeconfig, before);
}

#[test]
fn names_the_field_that_is_no_base64() {
    let (_, _, _, mut kubeconfig) = admin();
    kubeconfig.users[0].user.client_key_data = Some(SecretText::new("secret!"));
    let error = kubeconfig.client_key().unwrap_err();
    assert!(matches!(error, PkiError::MalformedInlineData { field: "client-key-data" }));
    assert!(!error.to_string().contains("secret!"));
}

#[test]
fn shows_no_credential_in_debug() {
    let (authority, _, key, kubeconfig) = admin();
    let secret = base64(&key.to_pem().unwrap());
    assert!(!format!("{kubeconfig:?}{:?}", kubeconfig.client_key()).contains(&secret[40..80]));
    let token = SecretText::new("abcdef.0123456789abcdef");
    let mut kubeconfig =
        Kubeconfig::with_token("kubernetes", SERVER, authority.certificate(), "tls-bootstrap-token-user", &token);
    kubeconfig.users[0].user.others.insert("password".to_owned(), json!("hunter2"));
    assert_eq!(kubeconfig.token().unwrap().expose(), "abcdef.0123456789abcdef");
    let text = format!("{kubeconfig:?}");
    assert!(!text.contains("0123456789") && !text.contains("hunter2"), "{text}");
    let user = serde_json::to_value(&kubeconfig.users[0].user).unwrap();
    assert_eq!(user["token"], json!("abcdef.0123456789abcdef"));
}

#[test]
fn reads_inline_data_over_line_ends() {
    let (authority, _, _, mut kubeconfig) = admin();
    let data = base64(&authority.certificate().to_pem());
    let (head, tail) = data.split_at(64);
    kubeconfig.clusters[0].cluster.certificate_authority_data = Some(format!("{head}\n{tail}\r\n"));
    let Some(Source::Inline(pem)) = kubeconfig.certificate_authority().unwrap() else { panic!("it is inline") };
    assert_eq!(pem.as_slice(), authority.certificate().to_pem().as_bytes());
}
