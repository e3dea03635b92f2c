//! Our name in what is printed.

use super::renamed;

#[test]
fn names_the_program_but_no_path() {
    let text = "run `kubewright init` again; kubewright's lock is /var/lib/kubewright/lock, see kubewright.io";
    let said = renamed(text, "kubeadm");
    assert_eq!(said, "run `kubeadm init` again; kubeadm's lock is /var/lib/kubewright/lock, see kubeadm.io");
    assert_eq!(renamed("`kubewright_phases` of my-kubewright", "kubeadm"), "`kubewright_phases` of my-kubewright");
}
