//! Builds Kubernetes 1.20 and its kubeadm from Debian 12's source package, which carries every dependency.
//!
//! Debian itself ships only the client; the source package has everything. Nothing here touches the machine's apt
//! configuration: the source is fetched through a private one.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    thread,
};

use crate::{
    error::{LabError, Result},
    layout::{self, Cache},
    packages,
    program::{output, program},
    say,
};

/// The release that Debian 12 carries.
pub(crate) const DEBIAN_RELEASE: &str = "v1.20.2";

/// The same source with another stamp: the release that tests upgrade to.
pub(crate) const NEXT_RELEASE: &str = "v1.20.3";

const COMPONENTS: [&str; 7] =
    ["kubeadm", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy", "kubectl"];

/// Returns the directory of binaries stamped with that version; builds them once, which takes minutes.
///
/// Another stamp of the same source is another "release" to upgrade to: only the link step is repeated.
pub(crate) fn ensure(cache: &Cache, stamp: &str) -> Result<PathBuf> {
    let build = Build { out: cache.kubernetes() };
    let done = build.out.join("bin").join(stamp);
    if complete(&done) {
        return Ok(done);
    }
    let _lock = cache.lock("kubernetes")?;
    if complete(&done) {
        return Ok(done);
    }
    packages::ensure(cache, packages::BUILD)?;
    say::step(&format!("building Kubernetes {stamp} from Debian's source package; the first time takes minutes"));
    build.prepare_source()?;
    build.generate_openapi()?;
    build.link(stamp, &done)?;
    Ok(done)
}

/// The stamp is the directory's last file, and the directory gets its name only when all is in it.
fn complete(done: &Path) -> bool {
    done.join(".complete").is_file()
}

struct Build {
    out: PathBuf,
}

impl Build {
    fn source(&self) -> PathBuf {
        self.out.join("gopath/src/k8s.io/kubernetes")
    }

    /// Fetches and unpacks the source, with Debian's patches.
    fn prepare_source(&self) -> Result<()> {
        let source = self.source();
        let prepared = source.join(".prepared");
        if prepared.is_file() {
            return Ok(());
        }
        let (apt, fetched) = (self.out.join("apt"), self.out.join("source"));
        for dir in ["lists/partial", "cache/archives/partial", "parts"] {
            layout::make_dir(&apt.join(dir))?;
        }
        layout::make_dir(&fetched)?;
        write_source_lists(&apt)?;
        let options = [
            format!("Dir::Etc::SourceList={}/sources.list", apt.display()),
            format!("Dir::Etc::SourceParts={}/parts", apt.display()),
            format!("Dir::State::Lists={}/lists", apt.display()),
            format!("Dir::Cache={}/cache", apt.display()),
            "APT::Sandbox::User=root".to_owned(),
        ];
        let apt_get = |words: &[&str]| {
            let mut command = Command::new("apt-get");
            options.iter().for_each(|option| _ = command.args(["-o", option]));
            command.args(words).current_dir(&fetched);
            command
        };
        output(&mut apt_get(&["update", "-q"]))?;
        output(&mut apt_get(&["source", "-q", "--download-only", "kubernetes"]))?;
        let tree = fetched.join("tree");
        layout::remove(&tree)?;
        output(program("sh", ["-c", "exec dpkg-source -x ./*.dsc tree"]).current_dir(&fetched))?;
        layout::remove(&source)?;
        layout::make_dir(&self.out.join("gopath/src/k8s.io"))?;
        fs::rename(&tree, &source).map_err(LabError::file("move the source to", &source))?;
        // The vendored reflect2 panics when built with Go 1.18 or newer; Debian's own package of it is mended.
        let vendored = source.join("vendor/github.com/modern-go/reflect2");
        layout::remove(&vendored)?;
        output(program("cp", ["-r", "/usr/share/gocode/src/github.com/modern-go/reflect2"]).arg(&vendored))?;
        layout::write(&prepared, "")
    }

    /// Makes the OpenAPI definitions that the API server is built with; the source package leaves them out.
    fn generate_openapi(&self) -> Result<()> {
        let source = self.source();
        if source.join(GENERATED).is_file() {
            return Ok(());
        }
        let generator = self.out.join("openapi-gen");
        output(self.go(&["build", "-o"]).arg(&generator).arg("./vendor/k8s.io/kube-openapi/cmd/openapi-gen"))?;
        let found = output(program("sh", ["-c", MARKED_PACKAGES]).current_dir(&source))?;
        let packages = found.split_whitespace().map(import_path).collect::<Vec<_>>().join(",");
        let mut generate = self.in_gopath(generator);
        generate.args(["--logtostderr", "-i", &packages, "-p", "k8s.io/kubernetes/pkg/generated/openapi"]);
        generate.args(["-O", "zz_generated.openapi", "-h", "hack/boilerplate/boilerplate.generatego.txt", "-r"]);
        output(generate.arg(self.out.join("openapi-violations.txt")))?;
        Ok(())
    }

    /// Compiles and links every component into a directory that gets its name when it is whole.
    fn link(&self, stamp: &str, done: &Path) -> Result<()> {
        let partial = done.with_extension("partial");
        layout::remove(&partial)?;
        layout::make_dir(&partial)?;
        let flags = link_flags(stamp)?;
        for component in COMPONENTS {
            say::step(&format!("building {component} {stamp}"));
            let target = format!("./cmd/{component}");
            let mut build = self.go(&["build", "-trimpath", "-ldflags", &flags, "-o"]);
            output(build.arg(partial.join(component)).arg(target))?;
        }
        let pause = self.source().join("build/pause/linux/pause.c");
        output(program("gcc", ["-Os", "-static", "-o"]).arg(partial.join("pause")).arg(pause))?;
        layout::write(&partial.join(".complete"), stamp)?;
        // Binaries of an interrupted build would be in the way of the rename.
        layout::remove(done)?;
        fs::rename(&partial, done).map_err(LabError::file("publish", done))
    }

    fn go(&self, words: &[&str]) -> Command {
        let mut command = self.in_gopath("/usr/lib/go-1.19/bin/go");
        command.args(words);
        command
    }

    /// 1.20 builds in GOPATH mode only: with modules on, Go stops at `updates to go.mod needed`.
    fn in_gopath(&self, name: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(name);
        let jobs = thread::available_parallelism().map_or(1, usize::from).to_string();
        command.current_dir(self.source()).env("CGO_ENABLED", "0").env("GO111MODULE", "off").env("GOFLAGS", "");
        command.env("GOPATH", self.out.join("gopath")).env("GOCACHE", self.out.join("gocache")).env("GOMAXPROCS", jobs);
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("/usr/lib/go-1.19/bin:{path}"));
        command
    }
}

