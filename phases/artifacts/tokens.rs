//! What `show-join-command` tells others: tokens, and the key of the uploaded certificates.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kubewright_config::{BootstrapToken, CertificateKey};
use serde_json::Value as Json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::artifacts::ClusterAdmin;
use crate::prelude::*;

/// The tokens that nodes may join with.
#[derive(Debug, Clone)]
pub struct BootstrapTokens(pub Vec<BootstrapToken>);

impl Value for BootstrapTokens {
    const NAME: &'static str = "bootstrap-tokens";
}

impl Artifact<Node> for BootstrapTokens {
    /// Reads them from the cluster: the journal of a killed run holds no secrets. Those that the configuration names
    /// come first; without them any token that nodes could join with will do.
    async fn load(view: &View, seeds: &Seeds) -> Result<Option<Self>, Failure> {
        let Some(init) = seeds.get::<InitConfiguration>() else { return Ok(None) };
        let Some(admin) = ClusterAdmin::load(view, seeds).await? else { return Ok(None) };
        let selector = Some("type=bootstrap.kubernetes.io/token");
        let Ok(secrets) = view.kube().list(&admin.0, "v1", "Secret", Some("kube-system"), selector).await else {
            return Ok(None);
        };
        let now = view.clock().now();
        let usable: Vec<_> = secrets.iter().filter_map(|secret| joinable(secret, now)).collect();
        let wanted: Vec<_> = init.bootstrap_tokens.iter().map(|entry| entry.token.clone()).collect();
        let named: Vec<_> = usable.iter().filter(|token| wanted.contains(token)).cloned().collect();
        let tokens = if named.is_empty() { usable } else { named };
        Ok((!tokens.is_empty()).then_some(Self(tokens)))
    }
}

/// The token in a Secret, if it has not expired and nodes may both discover the cluster and authenticate with it.
fn joinable(secret: &Json, now: OffsetDateTime) -> Option<BootstrapToken> {
    let field = |key: &str| -> Option<String> {
        let text = secret.get("data")?.get(key)?.as_str()?;
        String::from_utf8(STANDARD.decode(text).ok()?).ok()
    };
    if let Some(expiration) = field("expiration")
        && OffsetDateTime::parse(&expiration, &Rfc3339).ok()? <= now
    {
        return None;
    }
    for usage in ["usage-bootstrap-signing", "usage-bootstrap-authentication"] {
        if field(usage).as_deref() != Some("true") {
            return None;
        }
    }
    format!("{}.{}", field("token-id")?, field("token-secret")?).parse().ok()
}

/// What `upload-certs` did.
#[derive(Debug, Clone)]
pub struct UploadedCerts {
    /// The key that opens them; `None` when nothing was to be uploaded.
    pub key: Option<CertificateKey>,
}

impl Value for UploadedCerts {
    const NAME: &'static str = "uploaded-certs";
}

impl Artifact<Node> for UploadedCerts {
    /// The key is told once and kept nowhere, so certificates that were to be uploaded are uploaded again.
    async fn load(_: &View, seeds: &Seeds) -> Result<Option<Self>, Failure> {
        let uploading = seeds.get::<InitOptions>().is_some_and(|options| options.upload_certs);
        Ok((!uploading).then_some(Self { key: None }))
    }
}
