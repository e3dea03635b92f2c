//! Runs the cases, several at once, and compares.

use std::{
    num::NonZeroUsize,
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use crate::{
    allow::AllowList,
    case::{Case, Script},
    compare::{Compared, compare},
    dry_run::Side,
    error::{DifferentialError, Result},
    harvest::{Harvest, gather},
    older::Form,
    recording::{DEFAULT, Recordings},
    release::Release,
    report::{Report, Row},
    sandbox,
};

/// What is to be compared.
#[derive(Debug)]
pub struct Options {
    /// This directory: `cases/` and `allowed.yaml` are in it.
    pub data: PathBuf,
    /// docs/parity.md, which tells of every allowed difference.
    pub parity: PathBuf,
    /// kubewright.
    pub program: PathBuf,
    /// With what.
    pub peer: Peer,
    /// Only cases whose names contain this.
    pub filter: Option<String>,
    /// How many cases at once.
    pub jobs: NonZeroUsize,
    /// Whether what each side left is kept, in this directory.
    pub keep: Option<PathBuf>,
}

/// What kubewright is compared with.
#[derive(Debug)]
pub enum Peer {
    /// kubeadm of that release.
    Program {
        /// The binary.
        path: PathBuf,
        /// The release that both are to make.
        release: Release,
        /// Where to keep what it gave, if it is to be kept.
        record: Option<PathBuf>,
    },
    /// What kubeadm gave once.
    Recorded(PathBuf),
}

/// Compares.
///
/// # Errors
/// When the cases cannot be read or the sealed environment cannot be made. Differences are in the report.
pub fn run(options: &Options) -> Result<Report> {
    let release = match &options.peer {
        Peer::Program { release, .. } => *release,
        Peer::Recorded(dir) => Recordings::release(dir)?,
    };
    let mut cases = Case::load(&options.data.join("cases"), release)?;
    let allowed = AllowList::load(&options.data.join("allowed.yaml"), &options.parity, release)?;
    let all = cases.len();
    cases.retain(|case| options.filter.as_ref().is_none_or(|filter| case.name.contains(filter.as_str())));
    let recordings = match &options.peer {
        Peer::Recorded(dir) => Some(Recordings::open(dir)?),
        Peer::Program { .. } => None,
    };
    let scratch = tempfile::tempdir().map_err(DifferentialError::file("make", Path::new("a temporary directory")))?;
    let place = options.keep.as_deref().unwrap_or(scratch.path());
    let bench = Bench { options, release, allowed: &allowed, recordings, place };
    let next = AtomicUsize::new(0);
    let done: Mutex<Vec<(usize, Row, Harvest)>> = Mutex::default();
    thread::scope(|scope| {
        for _ in 0..options.jobs.get().min(cases.len()) {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(case) = cases.get(at) else { break };
                    let (row, theirs) = bench.case(case);
                    done.lock().unwrap_or_else(PoisonError::into_inner).push((at, row, theirs));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(at, ..)| *at);
    if let Peer::Program { record: Some(dir), .. } = &options.peer {
        record(dir, release, &done)?;
    }
    let whole = cases.len() == all;
    let unused = if whole { allowed.unused() } else { Vec::new() };
    let peer = match &options.peer {
        Peer::Program { .. } => "kubeadm",
        Peer::Recorded(_) => "recordings of kubeadm",
    };
    let rows = done.into_iter().map(|(_, row, _)| row).collect();
    Ok(Report { peer: peer.to_owned(), release, rows, unused })
}

fn record(dir: &Path, release: Release, done: &[(usize, Row, Harvest)]) -> Result<()> {
    let default = done.iter().find(|(_, row, _)| row.case == DEFAULT).map(|(.., theirs)| theirs);
    let recordings = Recordings::open(dir)?;
    let known = recordings.read(DEFAULT)?;
    let default = match (default, &known) {
        (Some(default), _) => {
            // The others refer to this one, so all are made anew.
            recordings.clear(release)?;
            recordings.write(DEFAULT, default, None)?;
            default
        }
        (None, Some(known)) if Recordings::release(dir)? == release => known,
        (None, _) => return Err(DifferentialError::data(DEFAULT, "the others refer to this case: record it first")),
    };
    for (_, row, theirs) in done.iter().filter(|(_, row, _)| row.case != DEFAULT && row.trouble.is_none()) {
        recordings.write(&row.case, theirs, Some(default))?;
    }
    Ok(())
}

/// What all cases need.
struct Bench<'a> {
    options: &'a Options,
    release: Release,
    allowed: &'a AllowList,
    recordings: Option<Recordings>,
    place: &'a Path,
}

impl Bench<'_> {
    fn case(&self, case: &Case) -> (Row, Harvest) {
        let mut row = Row {
            case: case.name.clone(),
            equal: 0,
            allowed: 0,
            different: 0,
            differences: Vec::new(),
            trouble: None,
            complaints: Vec::new(),
        };
        let (theirs, ours) = match self.both(case) {
            Ok(both) => both,
            Err(error) => {
                let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
                row.trouble = Some(format!("{error}{cause}"));
                return (row, Harvest::default());
            }
        };
        row.trouble = unexpected(case, &theirs).map(|what| format!("{what}: {}", theirs.complaints.join("; ")));
        let said = |harvest: &Harvest, at: usize| harvest.complaints.get(at).cloned().unwrap_or_default();
        row.complaints = (0..theirs.complaints.len().max(ours.complaints.len()))
            .map(|at| (said(&theirs, at), said(&ours, at)))
            .collect();
        for compared in telling(&theirs, &ours) {
            let some = !compared.differences.is_empty();
            let unmeant: Vec<_> = compared
                .differences
                .into_iter()
                .filter(|difference| !self.allowed.allows(&case.name, difference))
                .collect();
            match (some, unmeant.is_empty()) {
                (false, _) => row.equal += 1,
                (true, true) => row.allowed += 1,
                (true, false) => row.different += 1,
            }
            row.differences.extend(unmeant);
        }
        (row, theirs)
    }

    fn both(&self, case: &Case) -> Result<(Harvest, Harvest)> {
        let old = self.release.minor == 20;
        let form = if old { Form::V1beta2 } else { case.form };
        let script = case.script(self.release, form)?;
        let mut theirs = match (&self.recordings, &self.options.peer) {
            (Some(recordings), _) => recordings.read(&case.name)?.ok_or_else(|| {
                DifferentialError::data(
                    &case.name,
                    "nothing is recorded: run `cargo lab differential --record` with the newest kubeadm",
                )
            })?,
            (None, Peer::Program { path, .. }) => self.one(case, &script, path, Side::Kubeadm)?,
            (None, Peer::Recorded(_)) => Harvest::default(),
        };
        let mut ours = self.one(case, &script, &self.options.program, Side::Kubewright)?;
        // kubeadm shows patches in older dry runs only; in newer ones what it says about the node is compared instead.
        let idle = if old { "said about the node" } else { "object Node patch" };
        theirs.things.remove(idle);
        ours.things.remove(idle);
        Ok((theirs, ours))
    }

    fn one(&self, case: &Case, script: &Script, program: &Path, side: Side) -> Result<Harvest> {
        let dir = self.place.join(case.name.replace('/', "-")).join(format!("{side:?}").to_lowercase());
        let left = sandbox::run(case, script, program, self.release, dir)?;
        let given = format!("{:?}{:?}", script.config, script.steps);
        let harvest = gather(&left, side, &given);
        if self.options.keep.is_none() {
            // All at once they would fill the memory of small machines.
            let _ = std::fs::remove_dir_all(&left.dir);
        }
        harvest
    }
}

/// Compares what says something: where only one side refuses, all else is a consequence.
fn telling(theirs: &Harvest, ours: &Harvest) -> Vec<Compared> {
    let mut compared = compare(theirs, ours);
    if theirs.refuses() != ours.refuses() {
        compared.retain(|compared| compared.thing.starts_with("exit "));
    }
    compared
}

/// A case that is meant to be refused must be, and the other way round: or it shows less than it seems to.
fn unexpected(case: &Case, theirs: &Harvest) -> Option<&'static str> {
    let exits: Vec<bool> = theirs
        .things
        .iter()
        .filter(|(name, _)| name.starts_with("exit "))
        .map(|(_, value)| value == "succeeds")
        .collect();
    match case.refused {
        _ if exits.is_empty() => Some("no step runs the program"),
        true if exits.iter().all(|succeeds| *succeeds) => Some("kubeadm was meant to refuse, and did not"),
        false if !exits.iter().all(|succeeds| *succeeds) => Some("kubeadm refused"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_left_after_a_refusal_counts_where_both_refuse_recordings_too() {
        let side = |exit: &str, file: &str| {
            let things = [("exit kubeadm x".to_owned(), json!(exit)), ("file /y".to_owned(), json!(file))];
            // As read from a recording: complaints are not kept.
            Harvest { things: things.into(), complaints: Vec::new() }
        };
        let told = |theirs: &Harvest, ours: &Harvest| -> Vec<String> {
            let differences = telling(theirs, ours).into_iter().flat_map(|compared| compared.differences);
            differences.map(|difference| difference.thing).collect()
        };
        let mut ours = side("refuses", "b");
        ours.complaints.push("no".into());
        assert_eq!(told(&side("refuses", "a"), &ours), ["file /y"]);
        assert_eq!(told(&side("succeeds", "a"), &ours), ["exit kubeadm x"]);
    }
}
