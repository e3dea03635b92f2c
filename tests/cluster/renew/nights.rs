//! The nights of more than a year on one control plane: what `certs timer` sets up runs once in each, by a clock that is set
//! forward.
//!
//! A lab node has no systemd, so the test does what its timer does: it runs the words of the unit's `ExecStart` night after
//! night, late where the machine was off, and now and then the line for cron instead. libfaketime sets the clock of whatever the
//! unit starts, and of a client that greets the servers. Kubernetes asks the kernel without the C library and keeps the time of
//! today; both find the same certificates valid, because what is renewed holds since its authority does, as in kubeadm.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;
use std::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kubewright_crash::Ended;
use kubewright_lab::Node;
use time::{Duration, OffsetDateTime};
use x509_parser::pem::parse_x509_pem;

use super::super::march::{March, files};
use super::super::stage::said;
use super::super::tree::tree;
use super::{Client, LONGEST_GAP, PKI, kubelets_own};
use crate::laws::end_state::differences;

/// How many nights CI takes. `KUBEWRIGHT_NIGHTS=3600` by hand is nearly the life of an authority.
const NIGHTS: u32 = 400;
/// What the unit says: `--if-expires-within`.
const LIMIT: Duration = Duration::days(30);
/// Every so many nights servers are greeted although nothing has happened.
const GREETINGS: u32 = 20;
/// The nights on which cron does it, to have seen that its line does the same.
const BY_CRON: [u32; 3] = [7, 100, 250];
/// How many nights the machine is off, after one that went wrong and one on which it died.
const OFF: usize = 5;
/// How often it is tried again on the night on which it dies. More deaths come after that, before it succeeds.
const DEATHS: usize = 3;
/// Every so many new calls of a run, the run dies. By hand at each call: `KUBEWRIGHT_SWEEP=renew`.
const STEP: usize = 90;

/// What goes wrong, a night each, from when the certificates are due for the first time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    /// The disk cannot be written to.
    ReadOnly,
    /// The program dies half-way, each time that it is tried.
    Death,
    /// Nothing runs, and a persistent timer makes up for it by day, when the machine is on again.
    Off,
}

