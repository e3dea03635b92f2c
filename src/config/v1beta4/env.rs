//! Where the value of an environment variable comes from, as core/v1 has it.

use serde_json::Value;

use crate::error::ConfigError;
use crate::schema::Definitions;
use crate::wire::{Reader, Wire, wire};

/// The `EnvVarSource` of core/v1: read with its types, and kept as the value that goes into the pod.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct ValueSource(pub Value);

impl Wire for ValueSource {
    fn read(value: &Value, reader: &mut Reader<'_>) -> Self {
        Self(EnvVarSource::read(value, reader).write())
    }

    fn write(&self) -> Value {
        self.0.clone()
    }

    fn omit(&self) -> bool {
        false
    }

    fn schema(definitions: &mut Definitions) -> Value {
        EnvVarSource::schema(definitions)
    }
}

wire! {
    /// Where the value of a variable comes from. Name one of them.
    EnvVarSource {
        /// A field of the pod.
        "fieldRef" field_ref: Option<ObjectFieldSelector>,
        /// A resource limit or request of a container.
        "resourceFieldRef" resource_field_ref: Option<ResourceFieldSelector>,
        /// A key of a ConfigMap; static pods have none.
        "configMapKeyRef" config_map_key_ref: Option<ConfigMapKeySelector>,
        /// A key of a Secret; static pods have none.
        "secretKeyRef" secret_key_ref: Option<SecretKeySelector>,
        /// A key of a file in a volume.
        "fileKeyRef" file_key_ref: Option<FileKeySelector>,
    }

    /// A field of the pod.
    ObjectFieldSelector {
        /// API version of the path; v1 by default.
        "apiVersion" api_version: String,
        /// Path of the field, such as status.podIP.
        "fieldPath" field_path: String = keep,
    }

    /// A resource of a container.
    ResourceFieldSelector {
        /// The container; the variable's own by default.
        "containerName" container_name: String,
        /// The resource, such as limits.cpu.
        "resource" resource: String = keep,
        /// What the value is divided by, such as 1Mi; 1 by default.
        "divisor" divisor: Quantity = keep,
    }

    /// A key of a ConfigMap.
    ConfigMapKeySelector {
        /// Name of the ConfigMap.
        "name" name: String,
        /// The key in its data.
        "key" key: String = keep,
        /// Whether it may be missing.
        "optional" optional: Option<bool>,
    }

    /// A key of a Secret.
    SecretKeySelector {
        /// Name of the Secret.
        "name" name: String,
        /// The key in its data.
        "key" key: String = keep,
        /// Whether it may be missing.
        "optional" optional: Option<bool>,
    }

    /// A key of a file with variables.
    FileKeySelector {
        /// Name of the volume.
        "volumeName" volume_name: String = keep,
        /// Path in the volume.
        "path" path: String = keep,
        /// The key in the file.
        "key" key: String = keep,
        /// Whether it may be missing.
        "optional" optional: Option<bool>,
    }
}

/// An amount such as `1Mi`; Go writes 0 where there is none.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Quantity(String);

impl Wire for Quantity {
    fn read(value: &Value, reader: &mut Reader<'_>) -> Self {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => String::new(),
        };
        if !crate::component::shape::is_quantity(&text) {
            reader.refuse(|path| {
                ConfigError::invalid(path, &text, "not an amount").hint("for example 1Mi, or leave it out")
            });
        }
        Self(text)
    }

    fn write(&self) -> Value {
        if self.0.is_empty() { "0".into() } else { self.0.clone().into() }
    }

    fn omit(&self) -> bool {
        false
    }

    fn schema(_: &mut Definitions) -> Value {
        serde_json::json!({"type": ["string", "number", "null"]})
    }
}
