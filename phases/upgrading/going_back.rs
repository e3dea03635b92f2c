//! The way back: files first, in an order that is told before, then a wait until each component serves as it did. Each
//! step looks before it changes anything, so who dies in the middle goes on by running it again.

use std::time::Duration;

use kubewright_config::yaml;
use kubewright_engine::stamp;
use kubewright_node::PutBack;
use serde_json::Value as Json;

use super::kept::Kept;
use super::replacing::{Runs, wait_serving};
use super::{Component, Hands, Stage, UpgradedCluster, up_to};
use crate::etcd_pod::EtcdPod;
use crate::prelude::*;
use crate::restoring::steps;

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
        Some(path) if kept.may_restore => format!(
            "If etcd itself was replaced by then, its data goes back too, to \"{path}\", after the files: the kubelet and the \
             control plane are stopped for that, and what was written since is lost"
        ),
        Some(path) => format!("etcd's data stays as it is, whatever happens; it was saved to \"{path}\""),
        None => "etcd's data stays as it is, whatever happens".to_owned(),
    };
    report.note(TAG, data);
}

/// What becomes of etcd's data on the way back. A way back that was begun keeps to what it had decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Data {
    /// It stays as it is.
    Stays,
    /// It goes back if that was agreed, and if etcd itself was replaced: otherwise nothing can have happened to it.
    AsAgreed,
    /// It goes back.
    GoesBack,
}

/// Puts everything back and waits until it serves.
///
/// # Errors
/// A file cannot be put back, or a component does not serve.
pub async fn go_back(kept: &mut Kept, found: &UpgradedCluster, data: Data, hands: &Hands<'_>) -> Result<(), Failure> {
    let Hands { files, report, .. } = hands;
    let old = &found.old.version;
    kept.must_hold(Component::of(&found.cluster), files)?;
    if kept.stage != Stage::GoingBack {
        kept.restore = decide(kept, data, hands).await?.then(|| stamp(hands.clock.now()));
    }
    let back = put_back_of(kept, files)?;
    kept.stage = Stage::GoingBack;
    kept.save(files)?;
    report.note(TAG, format!("Going back to {old}"));
    let restoring = hands.restoring(found);
    if let Some((snapshot, back)) = &back {
        steps::tell_order(snapshot, back, report);
        if let Err(failure) = steps::stop(&restoring).await {
            return Err(steps::give_up(failure, back, &restoring).await);
        }
    }
    let mut waited_for = Vec::new();
    for component in Component::of(&found.cluster) {
        if component == Component::Etcd
            && back.is_none()
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
    if let Some((snapshot, back)) = &back {
        let pod = EtcdPod::on(files)?;
        if let Err(failure) = steps::put_back(&pod, snapshot, back, &restoring).await {
            return Err(steps::give_up(failure, back, &restoring).await);
        }
        steps::start(&restoring).await?;
    }
    let limit = found.init.timeouts.upgrade_manifests.max(LEAST);
    report.note(TAG, format!("Waiting until each component serves. This can take up to {} for each", up_to(limit)));
    for component in waited_for {
        let Some(contents) = kept.read(&component.manifest(), files)? else { continue };
        let path = component.manifest();
        let manifest = yaml::document(contents.as_bytes()).context(format!("cannot read `{path}`"))?;
        let hash = kept.hash(component).map_or(Runs::Another(""), Runs::Just);
        wait_serving(component, manifest.value(), hash, found, (limit, limit), hands).await?;
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
    match go_back(kept, found, Data::AsAgreed, hands).await {
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

/// Whether etcd's data is to go back.
async fn decide(kept: &Kept, data: Data, hands: &Hands<'_>) -> Result<bool, Failure> {
    let Hands { files, snapshots, report, .. } = hands;
    let asked = match data {
        Data::Stays => false,
        Data::AsAgreed => kept.may_restore && kept.members == Some(1),
        Data::GoesBack => true,
    };
    let Some(snapshot) = kept.snapshot.as_ref().filter(|_| asked) else {
        return match data {
            Data::GoesBack => Err(Failure::new(format!("the upgrade {} has no snapshot of etcd", kept.name))
                .kind(FailureKind::Validation)
                .hint("`kubewright etcd restore --snapshot FILE` puts back any that there is")),
            _ => Ok(false),
        };
    };
    let path = Component::Etcd.manifest();
    let parsed = |contents: Option<Contents>| {
        contents.and_then(|contents| yaml::document(contents.as_bytes()).ok()).map(|document| document.value().clone())
    };
    if data == Data::AsAgreed && parsed(kept.read(&path, files)?) == parsed(files.read(&path)?) {
        report.note(TAG, "etcd itself was not replaced, so its data stays as it is");
        return Ok(false);
    }
    match snapshots.check(snapshot).await {
        Ok(_) => Ok(true),
        Err(failure) if data == Data::GoesBack => Err(failure),
        Err(failure) => {
            report.warn(format!("etcd's data stays as it is: {failure}"));
            Ok(false)
        }
    }
}

/// The copy that goes back, and to where: the data directory of the etcd that goes back.
fn put_back_of(kept: &Kept, files: &Files) -> Result<Option<(Utf8PathBuf, PutBack)>, Failure> {
    let (Some(name), Some(snapshot)) = (&kept.restore, &kept.snapshot) else { return Ok(None) };
    let path = Component::Etcd.manifest();
    let manifest = kept.read(&path, files)?.ok_or_else(|| Failure::new(format!("no `{path}` was kept")))?;
    let pod =
        EtcdPod::read(&manifest).map_err(|why| Failure::new(why).context(format!("cannot use the kept `{path}`")))?;
    Ok(Some((snapshot.clone(), PutBack { data_dir: pod.data_dir, name: name.clone() })))
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

/// The least that a component is waited for on the way back. Who gives a new component less has no reason to give up the
/// old one sooner: a kubelet waits longer and longer before it starts again what has ended while etcd was away.
const LEAST: Duration = Duration::from_secs(300);

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
