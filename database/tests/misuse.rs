//! Wrong uses do not compile: each file of `misuse/` holds right uses next to the wrong ones.
//!
//! The compiler's text beside each file names the lines of the wrong uses and no others, so that a case fails for its
//! own reason. The texts are those of the stable compiler. Where a newer one words them differently, or a signature
//! changed, look at the difference, then write them again: `TRYBUILD=overwrite cargo test -p database --test misuse`.

#[test]
fn wrong_uses_do_not_compile() {
    // No `pass`: with one, trybuild builds all dependencies a second time in full, where a check is enough.
    trybuild::TestCases::new().compile_fail("tests/misuse/*.rs");
}
