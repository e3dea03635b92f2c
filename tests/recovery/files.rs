//! Killed before each call, for workflows that only change files; and the run after it killed, too.

use super::site::{Site, Undisturbed, all_of_it, each, evenly, is_root};
use super::workflow::{CERTS, CONTROL_PLANE, ETCD, INIT, KUBECONFIG, RENEW, RESET, Workflow};

#[test]
fn init_ends_the_same_whatever_call_it_dies_at() {
    sweep(&INIT);
}

#[test]
fn certs_all_ends_the_same_whatever_call_it_dies_at() {
    sweep(&CERTS);
}

#[test]
fn phases_end_the_same_whatever_call_they_die_at() {
    [&KUBECONFIG, &CONTROL_PLANE, &ETCD].into_iter().for_each(sweep);
}

#[test]
fn renewal_ends_the_same_whatever_call_it_dies_at() {
    sweep(&RENEW);
}

#[test]
fn reset_ends_the_same_whatever_call_it_dies_at() {
    sweep(&RESET);
}

fn sweep(workflow: &Workflow) {
    if !is_root() {
        return;
    }
    let undisturbed = Undisturbed::of(workflow);
    // Phases run side by side, so that runs differ by a few calls: the longest of some.
    let longest = (0..3).map(|_| Site::with(&undisturbed.before).calls(workflow.command).len()).max().unwrap();
    assert!(longest > workflow.calls, "{}: only {longest} calls were seen", workflow.name);
    let points: Vec<usize> = (1..=longest).collect();
    each(&format!("{}, killed before each call", workflow.name), &points, |nth| once(workflow, &undisturbed, *nth));

    // The second death comes somewhere else each time.
    let pairs = points.iter().map(|nth| (*nth, 1 + nth * 37 % longest)).collect();
    let pairs = if all_of_it() { pairs } else { evenly(pairs, longest / 6) };
    each(&format!("{}, and the run after it killed", workflow.name), &pairs, |pair| {
        twice(workflow, &undisturbed, *pair)
    });
}

fn once(workflow: &Workflow, undisturbed: &Undisturbed, nth: usize) -> Result<(), String> {
    let site = Site::with(&undisturbed.before);
    let call = site.kill(workflow.command, nth).unwrap_or_else(|| "nothing, it had ended".into());
    let told = |why: String| format!("killed before call {nth}, {call}: {why}");
    let at_death = site.files();
    undisturbed.whole(&at_death, None).map_err(told)?;
    site.run(workflow.command).map_err(told)?;
    undisturbed.is_reached(&site.files(), &at_death).map_err(told)
}

fn twice(workflow: &Workflow, undisturbed: &Undisturbed, (nth, again): (usize, usize)) -> Result<(), String> {
    let site = Site::with(&undisturbed.before);
    let calls = [site.kill(workflow.command, nth), site.kill(workflow.command, again)];
    let told = |why: String| format!("killed before call {nth} and then {again}, {calls:?}: {why}");
    let at_death = site.files();
    undisturbed.whole(&at_death, None).map_err(told)?;
    site.run(workflow.command).map_err(told)?;
    undisturbed.is_reached(&site.files(), &at_death).map_err(told)
}
