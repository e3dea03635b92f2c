//! What a schema can say of single values, besides their type. Empty texts pass: Go takes them for "not set".

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::model::{EncryptionAlgorithm, ImagePullPolicy, UnmountFlag};
use crate::validate::{PATH_TYPES, TAINT_EFFECTS};
use crate::{defaults, versions};

fn words<'a>(words: impl IntoIterator<Item = &'a str>) -> Value {
    let words = words.into_iter().map(Value::from).chain(["".into(), Value::Null]);
    json!({"enum": words.collect::<Vec<_>>()})
}

fn pattern(pattern: &str) -> Value {
    json!({"pattern": format!("^({pattern})?$")})
}

pub(crate) fn encryption_algorithm() -> Value {
    words(EncryptionAlgorithm::ALL.map(EncryptionAlgorithm::as_str))
}

pub(crate) fn pull_policy() -> Value {
    words(ImagePullPolicy::ALL.map(ImagePullPolicy::as_str))
}

pub(crate) fn taint_effect() -> Value {
    words(TAINT_EFFECTS)
}

pub(crate) fn path_type() -> Value {
    words(PATH_TYPES)
}

pub(crate) fn unmount_flag() -> Value {
    // An empty word is refused in this list.
    json!({"enum": UnmountFlag::ALL.map(UnmountFlag::as_str)})
}

pub(crate) fn token_usage() -> Value {
    json!({"enum": defaults::TOKEN_USAGES})
}

pub(crate) fn token_group() -> Value {
    json!({"pattern": "^system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]$"})
}

pub(crate) fn token() -> Value {
    pattern(r"[a-z0-9]{6}\.[a-z0-9]{16}")
}

pub(crate) fn certificate_key() -> Value {
    pattern("[0-9a-fA-F]{64}")
}

pub(crate) fn public_key_hash() -> Value {
    json!({"pattern": "^sha256:[0-9a-fA-F]{64}$"})
}

pub(crate) fn absolute_path() -> Value {
    pattern("/.*")
}

pub(crate) fn certificate_path() -> Value {
    pattern(r"/.*\.crt")
}

pub(crate) fn socket() -> Value {
    pattern("(unix://)?/.*")
}

pub(crate) fn url() -> Value {
    json!({"pattern": "^https?://[^,]+$"})
}

/// Letters of an address; whether it is one is for the program to say.
pub(crate) fn address() -> Value {
    pattern(r"[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+|[0-9a-fA-F]*:[0-9a-fA-F:.]*")
}

/// One or two subnets, by the letters that they are written with.
pub(crate) fn subnets() -> Value {
    let ipv4 = r"[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+/([0-9]|[12][0-9]|3[0-2])";
    let ipv6 = "[0-9a-fA-F]*:[0-9a-fA-F:.]*/([0-9]|[1-9][0-9]|1[01][0-9]|12[0-8])";
    // Of two subnets, each is of its own family.
    pattern(&format!("({ipv4})(,{ipv6})?|({ipv6})(,{ipv4})?"))
}

/// A version, or a label of one; with or without the place that it is published at, as `version/label.rs` takes them.
pub(crate) fn version() -> Value {
    let minors = versions::known_minors().map(|minor| minor.to_string()).collect::<Vec<_>>().join("|");
    pattern(&format!(
        r"(release/|ci/)?v?[0-9]+\.[0-9]+\.[0-9]+([-+][-\w.+]*)?|(release/)?(stable|latest)(-1(\.({minors}))?)?"
    ))
}

const HOST: &str = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*";

/// `host` or `host:port`.
pub(crate) fn endpoint() -> Value {
    let port = "(:[0-9]{1,5})?";
    pattern(&format!(r"({HOST}|\[[0-9a-fA-F:.]+\]){port}|[0-9a-fA-F]*:[0-9a-fA-F]*:[0-9a-fA-F:.]*"))
}

pub(crate) fn endpoint_with_port() -> Value {
    json!({"pattern": format!(r"^({HOST}|\[[0-9a-fA-F:.]+\]):[0-9]{{1,5}}$")})
}

pub(crate) fn dns_name() -> Value {
    pattern(HOST)
}

/// Upper case is turned into lower case, and spaces around it go, those of Unicode too.
pub(crate) fn node_name() -> Value {
    // Spelled out: what `\s` means is not the same in every engine.
    let space = "[\\t-\\r \u{85}\u{a0}\u{1680}\u{2000}-\u{200a}\u{2028}\u{2029}\u{202f}\u{205f}\u{3000}]*";
    let label = "[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?";
    json!({"pattern": format!(r"^{space}({label}(\.{label})*)?{space}$")})
}

/// A DNS name, also with `*.`, or an address. Upper case is turned into lower case.
pub(crate) fn alternative_name() -> Value {
    json!({"pattern": r"^((\*\.)?[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?(\.[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?)*|[0-9a-fA-F]*:[0-9a-fA-F:.]*)$"})
}

pub(crate) fn lower_alternative_name() -> Value {
    json!({"pattern": format!(r"^((\*\.)?{HOST}|[0-9a-fA-F]*:[0-9a-fA-F:.]*)$")})
}

