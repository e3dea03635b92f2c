//! Bootstrap tokens as they stand in the cluster: read from their Secrets, named, shown, and what a new one needs. Pure
//! functions; asking the cluster is the caller's work. kubeadm: `app/cmd/token.go`, `apis/bootstraptoken/v1`.

mod new;
mod show;
mod target;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kubewright_config::BootstrapToken;
use kubewright_node::ObjectRef;
use serde_json::Value as Json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

pub use new::{NewToken, NewTokenFault};
pub use show::{ShownToken, short_duration, table};
pub use target::{JoinTarget, client_kubeconfig};

/// Where the Secrets of tokens are.
pub const NAMESPACE: &str = "kube-system";
/// Selects them among all Secrets.
pub const FIELD_SELECTOR: &str = "type=bootstrap.kubernetes.io/token";

const NAME_PREFIX: &str = "bootstrap-token-";
const USAGE_PREFIX: &str = "usage-bootstrap-";

/// A token as the cluster knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownToken {
    /// The token itself.
    pub token: BootstrapToken,
    /// What it is for; may be empty.
    pub description: String,
    /// When it expires; `None` is never.
    pub expires: Option<OffsetDateTime>,
    /// What it may be used for, sorted.
    pub usages: Vec<String>,
    /// The groups that it authenticates as, in their order.
    pub groups: Vec<String>,
}

/// A Secret that is no usable token. What it holds is not repeated: it may be most of one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenSecretFault {
    /// A field is missing or empty.
    #[error("the Secret `{name}` has no `{field}`")]
    Missing {
        /// The Secret.
        name: String,
        /// The field.
        field: &'static str,
    },
    /// The Secret has another name than its token wants.
    #[error("the Secret `{name}` must be named `{expected}` after its token")]
    Name {
        /// The Secret.
        name: String,
        /// The name that it must have.
        expected: String,
    },
    /// Its token is malformed.
    #[error("the token in the Secret `{name}` is not of the form [a-z0-9]{{6}}.[a-z0-9]{{16}}")]
    Token {
        /// The Secret.
        name: String,
    },
    /// Its expiry is no moment. The cluster takes such a token for an expired one.
    #[error("the expiration in the Secret `{name}` is not a moment in RFC 3339")]
    Expiration {
        /// The Secret.
        name: String,
    },
}

impl KnownToken {
    /// Reads the Secret of a token.
    ///
    /// # Errors
    /// It holds no usable token, or not under its name.
    pub fn from_secret(secret: &Json) -> Result<Self, TokenSecretFault> {
        let name = secret.pointer("/metadata/name").and_then(Json::as_str).unwrap_or_default().to_owned();
        let data = secret.get("data").and_then(Json::as_object);
        let decode = |value: &Json| {
            let bytes = STANDARD.decode(value.as_str()?).ok()?;
            String::from_utf8(bytes).ok()
        };
        let field = |key: &str| data.and_then(|data| decode(data.get(key)?)).unwrap_or_default();
        let needed = |key: &'static str| match field(key) {
            empty if empty.is_empty() => Err(TokenSecretFault::Missing { name: name.clone(), field: key }),
            text => Ok(zeroize::Zeroizing::new(text)),
        };
        let id = needed("token-id")?;
        if name.strip_prefix(NAME_PREFIX) != Some(id.as_str()) {
            return Err(TokenSecretFault::Name { expected: format!("{NAME_PREFIX}{}", *id), name });
        }
        let text = zeroize::Zeroizing::new(format!("{}.{}", *id, *needed("token-secret")?));
        let token = text.parse().map_err(|_| TokenSecretFault::Token { name: name.clone() })?;
        let expires = match field("expiration") {
            never if never.is_empty() => None,
            moment => {
                let moment = OffsetDateTime::parse(&moment, &Rfc3339);
                Some(moment.map_err(|_| TokenSecretFault::Expiration { name: name.clone() })?)
            }
        };
        let on = |(key, value): (&String, &Json)| {
            let usage = key.strip_prefix(USAGE_PREFIX)?;
            (decode(value)? == "true").then(|| usage.to_owned())
        };
        let mut usages: Vec<String> = data.into_iter().flatten().filter_map(on).collect();
        usages.sort_unstable();
        let groups = field("auth-extra-groups");
        // kubeadm takes a list that begins with a comma for none.
        let groups = match groups.split(',').next() {
            None | Some("") => Vec::new(),
            Some(_) => groups.split(',').map(str::to_owned).collect(),
        };
        Ok(Self { token, description: field("description"), expires, usages, groups })
    }

    /// Whether its time is over.
    pub fn is_expired(&self, now: OffsetDateTime) -> bool {
        self.expires.is_some_and(|moment| moment <= now)
    }

    /// Whether a node can join with it alone: `cluster-info` is signed with it, and the API server knows it.
    pub fn can_join(&self, now: OffsetDateTime) -> bool {
        let has = |usage: &str| self.usages.iter().any(|known| known == usage);
        !self.is_expired(now) && has("signing") && has("authentication")
    }
}

/// Reads the Secrets of a list in their order; those that are no tokens come back as faults.
pub fn read_all(secrets: &[Json]) -> (Vec<KnownToken>, Vec<TokenSecretFault>) {
    let (mut tokens, mut faults) = (Vec::new(), Vec::new());
    for secret in secrets {
        match KnownToken::from_secret(secret) {
            Ok(token) => tokens.push(token),
            Err(fault) => faults.push(fault),
        }
    }
    (tokens, faults)
}

/// Names the Secret of a token by the token's id.
pub fn secret_of(id: &str) -> ObjectRef {
    ObjectRef::namespaced("v1", "Secret", NAMESPACE, &format!("{NAME_PREFIX}{id}"))
}

/// Gives the id in what the user named a token by: the id alone, or the whole token.
///
/// # Errors
/// It is neither. It is not repeated, since it may be most of a token.
pub fn id_of(argument: &str) -> Result<String, TokenNameError> {
    if let Ok(token) = argument.parse::<BootstrapToken>() {
        return Ok(token.id().to_owned());
    }
    let plain = argument.len() == 6 && argument.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    if plain { Ok(argument.to_owned()) } else { Err(TokenNameError) }
}

/// What was given is neither a token nor the id of one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a token is named by its id [a-z0-9]{{6}}, or as a whole: [a-z0-9]{{6}}.[a-z0-9]{{16}}")]
pub struct TokenNameError;

#[cfg(test)]
mod tests;
