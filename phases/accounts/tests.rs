//! Accounts that are added, kept and refused.
#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;

const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash\ntaken:x:101:101::/:/bin/sh\n";
const GROUP: &str = "root:x:0:\ntaken:x:100:\n";

#[test]
fn adds_what_is_missing_with_the_first_free_ids() {
    let accounts = Accounts::plan("", PASSWD, GROUP).unwrap();
    let users = "kubeadm-etcd:x:100:101:::/bin/false\nkubeadm-kas:x:102:102:::/bin/false\n\
                 kubeadm-kcm:x:103:103:::/bin/false\nkubeadm-ks:x:104:104:::/bin/false\n";
    let groups = "kubeadm-etcd:x:101:kubeadm-etcd\nkubeadm-kas:x:102:kubeadm-kas\nkubeadm-kcm:x:103:kubeadm-kcm\n\
                  kubeadm-ks:x:104:kubeadm-ks\nkubeadm-sa-key-readers:x:105:kubeadm-kas,kubeadm-kcm\n";
    assert_eq!(accounts.passwd, format!("{PASSWD}{users}"));
    assert_eq!(accounts.group, format!("{GROUP}{groups}"));
    assert_eq!((accounts.user(KUBE_SCHEDULER), accounts.group_id(SA_KEY_READERS)), (104, 105));

    let again = Accounts::plan("", &accounts.passwd, &accounts.group).unwrap();
    assert_eq!(again, accounts, "a second time adds nothing");
}

#[test]
fn the_system_says_which_ids_are_its_own() {
    let defs = "# limits\nSYS_UID_MIN\t\t201\nSYS_UID_MAX 999\nSYS_GID_MIN 300\n#SYS_GID_MAX 5\n";
    // A last line without its end, and a line that is no user's.
    let accounts = Accounts::plan(defs, "+\nroot:x:0:0:root:/root:/bin/bash", "").unwrap();
    assert_eq!((accounts.user(ETCD), accounts.group_id(ETCD)), (201, 300));
    assert!(accounts.passwd.starts_with("+\nroot:x:0:0:root:/root:/bin/bash\nkubeadm-etcd:x:201:300:"));
    assert!(accounts.group.starts_with("kubeadm-etcd:x:300:"));
}

#[test]
fn keeps_a_part_that_is_there() {
    let group = "kubeadm-kas:x:500:kubeadm-kas\n";
    let accounts = Accounts::plan("", "kubeadm-kas:!:501:500::/:/bin/false\n", group).unwrap();
    assert_eq!((accounts.user(KUBE_APISERVER), accounts.group_id(KUBE_APISERVER)), (501, 500));
    assert_eq!(accounts.passwd.matches("kubeadm-kas:").count(), 1);
    assert!(accounts.passwd.contains("kubeadm-etcd:x:100:100:"));
}

#[test]
fn refuses_what_is_there_in_another_form() {
    let groups = "kubeadm-etcd:x:101:kubeadm-etcd\n";
    for (defs, passwd, group, told) in [
        ("SYS_UID_MAX many\n", "", "", "/etc/login.defs line 1: SYS_UID_MAX is no number: `many`"),
        (
            "",
            "kubeadm-etcd:x:1000:101:::/bin/false",
            groups,
            "the user `kubeadm-etcd` has the id 1000, which is outside of the system's 100-999",
        ),
        (
            "",
            "kubeadm-etcd:x:100:101:::/bin/sh",
            groups,
            "the user `kubeadm-etcd` has the shell `/bin/sh` instead of `/bin/false`",
        ),
        (
            "",
            "kubeadm-etcd:x:100:77:::/bin/false",
            groups,
            "the user `kubeadm-etcd` has the group 77, which is not that of the group `kubeadm-etcd`",
        ),
        (
            "",
            "",
            "kubeadm-etcd:x:5:kubeadm-etcd",
            "the group `kubeadm-etcd` has the id 5, which is outside of the system's 100-999",
        ),
        (
            "",
            "",
            "kubeadm-sa-key-readers:x:105:eve",
            "the group `kubeadm-sa-key-readers` has the members `eve` instead of `kubeadm-kas,kubeadm-kcm`",
        ),
        ("SYS_UID_MAX 102\n", "", "", "the user `kubeadm-ks` finds no free id in 100-102"),
    ] {
        assert_eq!(Accounts::plan(defs, passwd, group).unwrap_err().to_string(), told);
    }
}