/// Lets the nights pass; returns to the present, with certificates that were renewed meanwhile.
pub fn pass(node: &Node) {
    let nights = std::env::var("KUBEWRIGHT_NIGHTS").map_or(NIGHTS, |nights| nights.parse().unwrap());
    // Where libfaketime keeps files; the machine's own stays as it is.
    node.run(["mount", "-t", "tmpfs", "nights", "/dev/shm"]).unwrap();
    let (timer, start) = (Timer::of(node), Instant::now());
    let mut troubles = [Trouble::ReadOnly, Trouble::Death].into_iter().chain([Trouble::Off; OFF]).peekable();
    let mut renewed: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    let (mut shown, mut begun, mut off) = (timer.greet(node, 0), false, false);
    let (mut march, undisturbed) = (March::of("renew", STEP), however_long(files(node)));
    for night in 0..nights {
        // Where it was off at night, it is made up for by day.
        let late = off;
        let hours = 24 * night + if late { 9 } else { 0 };
        let now = OffsetDateTime::now_utc() + Duration::hours(hours.into());
        let before = certificates(node);
        for (name, certificate) in before.iter().chain(&shown) {
            assert!(certificate.not_after > now, "night {night}: {name} ended at {}", certificate.not_after);
        }
        let due = due(&before, now);
        begun |= due.iter().any(|name| *name != KUBELET);
        let trouble = if begun { troubles.next() } else { None };
        off = trouble == Some(Trouble::Off);
        if off {
            continue;
        }
        let calm = trouble.is_none() && !late && due.is_empty();
        if !calm {
            assert_eq!(timer.check(node, hours), verdict(&before, now), "night {night}: {due:?} are due");
        }
        let client = (trouble.is_none() && !calm).then(|| Client::start(node, &node.address()));
        let old = tree(node, ["/etc/kubernetes"]);
        let unit = || timer.unit(node, hours);
        let ended = match trouble {
            Some(Trouble::ReadOnly) => Some(on_a_disk_that_cannot_be_written_to(node, unit())),
            Some(_) => (0..DEATHS).find_map(|_| march.once(&unit())),
            None if late => Some(march.until_it_ends(unit)),
            None if BY_CRON.contains(&night) => Some(timer.run_by_cron(node, hours)),
            None => Some(run(unit())),
        };
        let told = || format!("night {night}, {trouble:?}: {ended:#?}");
        let after = certificates(node);
        let new: BTreeSet<&str> =
            after.iter().filter(|(name, it)| before[*name] != **it).map(|(name, _)| &**name).collect();
        new.iter().for_each(|name| renewed.entry((*name).to_owned()).or_default().push(night));
        match (&ended, trouble) {
            (Some(ended), Some(Trouble::ReadOnly)) => {
                let why = ended.said.contains("Read-only file system");
                assert!(ended.code == Some(12) && why && new.is_empty(), "{}", told());
            }
            (None, Some(Trouble::Death)) => assert!(new.is_subset(&due), "{due:?}\n{}", told()),
            (Some(ended), None) => {
                assert_eq!((ended.code, &new), (Some(verdict(&after, now)), &due), "{}", told());
            }
            _ => panic!("it came to an end of its own: {}", told()),
        }
        if calm || trouble == Some(Trouble::ReadOnly) {
            assert_eq!(differences(&tree(node, ["/etc/kubernetes"]), &old), [""; 0], "{}", told());
        }
        if late && let Some(ended) = &ended {
            march.tell(ended, node, DEATHS + 1);
            let found = differences(&however_long(files(node)), &undisturbed);
            assert_eq!(found, [""; 0], "the renewed control plane, and the one before");
        }
        if let (Some(client), Some(ended)) = (client, &ended) {
            let gap = client.stop().longest_gap();
            eprintln!("night {night}: the longest gap was {:.1} s\n{}", gap.as_secs_f64(), ended.said);
            assert!(gap < LONGEST_GAP, "{gap:?}\n{}", told());
        }
        if !calm || night.is_multiple_of(GREETINGS) {
            shown = timer.greet(node, hours);
            if trouble.is_none() {
                assert!(shown.iter().all(|(name, it)| after[name] == *it), "servers show others\n{}", told());
                timer.metrics_agree(node, hours, &after);
            }
        }
    }
    eprintln!("{nights} nights in {:.1} s; renewed {renewed:?}", start.elapsed().as_secs_f64());
    assert_eq!(troubles.peek(), None, "not everything that can go wrong has");
    // Each one, and none more often than its end came near.
    let leaves: Vec<_> = certificates(node).into_keys().filter(|name| !is_authority(name)).collect();
    assert_eq!(renewed.keys().cloned().collect::<Vec<_>>(), leaves);
    let most = |name: &str| nights as usize / if name == KUBELET { 328 } else { 335 };
    assert!(renewed.iter().all(|(name, nights)| nights.len() <= most(name)), "{renewed:?}");
    let kept: usize = node.run(["sh", "-c", "ls /var/lib/kubewright/runs | wc -l"]).unwrap().trim().parse().unwrap();
    assert!(kept <= 21, "{kept} journals");
    node.run(["umount", "/dev/shm"]).unwrap();
}

/// What the timer starts, and when.
struct Timer {
    /// The words of `ExecStart`.
    words: Vec<String>,
    /// cron's `PATH`, and the line without its five fields and its user.
    cron: (String, String),
}

impl Timer {
    /// What `certs timer` prints on a node.
    fn of(node: &Node) -> Self {
        let program = node.run(["sh", "-c", "command -v kubewright"]).unwrap();
        let text = node.run(["kubewright", "certs", "timer", "--program", program.trim()]).unwrap();
        assert!(text.contains("\nOnCalendar=*-*-* 03:00:00\n") && text.contains("\nPersistent=true\n"), "{text}");
        let after = |prefix: &str| text.lines().filter_map(|line| line.strip_prefix(prefix)).next_back().unwrap();
        let words: Vec<String> = after("ExecStart=").split(' ').map(str::to_owned).collect();
        assert_eq!(words[0], program.trim());
        // What it says of itself.
        assert!(words.windows(2).any(|pair| pair == ["--if-expires-within", "30d"]), "{words:?}");
        let timer = Self { words, cron: (after("PATH=").to_owned(), after("17 3 * * * root ").to_owned()) };
        let (here, there) = (OffsetDateTime::now_utc(), run(ahead(node, 24_000, ["date", "+%s"])));
        let there: i64 = there.said.trim().parse().unwrap();
        let ahead = there - here.unix_timestamp() - 24_000 * 60 * 60;
        assert!((0..60).contains(&ahead), "the clock is not set forward: {ahead} s");
        timer
    }

    /// What the unit starts.
    fn unit(&self, node: &Node, hours: u32) -> Command {
        ahead(node, hours, self.words.iter().map(String::as_str))
    }

