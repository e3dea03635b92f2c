//! Control groups as directories in name only, and a process that is ended.

use std::os::unix::process::ExitStatusExt as _;
use std::process::Command;

use super::*;

#[test]
fn finds_the_groups_of_pods_from_the_leaves_up() {
    let dir = tempfile::tempdir().unwrap();
    let top = Utf8Path::from_path(dir.path()).unwrap();
    for path in ["memory/kubepods/besteffort/pod1", "cpu/kubepods", "kubepods.slice", "memory/other"] {
        std::fs::create_dir_all(top.join(path)).unwrap();
    }
    std::os::unix::fs::symlink("cpu", top.join("cpuacct")).unwrap();
    let found: Vec<_> = pod_cgroups(top).iter().map(|path| path.strip_prefix(top).unwrap().to_string()).collect();
    let wanted = [
        "kubepods.slice",
        "cpu/kubepods",
        "memory/kubepods/besteffort/pod1",
        "memory/kubepods/besteffort",
        "memory/kubepods",
    ];
    assert_eq!(found, wanted);
}

#[test]
fn processes_are_the_others_of_the_file_that_have_a_number_here() {
    let directory = tempfile::tempdir().unwrap();
    let group = Utf8Path::from_path(directory.path()).unwrap();
    assert_eq!(processes(group), [0; 0], "a group that is gone has none");
    let own = std::process::id();
    std::fs::write(group.join("cgroup.procs"), format!("12\n0\n{own}\n3456\n")).unwrap();
    assert_eq!(processes(group), [12, 3456]);
}

#[tokio::test]
async fn a_process_is_ended_and_one_that_is_gone_is_no_error() {
    let mut child = Command::new("sleep").arg("600").spawn().unwrap();
    let process = i32::try_from(child.id()).unwrap();
    HostKernel::new().kill(process).await.unwrap();
    assert_eq!(child.wait().unwrap().signal(), Some(9));
    HostKernel::new().kill(process).await.unwrap();
    HostKernel::new().kill(0).await.unwrap_err();
}
