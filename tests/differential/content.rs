//! What a file holds, as data that two programs can be compared by.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use crate::certificate;

/// What contents are described relative to.
pub(crate) struct Context {
    /// The cluster's authority as the run left it.
    pub authority: Option<Vec<u8>>,
    /// When the run began.
    pub began: OffsetDateTime,
}

/// All documents of a YAML text that hold something.
pub(crate) fn documents(text: &str) -> Result<Vec<Value>, serde_saphyr::Error> {
    Ok(serde_saphyr::from_multiple::<Value>(text)?.into_iter().filter(|document| !document.is_null()).collect())
}

/// What the file of that name holds.
pub(crate) fn described(name: &str, bytes: &[u8], context: &Context) -> Value {
    let text = String::from_utf8_lossy(bytes);
    let end = name.rsplit('.').next().unwrap_or_default();
    match end {
        "crt" => certificate::certificates(bytes, context),
        "key" | "pub" => certificate::key(bytes),
        "conf" => documents(&text).map_or_else(|_| lines(&text), |read| kubeconfig(read, context)),
        "yaml" | "json" => documents(&text).map_or_else(|_| lines(&text), one_or_many),
        "env" => flags(&text),
        _ => lines(&text),
    }
}

/// What was printed: data if it is some, lines otherwise.
pub(crate) fn printed(text: &str) -> Value {
    if let Ok(value) = serde_json::from_str::<Value>(text)
        && (value.is_object() || value.is_array())
    {
        return value;
    }
    match documents(text) {
        Ok(read) if !read.is_empty() && read.iter().all(Value::is_object) => one_or_many(read),
        _ => lines(text),
    }
}

fn one_or_many(mut read: Vec<Value>) -> Value {
    if read.len() == 1 { read.remove(0) } else { Value::Array(read) }
}

fn lines(text: &str) -> Value {
    text.lines().map(Value::from).collect()
}

/// `NAME="--flag=value --flag=value"`, with the order of the flags.
fn flags(text: &str) -> Value {
    let mut read = Map::new();
    for line in text.lines() {
        match line.split_once('=') {
            Some((name, value)) => {
                let words = value.trim().trim_matches('"').split(" --").map(|word| word.trim_start_matches("--"));
                read.insert(name.to_owned(), words.filter(|word| !word.is_empty()).map(Value::from).collect());
            }
            None => {
                read.insert(line.to_owned(), Value::Null);
            }
        }
    }
    Value::Object(read)
}

/// A kubeconfig whose embedded certificates and keys are described instead of shown.
pub(crate) fn kubeconfig(read: Vec<Value>, context: &Context) -> Value {
    let mut value = one_or_many(read);
    embedded(&mut value, context);
    value
}

fn embedded(value: &mut Value, context: &Context) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields.iter_mut() {
                let bytes = value.as_str().and_then(|text| BASE64.decode(text).ok());
                match (name.as_str(), bytes) {
                    ("certificate-authority-data", Some(bytes)) if context.authority.as_ref() == Some(&bytes) => {
                        *value = json!("the cluster's authority");
                    }
                    ("certificate-authority-data" | "client-certificate-data", Some(bytes)) => {
                        *value = certificate::certificates(&bytes, context);
                    }
                    ("client-key-data", Some(bytes)) => *value = certificate::key(&bytes),
                    _ => embedded(value, context),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| embedded(item, context)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_become_data_where_they_are_data() {
        let context = Context { authority: Some(b"CA".to_vec()), began: OffsetDateTime::UNIX_EPOCH };
        let env = described("kubeadm-flags.env", b"KUBELET_KUBEADM_ARGS=\"--a=1 --b=x y\"\n", &context);
        assert_eq!(env, json!({"KUBELET_KUBEADM_ARGS": ["a=1", "b=x y"]}));
        let config = described("admin.conf", b"clusters: [{cluster: {certificate-authority-data: Q0E=}}]", &context);
        assert_eq!(config["clusters"][0]["cluster"]["certificate-authority-data"], "the cluster's authority");
        assert_eq!(printed("{\"a\": 1}\n"), json!({"a": 1}));
        assert_eq!(
            printed("apiVersion: v1\n---\napiVersion: v2\n"),
            json!([{"apiVersion": "v1"}, {"apiVersion": "v2"}])
        );
        assert_eq!(printed("[a] b\nc"), json!(["[a] b", "c"]));
    }
}
