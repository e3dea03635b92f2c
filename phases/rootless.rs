//! The control plane without root (gate `RootlessControlPlane`): its users are made, the files that a component reads are
//! given to it, and its pod runs as its user. kubeadm: `app/util/staticpod/utils_linux.go`.

use camino::{Utf8Path, Utf8PathBuf};
use kubewright_config::{ClusterConfiguration, VersionFacts};
use kubewright_engine::{Failure, FailureContext, Report};
use kubewright_manifests::{RunAs, StaticPod};
use kubewright_node::{Contents, Files, Mode, Owner};

use crate::accounts::{self, Accounts};
use crate::etcd_pod;
use crate::paths;

/// Lets a pod run as its own user, if the configuration asks for that.
///
/// The phases that call this come one after the other: they write the same files.
///
/// # Errors
/// The accounts cannot be made, or a file that the component reads is not there.
pub fn without_root(
    pod: StaticPod,
    cluster: &ClusterConfiguration,
    facts: &VersionFacts,
    files: &Files,
) -> Result<StaticPod, Failure> {
    if !wanted(cluster, facts) {
        return Ok(pod);
    }
    let accounts = ensure_accounts(files)?;
    let owner = |name| Owner { user: accounts.user(name), group: accounts.group_id(name) };
    let readers = accounts.group_id(accounts::SA_KEY_READERS);
    let pki = |name: &str| cluster.certificate_path(name);
    let give = |owner: Owner, mode: Mode, paths: &[Utf8PathBuf]| {
        let given = paths.iter().try_for_each(|path| files.give(path, mode, owner));
        given.context(format!("cannot let {} run without root", pod.name)).hint(
            "its certificates, keys and kubeconfigs must be there first: `init phase certs all`, `init phase kubeconfig all`",
        )
    };
    let (owner, supplemental_group) = match pod.name {
        "etcd" => {
            let owner = owner(accounts::ETCD);
            if let Some(etcd) = cluster.etcd.local() {
                files.ensure_owned_dir(&etcd.data_dir, paths::SECRET_DIR, owner)?;
            }
            give(owner, paths::SECRET_FILE, &[pki("etcd/server.key"), pki("etcd/peer.key")])?;
            (owner, None)
        }
        "kube-apiserver" => {
            let owner = owner(accounts::KUBE_APISERVER);
            let mut own = vec![
                pki("sa.pub"),
                pki("apiserver.key"),
                pki("apiserver-kubelet-client.key"),
                pki("front-proxy-client.key"),
            ];
            own.extend(cluster.etcd.local().map(|_| pki("apiserver-etcd-client.key")));
            give(owner, paths::SECRET_FILE, &own)?;
            give(Owner { user: ROOT, group: readers }, GROUP_FILE, &[pki("sa.key")])?;
            (owner, Some(readers))
        }
        "kube-controller-manager" => {
            let owner = owner(accounts::KUBE_CONTROLLER_MANAGER);
            // Not below --kubeconfig-dir: the pod mounts this one.
            let mut own = vec![Utf8Path::new(paths::KUBERNETES_DIR).join("controller-manager.conf")];
            // Without it the authority is external.
            if files.read(&pki("ca.key"))?.is_some() {
                own.push(pki("ca.key"));
            }
            give(owner, paths::SECRET_FILE, &own)?;
            give(Owner { user: ROOT, group: readers }, GROUP_FILE, &[pki("sa.key")])?;
            (owner, Some(readers))
        }
        "kube-scheduler" => {
            let owner = owner(accounts::KUBE_SCHEDULER);
            give(owner, paths::SECRET_FILE, &[Utf8Path::new(paths::KUBERNETES_DIR).join("scheduler.conf")])?;
            (owner, None)
        }
        other => return Err(Failure::new(format!("{other} has no user to run as"))),
    };
    Ok(pod.run_as(&RunAs { user: owner.user, group: owner.group, supplemental_group })?)
}

/// Whether a file that all control planes share gets its owner and mode by [`without_root`].
pub fn gives(cluster: &ClusterConfiguration, facts: &VersionFacts, path: &Utf8Path) -> bool {
    wanted(cluster, facts) && ["sa.key", "sa.pub", "ca.key"].iter().any(|name| cluster.certificate_path(name) == path)
}

/// Whether the configuration asks for it.
pub fn wanted(cluster: &ClusterConfiguration, facts: &VersionFacts) -> bool {
    facts.gate(cluster, GATE)
}

