//! Whatever kills `init`, the same command goes on from there. One cluster is made, with five deaths on the way.

use std::collections::BTreeSet;

use rustix::process::Signal;

use super::command::Ended;
use super::phases::applies;
use super::post_conditions::Expected;
use super::stage::Stage;
use super::tree::{CLUSTER_DIRS, Tree, differences, tree};

const ABORTED: i32 = 6;
const KILLED: i32 = 9;
const INTERRUPTED: i32 = 130;

#[test]
#[ignore = "needs lab nodes"]
fn a_run_that_dies_is_finished_by_the_same_command() {
    let stage = Stage::with_nodes(1);
    let mut story = Story::new(&stage);

    // In the middle of a phase that writes: its files are promised, none has its final name yet.
    let ended = stage.init().with("KUBEWRIGHT_KILL_AT", "certs/etcd-server:sealed").run();
    assert_eq!(ended.killed_by(), Some(ABORTED), "{}", ended.said());
    assert_eq!(ended.begun().1, None, "a first run resumes nothing");
    story.then(&ended);

    let server = ["key", "crt"].map(|end| format!("/etc/kubernetes/pki/etcd/server.{end}"));
    assert_eq!(server.clone().map(|path| stage.node(1).path(&path).exists()), [false; 2]);

    // Another configuration is another run, and changes nothing.
    let before = tree(stage.node(1), CLUSTER_DIRS);
    let other = stage.init().word("--upload-certs").run();
    assert_eq!(other.status.code(), Some(1), "{}", other.said());
    assert!(other.err.contains("with another configuration") && other.err.contains("--fresh"), "{}", other.said());
    assert_eq!(differences(&before, &tree(stage.node(1), CLUSTER_DIRS)), [""; 0]);
    let [run, key, certificate] = [ended.begun().0, &server[0], &server[1]];
    let kept =
        format!("[resume] finished 2 files of certs/etcd-server that run {run} had sealed: `{key}`, `{certificate}`");

    // A phase has done all of its work, and it is not written down that it has.
    let ended = stage.init().with("KUBEWRIGHT_KILL_AT", "kubelet-start:committed").run();
    assert_eq!(ended.killed_by(), Some(ABORTED), "{}", ended.said());
    assert!(ended.out.contains(&kept), "no `{kept}`:\n{}", ended.said());
    story.then(&ended);

    let ended = in_the_wait(&stage, Signal::INT);
    assert_eq!(ended.status.code(), Some(INTERRUPTED), "{}", ended.said());
    story.then(&ended);

    let ended = in_the_wait(&stage, Signal::KILL);
    assert_eq!(ended.killed_by(), Some(KILLED), "{}", ended.said());
    story.then(&ended);

    // It is written down that something is about to be done to the cluster.
    let ended = stage.init().with("KUBEWRIGHT_KILL_AT", "bootstrap-token:intended").run();
    assert_eq!(ended.killed_by(), Some(ABORTED), "{}", ended.said());
    story.then(&ended);

    let ended = stage.init().succeed();
    story.then(&ended);
    let plan = ended.begun().2.iter().filter(|phase| applies(phase)).map(|phase| phase.path.as_str());
    let unfinished: Vec<_> = plan.filter(|phase| !story.finished.contains(*phase)).collect();
    assert_eq!(unfinished, [""; 0], "phases that no run finished");
    stage.wait_until_whole(&Expected::of(1, 0));
}

/// Starts `init` and sends it a signal while it waits for the control plane.
fn in_the_wait(stage: &Stage, signal: Signal) -> Ended {
    let init = stage.init();
    let mut running = init.start();
    running.wait_for_phase("wait-control-plane");
    running.signal(signal);
    running.end()
}

/// What earlier runs have done.
struct Story<'a> {
    stage: &'a Stage,
    started: BTreeSet<String>,
    finished: BTreeSet<String>,
    run: Option<String>,
    files: Tree,
}

impl<'a> Story<'a> {
    fn new(stage: &'a Stage) -> Self {
        Self { stage, started: BTreeSet::new(), finished: BTreeSet::new(), run: None, files: Tree::new() }
    }

    /// Checks a run against those before it: it says which it goes on with, repeats no phase that finished there, and
    /// leaves every file that had appeared as it is.
    fn then(&mut self, ended: &Ended) {
        let (run, resumes, plan) = ended.begun();
        assert_eq!(resumes, self.run.as_deref(), "{}", ended.said());
        if let Some(last) = resumes {
            let told = format!("[resume] Going on with the run {last}; finished already: ");
            assert!(ended.out.contains(&told), "it does not say that it resumes:\n{}", ended.said());
            // A death may come between the journal, which is the truth, and the event of the same.
            let known = plan.iter().filter(|phase| phase.finished && self.started.contains(&phase.path));
            self.finished.extend(known.map(|phase| phase.path.clone()));
            for phase in &self.finished {
                let step = plan.iter().find(|planned| planned.path == *phase).map(|planned| planned.step.as_str());
                assert!(matches!(step, Some("load" | "leave")), "`{phase}` is planned to {step:?}");
            }
        }
        let repeated: Vec<_> = ended.started().into_iter().filter(|phase| self.finished.contains(*phase)).collect();
        assert_eq!(repeated, [""; 0], "phases that had finished ran again");

        let now = tree(self.stage.node(1), ["/etc/kubernetes"]);
        for (path, then) in &self.files {
            // The one file that a later phase changes.
            if path != "/etc/kubernetes/kubelet.conf" {
                assert_eq!(now.get(path), Some(then), "`{path}` was made again");
            }
        }
        let whole = now.into_iter().filter(|(path, entry)| entry.is_file() && !path.ends_with(".new"));
        self.files = whole.collect();
        self.started.extend(ended.started().into_iter().map(str::to_owned));
        self.finished.extend(ended.finished().into_iter().map(str::to_owned));
        self.run = Some(run.to_owned());
    }
}
