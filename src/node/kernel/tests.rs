//! Whose control groups are.

use super::*;

#[test]
fn a_control_group_tells_its_pod_for_both_drivers() {
    const UID: &str = "0a1b2c3d-1111-2222-3333-444455556666";
    const STATIC: &str = "d67a8939600fef6477011855f53804d7";
    let slice = UID.replace('-', "_");
    for (path, pod) in [
        (format!("/sys/fs/cgroup/memory/kubepods/burstable/pod{UID}"), Some(UID)),
        (format!("/sys/fs/cgroup/kubepods/pod{STATIC}/4711"), Some(STATIC)),
        (format!("/sys/fs/cgroup/kubepods.slice/kubepods-pod{slice}.slice"), Some(UID)),
        (
            format!(
                "/sys/fs/cgroup/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod{slice}.slice/c.scope"
            ),
            Some(UID),
        ),
        ("/sys/fs/cgroup/kubepods/burstable".to_owned(), None),
        ("/sys/fs/cgroup/kubepods.slice/kubepods-burstable.slice".to_owned(), None),
    ] {
        assert_eq!(pod_of(Utf8Path::new(&path)).as_deref(), pod, "{path}");
    }
}
