//! Kubeconfig documents: built from certificates, read from what a user provides.
//!
//! This is the object only; how it becomes YAML is decided elsewhere.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::error::PkiError;
use crate::{Certificate, PrivateKey, SecretText, Source};

/// A kubeconfig with the fields and the order that kubeadm writes.
///
/// Fields that it does not know survive a round trip, so that renewing a user's file loses nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kubeconfig {
    /// Always `v1`.
    #[serde(rename = "apiVersion")]
    pub api_version: String,
    /// Clusters by name; an empty list is written as `null`.
    #[serde(default, deserialize_with = "list_or_null", serialize_with = "null_if_empty")]
    pub clusters: Vec<NamedCluster>,
    /// Contexts by name; an empty list is written as `null`.
    #[serde(default, deserialize_with = "list_or_null", serialize_with = "null_if_empty")]
    pub contexts: Vec<NamedContext>,
    /// Name of the context in force; may be empty.
    #[serde(rename = "current-context", default)]
    pub current_context: String,
    /// Always `Config`.
    pub kind: String,
    /// An empty object in what older versions wrote, absent since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preferences: Option<Map<String, Value>>,
    /// Users by name; an empty list is written as `null`.
    #[serde(default, deserialize_with = "list_or_null", serialize_with = "null_if_empty")]
    pub users: Vec<NamedUser>,
    /// Whatever else there was.
    #[serde(flatten)]
    pub others: Map<String, Value>,
}

/// A cluster and its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedCluster {
    /// The cluster.
    pub cluster: Cluster,
    /// Its name; empty in the `cluster-info` form.
    pub name: String,
}

/// How to reach a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Cluster {
    /// Path of the authorities' file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate_authority: Option<String>,
    /// The authorities themselves, as base64 of PEM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate_authority_data: Option<String>,
    /// URL of the API server.
    #[serde(default)]
    pub server: String,
    /// Whatever else there was.
    #[serde(flatten)]
    pub others: Map<String, Value>,
}

/// A context and its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedContext {
    /// The context.
    pub context: Context,
    /// Its name.
    pub name: String,
}

/// Which user talks to which cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Context {
    /// Name of the cluster.
    #[serde(default)]
    pub cluster: String,
    /// Default namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Name of the user.
    #[serde(default)]
    pub user: String,
    /// Whatever else there was.
    #[serde(flatten)]
    pub others: Map<String, Value>,
}

/// A user and its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedUser {
    /// Its name.
    pub name: String,
    /// The user.
    pub user: User,
}

/// How a user proves who it is. `Debug` shows no credential.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct User {
    /// Path of the client certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_certificate: Option<String>,
    /// The client certificate itself, as base64 of PEM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_certificate_data: Option<String>,
    /// Path of the private key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_key: Option<String>,
    /// The private key itself, as base64 of PEM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_key_data: Option<SecretText>,
    /// A bearer token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<SecretText>,
    /// Whatever else there was; passwords and plugin settings, for example.
    #[serde(flatten)]
    pub others: Map<String, Value>,
}

impl std::fmt::Debug for User {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The other fields may hold passwords: not even their names matter.
        formatter
            .debug_struct("User")
            .field("client_certificate", &self.client_certificate)
            .field("client_key", &self.client_key)
            .field("client_key_data", &self.client_key_data)
            .field("token", &self.token)
            .finish_non_exhaustive()
    }
}

impl Kubeconfig {
    /// A user with a client certificate.
    ///
    /// # Errors
    /// `KeyEncoding`.
    pub fn with_client_cert(
        cluster_name: &str,
        server: &str,
        authority: &Certificate,
        user_name: &str,
        certificate: &Certificate,
        key: &PrivateKey,
    ) -> Result<Self, PkiError> {
        let user = User {
            client_certificate_data: Some(STANDARD.encode(certificate.to_pem())),
            client_key_data: Some(inline_key(key)?),
            ..User::default()
        };
        Ok(Self::for_user(cluster_name, server, authority, user_name, user))
    }

    /// A user whose certificate is still to be signed, by an authority that is not known here.
    ///
    /// # Errors
    /// `KeyEncoding`.
    pub fn awaiting_certificate(
        cluster_name: &str,
        server: &str,
        user_name: &str,
        key: &PrivateKey,
    ) -> Result<Self, PkiError> {
        let user = User { client_key_data: Some(inline_key(key)?), ..User::default() };
        let cluster = Cluster { server: server.to_owned(), ..Cluster::default() };
        Ok(Self::of_parts(cluster_name, cluster, user_name, user))
    }

