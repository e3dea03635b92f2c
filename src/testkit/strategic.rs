//! Patches as an API server reads them, as far as tests need it.

use serde_json::{Map, Value as Json};

/// Applies `application/merge-patch+json` (RFC 7396).
pub(crate) fn merge(live: &mut Json, patch: &Json) {
    combine(live, patch, &|live, patch| *live = patch.clone());
}

/// Applies a simple form of `application/strategic-merge-patch+json`: lists of objects are merged by their key, other
/// lists are replaced; `$patch: delete` removes an item, `$patch: replace` replaces the whole list.
pub(crate) fn strategic(live: &mut Json, patch: &Json) {
    combine(live, patch, &merge_lists);
}

fn combine(live: &mut Json, patch: &Json, lists: &dyn Fn(&mut Json, &Json)) {
    match (live, patch) {
        (live, Json::Object(patch)) => {
            if !live.is_object() {
                *live = Json::Object(Map::new());
            }
            let Some(fields) = live.as_object_mut() else { return };
            for (key, value) in patch {
                match value {
                    Json::Null => {
                        fields.remove(key);
                    }
                    value => combine(fields.entry(key).or_insert(Json::Null), value, lists),
                }
            }
        }
        (live, Json::Array(_)) => lists(live, patch),
        (live, patch) => *live = patch.clone(),
    }
}

fn merge_lists(live: &mut Json, patch: &Json) {
    let (Some(patch), true) = (patch.as_array(), live.is_array() || live.is_null()) else {
        *live = patch.clone();
        return;
    };
    let directive = |item: &Json, word: &str| item.get("$patch").and_then(Json::as_str) == Some(word);
    let plain = |item: &&Json| item.get("$patch").is_none();
    if patch.iter().any(|item| directive(item, "replace")) {
        *live = patch.iter().filter(plain).cloned().collect();
        return;
    }
    let Some(key) = KEYS.iter().find(|key| !patch.is_empty() && patch.iter().all(|item| item.get(**key).is_some()))
    else {
        *live = Json::Array(patch.clone());
        return;
    };
    let mut items = live.as_array().cloned().unwrap_or_default();
    for wanted in patch {
        let at = items.iter().position(|item| item.get(*key) == wanted.get(*key));
        match (at, directive(wanted, "delete")) {
            (Some(at), true) => {
                items.remove(at);
            }
            (Some(at), false) => strategic(&mut items[at], wanted),
            (None, true) => {}
            (None, false) => items.push(wanted.clone()),
        }
    }
    *live = Json::Array(items);
}

/// What Kubernetes merges lists of objects by: containers and volumes by name, taints by key, addresses by type.
const KEYS: &[&str] = &["name", "mountPath", "containerPort", "key", "type", "uid"];
