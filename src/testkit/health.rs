//! Health endpoints that answer what the test wants.

use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use kubewright_node::{HealthAnswer, HealthBackend, Question, ServerAnswer};

/// Health endpoints in name only: they refuse connections until the cluster is started, then all is well.
#[derive(Default)]
pub struct FakeHealth(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    started: bool,
    answers: Vec<(String, Result<HealthAnswer, String>)>,
    asked: Vec<String>,
    servers: Vec<(String, Result<ServerAnswer, String>)>,
    shown: Vec<(String, Shown)>,
}

/// What a TLS server shows when it is greeted.
type Shown = Box<dyn Fn() -> Result<Vec<u8>, String> + Send>;

impl FakeHealth {
    /// Answers so for URLs that begin like this; the newest that fits wins, started or not.
    pub fn set(&self, url_prefix: &str, answer: Result<HealthAnswer, String>) {
        self.lock().answers.push((url_prefix.into(), answer));
    }

    /// Lets a server elsewhere answer so, for URLs that begin like this; others cannot be reached.
    pub fn serve(&self, url_prefix: &str, answer: Result<ServerAnswer, String>) {
        self.lock().servers.push((url_prefix.into(), answer));
    }

    /// Lets a TLS server show this certificate, in DER, whenever it is greeted; others cannot be reached.
    pub fn show(&self, address: &str, shown: impl Fn() -> Result<Vec<u8>, String> + Send + 'static) {
        self.lock().shown.push((address.into(), Box::new(shown)));
    }

    /// All is well from now on, except where an answer was set.
    pub fn start(&self) {
        self.lock().started = true;
    }

    /// Which URLs were asked, in order.
    pub fn asked(&self) -> Vec<String> {
        self.lock().asked.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl HealthBackend for FakeHealth {
    async fn get(&self, url: &str) -> Result<HealthAnswer, String> {
        let mut inner = self.lock();
        inner.asked.push(url.into());
        let set = inner.answers.iter().rev().find(|(prefix, _)| url.starts_with(prefix.as_str()));
        match set {
            Some((_, answer)) => answer.clone(),
            None if inner.started => Ok(HealthAnswer { status: 200, body: "ok".into() }),
            None => Err("connection refused".into()),
        }
    }

    async fn ask(&self, question: Question) -> Result<ServerAnswer, String> {
        let mut inner = self.lock();
        inner.asked.push(question.url.clone());
        let set = inner.servers.iter().rev().find(|(prefix, _)| question.url.starts_with(prefix.as_str()));
        set.map_or_else(|| Err("connection refused".into()), |(_, answer)| answer.clone())
    }

    async fn certificate(&self, address: &str) -> Result<Vec<u8>, String> {
        let inner = self.lock();
        let set = inner.shown.iter().rev().find(|(known, _)| known == address);
        set.map_or_else(|| Err("connection refused".into()), |(_, shown)| shown())
    }
}
