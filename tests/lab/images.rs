//! Which images a node needs, and what they are packed from.

use std::path::PathBuf;

use crate::{error::Result, image::Image, kubernetes::Kubernetes, layout::Cache};

/// Packs every image of that Kubernetes, and returns the archives.
///
/// CoreDNS is not among them: its image is in no place that the lab can count on, so its pods stay without one.
pub(crate) fn ensure(cache: &Cache, kubernetes: &Kubernetes) -> Result<Vec<PathBuf>> {
    let _lock = cache.lock("images")?;
    let dir = cache.images();
    images(kubernetes)?.iter().map(|image| image.ensure(&dir)).collect()
}

fn images(kubernetes: &Kubernetes) -> Result<Vec<Image>> {
    let (repository, version) = (kubernetes.repository(), kubernetes.version());
    let local = |name: &str| (kubernetes.dir().join(name), format!("/usr/local/bin/{name}"));
    let image = |name: &str, files| Image { reference: format!("{repository}/{name}"), files, entrypoint: Vec::new() };
    let mut images = Vec::new();
    for name in ["kube-apiserver", "kube-controller-manager", "kube-scheduler"] {
        images.push(image(&format!("{name}:{version}"), vec![local(name)]));
    }

    // kube-proxy calls these from inside its container.
    let multi = kubernetes.find("iptables")?;
    let multi = multi.canonicalize().unwrap_or(multi);
    let mut proxy = vec![local("kube-proxy"), (kubernetes.find("conntrack")?, "/usr/sbin/conntrack".to_owned())];
    for name in ["iptables", "iptables-save", "iptables-restore", "ip6tables", "ip6tables-save", "ip6tables-restore"] {
        proxy.push((multi.clone(), format!("/usr/sbin/{name}")));
    }
    proxy.extend(extensions());
    images.push(image(&format!("kube-proxy:{version}"), proxy));

    let etcd = ["etcd", "etcdctl"].map(|name| Ok((kubernetes.find(name)?, format!("/usr/local/bin/{name}"))));
    images.push(image(&format!("etcd:{}", kubernetes.etcd_tag()), etcd.into_iter().collect::<Result<_>>()?));

    let files = vec![(kubernetes.pause().to_owned(), "/pause".to_owned())];
    images.push(Image { reference: kubernetes.pause_image(), files, entrypoint: vec!["/pause".to_owned()] });
    Ok(images)
}

/// The matches and targets that iptables loads by name, at the path that is compiled into it. Without them it cannot even
/// list a chain that others wrote rules into.
fn extensions() -> Vec<(PathBuf, String)> {
    let libraries = std::fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    let directories = libraries.map(|library| library.path().join("xtables"));
    let files = directories.filter_map(|directory| std::fs::read_dir(directory).ok()).flatten().flatten();
    files.map(|file| file.path()).map(|path| (path.clone(), path.to_string_lossy().into_owned())).collect()
}
