//! The kernel must have what containers are made of: the rules of `k8s.io/system-validators`.

use std::collections::BTreeMap;

use async_trait::async_trait;
use camino::{Utf8Path, Utf8PathBuf};
use kubewright_config::facts::{KernelFacts, KernelVersion, Severity};
use kubewright_config::{VersionFacts, facts_for};

use crate::checks::{Check, Finding, Name, Subject, errors};

/// The check `SystemVerification`.
pub struct SystemVerification;

#[async_trait]
impl Check for SystemVerification {
    fn about(&self) -> &'static str {
        "Have a kernel with control groups, namespaces and the options that Kubernetes needs"
    }

    fn why(&self) -> &'static str {
        "Pods cannot be isolated, limited or connected without these. An old kernel, cgroup v1 or a missing optional \
         controller is a warning where the version says so."
    }

    fn fix(&self) -> &'static str {
        "boot a kernel of the distribution that is supported, with cgroup v2; where its configuration cannot be found, \
         install /boot/config-RELEASE"
    }

    fn names(&self, _: &VersionFacts) -> Vec<Name> {
        errors([ID])
    }

    fn rank(&self) -> u16 {
        210
    }

    async fn look(&self, subject: &Subject<'_>) -> Vec<Finding> {
        let preflight = &subject.facts.preflight;
        let groups = ControlGroups::find(&subject.probe.read("/proc/mounts".into()).unwrap_or_default(), |path| {
            subject.probe.exists(path)
        });
        let mut findings: Vec<Finding> = known_kernel(subject).into_iter().collect();
        findings.extend(kernel_options(subject, groups.as_ref(), &preflight.kernels).await);
        let name = subject.probe.kernel_name();
        if name != "Linux" {
            let message = format!("unsupported operating system: {name}");
            findings.push(Finding::error(ID, message, "run the control plane on Linux"));
        }
        match groups {
            None => findings.push(Finding::error(
                ID,
                "cannot get a cgroup mount point: cannot get a cgroupfs mount point from \"/proc/mounts\"",
                "mount control groups: `mount -t cgroup2 cgroup2 /sys/fs/cgroup`",
            )),
            Some(groups) => {
                findings.extend(old_control_groups(subject, &groups).await);
                findings.extend(controllers(subject, &groups));
            }
        }
        findings
    }
}

const ID: &str = "SystemVerification";

/// Where control groups are mounted, and which version of them.
#[derive(Debug, PartialEq, Eq)]
struct ControlGroups {
    at: Utf8PathBuf,
    v2: bool,
}

impl ControlGroups {
    /// As kubeadm: the usual place first, else the first mount of v2, else the first of v1.
    fn find(mounts: &str, exists: impl Fn(&Utf8Path) -> bool) -> Option<Self> {
        let usual = Utf8Path::new("/sys/fs/cgroup");
        let mut v1 = None;
        for line in mounts.lines().filter(|line| line.contains("cgroup")) {
            let [_, at, kind, ..] = line.split_whitespace().collect::<Vec<_>>()[..] else { continue };
            if at == usual {
                // systemd mounts v1's hierarchies below a tmpfs.
                let v2 = kind == "cgroup2" || (kind == "tmpfs" && !exists(&usual.join("memory")));
                return Some(Self { at: usual.into(), v2 });
            }
            match kind {
                "cgroup2" => return Some(Self { at: at.into(), v2: true }),
                "cgroup" => v1 = v1.or_else(|| Some(Self { at: at.into(), v2: false })),
                _ => {}
            }
        }
        v1
    }
}

fn known_kernel(subject: &Subject<'_>) -> Option<Finding> {
    let kernels = &subject.facts.preflight.kernels;
    let release = subject.probe.kernel_release();
    let known = |found: KernelVersion| found >= kernels.from || kernels.series.contains(&found);
    if KernelVersion::of_release(&release).is_some_and(known) {
        return None;
    }
    let series: Vec<String> = kernels.series.iter().map(|series| format!("{series}, ")).collect();
    let message =
        format!("kernel release {release} is unsupported. Supported are {}{} and newer", series.concat(), kernels.from);
    Finding::error(ID, message, "boot one of these kernels").with_severity(subject.facts.preflight.kernel_version)
}

async fn kernel_options(
    subject: &Subject<'_>,
    groups: Option<&ControlGroups>,
    kernels: &KernelFacts,
) -> Option<Finding> {
    let config = match subject.probe.kernel_config().await {
        Ok(config) => config,
        Err(error) => {
            let release = subject.probe.kernel_release();
            let fix = format!("install /boot/config-{release}, or ignore {ID} if you know that the kernel fits");
            return Some(Finding::error(ID, format!("failed to parse kernel config: {error}"), fix));
        }
    };
    let set = options(&config.text);
    let of_version = match groups {
        None => &[][..],
        Some(groups) if groups.v2 => &kernels.options_v2,
        Some(_) => &kernels.options_v1,
    };
    let missing = |option: &&String| !option.split('|').any(|name| matches!(set.get(name), Some('y' | 'm')));
    let missing: Vec<String> = kernels
        .options
        .iter()
        .chain(of_version)
        .filter(missing)
        .map(|option| format!("CONFIG_{}", option.split('|').next().unwrap_or(option)))
        .collect();
    if missing.is_empty() {
        return None;
    }
    let message = format!("unexpected kernel config: {} not set in {}", missing.join(" "), config.path);
    Some(Finding::error(ID, message, "boot a kernel that was built with these options"))
}