/// Writes the machine's own apt sources once more, asking for sources instead of binaries.
fn write_source_lists(apt: &Path) -> Result<()> {
    let mut classic = layout::read(Path::new("/etc/apt/sources.list"))?.unwrap_or_default();
    for entry in fs::read_dir("/etc/apt/sources.list.d").into_iter().flatten().flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        let text = layout::read(&path)?.unwrap_or_default();
        match path.extension().and_then(|end| end.to_str()) {
            Some("sources") => layout::write(&apt.join("parts").join(name), deb822_for_sources(&text))?,
            Some("list") => classic.push_str(&format!("\n{text}")),
            _ => {}
        }
    }
    layout::write(&apt.join("sources.list"), one_line_for_sources(&classic))
}

fn deb822_for_sources(text: &str) -> String {
    let line =
        |line: &str| if line.starts_with("Types:") { "Types: deb-src\n".to_owned() } else { format!("{line}\n") };
    text.lines().map(line).collect()
}

fn one_line_for_sources(text: &str) -> String {
    text.lines().filter_map(|line| line.strip_prefix("deb ")).map(|rest| format!("deb-src {rest}\n")).collect()
}

/// The directory of a package inside the source tree, as Go imports it.
fn import_path(dir: &str) -> String {
    match dir.strip_prefix("staging/src/") {
        Some(staged) => format!("k8s.io/kubernetes/vendor/{staged}"),
        None => format!("k8s.io/kubernetes/{dir}"),
    }
}

fn link_flags(stamp: &str) -> Result<String> {
    let minor =
        stamp.split('.').nth(1).ok_or_else(|| LabError::missing(format!("`{stamp}` is no version"), "v1.20.2"))?;
    let mut flags = "-s -w".to_owned();
    for package in ["component-base", "client-go/pkg"] {
        let at = format!("k8s.io/kubernetes/vendor/k8s.io/{package}/version");
        flags += &format!(
            " -X {at}.gitVersion={stamp} -X {at}.gitMajor=1 -X {at}.gitMinor={minor} -X {at}.gitTreeState=clean"
        );
    }
    Ok(flags)
}

const GENERATED: &str = "pkg/generated/openapi/zz_generated.openapi.go";

/// Directories of the packages that ask for OpenAPI definitions, among those that the API server serves.
const MARKED_PACKAGES: &str = "for dir in pkg staging/src/k8s.io/api staging/src/k8s.io/apimachinery \
    staging/src/k8s.io/apiserver staging/src/k8s.io/apiextensions-apiserver staging/src/k8s.io/kube-aggregator \
    staging/src/k8s.io/metrics staging/src/k8s.io/client-go staging/src/k8s.io/component-base \
    staging/src/k8s.io/kube-proxy staging/src/k8s.io/kube-scheduler staging/src/k8s.io/kubelet \
    staging/src/k8s.io/kube-controller-manager staging/src/k8s.io/cloud-provider \
    staging/src/k8s.io/controller-manager; do \
    grep -rl --include='*.go' '+k8s:openapi-gen=' $dir 2>/dev/null; done | \
    grep -v zz_generated | xargs -n1 dirname | sort -u";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn both_kinds_of_apt_sources_ask_for_source() {
        assert_eq!(deb822_for_sources("Types: deb\nURIs: http://x\n"), "Types: deb-src\nURIs: http://x\n");
        assert_eq!(one_line_for_sources("# deb no\ndeb http://x y main\ndeb-src z\n"), "deb-src http://x y main\n");
    }

    #[test]
    fn staged_packages_are_imported_from_the_vendor_directory() {
        assert_eq!(import_path("staging/src/k8s.io/api/core/v1"), "k8s.io/kubernetes/vendor/k8s.io/api/core/v1");
        assert_eq!(import_path("pkg/apis/abac"), "k8s.io/kubernetes/pkg/apis/abac");
    }

    #[test]
    fn the_stamp_goes_into_both_version_packages() {
        let flags = link_flags("v1.20.3").unwrap();
        assert_eq!(flags.matches("gitVersion=v1.20.3").count(), 2, "{flags}");
        assert_eq!(flags.matches("gitMinor=20").count(), 2, "{flags}");
    }
}
