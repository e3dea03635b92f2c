//! `cargo lab test`: format, lints, what may be depended on, and every test. What cannot be checked is a failure, with a
//! word on what is missing; nothing is left out in silence.

use std::{
    fs::Permissions,
    num::NonZero,
    os::unix::fs::PermissionsExt as _,
    panic::resume_unwind,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::Instant,
};

use clap::Args;
use tempfile::TempDir;

use crate::{
    cli::Binaries,
    differential,
    error::{LabError, Result},
    lab::{Lab, for_slot},
    layout::{self, Cache},
    mutations, packages,
    program::{capture, find, program, show},
    say, workspace,
};

/// Which checks to run.
#[derive(Args, Debug)]
pub(crate) struct Test {
    /// Run only the tests whose names contain this, and no other check
    filter: Option<String>,
    /// Leave out what needs root: the tests on lab nodes, and the comparison with kubeadm
    #[arg(long)]
    no_cluster: bool,
    #[command(flatten)]
    binaries: Binaries,
}

/// What has been checked so far.
#[derive(Default)]
struct Tally {
    passed: usize,
    failed: Vec<String>,
}

impl Test {
    /// Runs the checks, all of them even when one fails.
    pub(crate) fn run(&self) -> Result<()> {
        let cache = Cache::find()?;
        let mut tally = Tally::default();
        if self.filter.is_none() {
            tally.check("format", format());
            tally.check("lints", lints());
            tally.check("dependencies", dependencies(&cache));
        }
        if !packages::is_root()? {
            say::step("without root, the tests of owners, RootlessControlPlane and --rootfs pass without looking");
        }
        let runner = Runner::find();
        let run = runner.run("default", self);
        tally.tests("tests without a cluster", run, self.filter.is_some());
        if self.no_cluster {
            say::step("the tests on lab nodes and the comparison with kubeadm are left out: --no-cluster");
            self.plant_bugs(&mut tally);
        } else {
            self.on_machine(&runner, &cache, &mut tally);
        }
        tally.close()
    }

    /// Runs what needs root. Tests on nodes wait most of their time, and what only computes takes what they leave: it stands back
    /// by its nice value, which Linux keeps for each thread and hands down to what that starts.
    fn on_machine(&self, runner: &Runner, cache: &Cache, tally: &mut Tally) {
        let mut beside = Tally::default();
        let nodes = thread::scope(|scope| {
            let computing = scope.spawn(|| {
                if let Err(error) = rustix::process::nice(STAND_BACK) {
                    say::step(&format!("what runs beside the tests on nodes does not stand back: {error}"));
                }
                let compared = differential::both(cache, self.filter.as_deref());
                let counts = compared.map(|(passed, failed)| Counts { passed, failed });
                beside.tests("comparison with kubeadm", counts, self.filter.is_some());
                // Last, because its build would keep Cargo from starting the tests on nodes.
                self.plant_bugs(&mut beside);
            });
            let run = self.prepare(cache).and_then(|_lock| {
                let run = runner.run("cluster", self);
                down().and(run)
            });
            computing.join().unwrap_or_else(|panic| resume_unwind(panic));
            run
        });
        tally.tests("tests on lab nodes", nodes, self.filter.is_some());
        tally.passed += beside.passed;
        tally.failed.append(&mut beside.failed);
    }

    /// Runs the tests of the tests, unless single tests were asked for.
    fn plant_bugs(&self, tally: &mut Tally) {
        if self.filter.is_none() {
            let caught = mutations::run().map(|passed| Counts { passed, failed: 0 });
            tally.tests("deliberate bugs", caught, false);
        }
    }

    /// Gets nodes' ingredients ready, so that no test has to, and keeps other runs off the tests' labs. Tests hand nodes on
    /// to each other; a run that was interrupted may have left some of another Kubernetes.
    fn prepare(&self, cache: &Cache) -> Result<std::fs::File> {
        let lock = cache.lock("tests")?;
        down()?;
        Lab::open(TEST_LAB)?.prepare(self.binaries.kubernetes.as_deref())?;
        Ok(lock)
    }

    /// Tells the tests which lab is theirs, and which Kubernetes to run on it.
    fn on_nodes(&self, command: &mut Command) {
        command.env("KUBEWRIGHT_LAB_NAME", TEST_LAB);
        if let Some(dir) = &self.binaries.kubernetes {
            command.env("KUBEWRIGHT_LAB_KUBERNETES", dir);
        }
    }
}

/// Ends the labs of all tests.
fn down() -> Result<()> {
    (0..LABS).try_for_each(|slot| Lab::open(&for_slot(TEST_LAB, slot))?.down())
}

impl Tally {
    /// Counts a check that is one thing.
    fn check(&mut self, name: &str, outcome: Result<()>) {
        match outcome {
            Ok(()) => self.passed += 1,
            Err(error) => self.fail(name, &error),
        }
    }

