//! `join` and `join phase …`: from flags to seeds.

use kubewright_config::{JoinConfiguration, JoinFlags, default_version, facts_for, load_join};
use kubewright_engine::{Failure, InputValue, Seeds, Selection, Tree};
use kubewright_node::dry_run::DryCluster;
use kubewright_phases::joining::stand_in::objects;
use kubewright_phases::options::JoinOptions;
use kubewright_phases::{paths, stand_in};

use crate::args::{DryRun, Global, JoinArgs, Typed, skipped};
use crate::backends::{Machine, node_facts, on_machine};
use crate::exit::Exit;
use crate::given::GivenConfig;
use crate::program;
use crate::render::{self, warn, warn_of};
use crate::run::{Identity, Run, execute, refuse_while_another_runs};
use crate::workflows;

/// Phases whose command has no flag for discovery: the administrator's kubeconfig stands for it.
const WITHOUT_DISCOVERY: &[&str] =
    &["control-plane-prepare/control-plane", "etcd-join", "kubelet-wait-bootstrap", "control-plane-join"];

/// Runs `join`, or one of its phases.
pub fn run(global: &Global, args: &JoinArgs, typed: &Typed, phase: Option<String>) -> Result<(), Exit> {
    on_machine(async |machine| {
        let file = GivenConfig::read(args.run.config.as_deref())?;
        refuse_while_another_runs(&machine, &args.run, &file)?;
        let facts = node_facts(&machine.backends).await;
        let flags = flags(args, phase.as_deref(), &machine)?;
        // What hangs on the version is corrected once the cluster's is known.
        let newest = facts_for(&default_version()).map_err(Exit::of)?;
        let (join, warnings) = load_join(file.document(), &flags, &facts, &newest)?;
        warn_of(&warnings);
        if args.run.config.is_none() && !args.control_plane {
            let foreign = [
                ("apiserver-advertise-address", args.apiserver_advertise_address.is_some()),
                ("apiserver-bind-port", args.apiserver_bind_port.is_some()),
                ("certificate-key", args.certificate_key.is_some()),
            ];
            for (flag, _) in foreign.iter().filter(|(_, given)| *given) {
                warn(&format!("--{flag} is not looked at, since the node joins without --control-plane"));
            }
        }

        let workflow = workflows::join();
        let selection = select(&workflow.tree(), args, &join, phase.as_deref());
        let identity = identity(&file, typed, &join);
        let options = JoinOptions {
            control_plane: args.control_plane,
            resolved_active: facts.resolved_active,
            proxy_environment: facts.proxy_environment,
        };
        let dry_run = DryRun::of(args.run.dry_run, join.dry_run);
        let plane = join.control_plane.is_some();
        // The kubelet is asked for its version, which takes a tenth of a second, and a real run needs none of it.
        let dry_cluster = match dry_run {
            DryRun::No => DryCluster::New,
            DryRun::Whole | DryRun::Diff => dry_cluster(&join, &machine).await,
        };
        let seeds = Seeds::new().with(join).with(options);
        let command = format!("{} join", program::name());
        let run = Run {
            command,
            workflow,
            seeds,
            selection,
            identity,
            dry_run,
            dry_cluster,
            intro: Vec::new(),
            undoes: false,
        };
        execute(machine, run, global, &args.run).await?;
        if phase.is_none() {
            render::data(if plane { CONTROL_PLANE_DONE } else { WORKER_DONE });
        }
        Ok(())
    })
}

/// The flags, with what stands for discovery in phases that have no flag for it.
fn flags(args: &JoinArgs, phase: Option<&str>, machine: &Machine) -> Result<JoinFlags, Exit> {
    let mut flags = args.flags();
    let Some(phase) = phase else { return Ok(flags) };
    flags.skip_cri_detection = !["preflight", "kubelet-start", "kubelet-wait-bootstrap"].contains(&phase);
    let covers =
        |holder: &&str| phase == *holder || phase.strip_prefix(*holder).is_some_and(|rest| rest.starts_with('/'));
    let takes_none = WITHOUT_DISCOVERY.iter().any(covers);
    if takes_none || (phase == "wait-control-plane" || phase == "check-etcd") {
        if !machine.backends.probe.exists(paths::ADMIN_CONF.into()) {
            let failure = Failure::new(format!("`{}` is not there", paths::ADMIN_CONF));
            return Err(failure.hint("run the phases of `join phase control-plane-prepare` first").into());
        }
        flags.endpoint = None;
        flags.discovery_file = Some(paths::ADMIN_CONF.to_owned());
    }
    Ok(flags)
}

/// Where no cluster answers, a dry run goes on with one of the installed kubelet's version.
async fn dry_cluster(join: &JoinConfiguration, machine: &Machine) -> DryCluster {
    let kubelet = stand_in::installed_kubelet(&*machine.backends.probe).await;
    let key = join.control_plane.as_ref().and_then(|plane| plane.certificate_key.clone());
    let now = machine.backends.clock.now();
    DryCluster::Existing(Box::new(move || {
        // What cannot be made is not there, and who reads it says so.
        objects(kubelet.as_ref(), key.as_ref(), now).unwrap_or_default()
    }))
}

/// The flag wins over the file, and the file's list is for whole runs only.
fn select(tree: &Tree, args: &JoinArgs, join: &JoinConfiguration, phase: Option<&str>) -> Selection {
    let given = match phase {
        None if args.run.skip_phases.is_empty() => &join.skip_phases,
        _ => &args.run.skip_phases,
    };
    Selection { only: phase.map(str::to_owned).into_iter().collect(), skip: skipped(tree, given) }
}

/// What makes two runs the same one. Tokens and the key do not count: they expire, and the one who runs `join` again an
/// hour later has others.
fn identity(file: &GivenConfig, typed: &Typed, join: &JoinConfiguration) -> Identity {
    let mut inputs = file.inputs(typed.inputs());
    if let Some(plane) = &join.control_plane {
        let endpoint = plane.local_api_endpoint.url();
        inputs = inputs.with("the address that the API server advertises", InputValue::Shown(endpoint));
    }
    let name = InputValue::Shown(join.node_registration.name.to_string());
    Identity { inputs: inputs.with("the node's name", name), typed: typed.again() }
}

const WORKER_DONE: &str = "
This node has joined the cluster:
* Its certificate was asked for and issued.
* The kubelet was told of the cluster.

Run 'kubectl get nodes' on a control-plane node to see it.
";

const CONTROL_PLANE_DONE: &str = "
This node has joined the cluster and a new control plane instance was created:
* Its certificate was asked for and issued.
* The kubelet was told of the cluster.
* Its label and taints were set.
* The control plane was scaled up.

To use the cluster from here as an ordinary user:

\tmkdir -p $HOME/.kube
\tsudo cp -i /etc/kubernetes/admin.conf $HOME/.kube/config
\tsudo chown $(id -u):$(id -g) $HOME/.kube/config

Run 'kubectl get nodes' to see this node.
";
