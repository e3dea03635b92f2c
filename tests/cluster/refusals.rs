//! Bad input, on a real node: one clear error that says where and what to do, and the node is as it was.

use std::fs;
use std::path::Path;

use kubewright_lab::{Node, Reader};

use super::command::{Ended, Kubewright};
use super::stage::{BINARY, Stage};
use super::tree::{CLUSTER_DIRS, STATE_DIR, differences, tree};

/// One mistake and what must be said about it.
struct Refusal {
    what: &'static str,
    /// Arguments of `init` after the configuration.
    words: &'static [&'static str],
    /// Makes the mistake in the configuration's text.
    edit: fn(&str) -> String,
    /// Makes the mistake on the node: a script that knows `$FILE`, `$BINARY` and `$HERE`.
    arrange: &'static str,
    /// Takes that back.
    undo: &'static str,
    /// Run by somebody else than root, from `$HERE`.
    rootless: Option<&'static str>,
    /// It is told before even the journal is begun.
    untouched: bool,
    /// What the error says: where, what, and how to mend it. `FILE` stands for the configuration's path.
    says: &'static [&'static str],
}

const PLAIN: Refusal = Refusal {
    what: "",
    words: &[],
    edit: str::to_owned,
    arrange: "",
    undo: "",
    rootless: None,
    untouched: true,
    says: &[],
};

/// A directory on the node that everybody can read.
const HERE: &str = "/run/refusals";

const FOR_NOBODY: &str = "cp $BINARY $FILE $HERE; install -d -o 65534 $HERE/home";

