//! Bringing up a cluster on a lab's nodes, by kubewright or by the peer, and waiting until it works.

use std::{
    path::PathBuf,
    process::Stdio,
    time::{Duration, Instant},
};

use crate::{
    balancer,
    configuration::{Reader, Ticket, Wanted},
    error::{LabError, Result},
    lab::{Lab, Setup},
    layout,
    node::Node,
    say,
    wait::{self, Look},
};

/// Who makes the cluster.
#[derive(Clone, Debug)]
pub enum Maker {
    /// The kubewright at that path.
    Kubewright(PathBuf),
    /// The kubeadm that came with the Kubernetes binaries.
    Kubeadm,
}

/// How a further control plane gets the certificates that all of them share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Copying {
    /// Through the Secret that `upload-certs` leaves in the cluster.
    Upload,
    /// From node to node, by hand.
    Manual,
}

/// A cluster's size.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// How many nodes with a control plane; the first is node1.
    pub control_planes: u8,
    /// How many nodes without; they come after.
    pub workers: u8,
}

/// A cluster on a lab's nodes.
#[derive(Debug)]
pub struct Cluster<'a> {
    lab: &'a Lab,
    setup: &'a Setup,
    maker: Maker,
    joiner: Maker,
    copying: Copying,
    shape: Shape,
    draining: bool,
}

impl<'a> Cluster<'a> {
    /// Describes a cluster; nothing is made yet.
    ///
    /// # Errors
    /// When the shape does not fit the lab, or the peer is needed and not there.
    pub fn new(lab: &'a Lab, setup: &'a Setup, maker: Maker, shape: Shape) -> Result<Self> {
        let nodes = u16::from(shape.control_planes) + u16::from(shape.workers);
        if shape.control_planes == 0 || nodes > 9 {
            return Err(LabError::missing(
                format!("no cluster of {nodes} nodes"),
                "1 to 9, one of them a control plane",
            ));
        }
        let joiner = maker.clone();
        let cluster = Self { lab, setup, maker, joiner, copying: Copying::Upload, shape, draining: false };
        cluster.has_its_makers()
    }

    /// The same cluster with its further nodes joined by somebody else than who makes the first.
    ///
    /// # Errors
    /// When the peer is needed and not there.
    pub fn joined_by(self, joiner: Maker) -> Result<Self> {
        Self { joiner, ..self }.has_its_makers()
    }

    /// The same cluster with the shared certificates brought to control planes in that way.
    #[must_use]
    pub fn copying(self, copying: Copying) -> Self {
        Self { copying, ..self }
    }

    /// The same cluster for clients of which no request may fail: API servers that are to end say so beforehand, and the load
    /// balancer asks them, as Kubernetes advises. Otherwise it goes on connecting to them until nobody listens any more.
    #[must_use]
    pub fn draining(self) -> Self {
        Self { draining: true, ..self }
    }

    fn has_its_makers(self) -> Result<Self> {
        let peer = [&self.maker, &self.joiner].into_iter().any(|maker| matches!(maker, Maker::Kubeadm));
        if peer && !self.setup.kubernetes.has_kubeadm() {
            let hint = "put the peer beside the other binaries";
            return Err(LabError::missing(
                format!("no `kubeadm` in `{}`", self.setup.kubernetes.dir().display()),
                hint,
            ));
        }
        Ok(self)
    }

    /// Makes what is not there yet, and returns when every node is Ready and every pod that can run does.
    ///
    /// # Errors
    /// When a command fails, or the cluster does not get there in time: with the ends of the logs.
    pub fn up(&self) -> Result<()> {
        let start = Instant::now();
        // Two at once would both run `init`: the second waits, and finds the cluster up.
        let _lock = self.lab.cache().lock(&format!("up-{}", self.lab.name()))?;
        let nodes = self.nodes()?;
        for node in &nodes {
            node.ensure(self.setup)?;
            for maker in [&self.maker, &self.joiner] {
                if let Maker::Kubewright(binary) = maker {
                    node.install(binary)?;
                }
            }
        }
        self.balance()?;
        let (first, others) = nodes.split_first().ok_or_else(|| LabError::missing("no nodes", "ask for one"))?;
        if answers(first) {
            say::step("node1 is up already");
        } else {
            self.init(first)?;
        }
        for (index, node) in others.iter().enumerate() {
            if node.path("/etc/kubernetes/kubelet.conf").exists() {
                say::step(&format!("{} has joined already", node.name()));
            } else {
                self.join(first, node, index + 1 < usize::from(self.shape.control_planes))?;
            }
        }
        self.wait(first, &nodes)?;
        say::step(&format!("the cluster is up after {:.1} s", start.elapsed().as_secs_f64()));
        Ok(())
    }

