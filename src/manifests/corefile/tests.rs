#![allow(clippy::unwrap_used)]

use super::*;

#[test]
fn reads_what_people_write() {
    let text = "# the cluster\n.:53 example.org {\n  errors # all of them\n  rewrite name \"a b\" c\n\n  cache 30 {\n    x\n  }\n}\nother {\n}\n";
    let corefile = Corefile::parse(text).unwrap();
    assert_eq!(corefile.servers[0].zones, [".:53", "example.org"]);
    let plugins: Vec<_> = corefile.servers[0].plugins.iter().map(|plugin| plugin.name.as_str()).collect();
    assert_eq!(plugins, ["errors", "rewrite", "cache"]);
    assert_eq!(corefile.servers[0].plugins[1].args, ["name", "a b", "c"]);
    assert_eq!(corefile.servers[0].plugins[2].options[0].name, "x");
    assert_eq!(
        corefile.to_string(),
        ".:53 example.org {\n    errors\n    rewrite name \"a b\" c\n    cache 30 {\n        x\n    }\n}\n\nother"
    );
}

#[test]
fn says_where_blocks_do_not_fit() {
    for (text, words) in [
        ("a {\n", "line 1 of the Corefile: a block is not closed"),
        ("}\n", "line 1 of the Corefile: a block is closed that was not opened"),
        ("a {\nb {\nc {\nd {\n}\n}\n}\n}\n", "line 4 of the Corefile: a block stands in the block of an option"),
        ("{\n}\n", "line 1 of the Corefile: a block has no name"),
        ("a {\n} b\n", "line 2 of the Corefile: something stands behind the end of a block"),
    ] {
        assert_eq!(Corefile::parse(text).unwrap_err().to_string(), words, "{text}");
    }
    assert_eq!(Corefile::parse(&" ".repeat(MAX_BYTES + 1)), Err(CorefileError::TooLarge));
}