/// The pod as [`without_root`] leaves it, for looking: nothing is changed or given away.
///
/// # Errors
/// The accounts could not be made.
pub fn as_own_user(
    pod: StaticPod,
    cluster: &ClusterConfiguration,
    facts: &VersionFacts,
    read: &dyn Fn(&Utf8Path) -> Result<Option<Contents>, Failure>,
) -> Result<StaticPod, Failure> {
    if !wanted(cluster, facts) {
        return Ok(pod);
    }
    let (accounts, _) = plan_accounts(read)?;
    let readers = Some(accounts.group_id(accounts::SA_KEY_READERS));
    let (name, supplemental_group) = match pod.name {
        "etcd" => (accounts::ETCD, None),
        "kube-apiserver" => (accounts::KUBE_APISERVER, readers),
        "kube-controller-manager" => (accounts::KUBE_CONTROLLER_MANAGER, readers),
        _ => (accounts::KUBE_SCHEDULER, None),
    };
    Ok(pod.run_as(&RunAs { user: accounts.user(name), group: accounts.group_id(name), supplemental_group })?)
}

/// Takes our users and groups away again, if the control plane of this node ran as them.
///
/// # Errors
/// The machine's lists of users cannot be read or written.
pub fn remove_accounts(files: &Files, report: &Report) -> Result<(), Failure> {
    let text = |path: &str| -> Result<Option<String>, Failure> {
        let contents = files.read(path.into())?;
        contents
            .map(|contents| String::from_utf8(contents.as_bytes().to_vec()))
            .transpose()
            .context(format!("cannot read `{path}`"))
    };
    let Some(passwd) = text(PASSWD)? else { return Ok(()) };
    let mut ran = false;
    for component in etcd_pod::COMPONENTS {
        let manifest = files.read(&paths::static_pod(component))?;
        let user = manifest.and_then(|manifest| etcd_pod::user_of(&manifest));
        ran |= user.is_some_and(|user| accounts::is_ours(&passwd, user));
    }
    if !ran {
        return Ok(());
    }
    report.note("reset", "Removing users and groups created for rootless control-plane");
    for (path, old) in [(GROUP, text(GROUP)?), (PASSWD, Some(passwd))] {
        let Some(old) = old else { continue };
        let new = accounts::without_ours(&old);
        if new != old {
            files.write(path.into(), &Contents::public(new), paths::PUBLIC_FILE)?;
        }
    }
    files.publish()
}

/// Adds our users and groups to the machine's, unless they are there.
fn ensure_accounts(files: &Files) -> Result<Accounts, Failure> {
    let (accounts, [passwd, group]) = plan_accounts(&|path| files.read(path))?;
    for (path, old, new) in [(PASSWD, passwd, &accounts.passwd), (GROUP, group, &accounts.group)] {
        if old != *new {
            files.write(path.into(), &Contents::public(new.as_str()), paths::PUBLIC_FILE)?;
        }
    }
    Ok(accounts)
}

/// The accounts as they are to be, and the two files as they are.
fn plan_accounts(
    read: &dyn Fn(&Utf8Path) -> Result<Option<Contents>, Failure>,
) -> Result<(Accounts, [String; 2]), Failure> {
    let fix = || format!("correct {PASSWD} and {GROUP}, or switch the gate {GATE} off");
    let text = |path: &str| -> Result<Option<String>, Failure> {
        let contents = read(path.into())?;
        let text = contents.map(|contents| String::from_utf8(contents.as_bytes().to_vec()));
        text.transpose().context(format!("cannot read `{path}`")).hint(format!("make {path} plain text"))
    };
    let must = |path: &str| text(path)?.ok_or_else(|| Failure::new(format!("`{path}` is not there")).hint(fix()));
    let (passwd, group) = (must(PASSWD)?, must(GROUP)?);
    let accounts = Accounts::plan(&text(LOGIN_DEFS)?.unwrap_or_default(), &passwd, &group)
        .context("the users and groups of a control plane without root cannot be had")
        .hint(fix())?;
    Ok((accounts, [passwd, group]))
}

const GATE: &str = "RootlessControlPlane";
const LOGIN_DEFS: &str = "/etc/login.defs";
const PASSWD: &str = "/etc/passwd";
const GROUP: &str = "/etc/group";
const ROOT: u32 = 0;
/// Keys that more than one component reads.
const GROUP_FILE: Mode = Mode(0o640);
