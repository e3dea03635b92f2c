//! Runs a program call by call, and ends it, or lets a call fail, where a test wants that.
//!
//! A kill before the call N is what a kill after the call N-1 leaves, so all instants between calls are covered by one kill
//! before each. The kernel does not begin a call of a thread that was killed on its way in; a test below holds that. Other
//! threads may be inside of calls, as they are when a real kill comes. Programs that it starts are not ended with it.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::process::{Command, Stdio};

use nix::errno::Errno;
use nix::libc;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use crate::call::Call;
use crate::decode::Decoder;

/// What happens after a look at a call that is about to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// The call is made.
    GoOn,
    /// The whole program is ended, and the call is not made.
    Kill,
    /// The call is not made either, and the program is told that it failed so: a broken disk, say.
    Fail(Errno),
}

/// Sees every call that changes something.
pub trait Watcher {
    /// Before the call.
    fn before(&mut self, call: &Call) -> Then;

    /// After a call that succeeded; `began` is how many calls had been told here when it began, since those of other
    /// threads may have ended in between.
    fn after(&mut self, call: Call, began: usize) {
        let _ = (call, began);
    }
}

/// How a program ended.
#[derive(Debug, Clone)]
pub struct Ended {
    /// Its exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// Whether the watcher ended it.
    pub killed: bool,
    /// What it said on both streams.
    pub said: String,
}

impl Ended {
    /// Whether it came to a good end.
    pub fn succeeded(&self) -> bool {
        self.code == Some(0)
    }
}

/// Runs the command to its end. It may first become other programs; `program` is the file name of the one to watch.
///
/// # Errors
/// It cannot be started or traced.
pub fn trace(command: &Command, program: &OsStr, watcher: &mut dyn Watcher) -> io::Result<Ended> {
    let mut said = tempfile::tempfile()?;
    let mut gated = gated(command);
    gated.stdin(Stdio::piped()).stdout(said.try_clone()?).stderr(said.try_clone()?);
    let mut child = gated.spawn()?;
    let main = Pid::from_raw(child.id().cast_signed());
    let options = Options::PTRACE_O_TRACESYSGOOD
        | Options::PTRACE_O_TRACECLONE
        | Options::PTRACE_O_TRACEEXEC
        | Options::PTRACE_O_EXITKILL;
    ptrace::seize(main, options)?;
    ptrace::interrupt(main)?;
    child.stdin.take().expect("it is a pipe").write_all(b"go\n")?;
    let mut tracer =
        Tracer { main, program, counts: false, killed: false, ended: 0, decoder: Decoder::default(), watcher };
    let code = tracer.follow()?;
    Ok(Ended { code, killed: tracer.killed, said: text(&mut said)? })
}

/// The same command behind a shell that waits for a line, so that nothing happens before somebody watches.
fn gated(command: &Command) -> Command {
    let mut gated = Command::new("/bin/sh");
    gated.args(["-c", r#"read -r go && exec "$@" </dev/null"#, "gate"]);
    gated.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => gated.env(name, value),
            None => gated.env_remove(name),
        };
    }
    if let Some(directory) = command.get_current_dir() {
        gated.current_dir(directory);
    }
    gated
}

struct Tracer<'a> {
    main: Pid,
    program: &'a OsStr,
    /// Whether it is the program to watch by now.
    counts: bool,
    killed: bool,
    /// How many calls ended well.
    ended: usize,
    decoder: Decoder,
    watcher: &'a mut dyn Watcher,
}

/// A call that a thread is in.
enum Begun {
    /// With how many calls had ended when it began.
    Call(Call, usize),
    /// Not made, and failing so.
    Failing(Errno),
}

impl Tracer<'_> {
    /// Lets it go from stop to stop until it ends.
    fn follow(&mut self) -> io::Result<Option<i32>> {
        let mut within = HashMap::new();
        loop {
            // Only what this thread traces: tests run side by side.
            let stopped = match waitpid(None, Some(WaitPidFlag::__WALL | WaitPidFlag::__WNOTHREAD)) {
                Err(Errno::EINTR) => continue,
                other => other?,
            };
            let signal = match stopped {
                WaitStatus::Exited(pid, code) if pid == self.main => return Ok(Some(code)),
                WaitStatus::Signaled(pid, ..) if pid == self.main => return Ok(None),
                WaitStatus::PtraceSyscall(pid) => {
                    self.at_call(pid, &mut within)?;
                    None
                }
                WaitStatus::PtraceEvent(pid, _, libc::PTRACE_EVENT_EXEC) => {
                    let now = std::fs::read_link(format!("/proc/{pid}/exe")).unwrap_or_default();
                    self.counts = now.file_name() == Some(self.program);
                    None
                }
                WaitStatus::Stopped(_, signal) => Some(signal),
                _ => None,
            };
            if let Some(pid) = stopped.pid() {
                match ptrace::syscall(pid, signal) {
                    // It was killed between the stop and here, or it was no stop.
                    Ok(()) | Err(Errno::ESRCH) => {}
                    Err(error) => return Err(error.into()),
                }
            }
        }
    }

    fn at_call(&mut self, pid: Pid, within: &mut HashMap<Pid, Begun>) -> io::Result<()> {
        if self.killed || !self.counts {
            return Ok(());
        }
        // A thread that another one's end takes with it cannot be asked any more.
        let (Ok(info), Ok(mut regs)) = (ptrace::syscall_info(pid), ptrace::getregs(pid)) else { return Ok(()) };
        match info.op {
            libc::PTRACE_SYSCALL_INFO_ENTRY => {
                let Some(call) = self.decoder.decode(pid, &regs) else { return Ok(()) };
                let begun = match self.watcher.before(&call) {
                    Then::GoOn => Begun::Call(call, self.ended),
                    Then::Kill => {
                        self.killed = true;
                        kill(self.main, Signal::SIGKILL)?;
                        Begun::Call(call, self.ended)
                    }
                    Then::Fail(error) => {
                        // The kernel knows no such call, and does nothing.
                        regs.orig_rax = u64::MAX;
                        ptrace::setregs(pid, regs)?;
                        Begun::Failing(error)
                    }
                };
                within.insert(pid, begun);
            }
            libc::PTRACE_SYSCALL_INFO_EXIT => match within.remove(&pid) {
                Some(Begun::Call(call, began)) if regs.rax.cast_signed() >= 0 => {
                    self.watcher.after(call, began);
                    self.ended += 1;
                }
                Some(Begun::Failing(error)) => {
                    regs.rax = i64::from(-(error as i32)).cast_unsigned();
                    ptrace::setregs(pid, regs)?;
                }
                _ => {}
            },
            _ => {}
        }
        Ok(())
    }
}

fn text(said: &mut File) -> io::Result<String> {
    let mut bytes = Vec::new();
    said.rewind()?;
    said.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests;
