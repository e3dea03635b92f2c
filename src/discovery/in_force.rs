//! The one cluster, context and user of a kubeconfig that count, made to stand on their own. Others stay behind: a file
//! that is written on a new node has no business with the credentials of somebody else.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use camino::Utf8Path;
use kubewright_pki::{Cluster, Context, Kubeconfig, NamedCluster, NamedContext, NamedUser, SecretText, User};
use serde_json::{Map, Value as Json};

use crate::document::DocumentFault;

/// The parts of a kubeconfig that count. `Debug` shows no credential.
#[derive(Debug, Clone)]
pub(crate) struct InForce {
    pub(crate) cluster_name: String,
    pub(crate) cluster: Cluster,
    pub(crate) context_name: String,
    pub(crate) context: Context,
    pub(crate) user_name: String,
    pub(crate) user: User,
}

/// A file that the kubeconfig refers to and that must be put into it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reference {
    pub(crate) field: &'static str,
    pub(crate) path: String,
}

const AUTHORITY: &str = "certificate-authority";
const CERTIFICATE: &str = "client-certificate";
const KEY: &str = "client-key";
const TOKEN_FILE: &str = "tokenFile";
const INSECURE: &str = "insecure-skip-tls-verify";

impl InForce {
    /// Picks the parts that count: the cluster without a name, else the one of the current context. kubeadm:
    /// `GetClusterFromKubeConfig`.
    pub(crate) fn of(document: &Kubeconfig) -> Result<Self, DocumentFault> {
        if document.clusters.is_empty() {
            return Err(DocumentFault::NoCluster);
        }
        let context_name = document.current_context.clone();
        let context = document.contexts.iter().find(|named| named.name == context_name && !named.name.is_empty());
        let context = context.map(|named| named.context.clone());
        if context.is_none() && !context_name.is_empty() {
            return Err(DocumentFault::NoContext { name: context_name });
        }
        let dangling =
            |what, name: &str| DocumentFault::Dangling { context: context_name.clone(), what, name: name.into() };
        let cluster = |name: &str| document.clusters.iter().find(|named| named.name == name);
        let named = match (cluster(""), &context) {
            (Some(named), _) => named,
            (None, Some(context)) => cluster(&context.cluster).ok_or_else(|| dangling("cluster", &context.cluster))?,
            (None, None) => return Err(DocumentFault::NoContext { name: context_name }),
        };
        let context = context.unwrap_or_default();
        let user = document.users.iter().find(|named| named.name == context.user);
        let user = match user {
            Some(named) => named.user.clone(),
            None if context.user.is_empty() => User::default(),
            None => return Err(dangling("user", &context.user)),
        };
        let found = Self {
            cluster_name: named.name.clone(),
            cluster: named.cluster.clone(),
            context_name: document.current_context.clone(),
            user_name: context.user.clone(),
            context,
            user,
        };
        found.check_server()?;
        Ok(found)
    }

    /// Checks what kubectl's reader refuses. kubeadm: `clientcmd.Validate`.
    pub(crate) fn check(&self) -> Result<(), DocumentFault> {
        let both = |field, path: &Option<String>, inline: bool| match path.is_some() && inline {
            true => Err(DocumentFault::Both { field }),
            false => Ok(()),
        };
        let (cluster, user) = (&self.cluster, &self.user);
        both(AUTHORITY, &cluster.certificate_authority, cluster.certificate_authority_data.is_some())?;
        both(CERTIFICATE, &user.client_certificate, user.client_certificate_data.is_some())?;
        both(KEY, &user.client_key, user.client_key_data.is_some())?;
        let name = || self.user_name.clone();
        let certificate = user.client_certificate.is_some() || user.client_certificate_data.is_some();
        if certificate && user.client_key.is_none() && user.client_key_data.is_none() {
            return Err(DocumentFault::NoKey { user: name() });
        }
        if user.token.is_some() && (self.text("username").is_some() || self.text("password").is_some()) {
            return Err(DocumentFault::SeveralMethods { user: name() });
        }
        let inline = [
            ("certificate-authority-data", cluster.certificate_authority_data.as_deref()),
            ("client-certificate-data", user.client_certificate_data.as_deref()),
            ("client-key-data", user.client_key_data.as_ref().map(SecretText::expose)),
        ];
        for (field, data) in inline {
            if data.is_some_and(|data| decode(data).is_none()) {
                return Err(DocumentFault::Base64 { field });
            }
        }
        match user.others.get("exec") {
            None => Ok(()),
            Some(_) if user.others.contains_key("auth-provider") => {
                Err(DocumentFault::ExecAndProvider { user: name() })
            }
            Some(plugin) => check_plugin(plugin).map_err(|field| DocumentFault::Exec { user: name(), field }),
        }
    }

