//! Two runs at once, and runs that their user stops: the real binary, held at a checkpoint until something is done to it.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStderr};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::program::{Said, said};
use super::resume::Init;

/// The phases of `init` that only write files, as they come with one at a time.
const PHASES: &[&str] = &[
    "certs/ca",
    "certs/apiserver",
    "certs/apiserver-kubelet-client",
    "certs/front-proxy-ca",
    "certs/front-proxy-client",
    "certs/etcd-ca",
    "certs/etcd-server",
    "certs/etcd-peer",
    "certs/etcd-healthcheck-client",
    "certs/apiserver-etcd-client",
    "certs/sa",
    "kubeconfig/admin",
    "kubeconfig/super-admin",
    "kubeconfig/kubelet",
    "kubeconfig/controller-manager",
    "kubeconfig/scheduler",
];

/// A run that is held at a checkpoint.
struct Held {
    child: Child,
    err: BufReader<ChildStderr>,
    said: String,
}

/// Starts a run and waits until it is there.
fn held(init: &Init, place: &str) -> Held {
    let mut child = init.home.start(&init.arguments(&[]), &[("KUBEWRIGHT_HOLD_AT", place)]);
    let mut held = Held { err: BufReader::new(child.stderr.take().unwrap()), child, said: String::new() };
    held.listen(&format!("held at {}\n", place.trim_start_matches('!')));
    held
}

impl Held {
    /// Reads what it says until it says this.
    fn listen(&mut self, until: &str) {
        while !self.said.ends_with(until) {
            let more = self.err.read_line(&mut self.said).unwrap();
            assert!(more > 0, "it ended before it said {until:?}: {}", self.said);
        }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_raw(self.child.id().cast_signed()).unwrap(), signal).unwrap();
    }

    fn end(mut self) -> Said {
        self.err.read_to_string(&mut self.said).unwrap();
        let mut end = said(self.child.wait_with_output().unwrap());
        end.err = self.said;
        end
    }
}

/// The same command goes on, and everything stands there; a run that could come to its end itself is tidy before.
fn finishes(init: &Init, when: &str, tidy: bool) {
    let names: Vec<_> = init.home.tree().into_keys().collect();
    assert!(!tidy || names.iter().all(|name| !name.ends_with(".new")), "{when}: temporary files are left: {names:?}");
    let said = init.run(&[], &[]);
    assert_eq!(said.code, Some(0), "{when}: {said:?}");
    let names: Vec<_> = init.home.tree().into_keys().collect();
    let count = |end: &str| names.iter().filter(|name| name.ends_with(end)).count();
    assert_eq!((count(".key"), count(".crt"), count(".conf"), count(".new")), (11, 10, 5, 0), "{when}: {names:?}");
}

#[test]
fn the_second_run_is_told_process_command_and_phase_of_the_first_and_takes_over_from_a_dead_one() {
    let init = Init::quick();
    let mut first = held(&init, "!certs/apiserver:started");
    let mut quickest = Duration::MAX;
    for _ in 0..5 {
        let begun = Instant::now();
        let second = init.run(&[], &[]);
        quickest = quickest.min(begun.elapsed());
        assert_eq!(second.code, Some(1), "{second:?}");
        let told = format!(
            "error: `kubewright init` with the process id {} is changing this node, in the phase `certs/apiserver`; wait \
             until it ends, or stop it",
            first.child.id()
        );
        assert!(second.err.contains(&told), "{second:?}");
    }
    println!("a second run is refused after {} ms, debug build", quickest.as_millis());
    assert!(quickest < Duration::from_secs(5), "{quickest:?}");
    let dry = init.run(&["--dry-run"], &[]);
    assert_eq!(dry.code, Some(0), "a dry run changes nothing and needs no lock: {dry:?}");

    first.child.kill().unwrap();
    first.child.wait().unwrap();
    let status = init.home.run(&["status"]).out;
    assert!(status.contains("was killed\n") && status.contains("lock: free\n"), "{status}");
    assert!(status.contains("  interrupted: certs/apiserver\n"), "{status}");
    finishes(&init, "after the first was killed", true);
}

#[test]
fn ctrl_c_in_each_phase_leaves_a_run_that_is_gone_on_with() {
    for (index, phase) in PHASES.iter().enumerate() {
        let init = Init::quick();
        let signals = [Signal::INT, Signal::TERM];
        let place = [":started", ":staged", ":sealed"][index % 3];
        let held = held(&init, &format!("{phase}{place}"));
        held.signal(signals[index % 2]);
        let stopped = held.end();
        assert_eq!(stopped.code, Some(130), "{phase}: {stopped:?}");
        assert!(stopped.err.contains("stopping: ") && stopped.err.contains("the same command goes on"), "{stopped:?}");
        let status = init.home.run(&["status"]).out;
        assert!(
            status.contains("stopped by its user\n") && status.contains("next: kubewright init"),
            "{phase}: {status}"
        );
        finishes(&init, phase, true);
    }
}

#[test]
fn a_second_ctrl_c_stops_at_once_and_the_run_is_gone_on_with_all_the_same() {
    for place in ["certs/ca:staged", "certs/apiserver:sealed", "kubeconfig/admin:renamed"] {
        let init = Init::quick();
        let mut held = held(&init, &format!("!{place}"));
        held.signal(Signal::INT);
        // Until the first has been taken, a second one is the same one.
        held.listen("once more stops at once\n");
        let begun = Instant::now();
        held.signal(Signal::INT);
        let stopped = held.end();
        assert_eq!(stopped.code, Some(130), "{place}: {stopped:?}");
        assert!(begun.elapsed() < Duration::from_secs(10), "{place}: {:?}", begun.elapsed());
        assert!(stopped.err.contains("stopped at once; the same command goes on from here"), "{place}: {stopped:?}");
        finishes(&init, place, false);
    }
}
