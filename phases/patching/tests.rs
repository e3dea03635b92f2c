//! The directory of patches on a made-up machine.

#![allow(clippy::unwrap_used)]

use kubewright_engine::{EventKind, Events};
use kubewright_testkit::{FakeProbe, Machine};

use super::*;

const TARGETS: [Target; 2] = [Target::Etcd, Target::KubeScheduler];

/// Reads `/patches`, and gives what was said.
fn read(edit: impl FnOnce(&mut Machine)) -> (Result<Patches, Failure>, Vec<String>) {
    let probe = FakeProbe::default();
    probe.edit(edit);
    let (events, mut heard) = Events::channel();
    let directory = Utf8Path::new("/patches");
    let read = read_and_tell(directory, &TARGETS, &probe, &Report::new("etcd/local", events));
    let mut said = Vec::new();
    while let Ok(event) = heard.try_recv() {
        if let EventKind::Note { tag, text, .. } = event.kind {
            said.push(format!("[{tag}] {text}"));
        }
    }
    (read, said)
}

fn file(machine: &mut Machine, path: &str, text: &str) {
    machine.files.insert(path.into(), text.into());
}

fn refused(edit: impl FnOnce(&mut Machine)) -> String {
    let failure = read(edit).0.unwrap_err();
    assert_eq!(failure.get_kind(), FailureKind::Validation);
    failure.chain().join(": ")
}

#[test]
fn files_are_found_in_the_order_of_names_and_told_as_kubeadm_tells_them() {
    let (patches, said) = read(|machine| {
        for path in ["zub/etcd9.yaml", "etcd1+merge.yaml", "b/c/kube-scheduler.json", "b/etcd.yaml"] {
            file(machine, &format!("/patches/{path}"), "{\"metadata\": {}}");
        }
        file(machine, "/patches/README.md", "text");
        file(machine, "/patches/kubeletconfiguration.yaml", "a: b");
        file(machine, "/patches/etcd2.yaml", "");
        file(machine, "/patches2/etcd3.yaml", "[");
    });
    let patches = patches.unwrap();
    let expected = ["b/c/kube-scheduler.json", "b/etcd.yaml", "etcd1+merge.yaml", "zub/etcd9.yaml"]
        .map(|path| format!("/patches/{path}"));
    assert_eq!(patches.files().collect::<Vec<_>>(), expected);
    assert_eq!(
        said,
        [
            "[patches] Reading patches from path \"/patches\"",
            "[patches] Ignoring file \"README.md\": the file extension must be one of [json yaml]",
            "[patches] Ignoring empty file: \"etcd2.yaml\"",
            "[patches] Ignoring file \"kubeletconfiguration.yaml\": unknown target, must be one of [etcd kube-scheduler]",
            "[patches] Found the following patch files: [kube-scheduler.json etcd.yaml etcd1+merge.yaml etcd9.yaml]",
            "[patches] Ignored the following files: [README.md etcd2.yaml kubeletconfiguration.yaml]",
        ]
    );
}

#[test]
fn only_a_real_directory_is_read() {
    let link = refused(|machine| assert!(machine.links.insert("/patches".into())));
    assert_eq!(link, "cannot read patches from `/patches`: it is not a directory");
    assert_eq!(refused(|machine| file(machine, "/patches", "{}")), link);
    assert_eq!(refused(|_| {}), "cannot read patches from `/patches`: there is no such directory");
    let (empty, said) = read(|machine| assert!(machine.directories.insert("/patches".into())));
    assert_eq!(empty.unwrap().files().count(), 0);
    assert_eq!(said, ["[patches] Reading patches from path \"/patches\""]);
}

#[test]
fn what_is_meant_as_a_patch_must_be_one() {
    let wrong = refused(|machine| file(machine, "/patches/etcd+stategic.yaml", "{}"));
    assert!(wrong.starts_with("the name of the patch file `/patches/etcd+stategic.yaml` has an unknown"), "{wrong}");
    let binary = refused(|machine| file(machine, "/patches/etcd9.yaml", "\u{fffd}"));
    assert!(binary.starts_with("cannot read the patch file `/patches/etcd9.yaml`"), "{binary}");
}

#[test]
fn a_directory_with_too_many_files_is_no_directory_of_patches() {
    let many = refused(|machine| (0..=MAX_FILES).for_each(|n| file(machine, &format!("/patches/{n}"), "")));
    assert!(many.contains("more than 10000 files"), "{many}");
}

#[test]
fn the_first_phase_of_a_run_tells_what_is_there_and_the_others_do_not_repeat_it() {
    let probe = FakeProbe::default();
    probe.edit(|machine| file(machine, "/patches/etcd.yaml", "metadata: {}"));
    let (events, mut heard) = Events::channel();
    for phase in ["etcd/local", "kubelet-start"] {
        read_and_tell(Utf8Path::new("/patches"), &TARGETS, &probe, &Report::new(phase, events.clone())).unwrap();
    }
    let said: Vec<_> = std::iter::from_fn(|| heard.try_recv().ok()).map(|event| event.kind).collect();
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said.iter().all(|kind| kind.phase() == Some("etcd/local")), "{said:?}");
}

#[test]
fn a_directory_without_patches_is_one() {
    let (patches, said) = read(|machine| assert!(machine.directories.insert("/patches".into())));
    assert_eq!(patches.unwrap().files().count(), 0);
    assert_eq!(said, ["[patches] Reading patches from path \"/patches\""]);
}
