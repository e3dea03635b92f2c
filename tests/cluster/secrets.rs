//! Secrets that a run must not tell: the token, the key to the certificates, and every private key on the node.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use kubewright_lab::{Node, Ticket};

use super::command::Ended;
use super::tree::STATE_DIR;

/// Where a secret was found, and which: in what the run printed, its events, its journal.
pub fn secrets_in(node: &Node, ticket: &Ticket, ended: &Ended) -> Vec<String> {
    let mut secrets = BTreeMap::from([("the token", ticket.token.clone())]);
    secrets.extend(ticket.certificate_key.clone().map(|key| ("the certificate key", key)));
    let keys = private_keys(&node.path("/etc/kubernetes"));
    let mut places = vec![
        ("standard output".to_owned(), ended.out.clone()),
        ("standard error".to_owned(), ended.err.clone()),
        ("events".to_owned(), serde_json::to_string(&ended.events).unwrap()),
    ];
    files(&node.path(STATE_DIR), &mut places);
    assert!(places.len() > 3 && places.iter().any(|(name, _)| name.contains("journal")), "no journal was found");

    let mut found = Vec::new();
    for (place, text) in &places {
        let told = secrets.iter().filter(|(_, secret)| text.contains(secret.as_str()));
        found.extend(told.map(|(name, _)| format!("{name} in {place}")));
        found
            .extend(keys.iter().filter(|key| text.contains(key.as_str())).map(|_| format!("a private key in {place}")));
    }
    found
}

/// A piece from the middle of every private key below a directory, in files of their own and in kubeconfigs.
fn private_keys(directory: &Path) -> Vec<String> {
    let mut texts = Vec::new();
    files(directory, &mut texts);
    let alone = texts.iter().filter(|(_, text)| text.contains("PRIVATE KEY-----"));
    let alone = alone.filter_map(|(_, text)| text.lines().nth(2));
    let lines = texts.iter().flat_map(|(_, text)| text.lines());
    let inside = lines.filter_map(|line| line.trim().strip_prefix("client-key-data: ")?.get(100..160));
    alone.chain(inside).map(str::to_owned).collect()
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
