//! From the bytes of a kubeconfig to the document, by the rules of kubectl's own reader. What is wrong with one is said
//! without quoting it: it may hold credentials anywhere.

use kubewright_config::yaml;
use kubewright_pki::Kubeconfig;
use serde::Deserialize;
use serde_json::{Map, Value as Json};

/// What is wrong with a kubeconfig.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DocumentFault {
    /// It cannot be read at all.
    #[error("it is not YAML with one document{}", at(*line))]
    NotYaml {
        /// Where, counted from 1, if that is known.
        line: Option<usize>,
    },
    /// It is another kind of document.
    #[error("it is not of `apiVersion: v1` and `kind: Config`")]
    AnotherKind,
    /// A part of it has the wrong shape.
    #[error("its `{section}` cannot be understood")]
    Shape {
        /// The part, such as `clusters`.
        section: &'static str,
    },
    /// Two entries of a list have one name.
    #[error("its `{section}` have two entries named `{name}`")]
    TwoOfOneName {
        /// The list.
        section: &'static str,
        /// The name.
        name: String,
    },
    /// There is no cluster in it.
    #[error("it defines no cluster")]
    NoCluster,
    /// There are several clusters where one is expected.
    #[error("it defines {count} clusters where only one is expected")]
    SeveralClusters {
        /// How many.
        count: usize,
    },
    /// `current-context` names nothing.
    #[error("its current context `{name}` is not there")]
    NoContext {
        /// The context's name.
        name: String,
    },
    /// The context in force names something that is not there.
    #[error("its context `{context}` refers to the {what} `{name}`, which is not there")]
    Dangling {
        /// The context.
        context: String,
        /// `cluster` or `user`.
        what: &'static str,
        /// The missing entry.
        name: String,
    },
    /// The cluster has no usable server.
    #[error("the server of its cluster `{cluster}` is not a URL such as `https://10.0.0.1:6443`")]
    Server {
        /// The cluster.
        cluster: String,
    },
    /// Something is given inline and as a file.
    #[error("it gives both `{field}` and `{field}-data`")]
    Both {
        /// The field with the path.
        field: &'static str,
    },
    /// A client certificate has no key.
    #[error("its user `{user}` has a client certificate but no key")]
    NoKey {
        /// The user.
        user: String,
    },
    /// A token and a password exclude each other.
    #[error("its user `{user}` has both a token and a user name with a password")]
    SeveralMethods {
        /// The user.
        user: String,
    },
    /// The settings of a credential plugin are not complete.
    #[error("the credential plugin of its user `{user}` lacks a valid `{field}`")]
    Exec {
        /// The user.
        user: String,
        /// What is missing or wrong.
        field: &'static str,
    },
    /// A credential plugin and an authentication provider exclude each other.
    #[error("its user `{user}` has both `exec` and `auth-provider`")]
    ExecAndProvider {
        /// The user.
        user: String,
    },
    /// Inline data is not base64.
    #[error("its `{field}` is not base64")]
    Base64 {
        /// The field.
        field: &'static str,
    },
}

fn at(line: Option<usize>) -> String {
    line.map(|line| format!(" (line {line})")).unwrap_or_default()
}

/// Reads a kubeconfig. Fields that are not known are kept, names must be unique, empty entries are allowed.
pub(crate) fn parse(bytes: &[u8]) -> Result<Kubeconfig, DocumentFault> {
    let document = yaml::document(bytes).map_err(|error| DocumentFault::NotYaml { line: error.line })?;
    let mut fields = document.value().as_object().cloned().ok_or(DocumentFault::AnotherKind)?;
    for (field, expected) in [("apiVersion", "v1"), ("kind", "Config")] {
        let found = fields.entry(field).or_insert_with(|| expected.into());
        if found.as_str() == Some("") {
            *found = expected.into();
        }
        if found.as_str() != Some(expected) {
            return Err(DocumentFault::AnotherKind);
        }
    }
    let shape = |section| DocumentFault::Shape { section };
    if fields.get("current-context").is_some_and(Json::is_null) {
        fields.remove("current-context");
    }
    if fields.get("preferences").is_some_and(Json::is_null) {
        fields.remove("preferences");
    }
    for (section, entry) in SECTIONS {
        complete(&mut fields, section, entry).ok_or(shape(section))?;
        unique(&fields, section)?;
    }
    // One part after the other, so that an error can name the part: the library's own text would quote the value.
    part::<Vec<kubewright_pki::NamedCluster>>(&fields, "clusters")?;
    part::<Vec<kubewright_pki::NamedContext>>(&fields, "contexts")?;
    part::<Vec<kubewright_pki::NamedUser>>(&fields, "users")?;
    part::<String>(&fields, "current-context")?;
    serde_json::from_value(Json::Object(fields)).map_err(|_| shape("fields"))
}

const SECTIONS: [(&str, &str); 3] = [("clusters", "cluster"), ("contexts", "context"), ("users", "user")];

/// Gives every entry of a list its name and its body, which may be empty.
fn complete(fields: &mut Map<String, Json>, section: &str, entry: &str) -> Option<()> {
    let list = match fields.get_mut(section) {
        None | Some(Json::Null) => return Some(()),
        Some(list) => list.as_array_mut()?,
    };
    for named in list {
        let named = named.as_object_mut()?;
        named.entry("name").or_insert_with(|| "".into());
        let body = named.entry(entry).or_insert(Json::Null);
        if body.is_null() {
            *body = Json::Object(Map::new());
        }
        // Empty says the same as absent, but not to our types.
        body.as_object_mut()?.retain(|key, value| key == "server" || !(value.is_null() || value.as_str() == Some("")));
        body.as_object_mut()?.retain(|key, value| key != "server" || !value.is_null());
    }
    Some(())
}

fn unique(fields: &Map<String, Json>, section: &'static str) -> Result<(), DocumentFault> {
    let list = fields.get(section).and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut names: Vec<&str> = list.iter().filter_map(|entry| entry.get("name")?.as_str()).collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(DocumentFault::TwoOfOneName { section, name: pair[0].to_owned() }),
        None => Ok(()),
    }
}

fn part<T: for<'a> Deserialize<'a>>(fields: &Map<String, Json>, section: &'static str) -> Result<(), DocumentFault> {
    match fields.get(section) {
        None | Some(Json::Null) => Ok(()),
        Some(value) => T::deserialize(value).map(|_| ()).map_err(|_| DocumentFault::Shape { section }),
    }
}

#[cfg(test)]
mod tests;