    /// As cron does it: the line is the shell's, `\%` a percent sign. Its long sleep is over at once, as time flies.
    fn run_by_cron(&self, node: &Node, hours: u32) -> Ended {
        let (path, line) = &self.cron;
        // Where the lab keeps its stand-in for systemctl.
        let path = format!("PATH={}:{path}", node.path("/").parent().unwrap().join("bin").display());
        let script = format!("sleep() {{ echo \"slept $1\"; }}\n{}", line.replace("\\%", "%"));
        let ended = run(ahead(node, hours, ["env", &path, "sh", "-c", &script]));
        let slept: Option<u32> = ended.said.lines().next().and_then(|it| it.strip_prefix("slept ")?.parse().ok());
        assert!(slept.is_some_and(|seconds| seconds < 3 * 60 * 60), "{}", ended.said);
        ended
    }

    /// The exit code of `certs check-expiration`.
    fn check(&self, node: &Node, hours: u32) -> i32 {
        let ended = run(ahead(node, hours, [&*self.words[0], "certs", "check-expiration"]));
        ended.code.unwrap_or_else(|| panic!("{}", ended.said))
    }

    /// What the servers show a client that checks it by a clock that is hours ahead. It comes with certificates of the node.
    fn greet(&self, node: &Node, hours: u32) -> Certificates {
        let address = node.address();
        let servers = [
            (
                "apiserver",
                "ca",
                "apiserver-kubelet-client",
                "6443/api/v1/namespaces/kube-system/configmaps/kubeadm-config",
            ),
            ("etcd/server", "etcd/ca", "etcd/healthcheck-client", "2379/health"),
            ("etcd/peer", "etcd/ca", "etcd/peer", "2380/version"),
        ];
        let greeted = servers.map(|(name, authority, own, at)| {
            let (ca, crt, key) =
                (format!("{PKI}/{authority}.crt"), format!("{PKI}/{own}.crt"), format!("{PKI}/{own}.key"));
            let url = format!("https://{address}:{at}");
            let retrying = ["--retry", "5", "--retry-all-errors", "--retry-delay", "2", "--max-time", "20"];
            let mut words = vec!["curl", "--silent", "--show-error", "--fail", "--http1.1", "--output", "/dev/null"];
            words.extend(retrying);
            words.extend(["--write-out", "%{certs}", "--cacert", &ca, "--cert", &crt, "--key", &key, &url]);
            let ended = run(ahead(node, hours, words));
            assert!(ended.succeeded(), "{url}, {hours} hours ahead: {}", ended.said);
            let at = ended.said.find("-----BEGIN").unwrap();
            (format!("{name}.crt"), Certificate::of(&ended.said.as_bytes()[at..]))
        });
        greeted.into_iter().collect()
    }

    /// Prometheus is told the same, and that each server shows what its file has.
    fn metrics_agree(&self, node: &Node, hours: u32, known: &Certificates) {
        const FILE: &str = "/run/kubewright.prom";
        let ended = run(ahead(node, hours, [&*self.words[0], "certs", "metrics", "--textfile", FILE]));
        assert!(ended.succeeded(), "{}", ended.said);
        let text = fs::read_to_string(node.path(FILE)).unwrap();
        let metrics = prometheus_parse::Scrape::parse(text.lines().map(|line| Ok(line.to_owned()))).unwrap();
        let values = |name: &str| -> Vec<i64> {
            let wanted =
                metrics.samples.iter().filter(|sample| sample.metric == format!("kubewright_certificate_{name}"));
            let value = |sample: &prometheus_parse::Sample| match sample.value {
                prometheus_parse::Value::Gauge(value) => value as i64,
                ref other => panic!("{other:?}"),
            };
            wanted.map(value).collect()
        };
        let (mut told, mut ends) = (values("not_after_timestamp_seconds"), Vec::new());
        ends.extend(known.values().map(|certificate| certificate.not_after.unix_timestamp()));
        told.sort_unstable();
        ends.sort_unstable();
        assert_eq!((told, values("served")), (ends, vec![1, 1, 1]), "{text}");
    }
}

