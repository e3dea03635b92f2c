//! Secret: tokens, certificate keys and private keys stand in the files and objects that are for them, closed to others,
//! and nowhere else: not in the journal, not in events, not in errors.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use camino::Utf8Path;
use kubewright_engine::{Fault, Faults};
use kubewright_node::dry_run::Sent;
use kubewright_phases::options::InitOptions;

use super::case::{Case, Shape, seeds};
use super::machine::{Ask, Machine, Ran};
use crate::graph;

/// What the cases' configuration has, in every form that something might write.
fn given() -> Vec<String> {
    let (token, key) = ("0123456789abcdef", "4f".repeat(32));
    vec![
        token.to_owned(),
        STANDARD.encode(token),
        STANDARD.encode(format!("abcdef.{token}")),
        key.clone(),
        STANDARD.encode(&key),
        STANDARD.encode([0x4f; 32]),
        format!("{:?}", [0x4f_u8; 32]),
    ]
}

/// The middle of every private key on the machine, as PEM and as kubeconfigs have it.
fn made(machine: &Machine) -> Vec<String> {
    let mut found = Vec::new();
    let root = machine.node.root.place(Utf8Path::new("/etc/kubernetes"));
    for path in files(&root) {
        let text = fs::read_to_string(&path).unwrap_or_default();
        let of_pem = |pem: &str| pem.lines().nth(1).map(str::to_owned);
        if path.ends_with(".key") {
            found.extend(of_pem(&text));
        }
        for line in text.lines().filter_map(|line| line.trim().strip_prefix("client-key-data: ")) {
            let pem = String::from_utf8(STANDARD.decode(line).unwrap()).unwrap();
            found.extend([line[..64].to_owned(), of_pem(&pem).unwrap()]);
        }
    }
    found
}

fn files(directory: &Utf8Path) -> Vec<String> {
    let entries = directory.read_dir_utf8().into_iter().flatten().map(|entry| entry.unwrap().into_path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path.into_string()] }).collect()
}

fn must_lack(text: &str, secrets: &[String], what: &str) {
    for secret in secrets {
        if let Some(at) = text.find(secret.as_str()) {
            let around: String = text[..at].chars().rev().take(200).collect();
            panic!("{what} has a secret behind: {}", around.chars().rev().collect::<String>());
        }
    }
}

fn quiet(case: &Case) -> Machine {
    let mut machine = Machine::new(case);
    let options = InitOptions {
        upload_certs: case.upload_certs,
        skip_token_print: true,
        skip_certificate_key_print: true,
        ..InitOptions::default()
    };
    machine.seeds = seeds(case).with(options);
    machine
}

fn told(ran: &Ran) -> String {
    let mut text = serde_json::to_string(&ran.events).unwrap();
    if let Err(failed) = &ran.result {
        text += &format!("{failed:?} {:?} {:?}", failed.failure.chain(), failed.failure.hints());
    }
    text
}

#[test]
fn a_run_keeps_its_secrets_wherever_it_fails() {
    let cases = [Case::uploading(), Case::oldest(), Case::shaped(Shape::ExternalEtcd)];
    for case in cases {
        let machine = quiet(&case);
        let mut texts = String::new();
        // One run after the other fails a little later, and the last one ends well.
        for phase in graph::init().phases() {
            let ran = machine.run(Ask::with_faults(Faults::none().with(Fault::FailAfter(phase.path.into()))));
            texts += &told(&ran);
        }
        texts += &told(&machine.run(Ask::default()));
        let own = made(&machine);
        assert!(own.len() > 10, "{case:?}: no keys are found");
        let secrets = [given(), own].concat();
        must_lack(&texts, &secrets, &format!("{case:?}: what was told"));
        must_lack(&format!("{:?}", machine.seeds.get::<InitOptions>()), &secrets, "the flags");
        must_lack(&format!("{:?}", machine.seeds.get::<kubewright_config::InitConfiguration>()), &secrets, "`Debug`");

        let root = machine.node.root.place(Utf8Path::new("/"));
        let state = machine.state();
        for path in files(&root) {
            let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
            if path.starts_with(state.as_str()) {
                must_lack(&text, &secrets, &format!("{case:?}: {path}"));
            } else if secrets.iter().any(|secret| text.contains(secret.as_str())) {
                let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
                assert_eq!(mode, 0o600, "{case:?}: {path} holds a secret");
            }
        }
        let journals = files(&state).iter().filter(|path| path.ends_with("journal.jsonl")).count();
        assert!(journals > 10, "{case:?}: {journals} journals were looked at");
    }
}

#[test]
fn a_dry_run_tells_none() {
    let machine = quiet(&Case::uploading());
    let (ran, _, kube): (_, _, std::sync::Arc<Sent>) = machine.dry_run();
    must_lack(&told(&ran), &given(), "a dry run");
    // It does hold them, for whoever prints it.
    assert!(serde_json::to_string(&kube.objects()).unwrap().contains(&STANDARD.encode("0123456789abcdef")));
}
