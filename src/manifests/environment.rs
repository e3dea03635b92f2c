//! Environment of containers: the machine's proxy variables, and the user's variables over them.

use std::collections::BTreeMap;

use kubewright_config::model::EnvVar;

use crate::yaml_escape::flow;

/// A variable as the templates print it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Variable {
    pub(crate) name: String,
    /// Literal value; `None` if it is empty or comes from elsewhere.
    pub(crate) value: Option<String>,
    /// An `EnvVarSource` in flow form.
    pub(crate) value_from: Option<String>,
}

impl Variable {
    fn literal(name: &str, value: &str) -> Self {
        let value = (!value.is_empty()).then(|| value.to_owned());
        Self { name: name.to_owned(), value, value_from: None }
    }
}

impl From<&EnvVar> for Variable {
    fn from(variable: &EnvVar) -> Self {
        let value_from = variable.value_from.as_ref().map(flow);
        Self { value_from, ..Self::literal(&variable.name, &variable.value) }
    }
}

/// Returns the proxy variables with the user's over them, sorted by name.
pub(crate) fn merge(proxies: &[(String, String)], user: &[EnvVar]) -> Vec<Variable> {
    let proxies = proxies.iter().map(|(name, value)| Variable::literal(name, value));
    let all = proxies.chain(user.iter().map(Variable::from));
    let by_name: BTreeMap<String, Variable> = all.map(|variable| (variable.name.clone(), variable)).collect();
    by_name.into_values().collect()
}
