//! Requests as a server sees them, and answers and silences as a phase sees them.

#![allow(clippy::unwrap_used)]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kubewright_node::ObjectRef;
use serde_json::json;
use zeroize::Zeroizing;

use super::*;
use crate::fixture::{Ca, Received, Reply, Server};

const TOKEN: &str = "abcdef.0123456789abcdef";

fn access(cluster: &str, user: &str) -> KubeAccess {
    let kubeconfig = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts:\n- name: c\n  context: {{cluster: c, user: u}}\n\
         clusters:\n- name: c\n  cluster: {cluster}\nusers:\n- name: u\n  user: {user}\n"
    );
    KubeAccess { kubeconfig: Zeroizing::new(kubeconfig), server: None, call_limit: Duration::from_secs(1) }
}

fn plain(server: &Server) -> KubeAccess {
    access(&format!("{{server: 'http://127.0.0.1:{}'}}", server.port), &format!("{{token: {TOKEN}}}"))
}

fn trusting(ca: &Ca, server: &Server, user: &str) -> KubeAccess {
    let ca = STANDARD.encode(ca.pem());
    access(&format!("{{server: 'https://127.0.0.1:{}', certificate-authority-data: {ca}}}", server.port), user)
}

async fn answering(status: u16, body: Json) -> Server {
    Server::plain(move |_: &Received| Reply::Answer(status, body.to_string())).await
}

fn config_map() -> Json {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": "kube-system", "name": "a"}, "data": {}})
}

fn node() -> ObjectRef {
    ObjectRef::cluster("v1", "Node", "n")
}

#[tokio::test]
async fn gets_an_object_with_the_token_of_the_kubeconfig() {
    let server = answering(200, config_map()).await;
    let name = ObjectRef::of(&config_map()).unwrap();
    let found = ApiServer::new().get(&plain(&server), &name).await.unwrap();
    assert_eq!(found, Some(config_map()));
    let seen = server.first();
    assert_eq!(seen.line, "GET /api/v1/namespaces/kube-system/configmaps/a");
    assert_eq!(seen.header("authorization"), Some(format!("Bearer {TOKEN}").as_str()));
    assert!(seen.header("user-agent").unwrap().starts_with("kubewright/"));
}

#[tokio::test]
async fn a_missing_object_is_none_and_a_missing_path_an_error() {
    let missing = json!({"kind": "Status", "reason": "NotFound", "message": "nodes \"n\" not found"});
    let server = answering(404, missing).await;
    assert_eq!(ApiServer::new().get(&plain(&server), &node()).await.unwrap(), None);
    assert!(!ApiServer::new().delete(&plain(&server), &node()).await.unwrap());

    let server = Server::plain(|_| Reply::Answer(404, "404 page not found\n".into())).await;
    let error = ApiServer::new().get(&plain(&server), &node()).await.unwrap_err();
    assert_eq!(error.kind, KubeErrorKind::NotFound);
    assert_eq!(error.to_string(), "cannot get Node n: 404 Not Found: 404 page not found");
    assert!(ApiServer::new().delete(&plain(&server), &node()).await.is_err());
}

#[tokio::test]
async fn lists_with_a_limit_and_a_selector_and_names_what_it_finds() {
    let items = json!({"kind": "SecretList", "items": [{"metadata": {"namespace": "kube-system", "name": "s"}}]});
    let server = answering(200, items).await;
    let selector = Some("type=bootstrap.kubernetes.io/token");
    let found = ApiServer::new().list(&plain(&server), "v1", "Secret", Some("kube-system"), selector).await.unwrap();
    assert_eq!(
        server.first().line,
        "GET /api/v1/namespaces/kube-system/secrets?limit=500&fieldSelector=type%3Dbootstrap.kubernetes.io%2Ftoken"
    );
    assert_eq!(
        found.iter().map(ObjectRef::of).collect::<Vec<_>>(),
        [Some(ObjectRef::namespaced("v1", "Secret", "kube-system", "s"))]
    );
}

