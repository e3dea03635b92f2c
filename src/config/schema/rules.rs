//! What a schema can say of single values, besides their type. Empty texts pass: Go takes them for "not set".

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::model::{EncryptionAlgorithm, UnmountFlag};
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
    words(["Always", "IfNotPresent", "Never"])
}

pub(crate) fn taint_effect() -> Value {
    words(["NoSchedule", "PreferNoSchedule", "NoExecute"])
}

pub(crate) fn path_type() -> Value {
    words(["DirectoryOrCreate", "Directory", "FileOrCreate", "File", "Socket", "CharDevice", "BlockDevice"])
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
    json!({"pattern": "^[a-z]+://"})
}

/// Letters of an address; whether it is one is for the program to say.
pub(crate) fn address() -> Value {
    pattern(r"[0-9a-fA-F:.]+")
}

/// One or two subnets, by the letters that they are written with.
pub(crate) fn subnets() -> Value {
    pattern(r"[0-9a-fA-F:.]+/[0-9]+(,[0-9a-fA-F:.]+/[0-9]+)?")
}

pub(crate) fn port() -> Value {
    json!({"minimum": 0, "maximum": 65535})
}

pub(crate) fn arg_name() -> Value {
    json!({"type": "string", "pattern": "^[^-]"})
}

pub(crate) fn date_time() -> Value {
    json!({"format": "date-time"})
}

pub(crate) fn object() -> Value {
    json!({"type": ["object", "null"]})
}

/// The gates of every version that we know; which of them a version has is for the program to say.
pub(crate) fn feature_gates() -> Value {
    let facts =
        versions::known_minors().filter_map(versions::newest_release).map(|version| versions::facts_for(&version));
    let names: BTreeSet<String> = facts.flatten().flat_map(|facts| facts.minor.feature_gates.into_keys()).collect();
    json!({"propertyNames": {"enum": names}})
}
