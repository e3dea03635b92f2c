//! Which lists of the patched kinds a strategic merge patch merges, and by what.
//!
//! From the tags `patchStrategy` and `patchMergeKey` of the types in k8s.io/api (core/v1, apps/v1) and meta/v1. They are
//! the same from 1.20 on, but for fields that came later. Every other list is replaced.

use super::Target;

/// The fields of one type of object in which lists are merged. Fields that are not named hold no such list.
#[derive(Debug)]
pub(super) struct Shape(&'static [(&'static str, Field)]);

/// How a field is merged.
#[derive(Debug, Clone, Copy)]
pub(super) enum Field {
    /// An object with such fields.
    Object(&'static Shape),
    /// A list of objects that are the same if this field is.
    Keyed(&'static str, &'static Shape),
    /// A list of scalars of which each stands once.
    Set,
}

impl Shape {
    /// An object without lists that are merged.
    pub(super) const PLAIN: &'static Shape = &Shape(&[]);

    /// Returns how a field is merged; `None` where nothing in it is special.
    pub(super) fn field(&self, name: &str) -> Option<Field> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, field)| *field)
    }
}

/// Returns the type of a target.
pub(super) fn of(target: Target) -> &'static Shape {
    match target {
        Target::Etcd | Target::KubeApiserver | Target::KubeControllerManager | Target::KubeScheduler => POD,
        Target::CorednsDeployment | Target::KubeProxyDaemonSet => WORKLOAD,
        // Its type has no such tags.
        Target::KubeletConfiguration => Shape::PLAIN,
    }
}

const POD: &Shape = &Shape(&[("metadata", Field::Object(METADATA)), ("spec", Field::Object(POD_SPEC)), STATUS]);

/// A Deployment or a DaemonSet.
const WORKLOAD: &Shape =
    &Shape(&[("metadata", Field::Object(METADATA)), ("spec", Field::Object(WORKLOAD_SPEC)), STATUS]);

const WORKLOAD_SPEC: &Shape = &Shape(&[("template", Field::Object(POD_TEMPLATE))]);

const POD_TEMPLATE: &Shape = &Shape(&[("metadata", Field::Object(METADATA)), ("spec", Field::Object(POD_SPEC))]);

const STATUS: (&str, Field) = ("status", Field::Object(&Shape(&[("conditions", Field::Keyed("type", Shape::PLAIN))])));

const METADATA: &Shape = &Shape(&[("finalizers", Field::Set), ("ownerReferences", Field::Keyed("uid", Shape::PLAIN))]);

const POD_SPEC: &Shape = &Shape(&[
    ("containers", Field::Keyed("name", CONTAINER)),
    ("ephemeralContainers", Field::Keyed("name", CONTAINER)),
    ("hostAliases", Field::Keyed("ip", Shape::PLAIN)),
    ("imagePullSecrets", Field::Keyed("name", Shape::PLAIN)),
    ("initContainers", Field::Keyed("name", CONTAINER)),
    ("resourceClaims", Field::Keyed("name", Shape::PLAIN)),
    ("schedulingGates", Field::Keyed("name", Shape::PLAIN)),
    ("topologySpreadConstraints", Field::Keyed("topologyKey", Shape::PLAIN)),
    ("volumes", Field::Keyed("name", Shape::PLAIN)),
]);

const CONTAINER: &Shape = &Shape(&[
    ("env", Field::Keyed("name", Shape::PLAIN)),
    ("ports", Field::Keyed("containerPort", Shape::PLAIN)),
    ("volumeDevices", Field::Keyed("devicePath", Shape::PLAIN)),
    ("volumeMounts", Field::Keyed("mountPath", Shape::PLAIN)),
]);
