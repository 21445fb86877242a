//! The dependencies of the crate `entity`.

use std::process::Command;

#[test]
fn the_entities_depend_on_no_driver_and_no_runtime() {
    let mut tree = Command::new(env!("CARGO"));
    tree.args(["tree", "--package=entity", "--edges=all", "--prefix=none", "--offline", "--locked"]);
    let output = tree.current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    let packages = String::from_utf8(output.stdout).unwrap();
    assert!(packages.contains("sea-orm v2"), "{packages}{}", String::from_utf8_lossy(&output.stderr));
    for package in packages.lines() {
        let name = package.split(' ').next().unwrap();
        let is_forbidden = ["async-std", "libsqlite3-sys", "rusqlite", "tokio"].contains(&name);
        assert!(!is_forbidden && !name.starts_with("sqlx"), "entity depends on {package}");
    }
}