    /// Whether the user can prove who it is. An entry without contents cannot. kubeadm: `HasAuthenticationCredentials`.
    pub(crate) fn has_credentials(&self) -> bool {
        let user = &self.user;
        let token = user.token.is_some() || self.text(TOKEN_FILE).is_some();
        let password = self.text("username").is_some() && self.text("password").is_some();
        let certificate = user.client_certificate.is_some() || user.client_certificate_data.is_some();
        let key = user.client_key.is_some() || user.client_key_data.is_some();
        let plugin = user.others.get("exec").is_some_and(|plugin| filled(plugin, "command"));
        let provider = user.others.get("auth-provider").is_some_and(|provider| filled(provider, "name"));
        token || password || (certificate && key) || plugin || provider
    }

    /// Whether the server's certificate is not to be looked at.
    pub(crate) fn is_insecure(&self) -> bool {
        self.cluster.others.get(INSECURE).and_then(Json::as_bool).unwrap_or_default()
    }

    /// The files that it refers to, whose contents belong into it.
    pub(crate) fn references(&self) -> Vec<Reference> {
        let mut found = Vec::new();
        let mut refer = |field, path: Option<&str>| {
            if let Some(path) = path {
                found.push(Reference { field, path: path.to_owned() });
            }
        };
        refer(AUTHORITY, self.cluster.certificate_authority.as_deref());
        if self.has_credentials() {
            refer(CERTIFICATE, self.user.client_certificate.as_deref());
            refer(KEY, self.user.client_key.as_deref());
            // A token that is there wins over a file, as in kubectl.
            refer(TOKEN_FILE, self.text(TOKEN_FILE).filter(|_| self.user.token.is_none()));
        }
        found
    }

    /// Makes paths that begin in a directory whole. The name of a credential plugin without a slash is looked for in `PATH`.
    pub(crate) fn resolve_in(&mut self, directory: &Utf8Path) {
        let whole = |path: &mut String| *path = directory.join(&*path).into_string();
        self.cluster.certificate_authority.as_mut().map(whole);
        self.user.client_certificate.as_mut().map(whole);
        self.user.client_key.as_mut().map(whole);
        let others = &mut self.user.others;
        if let Some(Json::String(path)) = others.get_mut(TOKEN_FILE).filter(|path| path.as_str() != Some("")) {
            whole(path);
        }
        if let Some(Json::String(command)) = others.get_mut("exec").and_then(|plugin| plugin.get_mut("command"))
            && command.contains('/')
        {
            whole(command);
        }
    }

    /// Puts the contents of a file in the place of its path.
    pub(crate) fn embed(&mut self, reference: &Reference, contents: &[u8]) {
        let user = &mut self.user;
        match reference.field {
            AUTHORITY => {
                self.cluster.certificate_authority = None;
                self.cluster.certificate_authority_data = Some(STANDARD.encode(contents));
            }
            CERTIFICATE => {
                user.client_certificate = None;
                user.client_certificate_data = Some(STANDARD.encode(contents));
            }
            KEY => {
                user.client_key = None;
                user.client_key_data = Some(SecretText::new(STANDARD.encode(contents)));
            }
            _ => {
                user.others.remove(TOKEN_FILE);
                // The line end that editors leave is not part of a token; kubeadm keeps it, and then no request succeeds.
                user.token = Some(SecretText::new(String::from_utf8_lossy(contents).trim()));
            }
        }
    }

    /// The authorities, as PEM; `None` if none are given inline.
    pub(crate) fn authority(&self) -> Option<Vec<u8>> {
        self.cluster.certificate_authority_data.as_deref().and_then(decode).filter(|pem| !pem.is_empty())
    }