/// A registry with its path: no scheme, no tag, and capitals in the host only.
pub(crate) fn image_repository() -> Value {
    let part = "[a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*";
    pattern(&format!(r"([-a-zA-Z0-9.]+(:[0-9]+)?|\[[0-9a-fA-F:]+\](:[0-9]+)?|{part})(/{part})*"))
}

pub(crate) fn image_tag() -> Value {
    pattern(r"\w[-\w.]{0,127}")
}

/// A validity that is not zero.
pub(crate) fn validity() -> Value {
    json!({"not": {"type": "string", "pattern": r"^\+?[0.a-zµμ]*$"}})
}

pub(crate) fn mount_path() -> Value {
    json!({"type": "string", "pattern": "^[^:]+$"})
}

pub(crate) fn volume_name() -> Value {
    json!({"type": "string", "pattern": "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"})
}

pub(crate) fn variable_name() -> Value {
    json!({"type": "string", "pattern": "^[^=]+$"})
}

pub(crate) fn port() -> Value {
    json!({"minimum": 0, "maximum": 65535})
}

pub(crate) fn count() -> Value {
    json!({"minimum": 0})
}

/// The patches of an upgrade, which must be named absolutely.
pub(crate) fn absolute_patches() -> Value {
    let directory = json!({"type": "string", "pattern": "^/"});
    json!({"if": {"type": "object"}, "then": {"required": ["directory"], "properties": {"directory": directory}}})
}

pub(crate) fn arg_name() -> Value {
    json!({"type": "string", "pattern": r"^[^-=\s][^=\s]*$"})
}

pub(crate) fn date_time() -> Value {
    json!({"format": "date-time"})
}

/// The gates of every version that we know; which of them a version has is for the program to say.
pub(crate) fn feature_gates() -> Value {
    let facts =
        versions::known_minors().filter_map(versions::newest_release).map(|version| versions::facts_for(&version));
    let names: BTreeSet<String> = facts.flatten().flat_map(|facts| facts.minor.feature_gates.into_keys()).collect();
    json!({"propertyNames": {"enum": names}})
}

// What holds for a struct as a whole. A field may be null, or be left out: both mean that it is not set.

/// Says that the two fields are not both objects, or not both texts with something in them.
fn excludes(one: &str, other: &str) -> Value {
    let set = json!({"anyOf": [{"type": "object"}, {"type": "string", "minLength": 1}]});
    json!({"not": {"required": [one, other], "properties": {one: set, other: set}}})
}

pub(crate) fn arg() -> Value {
    json!({"required": ["name"]})
}

pub(crate) fn env_var() -> Value {
    let mut rule = excludes("value", "valueFrom");
    rule["required"] = json!(["name"]);
    rule
}

pub(crate) fn host_path_mount() -> Value {
    json!({"required": ["name", "hostPath", "mountPath"]})
}

pub(crate) fn etcd() -> Value {
    excludes("local", "external")
}

pub(crate) fn external_etcd() -> Value {
    let set = |field: &str| json!({"required": [field], "properties": {field: {"type": "string", "minLength": 1}}});
    let all = ["caFile", "certFile", "keyFile"].map(set);
    json!({
        "required": ["endpoints"],
        "allOf": [
            {"properties": {"endpoints": {"type": "array", "minItems": 1}}},
            {"if": {"anyOf": [set("certFile"), set("keyFile")]}, "then": {"allOf": all}},
            {
                "if": {"anyOf": all},
                "then": {"properties": {"endpoints": {"items": {"pattern": "^https://"}}}},
            },
        ],
    })
}

pub(crate) fn bootstrap_token() -> Value {
    excludes("ttl", "expires")
}

pub(crate) fn taint() -> Value {
    let text = json!({"type": "string", "minLength": 1});
    json!({"required": ["key", "effect"], "allOf": [{"properties": {"key": text, "effect": text}}]})
}

pub(crate) fn join() -> Value {
    json!({"required": ["discovery"], "allOf": [{"properties": {"discovery": {"type": "object"}}}]})
}

pub(crate) fn discovery() -> Value {
    let set = |field: &str| json!({"required": [field], "properties": {field: {"type": "object"}}});
    json!({"oneOf": [set("bootstrapToken"), set("file")]})
}

pub(crate) fn bootstrap_token_discovery() -> Value {
    let text = json!({"type": "string", "minLength": 1});
    json!({
        "required": ["token", "apiServerEndpoint"],
        "allOf": [{"properties": {"token": text}}],
        "anyOf": [
            {"required": ["caCertHashes"], "properties": {"caCertHashes": {"type": "array", "minItems": 1}}},
            {"required": ["unsafeSkipCAVerification"], "properties": {"unsafeSkipCAVerification": {"const": true}}},
        ],
    })
}

pub(crate) fn file_discovery() -> Value {
    json!({
        "required": ["kubeConfigPath"],
        "allOf": [{"properties": {"kubeConfigPath": {"type": "string", "minLength": 1, "not": {"pattern": "^http://"}}}}],
    })
}
