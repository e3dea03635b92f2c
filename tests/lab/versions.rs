//! What images of which tags a Kubernetes release asks for. The lab packs images under these names.

/// The image facts of one Kubernetes minor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageFacts {
    /// The registry that manifests name by default.
    pub repository: &'static str,
    /// etcd's tag.
    pub etcd: &'static str,
    /// The pause image's tag.
    pub pause: &'static str,
}

/// The facts for a minor (20 for 1.20); the newest known for one that is newer still.
pub(crate) fn image_facts(minor: u32) -> ImageFacts {
    let known = FACTS.iter().rev().find(|(from, ..)| *from <= minor).or(FACTS.first());
    let (_, etcd, pause) = known.copied().unwrap_or((20, "3.4.13-0", "3.2"));
    let repository = if minor < 25 { "k8s.gcr.io" } else { "registry.k8s.io" };
    ImageFacts { repository, etcd, pause }
}

/// Minor, etcd, pause; as of each minor's first release.
const FACTS: &[(u32, &str, &str)] = &[
    (20, "3.4.13-0", "3.2"),
    (21, "3.4.13-0", "3.4.1"),
    (22, "3.5.0-0", "3.5"),
    (23, "3.5.1-0", "3.6"),
    (24, "3.5.3-0", "3.7"),
    (25, "3.5.4-0", "3.8"),
    (26, "3.5.6-0", "3.9"),
    (27, "3.5.7-0", "3.9"),
    (28, "3.5.9-0", "3.9"),
    (29, "3.5.10-0", "3.9"),
    (30, "3.5.12-0", "3.9"),
    (31, "3.5.15-0", "3.10"),
    (32, "3.5.16-0", "3.10"),
    (33, "3.5.21-0", "3.10"),
    (34, "3.6.4-0", "3.10.1"),
    (35, "3.6.6-0", "3.10.1"),
    (36, "3.6.8-0", "3.10.2"),
    (37, "3.7.0-0", "3.10.2"),
];
