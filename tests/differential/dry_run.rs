//! Reads the objects out of what a dry run prints: kubeadm's older and newer way, and kubewright's.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::content::documents;

/// Whose words are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Kubeadm,
    Kubewright,
}

/// What a dry run says about the cluster.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// Objects by `Kind namespace/name`.
    pub objects: BTreeMap<String, Value>,
    /// All patches of a node in one; `None` if the program does not show patches.
    pub patch: Option<Value>,
    /// What could not be read.
    pub unread: Vec<String>,
}

/// Finds the objects that would be created or changed.
pub(crate) fn read(stdout: &str, side: Side) -> Told {
    let mut told = Told::default();
    let mut lines = stdout.lines().peekable();
    let mut action = String::new();
    while let Some(line) = lines.next() {
        if let Some(rest) = line.strip_prefix("[dryrun] Would perform action ") {
            action = rest.split(' ').next().unwrap_or_default().to_owned();
        }
        let theirs = line == "[dryrun] Attached object:" && matches!(action.as_str(), "CREATE" | "UPDATE");
        let ours = line.starts_with("[dryrun] Would apply ") && line.ends_with(':');
        let patched =
            line == "[dryrun] Attached patch:" || line.starts_with("[dryrun] Would patch ") && line.ends_with(':');
        if !(patched || if side == Side::Kubeadm { theirs } else { ours }) {
            continue;
        }
        let mut text = String::new();
        // kubeadm 1.36 does not indent: an object ends where the next thing is said.
        let indented = lines.peek().is_some_and(|line| line.starts_with('\t'));
        while let Some(line) =
            lines.next_if(|line| line.starts_with('\t') || !indented && !line.starts_with('[') && !line.is_empty())
        {
            text += line.strip_prefix('\t').unwrap_or(line);
            text.push('\n');
        }
        match documents(&text) {
            Ok(read) if patched => {
                let whole = told.patch.get_or_insert_with(|| json!({}));
                read.iter().for_each(|patch| merge(whole, patch));
            }
            Ok(read) => {
                for object in read {
                    told.objects.insert(name(&object), object);
                }
            }
            Err(error) => told.unread.push(format!("{error} in: {}", text.lines().next().unwrap_or_default())),
        }
    }
    told
}

fn name(object: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let kind = text(&object["kind"]);
    // What is of the whole cluster has none, whatever was written.
    let namespace =
        Some(text(&object["metadata"]["namespace"])).filter(|name| !name.is_empty() && !kind.starts_with("Cluster"));
    let name = text(&object["metadata"]["name"]);
    match namespace {
        Some(namespace) => format!("{kind} {namespace}/{name}"),
        None => format!("{kind} {name}"),
    }
}

fn merge(whole: &mut Value, patch: &Value) {
    match (whole, patch) {
        (Value::Object(whole), Value::Object(patch)) => {
            for (name, value) in patch {
                merge(whole.entry(name.clone()).or_insert(Value::Null), value);
            }
        }
        (whole, patch) => *whole = patch.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_found_in_all_three_ways_of_telling() {
        let old = "[dryrun] Would perform action CREATE on resource \"x\"\n[dryrun] Attached object:\n\tkind: Role\n\tmetadata:\n\t  name: a\n\t  namespace: b\n[x] y\n\
            [dryrun] Would perform action PATCH on resource \"nodes\"\n[dryrun] Attached patch:\n\t{\"a\":{\"b\":1}}\n[dryrun] Attached patch:\n\t{\"a\":{\"c\":2}}\n";
        let told = read(old, Side::Kubeadm);
        assert_eq!(told.objects.keys().collect::<Vec<_>>(), ["Role b/a"]);
        assert_eq!(told.patch, Some(json!({"a": {"b": 1, "c": 2}})));
        let new = "[dryrun] Would perform action GET on resource \"n\"\n[dryrun] Attached object:\nkind: Node\n\
            [dryrun] Would perform action CREATE on resource \"x\"\n[dryrun] Attached object:\nkind: ClusterRole\nmetadata:\n  name: a\n  namespace: odd\n[x] y\n";
        let told = read(new, Side::Kubeadm);
        assert_eq!(told.objects.keys().collect::<Vec<_>>(), ["ClusterRole a"]);
        assert_eq!(told.patch, None);
        let ours = "[dryrun] Would apply Role b/a\n[dryrun] Would apply Role b/a:\n\tkind: Role\n\tmetadata: {name: a, namespace: b}\n\
            [dryrun] Would patch Node n with:\n\ta: 1\nabcdef.0123456789abcdef\n";
        let told = read(ours, Side::Kubewright);
        assert_eq!(told.objects["Role b/a"]["metadata"]["name"], "a");
        assert_eq!(told.patch, Some(json!({"a": 1})));
        assert!(told.unread.is_empty());
    }
}
