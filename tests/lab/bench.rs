//! `cargo lab bench`: the peer and kubewright in turn on the same node, and the ratio of what they took.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use clap::Args;

use crate::{
    cli::Binaries,
    cluster::write_configuration,
    configuration::Reader,
    error::{LabError, Result},
    lab::{Lab, Setup},
    node::Node,
    requests::Requests,
    say, workspace,
};

/// What to measure.
#[derive(Args, Debug)]
pub(crate) struct Bench {
    /// How many times each of the two makes a whole control plane
    #[arg(long, value_name = "N", default_value_t = 3)]
    rounds: usize,
    #[command(flatten)]
    binaries: Binaries,
}

/// The times of the two in one measurement.
struct Times {
    what: &'static str,
    peer: Vec<Duration>,
    ours: Vec<Duration>,
}

impl Bench {
    /// Measures and prints a table; the node is removed afterwards.
    pub(crate) fn run(&self) -> Result<()> {
        let lab = Lab::open(BENCH_LAB)?;
        let _lock = lab.cache().lock("bench")?;
        say::step("building kubewright for release");
        let kubewright = workspace::build("kubewright", "release")?;
        let setup = lab.prepare(self.binaries.kubernetes.as_deref())?;
        if !setup.kubernetes.has_kubeadm() {
            let dir = setup.kubernetes.dir().display().to_string();
            return Err(LabError::missing(format!("no `kubeadm` in `{dir}`"), "the peer is what to compare with"));
        }
        let node = lab.node("node1")?;
        let measured = node.ensure(&setup).and_then(|()| {
            let times = self.measure(&node, &setup, &kubewright)?;
            Ok((times, Requests::count(&lab, &setup, &kubewright)?))
        });
        lab.down()?;
        let (times, requests) = measured?;
        report(&setup, &times);
        let Requests { peer, ours } = &requests;
        say::answer(&format!(
            "  requests of a worker's `join`, by the audit log: peer {}, ours {}",
            peer.len(),
            ours.len()
        ));
        for (program, requests) in [(PEER, peer), (OURS, ours)] {
            requests.iter().for_each(|request| say::answer(&format!("    {program} {request}")));
        }
        match ours.len() <= peer.len() {
            true => Ok(()),
            false => {
                Err(LabError::missing("kubewright asks more of the API server than the peer", "see the list above"))
            }
        }
    }

    fn measure(&self, node: &Node, setup: &Setup, kubewright: &Path) -> Result<Vec<Times>> {
        node.install(kubewright)?;
        let mut all = Vec::new();
        all.push(in_turn("start-up (`version`)", 21, |program| timed(node, &[program, "version"]))?);
        all.push(in_turn("`init phase certs all`", 7, |program| certificates(node, setup, program))?);
        node.reset(setup)?;
        all.push(in_turn("`init phase preflight`", 7, |program| preflight(node, setup, program))?);
        if self.rounds > 0 {
            all.push(in_turn("whole `init`", self.rounds, |program| {
                node.reset(setup)?;
                let file = configuration(node, setup, program)?;
                say::step(&format!("{program} init"));
                let mut words = vec![program, "init", "--config", &file];
                if program == PEER {
                    // Its preflight wants crictl, and images that no registry here has.
                    words.push("--skip-phases=preflight");
                }
                timed(node, &words).inspect_err(|_| say::step(&node.diagnosis()))
            })?);
        }
        Ok(all)
    }
}

/// Makes all certificates once, into an empty directory.
fn certificates(node: &Node, setup: &Setup, program: &str) -> Result<Duration> {
    let file = configuration(node, setup, program)?;
    node.run(["rm", "-rf", "/etc/kubernetes/pki", "/var/lib/kubewright/runs"])?;
    timed(node, &[program, "init", "phase", "certs", "all", "--config", &file])
}

