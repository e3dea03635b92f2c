//! Reads a system call's arguments out of the registers and the memory of a stopped thread.

use std::collections::HashMap;
use std::fs;
use std::io::IoSliceMut;

use nix::libc;
use nix::sys::uio::{RemoteIoVec, process_vm_readv};
use nix::unistd::Pid;

use crate::call::{Call, Kind};

/// What has to be remembered of a program between its calls.
#[derive(Default)]
pub(crate) struct Decoder {
    peers: HashMap<u64, String>,
}

/// A thread that stands before a call.
struct Thread {
    pid: Pid,
    arguments: [u64; 6],
}

impl Decoder {
    /// The call that the thread is about to make, if it changes something.
    pub(crate) fn decode(&mut self, pid: Pid, regs: &libc::user_regs_struct) -> Option<Call> {
        let number = i64::try_from(regs.orig_rax).ok()?;
        let thread = Thread { pid, arguments: [regs.rdi, regs.rsi, regs.rdx, regs.r10, regs.r8, regs.r9] };
        let [first, second, third, ..] = thread.arguments;
        let call = |name, kind| Some(Call { name, kind });
        let other = |name, path| call(name, Kind::Other { path });
        let attributes = |name, path| call(name, Kind::Attributes { path });
        let remove = |name, path| call(name, Kind::Remove { path });
        match number {
            libc::SYS_open => thread.open("open", thread.path(0), second),
            libc::SYS_openat => thread.open("openat", thread.path_at(0, 1), third),
            libc::SYS_openat2 => thread.open("openat2", thread.path_at(0, 1), thread.word(third)),
            libc::SYS_creat => call("creat", Kind::Open { path: thread.path(0), truncate: true }),
            libc::SYS_write => self.write("write", &thread, vec![(second, third)], None),
            libc::SYS_pwrite64 => self.write("pwrite64", &thread, vec![(second, third)], Some(thread.arguments[3])),
            libc::SYS_writev => self.write("writev", &thread, thread.vector(second, third), None),
            libc::SYS_pwritev | libc::SYS_pwritev2 => {
                self.write("pwritev", &thread, thread.vector(second, third), Some(thread.arguments[3]))
            }
            libc::SYS_ftruncate => call("ftruncate", Kind::Truncate { path: thread.descriptor(0)?, length: second }),
            libc::SYS_truncate => call("truncate", Kind::Truncate { path: thread.path(0), length: second }),
            libc::SYS_fallocate => other("fallocate", thread.descriptor(0)?),
            libc::SYS_copy_file_range => other("copy_file_range", thread.descriptor(2)?),
            libc::SYS_sendfile => other("sendfile", thread.descriptor(0)?),
            libc::SYS_fsync => call("fsync", Kind::Sync { path: thread.descriptor(0)? }),
            libc::SYS_fdatasync => call("fdatasync", Kind::Sync { path: thread.descriptor(0)? }),
            libc::SYS_chmod => attributes("chmod", thread.path(0)),
            libc::SYS_fchmod => attributes("fchmod", thread.descriptor(0)?),
            libc::SYS_fchmodat | SYS_FCHMODAT2 => attributes("fchmodat", thread.path_at(0, 1)),
            libc::SYS_chown | libc::SYS_lchown => attributes("chown", thread.path(0)),
            libc::SYS_fchown => attributes("fchown", thread.descriptor(0)?),
            libc::SYS_fchownat => attributes("fchownat", thread.path_at(0, 1)),
            libc::SYS_utimensat => attributes("utimensat", thread.path_at(0, 1)),
            libc::SYS_setxattr | libc::SYS_lsetxattr => other("setxattr", thread.path(0)),
            libc::SYS_fsetxattr => other("fsetxattr", thread.descriptor(0)?),
            libc::SYS_mkdir => call("mkdir", Kind::MakeDirectory { path: thread.path(0) }),
            libc::SYS_mkdirat => call("mkdirat", Kind::MakeDirectory { path: thread.path_at(0, 1) }),
            libc::SYS_mknod => other("mknod", thread.path(0)),
            libc::SYS_mknodat => other("mknodat", thread.path_at(0, 1)),
            libc::SYS_rename => call("rename", Kind::Rename { from: thread.path(0), to: thread.path(1) }),
            libc::SYS_renameat | libc::SYS_renameat2 => {
                call("renameat", Kind::Rename { from: thread.path_at(0, 1), to: thread.path_at(2, 3) })
            }
            libc::SYS_unlink => remove("unlink", thread.path(0)),
            libc::SYS_unlinkat => remove("unlinkat", thread.path_at(0, 1)),
            libc::SYS_rmdir => remove("rmdir", thread.path(0)),
            libc::SYS_link => other("link", thread.path(1)),
            libc::SYS_linkat => other("linkat", thread.path_at(2, 3)),
            libc::SYS_symlink => other("symlink", thread.path(1)),
            libc::SYS_symlinkat => other("symlinkat", thread.path_at(1, 2)),
            libc::SYS_mount => other("mount", thread.path(1)),
            libc::SYS_umount2 => other("umount2", thread.path(0)),
            libc::SYS_connect => {
                let peer = peer(&thread.bytes(second, third.min(128)));
                self.peers.insert(first, peer.clone());
                call("connect", Kind::Send { peer })
            }
            libc::SYS_sendto => self.send("sendto", first),
            libc::SYS_sendmsg => self.send("sendmsg", first),
            libc::SYS_sendmmsg => self.send("sendmmsg", first),
            libc::SYS_close => {
                self.peers.remove(&first);
                None
            }
            libc::SYS_kill => call("kill", Kind::Process),
            libc::SYS_fork => call("fork", Kind::Process),
            libc::SYS_vfork => call("vfork", Kind::Process),
            libc::SYS_clone if first & THREAD == 0 => call("clone", Kind::Process),
            libc::SYS_clone3 if thread.word(first) & THREAD == 0 => call("clone3", Kind::Process),
            libc::SYS_io_uring_setup => panic!("the program uses io_uring, whose calls cannot be seen"),
            _ => None,
        }
    }