    /// Starts the load balancer, where there is to be one: several control planes.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn balance(&self) -> Result<()> {
        match self.balanced() {
            true => {
                let control_planes = &self.nodes()?[..usize::from(self.shape.control_planes)];
                balancer::ensure(self.lab, control_planes, self.draining)
            }
            false => Ok(()),
        }
    }

    /// Returns when every node is Ready and every pod that can run does; makes nothing.
    ///
    /// # Errors
    /// When the cluster does not get there in time: with the ends of the logs.
    pub fn wait_until_up(&self) -> Result<()> {
        let nodes = self.nodes()?;
        let first = nodes.first().ok_or_else(|| LabError::missing("no nodes", "ask for one"))?;
        self.wait(first, &nodes)
    }

    /// Makes the first control plane, with the maker's output on the terminal.
    fn init(&self, node: &Node) -> Result<()> {
        let file = self.write_init(node)?;
        let file = file.to_string_lossy();
        match &self.maker {
            Maker::Kubewright(_) => visible(node, &["kubewright", "init", "--config", &file]),
            // Its preflight wants crictl, and images that no registry here has.
            Maker::Kubeadm => visible(node, &["kubeadm", "init", "--config", &file, "--skip-phases=preflight"]),
        }
        .inspect_err(|_| say::step(&node.diagnosis()))
    }

    /// Joins a further node, with the joiner's output on the terminal.
    fn join(&self, first: &Node, node: &Node, control_plane: bool) -> Result<()> {
        if control_plane && self.copying == Copying::Manual {
            copy_certificates(first, node)?;
        }
        let file = self.write_join(node, &self.ticket(first, control_plane)?, control_plane)?;
        let file = file.to_string_lossy();
        match &self.joiner {
            Maker::Kubewright(_) => visible(node, &["kubewright", "join", "--config", &file]),
            Maker::Kubeadm => visible(node, &["kubeadm", "join", "--config", &file, "--skip-phases=preflight"]),
        }
        .inspect_err(|_| say::step(&node.diagnosis()))
    }

    /// Asks the first node for what joining ones need; a key to the certificates only where they are to be uploaded.
    ///
    /// # Errors
    /// When its cluster does not answer.
    pub fn ticket(&self, first: &Node, control_plane: bool) -> Result<Ticket> {
        let command = first.run([self.program(), "token", "create", "--print-join-command"])?;
        let words: Vec<&str> = command.split_whitespace().collect();
        let after = |word: &str| {
            let at = words.iter().position(|w| *w == word)?;
            words.get(at + 1).map(|found| (*found).to_owned())
        };
        let unclear = || LabError::missing("the join command is not as expected", "`token create` has changed");
        let certificate_key = if control_plane && self.copying == Copying::Upload {
            let config = format!("--config={}", self.write_init(first)?.display());
            let said = first.run([self.program(), "init", "phase", "upload-certs", "--upload-certs", &config])?;
            Some(said.split_whitespace().last().ok_or_else(unclear)?.to_owned())
        } else {
            None
        };
        Ok(Ticket {
            endpoint: after("join").ok_or_else(unclear)?,
            token: after("--token").ok_or_else(unclear)?,
            ca_hash: after("--discovery-token-ca-cert-hash").ok_or_else(unclear)?,
            certificate_key,
        })
    }

    /// Writes the file for the node's `join`, and returns its path, which is the same on the node.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_join(&self, node: &Node, ticket: &Ticket, control_plane: bool) -> Result<PathBuf> {
        let file = node.dir().join("join.yaml");
        let wanted = self.wanted(reader(&self.joiner));
        layout::write(&file, wanted.join(&node.name(), &node.address(), ticket, control_plane))?;
        Ok(file)
    }

    /// Writes the file for `init` on a node, and returns its path, which is the same there.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_init(&self, node: &Node) -> Result<PathBuf> {
        write_init(node, &self.wanted(reader(&self.maker)))
    }

    fn wait(&self, first: &Node, nodes: &[Node]) -> Result<()> {
        let look = || Ok(standing(first, nodes, self.shape.control_planes));
        let cause = || nodes.iter().map(Node::diagnosis).collect();
        wait::until("every node to be Ready and every pod to run", Duration::from_secs(300), look, cause)
    }

    fn nodes(&self) -> Result<Vec<Node>> {
        let count = self.shape.control_planes + self.shape.workers;
        (1..=count).map(|number| self.lab.node(&format!("node{number}"))).collect()
    }

    fn wanted(&self, reader: Reader) -> Wanted<'_> {
        Wanted { reader, kubernetes: &self.setup.kubernetes, balanced: self.balanced(), draining: self.draining }
    }

    /// Who made the first node.
    fn program(&self) -> &'static str {
        match self.maker {
            Maker::Kubewright(_) => "kubewright",
            Maker::Kubeadm => "kubeadm",
        }
    }

    fn balanced(&self) -> bool {
        self.shape.control_planes > 1
    }
}

/// Writes the configuration file that a single control plane is made with by `kubewright init --config` or the peer's
/// `kubeadm init --config`, and returns its path, which is the same on the node.
///
/// # Errors
/// When the file cannot be written.
pub fn write_configuration(node: &Node, setup: &Setup, reader: Reader) -> Result<PathBuf> {
    write_init(node, &Wanted { reader, kubernetes: &setup.kubernetes, balanced: false, draining: false })
}

