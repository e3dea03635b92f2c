//! Creation, where requests fail and answers are lost, and the line that scripts run.

use std::sync::Mutex;

use async_trait::async_trait;
use kubewright_node::{ObjectRef, PatchKind};
use serde_json::{Value as Json, json};
use time::OffsetDateTime;

use super::*;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refusal {
    Busy,
    Unreachable,
    AlreadyExists,
    Forbidden,
}

impl From<Refusal> for KubeErrorKind {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Busy => Self::Busy,
            Refusal::Unreachable => Self::Unreachable,
            Refusal::AlreadyExists => Self::AlreadyExists,
            Refusal::Forbidden => Self::Forbidden,
        }
    }
}

/// What the API server does with one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Works,
    /// It is done, and the answer never arrives.
    Unheard,
    Fails(Refusal),
}

/// An API server with a Secret or two; each creation meets the next fate.
#[derive(Default)]
struct Server {
    objects: Mutex<Vec<Json>>,
    fates: Mutex<Vec<Fate>>,
}

impl Server {
    fn with(objects: Vec<Json>, mut fates: Vec<Fate>) -> Self {
        fates.reverse();
        Self { objects: Mutex::new(objects), fates: Mutex::new(fates) }
    }

    fn names(&self) -> Vec<String> {
        let objects = self.objects.lock().unwrap();
        objects.iter().map(|object| object["metadata"]["name"].as_str().unwrap().to_owned()).collect()
    }
}

fn error(kind: KubeErrorKind) -> KubeError {
    KubeError { kind, doing: "create", object: "Secret".into(), message: "no".into() }
}

#[async_trait]
impl KubeBackend for Server {
    async fn get(&self, _: &KubeAccess, name: &ObjectRef) -> Result<Option<Json>, KubeError> {
        let objects = self.objects.lock().unwrap();
        Ok(objects.iter().find(|object| ObjectRef::of(object).as_ref() == Some(name)).cloned())
    }

    async fn create(&self, _: &KubeAccess, object: &Json) -> Result<Json, KubeError> {
        let fate = self.fates.lock().unwrap().pop().unwrap_or(Fate::Works);
        if let Fate::Fails(refusal) = fate {
            return Err(error(refusal.into()));
        }
        let mut objects = self.objects.lock().unwrap();
        if objects.iter().any(|known| ObjectRef::of(known) == ObjectRef::of(object)) {
            return Err(error(KubeErrorKind::AlreadyExists));
        }
        objects.push(object.clone());
        if fate == Fate::Unheard { Err(error(KubeErrorKind::Unreachable)) } else { Ok(object.clone()) }
    }

    async fn list(
        &self,
        _: &KubeAccess,
        _: &str,
        _: &str,
        _: Option<&str>,
        _: Option<&str>,
    ) -> Result<Vec<Json>, KubeError> {
        Err(error(KubeErrorKind::Other))
    }

    async fn update(&self, _: &KubeAccess, _: &Json) -> Result<Json, KubeError> {
        Err(error(KubeErrorKind::Other))
    }

    async fn patch(&self, _: &KubeAccess, _: &ObjectRef, _: &Json, _: PatchKind) -> Result<Json, KubeError> {
        Err(error(KubeErrorKind::Other))
    }

    async fn delete(&self, _: &KubeAccess, _: &ObjectRef) -> Result<bool, KubeError> {
        Err(error(KubeErrorKind::Other))
    }

    async fn ask(&self, _: &KubeAccess, _: &str) -> Result<String, KubeError> {
        Err(error(KubeErrorKind::Other))
    }
}

fn entry(token: &str) -> BootstrapTokenEntry {
    let token = Some(token.parse().unwrap());
    NewToken { token, ..NewToken::default() }.entry(&mut |_| unreachable!()).unwrap()
}

/// Creates these tokens, with time that passes by itself.
async fn creates(server: &Server, tokens: &[&str]) -> Result<(), String> {
    let access =
        KubeAccess { kubeconfig: Zeroizing::new(String::new()), server: None, call_limit: Duration::from_secs(60) };
    let entries: Vec<_> = tokens.iter().map(|token| entry(token)).collect();
    let now = OffsetDateTime::UNIX_EPOCH;
    let secrets: Vec<_> = entries.iter().map(|entry| uploads::bootstrap_token(entry, now).unwrap()).collect();
    create(server, &access, &entries, &secrets).await.map_err(|failure| failure.to_string())
}

const ONE: &str = "aaaaaa.0123456789abcdef";
const OTHER: &str = "bbbbbb.0123456789abcdef";

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_no_failure() {
    let server = Server::with(vec![], vec![Fate::Fails(Refusal::Busy), Fate::Unheard]);
    creates(&server, &[ONE, OTHER]).await.unwrap();
    assert_eq!(server.names(), ["bootstrap-token-aaaaaa", "bootstrap-token-bbbbbb"]);
}

#[tokio::test(start_paused = true)]
async fn a_taken_id_creates_nothing() {
    let there = json!({"apiVersion": "v1", "kind": "Secret",
                       "metadata": {"name": "bootstrap-token-bbbbbb", "namespace": "kube-system"}});
    let server = Server::with(vec![there], vec![]);
    assert_eq!(creates(&server, &[ONE, OTHER]).await.unwrap_err(), "a token with id \"bbbbbb\" already exists");
    assert_eq!(server.names(), ["bootstrap-token-bbbbbb"]);
}

/// Takes the id between our look and our creation, as another administrator might.
#[tokio::test(start_paused = true)]
async fn another_ones_token_is_not_taken_for_ours() {
    let server = Server::with(vec![], vec![Fate::Fails(Refusal::AlreadyExists)]);
    assert_eq!(creates(&server, &[ONE]).await.unwrap_err(), "a token with id \"aaaaaa\" already exists");
}

#[tokio::test(start_paused = true)]
async fn waiting_ends_and_what_it_cannot_heal_is_not_waited_for() {
    let began = tokio::time::Instant::now();
    let server = Server::with(vec![], vec![Fate::Fails(Refusal::Unreachable); 1000]);
    assert_eq!(creates(&server, &[ONE]).await.unwrap_err(), "cannot create Secret: no");
    assert!((Duration::from_secs(59)..Duration::from_secs(61)).contains(&began.elapsed()));
    let began = tokio::time::Instant::now();
    let server = Server::with(vec![], vec![Fate::Fails(Refusal::Forbidden); 1000]);
    creates(&server, &[ONE]).await.unwrap_err();
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[test]
fn the_line_is_kubeadms() {
    let pin = |digit: &str| format!("sha256:{}", digit.repeat(64)).parse().unwrap();
    let target = JoinTarget { server: "https://10.0.0.1:6443".into(), pins: vec![pin("a"), pin("b")] };
    let hashes =
        ["a", "b"].map(|digit| format!("--discovery-token-ca-cert-hash sha256:{} ", digit.repeat(64))).concat();
    let line = one_line(&target, &ONE.parse().unwrap(), None).unwrap();
    assert_eq!(*line, format!("{} join 10.0.0.1:6443 --token {ONE} {hashes}\n", program::name()));
    let key = "0123456789".repeat(7)[..64].to_owned();
    let line = one_line(&target, &ONE.parse().unwrap(), Some(&key.parse().unwrap())).unwrap();
    let wanted = format!("join 10.0.0.1:6443 --token {ONE} {hashes}--control-plane --certificate-key {key}\n");
    assert!(line.ends_with(&wanted), "{}", *line);
}
