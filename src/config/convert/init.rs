//! InitConfiguration to the internal form.

use std::net::Ipv4Addr;

use crate::defaults;
use crate::dynamic;
use crate::error::ConfigError;
use crate::facts::VersionFacts;
use crate::host::HostFacts;
use crate::model::{ApiEndpoint, BootstrapTokenEntry, ImagePullPolicy, InitConfiguration, NodeRegistration, Taint};
use crate::token::{BootstrapToken, CertificateKey, SecretText};
use crate::v1beta4;
use crate::validate::Check;
use crate::yaml;

/// What conversion may ask of the machine.
pub(crate) struct Machine<'a> {
    /// Its facts.
    pub host: &'a HostFacts,
    /// Whether a running container runtime is looked for; the default socket is taken otherwise.
    pub detect_runtime: bool,
    /// Whether a machine without an address is an error; `0.0.0.0` stands for one otherwise, as in kubeadm.
    pub needs_address: bool,
    /// Fills bytes with random ones.
    pub random: &'a mut dyn FnMut(&mut [u8]),
}

/// Converts the settings of one `init`; `None` if a fault was noted that leaves no usable value.
pub(crate) fn init(
    wire: v1beta4::InitConfiguration,
    facts: &VersionFacts,
    machine: &mut Machine<'_>,
    check: &mut Check<'_>,
) -> Option<InitConfiguration> {
    let tokens = bootstrap_tokens(wire.bootstrap_tokens, machine.random, check);
    let taints = default_taints(facts);
    let node = node_registration(wire.node_registration, taints, facts, machine, check);
    let endpoint = api_endpoint("localAPIEndpoint", &wire.local_api_endpoint, machine, check);
    let certificate_key = certificate_key("certificateKey", &wire.certificate_key, check);
    Some(InitConfiguration {
        bootstrap_tokens: tokens,
        dry_run: wire.dry_run,
        node_registration: node,
        local_api_endpoint: endpoint?,
        certificate_key,
        skip_phases: wire.skip_phases,
        patches_directory: patches_directory(wire.patches),
        timeouts: defaults::timeouts(wire.timeouts),
    })
}

/// Returns the taints that a control-plane node gets where nobody names any.
pub(super) fn default_taints(facts: &VersionFacts) -> Vec<Taint> {
    facts.node.default_taints()
}

pub(super) fn patches_directory(patches: Option<v1beta4::Patches>) -> Option<camino::Utf8PathBuf> {
    patches.map(|patches| patches.directory).filter(|directory| !directory.is_empty()).map(Into::into)
}

fn bootstrap_tokens(
    mut wire: Vec<v1beta4::BootstrapToken>,
    random: &mut dyn FnMut(&mut [u8]),
    check: &mut Check<'_>,
) -> Vec<BootstrapTokenEntry> {
    if wire.is_empty() {
        wire.push(v1beta4::BootstrapToken::default());
    }
    let mut entries: Vec<BootstrapTokenEntry> = Vec::new();
    for (index, token) in wire.into_iter().enumerate() {
        let field = yaml::item("bootstrapTokens", index);
        let Some(entry) = bootstrap_token(&field, token, random, check) else { continue };
        if entries.iter().any(|other| other.token.id() == entry.token.id()) {
            let reason = "a token of this id stands above, and both are kept in one Secret";
            check.invalid(&yaml::child(&field, "token"), entry.token.id(), reason, "give each an id of its own");
        }
        entries.push(entry);
    }
    entries
}

