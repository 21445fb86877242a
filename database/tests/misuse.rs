//! Misuse does not compile: each file of `misuse/` contains correct uses and incorrect ones.
//!
//! The compiler output beside each file reports the incorrect uses and nothing else, so each fails for its own reason. It
//! is the output of the stable compiler. If a newer compiler or a changed signature alters it, review the difference and
//! run `TRYBUILD=overwrite cargo test -p database --test misuse`.

#[test]
fn misuse_does_not_compile() {
    // No `pass` cases: with one, trybuild builds all dependencies instead of checking them.
    trybuild::TestCases::new().compile_fail("tests/misuse/*.rs");
}
