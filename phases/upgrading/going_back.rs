//! The way back: files first, in an order that is told before, then a wait until each component serves as it did. Each
//! step looks before it changes anything, so who dies in the middle goes on by running it again.

use kubewright_config::yaml;
use serde_json::Value as Json;

use super::kept::Kept;
use super::replacing::{Runs, wait_serving};
use super::{Component, Hands, Stage, UpgradedCluster, up_to};
use crate::prelude::*;

/// Tells in which order a node would go back, before anything is changed.
pub fn tell_order(kept: &Kept, found: &UpgradedCluster, report: &Report) {
    let names: Vec<_> = Component::of(&found.cluster).map(Component::name).collect();
    let old = &found.old.version;
    report.note(
        TAG,
        format!(
            "If a component does not come up, this node goes back to {old} by itself, in this order: certificates and \
             manifest of {}; then the kubeconfig files and the kubelet's configuration; then it waits for each to serve",
            names.join(", ")
        ),
    );
    let data = match &kept.snapshot {
        Some(path) => format!("etcd's data stays as it is, whatever happens; it was saved to \"{path}\""),
        None => "etcd's data stays as it is, whatever happens".to_owned(),
    };
    report.note(TAG, data);
}

/// Puts everything back and waits until it serves.
///
/// # Errors
/// A file cannot be put back, or a component does not serve.
pub async fn go_back(kept: &mut Kept, found: &UpgradedCluster, hands: &Hands<'_>) -> Result<(), Failure> {
    let Hands { files, report, .. } = hands;
    let old = &found.old.version;
    kept.must_hold(Component::of(&found.cluster), files)?;
    kept.stage = Stage::GoingBack;
    kept.save(files)?;
    report.note(TAG, format!("Going back to {old}"));
    let mut waited_for = Vec::new();
    for component in Component::of(&found.cluster) {
        if component == Component::Etcd
            && let Some(why) = keeps_its_etcd(kept, files)?
        {
            report.note(TAG, why);
            continue;
        }
        let changed = kept.put_back(Some(component), files)?;
        files.publish()?;
        if changed.is_empty() {
            report.note(TAG, format!("{component} is as it was"));
        } else {
            report.note(TAG, format!("Put back certificates and manifest of {component}"));
        }
        waited_for.push(component);
    }
    let changed = kept.put_back(None, files)?;
    files.publish()?;
    for path in &changed {
        report.note(TAG, format!("Put back \"{path}\""));
    }
    let limit = found.init.timeouts.upgrade_manifests;
    report.note(TAG, format!("Waiting until each component serves. This can take up to {} for each", up_to(limit)));
    for component in waited_for {
        let Some(contents) = kept.read(&component.manifest(), files)? else { continue };
        let path = component.manifest();
        let manifest = yaml::document(contents.as_bytes()).context(format!("cannot read `{path}`"))?;
        let hash = kept.hash(component).map_or(Runs::Another(""), Runs::Just);
        wait_serving(component, manifest.value(), hash, found, limit, hands).await?;
        report.note(TAG, format!("{component} serves"));
    }
    kept.stage = Stage::WentBack;
    kept.save(files)?;
    report.note(TAG, format!("This node is at {old} again, and its control plane serves"));
    Ok(())
}

/// Goes back after a failure, and says how both ended.
pub async fn after(failure: Failure, kept: &mut Kept, found: &UpgradedCluster, hands: &Hands<'_>) -> Failure {
    let old = &found.old.version;
    hands.report.note("upgrade/staticpods", format!("The upgrade failed: {failure}"));
    match go_back(kept, found, hands).await {
        Ok(()) => failure
            .context(format!(
                "couldn't upgrade control plane. This node went back to {old}, and its control plane serves"
            ))
            .kind(FailureKind::WentBack)
            .hint("mend the cause, then run the same command again"),
        Err(stuck) => Failure::new(format!("{failure}; going back failed too: {stuck}"))
            .context(format!("couldn't upgrade control plane, and this node is not back at {old}"))
            .kind(FailureKind::Stuck)
            .hint("run `kubewright upgrade rollback`: it goes on from here"),
    }
}

/// Why etcd stays at its new version: it served with it, and an older minor cannot read what a newer one has written.
fn keeps_its_etcd(kept: &Kept, files: &Files) -> Result<Option<String>, Failure> {
    if !kept.served.contains(&Component::Etcd) {
        return Ok(None);
    }
    let path = Component::Etcd.manifest();
    let image = |contents: Option<Contents>| -> Option<String> {
        let document = yaml::document(contents?.as_bytes()).ok()?;
        document.value().pointer("/spec/containers/0/image").and_then(Json::as_str).map(str::to_owned)
    };
    let (Some(old), Some(new)) = (image(kept.read(&path, files)?), image(files.read(&path)?)) else { return Ok(None) };
    Ok((minor(&old) != minor(&new))
        .then(|| format!("etcd stays at {new}: it has served with it, and {old} could not read its data any more")))
}

/// Major and minor of an image's tag, such as `3.5`.
fn minor(image: &str) -> Option<(&str, &str)> {
    let tag = image.rsplit_once(':')?.1.trim_start_matches('v');
    let mut parts = tag.split('.');
    Some((parts.next()?, parts.next()?))
}

const TAG: &str = "upgrade/rollback";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minors_are_read_from_tags() {
        assert_eq!(minor("k8s.gcr.io/etcd:3.4.13-0"), Some(("3", "4")));
        assert_eq!(minor("localhost:5000/etcd:v3.5.1"), Some(("3", "5")));
        assert_eq!(minor("etcd"), None);
    }
}
