//! The structure of the source files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemMod, ItemUse, Macro, UseTree, Visibility};

/// Entities refer to each other in both directions, as their relations do.
const EXEMPT: &str = "entity/src";

/// A file that imports another one depends on it; a re-export (`pub use`) and a declaration (`mod x;`) do not. Test modules
/// are not considered.
#[test]
fn no_files_import_each_other_in_a_circle() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut circles = Vec::new();
    for source in sources(root) {
        if !source.ends_with(EXEMPT) {
            circles.extend(Files::read(&source).circles(root));
        }
    }
    assert_eq!(circles, [[""; 0]; 0]);
}

/// The directories `src` and `it` of the workspace's packages.
fn sources(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        let package = directory.join("Cargo.toml").exists();
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if !path.is_dir() || name == "target" || name.starts_with('.') {
            } else if package && (name == "src" || name == "it") {
                found.push(path);
            } else {
                directories.push(path);
            }
        }
    }
    found.sort();
    assert!(found.len() > 10, "{found:?}");
    found
}

type Module = Vec<String>;

/// The files of one crate by their modules.
struct Files(BTreeMap<Module, (PathBuf, Names)>);

impl Files {
    fn read(source: &Path) -> Self {
        let mut files = BTreeMap::new();
        let mut directories = vec![source.to_owned()];
        while let Some(directory) = directories.pop() {
            for entry in std::fs::read_dir(directory).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    directories.push(path);
                } else if path.extension().is_some_and(|extension| extension == "rs") {
                    let module = path.strip_prefix(source).unwrap().with_extension("");
                    let mut module: Module =
                        module.iter().map(|name| name.to_string_lossy().into_owned()).collect();
                    // A binary beside a library imports it by its name.
                    if module == ["main"] && source.join("lib.rs").exists() {
                        continue;
                    }
                    if module.last().is_some_and(|name| matches!(name.as_str(), "lib" | "main" | "mod")) {
                        module.pop();
                    }
                    let mut names = Names::default();
                    names.visit_file(&syn::parse_file(&std::fs::read_to_string(&path).unwrap()).unwrap());
                    files.insert(module, (path, names));
                }
            }
        }
        Self(files)
    }

    /// The groups of files that reach each other.
    fn circles(&self, root: &Path) -> Vec<Vec<String>> {
        let edges: BTreeMap<&Module, BTreeSet<&Module>> =
            self.0.keys().map(|module| (module, self.imported_by(module))).collect();
        let reached: BTreeMap<&Module, BTreeSet<&Module>> = self
            .0
            .keys()
            .map(|start| {
                let mut reached = BTreeSet::new();
                let mut open: Vec<&Module> = edges[start].iter().copied().collect();
                while let Some(module) = open.pop() {
                    if reached.insert(module) {
                        open.extend(&edges[module]);
                    }
                }
                (start, reached)
            })
            .collect();
        let circles: BTreeSet<Vec<String>> = self
            .0
            .keys()
            .filter(|module| reached[module].contains(module))
            .map(|module| {
                let circle = reached[module].iter().filter(|other| reached[*other].contains(module));
                let mut files: Vec<String> = circle
                    .map(|module| self.0[*module].0.strip_prefix(root).unwrap().display().to_string())
                    .collect();
                files.sort();
                files
            })
            .collect();
        circles.into_iter().collect()
    }

    fn imported_by(&self, module: &Module) -> BTreeSet<&Module> {
        let names = &self.0[module].1;
        let imports = names.uses.iter().filter(|(public, ..)| !public).map(|(_, path, _)| path);
        let paths = imports.chain(&names.paths).filter_map(|path| self.absolute(module, path));
        let mut found: BTreeSet<&Module> = paths.filter_map(|path| self.defining(&path, 0)).collect();
        found.remove(module);
        found
    }

    /// The path from the crate's root; `None` for another crate's item.
    fn absolute(&self, module: &Module, path: &[String]) -> Option<Module> {
        let supers = path.iter().take_while(|name| *name == "super").count();
        let (base, rest) = match path.first()?.as_str() {
            "crate" => (0, &path[1..]),
            "self" => (module.len(), &path[1..]),
            "super" => (module.len().checked_sub(supers)?, &path[supers..]),
            child if self.0.contains_key(&[&module[..], &[child.to_owned()]].concat()) => {
                (module.len(), path)
            }
            _ => return None,
        };
        Some([&module[..base], rest].concat())
    }

    /// The file of an item, behind re-exports.
    fn defining(&self, path: &[String], depth: usize) -> Option<&Module> {
        let length = (0..=path.len()).rev().find(|length| self.0.contains_key(&path[..*length]))?;
        let (module, (_, names)) = self.0.get_key_value(&path[..length])?;
        let Some(item) = path.get(length).filter(|item| !names.items.contains(*item) && depth < 9) else {
            return Some(module);
        };
        let import = names.uses.iter().find(|(_, _, name)| name == item);
        let Some((_, imported, _)) = import else { return Some(module) };
        let path = [&imported[..], &path[length + 1..]].concat();
        self.defining(&self.absolute(module, &path)?, depth + 1)
    }
}