#[tokio::test]
async fn lists_to_the_last_page() {
    let page =
        |name: &str, rest: &str| json!({"metadata": {"continue": rest}, "items": [{"metadata": {"name": name}}]});
    let server = Server::plain(move |received| {
        let answer = match received.line.rsplit_once("&continue=") {
            None => page("first", "a+b"),
            Some((_, "a%2Bb")) => page("second", "c"),
            Some(_) => json!({"metadata": {"continue": "for-ever"}, "items": []}),
        };
        Reply::Answer(200, answer.to_string())
    })
    .await;
    let found = ApiServer::new().list(&plain(&server), "v1", "Secret", None, None).await.unwrap();
    let names: Vec<_> = found.iter().map(|item| item["metadata"]["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["first", "second"]);
}

#[tokio::test]
async fn each_change_has_its_verb_path_and_media_type() {
    let server = answering(200, config_map()).await;
    let (api, access) = (ApiServer::new(), plain(&server));
    let name = ObjectRef::of(&config_map()).unwrap();
    api.create(&access, &config_map()).await.unwrap();
    api.update(&access, &config_map()).await.unwrap();
    api.patch(&access, &name, &json!({"data": {"k": "v"}}), PatchKind::Merge).await.unwrap();
    api.patch(&access, &name, &json!({"spec": null}), PatchKind::Strategic).await.unwrap();
    assert!(api.delete(&access, &name).await.unwrap());
    let one = "/api/v1/namespaces/kube-system/configmaps/a";
    let expected = [
        (
            "POST /api/v1/namespaces/kube-system/configmaps".to_owned(),
            Some("application/json"),
            config_map().to_string(),
        ),
        (format!("PUT {one}"), Some("application/json"), config_map().to_string()),
        (format!("PATCH {one}"), Some("application/merge-patch+json"), r#"{"data":{"k":"v"}}"#.to_owned()),
        (format!("PATCH {one}"), Some("application/strategic-merge-patch+json"), r#"{"spec":null}"#.to_owned()),
        (format!("DELETE {one}"), None, String::new()),
    ];
    let seen = server.received();
    let seen: Vec<_> = seen.iter().map(|r| (r.line.clone(), r.header("content-type"), r.body.clone())).collect();
    assert_eq!(seen, expected);
    assert!(server.received().iter().all(|request| request.connection == 0), "the connection is used again");
}

#[tokio::test]
async fn two_accesses_never_share_credentials() {
    let server = answering(200, config_map()).await;
    let api = ApiServer::new();
    let other = access(&format!("{{server: 'http://127.0.0.1:{}'}}", server.port), "{token: another}");
    api.ask(&plain(&server), "/livez").await.unwrap();
    api.ask(&other, "/livez").await.unwrap();
    let seen: Vec<_> = server.received().iter().map(|r| r.header("authorization").unwrap().to_owned()).collect();
    assert_eq!(seen, [format!("Bearer {TOKEN}"), "Bearer another".to_owned()]);
}

#[tokio::test]
async fn another_server_is_asked_instead_of_the_documents() {
    let (first, second) = (answering(200, json!({})).await, answering(200, json!({})).await);
    let api = ApiServer::new();
    let mut access = plain(&first);
    api.ask(&access, "/livez").await.unwrap();
    access.server = Some(format!("http://127.0.0.1:{}", second.port));
    api.ask(&access, "/livez").await.unwrap();
    assert_eq!((first.received().len(), second.received().len()), (1, 1));
}

#[tokio::test]
async fn a_refusal_is_tried_once_and_shows_no_credentials() {
    let server = answering(503, json!({"kind": "Status", "message": "starting up"})).await;
    let access = plain(&server);
    let error = ApiServer::new().create(&access, &config_map()).await.unwrap_err();
    assert_eq!((&error.kind, error.doing), (&KubeErrorKind::Busy, "create"));
    assert_eq!(error.to_string(), "cannot create ConfigMap kube-system/a: starting up");
    assert_eq!(server.received().len(), 1);
    assert!(!format!("{error:?} {access:?}").contains(TOKEN));
}

#[tokio::test]
async fn asks_a_path_for_its_text() {
    let server = Server::plain(|_| Reply::Answer(200, "ok".into())).await;
    assert_eq!(ApiServer::new().ask(&plain(&server), "/livez?verbose").await.unwrap(), "ok");
    assert_eq!(server.first().line, "GET /livez?verbose");
}

#[tokio::test]
async fn an_object_that_cannot_be_sent_is_invalid() {
    let server = answering(200, json!({})).await;
    let api = ApiServer::new();
    for object in [
        json!({"kind": "ConfigMap"}),
        json!({"apiVersion": "v1", "kind": "Gadget", "metadata": {"name": "x"}}),
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}}),
        json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "x", "namespace": "y"}}),
    ] {
        let error = api.create(&plain(&server), &object).await.unwrap_err();
        assert_eq!(error.kind, KubeErrorKind::Invalid, "{error}");
    }
    assert!(server.received().is_empty());
}

