//! The upgrade of one node's control plane: everything is kept first, then one component after the other is replaced, by
//! one rename, and waited for; whatever fails leads back.

use kubewright_config::yaml;
use kubewright_manifests::StaticPod;
use kubewright_node::{Attempt, Etcd, wait_for};
use kubewright_pki::KubeconfigKind;

use super::before::unfinished;
use super::kept::{Kept, KeptPod, MayChange, of_node};
use super::replacing::{Runs, patience, wait_serving};
use super::{Component, Hands, Stage, UpgradeOptions, UpgradedCluster, going_back, renewal, snapshot, up_to};
use crate::component::kubeconfig_path;
use crate::prelude::*;
use crate::rootless::without_root;
use crate::static_pods::render_component;

/// What of the configuration decides how.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// Whether certificates are renewed.
    pub certificate_renewal: bool,
    /// Whether a local etcd is upgraded.
    pub etcd_upgrade: bool,
}

/// One component with its new manifest.
struct Change {
    component: Component,
    pod: StaticPod,
    /// Whether it is another than before.
    differs: bool,
}

/// Upgrades the control plane of this node.
///
/// # Errors
/// Something cannot be done. The failure's kind says whether the node went back.
pub async fn upgrade(
    found: &UpgradedCluster,
    options: &UpgradeOptions,
    wanted: Wanted,
    etcd: &Etcd,
    hands: &Hands<'_>,
) -> Result<(), Failure> {
    let Hands { files, report, .. } = hands;
    let (mut kept, begun) = match unfinished(Kept::newest(files)?, options) {
        Some(kept) => (kept, true),
        None => (prepare(found, options, hands).await?, false),
    };
    kept.may_restore |= options.restore_etcd;
    let changes = changes(found, options, wanted, &kept, hands)?;
    let any = changes.iter().any(|change| change.differs);
    if any {
        if !begun {
            kept.begin(may_change(found), files)?;
        }
        if found.cluster.etcd.local().is_some()
            && let Err(failure) = snapshot::take(&mut kept, found, etcd, hands).await
        {
            // Nothing was changed yet, so there is nothing to go back from.
            kept.stage = Stage::WentBack;
            kept.save(files)?;
            return Err(failure);
        }
        kept.save(files)?;
        going_back::tell_order(&kept, found, report);
    }
    let replaced = replace_all(&changes, any, found, wanted, etcd, &mut kept, hands).await;
    if let Err(failure) = replaced {
        return Err(match any {
            true => going_back::after(failure, &mut kept, found, hands).await,
            false => failure,
        });
    }
    if any {
        // With what was renewed last, at once.
        kept.stage = Stage::Upgraded;
        kept.save(files)?;
    }
    Ok(())
}

/// Looks at what there is, which is what the node may go back to. Nothing is written.
async fn prepare(found: &UpgradedCluster, options: &UpgradeOptions, hands: &Hands<'_>) -> Result<Kept, Failure> {
    let (from, to) = (found.old.version.to_string(), found.cluster.kubernetes_version.to_string());
    let mut kept = Kept {
        name: Kept::name(hands.clock.now(), &from, &to),
        command: options.command.to_owned(),
        stage: Stage::Upgrading,
        to,
        before: found.before.clone(),
        pods: Vec::new(),
        files: Vec::new(),
        served: Vec::new(),
        snapshot: None,
        members: None,
        may_restore: options.restore_etcd,
        restore: None,
    };
    for component in Component::of(&found.cluster) {
        kept.pods.push(KeptPod { component, hash: hash_of(component, found, hands).await? });
    }
    Ok(kept)
}

/// The files of this node that an upgrade may change, in the order in which they go back.
fn may_change(found: &UpgradedCluster) -> Vec<MayChange> {
    let of_component = |component: Component| {
        let files = component.files(&found.cluster).into_iter();
        files.map(move |(path, mode)| MayChange { path, mode, component: Some(component) })
    };
    let mut files: Vec<_> = Component::of(&found.cluster).flat_map(of_component).collect();
    files.extend([
        of_node(paths::ADMIN_CONF, paths::SECRET_FILE),
        of_node(paths::SUPER_ADMIN_CONF, paths::SECRET_FILE),
        of_node(paths::KUBELET_CONF, paths::SECRET_FILE),
        of_node(paths::kubelet("instance-config.yaml"), paths::PUBLIC_FILE),
        of_node(paths::kubelet("kubeadm-flags.env"), paths::PUBLIC_FILE),
        of_node(paths::kubelet("config.yaml"), paths::PUBLIC_FILE),
    ]);
    files
}

/// What the kubelet calls the manifest that it runs now. Without that nobody could tell when it runs another one.
async fn hash_of(component: Component, found: &UpgradedCluster, hands: &Hands<'_>) -> Result<String, Failure> {
    let node = &found.before.node;
    let what = format!("the kubelet to run the pod {component}-{node}");
    wait_for(hands.report, what, found.admin.0.call_limit, || async {
        Ok(match hands.pods.state(&found.pods(), component.name()).await {
            Ok(Some(state)) => Attempt::Done(state.hash),
            Ok(None) => Attempt::NotYet(format!("there is no pod kube-system/{component}-{node}")),
            Err(error) => Attempt::NotYet(error.to_string()),
        })
    })
    .await
    .hint("the control plane must be up before it is upgraded; nothing was changed")
}

