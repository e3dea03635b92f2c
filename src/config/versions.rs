//! Reads the table of versions: a base, and what each minor and patch release changed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{LazyLock, OnceLock};

use serde::Deserialize;
use serde_json::Value;

use crate::facts::{MinorFacts, VersionFacts};
use crate::version::KubernetesVersion;

/// The version has no facts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Kubernetes {version} is not among the supported versions 1.{oldest} to 1.{newest}")]
pub struct UnknownVersion {
    /// What was asked for.
    pub version: KubernetesVersion,
    oldest: u64,
    newest: u64,
}

/// Returns the facts of a version, with the changes of its patch releases applied.
///
/// # Errors
/// The table does not know the version's minor.
pub fn facts_for(version: &KubernetesVersion) -> Result<VersionFacts, UnknownVersion> {
    let known = TABLE.releases(version.minor()).filter(|_| version.major() == 1).ok_or_else(|| UnknownVersion {
        version: version.clone(),
        oldest: TABLE.minors.keys().next().copied().unwrap_or_default(),
        newest: TABLE.minors.keys().next_back().copied().unwrap_or_default(),
    })?;
    // A pre-release of a patch (v1.30.5-rc.0) comes before that patch, but already carries its images.
    let (_, minor) = known.range(..=version.patch()).next_back().expect("every minor has an entry for patch 0");
    Ok(VersionFacts { version: version.clone(), minor: minor.clone() })
}

/// Returns the version that is used where nobody names one: the newest release of the newest minor whose facts were
/// read from its source.
pub fn default_version() -> KubernetesVersion {
    TABLE.default.clone()
}

/// Returns the minors that the table knows, oldest first.
pub fn known_minors() -> impl Iterator<Item = u64> {
    TABLE.minors.keys().copied()
}

/// Returns the paths of all container runtimes' sockets that any version looks for.
pub fn cri_socket_paths() -> BTreeSet<String> {
    // Each list replaces the one before it, so the changes alone hold them all.
    let changes = TABLE.minors.values().flat_map(|minor| minor.text.patches.values().chain([&minor.text.changes]));
    let lists = changes.chain([&TABLE.base]).filter_map(|facts| facts.pointer("/kubelet/knownCriSockets")?.as_array());
    lists.flatten().filter_map(|known| known.get("probe")?.as_str().map(str::to_owned)).collect()
}

/// Returns the newest known release of a minor.
pub fn newest_release(minor: u64) -> Option<KubernetesVersion> {
    let (_, facts) = TABLE.releases(minor)?.first_key_value()?;
    Some(KubernetesVersion::new(1, minor, facts.newest_patch))
}

struct Table {
    default: KubernetesVersion,
    base: Value,
    minors: BTreeMap<u64, Minor>,
}

/// What a minor changed. Its facts are decoded when they are asked for: a run asks for one or two of all minors.
struct Minor {
    text: MinorText,
    /// First patch to the facts from that patch on.
    releases: OnceLock<BTreeMap<u64, MinorFacts>>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| table().expect("a test reads the embedded table"));

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    default: String,
    base: Value,
    minors: Vec<MinorText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MinorText {
    minor: u64,
    #[serde(default)]
    changes: Value,
    #[serde(default)]
    patches: BTreeMap<u64, Value>,
}

fn table() -> Result<Table, String> {
    let text: Text = serde_json::from_value(crate::yaml::embedded(include_str!("versions.yaml")))
        .map_err(|error| error.to_string())?;
    let mut minors = BTreeMap::new();
    for text in text.minors {
        let minor = text.minor;
        if minors.insert(minor, Minor { text, releases: OnceLock::new() }).is_some() {
            return Err(format!("1.{minor} stands twice"));
        }
    }
    let default = text.default.parse().map_err(|error| format!("{error}"))?;
    Ok(Table { default, base: text.base, minors })
}

impl Table {
    /// Returns a minor's facts by the first patch that has them.
    fn releases(&self, minor: u64) -> Option<&BTreeMap<u64, MinorFacts>> {
        let known = self.minors.get(&minor)?;
        Some(known.releases.get_or_init(|| self.decode(minor).expect("a test reads every entry")))
    }

    fn decode(&self, minor: u64) -> Result<BTreeMap<u64, MinorFacts>, String> {
        let mut release = self.base.clone();
        let mut patches = None;
        for (_, Minor { text, .. }) in self.minors.range(..=minor) {
            merge(&mut release, &text.changes);
            patches = Some(&text.patches);
        }
        let mut releases = BTreeMap::new();
        for (patch, changes) in std::iter::once((&0, &Value::Null)).chain(patches.into_iter().flatten()) {
            merge(&mut release, changes);
            let mut facts: MinorFacts =
                serde_json::from_value(release.clone()).map_err(|error| format!("1.{minor}.{patch}: {error}"))?;
            facts.kubelet.config_map = facts.kubelet.config_map.replace("{minor}", &minor.to_string());
            facts.kubelet.node_local_cri_socket_gate = facts.feature_gates.get("NodeLocalCRISocket").copied();
            releases.insert(*patch, facts);
        }
        Ok(releases)
    }
}

/// Lays changes over a value: maps merge, `~remove` takes a key away, everything else replaces.
fn merge(value: &mut Value, changes: &Value) {
    match (value, changes) {
        (_, Value::Null) => {}
        (Value::Object(value), Value::Object(changes)) => {
            for (key, change) in changes {
                match change {
                    Value::String(text) if text == "~remove" => {
                        value.remove(key);
                    }
                    Value::Null => {
                        value.insert(key.clone(), Value::Null);
                    }
                    _ => merge(value.entry(key.clone()).or_insert(Value::Null), change),
                }
            }
        }
        (value, change) => *value = change.clone(),
    }
}

#[cfg(test)]
mod tests;