#[tokio::test]
async fn nobody_there_is_unreachable() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let access = access(&format!("{{server: 'https://127.0.0.1:{port}'}}"), "{}");
    let error = ApiServer::new().ask(&access, "/livez").await.unwrap_err();
    assert_eq!(error.kind, KubeErrorKind::Unreachable);
    assert_eq!(error.to_string(), format!("cannot ask /livez: https://127.0.0.1:{port}: Connection refused"));
}

#[tokio::test]
async fn a_broken_answer_is_unreachable() {
    let server = Server::plain(|_| Reply::BreakOff).await;
    let error = ApiServer::new().get(&plain(&server), &node()).await.unwrap_err();
    assert_eq!(error.kind, KubeErrorKind::Unreachable, "{error}");
    assert!(error.message.contains("the answer broke off"), "{error}");
}

#[tokio::test]
async fn a_silent_server_is_given_up() {
    let server = Server::plain(|_| Reply::Silence).await;
    let api = ApiServer { request_limit: Duration::from_secs(1), ..ApiServer::new() };
    let error = api.get(&plain(&server), &node()).await.unwrap_err();
    assert_eq!((error.kind, error.message.as_str()), (KubeErrorKind::Unreachable, "no answer within 1 s"));
}

#[tokio::test]
async fn an_endless_answer_is_not_read() {
    let server = Server::plain(|_| Reply::Answer(200, " ".repeat(LARGEST_ANSWER + 1))).await;
    let error = ApiServer::new().get(&plain(&server), &node()).await.unwrap_err();
    assert_eq!(error.message, "the answer is larger than 16 MiB");
}

#[tokio::test]
async fn an_answer_that_is_no_json_is_an_error() {
    let server = Server::plain(|_| Reply::Answer(200, "<html>".into())).await;
    let error = ApiServer::new().get(&plain(&server), &node()).await.unwrap_err();
    assert_eq!((error.kind, error.message.as_str()), (KubeErrorKind::Other, "the answer is not JSON"));
}

#[tokio::test]
async fn shows_the_client_certificate_of_the_kubeconfig() {
    let ca = Ca::new("kubernetes");
    let server = Server::tls(ca.strict_server("127.0.0.1"), |_| Reply::Answer(200, "ok".into())).await;
    let (certificate, key) = ca.client();
    let user = format!(
        "{{client-certificate-data: {}, client-key-data: {}}}",
        STANDARD.encode(certificate),
        STANDARD.encode(key)
    );
    assert_eq!(ApiServer::new().ask(&trusting(&ca, &server, &user), "/livez").await.unwrap(), "ok");

    let error = ApiServer::new().ask(&trusting(&ca, &server, "{}"), "/livez").await.unwrap_err();
    assert_eq!(error.kind, KubeErrorKind::Access, "{error}");
    assert!(error.message.contains("refuses the client certificate: CertificateRequired"), "{error}");
}

#[tokio::test]
async fn tells_apart_why_a_server_is_not_trusted() {
    let (ours, theirs) = (Ca::new("kubernetes"), Ca::new("kubernetes"));
    for (tls, words) in [
        (theirs.server("127.0.0.1", 2100), "not signed by the certificate authority that the kubeconfig trusts"),
        (ours.server("127.0.0.1", 2001), "the server's certificate has expired"),
        (ours.server("10.96.0.1", 2100), "the server's certificate is for another name or address"),
    ] {
        let server = Server::tls(tls, |_| Reply::Answer(200, "ok".into())).await;
        let error = ApiServer::new().ask(&trusting(&ours, &server, "{}"), "/livez").await.unwrap_err();
        assert_eq!(error.kind, KubeErrorKind::Access, "{error}");
        assert!(error.message.contains(words), "{error}");
        assert!(server.received().is_empty());
    }
}

#[tokio::test]
async fn tunnels_through_the_proxy_of_the_kubeconfig() {
    let proxy = Server::plain(|_| Reply::Answer(403, "no".into())).await;
    let cluster =
        format!("{{server: 'https://10.0.0.1:6443', proxy-url: 'http://user:word@127.0.0.1:{}'}}", proxy.port);
    let error = ApiServer::new().ask(&access(&cluster, "{}"), "/livez").await.unwrap_err();
    assert_eq!(error.kind, KubeErrorKind::Unreachable);
    assert!(!error.message.contains("word"), "{error}");
    assert_eq!(proxy.first().line, "CONNECT 10.0.0.1:6443");
    assert_eq!(proxy.first().header("proxy-authorization"), Some("Basic dXNlcjp3b3Jk"));
}

