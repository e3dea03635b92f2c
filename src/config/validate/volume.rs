//! Mounts of the host in static pods, by the rules of core/v1: the kubelet would not run a pod with another.

use super::Check;
use crate::model::ExtraVolume;
use crate::net;
use crate::v1beta4;
use crate::yaml;

/// What a path may be said to be; nothing, if the field is empty.
pub(crate) const PATH_TYPES: [&str; 7] =
    ["DirectoryOrCreate", "Directory", "FileOrCreate", "File", "Socket", "CharDevice", "BlockDevice"];
/// Longest name of a volume.
const MAX_NAME: usize = 63;

impl Check<'_> {
    /// Checks the volumes of a component.
    pub fn volumes(&mut self, field: &str, volumes: Vec<v1beta4::HostPathMount>) -> Vec<ExtraVolume> {
        for (index, volume) in volumes.iter().enumerate() {
            let path = yaml::item(field, index);
            let name = &volume.name;
            if name.is_empty() {
                self.missing(&path, "the volume has no name", "give it one, such as `name: audit`");
            } else if name.contains('.') || !net::is_dns_subdomain(name) || name.len() > MAX_NAME {
                let reason = "not a name of a volume: lower-case letters, digits and inner `-`, 63 characters at most";
                self.invalid(&yaml::child(&path, "name"), name, reason, "for example audit-log");
            } else if volumes[..index].iter().any(|other| other.name == *name) {
                self.invalid(&yaml::child(&path, "name"), name, "a volume of this name stands above", "rename one");
            }
            self.absolute_path(&yaml::child(&path, "hostPath"), &volume.host_path);
            self.absolute_path(&yaml::child(&path, "mountPath"), &volume.mount_path);
            if volume.host_path.split('/').any(|part| part == "..") {
                let field = yaml::child(&path, "hostPath");
                self.invalid(&field, &volume.host_path, "the path must not have `..` in it", "write the path out");
            }
            if volume.mount_path.contains(':') {
                let field = yaml::child(&path, "mountPath");
                self.invalid(&field, &volume.mount_path, "the path must not have `:` in it", "choose another path");
            }
            if !volume.path_type.is_empty() {
                self.one_of(&yaml::child(&path, "pathType"), &volume.path_type, &PATH_TYPES);
            }
        }
        volumes.into_iter().map(taken).collect()
    }
}

fn taken(wire: v1beta4::HostPathMount) -> ExtraVolume {
    ExtraVolume {
        name: wire.name,
        host_path: wire.host_path,
        mount_path: wire.mount_path,
        read_only: wire.read_only,
        path_type: wire.path_type,
    }
}
