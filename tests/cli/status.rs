//! `status`: what a user without root sees of runs that failed, were killed, or went well.

use std::fs;
use std::io::Write;

use super::program::Home;
#[cfg(debug_assertions)]
use super::resume::Init;

#[test]
fn a_node_on_which_nothing_was_run_says_so_and_gets_no_directory() {
    let home = Home::new();
    let said = home.run(&["status"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert_eq!(said.out, "no run is recorded here\nlock: free\nnext: nothing is left to do\n");
    assert!(!home.path().join("state").exists());
}

#[cfg(debug_assertions)]
#[test]
fn a_failed_run_is_told_with_its_reason_and_the_next_command() {
    let init = Init::new();
    let said = init.run(&[], &[("KUBEWRIGHT_FAULT", "fail-before=kubeconfig/controller-manager")]);
    assert_eq!(said.code, Some(1), "{said:?}");
    let status = init.home.run(&["status"]);
    assert_eq!(status.code, Some(0), "{status:?}");
    let expected = [
        "of `init` failed\n",
        "  finished (14): certs/ca, certs/apiserver, ",
        "  failed: kubeconfig/controller-manager: injected fault before `kubeconfig/controller-manager`\n",
        "  left (1): kubeconfig/scheduler\n",
        "lock: free\n",
        "next: kubewright init --cert-dir=",
    ];
    expected.iter().for_each(|part| assert!(status.out.contains(part), "no {part:?} in\n{}", status.out));
    // What it says to type goes on, as it says.
    let next = status.out.lines().find_map(|line| line.strip_prefix("next: kubewright ")).unwrap();
    let words: Vec<&str> = next.split(' ').collect();
    let said = init.home.run(&words);
    assert!(said.code == Some(0) && said.out.contains("[resume] Going on with the run 000001-"), "{said:?}");
    let status = init.home.run(&["status"]);
    assert!(status.out.contains("of `init` succeeded; it went on with run 000001-"), "{status:?}");
    assert!(status.out.ends_with("next: nothing is left to do\n"), "{status:?}");
}

#[cfg(debug_assertions)]
#[test]
fn a_killed_run_is_told_to_programs_in_every_form() {
    let init = Init::new();
    let killed = init.run(&[], &[("KUBEWRIGHT_KILL_AT", "certs/apiserver:sealed")]);
    assert_eq!(killed.code, None, "{killed:?}");
    let json: serde_json::Value = serde_json::from_str(&init.home.run(&["status", "-o", "json"]).out).unwrap();
    assert_eq!((&json["kind"], &json["runs"][0]["outcome"]), (&"NodeStatus".into(), &"killed".into()));
    let phases = json["runs"][0]["phases"].as_array().unwrap();
    let state = |name: &str| phases.iter().find(|phase| phase["phase"] == name).unwrap()["state"].clone();
    assert_eq!((state("certs/ca"), state("certs/apiserver")), ("finished".into(), "interrupted".into()));
    assert_eq!(state("certs/sa"), serde_json::Value::from("left"));
    let yaml = init.home.run(&["status", "-o", "yaml"]).out;
    assert!(yaml.contains("kind: NodeStatus\n") && yaml.contains("outcome: killed\n"), "{yaml}");
    let path = init.home.run(&["status", "-o", "jsonpath={.runs[0].workflow}"]);
    assert_eq!(path.out, "init", "{path:?}");
}

#[test]
fn a_damaged_journal_is_told_and_stops_nothing() {
    let home = Home::new();
    let pki = home.path().join("pki");
    let sa = ["init", "phase", "certs", "sa", "--cert-dir", pki.as_str()];
    assert_eq!(home.run(&sa).code, Some(0));
    let runs = home.path().join("state/kubewright/var/lib/kubewright/runs");
    let newest = || {
        let mut names: Vec<_> = runs.read_dir_utf8().unwrap().map(|entry| entry.unwrap().into_path()).collect();
        names.sort();
        names.pop().unwrap().join("journal.jsonl")
    };
    let whole = fs::read_to_string(newest()).unwrap();
    let damaged = whole.replacen("\"started\"", "\"begun\"", 1);
    fs::write(newest(), damaged).unwrap();
    let said = home.run(&["status"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.out.starts_with("unreadable: the journal `") && said.out.contains("is damaged in line 2"), "{said:?}");

    let mut file = fs::File::create(newest()).unwrap();
    file.write_all(&whole.as_bytes()[..whole.find('\n').unwrap() + 1]).unwrap();
    // Larger than any run makes it, and no room on the disk is needed for that.
    file.set_len(17 << 20).unwrap();
    let said = home.run(&["status"]);
    assert!(said.code == Some(0) && said.out.contains("is larger than 16777216 bytes"), "{said:?}");
    let refused = home.run(&sa);
    assert!(refused.code == Some(1) && refused.err.contains("move its directory away"), "{refused:?}");
}

#[test]
fn a_home_that_cannot_be_read_is_an_error_with_the_next_step() {
    let home = Home::new();
    home.closed("state");
    fs::set_permissions(home.path().join("state"), std::os::unix::fs::PermissionsExt::from_mode(0o000)).unwrap();
    let said = home.run(&["status"]);
    assert!(said.code == Some(1) && said.err.contains("hint:"), "{said:?}");
}