    /// Counts a run of many tests. A filter that matches none on one side is fine as long as it does on the other.
    fn tests(&mut self, name: &str, outcome: Result<Counts>, may_be_none: bool) {
        match outcome {
            Ok(counts) if counts.failed == 0 && (counts.passed > 0 || may_be_none) => self.passed += counts.passed,
            Ok(counts) if counts.failed == 0 => {
                self.fail(
                    name,
                    &LabError::missing("no test ran", "there should be some; look at .config/nextest.toml"),
                );
            }
            Ok(counts) => {
                self.passed += counts.passed;
                self.failed.extend((0..counts.failed).map(|_| name.to_owned()));
            }
            Err(error) => self.fail(name, &error),
        }
    }

    fn fail(&mut self, name: &str, error: &LabError) {
        say::step(&format!("FAILED {name}: {error}"));
        self.failed.push(name.to_owned());
    }

    fn close(self) -> Result<()> {
        let (passed, failed) = (self.passed, self.failed.len());
        if passed + failed == 0 {
            return Err(LabError::missing("no test has such a name", "try a shorter one"));
        }
        say::answer(&format!("{passed} passed, {failed} failed"));
        if failed == 0 { Ok(()) } else { Err(LabError::Checks { failed, total: passed + failed }) }
    }
}

/// How many tests of a run passed and failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Counts {
    passed: usize,
    failed: usize,
}

/// What runs tests on this machine.
enum Runner {
    Nextest,
    Cargo,
}

impl Runner {
    fn find() -> Self {
        let asked = capture(&mut workspace::cargo(["nextest", "--version"]));
        if asked.is_ok_and(|out| out.status.success()) {
            return Self::Nextest;
        }
        say::step("cargo-nextest is not installed: `cargo test` takes its place, without time limits and one by one");
        Self::Cargo
    }

    fn run(&self, profile: &str, test: &Test) -> Result<Counts> {
        match self {
            Self::Nextest => nextest(profile, test),
            Self::Cargo => cargo_test(profile, test),
        }
    }
}

fn nextest(profile: &str, test: &Test) -> Result<Counts> {
    // Nextest's own directory is under the root, wherever Cargo's target directory is.
    let report = workspace::root().join("target/nextest").join(profile).join("junit.xml");
    layout::remove(&report)?;
    let mut command = workspace::cargo(["nextest", "run", "--workspace", "--profile", profile, "--no-tests", "pass"]);
    // Many of those without nodes wait, for an etcd or for a limit of time: twice as many as there are cores keep these busy.
    let in_memory = if profile == "cluster" {
        test.on_nodes(command.args(["--run-ignored", "all"]));
        None
    } else {
        command.arg(format!("--test-threads={}", 2 * thread::available_parallelism().map_or(1, NonZero::get)));
        memory()?
    };
    if let Some(directory) = &in_memory {
        command.env("TMPDIR", directory.path());
    }
    command.args(&test.filter);
    let ran = stage(&format!("tests, profile {profile}"), &mut command);
    let counts = layout::read(&report)?.as_deref().and_then(junit_counts);
    match (ran, counts) {
        // A run that ended without a failed test, and yet badly, did not run them all.
        (Err(error), Some(Counts { failed: 0, .. }) | None) => Err(error),
        (_, Some(counts)) => Ok(counts),
        (Ok(()), None) => Ok(Counts { passed: 0, failed: 0 }),
    }
}

/// A directory for what tests write, where a flush takes no time: they flush each file and directory, and look at the calls, not
/// at a disk. Open to the users that tests run the program as. `None` on a machine without such a place.
fn memory() -> Result<Option<TempDir>> {
    let place = Path::new("/dev/shm");
    if !place.is_dir() {
        return Ok(None);
    }
    let mut named = tempfile::Builder::new();
    let made = named.prefix("tests-of-lab-").permissions(Permissions::from_mode(0o755)).tempdir_in(place);
    made.map(Some).map_err(LabError::file("make a directory in", place))
}

/// Without nextest tests are counted by cargo's own summary lines, which name no profile.
fn cargo_test(profile: &str, test: &Test) -> Result<Counts> {
    let mut command = workspace::cargo(["test", "--workspace", "--no-fail-fast", "--"]);
    if profile == "cluster" {
        test.on_nodes(command.args(["--ignored", "--test-threads=1", "cluster::"]));
        if test.filter.is_some() {
            let hint = "install cargo-nextest, or leave the filter out";
            return Err(LabError::missing("cannot choose among the tests on lab nodes", hint));
        }
    } else {
        command.args(&test.filter);
    }
    say::step(&format!("{profile}: cargo test"));
    let out = capture(&mut command)?;
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    say::answer(&text);
    say::answer(&String::from_utf8_lossy(&out.stderr));
    let counts = cargo_counts(&text);
    if !out.status.success() && counts.failed == 0 {
        return Err(crate::program::failed(&command, &out));
    }
    Ok(counts)
}

fn format() -> Result<()> {
    let workspace_files = stage("format", &mut workspace::cargo(["fmt", "--all", "--check"]));
    // Phases are modules behind a generated list, where `cargo fmt` does not look.
    let phases = rust_files(&workspace::root().join("phases"));
    let mut rustfmt = program("rustfmt", ["--edition", "2024", "--check"]);
    let generated = show(rustfmt.args(phases).current_dir(workspace::root()));
    workspace_files.and(generated)
}

