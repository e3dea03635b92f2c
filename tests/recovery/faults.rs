//! A disk that fails once, at any call of a run that makes, writes, flushes, renames or removes something: with an error of
//! input and output, no space, a file system that has become read-only, no descriptors. The error names the file and the
//! cause, what stands there is whole, and the same command finishes the job when the disk is well again.

use kubewright_crash::{Call, Errno, Kind};

use super::site::{Site, Undisturbed, all_of_it, each, is_root};
use super::workflow::{CERTS, INIT, RENEW, RESET, Workflow};

#[test]
fn init_goes_on_after_a_call_that_failed() {
    sweep(&INIT);
}

#[test]
fn phases_renewal_and_reset_go_on_after_a_call_that_failed() {
    [&CERTS, &RENEW, &RESET].into_iter().for_each(sweep);
}

/// How a disk lets such a call fail.
fn ways(call: &Call) -> &'static [Errno] {
    match call.kind {
        Kind::Open { .. } => &[Errno::EIO, Errno::ENOSPC, Errno::EROFS, Errno::EMFILE],
        Kind::Write { .. } | Kind::Sync { .. } => &[Errno::EIO, Errno::ENOSPC],
        Kind::MakeDirectory { .. } | Kind::Rename { .. } => &[Errno::EIO, Errno::ENOSPC, Errno::EROFS],
        Kind::Remove { .. } | Kind::Attributes { .. } | Kind::Truncate { .. } => &[Errno::EIO, Errno::EROFS],
        // Not a disk's business.
        Kind::Other { .. } | Kind::Send { .. } | Kind::Process => &[],
    }
}

/// The most ways that one call has.
const MOST_WAYS: usize = 4;

/// What `certs renew` says with its exit code, for those who run it at night.
const RENEWAL_FAILED: i32 = 12;

fn sweep(workflow: &Workflow) {
    if !is_root() {
        return;
    }
    let undisturbed = Undisturbed::of(workflow);
    let longest = (0..3).map(|_| Site::with(&undisturbed.before).calls(workflow.command).len()).max().unwrap();
    // Every call in every way, or in CI every fifth, in one way after the other.
    let points: Vec<(usize, usize)> = match all_of_it() {
        true => (1..=longest).flat_map(|nth| (0..MOST_WAYS).map(move |way| (nth, way))).collect(),
        false => (1..=longest).step_by(5).map(|nth| (nth, nth / 5)).collect(),
    };
    each(&format!("{}, a call failed", workflow.name), &points, |(nth, way)| {
        let site = Site::with(&undisturbed.before);
        once(workflow, &undisturbed, &site, *nth, *way)
    });
}

fn once(workflow: &Workflow, undisturbed: &Undisturbed, site: &Site, nth: usize, way: usize) -> Result<(), String> {
    let choose = |call: &Call| {
        let ways = ways(call);
        let way = if all_of_it() { way } else { way % ways.len().max(1) };
        ways.get(way).copied()
    };
    let (ended, failed) = site.fail(workflow.command, nth, choose);
    let Some((call, error)) = failed else { return Ok(()) };
    let told = |why: String| format!("call {nth}, {call}, failed with {error}: {why}\n{}", ended.said);
    let then = site.files();
    undisturbed.whole(&then, None).map_err(told)?;
    let well = match ended.code {
        Some(0) => true,
        Some(1 | RENEWAL_FAILED) => false,
        code => return Err(told(format!("it ended with {code:?}"))),
    };
    // What it can do without, it does without.
    if well && undisturbed.is_reached(&then, &then).is_ok() {
        return Ok(());
    }
    // Phases that ran at the same time may have met a journal that is closed. As kubeadm's, `reset` goes on when something
    // stays, and tells it.
    let cause = std::io::Error::from_raw_os_error(error as i32).to_string();
    let told_of =
        |line: &str| (well || line.starts_with("error: ")) && site.names(line, &call) && line.contains(&cause);
    if !ended.said.lines().any(told_of) {
        return Err(told("it does not name file and cause".into()));
    }
    site.run(workflow.command).map_err(told)?;
    undisturbed.is_reached(&site.files(), &then).map_err(told)
}
