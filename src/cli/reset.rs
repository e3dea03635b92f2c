//! `reset` and `reset phase …`: from flags to seeds, after whoever typed it was asked.

use camino::Utf8Path;
use kubewright_config::{ResetConfiguration, ResetFlags, load_reset};
use kubewright_engine::{Done, Failure, FailureContext, Inputs, Seeds, Selection, Tree};
use kubewright_node::FileBackend;
use kubewright_node::dry_run::DryCluster;
use kubewright_phases::options::ResetOptions;
use kubewright_phases::paths;

use crate::args::{DryRun, Global, ResetArgs, Typed, skipped};
use crate::backends::{host_facts, on_machine};
use crate::exit::Exit;
use crate::given::{GivenConfig, read_answer};
use crate::program;
use crate::render::{self, warn_of};
use crate::run::{Identity, Run, execute, refuse_while_another_runs};
use crate::workflows;

/// Runs `reset`, or one of its phases.
pub fn run(global: &Global, args: &ResetArgs, typed: &Typed, phase: Option<String>) -> Result<(), Exit> {
    on_machine(async |machine| {
        let file = GivenConfig::read(args.run.config.as_deref())?;
        refuse_while_another_runs(&machine, &args.run, &file)?;
        let flags = flags(args, phase.as_deref(), &*machine.backends.files);
        let (reset, warnings) = load_reset(file.document(), &flags, &host_facts(&machine.backends))?;
        warn_of(&warnings);

        let workflow = workflows::reset();
        let selection = select(&workflow.tree(), args, &reset, phase.as_deref());
        let dry_run = DryRun::of(args.run.dry_run, reset.dry_run);
        let covers = |phases: &[String]| phases.iter().any(|phase| phase == "preflight");
        let preflight = (phase.is_none() || covers(&selection.only)) && !covers(&selection.skip);
        if preflight && !reset.force && dry_run == DryRun::No {
            // A name that is wrong is told before a question is asked.
            workflow.plan(seeds(&reset, args), &selection, &Done::none()).map_err(Exit::of)?;
            confirm()?;
        }
        let seeds = seeds(&reset, args);
        let run = Run {
            command: format!("{} reset", program::name()),
            workflow,
            seeds,
            selection,
            // It looks at the node, not at what an earlier run did, and is never gone on with.
            identity: Identity { inputs: Inputs::default(), typed: typed.again() },
            dry_run,
            // Etcd's members are read; nobody stands in for them.
            dry_cluster: DryCluster::Existing(Box::new(Vec::new)),
            intro: Vec::new(),
            undoes: phase.as_deref() != Some("preflight"),
        };
        execute(machine, run, global, &args.run).await?;
        if phase.is_none() {
            render::data(DONE);
            if !program::is_kubeadm() {
                render::data(LEFT_WITH_OTHERS);
            }
        }
        Ok(())
    })
}

fn seeds(reset: &ResetConfiguration, args: &ResetArgs) -> Seeds {
    let options = ResetOptions { kubeconfig: args.kubeconfig.clone().into(), network: args.network };
    Seeds::new().with(reset.clone()).with(options)
}

/// The flags, with the socket that the kubelet of this node was told of in the place of a guess.
fn flags(args: &ResetArgs, phase: Option<&str>, files: &dyn FileBackend) -> ResetFlags {
    let mut flags = args.flags();
    flags.skip_cri_detection = phase.is_some_and(|phase| phase != "cleanup-node");
    if flags.cri_socket.is_none() && !flags.skip_cri_detection {
        flags.cri_socket = known_socket(files);
    }
    flags
}

/// The runtime's socket in the files that `init` and `join` write for the kubelet.
pub(crate) fn known_socket(files: &dyn FileBackend) -> Option<String> {
    const MARKS: [(&str, &str); 3] = [
        ("instance-config.yaml", "containerRuntimeEndpoint:"),
        ("kubeadm-flags.env", "--container-runtime-endpoint="),
        ("config.yaml", "containerRuntimeEndpoint:"),
    ];
    MARKS.iter().find_map(|(file, mark)| {
        let contents = files.read(&Utf8Path::new(paths::KUBELET_DIR).join(file)).ok().flatten()?;
        let text = std::str::from_utf8(contents.as_bytes()).ok()?;
        let value = text.split_once(mark)?.1.trim_start_matches([' ', '"', '\'']);
        let value = value.split([' ', '"', '\'', '\n']).next()?;
        value.trim_start_matches("unix://").starts_with('/').then(|| value.to_owned())
    })
}

/// Asks, in kubeadm's words; anything but yes is no.
fn confirm() -> Result<(), Failure> {
    render::say("[reset] WARNING: Changes made to this host by 'kubeadm init' or 'kubeadm join' will be reverted.");
    render::ask("[reset] Are you sure you want to proceed? [y/N]: ");
    let answer = read_answer().context("couldn't read from standard input").context(IN_PREFLIGHT)?;
    match answer.eq_ignore_ascii_case("y") || answer.eq_ignore_ascii_case("yes") {
        true => Ok(()),
        false => Err(Failure::new("won't proceed; the user didn't answer (Y|y) in order to continue")
            .context(IN_PREFLIGHT)
            .hint("scripts give `--force`, which asks nothing")),
    }
}

const IN_PREFLIGHT: &str = "error execution phase preflight";

/// The flag wins over the file, and the file's list is for whole runs only.
fn select(tree: &Tree, args: &ResetArgs, reset: &ResetConfiguration, phase: Option<&str>) -> Selection {
    let given = match phase {
        None if args.run.skip_phases.is_empty() => &reset.skip_phases,
        _ => &args.run.skip_phases,
    };
    Selection { only: phase.map(str::to_owned).into_iter().collect(), skip: skipped(tree, given) }
}

const DONE: &str = "
The reset process does not perform cleanup of CNI plugin configuration,
network filtering rules and kubeconfig files.

For information on how to perform this cleanup manually, please see:
    https://k8s.io/docs/reference/setup-tools/kubeadm/kubeadm-reset/

";

const LEFT_WITH_OTHERS: &str = "\
What the cluster knows of this machine stays there, if there is a cluster left: its Node object, which
'kubectl delete node NAME' takes away, and the bootstrap tokens that were made here.
";