    /// A user with a bearer token, for the bootstrap of a joining kubelet.
    pub fn with_token(
        cluster_name: &str,
        server: &str,
        authority: &Certificate,
        user_name: &str,
        token: &SecretText,
    ) -> Self {
        let user = User { token: Some(token.clone()), ..User::default() };
        Self::for_user(cluster_name, server, authority, user_name, user)
    }

    /// The public form in the ConfigMap `cluster-info`: one cluster without name, nothing else.
    pub fn cluster_info(server: &str, authority: &Certificate) -> Self {
        Self {
            clusters: vec![NamedCluster { cluster: cluster(server, authority), name: String::new() }],
            ..Self::empty()
        }
    }

    /// Adds the empty `preferences` that older versions write.
    pub fn with_preferences(self) -> Self {
        Self { preferences: Some(Map::new()), ..self }
    }

    /// URL of the API server in the cluster in force.
    pub fn server(&self) -> Option<&str> {
        self.cluster_in_force().map(|named| named.cluster.server.as_str())
    }

    /// Name of the cluster in force.
    pub fn cluster_name(&self) -> Option<&str> {
        self.cluster_in_force().map(|named| named.name.as_str())
    }

    /// Name of the user in force.
    pub fn user_name(&self) -> Option<&str> {
        self.user_in_force().map(|named| named.name.as_str())
    }

    /// Authorities of the cluster in force, usually a bundle for [`Certificate::bundle_from_pem`].
    ///
    /// # Errors
    /// `MalformedInlineData`.
    pub fn certificate_authority(&self) -> Result<Option<Source>, PkiError> {
        let Some(named) = self.cluster_in_force() else { return Ok(None) };
        let (data, file) = (&named.cluster.certificate_authority_data, &named.cluster.certificate_authority);
        source("certificate-authority-data", data.as_deref(), file.as_ref())
    }

    /// Client certificate of the user in force.
    ///
    /// # Errors
    /// `MalformedInlineData`.
    pub fn client_certificate(&self) -> Result<Option<Source>, PkiError> {
        let Some(NamedUser { user, .. }) = self.user_in_force() else { return Ok(None) };
        source("client-certificate-data", user.client_certificate_data.as_deref(), user.client_certificate.as_ref())
    }

    /// Private key of the user in force.
    ///
    /// # Errors
    /// `MalformedInlineData`.
    pub fn client_key(&self) -> Result<Option<Source>, PkiError> {
        let Some(NamedUser { user, .. }) = self.user_in_force() else { return Ok(None) };
        source("client-key-data", user.client_key_data.as_ref().map(SecretText::expose), user.client_key.as_ref())
    }

    /// Bearer token of the user in force.
    pub fn token(&self) -> Option<&SecretText> {
        self.user_in_force()?.user.token.as_ref()
    }

    /// Sets the URL of the cluster in force; false if there is none.
    pub fn set_server(&mut self, server: &str) -> bool {
        let Some(named) = self.cluster_in_force_mut() else { return false };
        named.cluster.server = server.to_owned();
        true
    }

    /// Sets the authority of the cluster in force, inline; false if there is no cluster.
    pub fn set_certificate_authority(&mut self, authority: &Certificate) -> bool {
        let Some(named) = self.cluster_in_force_mut() else { return false };
        named.cluster.certificate_authority = None;
        named.cluster.certificate_authority_data = Some(STANDARD.encode(authority.to_pem()));
        true
    }

    /// Sets certificate and key of the user in force, inline; false if there is no user.
    ///
    /// # Errors
    /// `KeyEncoding`.
    pub fn set_client_cert(&mut self, certificate: &Certificate, key: &PrivateKey) -> Result<bool, PkiError> {
        let key = inline_key(key)?;
        let Some(NamedUser { user, .. }) = self.user_in_force_mut() else { return Ok(false) };
        user.client_certificate = None;
        user.client_certificate_data = Some(STANDARD.encode(certificate.to_pem()));
        user.client_key = None;
        user.client_key_data = Some(key);
        Ok(true)
    }

