//! Whether CoreDNS' configuration can be brought to another release. kubeadm: `phases/upgrade/preflight.go`.

use kubewright_config::{KubernetesVersion, facts_for};
use kubewright_manifests::corefile::{MigrationError, decide, unsupported};
use kubewright_node::{KubeAccess, ObjectRef};
use serde_json::Value as Json;

use crate::asking::Asking;
use crate::checks::Finding;
use crate::prelude::*;

/// The ConfigMap that holds it.
pub fn config_map() -> ObjectRef {
    ObjectRef::namespaced("v1", "ConfigMap", "kube-system", "coredns")
}

/// The configuration in the ConfigMap; `None` where it holds none.
pub fn corefile(config_map: &Json) -> Option<&str> {
    config_map.pointer("/data/Corefile").and_then(Json::as_str)
}

/// What speaks against upgrading the CoreDNS that is installed (the tag of its image) to that of a version. Nothing where
/// there is no CoreDNS.
///
/// # Errors
/// The ConfigMap cannot be read.
pub async fn look(
    asking: Asking<'_>,
    access: &KubeAccess,
    installed: &str,
    target: &KubernetesVersion,
) -> Result<Vec<Finding>, Failure> {
    let (Some(found), Ok(facts)) = (asking.find(access, &config_map()).await?, facts_for(target)) else {
        return Ok(Vec::new());
    };
    Ok(match corefile(&found).filter(|_| !installed.is_empty()) {
        Some(corefile) => findings(corefile, installed, &facts.images.coredns),
        None => Vec::new(),
    })
}

/// The findings of kubeadm's two checks.
pub fn findings(corefile: &str, installed: &str, target: &str) -> Vec<Finding> {
    let same = installed.trim_start_matches('v') == target.trim_start_matches('v');
    if same {
        return Vec::new();
    }
    let fix = "look at the Corefile in the ConfigMap kube-system/coredns: what is told must be right for the new CoreDNS; \
               then ignore the check";
    let unknown = |error: MigrationError| Finding::error("CoreDNSUnsupportedPlugins", error.to_string(), fix);
    let mut findings = Vec::new();
    match unsupported(corefile, installed, target) {
        Ok(notices) if notices.is_empty() => {}
        Ok(notices) => {
            let message = format!("CoreDNS cannot migrate the following plugins:\n[{}]", notices.join(" "));
            findings.push(Finding::error("CoreDNSUnsupportedPlugins", message, fix));
        }
        Err(error) => findings.push(unknown(error)),
    }
    // A configuration that is replaced needs no way from the one release to the other, but CoreDNS itself does.
    let way = decide(corefile, installed, target).and_then(|_| unsupported("", installed, target));
    findings.extend(
        way.err()
            .map(|error| Finding::error("CoreDNSMigration", format!("CoreDNS will not be upgraded: {error}"), fix)),
    );
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(corefile: &str, installed: &str, target: &str) -> Vec<String> {
        findings(corefile, installed, target).into_iter().map(|finding| finding.id).collect()
    }

    #[test]
    fn both_checks_look_at_the_way_and_one_at_the_plugins() {
        let plain = ".:53 {\n    errors\n    cache 31\n}\n";
        assert!(names(plain, "1.7.0", "v1.8.0").is_empty());
        assert!(names("what ever", "1.7.0", "1.7.0").is_empty());
        assert_eq!(names(".:53 {\n    dnssec\n}\n", "1.7.0", "v1.8.0"), ["CoreDNSUnsupportedPlugins"]);
        let both = ["CoreDNSUnsupportedPlugins", "CoreDNSMigration"];
        assert_eq!(names(plain, "mine", "v1.8.0"), both);
        assert_eq!(names(plain, "v1.9.3", "v1.8.0"), both);
        assert_eq!(names(".:53 {\n", "1.7.0", "v1.8.0"), both);
    }
}
