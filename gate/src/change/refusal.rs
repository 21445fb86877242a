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
    // Sections of `docs/migrations.md`.
    AddColumn,
    ChangeType,
    DropColumn,
    EnumValue,
    ForeignKey,
    NotNull,
    Rename,
    /// The entity has to change.
    Entity,
    /// SQL, once no running release needs the old form.
    Statement(String),
}

impl Remedy {
    /// The heading of the section; `None`: it is no recipe.
    fn section(&self) -> Option<&'static str> {
        Some(match self {
            Self::AddColumn => "Add a column with a default",
            Self::ChangeType => "Change a column's type",
            Self::DropColumn => "Drop a column",
            Self::EnumValue => "Add an enum value",
            Self::ForeignKey => "Add a foreign key",
            Self::NotNull => "Set NOT NULL",
            Self::Rename => "Rename a column",
            Self::Entity | Self::Statement(_) => return None,
        })
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { object, problem, remedy } = self;
        write!(f, "{object}: {problem}; ")?;
        match (remedy, remedy.section()) {
            (Remedy::Statement(sql), _) => write!(f, "once no running release needs the old form: {sql}"),
            (_, Some(section)) => write!(f, "docs/migrations.md, \"{section}\""),
            (_, None) => f.write_str("correct the entity, and generate the migration again"),
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
            Remedy::AddColumn,
            Remedy::ChangeType,
            Remedy::DropColumn,
            Remedy::EnumValue,
            Remedy::ForeignKey,
            Remedy::NotNull,
            Remedy::Rename,
        ] {
            let heading = recipe.section().unwrap();
            assert!(text.contains(&format!("\n## {heading}\n")), "{recipe:?}");
        }
    }
}
