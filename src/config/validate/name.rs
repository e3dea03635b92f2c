//! Names: of nodes, domains and certificates.

use super::Check;
use crate::net;
use crate::yaml;

impl Check<'_> {
    /// Checks that a name is an RFC 1123 subdomain.
    pub fn dns_subdomain(&mut self, field: &str, name: &str) {
        self.lower_case_subdomain(field, name, name);
    }

    /// Checks a name in lower case that stands otherwise in the file.
    pub fn lower_case_subdomain(&mut self, field: &str, given: &str, name: &str) {
        if !net::is_dns_subdomain(name) {
            let reason = "not a lower-case RFC 1123 subdomain: letters, digits, `-` and `.`, each part beginning and ending with a letter or digit, 253 characters at most";
            let fix = similar(name).unwrap_or_else(|| "for example node-1 or cluster.local".to_owned());
            self.invalid(field, shortened(given), reason, fix);
        }
    }

    /// Checks names of certificates: addresses, DNS names or wildcards.
    pub fn sans(&mut self, field: &str, names: &[String]) {
        for (index, name) in names.iter().enumerate() {
            let fits =
                net::is_dns_subdomain(name) || net::is_wildcard_dns_subdomain(name) || net::parse_ip(name).is_some();
            if !fits {
                let reason = "neither an IP address nor a lower-case DNS name, with or without `*.`";
                let bare = name.split_once("://").map_or(name.as_str(), |(_, rest)| rest);
                let host = bare.split(['/', ':']).next().unwrap_or_default();
                let fix = match name.rsplit_once("*.") {
                    Some((_, rest)) if net::is_dns_subdomain(rest) => format!("write `*.{rest}`"),
                    _ if host != name && net::is_dns_subdomain(host) => format!("write `{host}`"),
                    _ => similar(name).unwrap_or_else(|| "for example api.example.com or 192.0.2.10".to_owned()),
                };
                self.invalid(&yaml::item(field, index), shortened(name), reason, fix);
            }
        }
    }
}

/// Proposes the valid name that is closest to one that is not.
pub(super) fn similar(name: &str) -> Option<String> {
    let allowed = |c: char| if c.is_ascii_alphanumeric() || c == '.' { c.to_ascii_lowercase() } else { '-' };
    let name: String = name.trim().chars().map(allowed).collect();
    let parts: Vec<&str> = name.split('.').map(|part| part.trim_matches('-')).filter(|part| !part.is_empty()).collect();
    let name = parts.join(".");
    net::is_dns_subdomain(&name).then(|| format!("write `{name}`"))
}

/// Cuts a value that would fill the screen.
fn shortened(name: &str) -> String {
    const SHOWN: usize = 64;
    match name.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name.to_owned(),
    }
}
