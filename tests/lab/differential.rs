//! `cargo lab differential`: the same configurations through real kubeadm and through kubewright.

use std::{
    num::NonZeroUsize,
    path::{Path, PathBuf},
    time::Instant,
};

use clap::Args;
use kubewright_differential::{DifferentialError, Options, Peer, Release, Report, run};

use crate::{
    debian_build,
    error::{LabError, Result},
    layout::{self, Cache},
    packages, say, workspace,
};

/// What to compare with, and what of it.
#[derive(Args, Debug)]
pub(crate) struct Differential {
    /// The kubeadm to compare with, instead of 1.20.2 built from Debian's source package
    #[arg(long, value_name = "PATH")]
    peer: Option<PathBuf>,
    /// The release that both are to make
    #[arg(long, value_name = "VERSION", default_value = "v1.20.2")]
    kubernetes_version: String,
    /// Compare with what kubeadm gave when it was last recorded
    #[arg(long, conflicts_with_all = ["peer", "kubernetes_version"])]
    recorded: bool,
    /// Keep what the peer gives as the recordings that `--recorded` reads
    #[arg(long, requires = "peer")]
    record: bool,
    /// Only cases whose names contain this
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// How many cases at once
    #[arg(long, value_name = "COUNT", default_value = "2")]
    jobs: NonZeroUsize,
    /// Write the table as Markdown
    #[arg(long, value_name = "FILE")]
    table: Option<PathBuf>,
    /// Keep what both sides left, in this directory
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
}

impl Differential {
    /// Compares, prints the table and the totals, and fails if anything differs that is not meant to.
    pub(crate) fn run(&self) -> Result<()> {
        packages::require_root()?;
        let release: Release = self.kubernetes_version.parse().map_err(unable)?;
        let peer = match (&self.peer, self.recorded) {
            (_, true) => Peer::Recorded(recordings()),
            (Some(path), _) => {
                let path = path.canonicalize().map_err(LabError::file("find", path))?;
                Peer::Program { path, release, record: self.record.then(recordings) }
            }
            (None, _) => Peer::Program { path: kubeadm(&Cache::find()?)?, release, record: None },
        };
        let program = workspace::build("kubewright", "dev")?;
        let report = compare(program, peer, self.filter.clone(), self.jobs, self.keep.clone())?;
        if report.passed() + report.failed() == 0 {
            return Err(LabError::missing(
                "no case has such a name",
                "try a shorter one, or see tests/differential/cases",
            ));
        }
        say::answer(&report.text());
        if let Some(file) = &self.table {
            layout::write(file, report.markdown())?;
        }
        match report.failed() {
            0 => Ok(()),
            failed => Err(LabError::Checks { failed, total: failed + report.passed() }),
        }
    }
}

/// Compares all cases with the peer that the lab builds, and with the recordings; tells how many passed and failed.
pub(crate) fn both(cache: &Cache, filter: Option<&str>) -> Result<(usize, usize)> {
    let release = "v1.20.2".parse().map_err(unable)?;
    let peers = [Peer::Program { path: kubeadm(cache)?, release, record: None }, Peer::Recorded(recordings())];
    let jobs = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    // The one that the tests ran: built by itself, its libraries would be compiled anew with fewer features.
    let program = workspace::built_for_tests("kubewright")?;
    let mut counts = (0, 0);
    for peer in peers {
        let report = compare(program.clone(), peer, filter.map(str::to_owned), jobs, None)?;
        counts = (counts.0 + report.passed(), counts.1 + report.failed());
    }
    Ok(counts)
}

fn compare(
    program: PathBuf,
    peer: Peer,
    filter: Option<String>,
    jobs: NonZeroUsize,
    keep: Option<PathBuf>,
) -> Result<Report> {
    let start = Instant::now();
    let root = workspace::root();
    let options = Options {
        data: root.join("tests/differential"),
        parity: root.join("docs/parity.md"),
        program,
        peer,
        filter,
        jobs,
        keep,
    };
    let before = machine()?;
    let report = run(&options).map_err(unable)?;
    if machine()? != before {
        let hint = "the sealed environment leaks, or something else worked on this machine meanwhile";
        return Err(LabError::missing("files of this machine's own Kubernetes changed", hint));
    }
    for line in report.troubles() {
        say::step(&line);
    }
    say::step(&format!("{}, in {:.0} s", report.summary(), start.elapsed().as_secs_f64()));
    Ok(report)
}

fn kubeadm(cache: &Cache) -> Result<PathBuf> {
    Ok(debian_build::ensure(cache, debian_build::DEBIAN_RELEASE)?.join("kubeadm"))
}

fn recordings() -> PathBuf {
    workspace::root().join("tests/fixtures/differential")
}

fn unable(error: DifferentialError) -> LabError {
    let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
    LabError::missing(format!("cannot compare: {error}{cause}"), "see docs/lab.md")
}

/// Everything that a run which escaped would have changed, with its contents.
fn machine() -> Result<Vec<(PathBuf, Vec<u8>)>> {
    let mut found = Vec::new();
    for place in ["/etc/kubernetes", "/var/lib/kubelet", "/var/lib/etcd", "/var/lib/kubewright"] {
        gather(Path::new(place), &mut found)?;
    }
    found.sort();
    Ok(found)
}

fn gather(path: &Path, found: &mut Vec<(PathBuf, Vec<u8>)>) -> Result<()> {
    if path.is_dir() && !path.is_symlink() {
        let entries = std::fs::read_dir(path).map_err(LabError::file("list", path))?;
        for entry in entries {
            gather(&entry.map_err(LabError::file("list", path))?.path(), found)?;
        }
    } else if path.is_file() {
        found.push((path.to_owned(), std::fs::read(path).map_err(LabError::file("read", path))?));
    }
    Ok(())
}
