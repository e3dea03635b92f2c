//! The command line of `lab`, which `cargo lab` runs.

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::{
    bench::Bench,
    check::Test,
    cluster::{Cluster, Copying, Maker, Shape},
    differential::Differential,
    error::Result,
    lab::Lab,
    mutations, say, workspace,
};

/// Make real Kubernetes nodes out of namespaces on this machine, and test kubewright on them
#[derive(Debug, Parser)]
#[command(name = "cargo lab", version, disable_help_subcommand = true)]
pub(crate) struct Cli {
    /// The lab's name; labs of different names stand beside each other
    #[arg(long = "lab", global = true, env = "KUBEWRIGHT_LAB_NAME", default_value = "lab", value_name = "NAME")]
    name: String,
    #[command(subcommand)]
    command: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Install, build and pack whatever nodes are made from
    Prepare(Binaries),
    /// Bring up a cluster and wait until it works
    Up(Up),
    /// Run a command on a node
    Exec {
        /// The node: node1 to node9
        node: String,
        /// The command and its words
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
        words: Vec<String>,
    },
    /// Show the nodes and what runs on them
    Status,
    /// Take a node back to what it was before any cluster
    Reset {
        /// The node: node1 to node9
        node: String,
    },
    /// End and remove all nodes of the lab
    Down,
    /// Run every check and every test
    Test(Test),
    /// Write deliberate bugs into a copy of the engine, and see that the tests notice each
    Mutations,
    /// Compare kubewright with the peer on one node, in turn
    Bench(Bench),
    /// Compare everything that kubewright and kubeadm make of many configurations
    Differential(Differential),
}

/// Which Kubernetes to run.
#[derive(Args, Debug)]
pub(crate) struct Binaries {
    /// A directory of Kubernetes binaries to use instead of 1.20.2 built from Debian's source package
    #[arg(long, value_name = "DIR", env = "KUBEWRIGHT_LAB_KUBERNETES")]
    pub(crate) kubernetes: Option<PathBuf>,
}

#[derive(Args, Debug)]
struct Up {
    /// How many nodes with a control plane
    #[arg(long, value_name = "N", default_value_t = 1)]
    control_planes: u8,
    /// How many nodes without one
    #[arg(long, value_name = "N", default_value_t = 0)]
    workers: u8,
    /// Who makes the cluster
    #[arg(long, value_enum, default_value_t = With::Kubewright)]
    with: With,
    /// Who joins the further nodes; unless told, who makes the first
    #[arg(long, value_enum, value_name = "WITH")]
    join_with: Option<JoinWith>,
    /// Copy the shared certificates from node to node, instead of uploading them to the cluster
    #[arg(long)]
    copy_by_hand: bool,
    #[command(flatten)]
    binaries: Binaries,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum JoinWith {
    /// kubewright, built from this clone
    Kubewright,
    /// The kubeadm that came with the Kubernetes binaries
    Kubeadm,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum With {
    /// kubewright, built from this clone
    Kubewright,
    /// The kubeadm that came with the Kubernetes binaries
    Kubeadm,
    /// Nobody: leave the nodes empty
    Nobody,
}

/// Runs the command line; returns the status to exit with.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    match cli.run() {
        Ok(code) => code,
        Err(error) => {
            say::step(&format!("error: {error}"));
            let mut source = std::error::Error::source(&error);
            while let Some(cause) = source {
                say::step(&format!("  because: {cause}"));
                source = cause.source();
            }
            ExitCode::FAILURE
        }
    }
}

impl Cli {
    fn run(self) -> Result<ExitCode> {
        let open = || Lab::open(&self.name);
        match self.command {
            Action::Prepare(binaries) => open()?.prepare(binaries.kubernetes.as_deref()).map(drop)?,
            Action::Up(up) => up.run(&open()?)?,
            Action::Exec { node, words } => return exec(&open()?, &node, &words),
            Action::Status => status(&open()?)?,
            Action::Reset { node } => {
                let lab = open()?;
                let node = lab.node(&node)?;
                let setup = lab.prepare(node.kubernetes()?.as_deref())?;
                node.reset(&setup)?;
            }
            Action::Down => open()?.down()?,
            Action::Test(test) => test.run()?,
            Action::Mutations => drop(mutations::run()?),
            Action::Bench(bench) => bench.run()?,
            Action::Differential(differential) => differential.run()?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Up {
    fn run(&self, lab: &Lab) -> Result<()> {
        // First, since it fails the soonest.
        let ours = self.with == With::Kubewright || self.join_with == Some(JoinWith::Kubewright);
        let kubewright = if ours && self.with != With::Nobody {
            say::step("building kubewright");
            Maker::Kubewright(workspace::build("kubewright", "dev")?)
        } else {
            Maker::Kubeadm
        };
        let setup = lab.prepare(self.binaries.kubernetes.as_deref())?;
        if self.with == With::Nobody {
            let count = self.control_planes + self.workers;
            return (1..=count).try_for_each(|number| lab.node(&format!("node{number}"))?.ensure(&setup));
        }
        let shape = Shape { control_planes: self.control_planes, workers: self.workers };
        let maker = if self.with == With::Kubewright { kubewright.clone() } else { Maker::Kubeadm };
        let joiner = match self.join_with {
            None => maker.clone(),
            Some(JoinWith::Kubewright) => kubewright,
            Some(JoinWith::Kubeadm) => Maker::Kubeadm,
        };
        let copying = if self.copy_by_hand { Copying::Manual } else { Copying::Upload };
        Cluster::new(lab, &setup, maker, shape)?.joined_by(joiner)?.copying(copying).up()?;
        let nodes = lab.node("node1")?.run(["kubectl", "get", "nodes", "-o", "wide"])?;
        let name = if lab.name() == "lab" { String::new() } else { format!(" --lab {}", lab.name()) };
        say::answer(&format!(
            "{nodes}\nTry:\n  cargo lab{name} exec node1 -- kubectl get pods -A\n  cargo lab{name} exec node1 -- bash\n  cargo lab{name} down"
        ));
        Ok(())
    }
}

/// Runs a command on a node with this terminal, and passes its status on.
fn exec(lab: &Lab, node: &str, words: &[String]) -> Result<ExitCode> {
    let mut command = lab.node(node)?.command(words)?;
    let line = words.join(" ");
    let status = command.status().map_err(|source| crate::LabError::Start { line, source })?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}

fn status(lab: &Lab) -> Result<()> {
    let nodes = lab.nodes();
    if nodes.is_empty() {
        say::answer(&format!("lab `{}` has no nodes; `cargo lab up` makes one", lab.name()));
        return Ok(());
    }
    for node in &nodes {
        let state = if node.running() { "running" } else { "stopped" };
        let kubelet = match node.exec(["systemctl", "is-active", "kubelet"]) {
            Ok(out) => String::from_utf8_lossy(&out.stdout).trim().to_owned(),
            Err(_) => "unknown".to_owned(),
        };
        let kubernetes = node.kubernetes()?.unwrap_or_default();
        let (name, address) = (node.name(), node.address());
        say::answer(&format!("{name}  {address}  {state}  kubelet {kubelet}  {}", kubernetes.display()));
    }
    if nodes[0].running() && nodes[0].path("/etc/kubernetes/admin.conf").exists() {
        let words = ["kubectl", "--request-timeout=5s", "get", "nodes,pods", "-A", "-o", "wide"];
        // A cluster that does not answer is a state like any other: kubectl says it on the terminal.
        let _ = nodes[0].command(words)?.status();
    }
    Ok(())
}
