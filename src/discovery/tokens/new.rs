//! What a new token needs, from the flags of `token create`.

use std::time::Duration;

use kubewright_config::model::BootstrapTokenEntry;
use kubewright_config::{BootstrapToken, parse_duration};

/// The wishes of a user; what is empty gets kubeadm's default.
#[derive(Debug, Clone, Default)]
pub struct NewToken {
    /// The token; `None` has one generated.
    pub token: Option<BootstrapToken>,
    /// What it is for.
    pub description: String,
    /// Lifetime as Go writes durations; `None` is 24 hours. What is not above zero never expires, as in kubeadm.
    pub ttl: Option<String>,
    /// What it may be used for: `signing`, `authentication`.
    pub usages: Vec<String>,
    /// The groups that it authenticates as.
    pub groups: Vec<String>,
}

/// Wishes that cannot be granted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NewTokenFault {
    /// The lifetime is no duration.
    #[error("the lifetime `{text}` is not a duration such as 24h0m0s")]
    Ttl {
        /// What was given.
        text: String,
    },
    /// There is no such usage.
    #[error("the usage `{usage}` is neither `signing` nor `authentication`")]
    Usage {
        /// What was given.
        usage: String,
    },
    /// A token that does not authenticate has groups.
    #[error("a token has groups only with the usage `authentication`, which is not among its usages")]
    Groups,
    /// The group is not one that tokens may have.
    #[error(
        "the group `{group}` is not `system:bootstrappers:` with lower-case letters, digits, `:` and `-` behind it"
    )]
    Group {
        /// What was given.
        group: String,
    },
}

impl NewToken {
    /// The token to create; `random` fills bytes for a generated one.
    ///
    /// # Errors
    /// The first wish that cannot be granted.
    pub fn entry(self, random: &mut dyn FnMut(&mut [u8])) -> Result<BootstrapTokenEntry, NewTokenFault> {
        let ttl = match &self.ttl {
            None => DEFAULT_TTL,
            Some(text) => match parse_duration(text) {
                Ok(ttl) => ttl,
                Err(kubewright_config::DurationError::Negative) => Duration::ZERO,
                Err(_) => return Err(NewTokenFault::Ttl { text: text.clone() }),
            },
        };
        let usages = or_default(self.usages, &USAGES);
        let groups = or_default(self.groups, &[GROUP]);
        if let Some(usage) = usages.iter().find(|usage| !USAGES.contains(&usage.as_str())) {
            return Err(NewTokenFault::Usage { usage: usage.clone() });
        }
        if !usages.iter().any(|usage| usage == "authentication") {
            return Err(NewTokenFault::Groups);
        }
        if let Some(group) = groups.iter().find(|group| !is_group(group)) {
            return Err(NewTokenFault::Group { group: group.clone() });
        }
        let token = self.token.unwrap_or_else(|| BootstrapToken::generate(random));
        Ok(BootstrapTokenEntry { token, description: self.description, ttl: Some(ttl), expires: None, usages, groups })
    }
}

const DEFAULT_TTL: Duration = Duration::from_secs(24 * 60 * 60);
const USAGES: [&str; 2] = ["signing", "authentication"];
const GROUP: &str = "system:bootstrappers:kubeadm:default-node-token";

/// What is given without the empty texts that `--groups ""` makes, or the default.
fn or_default(given: Vec<String>, default: &[&str]) -> Vec<String> {
    let given: Vec<String> = given.into_iter().filter(|text| !text.is_empty()).collect();
    if given.is_empty() { default.iter().map(|text| (*text).to_owned()).collect() } else { given }
}

fn is_group(group: &str) -> bool {
    let Some(rest) = group.strip_prefix("system:bootstrappers:") else { return false };
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let fits = rest.bytes().all(|byte| plain(byte) || byte == b':' || byte == b'-');
    fits && rest.bytes().last().is_some_and(plain) && rest.len() <= 256
}
