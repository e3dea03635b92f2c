//! Taints, by the rules of core/v1: the API server would refuse the node that carries another.

use super::Check;
use crate::model::Taint;
use crate::net;
use crate::v1beta4;
use crate::yaml;

/// What a taint does.
pub(crate) const TAINT_EFFECTS: [&str; 3] = ["NoSchedule", "PreferNoSchedule", "NoExecute"];
/// Longest name and value of a label.
const MAX_LABEL: usize = 63;

impl Check<'_> {
    /// Checks taints.
    pub fn taints(&mut self, field: &str, taints: Vec<v1beta4::Taint>) -> Vec<Taint> {
        for (index, taint) in taints.iter().enumerate() {
            let path = yaml::item(field, index);
            if !is_qualified_name(&taint.key) {
                let reason = "not a key of a taint: a name of 63 characters at most, with an optional DNS name and `/` before it";
                self.invalid(&yaml::child(&path, "key"), &taint.key, reason, "for example example.com/dedicated");
            }
            if !taint.value.is_empty() && !is_label(&taint.value) {
                let reason = "not a value of a taint: 63 letters, digits, `-`, `_` and `.` at most";
                self.invalid(&yaml::child(&path, "value"), &taint.value, reason, "for example storage");
            }
            self.one_of(&yaml::child(&path, "effect"), &taint.effect, &TAINT_EFFECTS);
            let same = |other: &v1beta4::Taint| other.key == taint.key && other.effect == taint.effect;
            if taints[..index].iter().any(same) {
                let reason = "a taint of this key and effect stands above";
                self.invalid(&path, format!("{}:{}", taint.key, taint.effect), reason, "remove one of them");
            }
        }
        taints.into_iter().map(|taint| Taint { key: taint.key, value: taint.value, effect: taint.effect }).collect()
    }
}

fn is_qualified_name(key: &str) -> bool {
    match key.rsplit_once('/') {
        Some((domain, name)) => net::is_dns_subdomain(domain) && is_label(name),
        None => is_label(key),
    }
}

fn is_label(text: &str) -> bool {
    let edge = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    edge(text.bytes().next()) && edge(text.bytes().last()) && text.bytes().all(inner) && text.len() <= MAX_LABEL
}
