//! The real binary, ended in the middle as if somebody had pulled the plug, and called again.

use std::os::unix::fs::MetadataExt;

use super::program::Home;

#[test]
fn a_killed_run_is_recovered_by_the_next_command() {
    let home = Home::new();
    let pki = home.path().join("pki");
    let certs = ["init", "phase", "certs", "all", "--cert-dir", pki.as_str(), "--jobs", "1"];
    for place in ["certs/ca:sealed", "certs/apiserver:scratch", "certs/etcd-ca:publish", "certs/sa:renamed"] {
        let killed = home.run_with(&certs, &[("KUBEWRIGHT_KILL_AT", place)]);
        assert_eq!(killed.code, None, "it was to be killed at {place}: {killed:?}");
    }
    let said = home.run(&certs);
    assert_eq!(said.code, Some(0), "{said:?}");
    let names: Vec<_> = home.tree().into_keys().collect();
    assert!(names.iter().all(|name| !name.ends_with(".new")), "temporary files are left: {names:?}");
    assert_eq!(names.iter().filter(|name| name.ends_with(".key")).count(), 11, "{names:?}");
    assert_eq!(names.iter().filter(|name| name.ends_with(".crt")).count(), 10, "{names:?}");
    let again = home.run(&certs);
    assert_eq!(again.code, Some(0), "what the killed runs left does not belong together: {again:?}");
}

/// What was promised before the kill is kept, and said.
#[test]
fn what_was_sealed_is_finished_whatever_comes_next() {
    let home = Home::new();
    let pki = home.path().join("pki");
    let run = |phase: &str, kill: &[(&str, &str)]| {
        home.run_with(&["init", "phase", "certs", phase, "--cert-dir", pki.as_str()], kill)
    };
    assert_eq!(run("ca", &[("KUBEWRIGHT_KILL_AT", "certs/ca:sealed")]).code, None);
    assert!(!pki.join("ca.crt").exists());
    // Another phase altogether.
    let said = run("sa", &[]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.out.contains("[resume] finished 2 files of certs/ca"), "{said:?}");
    let written = pki.join("ca.key").metadata().unwrap().ino();
    let said = run("ca", &[]);
    assert!(said.out.contains("Using existing ca certificate authority"), "{said:?}");
    assert_eq!(pki.join("ca.key").metadata().unwrap().ino(), written);
}

/// A power cut may keep the second of two renames and lose the first: the certificate is there, its key still waits.
#[test]
fn a_key_that_waits_is_not_taken_for_one_that_is_kept_elsewhere() {
    let home = Home::new();
    let pki = home.path().join("pki");
    let certs = ["init", "phase", "certs", "all", "--cert-dir", pki.as_str(), "--jobs", "1"];
    let killed = home.run_with(&certs, &[("KUBEWRIGHT_KILL_AT", "certs/front-proxy-ca:sealed")]);
    assert_eq!(killed.code, None, "{killed:?}");
    let waiting = |name: &str| {
        let names = pki.read_dir_utf8().unwrap().map(|entry| entry.unwrap().into_path());
        names.into_iter().find(|path| path.file_name().is_some_and(|file| file.starts_with(name))).unwrap()
    };
    std::fs::rename(waiting(".front-proxy-ca.crt."), pki.join("front-proxy-ca.crt")).unwrap();
    let key = std::fs::read(waiting(".front-proxy-ca.key.")).unwrap();
    let said = home.run(&certs);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert_eq!(std::fs::read(pki.join("front-proxy-ca.key")).unwrap(), key);
}
