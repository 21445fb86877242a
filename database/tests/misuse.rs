//! Wrong uses do not compile: each file of `misuse/` holds right uses next to the wrong ones.
//!
//! The compiler's text beside each file names the lines of the wrong uses and no others, so that a case fails for
//! its own reason. After a change that moves a text, look at it and write it anew: `TRYBUILD=overwrite`.

#[test]
fn wrong_uses_do_not_compile() {
    trybuild::TestCases::new().compile_fail("tests/misuse/*.rs");
}
