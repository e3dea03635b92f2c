//! The values of one run, by type. Private to the engine; phases see only what their input names.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::Arc;

use kubewright_value::Value;

/// A value's identity: equal by type, named for people.
#[derive(Debug, Clone, Copy)]
pub struct ArtifactId {
    type_id: TypeId,
    /// Its name.
    pub name: &'static str,
}

impl ArtifactId {
    /// The identity of a value type.
    pub fn of<A: Value>() -> Self {
        Self { type_id: TypeId::of::<A>(), name: A::NAME }
    }

    /// Whether it is `()`, which no phase needs to make.
    pub fn is_nothing(&self) -> bool {
        self.type_id == TypeId::of::<()>()
    }

    pub(crate) fn type_id(&self) -> TypeId {
        self.type_id
    }
}

impl PartialEq for ArtifactId {
    fn eq(&self, other: &Self) -> bool {
        self.type_id == other.type_id
    }
}

impl Eq for ArtifactId {}

/// A value whose type only its identity tells.
pub(crate) type Made = Arc<dyn Any + Send + Sync>;

/// Typed values that are known before any phase runs: the configuration and the flags.
#[derive(Clone, Default)]
pub struct Seeds {
    values: HashMap<TypeId, (ArtifactId, Made)>,
}

impl Seeds {
    /// No values.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one value.
    #[must_use]
    pub fn with<V: Value>(mut self, value: V) -> Self {
        self.values.insert(TypeId::of::<V>(), (ArtifactId::of::<V>(), Arc::new(value)));
        self
    }

    /// Reads one value, for [`crate::Phase::applies`].
    pub fn get<V: Value>(&self) -> Option<&V> {
        self.values.get(&TypeId::of::<V>()).and_then(|(_, made)| made.downcast_ref())
    }

    /// Whether the value is a seed.
    pub fn has(&self, id: ArtifactId) -> bool {
        self.values.contains_key(&id.type_id())
    }
}

/// What was made, loaded or seeded so far.
#[derive(Default)]
pub struct Store {
    values: HashMap<TypeId, Made>,
}

impl Store {
    pub(crate) fn new(seeds: &Seeds) -> Self {
        Self { values: seeds.values.iter().map(|(id, (_, made))| (*id, made.clone())).collect() }
    }

    pub(crate) fn put(&mut self, id: ArtifactId, made: Made) {
        self.values.insert(id.type_id(), made);
    }

    pub(crate) fn get<A: Value>(&self) -> Option<Arc<A>> {
        self.values.get(&TypeId::of::<A>()).cloned().and_then(|made| made.downcast().ok())
    }

    pub(crate) fn has(&self, id: ArtifactId) -> bool {
        self.values.contains_key(&id.type_id())
    }
}
