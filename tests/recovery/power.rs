//! The power is cut at any instant of a recorded run: every state that a file system may come back with, as far as it can
//! be listed, and many of the rest; from each the same command goes on.

use kubewright_crash::disk::{Disk, State};
use kubewright_crash::{Recording, Tree};

use super::site::{Site, Undisturbed, all_of_it, each, evenly, is_root};
use super::workflow::{CERTS, INIT, KUBECONFIG, RENEW, RESET, Workflow};

#[test]
fn init_goes_on_after_a_power_cut() {
    cut(&INIT, 500);
}

#[test]
fn phases_go_on_after_a_power_cut() {
    cut(&CERTS, 100);
    cut(&KUBECONFIG, 100);
}

#[test]
fn renewal_and_reset_go_on_after_a_power_cut() {
    cut(&RENEW, 50);
    cut(&RESET, 50);
}

/// The power is cut while a run goes on with one that was killed.
#[test]
fn init_goes_on_after_a_power_cut_of_the_run_that_went_on() {
    if !is_root() {
        return;
    }
    let undisturbed = Undisturbed::of(&INIT);
    let longest = Site::with(&undisturbed.before).calls(INIT.command).len();
    let deaths = if all_of_it() { 16 } else { 4 };
    for part in 1..=deaths {
        let nth = longest * part / (deaths + 1);
        let site = Site::with(&undisturbed.before);
        site.kill(INIT.command, nth);
        let what = format!("{}, killed before call {nth}, power cut in the run after it", INIT.name);
        cuts(&what, &INIT, &undisturbed, &site.record(INIT.command), &site.files(), 60);
    }
}

fn cut(workflow: &Workflow, most: usize) {
    if !is_root() {
        return;
    }
    let undisturbed = Undisturbed::of(workflow);
    let site = Site::with(&undisturbed.before);
    let recording = site.record(workflow.command);
    cuts(&format!("{}, power cut", workflow.name), workflow, &undisturbed, &recording, &site.files(), most);
}

fn cuts(what: &str, workflow: &Workflow, undisturbed: &Undisturbed, recording: &Recording, after: &Tree, most: usize) {
    let states = Disk::of(recording).states(if all_of_it() { 20 } else { 5 });
    // The last word of the model is what really was there, or it models something else.
    let last = states.iter().rfind(|state| state.tree == *after);
    assert!(last.is_some(), "{what}: no state is what the run left");
    // Looking costs nothing: every state is looked at, also where only some are tried.
    let looks = states.iter().filter_map(|state| {
        let why = undisturbed.whole(&state.tree, Some(after)).err()?;
        Some(format!("\n- {}: {why}", state.cut))
    });
    let torn: Vec<String> = looks.collect();
    let shown = torn.iter().take(10).map(String::as_str).collect::<String>();
    assert!(torn.is_empty(), "{what}: {} of {} states have a file that is not whole:{shown}", torn.len(), states.len());
    let all = states.len();
    let states = if all_of_it() { states } else { evenly(states, most) };
    each(&format!("{what}, of {all} states"), &states, |State { cut, tree }| {
        let told = |why: String| format!("{cut}: {why}");
        let site = Site::with(tree);
        site.run(workflow.command).map_err(told)?;
        undisturbed.is_reached(&site.files(), tree).map_err(told)
    });
}