const REFUSALS: &[Refusal] = &[
    Refusal {
        what: "an unknown flag",
        words: &["--no-such-flag"],
        says: &["unknown flag: --no-such-flag", "`kubewright init --help`"],
        ..PLAIN
    },
    Refusal {
        what: "malformed YAML",
        edit: |text| format!("{text}---\nkind: [\n"),
        says: &["FILE:", "not valid YAML"],
        ..PLAIN
    },
    Refusal {
        what: "a wrong apiVersion",
        edit: |text| text.replacen("kubeadm.k8s.io/v1beta4", "kubeadm.k8s.io/v9", 1),
        says: &["FILE:3: apiVersion", "\"kubeadm.k8s.io/v9\"", "write kubeadm.k8s.io/v1beta4"],
        ..PLAIN
    },
    Refusal {
        what: "a bad CIDR in the file",
        edit: |text| {
            let kind = "\"kind\": \"ClusterConfiguration\",";
            text.replace(kind, &format!("{kind} \"networking\": {{\"podSubnet\": \"10.244.0.0/33\"}},"))
        },
        says: &["FILE:", "networking.podSubnet", "10.244.0.0/33", "for example 10.244.0.0/16"],
        ..PLAIN
    },
    Refusal {
        what: "a bad CIDR in a flag",
        words: &["--service-cidr", "10.96.0.0/99"],
        // The flag cannot stand beside a file.
        edit: |_| String::new(),
        says: &["networking.serviceSubnet", "10.96.0.0/99", "--service-cidr"],
        ..PLAIN
    },
    Refusal {
        what: "an unreachable CRI socket",
        edit: |text| text.replace("unix:///run/containerd/containerd.sock", "unix:///run/nobody-listens.sock"),
        untouched: false,
        says: &["[ERROR CRI]", "unix:///run/nobody-listens.sock", "fix: start it", "nodeRegistration.criSocket"],
        ..PLAIN
    },
    Refusal {
        what: "port 6443 taken",
        arrange: "socat TCP-LISTEN:6443,fork,reuseaddr PIPE >/dev/null 2>&1 & echo $! >$HERE/pid
            timeout 10 sh -c 'until ss -ltn | grep -q :6443; do sleep .05; done'",
        undo: "kill $(cat $HERE/pid)",
        untouched: false,
        says: &["[ERROR Port-6443]", "in use", "fix: see who holds it"],
        ..PLAIN
    },
    Refusal {
        what: "no root",
        arrange: FOR_NOBODY,
        rootless: Some("/run/refusals/home"),
        says: &["[ERROR IsPrivilegedUser]", "not running as root", "fix: run the same command with sudo"],
        ..PLAIN
    },
    Refusal {
        what: "no root and no home",
        arrange: FOR_NOBODY,
        rootless: Some("/nonexistent"),
        says: &["/nonexistent/.local/state/kubewright", "denied", "hint: run the same command with sudo"],
        ..PLAIN
    },
    Refusal {
        what: "a directory that cannot be written",
        arrange: "mount -o remount,bind,ro /etc/kubernetes",
        undo: "mount -o remount,bind,rw /etc/kubernetes",
        untouched: false,
        says: &[
            "[ERROR DirWritable--etc-kubernetes",
            "/etc/kubernetes",
            "Read-only file system",
            "fix: mount it writable",
        ],
        ..PLAIN
    },
    Refusal {
        what: "a certificate signed by another authority",
        arrange: "certs() { kubewright init phase certs $1 --config $FILE; }
            certs ca; certs apiserver; mkdir $HERE/old; mv /etc/kubernetes/pki/* $HERE/old
            certs ca; cp -p $HERE/old/apiserver.* /etc/kubernetes/pki",
        undo: "rm -r /etc/kubernetes/pki",
        untouched: false,
        says: &[
            "/etc/kubernetes/pki/apiserver.crt",
            "signed by another authority",
            "fix: move /etc/kubernetes/pki/apiserver.crt",
        ],
        ..PLAIN
    },
];

#[test]
#[ignore = "needs lab nodes"]
fn bad_input_gives_one_clear_error_and_changes_nothing() {
    let stage = Stage::with_nodes(1);
    let node = stage.node(1);
    let mut wrong = Vec::new();
    for refusal in REFUSALS {
        let file = stage.configuration(1, Reader::Kubewright);
        script(node, &file, &format!("rm -rf $HERE; mkdir -m 755 $HERE; {}", refusal.arrange));
        let text = fs::read_to_string(&file).unwrap();
        let edited = (refusal.edit)(&text);
        fs::write(&file, &edited).unwrap();
        let dirs = CLUSTER_DIRS.into_iter().chain(refusal.untouched.then_some(STATE_DIR));
        let before = tree(node, dirs.clone());

        let ended = run(node, refusal, (!edited.is_empty()).then_some(&file));

        wrong.extend(differences(&before, &tree(node, dirs)).iter().map(|left| format!("{}: {left}", refusal.what)));
        wrong.extend(complaints(refusal, &ended, &file));
        script(node, &file, refusal.undo);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn run(node: &Node, refusal: &Refusal, file: Option<&Path>) -> Ended {
    let mut init = Kubewright::on(node).word("init");
    if let Some(home) = refusal.rootless {
        let path = format!("PATH={HERE}:/usr/sbin:/usr/bin:/sbin:/bin");
        let nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "env", "-u", "XDG_STATE_HOME"];
        init = init.under(nobody.into_iter().chain([path.as_str(), &format!("HOME={home}")]));
        init = init.words(["--config", &format!("{HERE}/init.yaml")]);
    } else if let Some(file) = file {
        init = init.word("--config").word(file);
    }
    init.words(refusal.words).run()
}

/// What is wrong with the error.
fn complaints(refusal: &Refusal, ended: &Ended, file: &Path) -> Vec<String> {
    let mut wrong = Vec::new();
    if ended.status.code() != Some(1) {
        wrong.push(format!("it ended with {}", ended.status));
    }
    let errors = ended.err.lines().filter(|line| line.starts_with("error: ")).count();
    if errors != 1 {
        wrong.push(format!("{errors} errors"));
    }
    for text in refusal.says {
        let text = text.replace("FILE", &file.to_string_lossy());
        if !ended.err.contains(&text) {
            wrong.push(format!("no `{text}`"));
        }
    }
    wrong.iter().map(|complaint| format!("{}: {complaint}:\n{}", refusal.what, ended.said())).collect()
}

/// Runs a shell script on the node.
fn script(node: &Node, file: &Path, text: &str) {
    let mut shell = node.command(["sh", "-ec", text]).unwrap();
    super::stage::succeed(shell.env("FILE", file).env("BINARY", BINARY).env("HERE", HERE));
}
