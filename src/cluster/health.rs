//! Health endpoints of this machine, such as `https://127.0.0.1:6443/livez`: an answer is all that is asked for, so no
//! certificate is verified and no credentials are sent.

use std::time::Duration;

use async_trait::async_trait;
use kubewright_node::{HealthAnswer, HealthBackend};
use reqwest::redirect::Policy;

use crate::innermost;

/// How long one request may take, from connecting to the last byte.
const LIMIT: Duration = Duration::from_secs(10);
/// The most of a body that is read, in bytes.
const LONGEST_BODY: usize = 64 << 10;

/// Asks health endpoints, past every proxy: they are on this machine.
pub struct LocalHealth {
    client: Result<reqwest::Client, String>,
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
        let client = reqwest::Client::builder()
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
        let answer = self.ask(url).await;
        match &answer {
            Ok(HealthAnswer { status, .. }) => tracing::debug!(target: "request", "GET {url} {status}"),
            Err(error) => tracing::debug!(target: "request", "GET {url}: {error}"),
        }
        answer
    }
}

impl LocalHealth {
    async fn ask(&self, url: &str) -> Result<HealthAnswer, String> {
        let client = self.client.as_ref().map_err(|error| format!("cannot make an HTTP client: {error}"))?;
        let failed = |error: &reqwest::Error| {
            if error.is_timeout() {
                return format!("no answer within {} s", LIMIT.as_secs());
            }
            innermost(error)
        };
        let mut response = client.get(url).send().await.map_err(|error| failed(&error))?;
        let mut body = Vec::new();
        while body.len() < LONGEST_BODY
            && let Some(chunk) = response.chunk().await.map_err(|error| failed(&error))?
        {
            body.extend_from_slice(&chunk);
        }
        body.truncate(LONGEST_BODY);
        Ok(HealthAnswer { status: response.status().as_u16(), body: String::from_utf8_lossy(&body).into_owned() })
    }
}

#[cfg(test)]
mod tests;