    /// Takes over authorities, and so looks at the server's certificate from now on.
    pub(crate) fn adopt_authority(&mut self, pem: &[u8]) {
        self.cluster.others.remove(INSECURE);
        self.cluster.certificate_authority = None;
        self.cluster.certificate_authority_data = Some(STANDARD.encode(pem));
    }

    /// A kubeconfig with these parts alone.
    pub(crate) fn to_kubeconfig(&self) -> Kubeconfig {
        // Without a context nothing can be named; clients then take the entries without a name.
        let (context, users) = match self.context_name.as_str() {
            "" => (Vec::new(), Vec::new()),
            name => {
                let context = Context { cluster: self.cluster_name.clone(), ..self.context.clone() };
                let user = NamedUser { name: self.user_name.clone(), user: self.user.clone() };
                (vec![NamedContext { context, name: name.to_owned() }], vec![user])
            }
        };
        Kubeconfig {
            api_version: "v1".into(),
            clusters: vec![NamedCluster { cluster: self.cluster.clone(), name: self.cluster_name.clone() }],
            contexts: context,
            current_context: self.context_name.clone(),
            kind: "Config".into(),
            preferences: None,
            users,
            others: Map::new(),
        }
    }

    /// A kubeconfig for a client of ours, which wants names that kubectl can do without.
    pub(crate) fn to_client(&self) -> Kubeconfig {
        let named = |name: &str| if name.is_empty() { "discovery".to_owned() } else { name.to_owned() };
        let (cluster_name, context_name) = (named(&self.cluster_name), named(&self.context_name));
        let user_name = named(&self.user_name);
        let context = Context { user: user_name.clone(), ..self.context.clone() };
        Self { cluster_name, context_name, user_name, context, ..self.clone() }.to_kubeconfig()
    }

    /// Keeps nothing but server and authority: the rest is not for others to say.
    pub(crate) fn only_cluster(self) -> Self {
        let cluster = Cluster { others: Map::new(), ..self.cluster };
        let (context, user) = (Context::default(), User::default());
        Self { cluster, context_name: String::new(), context, user_name: String::new(), user, ..self }
    }

    /// Credentials go nowhere but over TLS.
    fn check_server(&self) -> Result<(), DocumentFault> {
        let authority = self.cluster.server.strip_prefix("https://");
        let host = authority.and_then(|rest| rest.split(['/', '?', '#']).next()).unwrap_or_default();
        let plain = |c: char| !c.is_whitespace() && !c.is_control() && c != '@';
        match !host.is_empty() && self.cluster.server.chars().all(plain) {
            true => Ok(()),
            false => Err(DocumentFault::Server { cluster: self.cluster_name.clone() }),
        }
    }

    /// A text among the user's other fields.
    fn text(&self, field: &str) -> Option<&str> {
        self.user.others.get(field).and_then(Json::as_str).filter(|text| !text.is_empty())
    }
}

/// Decodes base64 over line ends, as Go does.
pub(crate) fn decode(data: &str) -> Option<Vec<u8>> {
    STANDARD.decode(data.replace(['\r', '\n'], "")).ok()
}

fn filled(object: &Json, field: &str) -> bool {
    object.get(field).and_then(Json::as_str).is_some_and(|text| !text.is_empty())
}

/// Gives the first field of a credential plugin that is missing or wrong.
fn check_plugin(plugin: &Json) -> Result<(), &'static str> {
    for field in ["command", "apiVersion"] {
        if !filled(plugin, field) {
            return Err(field);
        }
    }
    let env = plugin.get("env").and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
    if env.iter().any(|variable| !filled(variable, "name")) {
        return Err("env");
    }
    // Older versions of the protocol did not have it; their default is `IfAvailable`.
    let old = plugin.get("apiVersion").and_then(Json::as_str) != Some("client.authentication.k8s.io/v1");
    match plugin.get("interactiveMode").and_then(Json::as_str) {
        Some("Never" | "IfAvailable" | "Always") => Ok(()),
        None | Some("") if old => Ok(()),
        _ => Err("interactiveMode"),
    }
}

#[cfg(test)]
mod tests;
