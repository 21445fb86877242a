//! What a rule found.

use std::fmt;

/// One violation of one rule, by one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The object as the catalogue or the file system names it: `contacts.email`, `gate/exceptions.yaml`.
    pub object: String,
    /// The line of a file to fix, if there is one.
    pub place: Option<Place>,
    /// What is wrong with it.
    pub problem: String,
    /// The fix; `None`: the rule's.
    pub fix: Option<String>,
}

/// A line of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Relative to the workspace.
    pub file: String,
    /// From 1.
    pub line: usize,
}

impl Finding {
    /// An object of the database, or a file as a whole.
    pub fn of(object: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { object: object.into(), place: None, problem: problem.into(), fix: None }
    }

    /// A line of a file; the file is the object, unless [`Finding::about`] names another.
    pub fn at(file: impl Into<String>, line: usize, problem: impl Into<String>) -> Self {
        let file = file.into();
        let place = Some(Place { file: file.clone(), line });
        Self { object: file, place, problem: problem.into(), fix: None }
    }

    /// The same about another object.
    #[must_use]
    pub fn about(mut self, object: impl Into<String>) -> Self {
        self.object = object.into();
        self
    }

    /// The same, with a fix of its own.
    #[must_use]
    pub fn fixed_by(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Some(Place { file, line }) => write!(f, "{file}:{line}: {}", self.problem),
            None => write!(f, "{}: {}", self.object, self.problem),
        }
    }
}
