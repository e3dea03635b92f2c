//! Takes out what differs from run to run: tokens that were made up, moments, and the marks of typed objects.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use serde_json::{Map, Value, json};
use time::{OffsetDateTime, PrimitiveDateTime, format_description::well_known::Rfc3339, macros::format_description};

use crate::content::{Context, documents, kubeconfig};

/// The object without what kubeadm's typed objects write without a meaning: nulls, empty maps, statuses, and the
/// namespace of objects that have none.
pub(crate) fn plain(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let wide = fields.get("kind").and_then(Value::as_str).is_some_and(|kind| kind.starts_with("Cluster"));
            let mut fields: Map<String, Value> = fields
                .into_iter()
                .filter(|(name, _)| name != "status")
                .map(|(name, value)| (name, plain(value)))
                .filter(|(_, value)| !value.is_null() && value.as_object().is_none_or(|map| !map.is_empty()))
                .collect();
            if let Some(Value::Object(metadata)) = fields.get_mut("metadata") {
                // Only kubeadm's own way to update needs it.
                metadata.remove("resourceVersion");
                if wide {
                    metadata.remove("namespace");
                }
            }
            Value::Object(fields)
        }
        Value::Array(items) => Value::Array(items.into_iter().map(plain).collect()),
        scalar => scalar,
    }
}

/// The object with its texts read as the data that they are, and without secrets and moments.
pub(crate) fn object(value: Value, context: &Context) -> Value {
    let mut value = plain(value);
    match value["kind"].as_str() {
        Some("ConfigMap") => {
            for (name, text) in value["data"].as_object_mut().into_iter().flatten() {
                let read = text.as_str().map(documents).and_then(Result::ok);
                match read {
                    Some(read) if !read.is_empty() && read.iter().all(Value::is_object) => {
                        *text = if name.contains("kubeconfig") { kubeconfig(read, context) } else { only(read) };
                    }
                    _ => {}
                }
            }
        }
        Some("Secret") => secret(&mut value, context.began),
        _ => {}
    }
    value
}

fn only(mut read: Vec<Value>) -> Value {
    if read.len() == 1 { read.remove(0) } else { Value::Array(read) }
}

fn secret(value: &mut Value, began: OffsetDateTime) {
    let token = value["type"] == "bootstrap.kubernetes.io/token";
    if let Some(data) = value["data"].as_object_mut() {
        for (name, value) in data.iter_mut() {
            let text = value
                .as_str()
                .and_then(|text| BASE64.decode(text).ok())
                .map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
            // Ours withholds what is secret, and so does this.
            *value = match (name.as_str(), text) {
                ("expiration", Some(text)) => match OffsetDateTime::parse(&text, &Rfc3339) {
                    // Counted from when the run began, which may take a while on a busy machine.
                    Ok(moment) => json!(format!("in {} minutes", ((moment - began).whole_seconds() + 5) / 300 * 5)),
                    Err(_) => json!(text),
                },
                ("token-secret", _) => json!("secret"),
                (_, Some(text)) if token => json!(text),
                _ => json!("secret"),
            };
        }
    }
    for owner in value["metadata"]["ownerReferences"].as_array_mut().into_iter().flatten() {
        owner["uid"] = json!("random");
    }
}

/// Counts from when the run began when certificates end, in what is printed of them: the lines of a table, or objects.
pub(crate) fn ends(value: &mut Value, began: OffsetDateTime) {
    match value {
        Value::String(line) => *line = dates(line, began),
        Value::Array(items) => items.iter_mut().for_each(|item| ends(item, began)),
        Value::Object(fields) => {
            for (name, value) in fields.iter_mut() {
                let moment = value.as_str().and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok());
                match (name.as_str(), moment, value.as_i64()) {
                    ("expirationDate", Some(moment), _) => *value = json!(until(moment, began)),
                    ("residualTime", _, Some(seconds)) => *value = json!(format!("{} hours", hours(seconds))),
                    _ => ends(value, began),
                }
            }
        }
        _ => {}
    }
}