fn write_init(node: &Node, wanted: &Wanted<'_>) -> Result<PathBuf> {
    let file = node.dir().join(match wanted.reader {
        Reader::Kubewright => "init.yaml",
        Reader::Kubeadm => "init-kubeadm.yaml",
    });
    layout::write(&file, wanted.init(&node.name(), &node.address()))?;
    Ok(file)
}

/// Whether the node's control plane is there and answers.
fn answers(node: &Node) -> bool {
    let node_exists = ["kubectl", "get", "node", &node.name(), "--request-timeout=5s"];
    node.path("/etc/kubernetes/admin.conf").exists() && node.run(node_exists).is_ok()
}

fn reader(maker: &Maker) -> Reader {
    match maker {
        Maker::Kubewright(_) => Reader::Kubewright,
        Maker::Kubeadm => Reader::Kubeadm,
    }
}

/// Brings the files that all control planes share from one node to another, as kubeadm's documents tell people to do.
///
/// # Errors
/// When one is not there or cannot be written.
pub fn copy_certificates(from: &Node, to: &Node) -> Result<()> {
    for name in SHARED {
        let at = format!("/etc/kubernetes/pki/{name}");
        let (from, to) = (from.path(&at), to.path(&at));
        if let Some(parent) = to.parent() {
            layout::make_dir(parent)?;
        }
        std::fs::copy(&from, &to).map_err(LabError::file("copy", &from))?;
    }
    Ok(())
}

const SHARED: [&str; 8] =
    ["ca.crt", "ca.key", "sa.key", "sa.pub", "front-proxy-ca.crt", "front-proxy-ca.key", "etcd/ca.crt", "etcd/ca.key"];

/// Runs a command on the node with its output on the terminal.
fn visible(node: &Node, words: &[&str]) -> Result<()> {
    say::step(&format!("{}: {}", node.name(), words.join(" ")));
    let start = Instant::now();
    let mut command = node.command(words)?;
    command.stdin(Stdio::null()).stdout(std::io::stderr());
    let line = format!("{}: {}", node.name(), words.join(" "));
    let status = command.status().map_err(|source| LabError::Start { line: line.clone(), source })?;
    if !status.success() {
        return Err(LabError::Command { line, status: status.to_string(), output: String::new() });
    }
    say::step(&format!("{}: {} took {:.1} s", node.name(), words[..2].join(" "), start.elapsed().as_secs_f64()));
    Ok(())
}

/// How far the cluster is.
fn standing(first: &Node, nodes: &[Node], control_planes: u8) -> Look {
    let ready = r#"{range .items[*]}{.metadata.name} {.status.conditions[?(@.type=="Ready")].status}{"\n"}{end}"#;
    let running = r#"{range .items[*]}{.metadata.name} {.status.phase}{"\n"}{end}"#;
    let ask = |kind: &[&str], path: &str| {
        let output = format!("jsonpath={path}");
        let words = ["kubectl", "--request-timeout=5s", "get"].iter().chain(kind).copied();
        first.run(words.chain(["-o", output.as_str()]))
    };
    let asked = ask(&["nodes"], ready).and_then(|nodes| Ok((nodes, ask(&["pods", "-n", "kube-system"], running)?)));
    match asked {
        Ok((listed, pods)) => {
            let names: Vec<String> = nodes.iter().map(Node::name).collect();
            match unfinished(&names, control_planes, &listed, &pods) {
                left if left.is_empty() => Look::Done,
                left => Look::NotYet(left.join(", ")),
            }
        }
        Err(error) => Look::NotYet(error.to_string()),
    }
}

/// What is not as it should be, in words; CoreDNS is left out, since its image is in no place that the lab can count on.
fn unfinished(names: &[String], control_planes: u8, nodes: &str, pods: &str) -> Vec<String> {
    let mut left = Vec::new();
    for name in names {
        if !nodes.lines().any(|line| line == format!("{name} True")) {
            left.push(format!("{name} is not Ready"));
        }
    }
    for name in names.iter().take(usize::from(control_planes)) {
        for component in ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"] {
            if !pods.lines().any(|line| line == format!("{component}-{name} Running")) {
                left.push(format!("{component}-{name} is not Running"));
            }
        }
    }
    let proxies = pods.lines().filter(|line| line.starts_with("kube-proxy-") && line.ends_with(" Running")).count();
    if proxies < names.len() {
        left.push(format!("{proxies} of {} kube-proxy are Running", names.len()));
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_is_finished_when_nodes_are_ready_and_all_but_coredns_runs() {
        let names = ["node1".to_owned(), "node2".to_owned()];
        let mut pods = "coredns-x Pending\netcd-node1 Running\nkube-apiserver-node1 Running\n\
            kube-controller-manager-node1 Running\nkube-proxy-a Running\nkube-proxy-b Running\n"
            .to_owned();
        let missing = unfinished(&names, 1, "node1 True\nnode2 False\n", &pods);
        assert_eq!(missing, ["node2 is not Ready", "kube-scheduler-node1 is not Running"]);
        pods += "kube-scheduler-node1 Running\n";
        assert!(unfinished(&names, 1, "node1 True\nnode2 True\n", &pods).is_empty());
    }
}
