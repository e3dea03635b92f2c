//! `reset` as it is typed: it asks, and whoever says no, or nothing, has lost nothing.

use super::program::Home;

#[test]
fn whoever_does_not_say_yes_has_lost_nothing() {
    for answer in ["", "n\n", "\n", "no\ny\n", "yess\n", "Y es\n"] {
        let home = Home::new();
        let said = home.run_as_kubeadm_saying(&["reset"], answer);
        assert_eq!(said.code, Some(1), "{answer:?}: {said:?}");
        assert_eq!(said.out, "[reset] Are you sure you want to proceed? [y/N]: ", "{answer:?}");
        let lines: Vec<&str> = said.err.lines().filter(|line| !line.starts_with("hint: ")).collect();
        assert_eq!(
            lines,
            [
                "[reset] WARNING: Changes made to this host by 'kubeadm init' or 'kubeadm join' will be reverted.",
                "error: error execution phase preflight: won't proceed; the user didn't answer (Y|y) in order to continue",
                "To see the stack trace of this error execute with --v=5 or higher",
            ],
            "{answer:?}"
        );
        assert_eq!(home.path().read_dir_utf8().unwrap().count(), 0, "not even a lock is made");
    }
}

/// As nobody it ends at the check that comes after the question.
#[test]
fn whoever_says_yes_or_force_goes_on() {
    for (arguments, answer) in [
        (&["reset"][..], "y\n"),
        (&["reset"], "Y\n"),
        (&["reset"], "yes"),
        (&["reset"], "YES\nno\n"),
        (&["reset", "-f"], ""),
        (&["reset", "--force"], ""),
        (&["reset", "--force=true"], ""),
        (&["reset", "--dry-run"], ""),
        (&["reset", "phase", "preflight", "--force"], ""),
        (&["reset", "phase", "pre-flight", "-f"], ""),
    ] {
        let said = Home::new().run_as_kubeadm_saying(arguments, answer);
        assert_eq!(said.code, Some(1), "{arguments:?}: {said:?}");
        assert!(said.err.contains("[ERROR IsPrivilegedUser]"), "{arguments:?}: {said:?}");
        assert!(said.out.contains("[preflight] Running pre-flight checks\n"), "{arguments:?}: {said:?}");
    }
}

#[test]
fn only_the_phase_that_asks_asks() {
    let home = Home::new();
    let said = home.run_as_kubeadm_saying(&["reset", "--force=false"], "");
    assert!(said.err.contains("won't proceed"), "{said:?}");
    let said = home.run_as_kubeadm_saying(&["reset", "phase", "preflight"], "n\n");
    assert!(said.err.contains("won't proceed"), "{said:?}");
    // A file's word counts, and the flag's more.
    let text = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ResetConfiguration\nforce: true\n";
    let file = home.write("reset.yaml", text);
    let said = home.run_as_kubeadm_saying(&["reset", "--config", file.as_str()], "");
    assert!(said.err.contains("[ERROR IsPrivilegedUser]"), "{said:?}");
}

#[test]
fn a_wrong_command_line_is_told_before_a_question_is_asked() {
    for (arguments, message) in [
        ("reset --config /nowhere -f", "can not mix '--config' with arguments [force]"),
        (
            "reset --config /nowhere --cert-dir x --cri-socket y --cleanup-tmp-dir",
            "can not mix '--config' with arguments [cert-dir cleanup-tmp-dir cri-socket]",
        ),
        ("reset phase cleanup-node --force", "unknown flag: --force for the phase cleanup-node; see --help"),
        (
            "reset phase remove-etcd-member --cert-dir x",
            "unknown flag: --cert-dir for the phase remove-etcd-member; see --help",
        ),
        ("reset --skip-phases=nope", "invalid phase name: nope"),
        ("reset --cert-dir relative", "certificatesDir"),
        ("reset --cri-socket tcp://1.2.3.4", "criSocket"),
        ("reset foo", "unknown command \"foo\" for \"kubeadm reset\""),
        ("reset phase all", "unknown command \"all\" for \"kubeadm reset phase\""),
    ] {
        let said = Home::new().run_as_kubeadm_saying(&arguments.split(' ').collect::<Vec<_>>(), "y\n");
        assert_eq!((said.code, said.out.as_str()), (Some(1), ""), "{arguments}: {said:?}");
        assert!(said.err.contains(message), "{arguments}: {said:?}");
    }
}