    /// Points the user in force to one file with both certificate and key; false if there is no user.
    ///
    /// The kubelet rotates that file by itself.
    pub fn set_client_cert_file(&mut self, path: &str) -> bool {
        let Some(NamedUser { user, .. }) = self.user_in_force_mut() else { return false };
        user.client_certificate = Some(path.to_owned());
        user.client_certificate_data = None;
        user.client_key = Some(path.to_owned());
        user.client_key_data = None;
        true
    }

    fn for_user(cluster_name: &str, server: &str, authority: &Certificate, user_name: &str, user: User) -> Self {
        Self::of_parts(cluster_name, cluster(server, authority), user_name, user)
    }

    fn of_parts(cluster_name: &str, cluster: Cluster, user_name: &str, user: User) -> Self {
        let context_name = format!("{user_name}@{cluster_name}");
        let context = Context { cluster: cluster_name.to_owned(), user: user_name.to_owned(), ..Context::default() };
        Self {
            clusters: vec![NamedCluster { cluster, name: cluster_name.to_owned() }],
            contexts: vec![NamedContext { context, name: context_name.clone() }],
            current_context: context_name,
            users: vec![NamedUser { name: user_name.to_owned(), user }],
            ..Self::empty()
        }
    }

    fn empty() -> Self {
        Self {
            api_version: "v1".to_owned(),
            clusters: Vec::new(),
            contexts: Vec::new(),
            current_context: String::new(),
            kind: "Config".to_owned(),
            preferences: None,
            users: Vec::new(),
            others: Map::new(),
        }
    }

    fn context_in_force(&self) -> Option<&Context> {
        self.contexts.iter().find(|named| named.name == self.current_context).map(|named| &named.context)
    }

    /// The cluster of the current context, or the single nameless one of the `cluster-info` form.
    fn cluster_name_in_force(&self) -> Option<String> {
        match self.context_in_force() {
            Some(context) => Some(context.cluster.clone()),
            None if self.current_context.is_empty() => Some(String::new()),
            None => None,
        }
    }

    fn cluster_in_force(&self) -> Option<&NamedCluster> {
        let name = self.cluster_name_in_force()?;
        self.clusters.iter().find(|named| named.name == name)
    }

    fn cluster_in_force_mut(&mut self) -> Option<&mut NamedCluster> {
        let name = self.cluster_name_in_force()?;
        self.clusters.iter_mut().find(|named| named.name == name)
    }

    fn user_in_force(&self) -> Option<&NamedUser> {
        let name = &self.context_in_force()?.user;
        self.users.iter().find(|named| named.name == *name)
    }

    fn user_in_force_mut(&mut self) -> Option<&mut NamedUser> {
        let name = self.context_in_force()?.user.clone();
        self.users.iter_mut().find(|named| named.name == name)
    }
}

fn cluster(server: &str, authority: &Certificate) -> Cluster {
    Cluster {
        certificate_authority_data: Some(STANDARD.encode(authority.to_pem())),
        server: server.to_owned(),
        ..Cluster::default()
    }
}

fn inline_key(key: &PrivateKey) -> Result<SecretText, PkiError> {
    Ok(SecretText::new(STANDARD.encode(key.to_pem()?.as_bytes())))
}

/// Inline data wins over a file, as in the Kubernetes client.
fn source(field: &'static str, data: Option<&str>, file: Option<&String>) -> Result<Option<Source>, PkiError> {
    match data.filter(|data| !data.is_empty()) {
        Some(data) => {
            // Go, and so kubectl, reads over line ends, which a folded block of YAML leaves in.
            let data = Zeroizing::new(data.replace(['\r', '\n'], ""));
            let decoded = STANDARD.decode(&*data).map_err(|_position| PkiError::MalformedInlineData { field })?;
            Ok(Some(Source::Inline(Zeroizing::new(decoded))))
        }
        None => Ok(file.filter(|path| !path.is_empty()).cloned().map(Source::File)),
    }
}

fn list_or_null<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

fn null_if_empty<S: Serializer, T: Serialize>(list: &[T], serializer: S) -> Result<S::Ok, S::Error> {
    match list.is_empty() {
        true => serializer.serialize_none(),
        false => list.serialize(serializer),
    }
}

#[cfg(test)]
mod tests;