/// Checks the node once. No image is pulled: that is the runtime's work, and one can be had from nowhere here. Kubeadms
/// that do not know that policy ask crictl whether the images are there; this one says so, which costs them less than the
/// real one. Old control groups are an error for newer ones, and ignored by both.
fn preflight(node: &Node, setup: &Setup, program: &str) -> Result<Duration> {
    let file = configuration(node, setup, program)?;
    let arrange = format!(
        "mkdir -p {CRICTL}; printf '#!/bin/sh\\n' >{CRICTL}/crictl; chmod +x {CRICTL}/crictl
        grep -q 'kubeadm.k8s.io/v1beta2' {file} || sed -i 's/\"criSocket\":/\"imagePullPolicy\": \"Never\", &/' {file}"
    );
    node.run(["sh", "-ec", &arrange])?;
    let run = format!("PATH={CRICTL}:$PATH exec \"$@\"");
    let ignored = "--ignore-preflight-errors=SystemVerification";
    timed(node, &["sh", "-c", &run, "sh", program, "init", "phase", "preflight", "--config", &file, ignored])
}

fn configuration(node: &Node, setup: &Setup, program: &str) -> Result<String> {
    let reader = if program == PEER { Reader::Kubeadm } else { Reader::Kubewright };
    let file: PathBuf = write_configuration(node, setup, reader)?;
    Ok(file.to_string_lossy().into_owned())
}

/// Runs the two by turns, so that whatever else the machine does falls on both; the one that goes first changes, too.
fn in_turn(what: &'static str, rounds: usize, once: impl Fn(&str) -> Result<Duration>) -> Result<Times> {
    say::step(&format!("measuring {what}, {rounds} times each"));
    let mut times = Times { what, peer: Vec::new(), ours: Vec::new() };
    for round in 0..rounds {
        if round % 2 == 0 {
            times.peer.push(once(PEER)?);
            times.ours.push(once(OURS)?);
        } else {
            times.ours.push(once(OURS)?);
            times.peer.push(once(PEER)?);
        }
    }
    Ok(times)
}

/// The time that a command takes on the node. Entering the node costs both the same few milliseconds, which are taken off.
fn timed(node: &Node, words: &[&str]) -> Result<Duration> {
    let whole = wall(node, words)?;
    let entering = (0..3).map(|_| wall(node, &["true"])).collect::<Result<Vec<_>>>()?;
    Ok(whole.saturating_sub(entering.into_iter().min().unwrap_or_default()))
}

fn wall(node: &Node, words: &[&str]) -> Result<Duration> {
    let start = Instant::now();
    node.run(words)?;
    Ok(start.elapsed())
}

fn report(setup: &Setup, all: &[Times]) {
    say::answer(&format!("kubeadm {} (peer) and kubewright, medians (least to most)", setup.kubernetes.version()));
    for times in all {
        let (peer, ours) = (median(&times.peer), median(&times.ours));
        let ratio = peer.as_secs_f64() / ours.as_secs_f64().max(1e-6);
        let (peer, ours) = (spread(&times.peer), spread(&times.ours));
        say::answer(&format!("  {:<24} peer {peer}   ours {ours}   {ratio:.1} times as fast", times.what));
    }
}

fn median(times: &[Duration]) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort();
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

fn spread(times: &[Duration]) -> String {
    let seconds = |time: Option<&Duration>| time.map_or(0.0, Duration::as_secs_f64);
    format!(
        "{:.3} s ({:.3} to {:.3})",
        median(times).as_secs_f64(),
        seconds(times.iter().min()),
        seconds(times.iter().max())
    )
}

const PEER: &str = "kubeadm";
const OURS: &str = "kubewright";
const BENCH_LAB: &str = "bench";
/// Where a node has a crictl that says yes to everything.
const CRICTL: &str = "/run/bench";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_one_and_not_the_mean() {
        let times = [90, 1, 2].map(Duration::from_millis);
        assert_eq!(median(&times), Duration::from_millis(2));
        assert_eq!(spread(&times), "0.002 s (0.001 to 0.090)");
    }
}