    fn send(&self, name: &'static str, descriptor: u64) -> Option<Call> {
        let peer = self.peers.get(&descriptor).cloned().unwrap_or_else(|| "the kernel".into());
        Some(Call { name, kind: Kind::Send { peer } })
    }

    fn write(&self, name: &'static str, thread: &Thread, parts: Vec<(u64, u64)>, offset: Option<u64>) -> Option<Call> {
        let descriptor = thread.arguments[0];
        let link = thread.link(&format!("fd/{descriptor}"))?;
        // What it says goes to a file without a name, and is nobody's state.
        if descriptor <= 2 && link.ends_with(" (deleted)") {
            return None;
        }
        if link.starts_with("socket:") {
            return self.send(name, descriptor);
        }
        // Pipes, terminals and the like keep nothing.
        let file = fs::metadata(format!("/proc/{}/fd/{descriptor}", thread.pid)).is_ok_and(|found| found.is_file());
        if !file {
            return None;
        }
        let at = offset.unwrap_or_else(|| thread.position(descriptor, &link));
        let bytes = parts.into_iter().flat_map(|(base, length)| thread.bytes(base, length)).collect();
        Some(Call { name, kind: Kind::Write { path: link, at, bytes } })
    }
}

impl Thread {
    fn open(&self, name: &'static str, path: String, flags: u64) -> Option<Call> {
        let has = |flag: libc::c_int| flags & u64::from(flag.cast_unsigned()) != 0;
        let (create, truncate) = (has(libc::O_CREAT), has(libc::O_TRUNC));
        // A lock makes its file and keeps it; the first time counts, like everything that makes a file.
        (create || truncate).then_some(Call { name, kind: Kind::Open { path, truncate } })
    }

