//! Health endpoints of this machine, such as `https://127.0.0.1:6443/livez`: an answer is all that is asked for, so no
//! certificate is verified and no credentials are sent. And single questions to servers elsewhere, where both happen.

use std::time::Duration;

use async_trait::async_trait;
use kubewright_node::{HealthAnswer, HealthBackend, Question, ServerAnswer};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Identity, Response};

use crate::{handshake, innermost, is_this_machine};

/// How long one request may take, from connecting to the last byte.
const LIMIT: Duration = Duration::from_secs(10);
/// The most of a body that is read, in bytes.
const LONGEST_BODY: usize = 64 << 10;

/// Asks health endpoints, past every proxy: they are on this machine.
pub struct LocalHealth {
    client: Result<Client, String>,
}

impl Default for LocalHealth {
    fn default() -> Self {
        Self::new()
    }
}

impl LocalHealth {
    /// Makes it; nothing is connected yet.
    pub fn new() -> Self {
        crate::install_crypto_provider();
        let client = Client::builder()
            .tls_danger_accept_invalid_certs(true)
            .redirect(Policy::none())
            .no_proxy()
            .connect_timeout(Duration::from_secs(5))
            .timeout(LIMIT)
            .build();
        Self { client: client.map_err(|error| innermost(&error)) }
    }
}

#[async_trait]
impl HealthBackend for LocalHealth {
    async fn get(&self, url: &str) -> Result<HealthAnswer, String> {
        let answer = self.healthy(url).await;
        logged(url, answer.as_ref().map(|answer| answer.status));
        answer
    }

    async fn ask(&self, question: Question) -> Result<ServerAnswer, String> {
        let answer = question_to_a_server(&question).await;
        logged(&question.url, answer.as_ref().map(|answer| answer.status));
        answer
    }

    async fn certificate(&self, address: &str) -> Result<Vec<u8>, String> {
        let shown = handshake::certificate(address).await;
        match &shown {
            Ok(_) => tracing::debug!(target: "request", "TLS {address}: it shows its certificate"),
            Err(error) => tracing::debug!(target: "request", "TLS {address}: {error}"),
        }
        shown
    }
}

impl LocalHealth {
    async fn healthy(&self, url: &str) -> Result<HealthAnswer, String> {
        let client = self.client.as_ref().map_err(|error| format!("cannot make an HTTP client: {error}"))?;
        let mut response = client.get(url).send().await.map_err(|error| words(&error, LIMIT))?;
        let body = beginning(&mut response).await.map_err(|error| words(&error, LIMIT))?;
        Ok(HealthAnswer { status: response.status().as_u16(), body })
    }
}

fn logged(url: &str, status: Result<u16, &String>) {
    match status {
        Ok(status) => tracing::debug!(target: "request", "GET {url} {status}"),
        Err(error) => tracing::debug!(target: "request", "GET {url}: {error}"),
    }
}

async fn question_to_a_server(question: &Question) -> Result<ServerAnswer, String> {
    let failed = |error: reqwest::Error| words(&error, question.limit);
    let mut client = Client::builder().redirect(Policy::none()).timeout(question.limit);
    let uri = question.url.parse::<http::Uri>().ok();
    if uri.as_ref().and_then(http::Uri::host).is_some_and(is_this_machine) {
        // As Go: never through a proxy, whatever the environment says.
        client = client.no_proxy();
    }
    if let Some(pem) = &question.authorities {
        client = client.tls_certs_only(Certificate::from_pem_bundle(pem).map_err(failed)?);
    }
    if let Some(pem) = &question.identity {
        client = client.identity(Identity::from_pem(pem).map_err(failed)?);
    }
    let mut response = client.build().map_err(failed)?.get(&question.url).send().await.map_err(failed)?;
    let body = beginning(&mut response).await.map_err(failed)?;
    let date = response.headers().get(http::header::DATE).and_then(|date| date.to_str().ok()).map(str::to_owned);
    Ok(ServerAnswer { status: response.status().as_u16(), date, body })
}

async fn beginning(response: &mut Response) -> reqwest::Result<String> {
    let mut body = Vec::new();
    while body.len() < LONGEST_BODY
        && let Some(chunk) = response.chunk().await?
    {
        body.extend_from_slice(&chunk);
    }
    body.truncate(LONGEST_BODY);
    Ok(String::from_utf8_lossy(&body).into_owned())
}

fn words(error: &reqwest::Error, limit: Duration) -> String {
    match error.is_timeout() {
        true => format!("no answer within {} s", limit.as_secs_f64()),
        false => innermost(error),
    }
}

#[cfg(test)]
mod tests;
