//! Other programs end, are ended, and are quoted briefly.

use std::time::Instant;

use super::*;

async fn shell(script: &str, limit: Duration) -> io::Result<Ended> {
    run("/bin/sh".into(), &["-c", script], limit).await
}

const LONG: Duration = Duration::from_secs(20);

#[tokio::test]
async fn gives_status_and_words() {
    let ended = shell("echo out; echo 'first line' >&2; echo second >&2; exit 3", LONG).await.unwrap();
    assert_eq!((ended.status, ended.stdout.as_str()), (Some(3), "out\n"));
    assert_eq!(ended.words(), "first line; second");
    assert_eq!(shell("exit 4", LONG).await.unwrap().words(), "it ended with status 4 and said nothing");
    assert_eq!(shell("kill -9 $$", LONG).await.unwrap().words(), "it was killed by a signal");
    let input = shell("cat; echo end", LONG).await.unwrap();
    assert_eq!(input.stdout, "end\n", "there is no input to wait for");
}

#[tokio::test]
async fn kills_what_takes_too_long() {
    let dir = tempfile::tempdir().unwrap();
    let mark = dir.path().join("alive");
    let start = Instant::now();
    let script = format!("sleep 3; touch {}", mark.display());
    let error = shell(&script, Duration::from_millis(100)).await.err().unwrap();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    assert!(error.to_string().ends_with("did not end within 0.1 s"), "{error}");
    assert!(start.elapsed() < Duration::from_millis(2800));
    tokio::time::sleep(Duration::from_millis(3200)).await;
    assert!(!mark.exists(), "it was still running");
}

#[tokio::test]
async fn does_not_wait_for_services_that_hold_its_output() {
    let start = Instant::now();
    let ended = shell("sleep 5 & echo started", LONG).await.unwrap();
    assert_eq!((ended.ok(), ended.stdout.as_str()), (true, "started\n"));
    assert!(start.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn much_output_neither_stalls_nor_grows() {
    let ended = shell("yes 'a line that is repeated' | head -c 3000000", LONG).await.unwrap();
    assert_eq!((ended.ok(), ended.stdout.len()), (true, MAX_OUTPUT));
    let words = ended.words();
    assert!(words.ends_with('…') && words.chars().count() == MAX_WORDS + 1);
}

#[test]
fn finds_only_programs() {
    let dir = tempfile::tempdir().unwrap();
    let base = Utf8Path::from_path(dir.path()).unwrap();
    std::fs::create_dir_all(base.join("a/directory")).unwrap();
    std::fs::create_dir(base.join("b")).unwrap();
    std::fs::write(base.join("a/text"), "").unwrap();
    std::os::unix::fs::symlink("/bin/sh", base.join("b/program")).unwrap();
    let path = std::ffi::OsString::from(format!("relative::{base}/a:{base}/b"));
    assert_eq!(find("program", &path), Some(base.join("b/program")));
    for none in ["directory", "text", "absent", "", "b/program"] {
        assert_eq!(find(none, &path), None, "{none}");
    }
}