/// A command by a clock that is hours ahead, as services run: without what a shell of root's knows.
fn ahead<'a>(node: &Node, hours: u32, words: impl IntoIterator<Item = &'a str>) -> Command {
    // libfaketime leaves files with the numbers of processes, and does not like to find one of another process.
    const SERVICE: &str = "umask 077; rm -f /dev/shm/*; LD_PRELOAD=$LIBFAKETIME exec \"$@\"";
    // The time that waits take is the machine's, and so are those of files.
    let (clock, words) = (format!("FAKETIME=+{hours}h"), words.into_iter().collect::<Vec<_>>());
    let mut all = vec!["env", "-u", "HOME", "-u", "KUBECONFIG", LIBFAKETIME, &clock];
    all.extend(["FAKETIME_DONT_FAKE_MONOTONIC=1", "NO_FAKE_STAT=1", "sh", "-c", SERVICE, "service"]);
    all.extend_from_slice(&words);
    node.command(all).unwrap()
}

/// Runs a command that nobody kills.
fn run(mut command: Command) -> Ended {
    let output = command.output().unwrap();
    Ended { code: output.status.code(), killed: false, said: said(&output) }
}

fn on_a_disk_that_cannot_be_written_to(node: &Node, command: Command) -> Ended {
    let remount = |how: &str| node.run(["mount", "-o", &format!("remount,bind,{how}"), "/etc/kubernetes"]).unwrap();
    remount("ro");
    let ended = run(command);
    remount("rw");
    ended
}

/// What files say, without how long their certificates hold: that is counted from when the authority began.
fn however_long(files: BTreeMap<String, String>) -> BTreeMap<String, String> {
    let days = |word: &&str| word.parse::<u32>().is_ok();
    let without = |text: String| text.split(' ').filter(|word| !days(word)).collect::<Vec<_>>().join(" ");
    files.into_iter().map(|(path, text)| (path, without(text))).collect()
}

/// Certificates by the names of their files.
type Certificates = BTreeMap<String, Certificate>;

/// One certificate, read by the test itself.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Certificate {
    not_before: OffsetDateTime,
    not_after: OffsetDateTime,
    serial: String,
}

impl Certificate {
    fn of(pem: &[u8]) -> Self {
        let (_, pem) = parse_x509_pem(pem).unwrap();
        let certificate = pem.parse_x509().unwrap();
        let validity = certificate.validity();
        let (not_before, not_after) = (validity.not_before.to_datetime(), validity.not_after.to_datetime());
        Self { not_before, not_after, serial: certificate.raw_serial_as_string() }
    }
}

/// Every certificate of the node: those in files of their own, in kubeconfigs, and the kubelet's.
fn certificates(node: &Node) -> Certificates {
    let read = |path: &str| fs::read(node.path(path)).unwrap();
    let mut found = Certificates::new();
    for directory in ["", "etcd/"] {
        for entry in fs::read_dir(node.path(&format!("{PKI}/{directory}"))).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if name.ends_with(".crt") {
                found.insert(format!("{directory}{name}"), Certificate::of(&read(&format!("{PKI}/{directory}{name}"))));
            }
        }
    }
    for name in ["admin.conf", "super-admin.conf", "controller-manager.conf", "scheduler.conf"] {
        let Ok(text) = fs::read_to_string(node.path(&format!("/etc/kubernetes/{name}"))) else { continue };
        let data = text.lines().find_map(|line| line.trim().strip_prefix("client-certificate-data: ")).unwrap();
        found.insert(name.to_owned(), Certificate::of(&STANDARD.decode(data).unwrap()));
    }
    found.insert(KUBELET.to_owned(), Certificate::of(&fs::read(kubelets_own(node)).unwrap()));
    found
}

/// The names of those that are to be renewed now, by what the documentation says.
fn due(known: &Certificates, now: OffsetDateTime) -> BTreeSet<&str> {
    let is_due = |(name, it): &(&String, &Certificate)| match name.as_str() {
        // The kubelet has had its time for it.
        KUBELET => (it.not_after - now) * 10 < (it.not_after - it.not_before).min(Duration::days(365)),
        name => !is_authority(name) && it.not_after - now < LIMIT,
    };
    known.iter().filter(is_due).map(|(name, _)| name.as_str()).collect()
}

/// The exit code for certificates that nobody could renew, or has renewed.
fn verdict(known: &Certificates, now: OffsetDateTime) -> i32 {
    let least = known.values().map(|certificate| certificate.not_after - now).min().unwrap();
    if least < Duration::ZERO {
        10
    } else if least < LIMIT {
        11
    } else {
        0
    }
}

fn is_authority(name: &str) -> bool {
    name.ends_with("ca.crt")
}

const KUBELET: &str = "kubelet-client-current.pem";
const LIBFAKETIME: &str = "LIBFAKETIME=/usr/$LIB/faketime/libfaketimeMT.so.1";
