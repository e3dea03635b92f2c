//! Secrets that a run must not tell: the token, the key to the certificates, and every private key on the node.

use std::fs;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kubewright_lab::{Node, Ticket};

use super::command::Ended;
use super::tree::STATE_DIR;

/// Where a secret was found, and which: in what the run printed, its events, its journal.
pub fn secrets_in(node: &Node, ticket: &Ticket, ended: &Ended) -> Vec<String> {
    let mut places = vec![
        ("standard output".to_owned(), ended.out.clone()),
        ("standard error".to_owned(), ended.err.clone()),
        ("events".to_owned(), serde_json::to_string(&ended.events).unwrap()),
    ];
    files(&node.path(STATE_DIR), &mut places);
    assert!(places.len() > 3 && places.iter().any(|(name, _)| name.contains("journal")), "no journal was found");

    let mut found = Vec::new();
    for (name, secret) in secrets(node, ticket) {
        let told = places.iter().filter(|(_, text)| text.contains(&secret));
        found.extend(told.map(|(place, _)| format!("{name} in {place}")));
    }
    found
}

/// The search is searched itself: secrets that are told on purpose, in what was printed and below the directory of the journal,
/// are found, each in each place.
pub fn every_leak_is_found(node: &Node, ticket: &Ticket, ended: &Ended) {
    let all = secrets(node, ticket);
    let names: Vec<&str> = all.iter().map(|(name, _)| *name).collect();
    for name in [TOKEN, CERTIFICATE_KEY, PRIVATE_KEY] {
        assert!(names.contains(&name), "{name} is looked for nowhere: {names:?}");
    }
    let text: String = all.iter().map(|(_, secret)| format!("{secret}\n")).collect();
    let file = node.path(STATE_DIR).join("told-on-purpose");
    fs::write(&file, &text).unwrap();
    let leaking = Ended { status: ended.status, out: text.clone(), err: text, events: Vec::new() };
    let found = secrets_in(node, ticket, &leaking);
    fs::remove_file(&file).unwrap();
    let places = ["standard output", "standard error", file.to_str().unwrap()];
    let wanted: Vec<_> = names.iter().flat_map(|name| places.map(|place| format!("{name} in {place}"))).collect();
    assert_eq!(found, wanted);
}

const TOKEN: &str = "the token";
const CERTIFICATE_KEY: &str = "the certificate key";
const PRIVATE_KEY: &str = "a private key";

/// Every secret, in each form in which somebody might write it.
fn secrets(node: &Node, ticket: &Ticket) -> Vec<(&'static str, String)> {
    let (_, half) = ticket.token.split_once('.').unwrap();
    let mut all =
        vec![(TOKEN, half.to_owned()), (TOKEN, STANDARD.encode(half)), (TOKEN, STANDARD.encode(&ticket.token))];
    if let Some(key) = &ticket.certificate_key {
        let bytes = hex::decode(key).unwrap();
        let forms = [key.clone(), STANDARD.encode(key), STANDARD.encode(&bytes), format!("{bytes:?}")];
        all.extend(forms.map(|form| (CERTIFICATE_KEY, form)));
    }
    all.extend(private_keys(&node.path("/etc/kubernetes")).into_iter().map(|key| (PRIVATE_KEY, key)));
    all
}

/// A piece from the middle of every private key below a directory, in files of their own and, as they are written there, in
/// kubeconfigs.
fn private_keys(directory: &Path) -> Vec<String> {
    let mut texts = Vec::new();
    files(directory, &mut texts);
    let middle = |pem: &str| pem.lines().nth(2).map(str::to_owned);
    let alone = texts.iter().filter(|(_, text)| text.contains("PRIVATE KEY-----")).filter_map(|(_, text)| middle(text));
    let lines = texts.iter().flat_map(|(_, text)| text.lines());
    let encoded: Vec<&str> = lines.filter_map(|line| line.trim().strip_prefix("client-key-data: ")).collect();
    let decoded = encoded.iter().filter_map(|line| middle(&String::from_utf8(STANDARD.decode(line).ok()?).ok()?));
    let inside = encoded.iter().filter_map(|line| line.get(100..160).map(str::to_owned));
    alone.chain(decoded).chain(inside).collect()
}

fn files(directory: &Path, texts: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        match path.is_dir() {
            true => files(&path, texts),
            false => texts.extend(fs::read_to_string(&path).ok().map(|text| (path.display().to_string(), text))),
        }
    }
}
