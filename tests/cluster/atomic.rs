//! Every file that `init` writes appears whole or not at all, as the kernel saw it.

use std::ffi::OsString;
use std::fs;

use super::post_conditions::{Expected, post_conditions};
use super::stage::Stage;
use super::tree::tree;
use crate::strace;

const ROOTS: [&str; 2] = ["/etc/kubernetes", "/var/lib/kubelet"];

#[test]
#[ignore = "needs lab nodes"]
fn every_file_is_flushed_before_it_has_its_name_and_its_directory_after() {
    let stage = Stage::with_nodes(1);
    let node = stage.node(1);
    let log = tempfile::NamedTempFile::new().unwrap();
    // No byte of what is written: the log would hold keys.
    let mut under: Vec<OsString> = ["strace", "-f", "-y", "-s", "0", "-e"].map(Into::into).to_vec();
    under.extend([format!("trace={}", strace::CALLS).into(), "-o".into(), log.path().into(), "--".into()]);

    stage.init().under(under).succeed();
    post_conditions(&stage, &Expected::of(1, 0));

    let trace = fs::read_to_string(log.path()).unwrap();
    let verdict = strace::judge(&trace, &ROOTS);
    assert_eq!(verdict.faults, [""; 0]);
    let mut ours: Vec<String> =
        ["config.yaml", "kubeadm-flags.env"].map(|name| format!("/var/lib/kubelet/{name}")).into();
    ours.extend(tree(node, ["/etc/kubernetes"]).into_iter().filter(|(_, entry)| entry.is_file()).map(|(path, _)| path));
    assert!(ours.len() > 30, "{ours:?}");
    for path in &ours {
        assert!(verdict.published.contains(path), "`{path}` came by another way than a rename");
    }
}
