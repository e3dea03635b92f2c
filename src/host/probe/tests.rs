//! Looks at the machine that runs the tests, as far as something is true on every one, and at made-up trees.

use std::io::Write as _;
use std::os::unix::net::UnixListener;
use std::time::Instant;

use super::*;
use crate::fixture::Place;

fn probe(place: &Place) -> Arc<HostProbe> {
    HostProbe::new(place.root())
}

#[test]
fn agrees_with_the_kernel() {
    let probe = HostProbe::new(Root::system());
    let text = |path: &str| std::fs::read_to_string(path).unwrap();
    assert_eq!(probe.hostname(), text("/proc/sys/kernel/hostname").trim().to_lowercase());
    assert_eq!(probe.kernel_release(), text("/proc/sys/kernel/osrelease").trim());
    assert_eq!(probe.kernel_release(), probe.read("/proc/sys/kernel/osrelease".into()).unwrap().trim());
    let total: u64 = text("/proc/meminfo").lines().next().unwrap().split_whitespace().nth(1).unwrap().parse().unwrap();
    assert!(probe.memory_mib().abs_diff(total / 1024) <= 1, "{} and {}", probe.memory_mib(), total / 1024);
    assert!(probe.cpus() >= 1);
    assert!(probe.environment().iter().any(|(name, _)| name == "PATH"));
}

#[test]
fn finds_the_loopback_interface() {
    let probe = HostProbe::new(Root::system());
    let interfaces = probe.interfaces();
    let lo = interfaces.iter().find(|interface| interface.name == "lo").expect("every machine has one");
    assert!(lo.loopback && !lo.point_to_point);
    assert!(!lo.up || lo.addresses.contains(&IpAddr::from([127, 0, 0, 1])), "{lo:?}");
    let mut names: Vec<&str> = interfaces.iter().map(|interface| interface.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), interfaces.len(), "one entry for each interface");
}

#[test]
fn reads_files_and_directories() {
    let place = Place::new();
    place.put("/etc/b", "text", 0o600);
    place.put("/etc/a", "", 0o600);
    std::fs::write(place.at("/etc/large"), vec![b'x'; MAX_READ as usize + 1]).unwrap();
    let probe = probe(&place);
    assert_eq!(probe.read("/etc/b".into()).unwrap(), "text");
    for unreadable in ["/etc", "/etc/none", "/etc/large", "/etc/b/below"] {
        assert_eq!(probe.read(unreadable.into()), None, "{unreadable}");
    }
    assert_eq!(probe.list("/etc".into()).unwrap(), ["a", "b", "large"]);
    assert_eq!(probe.list("/none".into()), None);
    assert!(probe.exists("/etc/a".into()) && probe.exists("/etc".into()) && !probe.exists("/etc/c".into()));
}

#[test]
fn says_what_stands_at_a_path_without_following_a_link() {
    let place = Place::new();
    place.put("/etc/dir/file", "text", 0o600);
    std::os::unix::fs::symlink("dir", place.at("/etc/link")).unwrap();
    let _socket = UnixListener::bind(place.at("/etc/socket")).unwrap();
    for probe in [probe(&place), HostProbe::new(Root::system())] {
        let entry = |path: &str| match probe.root == Root::system() {
            true => probe.entry(&place.at(path)),
            false => probe.entry(path.into()),
        };
        assert_eq!(entry("/etc/dir"), Some(Entry::Directory));
        assert_eq!(entry("/etc/dir/file"), Some(Entry::File));
        assert_eq!(entry("/etc/link"), Some(Entry::Link));
        assert_eq!(entry("/etc/link/file"), Some(Entry::File), "only the last link is left alone");
        assert_eq!(entry("/etc/socket"), Some(Entry::Other));
        assert_eq!(entry("/etc/none"), None);
    }
}

#[test]
fn says_whether_a_file_could_be_written() {
    let place = Place::new();
    place.put("/etc/file", "", 0o400);
    let probe = probe(&place);
    probe.writable("/etc/file".into()).unwrap();
    probe.writable("/etc/new/deep/file".into()).unwrap();
    assert!(probe.writable("/etc/file/below".into()).is_err());
}

