//! Habits of kubeadm's flag library.

use super::{behind_commands, go_bool, with_dashes};

#[test]
fn flags_before_a_command_are_that_commands() {
    for (typed, meant) in [
        ("x init --cert-dir d phase certs --dry-run ca", "x init phase certs ca --cert-dir d --dry-run"),
        ("x -v 3 init --config f", "x init -v 3 --config f"),
        ("x -v3 init --upload-certs phase certs", "x init phase certs -v3 --upload-certs"),
        ("x config --config f images --rootfs / list", "x config images list --config f --rootfs /"),
        ("x init --config phase", "x init --config phase"),
        ("x init --config=f phase --nope certs", "x init phase certs --config=f --nope"),
        ("x completion -v 1 bash version", "x completion -v 1 bash version"),
        ("x init --dry-run -- phase certs", "x init --dry-run -- phase certs"),
        ("x init phase certs", "x init phase certs"),
    ] {
        let typed = typed.split(' ').map(Into::into).collect();
        let found = behind_commands(&mut crate::command_line::command(), typed);
        let found: Vec<&str> = found.iter().map(|word| word.to_str().unwrap()).collect();
        assert_eq!(found.join(" "), meant);
    }
}

#[test]
fn names_of_flags_get_dashes_and_values_stay() {
    let typed = ["init", "--dry_run", "--node_name=a_b", "-v", "a_b", "--", "--x_y"].map(Into::into);
    let spelled = with_dashes(typed);
    assert_eq!(spelled, ["init", "--dry-run", "--node-name=a_b", "-v", "a_b", "--", "--x_y"]);
}

#[test]
fn truth_is_what_go_takes_for_it() {
    assert_eq!((go_bool("T"), go_bool("0"), go_bool("yes")), (Some(true), Some(false), None));
}
