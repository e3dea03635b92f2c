//! Fetches what a joining node sees before it trusts anybody. Whatever a hostile server does, a request ends: it has a
//! deadline over all, reads a bounded number of bytes and goes nowhere but to the host that was asked.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use kubewright_node::discovery::{MAX_DISCOVERY_BYTES, cluster_info_name};
use kubewright_node::{DiscoveryBackend, KubeAccess, KubeBackend, KubeError, KubeErrorKind, Trust};
use reqwest::redirect::Policy;
use reqwest::{Certificate, ClientBuilder, StatusCode, Url};
use serde_json::Value as Json;
use zeroize::Zeroizing;

use crate::kube::answer;
use crate::{innermost, is_this_machine, shorten};

/// How long one request may take, from connecting to the last byte.
const REQUEST_LIMIT: Duration = Duration::from_secs(10);
/// How long a TCP connection may take.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// How many redirects a document may take; Go's client, and so kubeadm, takes ten.
const MOST_REDIRECTS: usize = 10;

/// Discovery over HTTPS. Proxies: `HTTPS_PROXY` and `NO_PROXY`, never to this machine itself.
pub struct HttpsDiscovery {
    kube: Arc<dyn KubeBackend>,
    request_limit: Duration,
    /// Authorities for documents; the machine's own unless a test says otherwise.
    authorities: Option<Vec<Certificate>>,
}

impl HttpsDiscovery {
    /// Makes it; `kube` is for those who have credentials.
    pub fn new(kube: Arc<dyn KubeBackend>) -> Self {
        crate::install_crypto_provider();
        Self { kube, request_limit: REQUEST_LIMIT, authorities: None }
    }

    async fn fetch(
        &self,
        asked: &Asked<'_>,
        url: &Url,
        client: ClientBuilder,
    ) -> Result<Zeroizing<Vec<u8>>, KubeError> {
        let work = async {
            let local = url.host_str().is_some_and(is_this_machine);
            let client = if local { client.no_proxy() } else { client };
            let client = client.connect_timeout(CONNECT_LIMIT).build();
            let client = client.map_err(|error| asked.error(KubeErrorKind::Access, innermost(&error)))?;
            let mut response = client.get(url.clone()).send().await.map_err(|error| asked.silence(&error))?;
            let status = response.status();
            if status.is_redirection() {
                return Err(asked.redirected(response.headers().get("location")));
            }
            let mut body = Zeroizing::new(Vec::new());
            while let Some(chunk) = response.chunk().await.map_err(|error| asked.broken(&error))? {
                if body.len() + chunk.len() > MAX_DISCOVERY_BYTES {
                    let message = format!("{}: the answer is larger than {MAX_DISCOVERY_BYTES} bytes", asked.server);
                    return Err(asked.error(KubeErrorKind::Other, message));
                }
                body.extend_from_slice(&chunk);
            }
            if status != StatusCode::OK {
                let (kind, message) = answer::refusal(status, &body);
                return Err(asked.error(kind, format!("{}: {message}", asked.server)));
            }
            Ok(body)
        };
        let answer = tokio::time::timeout(self.request_limit, work).await.unwrap_or_else(|_| {
            let limit = self.request_limit.as_secs_f64();
            Err(asked.error(KubeErrorKind::Unreachable, format!("{}: no whole answer within {limit} s", asked.server)))
        });
        match &answer {
            Ok(body) => tracing::debug!(target: "request", "GET {} 200 OK, {} bytes", shown(url), body.len()),
            Err(error) => tracing::debug!(target: "request", "GET {}: {}", shown(url), error.message),
        }
        answer
    }
}