fn bootstrap_token(
    field: &str,
    mut wire: v1beta4::BootstrapToken,
    random: &mut dyn FnMut(&mut [u8]),
    check: &mut Check<'_>,
) -> Option<BootstrapTokenEntry> {
    let token = match wire.token.reveal() {
        "" => Some(BootstrapToken::generate(random)),
        _ => bootstrap_token_text(&yaml::child(field, "token"), &wire.token, check),
    };
    if wire.usages.is_empty() {
        wire.usages = defaults::TOKEN_USAGES.map(str::to_owned).into();
    }
    if wire.groups.is_empty() {
        wire.groups = vec![defaults::TOKEN_GROUP.to_owned()];
    }
    for usage in wire.usages.iter().filter(|usage| !defaults::TOKEN_USAGES.contains(&usage.as_str())) {
        let fix = "leave the field out to have both";
        check.invalid(&yaml::child(field, "usages"), usage, "must be signing or authentication", fix);
    }
    let groups = yaml::child(field, "groups");
    if !wire.usages.iter().any(|usage| usage == "authentication") {
        let fix = "add it to usages";
        check.missing(&groups, "a token has groups by its usage `authentication`, which is not there", fix);
    }
    for group in wire.groups.iter().filter(|group| !is_token_group(group)) {
        let reason = "must be system:bootstrappers: and then lower-case letters, digits, `:` and `-`, ending with a letter or digit";
        check.invalid(&groups, group, reason, format!("for example {}", defaults::TOKEN_GROUP));
    }
    // kubeadm fills in the lifetime first and then refuses every token with a moment of expiry. We do not.
    let ttl = match (&wire.expires, wire.ttl) {
        (Some(_), Some(_)) => {
            check.error(ConfigError::field(field, "ttl and expires exclude each other").hint("remove one of them"));
            None
        }
        (Some(_), None) => None,
        (None, ttl) => Some(ttl.unwrap_or(defaults::TOKEN_TTL)),
    };
    let expires = wire.expires.and_then(|text| {
        let utc = v1beta4::moment_in_utc(&text);
        if utc.is_none() {
            let fix = "for example 2030-01-02T03:04:05Z, or use ttl";
            check.invalid(&yaml::child(field, "expires"), &text, "not a moment in RFC 3339", fix);
        }
        utc
    });
    Some(BootstrapTokenEntry {
        token: token?,
        description: wire.description,
        ttl,
        expires,
        usages: wire.usages,
        groups: wire.groups,
    })
}

/// Parses a token; its text is never repeated.
pub(super) fn bootstrap_token_text(field: &str, text: &SecretText, check: &mut Check<'_>) -> Option<BootstrapToken> {
    let parsed = text.reveal().parse();
    let hint = match field.starts_with("bootstrapTokens") {
        true => "leave it out to have one generated, or make one with `kubewright token generate`",
        false => "give the token that `token create --print-join-command` prints",
    };
    parsed.map_err(|error| check.error(ConfigError::field(field, format!("{error}")).hint(hint))).ok()
}

fn is_token_group(group: &str) -> bool {
    let Some(rest) = group.strip_prefix("system:bootstrappers:") else { return false };
    let word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    (1..=256).contains(&rest.len())
        && rest.bytes().all(|byte| word(byte) || byte == b':' || byte == b'-')
        && rest.bytes().last().is_some_and(word)
}

/// Parses a certificate key; its text is never repeated.
pub(super) fn certificate_key(field: &str, text: &SecretText, check: &mut Check<'_>) -> Option<CertificateKey> {
    if text.reveal().is_empty() {
        return None;
    }
    let hint = "make one with `kubewright certs certificate-key`";
    let parsed = text.reveal().parse();
    parsed.map_err(|error| check.error(ConfigError::field(field, format!("{error}")).hint(hint))).ok()
}

/// Converts an endpoint; an absent address comes from the machine.
pub(super) fn api_endpoint(
    field: &str,
    wire: &v1beta4::ApiEndpoint,
    machine: &Machine<'_>,
    check: &mut Check<'_>,
) -> Option<ApiEndpoint> {
    let port = match wire.bind_port {
        0 => defaults::BIND_PORT,
        port => check.port(&yaml::child(field, "bindPort"), port),
    };
    let field = yaml::child(field, "advertiseAddress");
    match dynamic::advertise_address(&wire.advertise_address, &field, machine.host) {
        Ok(advertise_address) => Some(ApiEndpoint { advertise_address, bind_port: port }),
        Err(_) if wire.advertise_address.is_empty() && !machine.needs_address => {
            check.warn(&field, "the machine has no address to offer; 0.0.0.0 stands for it");
            Some(ApiEndpoint { advertise_address: Ipv4Addr::UNSPECIFIED.into(), bind_port: port })
        }
        Err(error) => {
            check.error(error);
            None
        }
    }
}

