//! `upgrade plan`: which versions a cluster can be upgraded to, and what each would change. It changes nothing but for the
//! Job that it tests the cluster with, which it takes away again.

mod labels;
mod offers;
mod shown;
mod text;

use clap::{ArgMatches, Args, Command, FromArgMatches};
use kubewright_config::chain;
use kubewright_config::skew::{self, Allowed};
use kubewright_config::{
    KubernetesVersion, UpgradeCommand, UpgradeFlags, default_version, load_upgrade, resolve_version,
};
use kubewright_engine::{Failure, FailureContext};
use kubewright_phases::asking::Asking;
use kubewright_phases::paths;
use kubewright_phases::running::{RunningVersions, dns, read_versions, shown_configuration};

use super::{found, health};
use crate::args::{bool_parser, refuse_mixed};
use crate::backends::on_machine;
use crate::exit::Exit;
use crate::given::GivenConfig;
use crate::output::{Object, OutputArgs};
use crate::program;
use crate::render::{data, warn, warn_of};
use labels::Labels;
use offers::{Target, offers};
use shown::ShownPlan;

const ABOUT: &str =
    "Check which versions are available to upgrade to and validate whether your current cluster is upgradeable";

/// kubeadm's flags of `upgrade plan`, and ours.
#[derive(Debug, Args)]
struct PlanArgs {
    /// The version to plan for; the newest releases are not looked for then
    #[arg(value_name = "version")]
    version: Option<String>,
    /// Show unstable versions of Kubernetes as an upgrade alternative and allow upgrading to an alpha/beta/release candidate versions of Kubernetes
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = bool_parser())]
    allow_experimental_upgrades: Option<bool>,
    /// Show release candidate versions of Kubernetes as an upgrade alternative and allow upgrading to a release candidate versions of Kubernetes
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = bool_parser())]
    allow_release_candidate_upgrades: Option<bool>,
    /// Path to a configuration file
    #[arg(long, value_name = "FILE")]
    config: Option<String>,
    /// Perform the upgrade of etcd [default: true]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = bool_parser())]
    etcd_upgrade: Option<bool>,
    /// A list of checks whose errors will be shown as warnings. Value 'all' ignores errors from all checks
    #[arg(long, value_name = "CHECKS", value_delimiter = ',')]
    ignore_preflight_errors: Option<Vec<String>>,
    /// The kubeconfig file to use when talking to the cluster
    #[arg(long, value_name = "FILE", default_value = paths::ADMIN_CONF)]
    kubeconfig: String,
    /// Specifies whether the configuration that will be used in the upgrade should be printed or not
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = bool_parser())]
    print_config: Option<bool>,
    /// Take unknown and duplicate fields of the configuration file for errors
    #[arg(long)]
    strict: bool,
    #[command(flatten)]
    output: OutputArgs,
}

impl PlanArgs {
    fn flags(&self) -> UpgradeFlags {
        UpgradeFlags {
            command: UpgradeCommand::Plan,
            kubernetes_version: self.version.clone(),
            allow_experimental_upgrades: self.allow_experimental_upgrades,
            allow_rc_upgrades: self.allow_release_candidate_upgrades,
            etcd_upgrade: self.etcd_upgrade,
            ignore_preflight_errors: self.ignore_preflight_errors.clone(),
            print_config: self.print_config,
            strict: self.strict,
            ..UpgradeFlags::default()
        }
    }
}

/// The command.
pub fn command() -> Command {
    PlanArgs::augment_args(Command::new("plan")).about(ABOUT).long_about(None)
}