    /// Where the next byte goes that is written without an offset.
    fn position(&self, descriptor: u64, path: &str) -> u64 {
        let info = fs::read_to_string(format!("/proc/{}/fdinfo/{descriptor}", self.pid)).unwrap_or_default();
        let field = |name: &str, radix| {
            let value = info.lines().find_map(|line| line.strip_prefix(name)).map(str::trim)?;
            u64::from_str_radix(value, radix).ok()
        };
        let append = field("flags:", 8).is_some_and(|flags| flags & u64::from(libc::O_APPEND.cast_unsigned()) != 0);
        match append {
            true => fs::metadata(path).map(|found| found.len()).unwrap_or_default(),
            false => field("pos:", 10).unwrap_or_default(),
        }
    }

    fn descriptor(&self, argument: usize) -> Option<String> {
        self.link(&format!("fd/{}", self.arguments[argument])).filter(|path| path.starts_with('/'))
    }

    fn path(&self, argument: usize) -> String {
        self.absolute(&self.text(self.arguments[argument]), "cwd".into())
    }

    fn path_at(&self, directory: usize, argument: usize) -> String {
        let (directory, text) = (self.arguments[directory], self.text(self.arguments[argument]));
        // The kernel looks at the lower half only.
        let here = (directory & 0xffff_ffff) == u64::from(libc::AT_FDCWD.cast_unsigned());
        self.absolute(&text, if here { "cwd".into() } else { format!("fd/{directory}") })
    }

    fn absolute(&self, path: &str, base: String) -> String {
        let base = match path.starts_with('/') {
            true => self.link("root"),
            false => self.link(&base),
        };
        let base = base.unwrap_or_default();
        match path.trim_start_matches('/') {
            "" => base,
            rest => format!("{}/{rest}", base.trim_end_matches('/')),
        }
    }

    fn link(&self, name: &str) -> Option<String> {
        fs::read_link(format!("/proc/{}/{name}", self.pid)).ok()?.into_os_string().into_string().ok()
    }

    fn text(&self, at: u64) -> String {
        let mut bytes = self.bytes(at, PAGE - at % PAGE);
        if !bytes.contains(&0) {
            bytes.extend(self.bytes(at + PAGE - at % PAGE, PAGE));
        }
        let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
        String::from_utf8_lossy(&bytes[..end]).into_owned()
    }

    fn word(&self, at: u64) -> u64 {
        self.bytes(at, 8).try_into().map(u64::from_ne_bytes).unwrap_or_default()
    }

    fn vector(&self, at: u64, count: u64) -> Vec<(u64, u64)> {
        (0..count.min(1024)).map(|index| (self.word(at + 16 * index), self.word(at + 16 * index + 8))).collect()
    }

    fn bytes(&self, at: u64, length: u64) -> Vec<u8> {
        let length = usize::try_from(length).unwrap_or_default().min(MOST_BYTES);
        let mut bytes = vec![0; length];
        let base = usize::try_from(at).unwrap_or_default();
        let remote = [RemoteIoVec { base, len: length }];
        let read = process_vm_readv(self.pid, &mut [IoSliceMut::new(&mut bytes)], &remote).unwrap_or(0);
        bytes.truncate(read);
        bytes
    }
}

/// Who stands behind a socket's address.
fn peer(address: &[u8]) -> String {
    let Some((family, rest)) = address.split_first_chunk::<2>() else { return "nobody".into() };
    let port = || rest.first_chunk::<2>().map_or(0, |port| u16::from_be_bytes(*port));
    match libc::c_int::from(u16::from_ne_bytes(*family)) {
        libc::AF_UNIX => {
            let name: Vec<u8> = rest.iter().copied().take_while(|byte| *byte != 0).collect();
            String::from_utf8_lossy(&name).into_owned()
        }
        libc::AF_INET => match rest.get(2..6) {
            Some([a, b, c, d]) => format!("{a}.{b}.{c}.{d}:{}", port()),
            _ => "nobody".into(),
        },
        libc::AF_INET6 => format!("port {} by IPv6", port()),
        other => format!("family {other}"),
    }
}

const PAGE: u64 = 4096;
/// More than any file of a node that a phase writes.
const MOST_BYTES: usize = 16 << 20;
const THREAD: u64 = libc::CLONE_THREAD.cast_unsigned() as u64;
/// Too new for the table of names.
const SYS_FCHMODAT2: libc::c_long = 452;
