//! What the lab itself promises, tried on its nodes: they come up empty, a cluster works on them, and nothing stays.

mod cluster;
