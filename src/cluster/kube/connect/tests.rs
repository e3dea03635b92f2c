//! From a document to a client: what cannot be used, and that no error shows what is secret.

#![allow(clippy::unwrap_used)]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::*;

const SECRET: &str = "s3cr3t-t0ken";

fn document(cluster: &str, user: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: a@b\ncontexts:\n- name: a@b\n  context: {{cluster: b, user: a}}\n\
         clusters:\n- name: other\n  cluster: {{server: 'https://other:1'}}\n- name: b\n  cluster: {cluster}\n\
         users:\n- name: a\n  user: {user}\n"
    )
}

async fn connecting(kubeconfig: String, server: Option<&str>) -> Result<Connected, String> {
    crate::install_crypto_provider();
    let access = KubeAccess {
        kubeconfig: Zeroizing::new(kubeconfig),
        server: server.map(str::to_owned),
        call_limit: Duration::from_secs(1),
    };
    connect(&access, &Proxies::from_environment()).await
}

async fn refusal(kubeconfig: String) -> String {
    match connecting(kubeconfig, None).await {
        Ok(connected) => panic!("connected to {}", connected.server),
        Err(error) => {
            assert!(!error.contains(SECRET), "{error}");
            error
        }
    }
}

#[tokio::test]
async fn the_server_is_that_of_the_current_context() {
    let text = document("{server: 'https://10.0.0.1:6443/'}", &format!("{{token: {SECRET}}}"));
    assert_eq!(connecting(text, None).await.ok().unwrap().server, "https://10.0.0.1:6443");
}

#[tokio::test]
async fn another_server_overrules_the_document() {
    let text = document("{server: 'https://10.0.0.1:6443'}", "{}");
    let connected = connecting(text, Some("https://10.0.0.9:6443")).await.ok().unwrap();
    assert_eq!(connected.server, "https://10.0.0.9:6443");
}

#[tokio::test]
async fn a_password_in_the_servers_url_is_not_shown() {
    let text = document(&format!("{{server: 'https://user:{SECRET}@[fd00::1]:6443/base/'}}"), "{}");
    assert_eq!(connecting(text, None).await.ok().unwrap().server, "https://[fd00::1]:6443/base");
}

#[tokio::test]
async fn broken_yaml_is_not_quoted() {
    let text = format!("users:\n- name: a\n  user:\n    token: [{SECRET}\n    x: y\n");
    let error = refusal(text).await;
    assert!(error.starts_with("the kubeconfig is not valid at line "), "{error}");
}

#[tokio::test]
async fn a_wrong_type_is_not_quoted() {
    let error = refusal(document("{server: 'https://x'}", &format!("{{exec: {SECRET}}}"))).await;
    assert!(error.starts_with("the kubeconfig is not valid"), "{error}");
}

#[tokio::test]
async fn an_empty_document_has_no_context() {
    let error = refusal(String::new()).await;
    assert!(error.starts_with("the kubeconfig cannot be used: "), "{error}");
}

#[tokio::test]
async fn a_missing_client_certificate_is_named() {
    let user = "{client-certificate: /nowhere/kubelet.pem, client-key: /nowhere/kubelet.pem}";
    let error = refusal(document("{server: 'https://x'}", user)).await;
    assert!(error.contains("/nowhere/kubelet.pem"), "{error}");
}

#[tokio::test]
async fn a_server_must_be_a_url() {
    for server in ["10.0.0.1", "/path", "not a url"] {
        let error = refusal(document(&format!("{{server: '{server}'}}"), "{}")).await;
        assert!(error.contains("the kubeconfig"), "{error}");
    }
}

#[tokio::test]
async fn what_a_credential_plugin_printed_is_not_shown() {
    let plugin = format!(
        "{{exec: {{apiVersion: client.authentication.k8s.io/v1, command: sh, args: ['-c', 'echo {SECRET}; exit 3'], \
         interactiveMode: Never}}}}"
    );
    let error = refusal(document("{server: 'https://x'}", &plugin)).await;
    assert!(error.contains("credential plugin"), "{error}");
    assert!(error.contains("exit status: 3"), "{error}");
}

#[tokio::test]
async fn a_broken_key_is_not_quoted() {
    let broken = STANDARD.encode(format!("-----BEGIN {SECRET}\n{SECRET}\n"));
    let user = format!("{{client-certificate-data: {broken}, client-key-data: {broken}}}");
    let error = refusal(document("{server: 'https://x'}", &user)).await;
    assert_eq!(error, "the kubeconfig cannot be used: its client certificate or key is not valid PEM");
}

#[tokio::test]
async fn an_unsupported_proxy_is_named() {
    let error = refusal(document("{server: 'https://x', proxy-url: 'socks5://y:1080'}", "{}")).await;
    assert_eq!(error, "a proxy with the scheme `socks5` is not supported, only `http`");
}
