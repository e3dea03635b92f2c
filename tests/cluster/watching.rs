//! Watches a node's directory of manifests while something is done: whatever happens, each static pod has one.

use std::collections::BTreeSet;
use std::mem::MaybeUninit;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use kubewright_lab::Node;
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use rustix::io::Errno;

/// The manifests of a control plane.
pub const MANIFESTS: [&str; 4] =
    ["etcd.yaml", "kube-apiserver.yaml", "kube-controller-manager.yaml", "kube-scheduler.yaml"];

/// A watch that is going on.
pub struct Watching {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Seen>,
}

/// What the kernel told.
#[derive(Debug, Default)]
pub struct Seen {
    /// Manifests that another file was renamed over.
    pub replaced: BTreeSet<String>,
    /// Manifests that were, for however short a time, not there.
    pub gone: BTreeSet<String>,
}

/// Begins to watch; every change from here on is seen, since the kernel queues them.
pub fn watch(node: &Node) -> Watching {
    let directory = node.path("/etc/kubernetes/manifests");
    for name in MANIFESTS {
        assert!(directory.join(name).is_file(), "{name} is not there to begin with");
    }
    let watch = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).unwrap();
    let flags = WatchFlags::MOVED_FROM | WatchFlags::MOVED_TO | WatchFlags::DELETE | WatchFlags::CREATE;
    inotify::add_watch(&watch, &directory, flags).unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let stopping = Arc::clone(&stop);
    let thread = std::thread::spawn(move || {
        let mut seen = Seen::default();
        let mut buffer = [MaybeUninit::uninit(); 16 << 10];
        let mut reader = inotify::Reader::new(&watch, &mut buffer);
        loop {
            match reader.next() {
                Ok(event) => {
                    let name = event.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
                    if !MANIFESTS.contains(&name.as_str()) {
                        continue;
                    }
                    // To be created or to be moved away, it must have been absent.
                    let absent = ReadFlags::MOVED_FROM | ReadFlags::DELETE | ReadFlags::CREATE;
                    let list = if event.events().intersects(absent) { &mut seen.gone } else { &mut seen.replaced };
                    list.insert(name);
                }
                Err(Errno::AGAIN) if stopping.load(Ordering::SeqCst) => return seen,
                Err(Errno::AGAIN) => std::thread::sleep(Duration::from_millis(50)),
                Err(error) => panic!("inotify: {error}"),
            }
        }
    });
    Watching { stop, thread }
}

impl Watching {
    /// Ends it.
    pub fn end(self) -> Seen {
        self.stop.store(true, Ordering::SeqCst);
        self.thread.join().unwrap()
    }
}
