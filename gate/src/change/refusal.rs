//! What a generated migration does not do, with the reason and the remedy.

use std::fmt;

/// A difference that is left to a person.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    /// As the catalogue names it: `column contacts.email`.
    pub(crate) object: String,
    /// What differs, and what the change would do.
    pub(crate) problem: String,
    pub(crate) remedy: Remedy,
}

/// What a person does about a refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Remedy {
    /// The section of `docs/migrations.md` with this heading.
    Recipe(&'static str),
    /// The entity has to change.
    Entity,
    /// SQL, once no running release needs the old form.
    Statement(String),
}

impl Remedy {
    pub(super) const ADD_COLUMN: Self = Self::Recipe("Add a column with a default");
    pub(super) const CHANGE_TYPE: Self = Self::Recipe("Change a column's type");
    pub(super) const DROP_COLUMN: Self = Self::Recipe("Drop a column");
    pub(super) const ENUM_VALUE: Self = Self::Recipe("Add an enum value");
    pub(super) const FOREIGN_KEY: Self = Self::Recipe("Add a foreign key");
    pub(super) const NOT_NULL: Self = Self::Recipe("Set NOT NULL");
    pub(super) const RENAME: Self = Self::Recipe("Rename a column");
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { object, problem, remedy } = self;
        write!(f, "{object}: {problem}; ")?;
        match remedy {
            Remedy::Recipe(heading) => write!(f, "docs/migrations.md, \"{heading}\""),
            Remedy::Entity => f.write_str("correct the entity, and generate the migration again"),
            Remedy::Statement(sql) => write!(f, "once no running release needs the old form: {sql}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Remedy;
    use crate::Workspace;

    #[test]
    fn each_recipe_is_a_section_of_the_document() {
        let text = Workspace::at(None).read("docs/migrations.md").unwrap();
        for recipe in [
            Remedy::ADD_COLUMN,
            Remedy::CHANGE_TYPE,
            Remedy::DROP_COLUMN,
            Remedy::ENUM_VALUE,
            Remedy::FOREIGN_KEY,
            Remedy::NOT_NULL,
            Remedy::RENAME,
        ] {
            let Remedy::Recipe(heading) = recipe else { panic!("{recipe:?}") };
            assert!(text.contains(&format!("\n## {heading}\n")), "{heading}");
        }
    }
}