/// The new manifests, each held against what stood there before: as objects, since formatting restarts nothing.
fn changes(
    found: &UpgradedCluster,
    options: &UpgradeOptions,
    wanted: Wanted,
    kept: &Kept,
    hands: &Hands<'_>,
) -> Result<Vec<Change>, Failure> {
    let Hands { files, probe, report, .. } = hands;
    let mut changes = Vec::new();
    for component in Component::of(&found.cluster) {
        if component == Component::Etcd && !wanted.etcd_upgrade {
            continue;
        }
        let path = component.manifest();
        // Those of an upgrade that is under way are held against what was kept.
        let before = match kept.read(&path, files)? {
            Some(before) => before,
            None => files.read(&path)?.ok_or_else(|| {
                Failure::new(format!("the manifest `{path}` is not there"))
                    .hint("this node has no such static pod to upgrade")
            })?,
        };
        let UpgradedCluster { init, cluster, facts, .. } = found;
        let shared = options.as_init();
        let pod = render_component(
            |node| component.render(node, Some(&before)),
            init,
            cluster,
            facts,
            &shared,
            files,
            probe,
            report,
        )?;
        let parse = |bytes: &[u8]| yaml::document(bytes).map(|document| document.value().clone());
        let differs = parse(before.as_bytes()).context(format!("cannot read `{path}`"))? != parse(pod.yaml.as_bytes())?;
        changes.push(Change { component, pod, differs });
    }
    Ok(changes)
}

async fn replace_all(
    changes: &[Change],
    any: bool,
    found: &UpgradedCluster,
    wanted: Wanted,
    etcd: &Etcd,
    kept: &mut Kept,
    hands: &Hands<'_>,
) -> Result<(), Failure> {
    let Hands { files, report, .. } = hands;
    for change in changes {
        let component = change.component;
        report.note("upgrade/staticpods", format!("Preparing for \"{component}\" upgrade"));
        if !change.differs {
            let line = format!("Current and new manifests of {component} are equal, skipping upgrade");
            report.note("upgrade/staticpods", line);
            // etcd reads its certificates anew for each connection, so they can be renewed under it.
            if component == Component::Etcd && any && wanted.certificate_renewal && !kept.served.contains(&component) {
                renewal::renew(component, found, hands).await?;
                // Both at once: who dies between would renew them again.
                kept.served.push(component);
                kept.save(files)?;
            }
            continue;
        }
        replace(change, found, wanted, kept, hands).await?;
        if component == Component::Etcd {
            wait_for_etcd(found, etcd, hands).await?;
        }
        if !kept.served.contains(&component) {
            kept.served.push(component);
            kept.save(files)?;
        }
        report.note("upgrade/staticpods", format!("Component \"{component}\" upgraded successfully!"));
    }
    if wanted.certificate_renewal && any {
        for kind in [KubeconfigKind::Admin, KubeconfigKind::SuperAdmin] {
            if files.read(&kubeconfig_path(kind))?.is_some() {
                renewal::renew_kubeconfig(kind, found, hands).await?;
            }
        }
    }
    Ok(())
}

/// Replaces one component, unless that was done before a death, and waits until it serves.
async fn replace(
    change: &Change,
    found: &UpgradedCluster,
    wanted: Wanted,
    kept: &Kept,
    hands: &Hands<'_>,
) -> Result<(), Failure> {
    let Hands { files, report, .. } = hands;
    let component = change.component;
    let path = component.manifest();
    let limit = found.init.timeouts.upgrade_manifests;
    let there = files.read(&path)?.is_some_and(|now| now.as_bytes() == change.pod.yaml.as_bytes());
    if !there {
        if wanted.certificate_renewal {
            renewal::renew(component, found, hands).await?;
            // Without root, the new keys are given to the component's user as the old ones were.
            without_root(change.pod.clone(), &found.cluster, &found.facts, files)?;
        }
        let directory = kept.directory();
        report.note(
            "upgrade/staticpods",
            format!("Moving new manifest to \"{path}\" and backing up old manifest to \"{directory}{path}\""),
        );
        // Written last, so that it appears last: with it the kubelet starts the component anew.
        files.write(&path, &Contents::public(change.pod.yaml.as_str()), paths::SECRET_FILE)?;
        files.publish()?;
    }
    report.note("upgrade/staticpods", "Waiting for the kubelet to restart the component");
    report.note("upgrade/staticpods", format!("This can take up to {}", up_to(limit)));
    let manifest = yaml::document(change.pod.yaml.as_bytes())?;
    let old = kept.hash(component).unwrap_or_default();
    let limits = (limit, patience(component, limit));
    wait_serving(component, manifest.value(), Runs::Another(old), found, limits, hands).await
}

/// Waits until enough members of etcd are well, as seen by all of them.
async fn wait_for_etcd(found: &UpgradedCluster, etcd: &Etcd, hands: &Hands<'_>) -> Result<(), Failure> {
    let (access, _) = snapshot::member(found, hands.files)?;
    hands.report.note("upgrade/etcd", "Waiting for etcd to become available");
    wait_for(hands.report, "etcd to be well", found.init.timeouts.etcd_api_call, || async {
        let health = etcd.health(&access, hands.report).await?;
        Ok(match health.is_well() {
            true => Attempt::Done(()),
            false => Attempt::NotYet(health.problems().join("; ")),
        })
    })
    .await
}
