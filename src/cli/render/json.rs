//! One JSON object a line, for programs.

use std::io::{self, Write};

use kubewright_engine::{Event, Renderer};

use crate::program;

/// Writes every event as it comes.
pub struct Json<W> {
    out: W,
}

impl<W: Write + Send> Json<W> {
    /// Writes to `out`.
    pub fn new(out: W) -> Self {
        Self { out }
    }
}

impl<W: Write + Send> Renderer for Json<W> {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        let line = serde_json::to_string(event)? + "\n";
        // In one piece: others may read the file meanwhile.
        self.out.write_all(program::speak(&line).as_bytes())
    }

    fn finish(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