/// A line with its dates counted from the beginning; the columns stay where they are.
fn dates(line: &str, began: OffsetDateTime) -> String {
    const ZONE: &str = " UTC";
    let format = format_description!("[month repr:short] [day], [year] [hour]:[minute] UTC");
    let width = "Jan 02, 2006 15:04 UTC".len();
    let mut line = line.to_owned();
    for (at, _) in line.clone().match_indices(ZONE) {
        let end = at + ZONE.len();
        let Some(text) = end.checked_sub(width).and_then(|start| line.get(start..end)) else { continue };
        if let Ok(moment) = PrimitiveDateTime::parse(text, format) {
            let until = until(moment.assume_utc(), began);
            line.replace_range(end - width..end, &format!("{until:<width$}"));
        }
    }
    line
}

fn until(moment: OffsetDateTime, began: OffsetDateTime) -> String {
    format!("in {} hours", hours((moment - began).whole_seconds()))
}

/// As for certificates in files: a run takes less than the six minutes that are added.
fn hours(seconds: i64) -> i64 {
    (seconds + 360).div_euclid(3600)
}

/// The identifiers of tokens that were made up, with what they are called instead.
pub(crate) fn made_up<'a>(
    secrets: impl Iterator<Item = (&'a String, &'a Value)>,
    given: &str,
) -> Vec<(String, String)> {
    let mut names = Vec::new();
    for (name, secret) in secrets {
        let Some(id) = name.strip_prefix("Secret kube-system/bootstrap-token-") else { continue };
        if !given.contains(id) {
            let purpose = secret["data"]["description"].as_str().unwrap_or("no description");
            names.push((id.to_owned(), format!("<random: {purpose}>")));
        }
    }
    names
}

/// Calls what was made up by its purpose, wherever it stands.
pub(crate) fn rename(value: &mut Value, names: &[(String, String)]) {
    match value {
        Value::String(text) => {
            for (id, purpose) in names {
                if text.contains(id.as_str()) {
                    *text = text.replace(id.as_str(), purpose);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| rename(item, names)),
        Value::Object(fields) => fields.values_mut().for_each(|value| rename(value, names)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_certificate_counts_from_the_beginning_and_columns_stay() {
        let began = OffsetDateTime::parse("2030-01-01T00:00:30Z", &Rfc3339).unwrap();
        let mut printed = json!([
            "CERTIFICATE   EXPIRES                  RESIDUAL TIME",
            "apiserver     Jan 01, 2031 00:00 UTC   364d",
            "admin.conf    Dec 31, 2029 00:00 UTC   <invalid>",
            {"expirationDate": "2030-01-02T00:00:31Z", "residualTime": 86399, "name": "etcd-peer"},
        ]);
        ends(&mut printed, began);
        let masked = json!([
            "CERTIFICATE   EXPIRES                  RESIDUAL TIME",
            "apiserver     in 8760 hours            364d",
            "admin.conf    in -24 hours             <invalid>",
            {"expirationDate": "in 24 hours", "residualTime": "24 hours", "name": "etcd-peer"},
        ]);
        assert_eq!(printed, masked);
    }

    #[test]
    fn a_token_keeps_its_purpose_and_loses_what_is_random() {
        let began = OffsetDateTime::parse("2030-01-01T00:00:00Z", &Rfc3339).unwrap();
        let context = Context { authority: None, began };
        let base64 = |text: &str| BASE64.encode(text);
        let token = json!({"kind": "Secret", "type": "bootstrap.kubernetes.io/token", "metadata": {"creationTimestamp": null},
            "data": {"token-id": base64("abcdef"), "token-secret": base64("x"), "description": base64("d"),
                     "expiration": base64("2030-01-02T00:00:10Z")}});
        let mut masked = object(token, &context);
        assert_eq!(
            masked["data"],
            json!({"token-id": "abcdef", "token-secret": "secret", "description": "d", "expiration": "in 1440 minutes"})
        );
        let all = [("Secret kube-system/bootstrap-token-abcdef".to_owned(), masked.clone())];
        let names = made_up(all.iter().map(|(name, value)| (name, value)), "nothing given");
        rename(&mut masked, &names);
        assert_eq!(masked["data"]["token-id"], "<random: d>");
        assert!(made_up(all.iter().map(|(name, value)| (name, value)), "token: abcdef.0123456789abcdef").is_empty());
    }
}