/// Plans.
pub fn run(matches: &ArgMatches) -> Result<(), Exit> {
    let args = PlanArgs::from_arg_matches(matches).map_err(Exit::of)?;
    let mut printer = args.output.printer()?;
    refuse_mixed(matches)?;
    let file = GivenConfig::read(args.config.as_deref())?;
    let (upgrade, warnings) = load_upgrade(file.document(), &args.flags())?;
    warn_of(&warnings);
    let wanted = upgrade.plan.kubernetes_version.as_deref().map(resolve_version).transpose().map_err(Exit::of)?;
    let access = found::access(&args.kubeconfig, upgrade.timeouts.kubernetes_api_call)?;
    on_machine(async |machine| {
        let plan = &upgrade.plan;
        let ignored = &plan.ignore_preflight_errors;
        let say = |text: &str| {
            if printer.is_text() {
                data(text)
            }
        };
        say("[preflight] Running pre-flight checks.\n");
        health::tell(health::root(&*machine.backends.probe), ignored)?;
        let running = read_versions(&access, Asking::Silent(&*machine.backends.kube)).await;
        let running = running.context("[upgrade/versions] FATAL")?;
        let target = wanted.clone().unwrap_or_else(|| labels::expected(&running.server));
        let findings = dns::look(Asking::Silent(&*machine.backends.kube), &access, &running.dns, &target).await;
        health::tell(findings?, ignored)?;
        say(&found::announced("upgrade/config"));
        let found = found::configuration(&machine, &access).await;
        let (stored, own) = found.context("[upgrade/init config] FATAL")?;
        say("[upgrade] Running cluster health checks\n");
        let findings = health::cluster(&machine.backends, &access, &stored.cluster, &stored.facts).await;
        findings.and_then(|findings| health::tell(findings, ignored)).context("[upgrade/health] FATAL")?;
        if plan.print_config {
            say(&shown_configuration(&stored.cluster, &stored.facts));
        }

        say("[upgrade] Fetching available versions to upgrade to\n");
        let cluster = cluster_version(&running).context("[upgrade/versions] FATAL")?;
        say(&format!("[upgrade/versions] Cluster version: {}\n", cluster.semver()));
        say(&format!("[upgrade/versions] kubeadm version: {}\n", default_version()));
        let allowed =
            Allowed { experimental: plan.allow_experimental_upgrades, release_candidates: plan.allow_rc_upgrades };
        let labels = match &wanted {
            Some(version) => Labels::Given(version.clone()),
            None => labels::look_up(&*machine.backends.discovery, &cluster, allowed).await,
        };
        let (offers, told) = offers(&cluster, &labels, allowed);
        say(&told);

        let target = wanted.clone().unwrap_or_else(default_version);
        let steps = chain::path(&cluster, &target);
        let way = if steps.len() > 1 && !program::is_kubeadm() {
            chain::judge(&running.standing(), &own.name, &steps, allowed)
        } else {
            Vec::new()
        };
        if let Some(version) = &wanted {
            // kubeadm plans what it would refuse to do, and says so only then.
            let skew = skew::judge(&running.standing(), version, allowed);
            skew.mandatory.iter().chain(&skew.skippable).chain(&skew.warnings).for_each(|reason| warn(reason));
        }
        if offers.is_empty() {
            tracing::info!("[upgrade/plan] Awesome, you're up-to-date! Enjoy!");
            return Ok(());
        }
        let targets: Vec<Target> =
            offers.into_iter().map(|offer| Target::of(offer, &stored, &running, plan.etcd_upgrade)).collect();
        let shown = ShownPlan::new(&targets, &running, &cluster, &stored, &way);
        let object = Object::new("UpgradePlan", &shown);
        let versions: Vec<_> = targets.into_iter().map(|target| target.offer.version).collect();
        let text = || text::plan(&shown, &versions, &cluster, &way);
        data(&printer.print(&object, text).context("unable to print the plan")?);
        Ok(())
    })
}

/// The newest API server's version; of a cluster whose pods cannot tell, that of the one that answers.
fn cluster_version(running: &RunningVersions) -> Result<KubernetesVersion, Failure> {
    if running.api_servers.len() > 1 {
        let on_nodes = |(version, nodes): (&String, &Vec<String>)| format!("{version} on nodes [{}]", nodes.join(" "));
        let all: Vec<_> = running.api_servers.iter().map(on_nodes).collect();
        warn(&format!(
            "Different API server versions in the cluster were discovered: {}. Please upgrade your control plane nodes \
             to the same version of Kubernetes",
            all.join(", ")
        ));
    }
    let parsed = running.api_servers.iter().map(|(text, nodes)| {
        text.parse::<KubernetesVersion>().map_err(|_| {
            Failure::new(format!("couldn't parse kube-apiserver version {text} from nodes [{}]", nodes.join(" ")))
        })
    });
    let newest = parsed.collect::<Result<Vec<_>, _>>()?.into_iter().max();
    Ok(newest.unwrap_or_else(|| running.server.clone()))
}