/// What a file imports, names by a path, and defines.
#[derive(Default)]
struct Names {
    /// Whether it is a re-export, the path, and the name in this file.
    uses: Vec<(bool, Module, String)>,
    paths: Vec<Module>,
    items: BTreeSet<String>,
    /// The nesting of inline modules.
    depth: usize,
}

impl Names {
    fn expand(&mut self, public: bool, tree: &UseTree, prefix: &[String]) {
        let add = |name: String| [prefix, &[name]].concat();
        match tree {
            UseTree::Path(path) => self.expand(public, &path.tree, &add(path.ident.to_string())),
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.expand(public, tree, prefix);
                }
            }
            UseTree::Name(name) if name.ident == "self" => {
                let name = prefix.last().cloned().unwrap_or_default();
                self.uses.push((public, prefix.to_vec(), name));
            }
            UseTree::Name(name) => {
                self.uses.push((public, add(name.ident.to_string()), name.ident.to_string()));
            }
            UseTree::Rename(name) => {
                self.uses.push((public, add(name.ident.to_string()), name.rename.to_string()));
            }
            UseTree::Glob(_) => self.uses.push((public, prefix.to_vec(), "*".to_owned())),
        }
    }

    fn name(&mut self, path: Vec<String>) {
        let supers = path.iter().take_while(|name| *name == "super").count();
        match (supers, self.depth) {
            (0, _) | (_, 0) => self.paths.push(path),
            // Of an inline module, `super` is this file.
            (supers, depth) if supers > depth => self.paths.push(path[depth..].to_vec()),
            _ => {}
        }
    }
}

impl<'ast> Visit<'ast> for Names {
    fn visit_item(&mut self, item: &'ast Item) {
        let ident = match item {
            Item::Const(item) => Some(&item.ident),
            Item::Enum(item) => Some(&item.ident),
            Item::Fn(item) => Some(&item.sig.ident),
            Item::Macro(item) => item.ident.as_ref(),
            Item::Static(item) => Some(&item.ident),
            Item::Struct(item) => Some(&item.ident),
            Item::Trait(item) => Some(&item.ident),
            Item::Type(item) => Some(&item.ident),
            _ => None,
        };
        self.items.extend(ident.map(ToString::to_string));
        visit::visit_item(self, item);
    }

    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        let is_test = |attribute: &Attribute| {
            attribute.path().is_ident("cfg")
                && attribute.meta.require_list().is_ok_and(|list| list.tokens.to_string().contains("test"))
        };
        if item.content.is_some() && !item.attrs.iter().any(is_test) {
            self.depth += 1;
            visit::visit_item_mod(self, item);
            self.depth -= 1;
        }
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        self.expand(!matches!(item.vis, Visibility::Inherited), &item.tree, &[]);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.segments.len() > 1 {
            self.name(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, item: &'ast Macro) {
        self.visit_path(&item.path);
        let text = item.tokens.to_string().replace(" :: ", "::").replace(":: ", "::");
        for word in text.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')) {
            let path: Vec<String> = word.split("::").map(ToOwned::to_owned).collect();
            if path.len() > 1 && path.iter().all(|name| !name.is_empty() && !name.contains(':')) {
                self.name(path);
            }
        }
    }
}