fn lints() -> Result<()> {
    let mut clippy = workspace::cargo(["clippy", "--quiet", "--workspace", "--all-targets", "--", "-D", "warnings"]);
    stage("lints", &mut clippy)
}

fn dependencies(cache: &Cache) -> Result<()> {
    let deny = cargo_deny(cache)?;
    let mut check = program(deny, ["--log-level", "error", "--config", ".cargo/deny.toml", "check"]);
    check.args(["--hide-inclusion-graph", "bans", "licenses", "sources"]).current_dir(workspace::root());
    stage("dependencies", &mut check)
}

/// cargo-deny of the machine, or else one built once into the cache.
fn cargo_deny(cache: &Cache) -> Result<PathBuf> {
    let tools = cache.tools();
    if let Some(found) = find("cargo-deny", &[&tools.join("bin")]) {
        return Ok(found);
    }
    let _lock = cache.lock("cargo-deny")?;
    if tools.join("bin/cargo-deny").is_file() {
        return Ok(tools.join("bin/cargo-deny"));
    }
    say::step("building cargo-deny, once; it takes minutes");
    let mut install = workspace::cargo(["install", "--quiet", "--locked", "cargo-deny", "--version", CARGO_DENY]);
    // Outside the clone, whose settings are not meant for it.
    install.arg("--root").arg(&tools).current_dir("/").env_remove("CARGO_TARGET_DIR");
    show(&mut install)?;
    Ok(tools.join("bin/cargo-deny"))
}

/// Runs one check on the terminal, with its name before and its time after.
fn stage(name: &str, command: &mut Command) -> Result<()> {
    let start = Instant::now();
    say::step(&format!("{name}: {}", crate::program::line(command)));
    // Their talk is not the answer, which is one line at the end.
    let done = show(command.stdout(std::io::stderr()));
    say::step(&format!("{name} took {:.0} s", start.elapsed().as_secs_f64()));
    done
}

fn rust_files(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|end| end == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// The counts in the root element of a JUnit report.
fn junit_counts(report: &str) -> Option<Counts> {
    let root = report.split_once("<testsuites ")?.1.split_once('>')?.0;
    let count = |name: &str| -> Option<usize> {
        root.split_once(&format!(" {name}=\"")).and_then(|(_, rest)| rest.split_once('"'))?.0.parse().ok()
    };
    let failed = count("failures")? + count("errors")?;
    Some(Counts { passed: count("tests")?.checked_sub(failed)?, failed })
}

/// The sum of the lines in which cargo's own test runner tells its counts.
fn cargo_counts(said: &str) -> Counts {
    let mut counts = Counts { passed: 0, failed: 0 };
    for line in said.lines().filter_map(|line| line.strip_prefix("test result: ")) {
        let number = |word: &str| {
            let words: Vec<&str> = line.split([' ', ';']).collect();
            let at = words.iter().position(|w| *w == word)?;
            words.get(at.checked_sub(1)?)?.parse::<usize>().ok()
        };
        counts.passed += number("passed").unwrap_or(0);
        counts.failed += number("failed").unwrap_or(0);
    }
    counts
}

/// The lab that tests use, so that they leave the user's own alone.
pub(crate) const TEST_LAB: &str = "test";

/// How many tests on nodes run at the same time, each in a lab of its own.
const LABS: usize = 4;

/// How far what only computes stands back from tests on nodes, which have moments to keep.
const STAND_BACK: i32 = 10;

const CARGO_DENY: &str = "0.20.2";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_come_from_the_report_and_from_cargos_lines() {
        let report = "<?xml version=\"1.0\"?>\n<testsuites name=\"nextest-run\" tests=\"12\" failures=\"2\" errors=\"1\" uuid=\"x\">";
        assert_eq!(junit_counts(report), Some(Counts { passed: 9, failed: 3 }));
        assert_eq!(junit_counts("<other/>"), None);
        let said = "test result: ok. 3 passed; 0 failed; 1 ignored\ntest result: FAILED. 4 passed; 2 failed; 0 ignored";
        assert_eq!(cargo_counts(said), Counts { passed: 7, failed: 2 });
    }

    #[test]
    fn nextest_runs_as_many_tests_on_nodes_as_there_are_labs() {
        let settings = include_str!("../../.config/nextest.toml");
        let (_, cluster) = settings.split_once("[profile.cluster]").unwrap();
        assert!(cluster.contains(&format!("\ntest-threads = {LABS}\n")), "{cluster}");
        assert_eq!([for_slot("test", 0), for_slot("test", 1)], ["test", "test2"]);
    }

    #[test]
    fn a_run_without_tests_is_a_failure_unless_a_filter_was_given() {
        let none = Counts { passed: 0, failed: 0 };
        let mut tally = Tally::default();
        tally.tests("x", Ok(none), true);
        assert!(tally.failed.is_empty());
        tally.tests("x", Ok(none), false);
        assert_eq!(tally.failed, ["x"]);
    }
}