#[test]
fn a_port_is_taken_while_somebody_listens() {
    let probe = HostProbe::new(Root::system());
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    assert_eq!(probe.try_listen(port).unwrap_err().kind(), io::ErrorKind::AddrInUse);
    // A connection that is being closed does not make the port taken.
    let client = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    let (server, _) = listener.accept().unwrap();
    drop((server, client, listener));
    probe.try_listen(port).unwrap();
}

#[test]
fn a_socket_answers_while_somebody_listens() {
    let place = Place::new();
    let probe = probe(&place);
    let path = Utf8Path::new("/etc/socket");
    assert!(!probe.socket_answers(path));
    let listener = UnixListener::bind(place.at("/etc/socket")).unwrap();
    assert!(probe.socket_answers(path));
    drop(listener);
    assert!(!probe.socket_answers(path), "the file is still there");
    assert!(!probe.socket_answers("/etc".into()));
}

#[tokio::test]
async fn asks_a_program_for_its_version() {
    let probe = HostProbe::new(Root::system());
    let version = probe.version_of("tar").await.unwrap();
    assert!(version.starts_with("tar "), "{version}");
    assert!(probe.find_in_path("tar").unwrap().ends_with("tar"));
    let error = probe.version_of("no-such-program").await.unwrap_err();
    assert_eq!(error.to_string(), "`no-such-program` is not in PATH");
    assert!(probe.version_of("false").await.unwrap_err().to_string().starts_with("`false --version` failed"));
}

#[tokio::test]
async fn resolves_names_and_gives_up() {
    let probe = HostProbe::new(Root::system());
    let limit = Duration::from_secs(10);
    assert_eq!(probe.resolve("192.0.2.1", limit).await.unwrap(), [IpAddr::from([192, 0, 2, 1])]);
    assert!(probe.resolve("localhost", limit).await.unwrap().iter().all(IpAddr::is_loopback));
    let start = Instant::now();
    assert!(probe.resolve("name.invalid", Duration::from_millis(1)).await.is_err());
    assert!(start.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn finds_what_the_kernel_was_built_with_packed_or_not() {
    let place = Place::new();
    let probe = probe(&place);
    let release = probe.kernel_release();
    place.put(&format!("/usr/lib/modules/{release}/config"), "CONFIG_B=m\n", 0o600);
    let found = probe.kernel_config().await.unwrap();
    assert_eq!(
        (found.path.as_str(), found.text.as_str()),
        (&*format!("/usr/lib/modules/{release}/config"), "CONFIG_B=m\n")
    );
    place.put(&format!("/boot/config-{release}"), "CONFIG_A=y\n", 0o600);
    assert_eq!(probe.kernel_config().await.unwrap().text, "CONFIG_A=y\n", "the first place counts");
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(b"CONFIG_C=y\n").unwrap();
    std::fs::create_dir_all(place.at("/proc")).unwrap();
    std::fs::write(place.at("/proc/config.gz"), packed.finish().unwrap()).unwrap();
    let found = probe.kernel_config().await.unwrap();
    assert_eq!((found.path.as_str(), found.text.as_str()), ("/proc/config.gz", "CONFIG_C=y\n"));
    std::fs::write(place.at("/proc/config.gz"), "not packed").unwrap();
    let error = probe.kernel_config().await.unwrap_err();
    assert!(error.starts_with("`/proc/config.gz` cannot be unpacked: "), "{error}");
}

#[test]
fn tells_when_a_file_was_changed() {
    let place = Place::new();
    place.put("/etc/a", "", 0o600);
    let probe = probe(&place);
    let ago = OffsetDateTime::now_utc() - probe.modified("/etc/a".into()).unwrap();
    assert!((-2..60).contains(&ago.whole_seconds()), "{ago}");
    assert_eq!(probe.modified("/etc/none".into()), None);
    assert_eq!(probe.kernel_name(), "Linux");
}
