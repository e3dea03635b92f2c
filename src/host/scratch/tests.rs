//! Names of temporary files.

use super::*;

#[test]
fn knows_its_own_names() {
    let run = "000012-20260102T030405Z";
    let file = of_file("/etc/kubernetes/admin.conf".into(), run);
    assert_eq!(file, "/etc/kubernetes/.admin.conf.000012-20260102T030405Z.new");
    let directory = of_directory("/etc/kubernetes/pki".into(), run, "certs/ca");
    assert_eq!(directory, "/etc/kubernetes/.pki.000012-20260102T030405Z-certs-ca.new");
    for path in [&file, &directory] {
        assert!(belongs_to(path, run) && is_scratch(path.file_name().unwrap()), "{path}");
        assert!(!belongs_to(path, "000013-20260102T030405Z"), "{path}");
    }
    assert!(belongs_to(".ca.crt.test.new".into(), "test"));
    assert!(!belongs_to(".ca.crt.test2.new".into(), "test"));
}

#[test]
fn leaves_the_files_of_users_alone() {
    let run = "000012-20260102T030405Z";
    for name in
        [".admin.conf.backup.new", "admin.conf.new", ".admin.conf.000001-yesterday.new", ".admin.conf.new", ".new"]
    {
        assert!(!is_scratch(name) && !is_stray(name, "admin.conf", run), "{name}");
    }
    assert!(is_stray(".admin.conf.000011-20260102T030405Z.new", "admin.conf", run));
    assert!(!is_stray(".super-admin.conf.000011-20260102T030405Z.new", "admin.conf", run));
    assert!(!is_stray(".admin.conf.000012-20260102T030405Z.new", "admin.conf", run), "this run's own");
    assert!(is_stray(".pki.000011-20260102T030405Z-certs-ca.new", "pki", run));
    assert!(!is_stray(".pki.000012-20260102T030405Z-certs-ca.new", "pki", run), "another phase of this run");
}