/// Converts how a node registers; absent parts come from the machine.
pub(super) fn node_registration(
    wire: v1beta4::NodeRegistrationOptions,
    default_taints: Vec<Taint>,
    facts: &VersionFacts,
    machine: &Machine<'_>,
    check: &mut Check<'_>,
) -> NodeRegistration {
    const FIELD: &str = "nodeRegistration";
    let hostname = machine.host.hostname.trim().to_lowercase();
    let given = wire.name.trim().to_lowercase();
    let name = if given.is_empty() { hostname.clone() } else { given };
    if name.is_empty() {
        let error = ConfigError::field(yaml::child(FIELD, "name"), "the machine's host name could not be read");
        check.error(error.hint("name the node with --node-name or nodeRegistration.name"));
    } else {
        let given = if wire.name.trim().is_empty() { name.as_str() } else { wire.name.as_str() };
        check.lower_case_subdomain("nodeRegistration.name", given, &name);
    }
    let kubelet_extra_args = check.args("nodeRegistration.kubeletExtraArgs", wire.kubelet_extra_args);
    let socket = cri_socket("nodeRegistration.criSocket", &wire.cri_socket, facts, machine, check);
    let image_pull_policy = pull_policy("nodeRegistration.imagePullPolicy", &wire.image_pull_policy, check);
    NodeRegistration {
        hostname_override: (name != hostname).then(|| name.clone()),
        name,
        cri_socket: socket,
        taints: wire.taints.map_or(default_taints, |taints| check.taints("nodeRegistration.taints", taints)),
        kubelet_extra_args,
        ignore_preflight_errors: ignored_checks(wire.ignore_preflight_errors, &[], check),
        image_pull_policy,
        image_pull_serial: wire.image_pull_serial.unwrap_or(true),
    }
}

/// Chooses the container runtime's socket; empty if a fault was noted.
pub(super) fn cri_socket(
    field: &str,
    given: &str,
    facts: &VersionFacts,
    machine: &Machine<'_>,
    check: &mut Check<'_>,
) -> String {
    let mut told = Vec::new();
    let socket = dynamic::cri_socket(field, given, machine.detect_runtime, &facts.kubelet, machine.host, &mut told);
    for warning in told {
        check.warn(field, warning.message);
    }
    check.or(socket, String::new())
}

/// Parses when images are pulled.
pub(super) fn pull_policy(field: &str, text: &str, check: &mut Check<'_>) -> ImagePullPolicy {
    if text.is_empty() {
        return ImagePullPolicy::default();
    }
    check.one_of(field, text, &ImagePullPolicy::ALL.map(ImagePullPolicy::as_str));
    ImagePullPolicy::from_name(text).unwrap_or_default()
}

/// Returns the checks that a file says to ignore.
pub(super) fn ignored_in(field: &str, names: Vec<String>, check: &mut Check<'_>) -> Vec<String> {
    ignored(field, names.iter(), check)
}

/// Unites the checks to ignore from the file and the command line: lower-case, sorted, each once.
pub(crate) fn ignored_checks(file: Vec<String>, flags: &[String], check: &mut Check<'_>) -> Vec<String> {
    ignored("nodeRegistration.ignorePreflightErrors", file.iter().chain(flags), check)
}

fn ignored<'n>(field: &str, names: impl Iterator<Item = &'n String>, check: &mut Check<'_>) -> Vec<String> {
    let mut names: Vec<String> = names.map(|name| name.trim().to_lowercase()).collect();
    names.retain(|name| !name.is_empty());
    names.sort();
    names.dedup();
    if names.len() > 1 && names.iter().any(|name| name == "all") {
        check.invalid(field, names.join(","), "`all` includes every other check", "name only `all`");
    }
    names
}