#[async_trait]
impl DiscoveryBackend for HttpsDiscovery {
    async fn cluster_info(&self, server: &str, trust: &Trust) -> Result<Json, KubeError> {
        let object = cluster_info_name().to_string();
        let asked = Asked { object: &object, server };
        let url = format!("{}/api/v1/namespaces/kube-public/configmaps/cluster-info", server.trim_end_matches('/'));
        let url = Url::parse(&url).map_err(|_| asked.error(KubeErrorKind::Invalid, "the server is not a URL"))?;
        let client = ClientBuilder::new().https_only(true).redirect(Policy::none()).user_agent(USER_AGENT);
        let client = match trust {
            Trust::Anybody => client.tls_danger_accept_invalid_certs(true),
            Trust::Authorities(all) => client.tls_certs_only(certificates(all, &asked)?),
        };
        let body = self.fetch(&asked, &url, client.default_headers(accept_json())).await?;
        serde_json::from_slice(&body)
            .map_err(|_| asked.error(KubeErrorKind::Other, format!("{server}: the answer is not JSON")))
    }

    async fn cluster_info_as(&self, access: &KubeAccess) -> Result<Json, KubeError> {
        let name = cluster_info_name();
        self.kube.get(access, &name).await?.ok_or_else(|| KubeError {
            kind: KubeErrorKind::NotFound,
            doing: "get",
            object: name.to_string(),
            message: "it is not there".into(),
        })
    }

    async fn document(&self, url: &str) -> Result<Zeroizing<Vec<u8>>, KubeError> {
        let parsed = Url::parse(url).ok().filter(|url| url.scheme() == "https");
        let shown = parsed.as_ref().map(shown).unwrap_or_default();
        let asked = Asked { object: "the document", server: &shown };
        let parsed = parsed.ok_or_else(|| asked.error(KubeErrorKind::Invalid, "its address is not an https URL"))?;
        let client = ClientBuilder::new().https_only(true).redirect(securely()).user_agent(USER_AGENT);
        let client = match &self.authorities {
            Some(authorities) => client.tls_certs_only(authorities.clone()),
            None => client,
        };
        self.fetch(&asked, &parsed, client).await
    }
}

/// What is asked and of whom, in the words that an error uses.
struct Asked<'a> {
    object: &'a str,
    server: &'a str,
}

impl Asked<'_> {
    fn error(&self, kind: KubeErrorKind, message: impl Into<String>) -> KubeError {
        KubeError { kind, doing: "get", object: self.object.into(), message: message.into() }
    }

    fn silence(&self, error: &reqwest::Error) -> KubeError {
        if error.is_redirect() {
            return self.redirected(None);
        }
        let (kind, message) = answer::silence(self.server, error);
        self.error(kind, message)
    }

    fn broken(&self, error: &reqwest::Error) -> KubeError {
        let message = format!("{}: the answer broke off: {}", self.server, innermost(error));
        self.error(KubeErrorKind::Unreachable, message)
    }

    fn redirected(&self, location: Option<&reqwest::header::HeaderValue>) -> KubeError {
        let to = location.and_then(|to| to.to_str().ok()).and_then(|to| Url::parse(to).ok());
        let to = to.map(|to| format!(" to {}", shorten(&shown(&to)))).unwrap_or_default();
        let message = format!("{}: it answers with a redirect{to}, which is not followed", self.server);
        self.error(KubeErrorKind::Other, message)
    }
}

const USER_AGENT: &str = concat!("kubewright/", env!("CARGO_PKG_VERSION"));

fn accept_json() -> reqwest::header::HeaderMap {
    let json = reqwest::header::HeaderValue::from_static("application/json");
    [(reqwest::header::ACCEPT, json)].into_iter().collect()
}

fn certificates(all: &[Vec<u8>], asked: &Asked<'_>) -> Result<Vec<Certificate>, KubeError> {
    let all = all.iter().map(|der| Certificate::from_der(der)).collect::<Result<_, _>>();
    all.map_err(|error| asked.error(KubeErrorKind::Access, innermost(&error)))
}

/// Follows a redirect as long as nobody can read or change what is fetched.
fn securely() -> Policy {
    Policy::custom(|attempt| match attempt.url().scheme() {
        "https" if attempt.previous().len() <= MOST_REDIRECTS => attempt.follow(),
        _ => attempt.stop(),
    })
}

/// A URL without what may be a secret in it: user, password, query.
fn shown(url: &Url) -> String {
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{}{port}{}", url.scheme(), url.host_str().unwrap_or_default(), url.path().trim_end_matches('/'))
}

#[cfg(test)]
mod tests;
