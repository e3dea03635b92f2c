//! A lab: a set of nodes on one network, under a name. Labs of different names stand beside each other.

use std::{
    fs,
    panic::resume_unwind,
    path::{Path, PathBuf},
    thread,
};

use crate::{
    balancer,
    cgroup::Hierarchy,
    check::TEST_LAB,
    debian_build,
    error::{LabError, Result},
    images,
    kubernetes::Kubernetes,
    layout::{self, Cache},
    network,
    node::Node,
    packages,
};

/// A lab by its name. Opening one makes nothing.
#[derive(Clone, Debug)]
pub struct Lab {
    cache: Cache,
    name: String,
    hierarchy: Hierarchy,
}

/// The name of the lab of the tests that have this slot, counted from 0.
pub(crate) fn for_slot(name: &str, slot: usize) -> String {
    if slot == 0 { name.to_owned() } else { format!("{name}{}", slot + 1) }
}

/// What nodes are made from: packages installed, binaries looked over, images packed.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The Kubernetes binaries.
    pub kubernetes: Kubernetes,
    /// Archives of the images that every node holds.
    pub(crate) archives: Vec<PathBuf>,
}

impl Lab {
    /// Opens the lab of that name; `lab` is what `cargo lab up` uses unless told otherwise.
    ///
    /// # Errors
    /// When the name is not of lower-case letters and digits, or the caller is not root.
    pub fn open(name: &str) -> Result<Self> {
        if name.is_empty() || name.len() > 20 || !name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()) {
            return Err(LabError::missing(
                format!("`{name}` is no name for a lab"),
                "use lower-case letters and digits",
            ));
        }
        packages::require_root()?;
        Ok(Self { cache: Cache::find()?, name: name.to_owned(), hierarchy: Hierarchy::detect()? })
    }

    /// Opens the lab that tests use, and gets it ready with the binaries that `cargo lab test` was given. Tests that run
    /// at the same time have a lab each.
    ///
    /// # Errors
    /// As [`Lab::open`] and [`Lab::prepare`].
    pub fn for_tests() -> Result<(Self, Setup)> {
        let name = std::env::var("KUBEWRIGHT_LAB_NAME").unwrap_or_else(|_| TEST_LAB.to_owned());
        // Nextest counts the tests that run at the same time from 0.
        let slot = std::env::var("NEXTEST_TEST_GLOBAL_SLOT").ok().and_then(|slot| slot.parse().ok()).unwrap_or(0);
        let lab = Self::open(&for_slot(&name, slot))?;
        let kubernetes = std::env::var_os("KUBEWRIGHT_LAB_KUBERNETES").map(PathBuf::from);
        let setup = lab.prepare(kubernetes.as_deref())?;
        Ok((lab, setup))
    }

    /// The lab's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The cache that all labs share.
    pub fn cache(&self) -> &Cache {
        &self.cache
    }

    /// Gets ready whatever nodes are made from: quick when it has been done before, minutes the first time.
    ///
    /// # Errors
    /// When a package cannot be installed, Kubernetes cannot be built, or a binary is missing.
    pub fn prepare(&self, kubernetes: Option<&Path>) -> Result<Setup> {
        packages::ensure(&self.cache, packages::NODE)?;
        let kubernetes = Kubernetes::open(&self.cache, kubernetes)?;
        let archives = images::ensure(&self.cache, &kubernetes)?;
        Ok(Setup { kubernetes, archives })
    }

    /// Gets ready what nodes of 1.20.2 are upgraded to: the same source, stamped as the next release. The first time takes a
    /// minute or two. `KUBEWRIGHT_LAB_NEXT` names a directory of other binaries, for other releases.
    ///
    /// # Errors
    /// As [`Lab::prepare`].
    pub fn prepare_next(&self) -> Result<Setup> {
        let dir = match std::env::var_os("KUBEWRIGHT_LAB_NEXT") {
            Some(dir) => PathBuf::from(dir),
            None => debian_build::ensure(&self.cache, debian_build::NEXT_RELEASE)?,
        };
        self.prepare(Some(&dir))
    }

    /// A node by its name, `node1` to `node9`; it need not exist.
    ///
    /// # Errors
    /// When it is no such name.
    pub fn node(&self, name: &str) -> Result<Node> {
        let number = name.strip_prefix("node").and_then(|digits| digits.parse().ok());
        match number.filter(|number| (1..=9).contains(number)) {
            Some(number) => Ok(Node::new(self.clone(), number)),
            None => Err(LabError::missing(format!("`{name}` is no node of a lab"), "they are node1 to node9")),
        }
    }

    /// The nodes that exist, running or not.
    pub fn nodes(&self) -> Vec<Node> {
        (1..=9).map(|number| Node::new(self.clone(), number)).filter(|node| node.dir().exists()).collect()
    }

    /// Takes nodes back, see [`Node::reset`]: all at once, which takes little longer than one.
    ///
    /// # Errors
    /// When something does not end or cannot be removed.
    pub fn reset(&self, nodes: &[&Node], setup: &Setup) -> Result<()> {
        let _lock = self.lock()?;
        thread::scope(|scope| {
            let clearing: Vec<_> = nodes.iter().map(|node| scope.spawn(|| node.clear())).collect();
            clearing.into_iter().try_for_each(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic)))
        })?;
        let booted = nodes.iter().map(|node| Ok((node, node.boot(setup)?))).collect::<Result<Vec<_>>>()?;
        booted.into_iter().try_for_each(|(node, first)| node.await_containerd(first))
    }

    /// The network namespace of the bridge, where the load balancer listens. Whoever enters it reaches the nodes.
    pub fn network(&self) -> PathBuf {
        network::path(&self.unit("switch"))
    }

    /// Stops the load balancer, so that somebody else can listen in its place, and nobody asks the nodes anything; none is fine.
    ///
    /// # Errors
    /// When it does not end.
    pub fn unbalance(&self) -> Result<()> {
        balancer::stop(self)
    }

    /// Ends and removes everything of this lab, and nothing else; what the cache holds stays.
    ///
    /// # Errors
    /// When a process does not end or a file cannot be removed.
    pub fn down(&self) -> Result<()> {
        let _lock = self.lock()?;
        for number in 1..=9 {
            Node::new(self.clone(), number).remove_unlocked()?;
        }
        self.hierarchy.remove(&self.unit("switch"))?;
        network::remove(&self.unit("switch"))?;
        layout::remove(&self.state())?;
        self.forget_mount_points()
    }

    /// The name of a namespace and control group of this lab.
    pub(crate) fn unit(&self, part: &str) -> String {
        format!("kwlab-{}-{part}", self.name)
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.cache.lab(&self.name)
    }

    pub(crate) fn hierarchy(&self) -> &Hierarchy {
        &self.hierarchy
    }

    /// One process at a time changes a lab.
    pub(crate) fn lock(&self) -> Result<fs::File> {
        self.cache.lock(&format!("lab-{}", self.name))
    }

    /// Makes a directory of the machine that a node covers with its own, and remembers what had to be made.
    pub(crate) fn ensure_mount_point(&self, dir: &Path) -> Result<()> {
        let _lock = self.cache.lock("mount-points")?;
        let record = self.cache.mount_points();
        let mut made = layout::read(&record)?.unwrap_or_default();
        let ancestors: Vec<&Path> = dir.ancestors().take_while(|path| !path.exists()).collect();
        for path in ancestors.iter().rev() {
            made += &format!("{}\n", path.display());
        }
        if !ancestors.is_empty() {
            layout::write(&record, made)?;
        }
        layout::make_dir(dir)
    }

    /// Takes away, with the last lab, the empty directories that were made to mount on.
    fn forget_mount_points(&self) -> Result<()> {
        let _lock = self.cache.lock("mount-points")?;
        let labs = self.state();
        let others = labs.parent().and_then(|dir| fs::read_dir(dir).ok()).is_some_and(|mut dir| dir.next().is_some());
        // A directory that is removed here is no longer mounted on there: also in labs that other caches know of.
        if others || network::any() {
            return Ok(());
        }
        let record = self.cache.mount_points();
        for path in layout::read(&record)?.unwrap_or_default().lines().rev() {
            // One that is no longer empty is somebody's, and stays.
            let _ = fs::remove_dir(path);
        }
        layout::remove(&record)
    }
}
