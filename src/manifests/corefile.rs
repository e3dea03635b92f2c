//! CoreDNS' configuration as a tree: servers, their plugins, and the plugins' options. Comments are lost; they belong to
//! nobody once lines move.

mod migration;

use std::fmt;

pub use migration::{Decision, MigrationError, decide, is_default, unsupported};

/// The largest text that is read: what a ConfigMap can hold.
const MAX_BYTES: usize = 1 << 20;
/// What separates options, plugins and servers from the margin.
const INDENT: usize = 4;

/// A whole file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Corefile {
    /// Its servers, in order.
    pub servers: Vec<Server>,
}

/// One server block.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Server {
    /// Its zones with their ports.
    pub zones: Vec<String>,
    /// Its plugins, in order.
    pub plugins: Vec<Directive>,
}

/// A plugin with its options, or an option with none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Directive {
    /// Its name.
    pub name: String,
    /// What stands behind the name.
    pub args: Vec<String>,
    /// What stands in its block.
    pub options: Vec<Directive>,
}

/// The text is no configuration of CoreDNS.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CorefileError {
    /// More than a ConfigMap can hold.
    #[error("the Corefile is larger than {MAX_BYTES} bytes")]
    TooLarge,
    /// A block that is opened and not closed, or the other way round.
    #[error("line {line} of the Corefile: {reason}")]
    Block {
        /// Where, from 1.
        line: usize,
        /// What is wrong.
        reason: &'static str,
    },
}

/// A word, and the line that it begins on.
struct Token {
    text: String,
    line: usize,
    quoted: bool,
}

impl Corefile {
    /// Reads it.
    ///
    /// # Errors
    /// Its blocks do not fit, or it is too large.
    pub fn parse(text: &str) -> Result<Self, CorefileError> {
        if text.len() > MAX_BYTES {
            return Err(CorefileError::TooLarge);
        }
        let mut corefile = Self::default();
        let mut depth = 0_usize;
        let tokens = tokens(text);
        for line in tokens.chunk_by(|one, next| one.line == next.line) {
            let number = line[0].line;
            let fault = |reason| CorefileError::Block { line: number, reason };
            let mut words: Vec<&Token> = line.iter().collect();
            let is = |word: &&Token, brace: &str| !word.quoted && word.text == brace;
            if is(&words[0], "}") {
                depth = depth.checked_sub(1).ok_or(fault("a block is closed that was not opened"))?;
                if words.len() > 1 {
                    return Err(fault("something stands behind the end of a block"));
                }
                continue;
            }
            let opens = words.last().is_some_and(|word| is(word, "{"));
            if opens {
                words.pop();
            }
            let mut texts = words.iter().map(|word| word.text.clone());
            let Some(name) = texts.next() else { return Err(fault("a block has no name")) };
            let args: Vec<String> = texts.collect();
            let server = corefile.servers.last_mut();
            match (depth, server) {
                (0, _) => {
                    let zones = std::iter::once(name).chain(args).collect();
                    corefile.servers.push(Server { zones, plugins: Vec::new() });
                }
                (1, Some(server)) => server.plugins.push(Directive { name, args, options: Vec::new() }),
                (_, Some(Server { plugins, .. })) => match plugins.last_mut() {
                    // What is deeper than an option belongs to it, and is kept as it stands.
                    Some(plugin) if depth == 2 => plugin.options.push(Directive { name, args, options: Vec::new() }),
                    _ => return Err(fault("a block stands in the block of an option")),
                },
                (_, None) => return Err(fault("a block stands outside of a server")),
            }
            depth += usize::from(opens);
        }
        match depth {
            0 => Ok(corefile),
            _ => Err(CorefileError::Block { line: text.lines().count(), reason: "a block is not closed" }),
        }
    }
}

/// Words in the manner of Caddy's files: separated by blanks, quoted where they hold some, with comments to the line's end.
fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut line = 1;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\n' => line += 1,
            c if c.is_whitespace() => {}
            '#' => while chars.next_if(|c| *c != '\n').is_some() {},
            '"' => {
                let (begun, mut word) = (line, String::new());
                while let Some(c) = chars.next().filter(|c| *c != '"') {
                    line += usize::from(c == '\n');
                    match (c, chars.peek()) {
                        ('\\', Some('"')) => word.extend(chars.next()),
                        (c, _) => word.push(c),
                    }
                }
                tokens.push(Token { text: word, line: begun, quoted: true });
            }
            c => {
                let mut word = c.to_string();
                while let Some(c) = chars.next_if(|c| !c.is_whitespace()) {
                    word.push(c);
                }
                tokens.push(Token { text: word, line, quoted: false });
            }
        }
    }
    tokens
}

impl fmt::Display for Corefile {
    /// Writes it as kubeadm does after a migration.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, server) in self.servers.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            f.write_str(&words(None, &server.zones))?;
            if !server.plugins.is_empty() {
                f.write_str(" {\n")?;
                for plugin in &server.plugins {
                    write!(f, "{:INDENT$}{}", "", words(Some(&plugin.name), &plugin.args))?;
                    if !plugin.options.is_empty() {
                        f.write_str(" {\n")?;
                        for option in &plugin.options {
                            writeln!(f, "{:1$}{2}", "", INDENT * 2, words(Some(&option.name), &option.args))?;
                        }
                        write!(f, "{:INDENT$}}}", "")?;
                    }
                    f.write_str("\n")?;
                }
                f.write_str("}\n")?;
            }
        }
        Ok(())
    }
}

/// Words with blanks between them; one that holds some itself is quoted.
fn words(name: Option<&String>, args: &[String]) -> String {
    let shown = |word: &String| match word.is_empty() || word.contains(char::is_whitespace) {
        true => format!("\"{}\"", word.replace('"', "\\\"")),
        false => word.clone(),
    };
    name.into_iter().chain(args).map(shown).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
