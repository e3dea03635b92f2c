//! Names of the images that a cluster runs, and their order for pulling and listing.

pub use crate::facts::Image;
use crate::facts::VersionFacts;
use crate::model::{ClusterConfiguration, Etcd};

/// Where the project's CI puts the images that it builds.
const CI_REPOSITORY: &str = "gcr.io/k8s-staging-ci-images";

/// Returns the full reference of an image, such as `registry.k8s.io/etcd:3.6.8-0`.
pub fn reference(image: Image, cluster: &ClusterConfiguration, facts: &VersionFacts) -> String {
    let default = cluster.image_repository.as_str();
    match image {
        Image::Pause => format!("{default}/pause:{}", facts.images.pause),
        Image::Etcd => {
            let local = cluster.etcd.local();
            let repository = local.and_then(|etcd| etcd.image.repository.as_deref()).unwrap_or(default);
            format!("{repository}/etcd:{}", etcd_tag(cluster, facts))
        }
        Image::Coredns => {
            let repository = cluster.dns.image.repository.as_deref().unwrap_or(default);
            let tag = cluster.dns.image.tag.as_deref().unwrap_or(&facts.images.coredns);
            // Mirrors keep the image at their top, so the longer path holds for the default registry only.
            let path = if repository == facts.images.repository { &facts.images.coredns_path } else { "coredns" };
            format!("{repository}/{path}:{tag}")
        }
        _ => {
            let ci = cluster.ci_build && default == facts.images.repository;
            let repository = if ci { CI_REPOSITORY } else { default };
            format!("{repository}/{}:{}", image.name(), cluster.kubernetes_version.image_tag())
        }
    }
}

/// Returns the tag of local etcd's image, which decides what flags it knows.
pub fn etcd_tag<'a>(cluster: &'a ClusterConfiguration, facts: &'a VersionFacts) -> &'a str {
    let pinned = cluster.etcd.local().and_then(|etcd| etcd.image.tag.as_deref());
    pinned.unwrap_or(&facts.images.etcd)
}

/// Returns the release that a tag of etcd's image is of: `3.5.24-0` is 3.5.24. `None` if the tag does not begin with one.
pub fn etcd_release(tag: &str) -> Option<semver::Version> {
    crate::version::loose(tag)
}

/// Returns all references that a control-plane node needs, in the version's order.
pub fn pull_list(cluster: &ClusterConfiguration, facts: &VersionFacts) -> Vec<String> {
    let needed = |image: &&Image| match image {
        Image::KubeProxy => !cluster.proxy.disabled,
        Image::Coredns => !cluster.dns.disabled,
        Image::Etcd => matches!(cluster.etcd, Etcd::Local(_)),
        _ => true,
    };
    facts.images.order.iter().filter(needed).map(|image| reference(*image, cluster, facts)).collect()
}
