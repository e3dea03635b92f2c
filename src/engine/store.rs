//! The values of one run, by type. Private to the engine; phases see only what their input names.

use std::any::TypeId;
use std::collections::HashMap;
use std::sync::Arc;

use crate::phase::{ArtifactId, Made, Value};

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
