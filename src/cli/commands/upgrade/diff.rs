//! `upgrade diff`: how an upgrade would change the static pods of this node.

use clap::{ArgMatches, Args, Command, FromArgMatches};
use kubewright_config::{UpgradeCommand, UpgradeFlags, load_upgrade, resolve_version, yaml};
use kubewright_engine::Failure;
use kubewright_manifests::StaticPod;
use kubewright_node::Entry;
use kubewright_phases::paths;
use kubewright_phases::running::Rendering;
use similar::TextDiff;

use super::found;
use crate::args::refuse_mixed;
use crate::backends::{Machine, host_facts, on_machine};
use crate::exit::Exit;
use crate::given::GivenConfig;
use crate::render::{data, warn_of};

const ABOUT: &str =
    "Show what differences would be applied to existing static pod manifests. See also: upgrade apply --dry-run=diff";
/// How many lines around a difference are shown where nobody says.
const AROUND: u32 = 3;
/// The components whose manifests must be there.
const COMPONENTS: [&str; 3] = ["kube-apiserver", "kube-controller-manager", "kube-scheduler"];

/// kubeadm's flags of `upgrade diff`, and ours.
#[derive(Debug, Args)]
struct DiffArgs {
    /// The version to compare with; that of the cluster's configuration if none is named
    #[arg(value_name = "version")]
    version: Option<String>,
    /// Path to a configuration file
    #[arg(long, value_name = "FILE")]
    config: Option<String>,
    /// How many lines of context in the diff [default: 3]
    #[arg(short, long, value_name = "COUNT", allow_negative_numbers = true)]
    context_lines: Option<i32>,
    /// The kubeconfig file to use when talking to the cluster
    #[arg(long, value_name = "FILE", default_value = paths::ADMIN_CONF)]
    kubeconfig: String,
    /// Take unknown and duplicate fields of the configuration file for errors
    #[arg(long)]
    strict: bool,
}

impl DiffArgs {
    fn flags(&self) -> UpgradeFlags {
        UpgradeFlags {
            command: UpgradeCommand::Diff,
            kubernetes_version: self.version.clone(),
            context_lines: self.context_lines,
            strict: self.strict,
            ..UpgradeFlags::default()
        }
    }
}

/// The command.
pub fn command() -> Command {
    DiffArgs::augment_args(Command::new("diff")).about(ABOUT).long_about(None)
}

/// Compares.
pub fn run(matches: &ArgMatches) -> Result<(), Exit> {
    on_machine(async |machine| {
        // As kubeadm: a node without a control plane has nothing to compare, whatever else is wrong.
        manifests(&machine)?;
        refuse_mixed(matches)?;
        let args = DiffArgs::from_arg_matches(matches).map_err(Exit::of)?;
        let file = GivenConfig::read(args.config.as_deref())?;
        let (upgrade, warnings) = load_upgrade(file.document(), &args.flags())?;
        warn_of(&warnings);
        let named = upgrade.diff.kubernetes_version.as_deref().map(resolve_version).transpose().map_err(Exit::of)?;
        let access = found::access(&args.kubeconfig, upgrade.timeouts.kubernetes_api_call)?;
        data(&found::announced("upgrade/diff"));
        let (stored, own) = found::configuration(&machine, &access).await?;
        let version = named.unwrap_or_else(|| stored.cluster.kubernetes_version.clone());
        let (cluster, facts) = stored.at(&version)?;

        // Whoever upgrades with the same file has these patches.
        let init = own.as_init(&upgrade.timeouts, upgrade.apply.node.patches_directory.clone());
        let read = |path: &camino::Utf8Path| Ok(machine.backends.files.read(path)?);
        let rendering = Rendering {
            init: &init,
            cluster: &cluster,
            facts: &facts,
            proxy_environment: &host_facts(&machine.backends).proxy_environment,
            probe: &*machine.backends.probe,
            read: &read,
        };
        let around = upgrade.diff.context_lines.unwrap_or(AROUND);
        for pod in rendering.pods(upgrade.apply.node.etcd_upgrade)? {
            let path = paths::static_pod(pod.name);
            let Some(live) = read(&path)? else { continue };
            let live = String::from_utf8_lossy(live.as_bytes()).into_owned();
            data(&difference(path.as_str(), &live, &pod, around));
        }
        Ok(())
    })
}

/// The manifests must be there before anything else is looked at.
fn manifests(machine: &Machine) -> Result<(), Failure> {
    for path in COMPONENTS.map(paths::static_pod) {
        match machine.backends.probe.entry(&path) {
            None => {
                let failure = Failure::new(format!("the manifest file \"{path}\" does not exist"));
                return Err(failure.hint("run the command on a control plane node, as root"));
            }
            Some(Entry::Directory) => return Err(Failure::new(format!("\"{path}\" is a directory"))),
            Some(_) => {}
        }
    }
    Ok(())
}

/// The unified difference; nothing where both say the same, since an upgrade leaves such a pod alone.
fn difference(path: &str, live: &str, pod: &StaticPod, around: u32) -> String {
    let parsed = |text: &str| yaml::document(text.as_bytes()).ok().map(|document| document.value().clone());
    if parsed(live).is_some_and(|live| Some(live) == parsed(&pod.yaml)) {
        return String::new();
    }
    let diff = TextDiff::from_lines(live, &pod.yaml);
    let radius = usize::try_from(around).unwrap_or(usize::MAX);
    diff.unified_diff().context_radius(radius).header(path, "new manifest").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(yaml: &str) -> StaticPod {
        StaticPod { name: "kube-scheduler", yaml: yaml.to_owned() }
    }

    #[test]
    fn shows_as_many_lines_as_are_wanted() {
        let (old, new) = (pod("a: 1\nb: 2\nc: 3\nd: 4\n"), pod("a: 1\nb: 2\nc: 3\nd: 5\n"));
        assert_eq!(
            difference("/etc/x.yaml", &old.yaml, &new, 1),
            "--- /etc/x.yaml\n+++ new manifest\n@@ -3,2 +3,2 @@\n c: 3\n-d: 4\n+d: 5\n"
        );
        assert_eq!(
            difference("/etc/x.yaml", &old.yaml, &new, 0),
            "--- /etc/x.yaml\n+++ new manifest\n@@ -4 +4 @@\n-d: 4\n+d: 5\n"
        );
    }

    #[test]
    fn what_is_only_written_otherwise_is_no_difference() {
        assert_eq!(difference("x", "# by hand\nb: 2\na: 1\n", &pod("a: 1\nb: 2\n"), 3), "");
        assert!(difference("x", "a: [\n", &pod("a: 1\n"), 3).contains("-a: ["));
    }
}