/// The options that are set, without `CONFIG_`, and the first letter of their values.
fn options(text: &str) -> BTreeMap<&str, char> {
    let set = text.lines().filter_map(|line| line.trim().strip_prefix("CONFIG_")?.split_once('='));
    set.filter_map(|(name, value)| Some((name, value.chars().next()?))).collect()
}

/// cgroup v1: whether it is told, and how, goes by the kubelet that is installed, since it is the one that refuses.
async fn old_control_groups(subject: &Subject<'_>, groups: &ControlGroups) -> Option<Finding> {
    if groups.v2 {
        return None;
    }
    // A kubelet that is missing is what the check of its version says.
    let installed = subject.kubelet_version().await.unwrap_or(&subject.facts.version);
    let refuses =
        facts_for(installed).map_or(subject.facts.kubelet.refuses_cgroup_v1, |facts| facts.kubelet.refuses_cgroup_v1);
    // Whoever told the kubelet to live with it has been asked already.
    let told = subject.kubelet.document.get("failCgroupV1").and_then(serde_json::Value::as_bool) == Some(false);
    let severity = match subject.facts.preflight.cgroup_v1 {
        Severity::None if !refuses => Severity::None,
        _ if refuses && !told => Severity::Error,
        _ => Severity::Warning,
    };
    let message = "cgroups v1 support is deprecated and will be removed in a future release. Please migrate to cgroups v2. \
                   For more information, see https://git.k8s.io/enhancements/keps/sig-node/5573-remove-cgroup-v1";
    let fix = "boot with cgroup v2 (`systemd.unified_cgroup_hierarchy=1`), or set failCgroupV1: false in KubeletConfiguration";
    Finding::error(ID, message, fix).with_severity(severity)
}

fn controllers(subject: &Subject<'_>, groups: &ControlGroups) -> Vec<Finding> {
    let wanted = &subject.facts.preflight.controllers;
    let (there, required, optional) = match groups.v2 {
        true => (controllers_v2(subject, &groups.at), &wanted.v2, &wanted.v2_optional),
        false => (controllers_v1(subject), &wanted.v1, &wanted.v1_optional),
    };
    let Some(there) = there else {
        let file = if groups.v2 { groups.at.join("cgroup.controllers") } else { "/proc/cgroups".into() };
        let message = format!("failed to get the controllers of control groups: {file} cannot be read");
        return vec![Finding::error(ID, message, "see that control groups are mounted, and that root may read them")];
    };
    let missing = |names: &[String]| {
        let missing: Vec<&str> =
            names.iter().map(String::as_str).filter(|name| !there.iter().any(|it| it == name)).collect();
        (!missing.is_empty()).then(|| missing.join(" "))
    };
    let fix = "boot with these controllers enabled (`cgroup_enable=` on the kernel's command line), or another kernel";
    let required = missing(required).map(|names| Finding::error(ID, format!("missing required cgroups: {names}"), fix));
    let optional =
        missing(optional).map(|names| Finding::warning(ID, format!("missing optional cgroups: {names}"), fix));
    optional.into_iter().chain(required).collect()
}

fn controllers_v1(subject: &Subject<'_>) -> Option<Vec<String>> {
    let text = subject.probe.read("/proc/cgroups".into())?;
    let enabled = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        (!line.starts_with('#') && fields.len() >= 4 && fields[3] != "0").then(|| fields[0].to_owned())
    };
    Some(text.lines().filter_map(enabled).collect())
}

fn controllers_v2(subject: &Subject<'_>, at: &Utf8Path) -> Option<Vec<String>> {
    let text = subject.probe.read(&at.join("cgroup.controllers"))?;
    // The kernel lists neither of these. Devices are there since 4.15, and groups can be frozen since 5.2, which shows
    // in every group but the root; kubeadm makes a group to see it, and a check changes nothing.
    let mut there = vec!["devices".to_owned()];
    let groups = subject.probe.list(at).unwrap_or_default();
    let mut places = groups.iter().map(|name| at.join(name)).chain([at.to_owned()]);
    let seen = places.any(|place| subject.probe.exists(&place.join("cgroup.freeze")));
    let since = KernelVersion { major: 5, minor: 2 };
    if seen || KernelVersion::of_release(&subject.probe.kernel_release()).is_some_and(|found| found >= since) {
        there.push("freezer".to_owned());
    }
    there.extend(text.split_whitespace().map(str::to_owned));
    Some(there)
}

#[cfg(test)]
#[path = "system_verification/tests.rs"]
mod tests;
