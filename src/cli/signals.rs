//! Ctrl-C and SIGTERM: the first stops the run after the phases that are under way, the second at once.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

/// What a shell expects of a program that SIGINT ended.
const INTERRUPTED: i32 = 130;

static STOPPING: AtomicBool = AtomicBool::new(false);

/// Whether a signal has come.
#[cfg(debug_assertions)]
pub fn stopping() -> bool {
    STOPPING.load(Ordering::SeqCst)
}

/// Listens for signals; the receiver turns true at the first one.
pub fn cancellation() -> std::io::Result<watch::Receiver<bool>> {
    let (sender, receiver) = watch::channel(false);
    let (interrupt, terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tokio::spawn(listen(interrupt, terminate, sender));
    Ok(receiver)
}

#[expect(clippy::print_stderr, clippy::disallowed_methods, reason = "a second signal ends the process, and says so")]
async fn listen(mut interrupt: Signal, mut terminate: Signal, cancel: watch::Sender<bool>) {
    next(&mut interrupt, &mut terminate).await;
    eprintln!("stopping: what runs is cancelled and taken back, what is finished is kept; once more stops at once");
    STOPPING.store(true, Ordering::SeqCst);
    let _ = cancel.send(true);
    next(&mut interrupt, &mut terminate).await;
    eprintln!("stopped at once; the same command goes on from here");
    std::process::exit(INTERRUPTED);
}

async fn next(interrupt: &mut Signal, terminate: &mut Signal) {
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}
