//! The list of mounts as the kernel gives it (`proc_pid_mountinfo(5)`).

use std::io::{self, Read};

use camino::Utf8PathBuf;
use kubewright_node::Mount;

/// The mounts of this process.
pub(crate) const FILE: &str = "/proc/self/mountinfo";
/// The most that is read, in bytes. A node with ten thousand mounts has two million.
const LARGEST: u64 = 16 << 20;

/// Reads them, in the kernel's order: what was mounted later comes later.
pub(crate) fn read() -> io::Result<Vec<Mount>> {
    let mut bytes = Vec::new();
    std::fs::File::open(FILE)?.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST {
        return Err(io::Error::other(format!("it holds more than {LARGEST} bytes")));
    }
    Ok(parse(&bytes))
}

/// Lines that are not of the kernel's form, or whose path is not UTF-8, are passed over: nobody could name them.
pub(crate) fn parse(bytes: &[u8]) -> Vec<Mount> {
    let line = |line: &[u8]| {
        let line = std::str::from_utf8(line).ok()?;
        let mut fields = line.split(' ');
        let point = unescape(fields.nth(4)?)?;
        // Optional fields end with a hyphen.
        let mut rest = fields.skip_while(|field| *field != "-").skip(1);
        let (file_system, source) = (rest.next()?.to_owned(), unescape(rest.next()?)?);
        point.starts_with('/').then(|| Mount { point: Utf8PathBuf::from(point), file_system, source })
    };
    bytes.split(|byte| *byte == b'\n').filter_map(line).collect()
}

/// Blanks, tabs, newlines and backslashes are written as three octal digits.
fn unescape(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code = (*first == b'\\').then(|| after.get(..3)).flatten();
        let code = code.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok());
        match code {
            Some(code) => {
                bytes.push(code);
                rest = &after[3..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_kernel_writes() {
        let text = b"36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue\n\
            40 35 0:5 / /var/lib/kubelet/a\\040b\\134c rw shared:9 propagate_from:2 - tmpfs tmpfs rw\n\
            torn line\n41 35 0:5 / /x rw -\n";
        let found: Vec<_> = parse(text).into_iter().map(|mount| (mount.point.to_string(), mount.file_system)).collect();
        assert_eq!(
            found,
            [("/mnt2".into(), "ext3".into()), ("/var/lib/kubelet/a b\\c".to_owned(), "tmpfs".to_owned())]
        );
    }

    #[test]
    fn whatever_the_bytes_it_does_not_panic() {
        let mut state = 1_u32;
        for length in 0..400 {
            let mut bytes = Vec::new();
            for _ in 0..length {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                bytes.push(b" -/\\01789ab\n\xff"[(state >> 24) as usize % 13]);
            }
            parse(&bytes);
        }
    }

    #[test]
    fn this_machine_has_mounts() {
        assert!(read().unwrap().iter().any(|mount| mount.point == "/proc"));
    }
}