/// Against a real API server: `KUBEWRIGHT_TEST_KUBECONFIG` names the kubeconfig of an administrator, whose user stands last.
#[tokio::test]
#[ignore = "needs an API server"]
async fn works_with_a_real_server() {
    let access = real();
    let api = ApiServer::new();
    assert_eq!(api.ask(&access, "/livez").await.unwrap(), "ok");
    let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": "kube-system",
        "name": "kubewright-test"}, "data": {"a": "1"}});
    let name = ObjectRef::of(&object).unwrap();
    api.delete(&access, &name).await.unwrap();
    assert_eq!(api.get(&access, &name).await.unwrap(), None);
    let created = api.create(&access, &object).await.unwrap();
    assert_eq!(api.create(&access, &object).await.unwrap_err().kind, KubeErrorKind::AlreadyExists);
    let patched = api.patch(&access, &name, &json!({"data": {"b": "2"}}), PatchKind::Merge).await.unwrap();
    assert_eq!(patched["data"], json!({"a": "1", "b": "2"}));
    assert_eq!(api.update(&access, &created).await.unwrap_err().kind, KubeErrorKind::Conflict);
    let updated = api.update(&access, &object).await.unwrap();
    assert_eq!(updated["data"], json!({"a": "1"}));
    let selector = Some("metadata.name=kubewright-test");
    let list = api.list(&access, "v1", "ConfigMap", Some("kube-system"), selector).await.unwrap();
    assert_eq!(list.iter().map(ObjectRef::of).collect::<Vec<_>>(), [Some(name.clone())]);
    let mut wrong = object.clone();
    wrong["metadata"]["name"] = "Not_A_Name".into();
    assert_eq!(api.create(&access, &wrong).await.unwrap_err().kind, KubeErrorKind::Invalid);
    wrong["metadata"] = json!({"namespace": "nowhere", "name": "x"});
    assert_eq!(api.create(&access, &wrong).await.unwrap_err().kind, KubeErrorKind::NotFound);
    let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
        "metadata": {"name": "kubewright:test"}, "rules": []});
    let role_name = ObjectRef::of(&role).unwrap();
    api.create(&access, &role).await.unwrap();
    assert!(api.get(&access, &role_name).await.unwrap().is_some());
    assert!(api.delete(&access, &role_name).await.unwrap());
    assert!(api.delete(&access, &name).await.unwrap());
    assert!(!api.delete(&access, &name).await.unwrap());
    let mut stranger = access.clone();
    stranger.kubeconfig =
        Zeroizing::new(access.kubeconfig.replace("client-", "not-client-") + &format!("\n    token: {TOKEN}\n"));
    let error = api.get(&stranger, &node()).await.unwrap_err();
    assert_eq!(error.kind, KubeErrorKind::Unauthorized, "{error}");
}

#[tokio::test]
#[ignore = "needs an API server"]
async fn a_real_server_has_every_kind_where_the_table_says() {
    let (api, access) = (ApiServer::new(), real());
    let mut checked = 0;
    for (api_version, kind, plural, namespaced) in path::all() {
        let root = if api_version == "v1" { "/api" } else { "/apis" };
        let served = match api.ask(&access, &format!("{root}/{api_version}")).await {
            Ok(served) => serde_json::from_str::<Json>(&served).unwrap(),
            // An old server does not have the newest groups.
            Err(error) if error.kind == KubeErrorKind::NotFound => continue,
            Err(error) => panic!("{error}"),
        };
        let expected = (&json!(kind), &json!(plural), &json!(namespaced));
        let resources = served["resources"].as_array().unwrap();
        let found = resources.iter().any(|r| (&r["kind"], &r["name"], &r["namespaced"]) == expected);
        assert!(found, "{api_version} {kind}");
        checked += 1;
    }
    assert!(checked > 15, "{checked}");
}

/// The access that `KUBEWRIGHT_TEST_KUBECONFIG` names.
fn real() -> KubeAccess {
    let file = std::env::var("KUBEWRIGHT_TEST_KUBECONFIG").unwrap();
    let kubeconfig = Zeroizing::new(std::fs::read_to_string(file).unwrap());
    KubeAccess { kubeconfig, server: None, call_limit: Duration::from_secs(1) }
}
